use crate::byte_reader::ByteReader;
use crate::replay::ReplayWindow;
use crate::stats::DropReason;

/// Packet ids of 32 bits, both directions: the next one to seal with, and those that have come. They never wrap. [wire 12.4]
pub(crate) struct PacketIds {
    /// Beyond `LAST` nothing is sealed any more.
    next: u64,
    pub received: ReplayWindow,
}

const LAST: u64 = u32::MAX as u64;
/// From here on a renegotiation is asked for. [wire 12.1]
const SOFT_LIMIT: u64 = 0xff00_0000;

/// Distance that the process which takes over keeps: the one before it has stopped sealing, and this is for what it might
/// have sealed all the same.
pub(crate) const ID_JUMP: u64 = 1 << 20;

impl PacketIds {
    pub fn new() -> PacketIds {
        PacketIds {
            next: 1,
            received: ReplayWindow::new(),
        }
    }

    pub fn check_left(&self) -> Result<(), DropReason> {
        if self.next > LAST {
            return Err(DropReason::ExhaustedKey);
        }
        Ok(())
    }

    /// INVARIANT: `check_left` has said yes.
    pub fn take(&mut self) -> u32 {
        let id = self.next as u32;
        self.next += 1;
        id
    }

    pub fn are_nearly_used_up(&self) -> bool {
        self.next > SOFT_LIMIT
    }

    /// Leaves the next `count` ids out; without that many there is none left.
    pub fn skip(&mut self, count: u64) {
        self.next = (self.next + count).min(LAST + 1);
    }

    /// `skip` for a process that takes over: `ID_JUMP`, or half of what is left.
    pub fn jump(&mut self) {
        self.skip(ID_JUMP.min((LAST + 1 - self.next) / 2));
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.next.to_le_bytes());
        self.received.encode(out);
    }

    pub fn decode(reader: &mut ByteReader) -> Option<PacketIds> {
        Some(PacketIds {
            next: reader.u64().filter(|id| (1..=LAST + 1).contains(id))?,
            received: ReplayWindow::decode(reader)?,
        })
    }
}

#[cfg(test)]
impl PacketIds {
    /// As after this many sealed packets.
    pub fn age_to(&mut self, next: u64) {
        self.next = next;
    }
}

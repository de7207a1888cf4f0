use std::ops::Range;

use crate::Millis;
use crate::aead::AeadKey;
use crate::byte_reader::ByteReader;
use crate::command::{Cipher, InstallKey};
use crate::packet_ids::PacketIds;
use crate::replay::{ReplayTolerance, ReplayWindow};
use crate::stats::DropReason;
use crate::wire::{AEAD_LEAD, PACKET_ID_LEN, be32};

/// Packets of the format AEAD v1 under one key, both directions, with their ids and the key's wear. [wire 12.1]
pub(crate) struct AeadPackets {
    seal: AeadKey,
    open: AeadKey,
    ids: PacketIds,
    /// Blocks of 16 bytes plus packets, per direction; stays 0 for a cipher without a usage limit.
    sealed_usage: u64,
    opened_usage: u64,
    counts_usage: bool,
    failures: u64,
}

const USAGE_LIMIT: u64 = (1 << 36) - 1;
const SOFT_FAILURES: u64 = 1 << 35;
const HARD_FAILURES: u64 = 1 << 36;

impl AeadPackets {
    /// `None` when a key is all zero.
    pub fn new(cipher: Cipher, command: &InstallKey) -> Option<AeadPackets> {
        Some(AeadPackets {
            seal: AeadKey::new(cipher, &command.seal)?,
            open: AeadKey::new(cipher, &command.open)?,
            ids: PacketIds::new(),
            sealed_usage: 0,
            opened_usage: 0,
            counts_usage: cipher.has_usage_limit(),
            failures: 0,
        })
    }

    /// With another window than the usual one. Before the first packet.
    pub fn tolerate(&mut self, tolerance: ReplayTolerance) {
        self.ids.received = ReplayWindow::with(tolerance);
    }

    pub fn advance(&mut self, now: Millis) {
        self.ids.received.advance(now);
    }

    pub fn windows_len(&self) -> usize {
        self.ids.received.encoded_len()
    }

    pub fn can_seal(&self) -> Result<(), DropReason> {
        self.ids.check_left()
    }

    pub fn room_for(payload_len: usize) -> (usize, usize) {
        (AEAD_LEAD, AEAD_LEAD + payload_len)
    }

    pub fn seal(&mut self, header_len: usize, payload_len: usize, packet: &mut [u8]) -> bool {
        let id = self.ids.take().to_be_bytes();
        packet[header_len..header_len + PACKET_ID_LEN].copy_from_slice(&id);
        if self.counts_usage {
            self.sealed_usage += usage(payload_len);
        }
        self.seal.seal(header_len, packet)
    }

    /// The packet id is readable before opening, so a replayed packet costs no cipher.
    pub fn open(
        &mut self,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<Range<usize>, DropReason> {
        if packet.len() <= header_len + AEAD_LEAD {
            return Err(DropReason::Truncated);
        }
        if self.failures >= HARD_FAILURES {
            return Err(DropReason::WornOutKey);
        }
        let id = u64::from(be32(packet, header_len));
        self.ids.received.check(id)?;
        if !self.open.open(header_len, packet) {
            self.failures += 1;
            return Err(DropReason::Unauthentic);
        }
        self.ids.received.mark(id);
        let payload = header_len + AEAD_LEAD..packet.len();
        if self.counts_usage {
            self.opened_usage += usage(payload.len());
        }
        Ok(payload)
    }

    /// [wire 12.1]
    pub fn limit_is_reached(&self) -> bool {
        self.ids.are_nearly_used_up()
            || self.sealed_usage > USAGE_LIMIT
            || self.opened_usage > USAGE_LIMIT
            || self.failures >= SOFT_FAILURES
    }

    pub fn skip_ids(&mut self, count: u64) {
        self.ids.skip(count);
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.sealed_usage, self.opened_usage, self.failures] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        self.ids.encode(out);
    }

    /// What `encode` has written, in the process that takes over.
    pub fn take_over(&mut self, reader: &mut ByteReader) -> Option<()> {
        self.sealed_usage = reader.u64()?;
        self.opened_usage = reader.u64()?;
        self.failures = reader.u64()?;
        self.ids = PacketIds::decode(reader)?;
        self.ids.jump();
        Some(())
    }
}

/// Blocks plus one for the packet.
fn usage(payload_len: usize) -> u64 {
    payload_len.div_ceil(16) as u64 + 1
}

#[cfg(test)]
impl AeadPackets {
    pub fn age_to(&mut self, next_id: u64) {
        self.ids.age_to(next_id);
    }

    pub fn use_up(&mut self, usage: u64) {
        self.opened_usage = usage;
    }

    pub fn fail(&mut self, failures: u64) {
        self.failures = failures;
    }
}

use super::fragment::Part;
use crate::Millis;
use crate::stats::{DropReason, ShardStats};

/// The packets of a peer of which fragments have come. [wire 13]
pub(super) struct Reassembly {
    /// In no order; memory is got when a packet comes in fragments, and kept.
    packets: Vec<Packet>,
    /// Longest packet.
    room: usize,
}

/// A client sends its packets one after the other, so that few are ever incomplete at a time.
const MAX_PACKETS: usize = 25;
const LIFETIME: Millis = 10_000;

struct Packet {
    sequence: u8,
    /// A bit for each fragment that is there; 0 = the place is free.
    have: u32,
    begun: Millis,
    /// Length of each fragment but the last; 0 = not known yet.
    size: usize,
    /// Number of the last fragment and length of the packet, once that one is there.
    end: Option<(u8, usize)>,
    bytes: Box<[u8]>,
}

impl Reassembly {
    pub fn new(room: usize) -> Reassembly {
        Reassembly {
            packets: Vec::new(),
            room,
        }
    }

    /// Takes a fragment; the packet when it is complete.
    pub fn add(
        &mut self,
        now: Millis,
        part: &Part,
        bytes: &[u8],
        stats: &ShardStats,
    ) -> Result<Option<&mut [u8]>, DropReason> {
        let index = self.place(now, part, bytes, stats);
        let packet = &mut self.packets[index];
        packet
            .take(part, bytes)
            .inspect_err(|_| packet.have = 0)
            .map(|complete| complete.map(|len| &mut packet.bytes[..len]))
    }

    /// The packet that the fragment belongs to, or a place for a new one: a free one, or that of the oldest.
    fn place(&mut self, now: Millis, part: &Part, bytes: &[u8], stats: &ShardStats) -> usize {
        let same = |packet: &Packet| packet.have != 0 && packet.sequence == part.sequence;
        if let Some(index) = self.packets.iter().position(same) {
            let packet = &self.packets[index];
            if now < packet.begun + LIFETIME && packet.agrees(part, bytes) {
                return index;
            }
            return self.begin(index, now, part, stats);
        }
        let oldest = |packet: &Packet| (packet.have != 0).then_some(packet.begun);
        let candidate = (0..self.packets.len()).min_by_key(|at| oldest(&self.packets[*at]));
        match candidate
            .filter(|at| self.packets[*at].have == 0 || self.packets.len() == MAX_PACKETS)
        {
            Some(index) => self.begin(index, now, part, stats),
            None => {
                self.packets.push(Packet::new(self.room));
                self.begin(self.packets.len() - 1, now, part, stats)
            }
        }
    }

    fn begin(&mut self, index: usize, now: Millis, part: &Part, stats: &ShardStats) -> usize {
        let packet = &mut self.packets[index];
        if packet.have != 0 {
            stats.drop_packet(DropReason::LostFragment);
        }
        packet.sequence = part.sequence;
        packet.have = 0;
        packet.begun = now;
        packet.size = 0;
        packet.end = None;
        index
    }
}

impl Packet {
    fn new(room: usize) -> Packet {
        Packet {
            sequence: 0,
            have: 0,
            begun: 0,
            size: 0,
            end: None,
            bytes: vec![0; room].into(),
        }
    }

    /// False for a fragment of a later packet under the same number: there are only 256 of those.
    fn agrees(&self, part: &Part, bytes: &[u8]) -> bool {
        let size = part.last.unwrap_or(bytes.len());
        let behind_end = self
            .end
            .is_some_and(|(last, _)| part.last.is_some() || part.number > last);
        self.have >> part.number & 1 == 0 && (self.size == 0 || self.size == size) && !behind_end
    }

    /// Length of the packet if this fragment completes it.
    fn take(&mut self, part: &Part, bytes: &[u8]) -> Result<Option<usize>, DropReason> {
        let size = part.last.unwrap_or(bytes.len());
        let fits = !bytes.is_empty() && bytes.len() <= size && size.is_multiple_of(4);
        let start = usize::from(part.number) * size;
        let end = start + bytes.len();
        if !fits || end > self.bytes.len() {
            return Err(DropReason::BadFragment);
        }
        self.bytes[start..end].copy_from_slice(bytes);
        self.size = size;
        self.have |= 1 << part.number;
        if part.last.is_some() {
            self.end = Some((part.number, end));
        }
        let Some((last, len)) = self.end else {
            return Ok(None);
        };
        if self.have != u32::MAX >> (31 - last) {
            return Ok(None);
        }
        self.have = 0;
        Ok(Some(len))
    }
}

use std::collections::HashSet;

use datapath::byte_reader::ByteReader;
use datapath::epoch::{EpochLimits, EpochPackets, PAYLOAD_AT};
use datapath::{Cipher, DropReason};

use crate::bytes::Bytes;

const HEADER: [u8; 4] = [9 << 3, 0, 0, 7];
const FUTURE_KEYS: u16 = 16;
/// Ids that every window holds at least.
const WINDOW: u64 = 1900;
const MOST_UNDERWAY: usize = 64;

/// Two ends of the epoch format and what lies between them: packets that come late, twice, damaged or never, made up ones,
/// and processes that take over. Nothing is taken twice, nothing but what was sealed, and whatever is near enough is taken.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let form = bytes.u8();
    let cipher = Cipher::ALL[usize::from(form & 3)];
    let limits = EpochLimits {
        usage: if form & 4 == 0 { 12 } else { 1 << 36 },
        last_counter: if form & 8 == 0 { 9 } else { (1 << 48) - 1 },
        soft_failures: 3,
        hard_failures: 8,
        renegotiate_at: 30,
        last_epoch: if form & 16 == 0 { 60 } else { u16::MAX },
    };
    let mut ends = [End::new(cipher, limits, 1), End::new(cipher, limits, 2)];
    let mut underway: Vec<Sealed> = Vec::new();
    while !bytes.is_empty() {
        let (order, pick) = (bytes.u8(), usize::from(bytes.u8()));
        let from = usize::from(order >> 7);
        match order & 7 {
            0 | 1 => {
                underway.extend(ends[from].seal(from, bytes.sized()));
                if underway.len() > MOST_UNDERWAY {
                    underway.remove(0);
                }
            }
            2..=4 => {
                if !underway.is_empty() {
                    let sealed = &underway[pick % underway.len()];
                    ends[1 - sealed.from].open(sealed);
                }
            }
            5 => {
                if !underway.is_empty() {
                    let mut damaged = underway[pick % underway.len()].clone();
                    let at = usize::from(bytes.u16()) % damaged.packet.len();
                    damaged.packet[at] ^= bytes.u8().max(1);
                    ends[1 - damaged.from].refuse(&mut damaged.packet);
                }
            }
            6 => {
                let mut packet = [&HEADER[..], bytes.sized()].concat();
                ends[from].refuse(&mut packet);
            }
            _ => ends[from].hand_over(),
        }
    }
}

#[derive(Clone)]
struct Sealed {
    from: usize,
    packet: Vec<u8>,
    payload: Vec<u8>,
}

impl Sealed {
    fn epoch(&self) -> u16 {
        u16::from_be_bytes([self.packet[4], self.packet[5]])
    }

    fn counter(&self) -> u64 {
        self.packet[6..12]
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

/// One end, and what is known about it from outside.
struct End {
    packets: EpochPackets,
    fresh: Box<dyn Fn() -> EpochPackets>,
    sealed: HashSet<(u16, u64)>,
    opened: HashSet<(u16, u64)>,
    /// In use for opening, and its highest counter.
    epoch: u16,
    highest: u64,
    failures: u64,
    hard_failures: u64,
}

impl End {
    fn new(cipher: Cipher, limits: EpochLimits, seal: u8) -> End {
        let fresh = move || {
            EpochPackets::new(cipher, &[seal; 32], &[3 - seal; 32], limits).expect("good secrets")
        };
        End {
            packets: fresh(),
            fresh: Box::new(fresh),
            sealed: HashSet::new(),
            opened: HashSet::new(),
            epoch: 1,
            highest: 0,
            failures: 0,
            hard_failures: limits.hard_failures,
        }
    }

    fn seal(&mut self, from: usize, payload: &[u8]) -> Option<Sealed> {
        // The payload of a packet is never empty.
        let payload = if payload.is_empty() { &[0] } else { payload };
        self.packets.can_seal().ok()?;
        let (lead, len) = EpochPackets::room_for(payload.len());
        assert_eq!(HEADER.len() + lead, PAYLOAD_AT);
        let mut packet = [&HEADER[..], &vec![0; len]].concat();
        packet[PAYLOAD_AT..PAYLOAD_AT + payload.len()].copy_from_slice(payload);
        assert!(self.packets.seal(HEADER.len(), payload.len(), &mut packet));
        let sealed = Sealed {
            from,
            packet,
            payload: payload.to_vec(),
        };
        assert!(
            self.sealed.insert((sealed.epoch(), sealed.counter())),
            "an id was used twice"
        );
        Some(sealed)
    }

    fn open(&mut self, sealed: &Sealed) {
        let id = (sealed.epoch(), sealed.counter());
        let mut packet = sealed.packet.clone();
        match self.packets.open(HEADER.len(), &mut packet) {
            Ok(range) => {
                assert_eq!(packet[range], sealed.payload);
                assert!(self.opened.insert(id), "a packet was taken twice");
                if id.0 > self.epoch {
                    (self.epoch, self.highest, self.failures) = (id.0, 0, 0);
                }
                if id.0 == self.epoch {
                    self.highest = self.highest.max(id.1);
                }
            }
            Err(why) => {
                let ahead = id.0.checked_sub(self.epoch);
                let is_near = match ahead {
                    Some(0) => id.1 + WINDOW > self.highest,
                    Some(ahead) => ahead <= FUTURE_KEYS,
                    None => false,
                };
                let is_refused = self.failures >= self.hard_failures;
                let is_known = self.opened.contains(&id);
                assert!(
                    is_refused || is_known || !is_near,
                    "{id:?} at {}: {why:?}",
                    self.epoch
                );
            }
        }
    }

    fn refuse(&mut self, packet: &mut [u8]) {
        match self.packets.open(HEADER.len(), packet) {
            Ok(_) => panic!("a packet was taken that nobody has sealed"),
            Err(DropReason::Unauthentic) => self.failures += 1,
            Err(_) => {}
        }
    }

    fn hand_over(&mut self) {
        let mut bytes = Vec::new();
        self.packets.encode(&mut bytes);
        let mut next = (self.fresh)();
        let mut reader = ByteReader::new(&bytes);
        assert!(next.take_over(&mut reader).is_some() && reader.is_empty());
        self.packets = next;
    }
}

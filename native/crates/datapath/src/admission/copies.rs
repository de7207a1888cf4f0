use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::Millis;
use crate::peer_addr::PeerAddr;

/// Knows packets again that come once more from somewhere else, as captured ones do in a flood. It is told of genuine ones only,
/// so that nobody without the key fills its table, which never grows. A client that sends its packet again does so from where it was.
pub(super) struct Copies {
    hash: RandomState,
    seen: Box<[Seen]>,
}

const SLOTS: usize = 1 << 14;

/// Whoever hears a packet on its way could be faster with a copy than the client, but not by that much.
const COPY_AFTER: Millis = 1000;
/// For so long after the first one; then it is opened once more.
const COPY_WITHIN: Millis = 60_000;

/// Any wrapping has all of its HMAC, or most of it, within these. [wire 4, 5]
const TELLING_LEN: usize = 64;

/// Fingerprints of a packet and of where it came from; 0: none.
#[derive(Clone, Copy, Default)]
struct Seen {
    packet: u64,
    from: u32,
    at: u32,
}

/// A packet in the table, or the place for it.
#[derive(Clone, Copy)]
pub(super) struct Print(u64);

impl Copies {
    pub fn new() -> Copies {
        Copies {
            hash: RandomState::default(),
            seen: vec![Seen::default(); SLOTS].into(),
        }
    }

    pub fn print(&self, packet: &[u8]) -> Print {
        let telling = &packet[..packet.len().min(TELLING_LEN)];
        Print(self.hash.hash_one(telling).max(1))
    }

    pub fn has(&self, now: Millis, print: Print, from: &PeerAddr) -> bool {
        let seen = &self.seen[slot(print)];
        seen.packet == print.0
            && (COPY_AFTER..COPY_WITHIN).contains(&seen.age(now))
            && seen.from != self.hash.hash_one(from) as u32
    }

    /// The packet is genuine. The first one counts.
    pub fn note(&mut self, now: Millis, print: Print, from: &PeerAddr) {
        let seen = &mut self.seen[slot(print)];
        if seen.packet != print.0 || seen.age(now) >= COPY_WITHIN {
            *seen = Seen {
                packet: print.0,
                from: self.hash.hash_one(from) as u32,
                at: now as u32,
            };
        }
    }
}

impl Seen {
    fn age(&self, now: Millis) -> Millis {
        Millis::from((now as u32).wrapping_sub(self.at))
    }
}

fn slot(print: Print) -> usize {
    print.0 as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_sink::path;

    #[test]
    fn a_copy_is_known_by_its_bytes_its_time_and_its_place() {
        let mut copies = Copies::new();
        let (packet, other) = (copies.print(&[7; 90]), copies.print(&[8; 90]));
        assert!(!copies.has(0, packet, &path(2)));
        copies.note(5000, packet, &path(1));
        assert!(!copies.has(5999, packet, &path(2)), "on its way as well");
        assert!(copies.has(6000, packet, &path(2)));
        assert!(!copies.has(6000, packet, &path(1)), "a resend");
        assert!(!copies.has(6000, other, &path(2)));
        copies.note(30_000, packet, &path(3));
        assert!(copies.has(64_999, packet, &path(3)), "the first one counts");
        assert!(!copies.has(65_000, packet, &path(2)));
        copies.note(65_000, packet, &path(3));
        assert!(copies.has(66_000, packet, &path(1)));
    }

    #[test]
    fn what_lies_behind_the_hmac_makes_no_other_packet() {
        let copies = Copies::new();
        let mut long = vec![1; 200];
        let print = copies.print(&long).0;
        long[100] = 2;
        assert_eq!(copies.print(&long).0, print);
        long[63] = 2;
        assert_ne!(copies.print(&long).0, print);
        assert_ne!(copies.print(&[]).0, copies.print(&[0]).0);
    }
}

use crate::clock::Nanos;

/// What became of every packet of one flow. Grows by a few bytes with each of them, for modest rates.
#[derive(Default)]
pub struct Account {
    /// Index = number of the packet - 1.
    packets: Vec<Packet>,
    /// The highest number that has arrived.
    highest: u64,
    pub received: u64,
    /// Came after a later one.
    pub reordered: u64,
    pub duplicated: u64,
    /// Had no key, no peer or no room, and so never left.
    pub unsent: u64,
}

struct Packet {
    sent: Nanos,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    UnderWay,
    Unsent,
    Arrived,
}

/// Packets in a row that never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Number of the first one.
    pub first: u64,
    pub packets: u64,
    /// When the first and the last were sent.
    pub from: Nanos,
    pub to: Nanos,
}

impl Account {
    pub fn sent(&self) -> u64 {
        self.packets.len() as u64 - self.unsent
    }

    /// The next number has left, or could not.
    pub fn note_sent(&mut self, now: Nanos, left: bool) {
        let fate = if left { Fate::UnderWay } else { Fate::Unsent };
        self.unsent += u64::from(!left);
        self.packets.push(Packet { sent: now, fate });
    }

    /// False: no such packet was sent.
    pub fn note_arrival(&mut self, number: u64) -> bool {
        let index = (number as usize).wrapping_sub(1);
        let Some(packet) = self.packets.get_mut(index) else {
            return false;
        };
        match packet.fate {
            Fate::Unsent => return false,
            Fate::Arrived => {
                self.duplicated += 1;
                return true;
            }
            Fate::UnderWay => packet.fate = Fate::Arrived,
        }
        self.received += 1;
        self.reordered += u64::from(number < self.highest);
        self.highest = self.highest.max(number);
        true
    }

    /// In the order of sending.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut open = false;
        for (index, packet) in self.packets.iter().enumerate() {
            let lost = packet.fate == Fate::UnderWay;
            match gaps.last_mut().filter(|_| open && lost) {
                Some(gap) => {
                    gap.packets += 1;
                    gap.to = packet.sent;
                }
                None if lost => gaps.push(Gap {
                    first: index as u64 + 1,
                    packets: 1,
                    from: packet.sent,
                    to: packet.sent,
                }),
                None => {}
            }
            open = lost;
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_packet_is_in_a_gap_with_its_time() {
        let mut account = Account::default();
        (1..=9).for_each(|n| account.note_sent(10 * n, n != 5));
        for number in [1, 3, 2, 7, 7, 8] {
            assert!(account.note_arrival(number));
        }
        assert!(!account.note_arrival(0) && !account.note_arrival(5) && !account.note_arrival(10));
        let gap = |first, packets, from, to| Gap {
            first,
            packets,
            from,
            to,
        };
        assert_eq!(
            account.gaps(),
            [gap(4, 1, 40, 40), gap(6, 1, 60, 60), gap(9, 1, 90, 90)]
        );
        assert_eq!((account.sent(), account.unsent), (8, 1));
        let counts = (account.received, account.reordered, account.duplicated);
        assert_eq!(counts, (5, 1, 1));
    }

    #[test]
    fn neighbours_are_one_gap() {
        let mut account = Account::default();
        (1..=5).for_each(|n| account.note_sent(n, true));
        account.note_arrival(1);
        account.note_arrival(5);
        assert_eq!(
            account.gaps(),
            [Gap {
                first: 2,
                packets: 3,
                from: 2,
                to: 4
            }]
        );
    }
}

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use datapath::{DataPath, Millis, OutboundSink, PeerId};

use crate::account::Account;
use crate::clock::{MILLISECOND, Nanos};
use crate::flow::Flow;
use crate::packet::{self, Arrival, HEADERS, Route};
use crate::traffic::send_to_peer;

/// Paced flows that come and go one by one while the others run, each with an account of every packet.
/// Both ends of a flow are on the thread that the ledger belongs to.
#[derive(Default)]
pub struct Ledger {
    entries: BTreeMap<u32, Entry>,
    /// When the next packet of which flow is due.
    due: BinaryHeap<Reverse<(Nanos, u32)>>,
    opened: u32,
    packet: Vec<u8>,
    moves: Vec<(u32, Nanos)>,
    pub strays: Strays,
}

/// What arrived and is in no account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// Changed on the way, or delivered to the wrong client.
    pub corrupted: u64,
    /// Of a flow that had been closed.
    pub late: u64,
    /// Not of any flow: ICMP, multicast.
    pub foreign: u64,
}

/// A flow that is to be opened.
pub struct FlowPlan {
    pub peer: PeerId,
    pub route: Route,
    /// Packets come back to the client that has sent them.
    pub echo: bool,
    pub interval: Nanos,
    /// UDP payload.
    pub payload: usize,
}

struct Entry {
    flow: Flow,
    plan: FlowPlan,
    account: Account,
    sending: bool,
}

/// Flows below this number are those of `Traffic`.
const FIRST: u32 = 1 << 31;
/// Packets of a turn, so that receiving gets its share.
const BUDGET: usize = 256;
/// What a flow owes beyond this is dropped instead of sent in one burst.
const LONGEST_DEBT: Nanos = 100 * MILLISECOND;

impl Ledger {
    /// The number of the flow, which starts to send at once.
    pub fn open(&mut self, now: Nanos, plan: FlowPlan) -> u32 {
        let number = FIRST + self.opened;
        self.opened += 1;
        let entry = Entry {
            flow: Flow::new(number, plan.peer, plan.route),
            plan,
            account: Account::default(),
            sending: true,
        };
        self.entries.insert(number, entry);
        self.due.push(Reverse((now, number)));
        number
    }

    /// Sends nothing more; what is under way still counts.
    pub fn stop(&mut self, flow: u32) {
        if let Some(entry) = self.entries.get_mut(&flow) {
            entry.sending = false;
        }
    }

    /// What arrives from now on is late.
    pub fn close(&mut self, flow: u32) -> Option<Account> {
        self.entries.remove(&flow).map(|entry| entry.account)
    }

    pub fn note_move(&mut self, client: u32, now: Nanos) {
        self.moves.push((client, now));
    }

    /// Clients whose sockets have been replaced since the last call, and when.
    pub fn take_moves(&mut self) -> Vec<(u32, Nanos)> {
        std::mem::take(&mut self.moves)
    }

    /// Sends what is due, a bounded part of it. True: more is due at once.
    pub fn send(
        &mut self,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) -> bool {
        for _ in 0..BUDGET {
            let Some(Reverse((at, number))) =
                self.due.peek().copied().filter(|next| next.0.0 <= now)
            else {
                return false;
            };
            self.due.pop();
            let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.sending) else {
                continue;
            };
            let next = at.max(now.saturating_sub(LONGEST_DEBT)) + entry.plan.interval;
            self.due.push(Reverse((next, number)));
            let stamp = entry.flow.next(now);
            self.packet.resize(HEADERS + entry.plan.payload, 0);
            packet::encode(&mut self.packet, &entry.plan.route, &stamp);
            let left = send_to_peer(entry.plan.peer, &mut self.packet, ms, data_path, sink);
            entry.account.note_sent(now, left);
        }
        true
    }

    /// When `send` has something to do.
    pub fn next_due(&self) -> Option<Nanos> {
        self.due.peek().map(|next| next.0.0)
    }

    /// Judges an inner packet that a client has received. False: it is none of ours.
    pub fn accept(&mut self, packet: &[u8]) -> bool {
        if self.opened == 0 {
            return false;
        }
        match packet::decode(packet) {
            Arrival::Stamped { stamp, .. } if stamp.flow < FIRST => return false,
            Arrival::Stamped { stamp, destination } => match self.entries.get_mut(&stamp.flow) {
                Some(entry) if entry.plan.receiver() == destination => {
                    let sent = entry.account.note_arrival(stamp.number);
                    self.strays.corrupted += u64::from(!sent);
                }
                Some(_) => self.strays.corrupted += 1,
                None => self.strays.late += 1,
            },
            Arrival::Corrupt => self.strays.corrupted += 1,
            Arrival::Foreign => self.strays.foreign += 1,
        }
        true
    }
}

impl FlowPlan {
    fn receiver(&self) -> std::net::Ipv4Addr {
        if self.echo {
            self.route.source
        } else {
            self.route.destination
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::packet::{CLIENT_PORT, Stamp};

    const OURS: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 2);
    const FAR: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);

    fn plan() -> FlowPlan {
        FlowPlan {
            peer: PeerId(1),
            route: Route {
                source: OURS,
                destination: FAR,
                port: 9000,
            },
            echo: true,
            interval: 10 * MILLISECOND,
            payload: 64,
        }
    }

    fn answer(flow: u32, number: u64, destination: Ipv4Addr) -> Vec<u8> {
        let route = Route {
            source: FAR,
            destination,
            port: CLIENT_PORT,
        };
        let stamp = Stamp {
            flow,
            number,
            sent: 5,
        };
        let mut packet = vec![0; HEADERS + 64];
        packet::encode(&mut packet, &route, &stamp);
        packet
    }

    #[test]
    fn every_arrival_is_of_one_account_or_a_stray() {
        let mut ledger = Ledger::default();
        assert!(!ledger.accept(&answer(FIRST, 1, OURS)));
        let flow = ledger.open(0, plan());
        let entry = ledger.entries.get_mut(&flow).expect("open");
        (0..3).for_each(|_| entry.account.note_sent(1, true));
        assert!(!ledger.accept(&answer(0, 1, OURS)), "of the traffic");
        assert!(ledger.accept(&answer(flow, 1, OURS)));
        assert!(ledger.accept(&answer(flow, 2, FAR)), "for another client");
        assert!(ledger.accept(&answer(flow, 9, OURS)), "never sent");
        assert!(ledger.accept(b"something else"));
        let account = ledger.close(flow).expect("open until now");
        assert_eq!((account.sent(), account.received), (3, 1));
        assert!(ledger.accept(&answer(flow, 3, OURS)));
        assert_eq!(
            ledger.strays,
            Strays {
                corrupted: 2,
                late: 1,
                foreign: 1
            }
        );
    }
}

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use datapath::DropReason;
use datapath::PeerId;
use datapath::replay::ReplayWindow;

use crate::clock::{MILLISECOND, Nanos};
use crate::packet::{Route, Stamp};

/// The packets of one client. Its sender owns this; its receiver may be another thread.
pub struct Flow {
    pub number: u32,
    pub peer: PeerId,
    pub route: Route,
    sent: u64,
    /// Packets given up, so that a loss does not close the window for good.
    given_up: u64,
    progress: u64,
    progress_at: Nanos,
}

/// A full window without a single arrival for so long is a loss.
const PATIENCE: Nanos = 200 * MILLISECOND;

impl Flow {
    pub fn new(number: u32, peer: PeerId, route: Route) -> Flow {
        Flow {
            number,
            peer,
            route,
            sent: 0,
            given_up: 0,
            progress: 0,
            progress_at: 0,
        }
    }

    pub fn next(&mut self, now: Nanos) -> Stamp {
        self.sent += 1;
        Stamp {
            flow: self.number,
            number: self.sent,
            sent: now,
        }
    }

    /// How many packets may follow with at most `window` under way.
    pub fn credit(&mut self, now: Nanos, window: u64, board: &Board) -> u64 {
        let arrived = board.arrived(self.number);
        if arrived != self.progress || self.progress_at == 0 {
            (self.progress, self.progress_at) = (arrived, now);
        }
        let mut under_way = self.sent.saturating_sub(arrived + self.given_up);
        if under_way >= window && now - self.progress_at > PATIENCE {
            self.given_up += under_way;
            self.progress_at = now;
            under_way = 0;
        }
        window.saturating_sub(under_way)
    }
}

/// What the threads know of each other's flows.
pub struct Board {
    arrived: Box<[AtomicU64]>,
    /// To whom the packets of a flow have to come.
    receivers: Box<[Ipv4Addr]>,
}

impl Board {
    pub fn new(receivers: Vec<Ipv4Addr>) -> Board {
        Board {
            arrived: receivers.iter().map(|_| AtomicU64::new(0)).collect(),
            receivers: receivers.into(),
        }
    }

    pub fn flows(&self) -> usize {
        self.receivers.len()
    }

    pub fn note_arrival(&self, flow: u32) {
        if let Some(count) = self.arrived.get(flow as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn is_receiver(&self, flow: u32, address: Ipv4Addr) -> bool {
        self.receivers.get(flow as usize) == Some(&address)
    }

    fn arrived(&self, flow: u32) -> u64 {
        self.arrived
            .get(flow as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// What has come of one flow.
#[derive(Default)]
pub struct Receipt {
    window: ReplayWindow,
    highest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Next,
    Late,
    Again,
}

impl Receipt {
    pub fn note(&mut self, number: u64) -> Order {
        match self.window.check(number) {
            Ok(()) => self.window.mark(number),
            // Nobody knows whether it has come before.
            Err(DropReason::TooOld) => {}
            Err(_) => return Order::Again,
        }
        if number < self.highest {
            return Order::Late;
        }
        self.highest = number;
        Order::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> (Flow, Board) {
        let address = Ipv4Addr::new(10, 8, 0, 2);
        let route = Route {
            source: address,
            destination: address,
            port: 1,
        };
        (Flow::new(0, PeerId(0), route), Board::new(vec![address]))
    }

    #[test]
    fn the_window_opens_as_packets_arrive() {
        let (mut flow, board) = flow();
        for left in (0..4).rev() {
            flow.next(1);
            assert_eq!(flow.credit(1, 4, &board), left);
        }
        board.note_arrival(0);
        assert_eq!(flow.credit(2, 4, &board), 1);
    }

    #[test]
    fn a_lost_window_is_given_up_in_the_end() {
        let (mut flow, board) = flow();
        (0..4).for_each(|_| {
            flow.next(1);
        });
        assert_eq!(flow.credit(1, 4, &board), 0);
        assert_eq!(flow.credit(1 + PATIENCE, 4, &board), 0);
        assert_eq!(flow.credit(2 + PATIENCE, 4, &board), 4);
    }

    #[test]
    fn order_is_judged_by_number() {
        let mut receipt = Receipt::default();
        let seen = [1, 3, 2, 2, 9000, 5].map(|number| receipt.note(number));
        use Order::{Again, Late, Next};
        assert_eq!(seen, [Next, Next, Late, Again, Next, Late]);
    }
}

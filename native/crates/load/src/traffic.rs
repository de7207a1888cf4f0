use std::sync::Arc;

use datapath::stats::Counter;
use datapath::{DataPath, Millis, OutboundSink, PeerId, VNET_LEN, VnetHeader};

use crate::clock::{MILLISECOND, Nanos};
use crate::flow::{Board, Flow, Order, Receipt};
use crate::pacer::Pacer;
use crate::packet::{self, Arrival, HEADERS};
use crate::tally::Tally;

/// The traffic of a thread's clients: what they send when, and what became of what arrives.
pub struct Traffic {
    source: Source,
    flows: Vec<Flow>,
    board: Arc<Board>,
    /// Of all flows of the process, because any may end here. Index = flow.
    receipts: Vec<Receipt>,
    packet: Vec<u8>,
    /// The flow whose turn it is.
    cursor: usize,
    pub tally: Tally,
}

/// When a packet is sent.
pub enum Source {
    Quiet,
    /// One flow after the other.
    Paced(Pacer),
    /// As much as comes back: at most so many packets of a flow are under way.
    Window(u64),
    /// As much as this thread can, whatever becomes of it.
    Flood,
}

/// Packets of a turn, so that receiving gets its share.
const BUDGET: usize = 256;
/// Packets of a flow in a row: neighbours of one client leave as one superpacket.
const RUN: u64 = 32;
/// Flows looked at in a turn.
const LOOKS: usize = 1024;

impl Traffic {
    pub fn quiet() -> Traffic {
        Traffic::new(
            Source::Quiet,
            Vec::new(),
            Arc::new(Board::new(Vec::new())),
            0,
        )
    }

    /// `payload` is the UDP payload's length.
    pub fn new(source: Source, flows: Vec<Flow>, board: Arc<Board>, payload: usize) -> Traffic {
        Traffic {
            source,
            flows,
            receipts: (0..board.flows()).map(|_| Receipt::default()).collect(),
            board,
            packet: vec![0; HEADERS + payload],
            cursor: 0,
            tally: Tally::default(),
        }
    }

    /// Sends nothing more; what is under way still counts.
    pub fn stop_sending(&mut self) {
        self.source = Source::Quiet;
    }

    /// Sends what is due, a bounded part of it. True: more may be due at once.
    pub fn send(
        &mut self,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) -> bool {
        if self.flows.is_empty() {
            return false;
        }
        match &self.source {
            Source::Quiet => false,
            Source::Paced(_) => self.send_paced(ms, now, data_path, sink),
            Source::Window(window) => self.send_window(*window, ms, now, data_path, sink),
            Source::Flood => self.send_flood(ms, now, data_path, sink),
        }
    }

    /// When `send` may have something to do, if nothing arrives before.
    pub fn next_due(&self, now: Nanos) -> Option<Nanos> {
        match &self.source {
            _ if self.flows.is_empty() => None,
            Source::Quiet => None,
            Source::Paced(pacer) => Some(pacer.next()),
            // Another thread's arrivals open windows here, and it does not wake this one.
            Source::Window(_) => Some(now + MILLISECOND),
            Source::Flood => Some(now),
        }
    }

    /// Judges an inner packet that a client has received.
    pub fn accept(&mut self, now: Nanos, packet: &[u8]) {
        let (stamp, destination) = match packet::decode(packet) {
            Arrival::Stamped { stamp, destination } => (stamp, destination),
            Arrival::Corrupt => {
                self.tally.corrupted += 1;
                return;
            }
            Arrival::Foreign => {
                self.tally.foreign += 1;
                return;
            }
        };
        let receipt = self.receipts.get_mut(stamp.flow as usize);
        let Some(receipt) = receipt.filter(|_| self.board.is_receiver(stamp.flow, destination))
        else {
            self.tally.corrupted += 1;
            return;
        };
        match receipt.note(stamp.number) {
            Order::Again => {
                self.tally.duplicated += 1;
                return;
            }
            Order::Late => self.tally.reordered += 1,
            Order::Next => {}
        }
        self.board.note_arrival(stamp.flow);
        self.tally.received += 1;
        self.tally.received_bytes += packet.len() as u64;
        if stamp.sent != packet::UNKNOWN {
            self.tally.took(now.saturating_sub(stamp.sent));
        }
    }

    fn send_paced(
        &mut self,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) -> bool {
        for _ in 0..BUDGET {
            let Source::Paced(pacer) = &mut self.source else {
                return false;
            };
            if !pacer.take(now) {
                return false;
            }
            self.send_one(ms, now, data_path, sink);
            self.cursor = (self.cursor + 1) % self.flows.len();
        }
        true
    }

    fn send_window(
        &mut self,
        window: u64,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) -> bool {
        let mut left = BUDGET;
        for _ in 0..self.flows.len().min(LOOKS) {
            let credit = self.flows[self.cursor].credit(now, window, &self.board);
            for _ in 0..credit.min(RUN).min(left as u64) {
                self.send_one(ms, now, data_path, sink);
                left -= 1;
            }
            self.cursor = (self.cursor + 1) % self.flows.len();
            if left == 0 {
                return true;
            }
        }
        left < BUDGET
    }

    fn send_flood(
        &mut self,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) -> bool {
        for _ in 0..BUDGET {
            self.send_one(ms, now, data_path, sink);
        }
        self.cursor = (self.cursor + 1) % self.flows.len();
        true
    }

    /// The next packet of the flow whose turn it is.
    fn send_one(
        &mut self,
        ms: Millis,
        now: Nanos,
        data_path: &mut DataPath,
        sink: &mut impl OutboundSink,
    ) {
        let flow = &mut self.flows[self.cursor];
        let stamp = flow.next(now);
        packet::encode(&mut self.packet, &flow.route, &stamp);
        if send_to_peer(flow.peer, &mut self.packet, ms, data_path, sink) {
            self.tally.sent += 1;
            self.tally.sent_bytes += self.packet.len() as u64;
        } else {
            self.tally.unsent += 1;
        }
    }
}

/// Seals an inner packet for the server. False: there is no peer, no key or no room.
pub fn send_to_peer(
    peer: PeerId,
    packet: &mut [u8],
    ms: Millis,
    data_path: &mut DataPath,
    sink: &mut impl OutboundSink,
) -> bool {
    let plain: [u8; VNET_LEN] = VnetHeader::PLAIN.encode();
    let before = outbound(data_path);
    data_path.outbound_to_peer(ms, peer, &plain, packet, sink);
    outbound(data_path) > before
}

fn outbound(data_path: &DataPath) -> u64 {
    data_path.stats().counter(Counter::OutboundPackets)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::packet::{CLIENT_PORT, Route, Stamp};

    const OURS: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 2);
    const OTHER: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 3);

    fn packet(destination: Ipv4Addr, flow: u32, number: u64) -> Vec<u8> {
        let route = Route {
            source: OTHER,
            destination,
            port: CLIENT_PORT,
        };
        let stamp = Stamp {
            flow,
            number,
            sent: 1000,
        };
        let mut packet = vec![0; HEADERS + 100];
        packet::encode(&mut packet, &route, &stamp);
        packet
    }

    #[test]
    fn every_arrival_is_counted_for_what_it_is() {
        let board = Arc::new(Board::new(vec![OURS]));
        let mut traffic = Traffic::new(Source::Quiet, Vec::new(), board, 100);
        for number in [1, 3, 2, 3] {
            traffic.accept(6000, &packet(OURS, 0, number));
        }
        traffic.accept(6000, &packet(OTHER, 0, 4));
        traffic.accept(6000, &packet(OURS, 1, 1));
        let mut changed = packet(OURS, 0, 4);
        changed[100] ^= 1;
        traffic.accept(6000, &changed);
        traffic.accept(6000, b"something else");
        let tally = &traffic.tally;
        assert_eq!(
            (tally.received, tally.reordered, tally.duplicated),
            (3, 1, 1)
        );
        assert_eq!((tally.corrupted, tally.foreign), (3, 1));
        assert!((4990..=5010).contains(&tally.latency_at(1.0)));
    }
}

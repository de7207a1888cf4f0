use std::collections::VecDeque;

use datapath::control_gate::ControlGate;
use datapath::{PeerAddr, STREAM_BIT};

use crate::bytes::Bytes;
use crate::test_sink::path;

/// The last one is that of a connection.
const ADDRESSES: usize = 7;
const STREAM: usize = ADDRESSES - 1;
/// Of one client in a second, with some air.
const CLIENT_RATE: usize = 490;
/// Of everybody else in a second: three kinds, each with a second's worth saved.
const OTHERS_RATE: usize = 3 * 2 * 2000;
/// Packets of floods in an input, more than all that is let through in a second.
const MOST_FLOOD: usize = 16_000;
const SERVER_RESET: u8 = 8;
const KNOWN_FOR: u64 = 180_000;
/// Before the first packet, so long that nobody is known from then.
const LONG_AGO: u64 = 10_000;
/// Connections without a client wait then.
const STREAMS_BUSY: usize = 256 * 1024;
/// No stranger is heard then.
const BUSY: usize = 128 * 1024;

/// Whoever sends control packets, in any order and number. Clients that are known get their share whatever the others do, and
/// the others get no more than theirs.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut world = World::new();
    while !bytes.is_empty() {
        let (order, argument) = (bytes.u8(), bytes.u8());
        let client = usize::from(argument) % ADDRESSES;
        match order & 7 {
            0 => world.now += u64::from(argument),
            1 => world.now += u64::from(argument) * 2000,
            2 | 3 => world.knock(client, &packet(order, bytes.u8())),
            4 => world.answer(client, &packet(order, argument)),
            5 => world.is_peer[client] = !world.is_peer[client],
            6 => world.backlog = usize::from(argument) * 2048,
            _ => world.flood(usize::from(argument) * 32, order >> 3),
        }
    }
}

/// A control packet of some kind, of one of several sessions.
fn packet(kind: u8, session: u8) -> Vec<u8> {
    const KINDS: [u8; 6] = [7, 10, 4, 5, 8, 3];
    let mut packet = vec![session; 14];
    packet[0] = KINDS[usize::from(kind >> 3) % KINDS.len()] << 3;
    packet
}

struct World {
    gate: ControlGate,
    now: u64,
    backlog: usize,
    first_port: u16,
    is_peer: [bool; ADDRESSES],
    /// When the gate was told, or found out, that the address is a client's.
    known_at: [Option<u64>; ADDRESSES],
    /// Packets of the last second.
    admitted: [VecDeque<u64>; ADDRESSES],
    others: VecDeque<u64>,
    flooded: usize,
}

impl World {
    /// With addresses that do not share a place in the gate's tables: where they do, the later one has it.
    fn new() -> World {
        let mut gate = ControlGate::new();
        let ports = [4000, 5000, 6000, 7000];
        let first_port = ports.into_iter().find(|port| are_apart(&mut gate, *port));
        World {
            gate,
            now: 1_000_000,
            backlog: 0,
            first_port: first_port.expect("a client that is known"),
            is_peer: Default::default(),
            known_at: Default::default(),
            admitted: Default::default(),
            others: VecDeque::new(),
            flooded: 0,
        }
    }

    fn address(&self, client: usize) -> PeerAddr {
        address_of(self.first_port, client)
    }

    fn knock(&mut self, client: usize, packet: &[u8]) {
        let (address, is_peer) = (self.address(client), self.is_peer[client]);
        let admits = self
            .gate
            .admits(self.now, &address, packet, self.backlog, || is_peer);
        if client == STREAM {
            return self.note_stream(admits);
        }
        let is_known = self.known_at[client].is_some_and(|at| self.now - at < KNOWN_FOR);
        if !is_known && !is_peer {
            return self.note_other(admits);
        }
        if !is_known {
            self.known_at[client] = Some(self.now);
        }
        let share = &mut self.admitted[client];
        forget(share, self.now);
        assert!(
            admits || share.len() >= CLIENT_RATE,
            "{} of a client",
            share.len()
        );
        if admits {
            share.push_back(self.now);
        }
        assert!(
            share.len() <= 2 * CLIENT_RATE + 50,
            "{} of a client",
            share.len()
        );
    }

    /// It is known by its connection, and waits only for a worker that is behind.
    fn note_stream(&mut self, admits: bool) {
        let share = &mut self.admitted[STREAM];
        forget(share, self.now);
        let is_heard = self.is_peer[STREAM] || self.backlog < STREAMS_BUSY;
        assert!(admits || !is_heard || share.len() >= CLIENT_RATE);
        assert!(!admits || is_heard);
        share.push_back(self.now);
    }

    /// The worker writes to it.
    fn answer(&mut self, client: usize, packet: &[u8]) {
        let address = self.address(client);
        self.gate.note_sent(self.now, &address, packet);
        if packet[0] >> 3 != SERVER_RESET {
            self.known_at[client] = Some(self.now);
        }
    }

    /// Addresses that come once.
    fn flood(&mut self, count: usize, kind: u8) {
        let count = count.min(MOST_FLOOD - self.flooded);
        self.flooded += count;
        for n in 0..count {
            let addr = ([198, 18, (n >> 8) as u8, n as u8], 9).into();
            let from = PeerAddr { listener: 0, addr };
            let packet = packet(kind << 3, n as u8);
            let admits = self
                .gate
                .admits(self.now, &from, &packet, self.backlog, || false);
            self.note_other(admits);
        }
    }

    fn note_other(&mut self, admits: bool) {
        forget(&mut self.others, self.now);
        if admits {
            self.others.push_back(self.now);
        }
        assert!(!admits || self.backlog < BUSY);
        assert!(
            self.others.len() <= OTHERS_RATE,
            "{} of strangers",
            self.others.len()
        );
    }
}

fn address_of(first_port: u16, client: usize) -> PeerAddr {
    let address = path(first_port + client as u16);
    let listener = if client == STREAM { STREAM_BIT } else { 0 };
    PeerAddr {
        listener,
        ..address
    }
}

fn are_apart(gate: &mut ControlGate, first_port: u16) -> bool {
    let mut clients = (0..ADDRESSES).map(|client| address_of(first_port, client));
    let control = packet(2 << 3, 0);
    for address in clients.clone() {
        gate.note_sent(LONG_AGO, &address, &control);
    }
    clients.all(|address| gate.admits(LONG_AGO, &address, &control, BUSY, || address.is_stream()))
}

fn forget(times: &mut VecDeque<u64>, now: u64) {
    while times.front().is_some_and(|at| now - at >= 1000) {
        times.pop_front();
    }
}

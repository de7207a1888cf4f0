use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use datapath::wire::{self, Datagram, PeerId};
use datapath::{DropReason, Role};
use netio::bpf::Instruction;
use netio::flood_filter::PacketShape;
use netio::flood_program::{Layout, Secret, plan};

use crate::bpf_machine::{self, Machine};
use crate::bytes::Bytes;

const SHARDS: usize = 2;
const LAYOUT: Layout = Layout { shards: SHARDS };
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
static SECRET: LazyLock<Secret> = LazyLock::new(|| Secret::new(SEED, 0xd134_2543_de82_ef95));
static PROGRAMS: LazyLock<[Vec<Instruction>; SHARDS]> =
    LazyLock::new(|| [0, 1].map(|shard| plan(0, &LAYOUT, shard, &SECRET)));

/// Shorter ones are nothing at all.
const MIN_LEN: usize = 14;
const SOFT_RESET: u8 = 3;
const RESETS: [u8; 2] = [7, 10];
/// Opcodes from here on bring a key.
const WITH_KEY: u8 = 10;
/// Of what is nobody's, and of resets.
const PER_TICK: [u32; 2] = [64, 402];
const TICK: u64 = 1 << 27;
const AGAIN: RangeInclusive<u16> = 5..=224;
/// A counter of a client that begins is 1, or this and 1, and a few more.
const EARLY: u32 = 0x0f00_0000;
/// Packets of floods in an input, more of each kind than stay in a tick.
const MOST_FLOOD: u32 = 1000;
const SHAPES: [(u32, u32); 7] = [
    (0, 0),
    (14, 0),
    (42, 29),
    (54, 41),
    (86, 73),
    (54, 9),
    (u32::MAX, 0),
];

/// Clients that come and go, and datagrams to a socket with the filter: what it lets through and what it drops is what a plain
/// reading of its rules says, and nothing of a client's is ever dropped.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut world = World::default();
    while !bytes.is_empty() {
        world.step(&mut bytes);
    }
    for shard in 0..SHARDS {
        assert_eq!(world.filter.drops(shard), world.shards[shard].drops);
    }
}

/// The program and its memory.
pub struct Filter {
    machine: Machine,
    /// Nanoseconds.
    pub now: u64,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            machine: Machine::new(LAYOUT.len()),
            now: 0,
        }
    }
}

impl Filter {
    pub fn expect(&mut self, shard: usize, shapes: [PacketShape; 2]) {
        for (at, shape) in LAYOUT.shapes(shard).into_iter().zip(shapes) {
            self.machine.store(at, 4, shape.min_len.into());
            self.machine.store(at + 4, 4, shape.counter_at.into());
        }
    }

    /// Nothing more that is nobody's stays in this tick.
    pub fn use_up(&mut self, shard: usize) {
        for (at, per_tick) in LAYOUT.drops(shard).into_iter().zip(PER_TICK) {
            self.machine.store(at - 8, 4, self.now / TICK);
            self.machine.store(at - 4, 4, per_tick.into());
        }
    }

    pub fn stays(
        &mut self,
        shard: usize,
        from: &SocketAddr,
        packet: &[u8],
        segment_len: u32,
    ) -> bool {
        let (ethertype, ip_header) = match from.ip() {
            IpAddr::V4(ip) => (0x0800, [&[69; 12][..], &ip.octets(), &[7; 4]].concat()),
            IpAddr::V6(ip) => (0x86dd, [&[96; 8][..], &ip.octets(), &[7; 16]].concat()),
        };
        let [high, low] = from.port().to_be_bytes();
        let bytes = [&[high, low, 4, 170, 0, 0, 0, 0], packet].concat();
        let datagram = bpf_machine::Datagram {
            ethertype,
            ip_header: &ip_header,
            bytes: &bytes,
            segment_len,
        };
        match self.machine.run(&PROGRAMS[shard], &datagram, self.now) {
            u32::MAX => true,
            0 => false,
            some => panic!("{some} bytes stay"),
        }
    }

    /// Nobody's, and resets.
    pub fn drops(&self, shard: usize) -> [u64; 2] {
        LAYOUT.drops(shard).map(|at| self.machine.load(at, 8))
    }

    fn count(&mut self, at: usize, is_here: bool) {
        let clients = self.machine.load(at, 2);
        let clients = if is_here { clients + 1 } else { clients - 1 };
        self.machine.store(at, 2, clients);
    }
}

/// What becomes of a datagram, beyond what stays in each tick.
enum Rule {
    Stays,
    Nobodys,
    /// The first packet of a stranger.
    Reset,
}

#[derive(Default)]
struct World {
    filter: Filter,
    shards: [Shard; SHARDS],
    peers: BTreeMap<u32, usize>,
    addresses: BTreeMap<SocketAddr, usize>,
    flooded: u32,
}

/// What is known of a shard, and what must have become of its datagrams.
#[derive(Default)]
struct Shard {
    /// `min_len, counter_at`
    shapes: [(u32, u32); 2],
    used: [(u32, u32); 2],
    drops: [u64; 2],
    /// Resets that were dropped: a print of each and its tick, by the place where it is remembered.
    marks: BTreeMap<u64, (u64, u16)>,
}

impl World {
    fn step(&mut self, bytes: &mut Bytes) {
        let (order, argument) = (bytes.u8(), bytes.u8());
        let shard = usize::from(order >> 3) % SHARDS;
        match order & 7 {
            0 => self.filter.now += u64::from(argument) * (TICK / 4),
            1 => self.filter.now += u64::from(argument).pow(3) * TICK,
            2 => {
                let id = peer_id(argument, bytes.u8());
                note(&mut self.filter, LAYOUT.peer(id), &mut self.peers, id);
            }
            3 => {
                let address = address(bytes.u16());
                let at = LAYOUT.address(SECRET.hash(&address));
                note(&mut self.filter, at, &mut self.addresses, address);
            }
            4 => self.expect(shard, argument, bytes.u8()),
            5 => {
                let from = address(bytes.u16());
                let made_up = bytes.sized();
                self.receive(shard, &from, made_up, 0);
            }
            6 => {
                let (from, packet) = (address(bytes.u16()), packet(argument, bytes));
                self.receive(shard, &from, &packet, u32::from(order >> 6));
            }
            _ if order & 32 != 0 => self.use_up(shard),
            _ => self.flood(shard, argument, bytes.u8()),
        }
    }

    fn expect(&mut self, shard: usize, plain: u8, with_key: u8) {
        let shapes = [plain, with_key].map(|pick| SHAPES[usize::from(pick) % SHAPES.len()]);
        self.shards[shard].shapes = shapes;
        let shapes = shapes.map(|(min_len, counter_at)| PacketShape {
            min_len,
            counter_at,
        });
        self.filter.expect(shard, shapes);
    }

    fn use_up(&mut self, shard: usize) {
        self.filter.use_up(shard);
        let tick = (self.filter.now / TICK) as u32;
        self.shards[shard].used = PER_TICK.map(|per_tick| (tick, per_tick));
    }

    /// The same packet often, or sessions that begin one after the other.
    fn flood(&mut self, shard: usize, argument: u8, kind: u8) {
        let from = address(u16::from(kind >> 4));
        let count = (u32::from(argument) * 4).min(MOST_FLOOD - self.flooded);
        self.flooded += count;
        for n in 0..count {
            let mut packet = vec![3; 90];
            packet[0] = RESETS[usize::from(kind & 1)] << 3;
            packet[9..].fill(0);
            match kind >> 1 & 3 {
                0 => packet[0] = 6 << 3,
                1 => packet[1..5].copy_from_slice(&n.to_be_bytes()),
                _ => {}
            }
            self.receive(shard, &from, &packet, 0);
        }
    }

    fn receive(&mut self, shard: usize, from: &SocketAddr, packet: &[u8], segment_len: u32) {
        let stays = self.filter.stays(shard, from, packet, segment_len);
        let rule = match segment_len {
            0 => self.rule(shard, from, packet),
            _ => Rule::Stays,
        };
        let tick = (self.filter.now / TICK) as u32;
        let state = &mut self.shards[shard];
        let expected = match rule {
            Rule::Stays => true,
            Rule::Nobodys => state.take(0, tick),
            Rule::Reset => state.take(1, tick) || state.comes_again(tick as u16, from, packet),
        };
        assert_eq!(stays, expected, "{packet:?} of {from}");
        assert_eq!(self.filter.drops(shard), state.drops);
    }

    fn rule(&self, shard: usize, from: &SocketAddr, packet: &[u8]) -> Rule {
        if packet.len() < MIN_LEN {
            return Rule::Nobodys;
        }
        let is_known = self.knows_address(from);
        match wire::classify(packet, Role::Server) {
            Datagram::Drop(DropReason::UnknownOpcode) => Rule::Nobodys,
            Datagram::Drop(reason) => panic!("{reason:?}"),
            Datagram::DataV2 { peer, .. } if peer != PeerId::NONE => {
                stays_if(self.knows_peer(peer.0))
            }
            Datagram::DataV1 { .. } | Datagram::DataV2 { .. } => stays_if(is_known),
            Datagram::Control { .. } if is_known => Rule::Stays,
            Datagram::Control { .. } => self.rule_for_stranger(shard, packet),
        }
    }

    fn rule_for_stranger(&self, shard: usize, packet: &[u8]) -> Rule {
        let opcode = packet[0] >> 3;
        if opcode == SOFT_RESET {
            return Rule::Nobodys;
        }
        let (min_len, counter_at) = self.shards[shard].shapes[usize::from(opcode >= WITH_KEY)];
        if min_len == 0 {
            return Rule::Stays;
        }
        let counter = packet.get(counter_at as usize..).unwrap_or_default();
        let is_late = match (counter_at, counter.first_chunk()) {
            (0, _) => false,
            (_, None) => true,
            (_, Some(counter)) => u32::from_be_bytes(*counter) & !EARLY > 0xffff,
        };
        if packet.len() < min_len as usize || is_late {
            Rule::Nobodys
        } else if RESETS.contains(&opcode) {
            Rule::Reset
        } else {
            Rule::Stays
        }
    }

    /// Or one that cannot be told from it.
    fn knows_peer(&self, id: u32) -> bool {
        let is_it = |peer: &u32| LAYOUT.peer(*peer) == LAYOUT.peer(id);
        self.peers.contains_key(&id) || self.peers.keys().any(is_it)
    }

    fn knows_address(&self, from: &SocketAddr) -> bool {
        let place = |address: &SocketAddr| LAYOUT.address(SECRET.hash(address));
        let is_it = |address: &SocketAddr| place(address) == place(from);
        self.addresses.contains_key(from) || self.addresses.keys().any(is_it)
    }
}

impl Shard {
    /// Whether it is one of those that stay in each tick.
    fn take(&mut self, kind: usize, tick: u32) -> bool {
        let (since, used) = &mut self.used[kind];
        if *since != tick {
            (*since, *used) = (tick, 0);
        }
        let stays = *used < PER_TICK[kind];
        *used += u32::from(stays);
        // A reset may still come again.
        self.drops[kind] += u64::from(!stays);
        stays
    }

    fn comes_again(&mut self, tick: u16, from: &SocketAddr, packet: &[u8]) -> bool {
        let words = [1, 5].map(|at| [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
        let words = words.into_iter().map(u32::from_ne_bytes);
        let hash = words.fold(SECRET.hash(from), |hash, word| SECRET.mix(hash, word));
        let (place, print) = (hash >> 45, hash & 0x7fff);
        let before = self.marks.get(&place).filter(|mark| mark.0 == print);
        let age = before.map(|(_, at)| tick.wrapping_sub(*at));
        let stays = age.is_some_and(|age| AGAIN.contains(&age));
        if age.is_none_or(|age| age > *AGAIN.end()) {
            self.marks.insert(place, (print, tick));
        }
        self.drops[1] -= u64::from(stays);
        stays
    }
}

fn stays_if(is_known: bool) -> Rule {
    if is_known { Rule::Stays } else { Rule::Nobodys }
}

/// It comes, or goes when it is there twice.
fn note<K: Ord>(filter: &mut Filter, at: usize, clients: &mut BTreeMap<K, usize>, key: K) {
    let times = clients.entry(key).or_default();
    let is_here = *times < 2;
    *times = if is_here { *times + 1 } else { 0 };
    filter.count(at, is_here);
    if !is_here {
        filter.count(at, false);
        clients.retain(|_, times| *times > 0);
    }
}

/// Some share a place.
fn peer_id(high: u8, low: u8) -> u32 {
    u32::from(high & 7) << 17 | u32::from(high >> 3 & 1) << 8 | u32::from(low)
}

/// Of both families, an IPv6 address that has an IPv4 address in it among them.
fn address(pick: u16) -> SocketAddr {
    let [host, port] = pick.to_be_bytes();
    let v4 = [192, 0, 2, host >> 2];
    let port = 4000 + u16::from(port);
    match host & 3 {
        0 | 1 => (v4, port).into(),
        2 => ([0xfd00, 0, 0, 0, 0, 0, 1, u16::from(host)], port).into(),
        _ => (Ipv4Addr::from(v4).to_ipv6_mapped(), port).into(),
    }
}

/// Of a kind that a client sends, or nearly.
fn packet(kind: u8, bytes: &mut Bytes) -> Vec<u8> {
    const OPCODES: [u8; 16] = [3, 4, 5, 6, 7, 9, 10, 11, 7, 9, 10, 9, 4, 5, 8, 2];
    let opcode = OPCODES[usize::from(kind & 15)];
    let len = [MIN_LEN, 54, 60, 13, 42, 86, 53, 200][usize::from(kind >> 4 & 7)];
    let mut packet = vec![bytes.u8(); len];
    packet[0] = opcode << 3 | kind >> 7;
    match opcode {
        9 if kind & 32 != 0 => packet[1..4].fill(0xff),
        9 => {
            let id = peer_id(bytes.u8(), bytes.u8());
            packet[1..4].copy_from_slice(&id.to_be_bytes()[1..]);
        }
        _ => {
            let (at, high, low) = (bytes.u8(), bytes.u8(), bytes.u8());
            let at = [9, 29, 41, 73][usize::from(at & 3)];
            let counter = u32::from(high) << 24 | 1 << (low & 31) | u32::from(low & 32) << 16;
            if let Some(place) = packet.get_mut(at..at + 4) {
                place.copy_from_slice(&counter.to_be_bytes());
            }
        }
    }
    packet
}

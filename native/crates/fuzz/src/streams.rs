use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use datapath::{DataPath, PeerAddr, Plane, Role, STREAM_BIT};
use netio::fd::duplicate;
use netio::mem::SharedMemory;
use shard::address_record::{ADDRESS_LEN, decode_address};
use shard::control_ring::DATAGRAM;
use shard::outlet::Outlet;
use shard::pace::Work;
use shard::ring::{self, RingConsumer, RingProducer};
use shard::shard_thread::ShardState;
use shard::stream_reader::StreamReader;
use shard::stream_settings::StreamSettings;
use shard::streams::Streams;
use shard::worker_port::WorkerPort;

use crate::bytes::Bytes;
use crate::test_sink::{server, settings};

const MOST_CLIENTS: usize = 6;
const MAX_PACKET: usize = 1600;

/// Connections of a shard and the clients behind them, which say anything in any pieces, come and go, and read or do not.
/// The worker gets the packets as they were sent, and so do the clients; another process may take over.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut world = World::new(bytes.u8());
    while !bytes.is_empty() {
        world.step(&mut bytes);
    }
    world.turn();
    for client in &mut world.clients {
        client.check(world.is_plain, world.is_quiet);
    }
}

struct World {
    shard: Shard,
    settings: Arc<StreamSettings>,
    clients: Vec<Client>,
    now: u64,
    /// Nobody but a client has ended a connection so far.
    is_quiet: bool,
    is_plain: bool,
}

impl World {
    fn new(form: u8) -> World {
        let settings = StreamSettings::default();
        settings.set(4, 60_000, MOST_CLIENTS as u32 - 1);
        if form & 1 != 0 {
            settings.set_proxies(vec![([192, 0, 2, 0].into(), 24)]);
        }
        settings.port_share.turn(form & 2 != 0);
        let settings = Arc::new(settings);
        World {
            shard: Shard::new(&settings),
            settings,
            clients: Vec::new(),
            now: 1000,
            is_quiet: true,
            is_plain: form & 3 == 0,
        }
    }

    fn step(&mut self, bytes: &mut Bytes) {
        let (order, pick) = (bytes.u8(), usize::from(bytes.u8()));
        if self.clients.is_empty() || order & 15 == 0 {
            return self.connect();
        }
        let index = pick % self.clients.len();
        let client = &mut self.clients[index];
        let path = client.path;
        let streams = &mut self.shard.outlet.streams;
        match order & 15 {
            1..=4 => client.say(bytes.sized()),
            5 | 6 => {
                let packet = control(bytes.sized());
                client.say(&[&(packet.len() as u16).to_be_bytes(), &packet[..]].concat());
            }
            7 | 8 => self.turn(),
            9 | 10 => {
                let packet = control(bytes.sized());
                client.was_sent(&packet);
                self.shard.outlet.transmit(&path, &packet);
            }
            11 => client.read(),
            12 => {
                self.is_quiet = false;
                match order >> 4 {
                    0 => streams.close(self.now, &path),
                    1 => streams.note_served(&path),
                    2 => streams.note_unserved(self.now, &path),
                    3 => streams.abandon(self.now),
                    _ => self.now += u64::from(order) * 1000,
                }
            }
            13 => {
                self.is_quiet = false;
                client.end = None;
            }
            14 => self.hand_over(),
            _ => drop(self.settings.port_share.take()),
        }
    }

    fn connect(&mut self) {
        if self.clients.len() == MOST_CLIENTS {
            self.is_quiet = false;
            self.clients.remove(0);
        }
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        theirs.set_nonblocking(true).expect("a socket");
        let port = 2000 + self.shard.next_port;
        self.shard.next_port += 1;
        let addr = SocketAddr::from(([192, 0, 2, 7], port));
        let path = PeerAddr {
            listener: STREAM_BIT,
            addr,
        };
        let outlet = &mut self.shard.outlet;
        outlet.streams.admit(self.now, 0, OwnedFd::from(ours), addr);
        // One too many: it or another one has to go.
        self.is_quiet &= self.clients.len() < MOST_CLIENTS - 1;
        self.clients.push(Client::new(path, theirs));
    }

    fn turn(&mut self) {
        for (path, packet) in self.shard.turn(self.now) {
            let client = self.clients.iter_mut().find(|client| client.path == path);
            if let Some(client) = client.filter(|_| self.is_plain) {
                client.heard.push(packet);
            }
        }
    }

    fn hand_over(&mut self) {
        self.turn();
        let mut fds = Vec::new();
        let bytes = self.shard.outlet.streams.encode(&mut fds);
        let copies: Vec<_> = fds
            .into_iter()
            .map(|fd| duplicate(fd, "a connection").expect("a descriptor"))
            .collect();
        let port = self.shard.next_port;
        self.shard = Shard::new(&self.settings);
        self.shard.next_port = port;
        let mut rest = &bytes[..];
        let streams = &mut self.shard.outlet.streams;
        let taken = streams.decode(self.now, &mut rest, &mut copies.into_iter());
        assert!(taken.is_some() && rest.is_empty());
    }
}

/// Never empty, and such that a data thread gives it to its worker.
fn control(bytes: &[u8]) -> Vec<u8> {
    let mut packet = bytes[..bytes.len().min(MAX_PACKET - 14)].to_vec();
    packet.resize(packet.len().max(14), 0);
    packet[0] = 4 << 3;
    packet
}

/// A data thread without its thread.
struct Shard {
    data_path: DataPath,
    outlet: Outlet,
    reader: StreamReader,
    records: RingConsumer,
    next_port: u16,
}

impl Shard {
    fn new(settings_of_streams: &Arc<StreamSettings>) -> Shard {
        let state = Arc::new(ShardState::new());
        let memory: SharedMemory = ring::allocate(1 << 16);
        let streams = Streams::new(
            Arc::clone(settings_of_streams),
            Arc::clone(&state),
            MAX_PACKET,
        );
        Shard {
            data_path: server(&Arc::new(Plane::new(settings(Role::Server, 1))), 0),
            outlet: Outlet::new(
                Vec::new(),
                None,
                streams.expect("a poller"),
                vec![None],
                RingProducer::new(memory.clone()).expect("a ring"),
                Arc::new(WorkerPort::default()),
                state,
            ),
            reader: StreamReader::new(),
            records: RingConsumer::new(memory).expect("a ring"),
            next_port: 0,
        }
    }

    /// Until nothing more comes. The packets for the worker, by the connection they came over.
    fn turn(&mut self, now: u64) -> Vec<(PeerAddr, Vec<u8>)> {
        let mut heard = Vec::new();
        loop {
            let mut work = Work::default();
            self.reader.ready = true;
            self.reader
                .turn(now, &mut self.data_path, &mut self.outlet, &mut work);
            self.outlet.flush(now);
            while let Some(record) = self.records.next_record() {
                let address = record.payload.first_chunk::<ADDRESS_LEN>();
                if let Some(address) = address.filter(|_| record.kind == DATAGRAM) {
                    let path = decode_address(address).expect("an address");
                    heard.push((path, record.payload[ADDRESS_LEN..].to_vec()));
                }
            }
            self.records.release();
            if work.packets == 0 && !work.more {
                return heard;
            }
        }
    }
}

struct Client {
    path: PeerAddr,
    end: Option<UnixStream>,
    said: Vec<u8>,
    heard: Vec<Vec<u8>>,
    /// What it was sent, by how often.
    sent: HashMap<Vec<u8>, usize>,
    got: Vec<u8>,
}

impl Client {
    fn new(path: PeerAddr, end: UnixStream) -> Client {
        Client {
            path,
            end: Some(end),
            said: Vec::new(),
            heard: Vec::new(),
            sent: HashMap::new(),
            got: Vec::new(),
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        if let Some(end) = &mut self.end {
            // The other side may have closed it, or read nothing for long.
            let written = end.write(bytes).unwrap_or(0);
            self.said.extend_from_slice(&bytes[..written]);
        }
    }

    fn was_sent(&mut self, packet: &[u8]) {
        *self.sent.entry(packet.to_vec()).or_default() += 1;
    }

    fn read(&mut self) {
        let mut room = [0; 4096];
        while let Some(end) = &mut self.end {
            match end.read(&mut room) {
                Ok(0) => return,
                Ok(len) => self.got.extend_from_slice(&room[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return,
            }
        }
    }

    /// `is_plain`: nothing stands before its packets. `whole`: its connection was left alone, so that everything has arrived.
    fn check(&mut self, is_plain: bool, whole: bool) {
        self.read();
        let (packets, _) = packets_of(&self.got);
        for packet in packets {
            let left = self.sent.get_mut(&packet).filter(|left| **left > 0);
            *left.expect("a packet that was sent") -= 1;
        }
        let (said, _) = packets_of(&self.said);
        let control: Vec<_> = said
            .into_iter()
            .filter(|packet| packet.len() >= 14 && is_control(packet[0] >> 3))
            .collect();
        assert!(
            control.starts_with(&self.heard),
            "{control:?} {:?}",
            self.heard
        );
        assert!(!is_plain || !whole || control == self.heard);
    }
}

fn is_control(opcode: u8) -> bool {
    matches!(opcode, 3 | 4 | 5 | 7 | 10 | 11)
}

/// The packets of a stream up to its end or a length that cannot be, which is told.
fn packets_of(stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut packets, mut rest) = (Vec::new(), stream);
    while let Some((prefix, behind)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*prefix));
        if len == 0 || len > MAX_PACKET {
            return (packets, true);
        }
        let Some((packet, next)) = behind.split_at_checked(len) else {
            break;
        };
        packets.push(packet.to_vec());
        rest = next;
    }
    (packets, false)
}

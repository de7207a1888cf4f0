use std::sync::Arc;

use datapath::{Cipher, DataFormat, DataPath, InstallKey, KeyId, PeerId, Plane, Role, TunOffloads};

use crate::bytes::Bytes;
use crate::guests::Guests;
use crate::test_packets::Shape;
use crate::test_sink::{
    RecordingSink, client, client_key, path, peer, plain_frame, server, server_key, settings,
};

const PEERS: u32 = 4;
const CIPHERS: [Cipher; 3] = [
    Cipher::Aes128Gcm,
    Cipher::Aes256Gcm,
    Cipher::ChaCha20Poly1305,
];

/// What a worker, clients and a TUN do to one shard, in any order. It counts its peers as a list does, and forgets all.
pub fn run(input: &[u8]) {
    let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
    let guests = Guests::of(&plane);
    let mut world = World {
        server: server(&plane, 0),
        client: client(CIPHERS[0], DataFormat::V2),
        sink: RecordingSink::default(),
        now: 0,
        there: [false; PEERS as usize],
        made: Default::default(),
    };
    let mut bytes = Bytes::new(input);
    while !bytes.is_empty() {
        world.step(&mut bytes);
        let count = world.there.iter().filter(|there| **there).count();
        assert_eq!(world.server.peer_count(), count);
        assert!(world.server.next_deadline().is_some() || count == 0);
        guests.check(&plane, world.peers());
    }
    for id in 0..PEERS {
        let _ = world.server.remove_peer(PeerId(id));
        let host = host(id);
        assert_eq!(plane.routes.find_v4([10, 8, 0, host].into()), None);
    }
    assert!(plane.addresses.owners().is_empty());
    guests.check(&plane, [].into_iter());
}

struct World {
    server: DataPath,
    /// Peer 0.
    client: DataPath,
    sink: RecordingSink,
    now: u64,
    there: [bool; PEERS as usize],
    /// How many keys were made, by peer and key id.
    made: [[u16; 8]; PEERS as usize + 1],
}

impl World {
    fn peers(&self) -> impl Iterator<Item = u32> {
        (0..PEERS).filter(|id| self.there[*id as usize])
    }

    fn step(&mut self, bytes: &mut Bytes) {
        let (order, argument) = (bytes.u8(), bytes.u8());
        let id = u32::from(argument) % (PEERS + 1);
        let key = KeyId(argument >> 5);
        let cipher = CIPHERS[usize::from(order >> 4) % CIPHERS.len()];
        match order & 15 {
            0 => self.add(id, argument),
            1 => self.remove(id),
            2 => self.install(id, key, cipher),
            3 => drop(self.server.use_key(PeerId(id), key)),
            4 => drop(self.server.retire_key(PeerId(id), key)),
            5 => drop(self.server.touch_peer(self.now, PeerId(id))),
            6 => drop(
                self.server
                    .notify_exit(self.now, PeerId(id), &mut self.sink),
            ),
            7 => self.now += u64::from(argument) * 500,
            8 => self.server.handle_timeout(self.now, &mut self.sink),
            9 => self.receive(argument, bytes.sized().to_vec()),
            10 => self.receive_sealed(argument, bytes.sized()),
            11 => self.send(bytes.sized().to_vec()),
            12 => self.send(plain_frame(
                &Shape::udp(argument & 1 != 0, host(id)).packet(bytes.sized()),
            )),
            13 => {
                let latest = self.made[0][usize::from(key.0)].saturating_sub(1);
                let key = nth_key(client_key(0, key.0, cipher), latest);
                let _ = self.client.install_key(key);
            }
            14 => drop(self.client.use_key(PeerId(0), key)),
            _ => self.rare(argument),
        }
        let is_full = self.sink.is_full;
        self.sink = RecordingSink::default();
        self.sink.is_full = is_full;
    }

    fn add(&mut self, id: u32, argument: u8) {
        let format = if argument & 128 == 0 {
            DataFormat::V2
        } else {
            DataFormat::V1
        };
        let is_new = self
            .server
            .add_peer(self.now, peer(id, host(id), format))
            .is_ok();
        if is_new {
            assert!(id < PEERS || self.server.remove_peer(PeerId(id)).is_ok());
        }
        if let Some(there) = self.there.get_mut(id as usize) {
            assert_eq!(is_new, !*there);
            *there = true;
        }
    }

    fn remove(&mut self, id: u32) {
        let was_there = self.server.remove_peer(PeerId(id)).is_ok();
        if let Some(there) = self.there.get_mut(id as usize) {
            assert_eq!(was_there, *there);
            *there = false;
        }
    }

    /// No two keys of a peer are the same.
    fn install(&mut self, id: u32, key: KeyId, cipher: Cipher) {
        let made = &mut self.made[id as usize][usize::from(key.0)];
        let installed = nth_key(server_key(id, key.0, cipher), *made);
        *made += 1;
        let _ = self.server.install_key(installed);
    }

    fn receive(&mut self, port: u8, mut datagram: Vec<u8>) {
        let from = path(4000 + u16::from(port & 7));
        self.server
            .inbound(self.now, &from, &mut datagram, &mut self.sink);
        self.server.flush_inbound(&mut self.sink);
    }

    /// Twice: the second one is a replay.
    fn receive_sealed(&mut self, port: u8, content: &[u8]) {
        let mut sink = RecordingSink::default();
        let packet = Shape::udp(port & 1 != 0, host(0)).packet(content);
        self.client
            .outbound(self.now, &mut plain_frame(&packet), &mut sink);
        for (_, datagram) in sink.sent {
            self.receive(port, datagram.clone());
            let before = self.sink.tun.len();
            self.receive(port, datagram);
            assert_eq!(self.sink.tun.len(), before);
        }
    }

    fn send(&mut self, mut frame: Vec<u8>) {
        self.server.outbound(self.now, &mut frame, &mut self.sink);
    }

    fn rare(&mut self, argument: u8) {
        match argument & 3 {
            0 => {
                self.server.reset();
                self.there = Default::default();
            }
            1 => self.hand_over(),
            2 => self.sink.is_full = !self.sink.is_full,
            _ => self.server.take_back(),
        }
    }

    /// To a data path of another process.
    fn hand_over(&mut self) {
        let sessions = self.server.encode_sessions(self.now);
        let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
        let guests = Guests::of(&plane);
        let mut next = DataPath::new(Arc::clone(&plane), 0, TunOffloads::ALL);
        let taken = next.decode_sessions(self.now, &sessions);
        assert_eq!(taken, Ok(self.server.peer_count()));
        guests.check(&plane, self.peers());
    }
}

fn nth_key(mut key: InstallKey, n: u16) -> InstallKey {
    let [high, low] = n.to_be_bytes();
    for direction in [&mut key.seal, &mut key.open] {
        direction.cipher[0] ^= low;
        direction.cipher[1] ^= high;
    }
    key
}

fn host(id: u32) -> u8 {
    id as u8 + 2
}

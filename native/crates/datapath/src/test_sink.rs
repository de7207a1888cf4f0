//! Sinks and data paths for tests and benches.

#![allow(dead_code, reason = "each test target uses its own part")]

use std::sync::Arc;

use datapath::mss::MssFix;
use datapath::{
    AddPeer, CbcCipher, Cipher, DataEvent, DataFormat, DataPath, Digest, DirectionKey, InboundSink,
    InstallKey, KEY_SLOT_LEN, KeyId, LayerOptions, OutboundSink, PeerAddr, PeerId, Plane,
    PlaneSettings, Role, Suite, TunOffloads, VNET_LEN,
};

/// Remembers everything, and refuses what it is told to refuse.
#[derive(Default)]
pub struct RecordingSink {
    pub sent: Vec<(PeerAddr, Vec<u8>)>,
    pub tun: Vec<Vec<u8>>,
    pub control: Vec<Vec<u8>>,
    pub events: Vec<DataEvent>,
    pub udp_hops: Vec<(usize, Vec<u8>)>,
    pub peer_hops: Vec<(usize, PeerId, Vec<u8>)>,
    pub is_full: bool,
    reserved: Option<(PeerAddr, Vec<u8>)>,
}

impl RecordingSink {
    /// One that has no room for anything but the TUN.
    pub fn full() -> RecordingSink {
        RecordingSink {
            is_full: true,
            ..RecordingSink::default()
        }
    }
}

impl OutboundSink for RecordingSink {
    fn reserve(&mut self, to: &PeerAddr, len: usize) -> Option<&mut [u8]> {
        if self.is_full {
            return None;
        }
        let (_, slot) = self.reserved.insert((*to, vec![0xdd; len]));
        Some(slot)
    }

    fn commit(&mut self) {
        self.sent.extend(self.reserved.take());
    }

    fn hop_peer(
        &mut self,
        shard: usize,
        peer: PeerId,
        vnet: &[u8; VNET_LEN],
        packet: &[u8],
    ) -> bool {
        if !self.is_full {
            self.peer_hops
                .push((shard, peer, [&vnet[..], packet].concat()));
        }
        !self.is_full
    }

    fn event(&mut self, event: DataEvent) -> bool {
        if !self.is_full {
            self.events.push(event);
        }
        !self.is_full
    }
}

impl InboundSink for RecordingSink {
    fn control(&mut self, _from: &PeerAddr, packet: &[u8]) -> bool {
        if !self.is_full {
            self.control.push(packet.to_vec());
        }
        !self.is_full
    }

    fn hop_udp(&mut self, shard: usize, _from: &PeerAddr, datagram: &[u8]) -> bool {
        if !self.is_full {
            self.udp_hops.push((shard, datagram.to_vec()));
        }
        !self.is_full
    }

    fn write_tun(&mut self, frame: &[u8]) {
        self.tun.push(frame.to_vec());
    }
}

pub fn settings(role: Role, shards: usize) -> PlaneSettings {
    PlaneSettings {
        role,
        shards,
        client_to_client: false,
        mssfix: MssFix::Outer(1492),
        tun_mtu: 1500,
        max_peers: 100,
    }
}

pub fn path(port: u16) -> PeerAddr {
    PeerAddr {
        listener: 0,
        addr: ([192, 0, 2, 1], port).into(),
    }
}

/// A peer with the inner addresses 10.8.0.`host` and fd00::`host`, at port 4000 + `host`.
pub fn peer(id: u32, host: u8, format: DataFormat) -> AddPeer {
    AddPeer {
        peer: PeerId(id),
        path: path(4000 + u16::from(host)),
        format,
        ipv4: Some([10, 8, 0, host].into()),
        ipv6: Some([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)].into()),
        ping_interval_s: 10,
        ping_timeout_s: 60,
        layers: LayerOptions::default(),
    }
}

/// Every suite there is.
pub fn all_suites() -> Vec<Suite> {
    let aead = Cipher::ALL.map(Suite::Aead);
    let cbc = CbcCipher::ALL
        .into_iter()
        .flat_map(|cipher| Digest::ALL.map(|digest| Suite::Cbc(cipher, digest)));
    aead.into_iter()
        .chain(cbc)
        .chain(Digest::ALL.map(Suite::Plain))
        .collect()
}

/// The keys of generation `key_id` as the server has them.
pub fn server_key(id: u32, key_id: u8, suite: impl Into<Suite>) -> InstallKey {
    let direction = |salt: u8| DirectionKey {
        cipher: std::array::from_fn(|at| (at as u8).wrapping_mul(salt).wrapping_add(key_id) | 1),
        hmac: [salt ^ key_id; KEY_SLOT_LEN],
    };
    InstallKey {
        peer: PeerId(id),
        key_id: KeyId(key_id),
        suite: suite.into(),
        seal: direction(3),
        open: direction(7),
    }
}

/// The same keys as the client has them.
pub fn client_key(id: u32, key_id: u8, suite: impl Into<Suite>) -> InstallKey {
    let server = server_key(id, key_id, suite);
    InstallKey {
        seal: server.open,
        open: server.seal,
        ..server
    }
}

/// One shard of a server without peers.
pub fn server(plane: &Arc<Plane>, shard: usize) -> DataPath {
    DataPath::new(Arc::clone(plane), shard, TunOffloads::ALL)
}

/// A server with one client, 10.8.0.2, peer-id 0, and that client.
pub fn pair(suite: impl Into<Suite>, format: DataFormat) -> (DataPath, DataPath) {
    layered_pair(suite.into(), format, LayerOptions::default())
}

/// The same, with these layers on both sides.
pub fn layered_pair(
    suite: impl Into<Suite>,
    format: DataFormat,
    layers: LayerOptions,
) -> (DataPath, DataPath) {
    let suite = suite.into();
    let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
    let mut server = server(&plane, 0);
    let command = AddPeer {
        layers,
        ..peer(0, 2, format)
    };
    server.add_peer(0, command).expect("a new peer");
    server
        .install_key(server_key(0, 0, suite))
        .expect("a good key");
    (server, layered_client(suite, format, layers))
}

/// The client's side: its one peer is the server at port 1194, to which everything is routed.
pub fn client(suite: impl Into<Suite>, format: DataFormat) -> DataPath {
    layered_client(suite, format, LayerOptions::default())
}

fn layered_client(suite: impl Into<Suite>, format: DataFormat, layers: LayerOptions) -> DataPath {
    let plane = Arc::new(Plane::new(settings(Role::Client, 1)));
    let mut client = DataPath::new(plane, 0, TunOffloads::ALL);
    let command = AddPeer {
        path: path(1194),
        ipv4: None,
        ipv6: None,
        layers,
        ..peer(0, 1, format)
    };
    client.add_peer(0, command).expect("a new peer");
    client
        .install_key(client_key(0, 0, suite))
        .expect("a good key");
    client
}

/// A frame as read from the TUN.
pub fn plain_frame(packet: &[u8]) -> Vec<u8> {
    [&[0; VNET_LEN][..], packet].concat()
}

/// What `path` sends for one inner packet.
pub fn sealed(path: &mut DataPath, packet: &[u8]) -> Vec<u8> {
    let mut sink = RecordingSink::default();
    path.outbound(0, &mut plain_frame(packet), &mut sink);
    sink.sent.pop().expect("one packet sent").1
}

//! One end of a tunnel with a fixed key: measures the data path without a control channel.
//!
//! `static_tunnel server|client LISTEN REMOTE INNER/PREFIX INNER-OF-PEER SHARDS`, one in each of two network namespaces;
//! then iperf3 through it. The client's end has one shard.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::{env, thread, time};

use datapath::{PeerAddr, PlaneSettings, Role};
use netio::interface::InterfacePlan;
use netio::mem::SharedMemory;
use netio::tun::{TunOptions, open_tun};
use netio::udp_group::{UdpGroupOptions, open_udp_group};
use shard::address_record::encode_address;
use shard::registry::{self, ShardOptions};
use shard::ring::{self, RingProducer};

const PEER_ID: u32 = 0;
const ADD_PEER: u32 = 2;
const INSTALL_KEY: u32 = 3;
const RING: usize = 1 << 20;

#[allow(
    clippy::print_stdout,
    clippy::needless_range_loop,
    reason = "a program for people; rings of both directions are indexed"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [role, listen, remote, inner, peer_inner, shards] = arguments.as_slice() else {
        return Err(
            "static_tunnel server|client LISTEN REMOTE INNER/PREFIX INNER-OF-PEER SHARDS".into(),
        );
    };
    let role = if role == "server" {
        Role::Server
    } else {
        Role::Client
    };
    let (listen, remote, shards): (SocketAddr, SocketAddr, u32) =
        (listen.parse()?, remote.parse()?, shards.parse()?);
    let group = open_udp_group(&UdpGroupOptions {
        options: netio::socket_options::SocketOptions::default(),
        host: listen.ip(),
        port: listen.port(),
        shared: false,
        shards,
        receive_buffer: 0,
        send_buffer: 0,
    })?;
    let interface = InterfacePlan {
        mtu: 1500,
        transmit_queue_len: 1000,
        addresses: vec![inner.parse()?],
        routes: vec![],
    };
    let tun = open_tun(&TunOptions {
        name: "tun".to_owned(),
        queues: shards,
        interface,
    })?;
    let plane = registry::create_plane(PlaneSettings {
        role,
        shards: shards as usize,
        client_to_client: false,
        mssfix: datapath::mss::MssFix::Outer(1492),
        tun_mtu: 1500,
        max_peers: 10,
    })?;
    let hops: Vec<Vec<SharedMemory>> = (0..shards)
        .map(|_| (0..shards).map(|_| ring::allocate(RING)).collect())
        .collect();
    let mut commands = Vec::new();
    for shard in 0..shards as usize {
        let to_data = ring::allocate(RING);
        commands.push(RingProducer::new(to_data.clone())?);
        let others = |ring: &dyn Fn(usize) -> SharedMemory| {
            (0..shards as usize)
                .map(|other| (other != shard).then(|| ring(other)))
                .collect()
        };
        registry::start_shard(
            plane,
            ShardOptions {
                shard,
                udp: vec![Some(group.sockets[shard].as_raw_fd())],
                tun: Some(tun.queues[shard].as_raw_fd()),
                to_data,
                to_worker: ring::allocate(RING),
                hop_in: others(&|other| hops[other][shard].clone()),
                hop_out: others(&|other| hops[shard][other].clone()),
            },
        )?;
    }
    let path = PeerAddr {
        listener: 0,
        addr: remote,
    };
    commands[0].push(ADD_PEER, &[&add_peer(&path, peer_inner.parse()?)]);
    commands[0].push(INSTALL_KEY, &[&install_key(role)]);
    commands[0].publish();
    registry::wake_shard(plane, 0)?;
    loop {
        thread::sleep(time::Duration::from_secs(10));
        for shard in 0..shards as usize {
            let snapshot = registry::shard_snapshot(plane, shard)?;
            let counters = snapshot
                .counters
                .iter()
                .filter(|(_, value)| *value > 0)
                .collect::<Vec<_>>();
            println!(
                "shard {shard} {counters:?} drops {:?} hops {:?}",
                snapshot.drops, snapshot.hops
            );
        }
    }
}

/// DATA_V2 with the peer's inner address, IPv4 only.
fn add_peer(path: &PeerAddr, inner: IpAddr) -> Vec<u8> {
    let IpAddr::V4(inner) = inner else {
        return Vec::new();
    };
    let mut payload = [PEER_ID.to_le_bytes(), 3u32.to_le_bytes()].concat();
    payload.extend(encode_address(path));
    payload.extend(inner.octets());
    payload.resize(56, 0);
    payload
}

/// AES-256-GCM; the two ends have each other's keys.
fn install_key(role: Role) -> Vec<u8> {
    let (seal, open) = if role == Role::Server {
        (1u8, 2u8)
    } else {
        (2, 1)
    };
    let mut payload = PEER_ID.to_le_bytes().to_vec();
    payload.extend([0, 3, 0, 1]);
    payload.extend([[seal; 128], [open; 128]].concat());
    payload
}

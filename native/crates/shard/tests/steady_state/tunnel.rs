use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datapath::{
    AddPeer, Cipher, DataEvent, DataFormat, DataPath, OutboundSink, PeerAddr, PeerId, Plane, Role,
    VNET_LEN, VnetHeader, vnet,
};
use netio::receive_batch::ReceiveBatch;
use netio::send_batch::SendBatch;
use netio::tun_queue::{MAX_FRAME, TunQueue};
use netio::udp_group::{UdpGroup, UdpGroupOptions, open_udp_group};
use netio::wake::{Poller, Waker};
use shard::event_loop::EventLoop;
use shard::outlet::Outlet;
use shard::ring::{self, RingConsumer, RingProducer};
use shard::shard_thread::{ShardState, ShardThread};
use shard::socket_order::SocketOrders;
use shard::streams::Streams;

use crate::test_packets::Shape;
use crate::test_sink;

/// Datagrams of a batch.
pub const SEGMENTS: usize = 40;
const PAYLOAD: usize = 1372;

/// A server's data thread whose TUN is one of two joined sockets, and a client on the other end of its UDP socket.
pub struct Tunnel {
    thread: Option<ShardThread>,
    drops: Arc<datapath::ShardStats>,
    client: DataPath,
    send: SendBatch,
    receive: ReceiveBatch,
    poller: Poller,
    sockets: Vec<OwnedFd>,
    /// The kernel's end of the TUN.
    device: UnixDatagram,
    to: SocketAddr,
    superpacket: Vec<u8>,
    work: Vec<u8>,
    frame: Vec<u8>,
}

impl Tunnel {
    pub fn open() -> Tunnel {
        let (server, client) = (udp_group(), udp_group());
        let to = SocketAddr::new(LOCALHOST, server.port);
        let from = SocketAddr::new(LOCALHOST, client.port);
        let (tun, device) = UnixDatagram::pair().expect("pair");
        tun.set_nonblocking(true).expect("non-blocking");
        device
            .set_read_timeout(Some(PATIENCE))
            .expect("a time to wait");
        let data_path = server_path(from);
        let drops = Arc::clone(data_path.stats());
        let poller = Poller::new(1).expect("poller");
        poller.add(&client.sockets[0], 0).expect("watch");
        Tunnel {
            thread: Some(start(server, TunQueue::new(tun.into()), data_path)),
            drops,
            client: test_sink::client(Cipher::Aes256Gcm, DataFormat::V2),
            send: SendBatch::new(true),
            receive: ReceiveBatch::for_gro(),
            poller,
            sockets: client.sockets,
            device,
            to,
            superpacket: superpacket(),
            work: Vec::new(),
            frame: vec![0; MAX_FRAME],
        }
    }

    /// A run of datagrams from the client becomes a superpacket on the TUN.
    pub fn round_inbound(&mut self) {
        self.work.clone_from(&self.superpacket);
        let mut sink = ClientSink {
            batch: &mut self.send,
            to: self.to,
        };
        self.client.outbound(0, &mut self.work, &mut sink);
        self.send.flush(&self.sockets);
        let len = loop {
            match self.device.recv(&mut self.frame) {
                // A process that was stopped and goes on.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.expect("a frame"),
            }
        };
        assert_eq!(len, self.superpacket.len());
    }

    /// A superpacket from the TUN becomes a run of datagrams to the client.
    pub fn round_outbound(&mut self) {
        // The other way round: what the client sends is from 10.8.0.2, so this goes there.
        self.work.clone_from(&self.superpacket);
        for at in 0..4 {
            self.work.swap(VNET_LEN + 12 + at, VNET_LEN + 16 + at);
        }
        self.device.send(&self.work).expect("room");
        let (mut datagrams, began) = (0, Instant::now());
        while datagrams < SEGMENTS {
            self.poller.wait(Some(PATIENCE), |_| {}).expect("wait");
            let count = self.receive.receive(&self.sockets[0]).expect("receive");
            let late = began.elapsed() >= PATIENCE;
            assert!(count > 0 || !late, "only {datagrams} datagrams came");
            for index in 0..count {
                let received = self.receive.message(index).expect("message");
                datagrams += received.bytes.len().div_ceil(received.segment);
            }
        }
        assert_eq!(datagrams, SEGMENTS);
    }

    pub fn drops(&self) -> Vec<(&'static str, u64)> {
        self.drops.drops().collect()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        drop(self.thread.take());
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(60);

fn udp_group() -> UdpGroup {
    let options = UdpGroupOptions {
        options: netio::socket_options::SocketOptions::default(),
        host: LOCALHOST,
        port: 0,
        shared: false,
        shards: 1,
        receive_buffer: 0,
        send_buffer: 0,
    };
    let group = open_udp_group(&options).expect("UDP group");
    assert!(group.gro && group.gso, "this kernel lacks an offload");
    group
}

fn server_path(client: SocketAddr) -> DataPath {
    let plane = Arc::new(Plane::new(test_sink::settings(Role::Server, 1)));
    let mut server = test_sink::server(&plane, 0);
    let command = AddPeer {
        path: PeerAddr {
            listener: 0,
            addr: client,
        },
        // However long it takes: no ping comes in between, and nobody is given up.
        ping_interval_s: 3600,
        ping_timeout_s: 7200,
        ..test_sink::peer(0, 2, DataFormat::V2)
    };
    server
        .add_peer(shard::clock::now(), command)
        .expect("a new peer");
    server
        .install_key(test_sink::server_key(0, 0, Cipher::Aes256Gcm))
        .expect("a good key");
    server
}

fn start(group: UdpGroup, tun: TunQueue, data_path: DataPath) -> ShardThread {
    let (state, waker) = (
        Arc::new(ShardState::new()),
        Arc::new(Waker::new().expect("waker")),
    );
    let (to_data, to_worker) = (ring::allocate(65_536), ring::allocate(65_536));
    let outlet = Outlet::new(
        group.sockets,
        Some(tun),
        Streams::new(Arc::default(), Arc::clone(&state), 2048).expect("streams"),
        vec![None],
        RingProducer::new(to_worker).expect("ring"),
        Arc::default(),
        Arc::clone(&state),
    );
    let commands = RingConsumer::new(to_data).expect("ring");
    let (orders, received_orders) = SocketOrders::new();
    let event_loop = EventLoop::new(
        outlet,
        commands,
        received_orders,
        Vec::new(),
        Arc::clone(&waker),
        Arc::clone(&state),
    );
    ShardThread::start(
        0,
        state,
        waker,
        orders,
        data_path,
        event_loop.expect("event loop"),
    )
    .expect("data thread")
}

/// A frame as a TUN with offloads has it, in both directions.
fn superpacket() -> Vec<u8> {
    let packet = Shape::tcp(false, 2).packet(&vec![5; SEGMENTS * PAYLOAD]);
    let header = VnetHeader {
        needs_csum: true,
        gso: vnet::GsoKind::Tcp4,
        hdr_len: 40,
        gso_size: PAYLOAD as u16,
        csum_start: 20,
        csum_offset: 16,
    };
    [&header.encode()[..], &packet].concat()
}

struct ClientSink<'a> {
    batch: &'a mut SendBatch,
    to: SocketAddr,
}

impl OutboundSink for ClientSink<'_> {
    fn reserve(&mut self, _to: &PeerAddr, len: usize) -> Option<&mut [u8]> {
        self.batch.reserve(len)
    }

    fn commit(&mut self) {
        self.batch.commit(0, self.to);
    }

    fn hop_peer(&mut self, _: usize, _: PeerId, _: &[u8; VNET_LEN], _: &[u8]) -> bool {
        false
    }

    fn event(&mut self, _: DataEvent) -> bool {
        false
    }
}

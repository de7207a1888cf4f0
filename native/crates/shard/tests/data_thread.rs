//! A whole data thread on loopback, its TUN being a pair of datagram sockets.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use datapath::{PeerAddr, PlaneSettings, Role};
use netio::mem::SharedMemory;
use netio::udp_group::{UdpGroup, UdpGroupOptions, open_udp_group};
use shard::address_record::encode_address;
use shard::hand_over;
use shard::registry::{self, ShardOptions, ShardSnapshot};
use shard::ring::{self, RingConsumer, RingProducer};

struct Lab {
    plane: u32,
    group: UdpGroup,
    tun: OwnedFd,
    to_data: SharedMemory,
    to_worker: SharedMemory,
}

/// One socket of the loopback, as a listener of one shard has it.
fn open_group() -> UdpGroup {
    open_udp_group(&UdpGroupOptions {
        options: netio::socket_options::SocketOptions::default(),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        shared: false,
        shards: 1,
        receive_buffer: 0,
        send_buffer: 0,
    })
    .expect("UDP group")
}

impl Lab {
    fn new() -> Lab {
        let group = open_group();
        let plane = new_plane();
        let (device, _) = UnixDatagram::pair().expect("pair");
        device.set_nonblocking(true).expect("non-blocking");
        let lab = Lab {
            plane,
            group,
            tun: device.into(),
            to_data: ring::allocate(65_536),
            to_worker: ring::allocate(65_536),
        };
        lab.start().expect("data thread");
        lab
    }

    /// Another plane with the same sockets and device, not running.
    fn successor(&self) -> Lab {
        let fd = |fd: &OwnedFd| fd.try_clone().expect("descriptor");
        let lab = Lab {
            plane: new_plane(),
            group: UdpGroup {
                sockets: self.group.sockets.iter().map(fd).collect(),
                ..self.group
            },
            tun: fd(&self.tun),
            to_data: ring::allocate(65_536),
            to_worker: ring::allocate(65_536),
        };
        registry::prepare_shard(lab.plane, lab.options()).expect("prepared");
        lab
    }

    fn start(&self) -> Result<(), netio::IoError> {
        registry::start_shard(self.plane, self.options())
    }

    fn options(&self) -> ShardOptions {
        ShardOptions {
            shard: 0,
            udp: self
                .group
                .sockets
                .iter()
                .map(|fd| Some(fd.as_raw_fd()))
                .collect(),
            tun: Some(self.tun.as_raw_fd()),
            to_data: self.to_data.clone(),
            to_worker: self.to_worker.clone(),
            hop_in: vec![None],
            hop_out: vec![None],
        }
    }

    fn snapshot(&self) -> ShardSnapshot {
        registry::shard_snapshot(self.plane, 0).expect("snapshot")
    }

    fn counter(&self, name: &str) -> u64 {
        let counters = self.snapshot().counters;
        counters
            .iter()
            .find(|(counter, _)| *counter == name)
            .unwrap_or_else(|| panic!("no counter {name}"))
            .1
    }

    fn send_reset(&self, client: &UdpSocket) {
        send_reset(client, &self.group);
    }

    /// A control packet of the worker: the client is known from here on.
    fn transmit_to(&self, client: &UdpSocket) {
        let port = client.local_addr().expect("address").port();
        let mut path = [0; 24];
        path[2] = 4;
        path[4..6].copy_from_slice(&port.to_le_bytes());
        path[8..12].copy_from_slice(&[127, 0, 0, 1]);
        let mut commands = RingProducer::new(self.to_data.clone()).expect("ring");
        assert!(commands.push(1, &[&path, &[4 << 3; 30]]));
        if commands.publish() {
            registry::wake_shard(self.plane, 0).expect("wake");
        }
        let limit = Some(Duration::from_secs(60));
        client.set_read_timeout(limit).expect("a limit");
        let mut answer = [0; 64];
        let len = uninterrupted(|| client.recv(&mut answer));
        assert_eq!(len.expect("the packet"), 30);
    }
}

fn send_reset(client: &UdpSocket, group: &UdpGroup) {
    send_reset_of(client, group, [7; 8]);
}

fn send_reset_of(client: &UdpSocket, group: &UdpGroup, session: [u8; 8]) {
    let mut reset = [7; 14];
    reset[0] = 7 << 3;
    reset[1..9].copy_from_slice(&session);
    client
        .send_to(&reset, ("127.0.0.1", group.port))
        .expect("send");
}

impl Drop for Lab {
    fn drop(&mut self) {
        registry::destroy_plane(self.plane);
    }
}

/// A wait with a time limit ends when the process is stopped and goes on.
fn uninterrupted<T>(mut wait: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match wait() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            ended => return ended,
        }
    }
}

fn new_plane() -> u32 {
    registry::create_plane(PlaneSettings {
        role: Role::Server,
        shards: 1,
        client_to_client: false,
        mssfix: datapath::mss::MssFix::Off,
        tun_mtu: 1500,
        max_peers: 10,
    })
    .expect("plane")
}

#[track_caller]
fn until(what: &str, mut probe: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !probe() {
        assert!(Instant::now() < end, "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Of a record that is counted before it is published.
#[track_caller]
fn next_payload(records: &mut RingConsumer) -> Vec<u8> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(record) = records.next_record() {
            return record.payload.to_vec();
        }
        assert!(Instant::now() < end, "no record");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn client() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("socket")
}

#[test]
fn a_control_packet_wakes_a_sleeping_worker_once() {
    let lab = Lab::new();
    let wakes = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&wakes);
    registry::attach_worker(
        lab.plane,
        0,
        Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }),
    )
    .expect("attach");
    let mut records = RingConsumer::new(lab.to_worker.clone()).expect("ring");
    assert!(records.sleep());
    let client = client();
    for expected in 1..=3 {
        lab.send_reset(&client);
        until("the packet", || lab.counter("control-packets") == expected);
    }
    until("the wake-up", || wakes.load(Ordering::SeqCst) == 2);
    let payload = next_payload(&mut records);
    let addr = client.local_addr().expect("address");
    assert_eq!(
        payload[..24],
        encode_address(&PeerAddr { listener: 0, addr })
    );
    assert_eq!(
        wakes.load(Ordering::SeqCst),
        2,
        "one of attach, one of the first packet"
    );
}

#[test]
fn listeners_come_and_go_while_it_runs() {
    let lab = Lab::new();
    let later = open_group();
    let fd = later.sockets[0].as_raw_fd();
    assert!(registry::open_listener(lab.plane, 0, 2, fd).is_err());
    registry::open_listener(lab.plane, 0, 1, fd).expect("listener 1");
    let client = client();
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("time limit");
    send_reset(&client, &later);
    until("the packet", || lab.counter("control-packets") == 1);
    let mut records = RingConsumer::new(lab.to_worker.clone()).expect("ring");
    let payload = next_payload(&mut records);
    assert_eq!(payload[..2], [1, 0]);

    let addr = client.local_addr().expect("address");
    let mut commands = RingProducer::new(lab.to_data.clone()).expect("ring");
    let mut answer_from = |listener: u16| {
        let to = encode_address(&PeerAddr { listener, addr });
        assert!(commands.push(1, &[&to, b"hello"]));
        commands.publish();
        registry::wake_shard(lab.plane, 0).expect("wake");
        let mut bytes = [0; 64];
        uninterrupted(|| client.recv_from(&mut bytes)).map(|(_, from)| from.port())
    };
    assert_eq!(answer_from(1).expect("answer"), later.port);
    registry::close_listener(lab.plane, 0, 0, Some(fd)).expect("listener 0 gone");
    assert_eq!(answer_from(0).expect("answer"), later.port);
    send_reset(&client, &lab.group);
    send_reset(&client, &later);
    until("the packet", || lab.counter("control-packets") == 2);
    assert_eq!(lab.counter("control-packets"), 2, "nobody reads listener 0");

    registry::close_listener(lab.plane, 0, 0, None).expect("nothing is left of it");
    client
        .set_read_timeout(Some(Duration::from_millis(20)))
        .expect("time limit");
    assert!(answer_from(0).is_err());
    until("the refusal", || lab.counter("udp-send-refused") == 1);
    registry::open_listener(lab.plane, 0, 0, lab.group.sockets[0].as_raw_fd()).expect("again");
    until("the packet that waited", || {
        lab.counter("control-packets") == 3
    });
    assert_eq!(lab.counter("udp-receive-errors"), 0);
}

#[test]
fn a_thread_that_fails_starts_anew_without_its_peers_and_says_so() {
    let lab = Lab::new();
    let client = client();
    let mut commands = RingProducer::new(lab.to_data.clone()).expect("ring");
    let mut records = RingConsumer::new(lab.to_worker.clone()).expect("ring");
    let mut add_peer = |lab: &Lab| {
        let addr = client.local_addr().expect("address");
        let mut payload = [0u32.to_le_bytes(), 3u32.to_le_bytes()].concat();
        payload.extend(encode_address(&PeerAddr { listener: 0, addr }));
        payload.extend([10, 8, 0, 2, 10, 0, 120, 0]);
        payload.extend([0; 16]);
        assert!(commands.push(2, &[&payload]));
        commands.publish();
        registry::wake_shard(lab.plane, 0).expect("wake");
        until("the peer", || lab.snapshot().peers.len() == 1);
    };
    for round in 1..=2 {
        add_peer(&lab);
        registry::inject_panic(lab.plane, 0).expect("panic");
        until("the panic", || lab.counter("panics") == round);
        until("the restart", || lab.snapshot().life.name() == "running");
        assert!(lab.snapshot().peers.is_empty());
        let (count, last) = registry::shard_panics(lab.plane, 0).expect("panics");
        assert!(
            count == round && last.starts_with("injected panic ("),
            "{last}"
        );
        let mut kind = None;
        until("the word of it", || {
            kind = records.next_record().map(|record| record.kind);
            records.release();
            kind.is_some()
        });
        assert_eq!(kind, Some(7));
        lab.send_reset(&client);
        until("a packet", || lab.counter("control-packets") == round);
        until("its record", || records.next_record().is_some());
        records.release();
    }
    assert_eq!(
        (
            lab.counter("commands-refused"),
            lab.counter("rings-corrupt")
        ),
        (0, 0)
    );
}

#[test]
fn nonsense_from_the_worker_is_counted() {
    let lab = Lab::new();
    let mut commands = RingProducer::new(lab.to_data.clone()).expect("ring");
    for (kind, len) in [(2, 10), (3, 88), (6, 4), (99, 8)] {
        assert!(commands.push(kind, &[&[0; 100][..len]]));
    }
    if commands.publish() {
        registry::wake_shard(lab.plane, 0).expect("wake");
    }
    until("the refusals", || lab.counter("commands-refused") == 4);
}

/// The worker reads nothing, and its ring has 64 KiB.
#[test]
fn what_a_worker_has_no_room_for_is_dropped_and_counted() {
    let lab = Lab::new();
    let (stranger, known) = (client(), client());
    let dropped = |wanted| {
        let drops = lab.snapshot().drops;
        drops.iter().any(|(reason, _)| *reason == wanted)
    };
    // However slowly they come, the worker's ring is never left to strangers.
    let mut sent = 0u64;
    while !dropped("control-flood") {
        assert!(sent < 2000, "strangers are turned away");
        for _ in 0..50 {
            sent += 1;
            send_reset_of(&stranger, &lab.group, sent.to_le_bytes());
        }
        until("the packets", || lab.counter("control-packets") == sent);
    }
    assert!(!dropped("control-full"));
    lab.transmit_to(&known);
    let mut packet = [7; 1200];
    packet[0] = 4 << 3;
    for _ in 0..100 {
        let sent = known.send_to(&packet, ("127.0.0.1", lab.group.port));
        assert_eq!(sent.expect("send"), packet.len());
    }
    until("the ring is full", || dropped("control-full"));
    assert_eq!(lab.snapshot().life.name(), "running");
}

#[test]
fn a_shard_is_started_once_and_again_after_its_end() {
    let lab = Lab::new();
    assert_eq!(lab.start().expect_err("a second thread").code(), "EBUSY");
    registry::destroy_plane(lab.plane);
    assert_eq!(
        registry::wake_shard(lab.plane, 0)
            .expect_err("no plane")
            .code(),
        "EINVAL"
    );
}

#[test]
fn another_plane_goes_on_where_a_halted_one_stopped() {
    let old = Lab::new();
    let client = client();
    old.send_reset(&client);
    until("the first packet", || old.counter("control-packets") == 1);
    registry::store_snapshot(old.plane, 0, 7, b"of a worker", None).expect("kept");
    hand_over::halt_plane(old.plane).expect("halted");
    assert_eq!(old.snapshot().life.name(), "halted");
    old.send_reset(&client);
    let new = old.successor();
    let sessions = hand_over::encode_plane(old.plane).expect("snapshot");
    let taken = hand_over::take_over_plane(new.plane, &sessions);
    assert_eq!(taken.expect("taken over"), 0);
    until("the packet that waited", || {
        new.counter("control-packets") == 2
    });
    assert_eq!(old.counter("control-packets"), 1);
    let kept = registry::read_snapshots(new.plane, 0).expect("snapshots");
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].0, &**kept[0].1), (7, &b"of a worker"[..]));
    let mut records = RingConsumer::new(new.to_worker.clone()).expect("ring");
    for _ in 0..2 {
        assert!(records.next_record().is_some());
    }
    drop(new);
    hand_over::take_back_plane(old.plane).expect("taken back");
    old.send_reset(&client);
    until("a packet at the first again", || {
        old.counter("control-packets") == 2
    });
}

#[test]
fn damaged_sessions_are_refused_and_the_halted_plane_goes_on() {
    let old = Lab::new();
    hand_over::halt_plane(old.plane).expect("halted");
    let sessions = hand_over::encode_plane(old.plane).expect("snapshot");
    for bytes in [&sessions[..sessions.len() - 1], &[], &[9; 40]] {
        let new = old.successor();
        let refusal = hand_over::take_over_plane(new.plane, bytes);
        assert_eq!(refusal.expect_err("damaged").code(), "EINVAL");
        assert_eq!(new.snapshot().life.name(), "halted");
    }
    hand_over::take_back_plane(old.plane).expect("taken back");
    old.send_reset(&client());
    until("a packet", || old.counter("control-packets") == 1);
    assert_eq!(
        hand_over::take_back_plane(old.plane)
            .expect_err("it runs")
            .code(),
        "EBUSY"
    );
}

#[test]
fn planes_come_and_go_without_leaving_descriptors() {
    const PLANES: usize = 150;
    drop(Lab::new());
    let before = open_descriptors();
    for _ in 0..PLANES {
        drop(Lab::new());
    }
    // Other tests run beside this one and hold some of their own, fewer than one for each plane.
    let after = open_descriptors();
    assert!(
        after < before + PLANES,
        "{before} descriptors became {after}"
    );
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

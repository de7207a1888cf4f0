//! A whole data thread with a TCP listener on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use datapath::mss::MssFix;
use datapath::{PeerAddr, PlaneSettings, Role, STREAM_BIT};
use netio::mem::SharedMemory;
use netio::tcp_group::{TcpGroup, TcpGroupOptions, open_tcp_group};
use shard::address_record::encode_address;
use shard::registry::{self, ShardOptions};
use shard::ring::{self, RingConsumer, RingProducer};

const TRANSMIT: u32 = 1;
const CLOSE_CONNECTION: u32 = 16;
const DATAGRAM: u32 = 1;
const CLOSED: u32 = 16;
/// Of a control packet without wrapping.
const RESET_LEN: usize = 14;

struct Lab {
    plane: u32,
    group: TcpGroup,
    commands: RingProducer,
    records: RingConsumer,
}

impl Lab {
    fn new() -> Lab {
        let options = TcpGroupOptions {
            options: netio::socket_options::SocketOptions::default(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            shared: false,
            shards: 1,
            receive_buffer: 0,
            send_buffer: 32_768,
        };
        let group = open_tcp_group(&options).expect("TCP group");
        let plane = registry::create_plane(PlaneSettings {
            role: Role::Server,
            shards: 1,
            client_to_client: false,
            mssfix: MssFix::Off,
            tun_mtu: 1500,
            max_peers: 10,
        });
        let plane = plane.expect("plane");
        let rings: [SharedMemory; 2] = [ring::allocate(1 << 20), ring::allocate(1 << 20)];
        let shard = ShardOptions {
            shard: 0,
            udp: group
                .sockets
                .iter()
                .map(|fd| Some(fd.as_raw_fd()))
                .collect(),
            tun: None,
            to_data: rings[0].clone(),
            to_worker: rings[1].clone(),
            hop_in: vec![None],
            hop_out: vec![None],
        };
        registry::start_shard(plane, shard).expect("data thread");
        let [to_data, to_worker] = rings;
        Lab {
            plane,
            group,
            commands: RingProducer::new(to_data).expect("ring"),
            records: RingConsumer::new(to_worker).expect("ring"),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.group.port)).expect("connection");
        stream.set_nodelay(true).expect("no delay");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("time limit");
        stream
    }

    fn counter(&self, name: &str) -> u64 {
        let io = registry::shard_io(self.plane, 0).expect("counters");
        let found = io.iter().find(|(counter, _)| *counter == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// Kind, address and the rest of the next record for the worker.
    fn record(&mut self) -> (u32, Vec<u8>) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(record) = self.records.next_record() {
                return (record.kind, record.payload.to_vec());
            }
            assert!(Instant::now() < end, "no record");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A ring that is full has room when the data thread has run.
    fn command(&mut self, kind: u32, parts: &[&[u8]]) {
        until("room in the ring", || self.commands.push(kind, parts));
        self.commands.publish();
        registry::wake_shard(self.plane, 0).expect("wake");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        registry::destroy_plane(self.plane);
    }
}

#[track_caller]
fn until(what: &str, mut probe: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !probe() {
        assert!(Instant::now() < end, "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A reset of the client that is called `name`, behind its length.
fn framed_reset(name: u8) -> Vec<u8> {
    let mut bytes = vec![0, RESET_LEN as u8, 7 << 3];
    bytes.extend([name; RESET_LEN - 1]);
    bytes
}

fn address_of(stream: &TcpStream) -> [u8; 24] {
    let addr: SocketAddr = stream.local_addr().expect("address");
    encode_address(&PeerAddr {
        listener: STREAM_BIT,
        addr,
    })
}

/// Without anything from the server before. It waits for the end as long as the stream's time limit.
fn is_closed(stream: &mut TcpStream) -> bool {
    loop {
        match stream.read(&mut [0]) {
            Ok(count) => return count == 0,
            // A process that was stopped and goes on.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Whether there is something to read, after a moment at most.
fn has_come(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("no waiting");
    let end = Instant::now() + Duration::from_millis(20);
    let mut here = stream.peek(&mut [0]).is_ok();
    while !here && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
        here = stream.peek(&mut [0]).is_ok();
    }
    stream.set_nonblocking(false).expect("waiting");
    here
}

#[test]
fn packets_come_whole_however_they_are_cut() {
    let mut lab = Lab::new();
    let mut stream = lab.connect();
    let both = [framed_reset(1), framed_reset(2)].concat();
    for cut in 0..both.len() {
        let read = lab.counter("tcp-read-calls");
        stream.write_all(&both[..cut]).expect("write");
        until("the first part is read", || {
            cut == 0 || lab.counter("tcp-read-calls") > read
        });
        stream.write_all(&both[cut..]).expect("write");
        for name in [1, 2] {
            let (kind, payload) = lab.record();
            assert_eq!(kind, DATAGRAM);
            assert_eq!(payload[..24], address_of(&stream));
            assert_eq!(payload[24..], framed_reset(name)[2..], "cut at {cut}");
        }
    }
    for byte in framed_reset(3) {
        let read = lab.counter("tcp-read-calls");
        stream.write_all(&[byte]).expect("write");
        until("it is read", || lab.counter("tcp-read-calls") > read);
    }
    assert_eq!(lab.record().1[24..], framed_reset(3)[2..]);
}

#[test]
fn what_is_no_stream_of_packets_is_closed() {
    let lab = Lab::new();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 7]] {
        let mut stream = lab.connect();
        stream.write_all(garbage).expect("write");
        assert!(is_closed(&mut stream));
    }
    assert_eq!(lab.counter("tcp-bad-length"), 2);
    until("nothing is left", || lab.counter("tcp-connections") == 0);
}

#[test]
fn the_worker_hears_of_an_end_and_can_order_one() {
    let mut lab = Lab::new();
    let mut stream = lab.connect();
    stream.write_all(&framed_reset(1)).expect("write");
    let address = address_of(&stream);
    assert_eq!(lab.record().0, DATAGRAM);
    drop(stream);
    let (kind, payload) = lab.record();
    assert_eq!((kind, &payload[8..]), (CLOSED, &address[..]));

    stream = lab.connect();
    stream.write_all(&framed_reset(2)).expect("write");
    assert_eq!(lab.record().0, DATAGRAM);
    let address = address_of(&stream);
    lab.command(CLOSE_CONNECTION, &[&address]);
    lab.command(TRANSMIT, &[&address, b"too late, or in time"]);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("an orderly end");
    until("nothing is left", || lab.counter("tcp-connections") == 0);
    assert!(lab.records.next_record().is_none(), "it knows already");
}

#[test]
fn the_worker_hears_of_the_end_before_it_hears_of_who_comes_by_the_same_path() {
    let mut lab = Lab::new();
    let loopback = (IpAddr::V4(Ipv4Addr::LOCALHOST), 8);
    registry::trust_proxies(lab.plane, vec![loopback]).expect("proxies");
    let header = b"PROXY TCP4 192.0.2.7 10.0.0.1 4000 1194\r\n";
    let mut streams = Vec::new();
    for name in [1, 2] {
        let mut stream = lab.connect();
        stream
            .write_all(&[&header[..], &framed_reset(name)].concat())
            .expect("write");
        streams.push(stream);
        if name == 2 {
            assert_eq!(lab.record().0, CLOSED);
        }
        let (kind, payload) = lab.record();
        assert_eq!((kind, &payload[24..]), (DATAGRAM, &framed_reset(name)[2..]));
    }
    assert!(lab.records.next_record().is_none());
    assert!(is_closed(&mut streams[0]));
}

#[test]
fn a_slow_reader_gets_whole_packets_in_order_and_no_more_than_the_limit() {
    let mut lab = Lab::new();
    registry::limit_streams(lab.plane, 8, 60_000, 10).expect("limits");
    let mut stream = lab.connect();
    stream.write_all(&framed_reset(1)).expect("write");
    assert_eq!(lab.record().0, DATAGRAM);
    let address = address_of(&stream);
    let mut sent = 0u32;
    while lab.counter("tcp-queue-full") < 10 {
        let mut packet = vec![0xaa; 1400];
        packet[..4].copy_from_slice(&sent.to_be_bytes());
        lab.command(TRANSMIT, &[&address, &packet]);
        sent += 1;
        assert!(sent < 100_000, "the queue has no end");
    }
    // It reads again: what was taken comes whole and in order, and so does what is sent once all of that has been read.
    let mut expected = 0;
    let mut seen = 0;
    let last = 0xffff_ffffu32;
    loop {
        while !has_come(&stream) {
            let mut packet = vec![0xaa; 1400];
            packet[..4].copy_from_slice(&last.to_be_bytes());
            lab.command(TRANSMIT, &[&address, &packet]);
        }
        let mut prefix = [0; 2];
        stream.read_exact(&mut prefix).expect("length");
        let mut packet = vec![0; usize::from(u16::from_be_bytes(prefix))];
        stream.read_exact(&mut packet).expect("packet");
        assert_eq!(packet.len(), 1400);
        let number = u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]]);
        if number == last {
            break;
        }
        assert!(number >= expected, "{number} after {expected}");
        expected = number + 1;
        seen += 1;
    }
    assert!(seen > 100);
}

#[test]
fn connections_without_a_client_end_in_time_and_make_room_for_others() {
    let lab = Lab::new();
    registry::limit_streams(lab.plane, 8, 60_000, 2).expect("limits");
    let mut oldest = lab.connect();
    until("it is there", || lab.counter("tcp-accepted") == 1);
    let mut second = lab.connect();
    second.write_all(&framed_reset(2)).expect("write");
    until("it has spoken", || lab.counter("tcp-received") == 1);
    let mut third = lab.connect();
    assert!(is_closed(&mut oldest), "it made room");
    third.write_all(&framed_reset(3)).expect("write");
    until("it has spoken", || lab.counter("tcp-received") == 2);
    let mut fourth = lab.connect();
    assert!(is_closed(&mut second), "it made room in its turn");
    assert_eq!(lab.counter("tcp-refused"), 2);
    registry::limit_streams(lab.plane, 8, 10, 2).expect("limits");
    assert!(is_closed(&mut third) && is_closed(&mut fourth));
    assert_eq!(lab.counter("tcp-timed-out"), 2);
}

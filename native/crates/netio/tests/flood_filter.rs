//! The filter of floods, in the kernel, over the real loopback. It takes a process that may use bpf().

mod own_namespace;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netio::flood_filter::{FilterDrops, FloodFilter, PacketShape, detach};
use netio::interface::InterfacePlan;
use netio::receive_batch::ReceiveBatch;
use netio::send_batch::SendBatch;
use netio::socket_options::SocketOptions;
use netio::tun::{TunOptions, open_tun};
use netio::tun_queue::TunQueue;
use netio::udp_group::{UdpGroup, UdpGroupOptions, datagrams_gone, open_udp_group};
use own_namespace::in_own_namespace;

const SHARD: usize = 1;
/// More of a kind than stay of it in a tick.
const MANY: usize = 1500;
const TICK: Duration = Duration::from_millis(134);
const PATIENCE: Duration = Duration::from_secs(60);
const NOBODYS_PER_TICK: usize = 64;
const RESETS_PER_TICK: usize = 402;

const CRYPT: PacketShape = PacketShape {
    min_len: 54,
    counter_at: 9,
};
const NONE: PacketShape = PacketShape {
    min_len: u32::MAX,
    counter_at: 0,
};

/// A guarded socket and somebody who sends to it.
struct Lab {
    filter: FloodFilter,
    server: UdpGroup,
    client: UdpSocket,
}

impl Lab {
    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    fn new(host: IpAddr) -> Option<Lab> {
        let filter = match FloodFilter::new(2) {
            Ok(filter) => filter,
            Err(error) if error.code() == "EPERM" => {
                eprintln!("skipped: bpf() needs root");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let server = group(host);
        filter.attach(SHARD, &server.sockets[0]).expect("attach");
        let client = UdpSocket::bind((host, 0)).expect("a client");
        client.connect((host, server.port)).expect("connect");
        Some(Lab {
            filter,
            server,
            client,
        })
    }

    fn address(&self) -> SocketAddr {
        self.client.local_addr().expect("address")
    }

    /// How many of many stay.
    fn stay_of(&self, packet: &[u8]) -> usize {
        self.stay_of_each((0..MANY).map(|_| packet.to_vec()))
    }

    /// Everything is either received or counted.
    fn stay_of_each(&self, packets: impl Iterator<Item = Vec<u8>>) -> usize {
        let before = self.filter.drops(SHARD).total();
        let (mut sent, mut received) = (0, 0);
        for packet in packets {
            self.client.send(&packet).expect("send");
            sent += 1;
            if sent % 64 == 0 {
                received += drain(&self.server.sockets[0]);
            }
        }
        let dropped = || (self.filter.drops(SHARD).total() - before) as usize;
        self.receive_until(&mut received, |received| received + dropped() >= sent);
        assert_eq!(received + dropped(), sent);
        received
    }

    /// A busy kernel delivers a little later.
    fn receive_until(&self, received: &mut usize, is_enough: impl Fn(usize) -> bool) {
        let began = Instant::now();
        while !is_enough(*received) && began.elapsed() < PATIENCE {
            *received += drain(&self.server.sockets[0]);
            sleep(Duration::from_micros(200));
        }
    }

    /// Some of them stay in each tick.
    fn assert_limited(&self, packet: &[u8], per_tick: usize, what: &str) -> FilterDrops {
        let (before, began) = (self.filter.drops(SHARD), Instant::now());
        let stay = self.stay_of(packet);
        let ticks = began.elapsed().as_millis() / TICK.as_millis() + 2;
        assert!(stay <= per_tick * ticks as usize, "{what}: {stay}");
        let after = self.filter.drops(SHARD);
        FilterDrops {
            nobodys: after.nobodys - before.nobodys,
            resets: after.resets - before.resets,
        }
    }

    fn assert_nobodys(&self, packet: &[u8], what: &str) {
        let drops = self.assert_limited(packet, NOBODYS_PER_TICK, what);
        assert_eq!(drops.resets, 0, "{what}");
    }

    fn assert_stays(&self, packet: &[u8], what: &str) {
        assert_eq!(self.stay_of(packet), MANY, "{what}");
    }
}

fn group(host: IpAddr) -> UdpGroup {
    open_udp_group(&UdpGroupOptions {
        host,
        port: 0,
        shared: false,
        shards: 1,
        receive_buffer: 1 << 20,
        send_buffer: 1 << 20,
        options: SocketOptions::default(),
    })
    .expect("UDP group")
}

fn drain(socket: &OwnedFd) -> usize {
    let mut batch = ReceiveBatch::for_gro();
    let mut datagrams = 0;
    loop {
        match batch.receive(socket).expect("receive") {
            0 => return datagrams,
            count => {
                for index in 0..count {
                    let received = batch.message(index).expect("message");
                    datagrams += received.bytes.len().div_ceil(received.segment);
                }
            }
        }
    }
}

/// With this opcode and counter at the place of tls-crypt.
fn control(opcode: u8, len: usize, counter: u32) -> Vec<u8> {
    let mut packet = vec![7; len];
    packet[0] = opcode << 3;
    packet[9..13].copy_from_slice(&counter.to_be_bytes());
    packet
}

fn data_v2(peer: u32) -> Vec<u8> {
    let mut packet = vec![7; 60];
    packet[..4].copy_from_slice(&(9 << 27 | peer).to_be_bytes());
    packet
}

fn reset(number: u32) -> Vec<u8> {
    let mut packet = vec![0; 14];
    packet[0] = 7 << 3;
    packet[1..5].copy_from_slice(&number.to_be_bytes());
    packet
}

fn both_families(run: impl Fn(&Lab)) {
    for host in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        if let Some(lab) = Lab::new(host) {
            run(&lab);
        }
    }
}

#[test]
fn of_what_no_client_sends_some_stay() {
    both_families(|lab| {
        lab.filter.expect(SHARD, [CRYPT, NONE]);
        lab.filter.note_peer(5, true);
        assert!(lab.stay_of(&data_v2(6)) >= NOBODYS_PER_TICK);
        let is_of_client = |opcode| (3..=11).contains(&opcode) && opcode != 8;
        for opcode in (0..32).filter(|opcode| !is_of_client(*opcode)) {
            lab.assert_nobodys(&control(opcode, 60, 1), &format!("opcode {opcode}"));
        }
        lab.assert_nobodys(&[7 << 3; 13], "too short for anything");
        lab.assert_nobodys(&data_v2(6), "another peer-id");
        lab.assert_nobodys(&data_v2(0xff_ffff), "no peer-id from nowhere");
        for opcode in [3, 6] {
            lab.assert_nobodys(&control(opcode, 60, 1), &format!("opcode {opcode}"));
        }
        for opcode in [10, 11] {
            lab.assert_nobodys(&control(opcode, 200, 1), "a key that nobody takes");
        }
        for opcode in [4, 5, 7] {
            lab.assert_nobodys(&control(opcode, 53, 1), "too short for the wrapping");
            for counter in [1 << 16, 1 << 23, 0x1000_0000, 0x8000_0000] {
                lab.assert_nobodys(&control(opcode, 60, counter), "a late counter");
            }
        }
    });
}

#[test]
fn what_clients_send_stays() {
    both_families(|lab| {
        lab.filter.expect(SHARD, [CRYPT, CRYPT]);
        lab.filter.note_peer(5, true);
        lab.assert_stays(&data_v2(5), "data of a client");
        for opcode in [4, 5, 11] {
            for counter in [1, 0xffff, 0x0f00_0001] {
                lab.assert_stays(&control(opcode, 54, counter), &format!("opcode {opcode}"));
            }
        }
        let mut other_port = lab.address();
        other_port.set_port(other_port.port() ^ 1);
        lab.filter.note_address(&other_port, true);
        lab.assert_nobodys(&control(6, 60, 1), "a client is at another port");
        lab.filter.note_address(&lab.address(), true);
        lab.assert_stays(&data_v2(0xff_ffff), "no peer-id from a client");
        for opcode in [3, 4, 5, 6, 7, 10, 11] {
            let packet = control(opcode, 14, u32::MAX);
            lab.assert_stays(&packet, &format!("opcode {opcode} of a client"));
        }
        lab.filter.note_address(&lab.address(), false);
        lab.filter.note_peer(5, false);
        lab.assert_nobodys(&control(6, 60, 1), "the client is gone");
        lab.assert_nobodys(&data_v2(5), "the client is gone");
    });
}

#[test]
fn of_unknown_shapes_all_control_packets_stay() {
    both_families(|lab| {
        for opcode in [4, 5, 7, 10, 11] {
            let packet = control(opcode, 14, u32::MAX);
            lab.assert_stays(&packet, &format!("opcode {opcode}"));
        }
        lab.assert_nobodys(&control(3, 14, 1), "a soft reset from nowhere");
    });
}

#[test]
fn of_first_packets_some_stay_and_those_that_come_again() {
    both_families(|lab| {
        let plain = PacketShape {
            min_len: 14,
            counter_at: 0,
        };
        lab.filter.expect(SHARD, [plain, CRYPT]);
        for packet in [reset(1), control(10, 60, 1)] {
            let drops = lab.assert_limited(&packet, RESETS_PER_TICK, "a reset");
            assert_eq!(drops.nobodys, 0);
        }
        let all = 4000;
        let first = lab.stay_of_each((0..all).map(reset));
        sleep(Duration::from_millis(1000));
        // None but those whose place another one has taken, and those that were not remembered because they stayed.
        let again = lab.stay_of_each((0..all).map(reset));
        assert!(again + first + 100 >= all as usize, "{first}, {again}");
    });
}

#[test]
fn a_superpacket_stays_whatever_it_begins_with() {
    both_families(|lab| {
        lab.filter.expect(SHARD, [CRYPT, NONE]);
        lab.assert_nobodys(&data_v2(6), "another peer-id");
        let sender = group(lab.address().ip());
        let to = SocketAddr::new(lab.address().ip(), lab.server.port);
        let mut batch = SendBatch::new(true);
        for _ in 0..100 {
            for _ in 0..10 {
                let packet = data_v2(6);
                let slot = batch.reserve(packet.len()).expect("room");
                slot.copy_from_slice(&packet);
                batch.commit(0, to);
            }
            batch.flush(&sender.sockets);
        }
        assert_eq!(batch.counters.calls, 100, "one call per superpacket");
        let mut received = 0;
        lab.receive_until(&mut received, |received| received >= 1000);
        assert_eq!(received, 1000);
    });
}

#[test]
fn what_the_kernel_has_dropped_is_gone_until_the_filter_is() {
    both_families(|lab| {
        let socket = &lab.server.sockets[0];
        lab.assert_nobodys(&data_v2(6), "another peer-id");
        let dropped = lab.filter.drops(SHARD).total();
        assert!(dropped > 0);
        assert_eq!(u64::from(datagrams_gone(socket)), dropped);
        assert_eq!(lab.filter.drops(0), FilterDrops::default());
        detach(socket).expect("detach");
        detach(socket).expect("detach again");
        lab.assert_stays(&data_v2(6), "without the filter");
    });
}

/// A superpacket of UDP to 10.8.0.1, as a virtual machine's network card brings it: without a count of its packets.
fn foreign_superpacket(port: u16, packets: &[u8], len: u16) -> Vec<u8> {
    let udp_len = 8 + packets.len() as u16;
    let mut ip = [
        69, 0, 0, 0, 0, 7, 0, 0, 64, 17, 0, 0, 10, 8, 0, 2, 10, 8, 0, 1,
    ];
    ip[2..4].copy_from_slice(&(20 + udp_len).to_be_bytes());
    let words = ip.chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let len = len.to_le_bytes();
    let vnet = [1, 5, 28, 0, len[0], len[1], 20, 0, 6, 0];
    let udp = [4000u16, port, udp_len, 0].map(u16::to_be_bytes).concat();
    [&vnet[..], &ip, &udp, packets].concat()
}

#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn a_superpacket_that_was_not_made_here_stays() {
    in_own_namespace(|| {
        let mut tun = open_tun(&TunOptions {
            name: "tun7".into(),
            queues: 1,
            interface: InterfacePlan {
                mtu: 1400,
                transmit_queue_len: 500,
                addresses: vec!["10.8.0.1/24".parse().expect("cidr")],
                routes: Vec::new(),
            },
        })
        .expect("TUN");
        if !tun.offloads.contains(&"uso4") {
            return eprintln!("skipped: a TUN takes superpackets of UDP from Linux 6.2 on");
        }
        let Some(lab) = Lab::new([10, 8, 0, 1].into()) else {
            return;
        };
        lab.filter.expect(SHARD, [CRYPT, NONE]);
        let queue = TunQueue::new(tun.queues.remove(0));
        let frame = foreign_superpacket(lab.server.port, &data_v2(6).repeat(10), 60);
        let mut received = 0;
        for n in 1..=300 {
            queue.write(&frame).expect("write");
            let drops = || lab.filter.drops(SHARD).total();
            lab.receive_until(&mut received, |received| received >= 10 * n || drops() > 0);
            assert_eq!((received, drops()), (10 * n, 0));
        }
    });
}

//! The program in the kernel does the same as on the machine that fuzzing runs it on. It takes a process that may use bpf().

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::*;
use crate::bpf::Instruction;
use crate::bpf_machine::{Datagram, Machine};
use crate::socket_options::SocketOptions;
use crate::udp_group::{UdpGroupOptions, open_udp_group};

const SHARD: usize = 1;
const PACKETS: u32 = 3000;
const TICK_SHIFT: u32 = 27;
const PER_TICK: [u32; 2] = [64, 402];
const PATIENCE: Duration = Duration::from_secs(60);
/// Those that the data path makes, and their opposites.
const SHAPES: [(u32, u32); 5] = [(0, 0), (14, 0), (54, 9), (54, 41), (u32::MAX, 0)];

struct Lab {
    filter: FloodFilter,
    program: Vec<Instruction>,
    machine: Machine,
    server: UdpSocket,
    client: UdpSocket,
    random: u64,
    /// Packets that were dropped, packets that were compared.
    seen: (u32, u32),
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
        let mut group = open_udp_group(&UdpGroupOptions {
            host,
            port: 0,
            shared: false,
            shards: 1,
            receive_buffer: 1 << 20,
            send_buffer: 1 << 20,
            options: SocketOptions::default(),
        })
        .expect("UDP group");
        filter.attach(SHARD, &group.sockets[0]).expect("attach");
        let client = UdpSocket::bind((host, 0)).expect("a client");
        client.connect((host, group.port)).expect("connect");
        let number = filter.memory.number();
        Some(Lab {
            program: plan(number, &filter.layout, SHARD, &filter.secret),
            machine: Machine::new(filter.layout.len()),
            filter,
            server: group.sockets.remove(0).into(),
            client,
            random: 1,
            seen: (0, 0),
        })
    }

    /// Below `end`; the same ones in each run.
    fn random(&mut self, end: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as u32 % end
    }

    fn step(&mut self) {
        match self.random(40) {
            0 => {
                let (peer, is_here) = (self.random(8), self.random(3) > 0);
                self.filter.note_peer(peer, is_here);
                self.copy(self.filter.layout.peer(peer), 2);
            }
            1 => {
                let address = self.client.local_addr().expect("address");
                let is_here = self.random(2) > 0;
                self.filter.note_address(&address, is_here);
                let hash = self.filter.secret.hash(&address);
                self.copy(self.filter.layout.address(hash), 2);
            }
            2 | 3 => self.expect(),
            4..=11 => self.use_up(),
            _ => {
                let packet = self.packet();
                self.compare(&packet);
            }
        }
    }

    fn expect(&mut self) {
        let shapes = [0; 2].map(|_| {
            let (min_len, counter_at) = SHAPES[self.random(SHAPES.len() as u32) as usize];
            PacketShape {
                min_len,
                counter_at,
            }
        });
        self.filter.expect(SHARD, shapes);
        for at in self.filter.layout.shapes(SHARD) {
            self.copy(at, 8);
        }
    }

    /// All that stays of a kind in this tick has been.
    fn use_up(&mut self) {
        let kind = self.random(2) as usize;
        let at = self.filter.layout.drops(SHARD)[kind] - 8;
        let tick = (now() >> TICK_SHIFT) as u32;
        self.filter.memory.word(at).store(tick, Ordering::Relaxed);
        let number = self.filter.memory.word(at + 4);
        number.store(PER_TICK[kind], Ordering::Relaxed);
        self.copy(at, 8);
    }

    /// Mostly one that a client could send.
    fn packet(&mut self) -> Vec<u8> {
        let opcode = match self.random(8) {
            0 => self.random(32),
            1..=3 => 9,
            _ => [3, 4, 5, 6, 7, 7, 7, 10, 10, 11][self.random(10) as usize],
        };
        let len = [8, 13, 14, 53, 54, 60, 200][self.random(7) as usize];
        let mut packet = vec![self.random(3) as u8; len];
        packet[0] = (opcode << 3) as u8;
        if opcode == 9 {
            packet[3] = self.random(9) as u8;
            if packet[3] == 8 {
                packet[1..4].fill(255);
            }
        }
        let counter_at = [9, 41][self.random(2) as usize];
        let counter = [1, 0xffff, 1 << 16, 0x0f00_0001, u32::MAX][self.random(5) as usize];
        if let Some(place) = packet.get_mut(counter_at..counter_at + 4) {
            place.copy_from_slice(&counter.to_be_bytes());
        }
        packet
    }

    fn compare(&mut self, packet: &[u8]) {
        let before = now();
        let stays = self.send(packet);
        let is_same_tick = before >> TICK_SHIFT == now() >> TICK_SHIFT;
        if !is_same_tick {
            return self.copy(0, self.filter.layout.len());
        }
        let address = self.client.local_addr().expect("address");
        let len = (packet.len() as u16 + 8).to_be_bytes();
        let [high, low] = address.port().to_be_bytes();
        let bytes = [&[high, low, 0, 0, len[0], len[1], 0, 0], packet].concat();
        let (ethertype, ip_header) = ip_header(address.ip());
        let datagram = Datagram {
            ethertype,
            ip_header: &ip_header,
            bytes: &bytes,
            segment_len: 0,
        };
        let expected = self.machine.run(&self.program, &datagram, before);
        assert_eq!(expected == u32::MAX, stays, "{packet:?}");
        assert!(stays || expected == 0);
        self.seen.0 += u32::from(!stays);
        self.seen.1 += 1;
    }

    /// Whether it comes out again. Either that, or it is counted.
    fn send(&self, packet: &[u8]) -> bool {
        let (dropped, began) = (self.filter.drops(SHARD).total(), Instant::now());
        self.client.send(packet).expect("send");
        let mut room = [0; 256];
        loop {
            match self.server.recv(&mut room) {
                Ok(len) => {
                    assert_eq!(&room[..len], packet);
                    return true;
                }
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            if self.filter.drops(SHARD).total() > dropped {
                return false;
            }
            assert!(began.elapsed() < PATIENCE);
            sleep(Duration::from_micros(50));
        }
    }

    /// From the kernel to the machine.
    fn copy(&mut self, at: usize, len: usize) {
        for at in (at..at + len).step_by(2) {
            let value = self.filter.memory.half(at).load(Ordering::Relaxed);
            if u64::from(value) != self.machine.load(at, 2) {
                self.machine.store(at, 2, value.into());
            }
        }
    }

    fn assert_same_memory(&self) {
        for at in (0..self.filter.layout.len()).step_by(8) {
            let value = self.filter.memory.long(at).load(Ordering::Relaxed);
            assert_eq!(value, self.machine.load(at, 8), "at {at}");
        }
    }
}

fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: clock_gettime fills one timespec; the clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn ip_header(source: IpAddr) -> (u16, Vec<u8>) {
    match source {
        IpAddr::V4(ip) => (0x0800, [&[0; 12][..], &ip.octets(), &[0; 4]].concat()),
        IpAddr::V6(ip) => (0x86dd, [&[0; 8][..], &ip.octets(), &[0; 16]].concat()),
    }
}

fn compare_with_kernel(host: IpAddr) {
    let Some(mut lab) = Lab::new(host) else {
        return;
    };
    for n in 0..PACKETS {
        lab.step();
        if n == PACKETS / 2 {
            // First packets that have come before come again.
            sleep(Duration::from_millis(800));
        }
    }
    lab.assert_same_memory();
    let (dropped, compared) = lab.seen;
    assert!(
        dropped > 100 && compared - dropped > 100,
        "{dropped} of {compared}"
    );
}

#[test]
fn the_kernel_judges_as_the_machine_does_over_ipv4() {
    compare_with_kernel(Ipv4Addr::LOCALHOST.into());
}

#[test]
fn the_kernel_judges_as_the_machine_does_over_ipv6() {
    compare_with_kernel(Ipv6Addr::LOCALHOST.into());
}

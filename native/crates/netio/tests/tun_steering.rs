//! Packets for a TUN of several queues, in a network namespace of its own: each arrives where the maps say.

mod own_namespace;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::process::Command;

use netio::interface::InterfacePlan;
use netio::tun::{Tun, TunOptions, open_tun, reopen_tun};
use netio::tun_queue::TunQueue;
use netio::tun_steering::TunSteering;

use own_namespace::in_own_namespace;

const QUEUES: u32 = 4;
/// Each from a port of its own, so that a choice by flow would spread them.
const FLOWS: usize = 40;

struct Lab {
    tun: Tun,
    plan: InterfacePlan,
}

impl Lab {
    fn new() -> Lab {
        let cidr = |text: &str| text.parse().expect("cidr");
        let plan = InterfacePlan {
            mtu: 1400,
            transmit_queue_len: 500,
            addresses: vec![cidr("10.8.0.1/16"), cidr("fd00:8::1/64")],
            routes: vec![],
        };
        let tun = open_tun(&TunOptions {
            name: "tun7".into(),
            queues: QUEUES,
            interface: plan.clone(),
        })
        .expect("TUN");
        Lab { tun, plan }
    }

    fn fds(&self) -> Vec<RawFd> {
        self.tun.queues.iter().map(AsRawFd::as_raw_fd).collect()
    }

    /// How many packets for `to` each queue got, when `FLOWS` are sent.
    fn arrivals(&self, to: &str) -> Vec<usize> {
        let to: IpAddr = to.parse().expect("address");
        for _ in 0..FLOWS {
            let any: IpAddr = match to {
                IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((any, 0)).expect("socket");
            socket.send_to(b"x", (to, 9)).expect("send");
        }
        let queues = self.tun.queues.iter().map(|fd| fd.try_clone().expect("fd"));
        queues
            .map(|fd| packets_to(to, &TunQueue::new(fd)))
            .collect()
    }
}

/// The system itself sends some to other addresses.
fn packets_to(to: IpAddr, queue: &TunQueue) -> usize {
    let mut frame = vec![0; 2000];
    let mut count = 0;
    while queue.read(&mut frame).expect("read") > 0 {
        let destination: IpAddr = match frame[10] >> 4 {
            4 => <[u8; 4]>::try_from(&frame[26..30]).expect("four").into(),
            _ => <[u8; 16]>::try_from(&frame[34..50])
                .expect("sixteen")
                .into(),
        };
        count += usize::from(destination == to);
    }
    count
}

/// All of them in one queue.
fn only(queue: usize) -> Vec<usize> {
    let mut counts = vec![0; QUEUES as usize];
    counts[queue] = FLOWS;
    counts
}

#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn steered(lab: &Lab) -> Option<TunSteering> {
    match TunSteering::new() {
        Ok(steering) => {
            steering.attach(lab.fds()[0]).expect("attach");
            Some(steering)
        }
        Err(error) if error.code() == "EPERM" => {
            eprintln!("skipped: bpf() is not permitted");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn insert(steering: &TunSteering, network: &str, length: u8, shard: u32) {
    assert!(steering.insert(network.parse().expect("network"), length, shard));
}

#[test]
fn the_longest_prefix_decides_and_changes_at_once() {
    in_own_namespace(|| {
        let lab = Lab::new();
        let Some(steering) = steered(&lab) else {
            return;
        };
        insert(&steering, "10.8.0.2", 32, 1);
        insert(&steering, "10.8.7.0", 24, 3);
        insert(&steering, "10.8.7.9", 32, 2);
        insert(&steering, "fd00:8::2", 128, 1);
        insert(&steering, "fd00:8::7:0", 112, 3);
        insert(&steering, "fd00:8::7:9", 128, 2);
        for (to, queue) in [
            ("10.8.0.2", 1),
            ("10.8.7.8", 3),
            ("10.8.7.9", 2),
            ("fd00:8::2", 1),
            ("fd00:8::7:8", 3),
            ("fd00:8::7:9", 2),
            // To nobody: by the last byte.
            ("10.8.0.64", 0),
            ("10.8.0.67", 3),
            ("fd00:8::46", 2),
        ] {
            assert_eq!(lab.arrivals(to), only(queue), "{to}");
        }
        insert(&steering, "10.8.0.2", 32, 0);
        assert_eq!(lab.arrivals("10.8.0.2"), only(0));
        for (network, length) in [("10.8.7.9", 32), ("10.8.7.9", 32), ("fd00:8::7:0", 112)] {
            assert!(steering.remove(network.parse().expect("network"), length));
        }
        assert_eq!(lab.arrivals("10.8.7.9"), only(3));
        assert_eq!(lab.arrivals("fd00:8::7:9"), only(2));
        assert_eq!(lab.arrivals("fd00:8::7:8"), only(0));
    });
}

/// The map of hosts has 131,072 places.
#[test]
fn more_hosts_than_the_hash_map_holds_are_found_all_the_same() {
    in_own_namespace(|| {
        let lab = Lab::new();
        let Some(steering) = steered(&lab) else {
            return;
        };
        for n in 0..1 << 17 {
            let other = Ipv4Addr::from_bits(0x0b00_0000 + n);
            assert!(steering.insert(other.into(), 32, 0));
        }
        insert(&steering, "10.8.0.2", 32, 1);
        assert_eq!(lab.arrivals("10.8.0.2"), only(1));
        assert!(steering.remove([11, 0, 0, 0].into(), 32));
        insert(&steering, "10.8.0.2", 32, 3);
        assert_eq!(lab.arrivals("10.8.0.2"), only(3));
        assert!(steering.remove([10, 8, 0, 2].into(), 32));
        assert_eq!(lab.arrivals("10.8.0.2"), only(2));
    });
}

#[test]
fn a_device_made_anew_is_steered_again() {
    in_own_namespace(|| {
        let lab = Lab::new();
        let Some(steering) = steered(&lab) else {
            return;
        };
        insert(&steering, "10.8.0.2", 32, 1);
        let deleted = Command::new("ip").args(["link", "del", "tun7"]).status();
        assert!(deleted.is_ok_and(|status| status.success()));
        insert(&steering, "10.8.0.3", 32, 2);
        reopen_tun("tun7", &lab.fds(), &lab.plan).expect("reopen");
        assert_ne!(lab.arrivals("10.8.0.2"), only(1));
        steering.attach(lab.fds()[3]).expect("attach");
        assert_eq!(lab.arrivals("10.8.0.2"), only(1));
        assert_eq!(lab.arrivals("10.8.0.3"), only(2));
    });
}

/// Linux 5.19 and later.
#[test]
fn the_maps_change_after_all_rights_are_gone() {
    in_own_namespace(|| {
        let lab = Lab::new();
        let Some(steering) = steered(&lab) else {
            return;
        };
        const NOBODY: libc::uid_t = 65_534;
        // SAFETY: plain integers; the bare system call changes only this thread.
        let rc = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
        assert_eq!(rc, 0);
        assert_eq!(TunSteering::new().err().map(|e| e.code()), Some("EPERM"));
        insert(&steering, "10.8.0.2", 32, 1);
        assert_eq!(lab.arrivals("10.8.0.2"), only(1));
        assert!(steering.remove([10, 8, 0, 2].into(), 32));
        assert_eq!(lab.arrivals("10.8.0.2"), only(2));
        steering.attach(lab.fds()[1]).expect("attach");
    });
}

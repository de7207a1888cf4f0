//! What steering a TUN by its routes costs a packet that the kernel hands to it, and what a change of a route costs. Needs
//! root; everything happens in a network namespace of its own.
//!
//! `cargo bench -p netio --bench steering`

#[path = "../tests/own_namespace/mod.rs"]
mod own_namespace;

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use netio::interface::InterfacePlan;
use netio::tun::{Tun, TunOptions, open_tun};
use netio::tun_steering::TunSteering;

use own_namespace::in_own_namespace;

const QUEUES: u32 = 4;
const ROUTES: u32 = 100_000;
const CHANGES_PER_SECOND: u32 = 1000;

fn main() {
    in_own_namespace(|| {
        let mut criterion = Criterion::default().configure_from_args();
        sends(&mut criterion);
        criterion.final_summary();
    });
}

/// Nobody reads the queues, so they are full and every packet is dropped behind the choice of its queue.
fn sends(criterion: &mut Criterion) {
    let tun = device();
    let socket = UdpSocket::bind("10.0.0.1:0").expect("socket");
    let mut n = 0;
    let mut send = |count: u32| {
        n = (n + 7919) % count;
        socket.send_to(b"x", (address(n), 9)).expect("send");
    };
    let mut group = criterion.benchmark_group("steering, send one packet");
    group.bench_function("by flow", |b| b.iter(|| send(ROUTES)));
    let Ok(steering) = TunSteering::new() else {
        return;
    };
    steering.attach(tun.queues[0].as_raw_fd()).expect("attach");
    let insert = |n: u32| assert!(steering.insert(address(n).into(), 32, n % QUEUES));
    insert(0);
    group.bench_function("by 1 route", |b| b.iter(|| send(1)));
    (1..ROUTES).for_each(insert);
    group.bench_function("by 100000 routes", |b| b.iter(|| send(ROUTES)));
    // A thread that wakes disturbs the sender on a machine of few processors, whatever it does.
    for (name, changes) in [
        ("by 100000 routes, 1000 wake-ups a second", false),
        ("by 100000 routes, 1000 changes a second", true),
    ] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| change_routes(changes.then_some(&steering), &stop));
            group.bench_function(name, |b| b.iter(|| send(ROUTES)));
            stop.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
    let other = Ipv4Addr::new(10, 200, 0, 1).into();
    criterion.bench_function("steering, insert and remove a route of 100000", |b| {
        b.iter(|| {
            assert!(steering.insert(other, 32, 1));
            assert!(steering.remove(other, 32));
        });
    });
}

fn device() -> Tun {
    let address = "10.0.0.1/8".parse().expect("cidr");
    open_tun(&TunOptions {
        name: "tun7".into(),
        queues: QUEUES,
        interface: InterfacePlan {
            mtu: 1400,
            transmit_queue_len: 500,
            addresses: vec![address],
            routes: vec![],
        },
    })
    .expect("TUN")
}

fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a01_0000 + n * 37)
}

/// At an even rate; without `steering` it only wakes up.
fn change_routes(steering: Option<&TunSteering>, stop: &AtomicBool) {
    let begin = Instant::now();
    for change in 0u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let network = Ipv4Addr::from_bits(0x0ac8_0000 + change / 2 % 50_000).into();
        let taken = match steering {
            Some(steering) if change.is_multiple_of(2) => steering.insert(network, 32, 1),
            Some(steering) => steering.remove(network, 32),
            None => true,
        };
        assert!(taken);
        let due = begin + Duration::from_secs(1) / CHANGES_PER_SECOND * change;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

//! Whether shards disturb each other: what one counts while another one counts beside it, on another processor.
//!
//! `cargo bench -p shard --bench sharing`

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datapath::stats::{Counter, OwnedCounter};
use datapath::{DataPath, Plane, PlaneSettings, Role, TunOffloads};
use shard::ring::{self, RingConsumer, RingProducer};
use shard::shard_thread::ShardState;

const PACKETS: u64 = 1000;

/// Runs `count` for a shard, alone and while another thread runs it for the other shard.
fn compare<T: Sync>(criterion: &mut Criterion, name: &str, shards: &[T; 2], count: fn(&T)) {
    let mut group = criterion.benchmark_group(format!("sharing, {name}"));
    group.throughput(Throughput::Elements(PACKETS));
    for beside in ["alone", "beside another"] {
        let stop = AtomicBool::new(beside == "alone");
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    (0..PACKETS).for_each(|_| count(&shards[1]));
                }
            });
            group.bench_function(beside, |b| {
                b.iter(|| (0..PACKETS).for_each(|_| count(black_box(&shards[0]))));
            });
            stop.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
}

fn counters(criterion: &mut Criterion) {
    let settings = PlaneSettings {
        role: Role::Server,
        shards: 2,
        client_to_client: true,
        mssfix: datapath::mss::MssFix::Off,
        tun_mtu: 1500,
        max_peers: 10,
    };
    let plane = Arc::new(Plane::new(settings));
    let shards = [0, 1].map(|shard| DataPath::new(Arc::clone(&plane), shard, TunOffloads::ALL));
    let stats = shards.each_ref().map(DataPath::stats);
    compare(criterion, "counters of packets", &stats, |stats| {
        stats.count(Counter::InboundPackets, 1);
        stats.count(Counter::FloatConflicts, 1);
    });
    let states = [0, 1].map(|_| Arc::new(ShardState::default()));
    compare(criterion, "counters of calls", &states, |state| {
        state.io.turns.add(1);
        state.io.urgent.set(1);
    });
}

/// What it would cost, to see that this machine shows it.
fn one_line(criterion: &mut Criterion) {
    let line = Arc::new([OwnedCounter::default(), OwnedCounter::default()]);
    let halves = [0, 1].map(|half| (Arc::clone(&line), half));
    compare(
        criterion,
        "two counters in one line",
        &halves,
        |(line, half)| {
            line[*half as usize].add(1);
        },
    );
}

/// Each shard is the consumer of a ring that nobody fills and the producer of another one that nobody empties; the words
/// that it looks at and those that the other writes lie in different lines.
fn rings(criterion: &mut Criterion) {
    let memory = [0, 1].map(|_| ring::allocate(1 << 16));
    let mut ends = [0, 1].map(|shard| {
        let producer = RingProducer::new(memory[shard].clone()).expect("ring");
        let consumer = RingConsumer::new(memory[1 - shard].clone()).expect("ring");
        (producer, consumer)
    });
    let [first, second] = &mut ends;
    let mut group = criterion.benchmark_group("sharing, rings");
    group.throughput(Throughput::Elements(PACKETS));
    for beside in ["alone", "beside another"] {
        let stop = AtomicBool::new(beside == "alone");
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    second.0.push(1, &[&[7; 64]]);
                    second.1.release();
                }
            });
            group.bench_function(beside, |b| {
                b.iter(|| {
                    for _ in 0..PACKETS {
                        first.0.push(1, &[&[7; 64]]);
                        first.1.release();
                    }
                });
            });
            stop.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
}

criterion_group!(benches, counters, one_line, rings);
criterion_main!(benches);

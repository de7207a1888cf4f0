//! What a record costs on its way through a ring, both ends in Rust: a hop between two shards.
//!
//! `cargo bench -p shard --bench ring`

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shard::ring::{self, RingConsumer, RingProducer};

const CAPACITY: usize = 1 << 20;
const BATCH: usize = 64;
const SIZES: [usize; 2] = [64, 1400];

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring, one thread");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in SIZES {
        let memory = ring::allocate(CAPACITY);
        let mut producer = RingProducer::new(memory.clone()).expect("ring");
        let mut consumer = RingConsumer::new(memory).expect("ring");
        let payload = vec![7; size];
        group.bench_function(format!("{BATCH} records of {size}"), |b| {
            b.iter(|| {
                for _ in 0..BATCH {
                    assert!(producer.push(1, &[&payload]));
                }
                producer.publish();
                while let Some(record) = consumer.next_record() {
                    black_box(&*record.payload);
                }
                consumer.release();
            });
        });
    }
    group.finish();
}

/// The other thread never sleeps, so that waking is not part of it.
fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring, two threads");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in SIZES {
        let memory = ring::allocate(CAPACITY);
        let mut producer = RingProducer::new(memory.clone()).expect("ring");
        let mut consumer = RingConsumer::new(memory).expect("ring");
        let stop = AtomicBool::new(false);
        let payload = vec![7; size];
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    while let Some(record) = consumer.next_record() {
                        black_box(&*record.payload);
                    }
                    consumer.release();
                    std::hint::spin_loop();
                }
            });
            group.bench_function(format!("{BATCH} records of {size}"), |b| {
                b.iter(|| {
                    for _ in 0..BATCH {
                        while !producer.push(1, &[&payload]) {
                            producer.publish();
                            std::hint::spin_loop();
                        }
                    }
                    producer.publish();
                });
            });
            stop.store(true, Ordering::Relaxed);
        });
    }
    group.finish();
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);

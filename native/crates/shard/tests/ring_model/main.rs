//! The ring under every order of its threads' steps and every old value that the memory model lets a thread see.
//!
//! loom reports a data byte that both ends may touch at once, and threads that sleep for ever: a lost wake-up. What comes
//! out is compared with what went in.

mod model_memory;
mod sleeper;

use std::sync::Arc;

use loom::model::Builder;
use loom::thread;
use shard::ring::{RingConsumer, RingProducer};

use model_memory::{CAPACITY, ModelMemory};
use sleeper::Sleeper;

type Producer = RingProducer<ModelMemory>;
type Consumer = RingConsumer<ModelMemory>;

/// The largest payload.
const LARGEST: usize = CAPACITY / 2 - 8;

/// A ring whose positions are about to wrap around 2^32, with `rest` bytes up to the end of its data.
fn ring(rest: u32) -> (Producer, Consumer) {
    let mem = ModelMemory::new(0u32.wrapping_sub(rest));
    let consumer = RingConsumer::new(mem.clone()).expect("consumer");
    (RingProducer::new(mem).expect("producer"), consumer)
}

fn payload(number: u32, size: usize) -> Vec<u8> {
    (0..size).map(|at| number as u8 * 16 + at as u8).collect()
}

fn push(producer: &mut Producer, number: u32, size: usize) -> bool {
    let payload = payload(number, size);
    let (first, second) = payload.split_at(size / 2);
    producer.push(number, &[first, second])
}

/// Numbers of the records that can be had now, each of which has to be whole.
fn drain(consumer: &mut Consumer, got: &mut Vec<u32>) {
    while let Some(record) = consumer.next_record() {
        assert_eq!(*record.payload, *payload(record.kind, record.payload.len()));
        got.push(record.kind);
    }
    consumer.release();
}

/// Has `model` run under every schedule with at most `preemptions` switches that a thread did not ask for.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// As the event loop does it: drain, sleep if every ring lets it, be awake again.
fn drain_until(rings: &mut [Consumer], sleeper: &Sleeper, records: usize) -> Vec<Vec<u32>> {
    let mut got = vec![Vec::new(); rings.len()];
    loop {
        for (ring, got) in rings.iter_mut().zip(&mut got) {
            drain(ring, got);
        }
        if got.iter().map(Vec::len).sum::<usize>() == records {
            return got;
        }
        if rings.iter_mut().all(RingConsumer::sleep) {
            sleeper.wait();
        }
        rings.iter_mut().for_each(RingConsumer::awake);
    }
}

#[test]
fn no_wake_up_is_lost() {
    explore(3, || {
        let (mut producer, consumer) = ring(24);
        let sleeper = Arc::new(Sleeper::default());
        let waker = Arc::clone(&sleeper);
        let writer = thread::spawn(move || {
            for (number, size) in [(1, 4), (2, 0)] {
                assert!(push(&mut producer, number, size));
                if producer.publish() {
                    waker.wake();
                }
            }
        });
        assert_eq!(drain_until(&mut [consumer], &sleeper, 2), [[1, 2]]);
        writer.join().expect("writer");
    });
}

/// Two neighbours and one sleeper, as in a shard.
#[test]
fn no_wake_up_of_two_neighbours_is_lost() {
    explore(2, || {
        let sleeper = Arc::new(Sleeper::default());
        let mut consumers = Vec::new();
        for number in 1..=2 {
            let (mut producer, consumer) = ring(16);
            consumers.push(consumer);
            let waker = Arc::clone(&sleeper);
            thread::spawn(move || {
                assert!(push(&mut producer, number, 0));
                if producer.publish() {
                    waker.wake();
                }
            });
        }
        let got = drain_until(&mut consumers, &sleeper, 2);
        assert_eq!(got, [[1], [2]]);
    });
}

/// The producer laps the consumer, which gives room back meanwhile: records come whole, once and in order; those
/// without room are refused whole and counted.
#[test]
fn records_are_whole_and_in_order_and_refusals_are_counted() {
    explore(3, || {
        let (mut producer, mut consumer) = ring(24);
        let writer = thread::spawn(move || {
            let mut taken = Vec::new();
            // The first does not fit before the end of the buffer: padding, and then most of the ring.
            for (number, size) in [(1, LARGEST), (2, 8), (3, LARGEST), (4, 1)] {
                if push(&mut producer, number, size) {
                    taken.push(number);
                }
                producer.publish();
            }
            let refused = 4 - taken.len();
            assert_eq!(producer.dropped() as usize, refused);
            taken
        });
        let mut got = Vec::new();
        for _ in 0..2 {
            drain(&mut consumer, &mut got);
        }
        let taken = writer.join().expect("writer");
        drain(&mut consumer, &mut got);
        assert_eq!(got, taken);
        assert_eq!(consumer.corrupt(), 0);
    });
}

/// Nothing of a batch shows before it is published, however late.
#[test]
fn a_batch_is_seen_whole() {
    explore(3, || {
        let (mut producer, mut consumer) = ring(40);
        let writer = thread::spawn(move || {
            assert!(push(&mut producer, 1, 8) && push(&mut producer, 2, 8));
            producer.publish();
        });
        let mut got = Vec::new();
        drain(&mut consumer, &mut got);
        assert!(got.is_empty() || got == [1, 2], "{got:?}");
        writer.join().expect("writer");
        drain(&mut consumer, &mut got);
        assert_eq!(got, [1, 2]);
    });
}

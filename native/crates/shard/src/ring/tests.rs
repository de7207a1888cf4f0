use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn pair(mem: &SharedMemory) -> (RingProducer, RingConsumer) {
    let producer = RingProducer::new(mem.clone()).expect("producer");
    (producer, RingConsumer::new(mem.clone()).expect("consumer"))
}

/// Memory whose positions are about to wrap around 2^32.
fn nearly_wrapped() -> SharedMemory {
    let mem = allocate(4096);
    for at in [TAIL, HEAD] {
        mem.store(at, u32::MAX - 4095, Relaxed);
    }
    mem
}

#[test]
fn refuses_memory_that_is_no_ring() {
    for len in [0, 191, 192, 192 + 2048, 192 + 4097, 192 + 5000] {
        assert!(
            RingProducer::new(SharedMemory::allocate(len)).is_err(),
            "{len} bytes"
        );
    }
}

#[test]
fn a_record_is_at_most_half_of_the_ring() {
    let (mut producer, _) = pair(&allocate(4096));
    assert!(producer.push(1, &[&[0; 2040]]));
    assert!(!producer.push(1, &[&[0; 2041]]));
    assert_eq!(producer.dropped(), 1);
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let (mut producer, mut consumer) = pair(&allocate(4096));
    assert!(producer.push(1, &[b"x"]));
    assert!(consumer.next_record().is_none());
    assert!(consumer.sleep());
    assert!(producer.publish());
    assert!(!producer.publish());
    assert!(!consumer.sleep());
    assert_eq!(
        consumer.next_record().map(|record| record.payload.to_vec()),
        Some(b"x".to_vec())
    );
}

#[test]
fn a_successor_goes_on_where_the_first_stopped() {
    let mem = allocate(4096);
    let (mut producer, mut consumer) = pair(&mem);
    for kind in 1..=2 {
        assert!(producer.push(kind, &[b"abc"]));
    }
    producer.publish();
    assert_eq!(consumer.next_record().map(|record| record.kind), Some(1));
    consumer.release();
    let (mut producer, mut consumer) = pair(&mem);
    assert!(producer.push(3, &[]));
    producer.publish();
    assert_eq!(consumer.next_record().map(|record| record.kind), Some(2));
    assert_eq!(consumer.next_record().map(|record| record.kind), Some(3));
}

#[test]
fn an_erased_record_is_gone_from_the_memory() {
    let mem = allocate(4096);
    let (mut producer, mut consumer) = pair(&mem);
    assert!(producer.push(3, &[&[7; 50]]));
    producer.publish();
    assert!(consumer.next_record().is_some());
    consumer.erase_last();
    let mut bytes = vec![0; mem.len()];
    mem.read(0, &mut bytes);
    assert!(!bytes[DATA..].contains(&7));
    assert!(consumer.scratch.iter().all(|byte| *byte == 0));
}

proptest! {
    #[test]
    fn behaves_like_a_queue(steps in prop::collection::vec((0..3u8, 1..9u32, 0..2100usize), 1..200)) {
        let (mut producer, mut consumer) = pair(&nearly_wrapped());
        let (mut open, mut model) = (Vec::new(), VecDeque::new());
        for (step, kind, size) in steps {
            match step {
                0 => {
                    let payload: Vec<u8> = (0..size).map(|i| (i as u32 ^ kind) as u8).collect();
                    if producer.push(kind, &[&payload[..size / 3], &payload[size / 3..]]) {
                        open.push((kind, payload));
                    }
                }
                1 => {
                    producer.publish();
                    model.extend(open.drain(..));
                }
                _ => {
                    let got = consumer.next_record().map(|record| (record.kind, record.payload.to_vec()));
                    consumer.release();
                    prop_assert_eq!(got, model.pop_front());
                }
            }
        }
        prop_assert_eq!(consumer.corrupt(), 0);
    }

    #[test]
    fn nonsense_is_reset_and_never_read_past_its_end(junk in prop::collection::vec(any::<u32>(), 64), tail in any::<u32>()) {
        let mem = allocate(4096);
        for (i, word) in junk.iter().enumerate() {
            mem.store(DATA + 4 * i, *word % 5000, Relaxed);
        }
        let (mut producer, mut consumer) = pair(&mem);
        mem.store(TAIL, tail % 8192, Relaxed);
        while consumer.next_record().is_some() {}
        prop_assert_eq!(mem.load(HEAD, Relaxed) == tail % 8192 || consumer.corrupt() == 0, true);
        producer.publish();
    }
}

/// One thread writes batches of every size, the other sleeps whenever it may; every record arrives in order and no
/// wake-up is lost.
#[test]
fn two_threads_lose_nothing_and_never_oversleep() {
    const RECORDS: u32 = 200_000;
    let (mut producer, mut consumer) = pair(&allocate(16_384));
    let (wake, sleeper) = mpsc::channel();
    let writer = thread::spawn(move || {
        for i in 0..RECORDS {
            let size = (i % 257) as usize;
            while !producer.push(i % 7 + 1, &[&i.to_le_bytes(), &[i as u8; 256][..size]]) {
                if producer.publish() {
                    wake.send(()).expect("reader is there");
                }
                thread::yield_now();
            }
            if i % 13 == 0 && producer.publish() {
                wake.send(()).expect("reader is there");
            }
        }
        if producer.publish() {
            wake.send(()).expect("reader is there");
        }
    });
    let mut expected = 0;
    while expected < RECORDS {
        while let Some(record) = consumer.next_record() {
            assert_eq!(record.kind, expected % 7 + 1);
            assert_eq!(record.payload[..4], expected.to_le_bytes());
            assert_eq!(record.payload.len(), 4 + (expected % 257) as usize);
            assert!(
                record.payload[4..]
                    .iter()
                    .all(|byte| *byte == expected as u8)
            );
            expected += 1;
        }
        consumer.release();
        if expected < RECORDS && consumer.sleep() {
            sleeper
                .recv_timeout(Duration::from_secs(60))
                .expect("a wake-up was lost");
            consumer.awake();
        }
    }
    writer.join().expect("writer");
}

#[test]
fn a_batch_that_was_abandoned_was_never_there() {
    let mem = allocate(4096);
    let mut producer = RingProducer::new(mem.clone()).expect("ring");
    let mut consumer = RingConsumer::new(mem).expect("ring");
    for round in 0..100u8 {
        assert!(producer.push(1, &[&[round; 700]]));
        producer.abandon();
        producer.publish();
        assert!(consumer.next_record().is_none());
        assert!(producer.push(2, &[&[round; 300]]));
        producer.publish();
        let record = consumer.next_record().expect("record");
        assert_eq!((record.kind, &*record.payload), (2, &[round; 300][..]));
        consumer.release();
    }
    assert_eq!(consumer.corrupt(), 0);
}

#[test]
fn a_record_that_was_skipped_is_gone_and_erased() {
    let mem = allocate(4096);
    let mut producer = RingProducer::new(mem.clone()).expect("ring");
    let mut consumer = RingConsumer::new(mem.clone()).expect("ring");
    producer.push(1, &[b"first"]);
    producer.push(3, &[b"secret"]);
    producer.push(1, &[b"third"]);
    producer.publish();
    consumer.next_record().expect("first");
    consumer.next_record().expect("secret");
    consumer.skip_last();
    let mut bytes = [1; 6];
    mem.read(DATA + 16 + RECORD_HEADER, &mut bytes);
    assert_eq!(bytes, [0; 6]);
    assert_eq!(&*consumer.next_record().expect("third").payload, b"third");
    consumer.release();
    // What was released is the producer's again: nothing of it is erased.
    assert!(producer.push(1, &[&[7; 2000]]) && producer.push(1, &[&[8; 1900]]));
    consumer.skip_last();
    producer.publish();
    assert_eq!(&*consumer.next_record().expect("long").payload, &[7; 2000]);
    assert_eq!(&*consumer.next_record().expect("long").payload, &[8; 1900]);
}

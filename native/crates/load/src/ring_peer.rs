//! The Rust end of two rings for a test: records of random sizes in random bursts, and checks of what TypeScript sends.
//! It sleeps and is woken as a data thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use netio::IoError;
use netio::mem::SharedMemory;
use netio::wake::{Poller, Waker};
use shard::ring::{RingConsumer, RingProducer};
use shard::worker_port::OnWake;

/// Nobody tells a producer that there is room again.
const RETRY: Duration = Duration::from_millis(1);
/// A sleeper that hears nothing for so long while records are missing has lost a wake-up.
const LOST_AFTER: Duration = Duration::from_secs(60);
const HEADER: usize = 8;

pub struct RingPeerOptions {
    pub incoming: SharedMemory,
    pub outgoing: SharedMemory,
    pub seed: u32,
    /// Records to expect, and to send.
    pub receive: u32,
    pub send: u32,
    pub on_wake: OnWake,
}

/// What has happened at this end.
#[derive(Clone, Copy, Debug, Default)]
pub struct RingPeerTally {
    pub received: u32,
    /// Records out of order, repeated, of a wrong kind or with other bytes than were sent.
    pub faults: u32,
    pub sent: u32,
    /// Times the outgoing ring was full.
    pub refused: u32,
    /// Wake-ups of the other side, and own waits for one.
    pub wakes: u32,
    pub sleeps: u32,
    pub lost_wakes: u32,
    pub corrupt: u32,
}

/// The thread. It ends when everything is sent and received.
pub struct RingPeer {
    thread: JoinHandle<RingPeerTally>,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
}

impl RingPeer {
    pub fn start(options: RingPeerOptions) -> Result<RingPeer, IoError> {
        let waker = Arc::new(Waker::new()?);
        let poller = Poller::new(1)?;
        poller.add(waker.fd(), 0)?;
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Ends {
            incoming: RingConsumer::new(options.incoming)?,
            outgoing: RingProducer::new(options.outgoing)?,
            random: options.seed | 1,
            body: [0; MAX_BODY],
            tally: RingPeerTally::default(),
            on_wake: options.on_wake,
        };
        let (bell, stopping) = (Arc::clone(&waker), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("ring-peer".into())
            .spawn(move || ends.run(options.receive, options.send, poller, &bell, &stopping))
            .map_err(|error| IoError::invalid(format!("start a thread: {error}")))?;
        Ok(RingPeer {
            thread,
            waker,
            stop,
        })
    }

    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Ends it early if it still runs.
    pub fn stop(self) -> RingPeerTally {
        self.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        self.thread.join().unwrap_or_default()
    }
}

const MAX_BODY: usize = 2000;

struct Ends {
    incoming: RingConsumer,
    outgoing: RingProducer,
    random: u32,
    body: [u8; MAX_BODY],
    tally: RingPeerTally,
    on_wake: OnWake,
}

impl Ends {
    fn run(
        mut self,
        receive: u32,
        send: u32,
        mut poller: Poller,
        bell: &Waker,
        stop: &AtomicBool,
    ) -> RingPeerTally {
        let mut heard = Instant::now();
        while self.tally.received < receive || self.tally.sent < send {
            let before = self.tally.received;
            self.drain();
            if self.tally.received > before {
                heard = Instant::now();
            }
            let full = !self.burst(send);
            self.publish();
            let lost = heard.elapsed() > LOST_AFTER && self.tally.received < receive;
            if stop.load(Ordering::Relaxed) || lost {
                self.tally.lost_wakes = u32::from(lost);
                break;
            }
            let idle = self.tally.sent == send;
            if (idle || full || self.random().is_multiple_of(4)) && self.incoming.sleep() {
                self.tally.sleeps += u32::from(idle);
                let longest = if idle { LOST_AFTER } else { RETRY };
                if poller.wait(Some(longest), |_| bell.clear()).is_err() {
                    break;
                }
            }
            self.incoming.awake();
        }
        self.tally.corrupt = self.incoming.corrupt() as u32;
        self.tally
    }

    /// Takes what is there; gives room back after some of it, and after all of it.
    fn drain(&mut self) {
        while let Some(record) = self.incoming.next_record() {
            let good = is_record(self.tally.received, record.kind, record.payload);
            self.tally.received += 1;
            self.tally.faults += u32::from(!good);
            if self.tally.received.is_multiple_of(5) {
                self.incoming.release();
            }
        }
        self.incoming.release();
    }

    /// Up to 40 records. False: the ring is full.
    fn burst(&mut self, send: u32) -> bool {
        for _ in 0..self.random() % 40 {
            if self.tally.sent == send {
                break;
            }
            let len = self.random_len();
            let first = self.random();
            for (at, byte) in self.body[..len].iter_mut().enumerate() {
                *byte = (first as usize + at * 7) as u8;
            }
            let body = &self.body[..len];
            let number = self.tally.sent;
            let (head, hash) = (number.to_le_bytes(), hash(body).to_le_bytes());
            let parts: [&[u8]; 3] = [&head, &hash, body];
            if !self.outgoing.push(kind_of(number), &parts) {
                self.tally.refused += 1;
                return false;
            }
            self.tally.sent += 1;
            if self.random().is_multiple_of(3) {
                self.publish();
            }
        }
        true
    }

    fn publish(&mut self) {
        if self.outgoing.publish() {
            self.tally.wakes += 1;
            (self.on_wake)();
        }
    }

    /// Mostly small, sometimes nearly all that a small ring takes.
    fn random_len(&mut self) -> usize {
        let most = if self.random().is_multiple_of(8) {
            MAX_BODY
        } else {
            60
        };
        self.random() as usize % (most + 1)
    }

    fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

fn is_record(number: u32, kind: u32, payload: &[u8]) -> bool {
    let Some((header, body)) = payload.split_first_chunk::<HEADER>() else {
        return false;
    };
    kind == kind_of(number)
        && header[..4] == number.to_le_bytes()
        && header[4..] == hash(body).to_le_bytes()
}

fn kind_of(number: u32) -> u32 {
    1 + number % 7
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

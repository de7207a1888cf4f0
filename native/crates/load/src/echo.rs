//! The far end of the traffic: a UDP socket that sends everything back, only takes it, or sends by itself.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use netio::IoError;
use netio::receive_batch::ReceiveBatch;
use netio::send_batch::SendBatch;
use netio::udp_group::{UdpGroup, UdpGroupOptions, open_udp_group};
use netio::wake::{Poller, Waker};

use crate::clock;
use crate::flood::Flood;

/// What the far end does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// Sends back what comes.
    Answer,
    /// Counts what comes and forgets it.
    Take,
    /// Sends payloads of this size without end to whoever asks, in runs that the kernel cuts or, `single`, one by one;
    /// `pps` of them a second, or as many as it can.
    Flood {
        payload: usize,
        single: bool,
        pps: Option<f64>,
    },
}

/// Dropping it ends the thread.
pub struct Echo {
    counters: Arc<EchoCounters>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub struct EchoCounters {
    /// Received.
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    /// What the kernel has taken; it may still drop it at the device.
    pub sent: AtomicU64,
    stop: AtomicBool,
}

impl Echo {
    pub fn start(address: SocketAddr, task: Task) -> Result<Echo, IoError> {
        let group = open_udp_group(&UdpGroupOptions {
            options: netio::socket_options::SocketOptions::default(),
            host: address.ip(),
            port: address.port(),
            shared: false,
            shards: 1,
            receive_buffer: 0,
            send_buffer: 0,
        })?;
        let waker = Arc::new(Waker::new()?);
        let counters = Arc::<EchoCounters>::default();
        let mut poller = Poller::new(2)?;
        poller.add(waker.fd(), 0)?;
        for socket in &group.sockets {
            poller.add(socket, 1)?;
        }
        let shared = Arc::clone(&counters);
        let mut end = FarEnd::new(group, task);
        let thread = thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    let wait = end.turn(&shared);
                    if wait != Some(Duration::ZERO) && poller.wait(wait, |_| {}).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| IoError::new(error.raw_os_error().unwrap_or(0), "start an echo"))?;
        Ok(Echo {
            counters,
            waker,
            thread: Some(thread),
        })
    }

    pub fn counters(&self) -> &EchoCounters {
        &self.counters
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.counters.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct FarEnd {
    sockets: Vec<OwnedFd>,
    receive: ReceiveBatch,
    send: SendBatch,
    answers: bool,
    flood: Option<Flood>,
}

impl FarEnd {
    fn new(group: UdpGroup, task: Task) -> FarEnd {
        let (flood, single) = match task {
            Task::Answer | Task::Take => (None, false),
            Task::Flood {
                payload,
                single,
                pps,
            } => (Some(Flood::new(payload, pps)), single),
        };
        FarEnd {
            sockets: group.sockets,
            receive: if group.gro {
                ReceiveBatch::for_gro()
            } else {
                ReceiveBatch::for_single_datagrams()
            },
            send: SendBatch::new(group.gso && !single),
            answers: task == Task::Answer,
            flood,
        }
    }

    /// How long to wait for packets before the next one; `None` = until some come.
    fn turn(&mut self, counters: &EchoCounters) -> Option<Duration> {
        let mut wait = self.turn_received(counters).then_some(Duration::ZERO);
        if let Some(flood) = &mut self.flood {
            let now = clock::now();
            let due = flood.send(now, &mut self.send, &self.sockets);
            let due = due.map(|at| Duration::from_nanos(at.saturating_sub(now)));
            wait = wait.or(due);
        }
        self.send.flush(&self.sockets);
        let sent = self.send.counters.datagrams;
        counters.sent.store(sent, Ordering::Relaxed);
        wait
    }

    fn turn_received(&mut self, counters: &EchoCounters) -> bool {
        let Some(socket) = self.sockets.first() else {
            return false;
        };
        let Ok(count) = self.receive.receive(socket) else {
            return false;
        };
        for index in 0..count {
            let Some(received) = self.receive.message(index) else {
                continue;
            };
            let datagrams = received.bytes.len().div_ceil(received.segment);
            counters
                .packets
                .fetch_add(datagrams as u64, Ordering::Relaxed);
            counters
                .bytes
                .fetch_add(received.bytes.len() as u64, Ordering::Relaxed);
            for datagram in received.bytes.chunks(received.segment) {
                if let Some(flood) = &mut self.flood {
                    flood.ask(clock::now(), received.from, datagram);
                }
                if self.answers {
                    enqueue(&mut self.send, &self.sockets, received.from, datagram);
                }
            }
        }
        count > 0
    }
}

fn enqueue(send: &mut SendBatch, sockets: &[OwnedFd], to: SocketAddr, datagram: &[u8]) {
    if !send.has_room(datagram.len()) {
        send.flush(sockets);
    }
    if let Some(slot) = send.reserve(datagram.len()) {
        slot.copy_from_slice(datagram);
        send.commit(0, to);
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;
    use crate::packet::{self, Stamp};

    #[test]
    fn what_is_sent_comes_back() {
        let probe = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = probe.local_addr().expect("address");
        drop(probe);
        let echo = Echo::start(address, Task::Answer).expect("echo");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("timeout");
        let mut buffer = [0; 2000];
        for payload in [vec![1; 10], vec![2; 1400]] {
            socket.send_to(&payload, address).expect("send");
            let len = socket.recv(&mut buffer).expect("answer");
            assert_eq!(buffer[..len], payload);
        }
        assert_eq!(echo.counters().packets.load(Ordering::Relaxed), 2);
        assert_eq!(echo.counters().bytes.load(Ordering::Relaxed), 1410);
    }

    #[test]
    fn a_flood_comes_to_whoever_asks_and_ends() {
        let probe = UdpSocket::bind("127.0.0.2:0").expect("bind");
        let address = probe.local_addr().expect("address");
        drop(probe);
        let task = Task::Flood {
            payload: 100,
            single: false,
            pps: None,
        };
        let echo = Echo::start(address, task).expect("echo");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("timeout");
        let mut buffer = [0; 2000];
        let mut question = [0; 40];
        let asked = Stamp {
            flow: 9,
            number: 5,
            sent: 1,
        };
        packet::encode_payload(&mut question, &asked);
        socket.send_to(&question, address).expect("send");
        // As many as its buffer holds for sure.
        for number in 1..=50 {
            let len = socket.recv(&mut buffer).expect("a packet of the flood");
            let stamp = packet::decode_payload(&buffer[..len]).expect("a stamp");
            assert_eq!((len, stamp.flow, stamp.number), (100, 9, number));
        }
        assert_eq!(echo.counters().packets.load(Ordering::Relaxed), 1);
    }
}

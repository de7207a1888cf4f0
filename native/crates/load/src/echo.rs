//! The far end of the traffic: a UDP socket that sends everything back, or only takes it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use netio::IoError;
use netio::receive_batch::ReceiveBatch;
use netio::send_batch::SendBatch;
use netio::udp_group::{UdpGroupOptions, open_udp_group};
use netio::wake::{Poller, Waker};

/// Dropping it ends the thread.
pub struct Echo {
    counters: Arc<EchoCounters>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub struct EchoCounters {
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    stop: AtomicBool,
}

impl Echo {
    /// `answers` false: what comes is counted and forgotten.
    pub fn start(address: SocketAddr, answers: bool) -> Result<Echo, IoError> {
        let group = open_udp_group(&UdpGroupOptions {
            host: address.ip(),
            port: address.port(),
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
        let gro = group.gro;
        let mut mirror = Mirror {
            sockets: group.sockets,
            receive: if gro {
                ReceiveBatch::for_gro()
            } else {
                ReceiveBatch::for_single_datagrams()
            },
            send: SendBatch::new(group.gso),
            answers,
        };
        let thread = thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    if !mirror.turn(&shared) && poller.wait(None, |_| {}).is_err() {
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

struct Mirror {
    sockets: Vec<OwnedFd>,
    receive: ReceiveBatch,
    send: SendBatch,
    answers: bool,
}

impl Mirror {
    /// False: nothing was there.
    fn turn(&mut self, counters: &EchoCounters) -> bool {
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
            if !self.answers {
                continue;
            }
            for datagram in received.bytes.chunks(received.segment) {
                if !self.send.has_room(datagram.len()) {
                    self.send.flush(&self.sockets);
                }
                if let Some(slot) = self.send.reserve(datagram.len()) {
                    slot.copy_from_slice(datagram);
                    self.send.commit(0, received.from);
                }
            }
        }
        self.send.flush(&self.sockets);
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_sent_comes_back() {
        let probe = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = probe.local_addr().expect("address");
        drop(probe);
        let echo = Echo::start(address, true).expect("echo");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_secs(2)))
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
}

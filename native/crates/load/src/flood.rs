use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use netio::send_batch::SendBatch;

use crate::clock::{Nanos, SECOND};
use crate::pacer::Pacer;
use crate::packet::{self, Stamp};

/// Packets without end for every client that asks for them. A packet of a client's flow is a question; its answers are
/// numbered from 1 and belong to the same flow, so that the client judges them as it does an echo.
pub struct Flood {
    payload: Vec<u8>,
    askers: Vec<Asker>,
    /// Counts bursts; without it there is no end to them.
    pacer: Option<Pacer>,
}

struct Asker {
    to: SocketAddr,
    flow: u32,
    sent: u64,
    /// Forgotten then, unless it asks again.
    until: Nanos,
}

/// Answers to one client in a row: a few full runs of segments.
const BURST: usize = 256;
const PATIENCE: Nanos = SECOND / 2;
const MAX_ASKERS: usize = 1024;

impl Flood {
    /// `payload`: bytes of UDP payload, at least `MIN_PAYLOAD`. `pps`: packets per second for each client, in bursts; as
    /// many as can be sent when `None`.
    pub fn new(payload: usize, pps: Option<f64>) -> Flood {
        Flood {
            payload: vec![0; payload],
            askers: Vec::new(),
            pacer: pps.map(|pps| Pacer::new(0, pps / BURST as f64)),
        }
    }

    /// A datagram that is not of a flow is no question.
    pub fn ask(&mut self, now: Nanos, from: SocketAddr, datagram: &[u8]) {
        let Some(stamp) = packet::decode_payload(datagram) else {
            return;
        };
        let until = now + PATIENCE;
        if let Some(known) = self.askers.iter_mut().find(|asker| asker.to == from) {
            known.until = until;
        } else if self.askers.len() < MAX_ASKERS {
            self.askers.push(Asker {
                to: from,
                flow: stamp.flow,
                sent: 0,
                until,
            });
        }
    }

    /// The next packets for everyone; the caller flushes the last of them. When there are more, `None`: nobody has asked.
    pub fn send(
        &mut self,
        now: Nanos,
        batch: &mut SendBatch,
        sockets: &[OwnedFd],
    ) -> Option<Nanos> {
        self.askers.retain(|asker| asker.until > now);
        if self.askers.is_empty() {
            return None;
        }
        if let Some(pacer) = &mut self.pacer
            && !pacer.take(now)
        {
            return Some(pacer.next());
        }
        self.send_burst(batch, sockets);
        Some(now)
    }

    fn send_burst(&mut self, batch: &mut SendBatch, sockets: &[OwnedFd]) {
        for asker in &mut self.askers {
            for _ in 0..BURST {
                if !batch.has_room(self.payload.len()) {
                    batch.flush(sockets);
                }
                let Some(slot) = batch.reserve(self.payload.len()) else {
                    break;
                };
                asker.sent += 1;
                let stamp = Stamp {
                    flow: asker.flow,
                    number: asker.sent,
                    sent: packet::UNKNOWN,
                };
                packet::encode_payload(slot, &stamp);
                batch.commit(0, asker.to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> [u8; 32] {
        let mut bytes = [0; 32];
        let stamp = Stamp {
            flow: 3,
            number: 1,
            sent: 1,
        };
        packet::encode_payload(&mut bytes, &stamp);
        bytes
    }

    #[test]
    fn who_does_not_ask_again_gets_no_more() {
        let (mut flood, mut batch) = (Flood::new(32, None), SendBatch::new(true));
        let address = "127.0.0.1:9".parse().expect("address");
        flood.ask(0, address, b"nonsense that is as long as a stamp");
        assert_eq!(flood.send(1, &mut batch, &[]), None);
        flood.ask(0, address, &question());
        let last = PATIENCE - 1;
        assert_eq!(flood.send(last, &mut batch, &[]), Some(last));
        assert_eq!(flood.send(PATIENCE, &mut batch, &[]), None);
    }

    #[test]
    fn a_paced_flood_says_when_its_next_burst_is_due() {
        let pps = BURST as f64 * 1000.0;
        let (mut flood, mut batch) = (Flood::new(32, Some(pps)), SendBatch::new(true));
        let address = "127.0.0.1:9".parse().expect("address");
        flood.ask(0, address, &question());
        let at = SECOND / 4;
        let mut bursts = 0;
        while flood.send(at, &mut batch, &[]) == Some(at) {
            bursts += 1;
            assert!(bursts < 1000, "no end to it");
        }
        // What it owes from before is bounded.
        assert!((100..=102).contains(&bursts), "{bursts}");
        let next = flood.send(at, &mut batch, &[]);
        assert!(next.is_some_and(|next| next > at && next <= at + SECOND / 1000));
    }
}

//! Packets that landed on the wrong shard: one ring per ordered pair of shards.

use std::sync::Arc;

use datapath::{DataPath, InboundSink, Millis, PeerAddr, PeerId, VNET_LEN};
use netio::wake::Waker;

use crate::address_record::{ADDRESS_LEN, decode_address, encode_address};
use crate::ring::{RingConsumer, RingProducer};

const UDP_IN: u32 = 1;
const TO_PEER: u32 = 2;

/// `u32 peer-id, u32 0, virtio-net header[10], 6 bytes 0`: the packet starts at a multiple of 8.
const TO_PEER_HEADER: usize = 24;
const VNET_AT: usize = 8;

/// A turn may bring more than a ring takes, and the neighbour can begin with the first of it meanwhile.
const PUBLISH_BYTES: usize = 256 * 1024;

/// Our end of the ring to one neighbour.
pub struct HopOut {
    ring: RingProducer,
    neighbour: Arc<Waker>,
}

impl HopOut {
    pub fn new(ring: RingProducer, neighbour: Arc<Waker>) -> HopOut {
        HopOut { ring, neighbour }
    }

    /// False: the ring is full.
    pub fn push_udp(&mut self, from: &PeerAddr, datagram: &[u8]) -> bool {
        self.push(UDP_IN, &[&encode_address(from), datagram])
    }

    /// False: the ring is full.
    pub fn push_to_peer(&mut self, peer: PeerId, vnet: &[u8; VNET_LEN], packet: &[u8]) -> bool {
        let mut header = [0; TO_PEER_HEADER];
        header[..4].copy_from_slice(&peer.0.to_le_bytes());
        header[VNET_AT..VNET_AT + VNET_LEN].copy_from_slice(vnet);
        self.push(TO_PEER, &[&header, packet])
    }

    /// Takes back what was not shown.
    pub fn abandon(&mut self) {
        self.ring.abandon();
    }

    /// Shows the batch to the neighbour and wakes it if it sleeps.
    pub fn flush(&mut self) {
        if self.ring.publish() {
            self.neighbour.wake();
        }
    }

    /// A ring full of what the neighbour cannot see yet would stay full until the end of the turn.
    fn push(&mut self, kind: u32, parts: &[&[u8]]) -> bool {
        let pushed = self.ring.push(kind, parts);
        if !pushed || self.ring.unpublished() >= PUBLISH_BYTES {
            self.flush();
        }
        pushed
    }
}

/// Hands at most `limit` records of a neighbour to the data path; how many there were.
pub fn drain_hop(
    ring: &mut RingConsumer,
    limit: usize,
    now: Millis,
    data_path: &mut DataPath,
    sink: &mut impl InboundSink,
) -> usize {
    let mut count = 0;
    while count < limit {
        let Some(record) = ring.next_record() else {
            break;
        };
        count += 1;
        handle_record(record.kind, record.payload, now, data_path, sink);
    }
    if count > 0 {
        ring.release();
    }
    count
}

fn handle_record(
    kind: u32,
    payload: &mut [u8],
    now: Millis,
    data_path: &mut DataPath,
    sink: &mut impl InboundSink,
) {
    match kind {
        UDP_IN => {
            let Some((address, datagram)) = payload.split_first_chunk_mut::<ADDRESS_LEN>() else {
                return;
            };
            if let Some(from) = decode_address(address) {
                data_path.inbound_hopped(now, &from, datagram, sink);
            }
        }
        TO_PEER => {
            let Some((header, packet)) = payload.split_first_chunk_mut::<TO_PEER_HEADER>() else {
                return;
            };
            let peer = PeerId(u32::from_le_bytes([
                header[0], header[1], header[2], header[3],
            ]));
            let mut vnet = [0; VNET_LEN];
            vnet.copy_from_slice(&header[VNET_AT..VNET_AT + VNET_LEN]);
            data_path.outbound_to_peer(now, peer, &vnet, packet, sink);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring;

    #[test]
    fn a_neighbour_sees_the_first_of_a_large_turn_before_its_end() {
        let memory = ring::allocate(1 << 20);
        let mut neighbour = RingConsumer::new(memory.clone()).expect("ring");
        let waker = Arc::new(Waker::new().expect("waker"));
        let mut hop = HopOut::new(RingProducer::new(memory).expect("ring"), waker);
        let superpacket = vec![7; 60_000];
        for _ in 0..4 {
            assert!(hop.push_to_peer(PeerId(1), &[0; VNET_LEN], &superpacket));
            assert!(neighbour.next_record().is_none());
        }
        assert!(hop.push_to_peer(PeerId(1), &[0; VNET_LEN], &superpacket));
        for _ in 0..5 {
            let record = neighbour.next_record().expect("published");
            assert_eq!(record.payload.len(), TO_PEER_HEADER + superpacket.len());
        }
    }
}

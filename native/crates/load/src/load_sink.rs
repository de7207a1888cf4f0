use datapath::{DataEvent, InboundSink, OutboundSink, PeerAddr, PeerId, VNET_LEN};
use shard::outlet::Outlet;

use crate::clock::Nanos;
use crate::ledger::Ledger;
use crate::traffic::Traffic;

/// The outlet of a shard whose TUN is the traffic's own end.
pub struct LoadSink<'a> {
    pub outlet: &'a mut Outlet,
    pub traffic: &'a mut Traffic,
    pub ledger: &'a mut Ledger,
    pub now: Nanos,
}

impl OutboundSink for LoadSink<'_> {
    fn reserve(&mut self, to: &PeerAddr, len: usize) -> Option<&mut [u8]> {
        self.outlet.reserve(to, len)
    }

    fn commit(&mut self) {
        self.outlet.commit();
    }

    fn hop_peer(
        &mut self,
        shard: usize,
        peer: PeerId,
        vnet: &[u8; VNET_LEN],
        packet: &[u8],
    ) -> bool {
        self.outlet.hop_peer(shard, peer, vnet, packet)
    }

    fn event(&mut self, event: DataEvent) -> bool {
        self.outlet.event(event)
    }
}

impl InboundSink for LoadSink<'_> {
    fn control(&mut self, from: &PeerAddr, packet: &[u8]) -> bool {
        self.outlet.control(from, packet)
    }

    fn hop_udp(&mut self, shard: usize, from: &PeerAddr, datagram: &[u8]) -> bool {
        self.outlet.hop_udp(shard, from, datagram)
    }

    /// One packet: without offloads nothing is coalesced.
    fn write_tun(&mut self, frame: &[u8]) {
        let packet = &frame[VNET_LEN..];
        if !self.ledger.accept(packet) {
            self.traffic.accept(self.now, packet);
        }
    }
}

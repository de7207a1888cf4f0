use crate::event::DataEvent;
use crate::peer_addr::PeerAddr;
use crate::vnet::VNET_LEN;
use crate::wire::PeerId;

/// Where sealed packets and events go. Implemented once, by the shard's event loop; nothing may block or allocate.
pub trait OutboundSink {
    /// A slot of exactly `len` bytes in the send batch for `to`, contents undefined; `None` when there is no room even
    /// after flushing. A slot that is not committed before the next `reserve` is taken back.
    fn reserve(&mut self, to: &PeerAddr, len: usize) -> Option<&mut [u8]>;

    /// Sends the slot reserved last, whole.
    fn commit(&mut self);

    /// The datagrams from here on carry this inner packet, or parts of it; `None` = something of our own.
    fn carry(&mut self, _packet: Option<&[u8]>) {}

    /// Hands an inner packet or superpacket to the shard that owns `peer`. False: the ring is full.
    fn hop_peer(
        &mut self,
        shard: usize,
        peer: PeerId,
        vnet: &[u8; VNET_LEN],
        packet: &[u8],
    ) -> bool;

    /// Reports to the worker. False: no room. A float and a key limit are said again with the next packet,
    /// silence after another timeout; a lost exit shows as silence.
    fn event(&mut self, event: DataEvent) -> bool;
}

/// Where received packets go. It is an outbound sink too: a packet from one client may be for another one.
pub trait InboundSink: OutboundSink {
    /// A control packet for this shard's worker. False: no room.
    fn control(&mut self, from: &PeerAddr, packet: &[u8]) -> bool;

    /// Bytes that wait for the worker.
    fn control_backlog(&self) -> usize {
        0
    }

    /// Hands a datagram to the shard that owns it. False: the ring is full.
    fn hop_udp(&mut self, shard: usize, from: &PeerAddr, datagram: &[u8]) -> bool;

    /// One write to the TUN: virtio-net header, then a packet or superpacket.
    fn write_tun(&mut self, frame: &[u8]);
}

use crate::Millis;
use crate::data_path::{Context, DataPath};
use crate::peer::Peer;
use crate::sink::OutboundSink;
use crate::vnet::VNET_LEN;
use crate::wire::PeerId;

impl DataPath {
    /// Takes one read of the TUN: virtio-net header, then a packet or superpacket. `frame` is overwritten.
    pub fn outbound(&mut self, _now: Millis, _frame: &mut [u8], _sink: &mut impl OutboundSink) {
        todo!("outbound")
    }

    /// Takes what another shard has handed over for one of our peers (TO_PEER).
    pub fn outbound_to_peer(
        &mut self,
        _now: Millis,
        _peer: PeerId,
        _vnet: &[u8; VNET_LEN],
        _packet: &mut [u8],
        _sink: &mut impl OutboundSink,
    ) {
        todo!("outbound_to_peer")
    }
}

pub(crate) fn send_ping(_context: &Context, _peer: &mut Peer, _now: Millis, _sink: &mut impl OutboundSink) {
    todo!("send_ping")
}

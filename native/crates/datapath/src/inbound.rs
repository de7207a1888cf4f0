use crate::Millis;
use crate::data_path::DataPath;
use crate::peer_addr::PeerAddr;
use crate::sink::InboundSink;

impl DataPath {
    /// Takes one datagram of the UDP socket. `datagram` is overwritten. Call `flush_inbound` after the batch.
    pub fn inbound(&mut self, _now: Millis, _from: &PeerAddr, _datagram: &mut [u8], _sink: &mut impl InboundSink) {
        todo!("inbound")
    }

    /// The same for a datagram that another shard has handed over (UDP_IN): it hops no further.
    pub fn inbound_hopped(&mut self, _now: Millis, _from: &PeerAddr, _datagram: &mut [u8], _sink: &mut impl InboundSink) {
        todo!("inbound_hopped")
    }

    /// Writes what the coalescer still holds to the TUN. At the end of every batch.
    pub fn flush_inbound(&mut self, _sink: &mut impl InboundSink) {
        todo!("flush_inbound")
    }
}

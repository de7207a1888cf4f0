//! Packets of a connection: they are its peer's and nobody else's, and never move. [wire 16]

use super::{Owner, Parts, Rooms, by_address};
use crate::Millis;
use crate::data_path::DataPath;
use crate::peer_addr::PeerAddr;
use crate::sink::InboundSink;
use crate::stats::DropReason;
use crate::wire::{self, Datagram, PeerId};

impl DataPath {
    /// Takes one packet of the connection `from`, which is this shard's, as is whoever is served through it. `packet` is
    /// overwritten. Call `flush_inbound` after the batch.
    pub fn inbound_stream(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        packet: &mut [u8],
        sink: &mut impl InboundSink,
    ) {
        let outcome = self.receive_stream(now, from, packet, sink);
        self.context.settle(outcome);
    }

    fn receive_stream(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        packet: &mut [u8],
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = &self.context;
        let (key, claimed, len) = match wire::classify(packet, context.plane.settings.role) {
            Datagram::Drop(reason) => return Err(reason),
            Datagram::Control { .. } => {
                return self.door.control(context, now, from, packet, sink);
            }
            Datagram::DataV1 { key } => (key, PeerId::NONE, 1),
            Datagram::DataV2 { key, peer } => (key, peer, 4),
        };
        let Owner::Peer(header) = by_address(context, from, key, len)? else {
            return Err(DropReason::UnknownAddress);
        };
        if claimed != PeerId::NONE && claimed != header.peer {
            return Err(DropReason::ForeignPath);
        }
        let mut parts = Parts {
            context,
            sessions: &mut self.sessions,
            coalescer: &mut self.coalescer,
        };
        let rooms = Rooms {
            headroom: &mut self.headroom,
            inflated: &mut self.inflated,
        };
        parts.open(now, from, &header, packet, rooms, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Cipher, DataFormat};
    use crate::peer_addr::STREAM_BIT;
    use crate::test_packets::Shape;
    use crate::test_sink::*;

    fn stream(port: u16) -> PeerAddr {
        let at = path(port);
        PeerAddr {
            listener: at.listener | STREAM_BIT,
            ..at
        }
    }

    /// A server whose only client is served through the connection from port 4002.
    fn served() -> (DataPath, DataPath) {
        let (mut server, client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let mut add = peer(0, 2, DataFormat::V2);
        server.remove_peer(add.peer).unwrap();
        add.path = stream(4002);
        server.add_peer(0, add).unwrap();
        server
            .install_key(server_key(0, 0, Cipher::Aes256Gcm))
            .unwrap();
        (server, client)
    }

    fn packet(client: &mut DataPath) -> Vec<u8> {
        sealed(client, &Shape::udp(false, 2).packet(b"x"))
    }

    #[test]
    fn a_packet_of_the_connection_is_taken() {
        let (mut server, mut client) = served();
        let mut sink = RecordingSink::default();
        server.inbound_stream(0, &stream(4002), &mut packet(&mut client), &mut sink);
        server.flush_inbound(&mut sink);
        assert_eq!(sink.tun.len(), 1);
    }

    #[test]
    fn nobody_moves_to_or_from_a_connection() {
        let (mut server, mut client) = served();
        let mut sink = RecordingSink::default();
        server.inbound(0, &path(4002), &mut packet(&mut client), &mut sink);
        server.inbound_stream(0, &stream(4003), &mut packet(&mut client), &mut sink);
        let mut other = packet(&mut client);
        other[3] = 7;
        server.inbound_stream(0, &stream(4002), &mut other, &mut sink);
        server.flush_inbound(&mut sink);
        assert_eq!((sink.tun.len(), sink.events.len()), (0, 0));
        let drops: Vec<_> = server.stats().drops().collect();
        assert_eq!(drops, [("foreign-path", 2), ("unknown-address", 1)]);
    }

    #[test]
    fn control_packets_stay_with_the_shard_that_has_the_connection() {
        let (mut server, _) = served();
        let mut sink = RecordingSink::default();
        let mut reset = [9; 14];
        reset[0] = 7 << 3;
        server.inbound_stream(0, &stream(4009), &mut reset, &mut sink);
        assert_eq!(sink.control.len(), 1);
    }
}

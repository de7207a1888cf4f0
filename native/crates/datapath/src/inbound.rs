//! Client to TUN. The stages, in the order of the functions below:
//!
//!  1. classify the datagram
//!  2. find the owning shard; hand the datagram over if that is another one
//!  3. control packets go to the worker as they are
//!  4. find the peer (DATA_V2 by peer-id, DATA_V1 by address) and its key by key-id
//!  5. replay pre-check, open in place, replay mark
//!  6. float, if a fresh and authentic DATA_V2 packet came by another path
//!  7. note the sign of life
//!  8. swallow pings and OCC messages
//!  9. check the inner header and its source address
//! 10. clamp the MSS of a TCP SYN
//! 11. client-to-client, where that is on
//! 12. coalesce for the TUN

use std::net::{IpAddr, Ipv6Addr};

use crate::Millis;
use crate::coalesce::Coalescer;
use crate::data_path::{Context, DataPath};
use crate::event::DataEvent;
use crate::inner_packet::InnerPacket;
use crate::mss;
use crate::outbound;
use crate::peer::Peer;
use crate::peer_addr::PeerAddr;
use crate::plane::Role;
use crate::session_table::SessionTable;
use crate::sink::InboundSink;
use crate::stats::{Counter, DropReason, HopReason};
use crate::vnet::{VNET_LEN, VnetHeader};
use crate::wire::{
    self, DATA_V1_OVERHEAD, DATA_V2_OVERHEAD, Datagram, KeyId, OCC_EXIT, OCC_MAGIC, PING, PeerId,
    be32,
};

impl DataPath {
    /// Takes one datagram of the UDP socket. `datagram` is overwritten. Call `flush_inbound` after the batch.
    pub fn inbound(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        datagram: &mut [u8],
        sink: &mut impl InboundSink,
    ) {
        let outcome = self.receive(now, from, datagram, false, sink);
        self.context.settle(outcome);
    }

    /// The same for a datagram that another shard has handed over (UDP_IN): it hops no further.
    pub fn inbound_hopped(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        datagram: &mut [u8],
        sink: &mut impl InboundSink,
    ) {
        let outcome = self.receive(now, from, datagram, true, sink);
        self.context.settle(outcome);
    }

    /// Writes what the coalescer still holds to the TUN. At the end of every batch.
    pub fn flush_inbound(&mut self, sink: &mut impl InboundSink) {
        let context = &self.context;
        self.coalescer
            .flush(&mut |frame, packets| write_tun(context, frame, packets, sink));
    }

    /// Stages 1 to 3.
    fn receive(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        datagram: &mut [u8],
        hopped: bool,
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = &self.context;
        let (owner, reason) = match wire::classify(datagram, context.plane.settings.role) {
            Datagram::Drop(reason) => return Err(reason),
            Datagram::Control { owner_key } => (Owner::Worker(owner_key), HopReason::Control),
            Datagram::DataV1 { key } => (by_address(context, from, key, 1)?, HopReason::DataV1),
            Datagram::DataV2 {
                key,
                peer: PeerId::NONE,
            } => (by_address(context, from, key, 4)?, HopReason::DataV2),
            Datagram::DataV2 { key, peer } => {
                (Owner::Peer(DataHeader::v2(key, peer)), HopReason::DataV2)
            }
        };
        let shard = owner.shard(context);
        if shard != context.shard {
            return hop(context, shard, reason, from, datagram, hopped, sink);
        }
        match owner {
            Owner::Worker(_) => to_worker(context, from, datagram, sink),
            Owner::Peer(header) => {
                let mut parts = Parts {
                    context,
                    sessions: &mut self.sessions,
                    coalescer: &mut self.coalescer,
                };
                parts.open(now, from, &header, datagram, sink)
            }
        }
    }
}

/// What becomes of a datagram that is not dropped at once.
enum Owner {
    /// A control packet; half of the session id decides the shard.
    Worker(u32),
    Peer(DataHeader),
}

/// Whose data packet it is.
struct DataHeader {
    peer: PeerId,
    key: KeyId,
    /// Opcode byte, and peer-id in DATA_V2.
    len: usize,
    /// Found by peer-id: the path may be a new one.
    may_float: bool,
}

impl DataHeader {
    fn v2(key: KeyId, peer: PeerId) -> DataHeader {
        DataHeader {
            peer,
            key,
            len: 4,
            may_float: true,
        }
    }

    fn overhead(&self) -> usize {
        if self.len == 1 {
            DATA_V1_OVERHEAD
        } else {
            DATA_V2_OVERHEAD
        }
    }
}

impl Owner {
    fn shard(&self, context: &Context) -> usize {
        match self {
            Owner::Worker(key) => *key as usize % context.plane.settings.shards,
            Owner::Peer(header) => context.shard_of(header.peer),
        }
    }
}

/// Stage 2 for packets without a peer-id. [wire 16]
fn by_address(
    context: &Context,
    from: &PeerAddr,
    key: KeyId,
    len: usize,
) -> Result<Owner, DropReason> {
    let peer = context
        .plane
        .addresses
        .find(from)
        .ok_or(DropReason::UnknownAddress)?;
    Ok(Owner::Peer(DataHeader {
        peer,
        key,
        len,
        may_float: false,
    }))
}

fn hop(
    context: &Context,
    shard: usize,
    reason: HopReason,
    from: &PeerAddr,
    datagram: &[u8],
    hopped: bool,
    sink: &mut impl InboundSink,
) -> Result<(), DropReason> {
    if hopped {
        return Err(DropReason::Misrouted);
    }
    if !sink.hop_udp(shard, from, datagram) {
        return Err(DropReason::HopFull);
    }
    context.stats.hop(reason);
    Ok(())
}

fn to_worker(
    context: &Context,
    from: &PeerAddr,
    datagram: &[u8],
    sink: &mut impl InboundSink,
) -> Result<(), DropReason> {
    context.stats.count(Counter::ControlPackets, 1);
    if sink.control(from, datagram) {
        Ok(())
    } else {
        Err(DropReason::ControlFull)
    }
}

/// The parts of a `DataPath` that stages 4 to 12 work on.
struct Parts<'a> {
    context: &'a Context,
    sessions: &'a mut SessionTable,
    coalescer: &'a mut Coalescer,
}

impl Parts<'_> {
    /// Stages 4 to 8.
    fn open(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        header: &DataHeader,
        datagram: &mut [u8],
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = self.context;
        let peer = self
            .sessions
            .peer_mut(header.peer)
            .map_err(|_| DropReason::UnknownPeer)?;
        let key = peer
            .keys
            .opening(header.key)
            .ok_or(DropReason::UnknownKey)?;
        let opened = key.open(header.len, be32(datagram, header.len), datagram);
        if key.limit_due()
            && sink.event(DataEvent::KeyLimit {
                peer: header.peer,
                key: header.key,
            })
        {
            key.limit_was_reported();
        }
        opened?;
        if header.may_float && peer.path != *from {
            float(context, peer, now, from, sink);
        }
        peer.heard(now);
        count_received(context, peer, datagram.len() as u64);
        let payload = &datagram[header.overhead()..];
        if *payload == PING {
            context.stats.count(Counter::PingsReceived, 1);
            return Ok(());
        }
        if let Some(message) = payload.strip_prefix(&OCC_MAGIC) {
            occ(context, peer, message, sink);
            return Ok(());
        }
        // Header, packet id and tag are done with; their last bytes make room for the virtio-net header.
        let frame = &mut datagram[header.overhead() - VNET_LEN..];
        self.accept(now, header.peer, frame, sink)
    }

    /// Stages 9 to 12. `frame` is room for the virtio-net header, then the inner packet.
    fn accept(
        &mut self,
        now: Millis,
        id: PeerId,
        frame: &mut [u8],
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = self.context;
        let peer = self
            .sessions
            .peer_mut(id)
            .map_err(|_| DropReason::UnknownPeer)?;
        let packet = &mut frame[VNET_LEN..];
        let inner = InnerPacket::parse(packet).ok_or(DropReason::MalformedInner)?;
        check_source(context, peer, inner.source)?;
        mss::clamp(packet, &inner, peer.max_inner);
        if context.plane.settings.client_to_client
            && let Some(other) =
                outbound::find_route(context, inner.destination).filter(|other| *other != id)
        {
            let (vnet, hop) = (VnetHeader::PLAIN.encode(), HopReason::ClientToClient);
            return outbound::forward(
                context,
                self.sessions,
                now,
                other,
                hop,
                &vnet,
                &inner,
                packet,
                sink,
            );
        }
        let frame = &mut frame[..VNET_LEN + inner.total_len];
        let mut write = |frame: &[u8], packets: usize| write_tun(context, frame, packets, sink);
        self.coalescer.push(frame, &inner, &mut write);
        Ok(())
    }
}

/// Stage 6. The event comes first: if the worker cannot be told, nothing moves and the next packet tries again,
/// so that control and data never disagree about the path for long. [wire 16]
fn float(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    from: &PeerAddr,
    sink: &mut impl InboundSink,
) {
    let addresses = &context.plane.addresses;
    let holder = addresses.find(from).filter(|holder| *holder != peer.id);
    if let Some(holder) = holder {
        if peer.conflict_due(now) {
            context.stats.count(Counter::FloatConflicts, 1);
            sink.event(DataEvent::FloatConflict {
                peer: peer.id,
                holder,
                path: *from,
            });
        }
        return;
    }
    if !sink.event(DataEvent::Floated {
        peer: peer.id,
        path: *from,
    }) {
        return;
    }
    context.stats.count(Counter::Floats, 1);
    addresses.remove(&peer.path, peer.id);
    addresses.insert(*from, peer.id);
    peer.move_to(*from);
}

fn count_received(context: &Context, peer: &Peer, bytes: u64) {
    peer.counters.bytes_in.add(bytes);
    peer.counters.packets_in.add(1);
    context.stats.count(Counter::InboundPackets, 1);
    context.stats.count(Counter::InboundBytes, bytes);
}

/// Stage 8: of the OCC messages only EXIT means anything to a server. [wire 13]
fn occ(context: &Context, peer: &Peer, message: &[u8], sink: &mut impl InboundSink) {
    if message.first() == Some(&OCC_EXIT) {
        sink.event(DataEvent::Exit { peer: peer.id });
    } else {
        context.stats.count(Counter::OccIgnored, 1);
    }
}

/// Stage 9: a client speaks for its own addresses and for the networks routed to it, for nobody else's; a server for
/// everybody.
fn check_source(context: &Context, peer: &Peer, source: IpAddr) -> Result<(), DropReason> {
    if context.plane.settings.role == Role::Client {
        return Ok(());
    }
    let is_own = match source {
        IpAddr::V4(address) => peer.ipv4 == Some(address),
        IpAddr::V6(address) if is_unroutable(address) => return Err(DropReason::UnroutableSource),
        IpAddr::V6(address) => peer.ipv6 == Some(address),
    };
    if is_own || outbound::find_route(context, source) == Some(peer.id) {
        return Ok(());
    }
    Err(DropReason::SpoofedSource)
}

/// Every client's system sends neighbour and multicast chatter from such addresses; it is not an attack.
fn is_unroutable(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_unspecified()
}

/// End of stage 12.
fn write_tun(context: &Context, frame: &[u8], packets: usize, sink: &mut impl InboundSink) {
    context.stats.count(Counter::TunWrites, 1);
    if packets > 1 {
        context.stats.count(Counter::Coalesced, packets as u64);
    }
    sink.write_tun(frame);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::command::{Cipher, DataFormat};
    use crate::plane::{Plane, PlaneSettings};
    use crate::test_packets::{SYN, Shape, tcp_with_options};
    use crate::test_sink::*;

    fn receive(server: &mut DataPath, from: &PeerAddr, datagram: &[u8]) -> RecordingSink {
        let mut sink = RecordingSink::default();
        server.inbound(0, from, &mut datagram.to_vec(), &mut sink);
        server.flush_inbound(&mut sink);
        sink
    }

    fn drops(server: &DataPath) -> Vec<(&'static str, u64)> {
        server.stats().drops().collect()
    }

    /// Seals `payload` as the client of `pair` would, without looking at it.
    fn sealed_payload(client: &mut DataPath, payload: &[u8]) -> Vec<u8> {
        let key = client
            .sessions
            .peer_mut(PeerId(0))
            .unwrap()
            .keys
            .sealing()
            .unwrap();
        let mut datagram = vec![0; DATA_V2_OVERHEAD];
        datagram[..4].copy_from_slice(&wire::data_v2_header(key.key_id, PeerId(0)));
        datagram.extend_from_slice(payload);
        assert!(key.seal(4, &mut datagram));
        datagram
    }

    #[test]
    fn a_packet_passes_from_client_to_tun_under_every_cipher_and_format() {
        for cipher in Cipher::ALL {
            for format in [DataFormat::V1, DataFormat::V2] {
                let (mut server, mut client) = pair(cipher, format);
                for shape in [Shape::udp(false, 2), Shape::tcp(true, 2)] {
                    let packet = shape.packet(b"hello");
                    let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
                    assert_eq!(sink.tun, [plain_frame(&packet)], "{cipher:?} {format:?}");
                }
                let peers = server.stats().peers();
                assert_eq!((peers[0].packets_in, drops(&server)), (2, vec![]));
            }
        }
    }

    #[test]
    fn a_batch_becomes_one_superpacket() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let mut sink = RecordingSink::default();
        for index in 0..20u32 {
            let shape = Shape {
                sequence: index * 1000,
                ip_id: index as u16,
                ..Shape::tcp(false, 2)
            };
            let mut datagram = sealed(&mut client, &shape.packet(&[index as u8; 1000]));
            server.inbound(0, &path(4002), &mut datagram, &mut sink);
        }
        assert_eq!(sink.tun.len(), 0);
        server.flush_inbound(&mut sink);
        assert_eq!(
            sink.tun.iter().map(Vec::len).collect::<Vec<_>>(),
            [VNET_LEN + 40 + 20_000]
        );
        assert_eq!(server.stats().counter(Counter::Coalesced), 20);
    }

    #[test]
    fn a_replayed_or_forged_packet_is_dropped_and_moves_nothing() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
        let mut forged = datagram.clone();
        forged[30] ^= 1;
        let sink = receive(&mut server, &path(9), &forged);
        assert_eq!((sink.tun.len(), sink.events.len()), (0, 0));
        assert_eq!(receive(&mut server, &path(4002), &datagram).tun.len(), 1);
        let sink = receive(&mut server, &path(9), &datagram);
        assert_eq!((sink.tun.len(), sink.events.len()), (0, 0));
        assert_eq!(drops(&server), [("replayed", 1), ("unauthentic", 1)]);
    }

    #[test]
    fn a_client_cannot_speak_for_others_but_for_its_networks() {
        let (mut server, mut client) = pair(Cipher::Aes128Gcm, DataFormat::V2);
        for v6 in [false, true] {
            let foreign = sealed(&mut client, &Shape::udp(v6, 3).packet(b"x"));
            assert_eq!(receive(&mut server, &path(4002), &foreign).tun.len(), 0);
        }
        assert_eq!(drops(&server), [("spoofed-source", 2)]);
        server
            .context
            .plane
            .routes
            .insert([10, 8, 0, 0].into(), 24, PeerId(0));
        let routed = sealed(&mut client, &Shape::udp(false, 3).packet(b"x"));
        assert_eq!(receive(&mut server, &path(4002), &routed).tun.len(), 1);
    }

    #[test]
    fn link_local_chatter_is_counted_apart() {
        let (mut server, mut client) = pair(Cipher::Aes128Gcm, DataFormat::V2);
        let mut packet = Shape::udp(true, 2).packet(b"x");
        packet[8..10].copy_from_slice(&[0xfe, 0x80]);
        let datagram = sealed(&mut client, &packet);
        receive(&mut server, &path(4002), &datagram);
        assert_eq!(drops(&server), [("unroutable-source", 1)]);
    }

    #[test]
    fn pings_are_swallowed_and_exit_is_reported() {
        let (mut server, mut client) = pair(Cipher::ChaCha20Poly1305, DataFormat::V2);
        let occ = |op: u8| [&OCC_MAGIC[..], &[op]].concat();
        for payload in [PING.to_vec(), occ(0), occ(OCC_EXIT)] {
            let datagram = sealed_payload(&mut client, &payload);
            let sink = receive(&mut server, &path(4002), &datagram);
            assert_eq!(sink.tun.len(), 0);
            assert_eq!(
                sink.events.len(),
                usize::from(payload.ends_with(&[OCC_EXIT]))
            );
        }
        let stats = server.stats();
        assert_eq!(
            (
                stats.counter(Counter::PingsReceived),
                stats.counter(Counter::OccIgnored)
            ),
            (1, 1)
        );
    }

    #[test]
    fn a_syn_is_clamped() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let datagram = sealed_payload(&mut client, &tcp_with_options(false, SYN, &[2, 4, 5, 0xb4]));
        let sink = receive(&mut server, &path(4002), &datagram);
        assert_eq!(sink.tun[0][VNET_LEN + 40..], [2, 4, 5, 0x78]);
    }

    #[test]
    fn a_client_that_moves_is_followed_and_answered_there() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let packet = Shape::udp(false, 2).packet(b"x");
        let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
        assert_eq!(
            sink.events,
            [DataEvent::Floated {
                peer: PeerId(0),
                path: path(5555)
            }]
        );
        assert_eq!(sink.tun.len(), 1);
        let addresses = &server.context.plane.addresses;
        assert_eq!(
            (addresses.find(&path(4002)), addresses.find(&path(5555))),
            (None, Some(PeerId(0)))
        );
        let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
        assert_eq!(sink.events, []);
    }

    #[test]
    fn an_event_that_finds_no_room_moves_nothing_until_it_does() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let packet = Shape::udp(false, 2).packet(b"x");
        let mut full = RecordingSink::full();
        server.inbound(0, &path(5555), &mut sealed(&mut client, &packet), &mut full);
        assert_eq!(
            server.sessions.peer_mut(PeerId(0)).unwrap().path,
            path(4002)
        );
        let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
        assert_eq!(sink.events.len(), 1);
    }

    #[test]
    fn a_float_to_another_clients_address_is_a_conflict() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        server.add_peer(0, peer(1, 3, DataFormat::V2)).unwrap();
        let packet = Shape::udp(false, 2).packet(b"x");
        for (now, events) in [(0, 1), (999, 0), (1000, 1)] {
            let mut sink = RecordingSink::default();
            server.inbound(
                now,
                &path(4003),
                &mut sealed(&mut client, &packet),
                &mut sink,
            );
            server.flush_inbound(&mut sink);
            let conflict = DataEvent::FloatConflict {
                peer: PeerId(0),
                holder: PeerId(1),
                path: path(4003),
            };
            assert_eq!(sink.events, vec![conflict; events], "at {now}");
            assert_eq!(sink.tun.len(), 1);
        }
        assert_eq!(
            server.sessions.peer_mut(PeerId(0)).unwrap().path,
            path(4002)
        );
    }

    #[test]
    fn data_v1_is_found_by_address_and_never_floats() {
        let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V1);
        let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
        assert_eq!(receive(&mut server, &path(5555), &datagram).tun.len(), 0);
        assert_eq!(drops(&server), [("unknown-address", 1)]);
        assert_eq!(receive(&mut server, &path(4002), &datagram).tun.len(), 1);
    }

    #[test]
    fn a_packet_for_another_shard_hops_once() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let (mut here, mut there) = (server(&plane, 0), server(&plane, 1));
        there.add_peer(0, peer(1, 2, DataFormat::V1)).unwrap();
        let v2 = [&wire::data_v2_header(KeyId(0), PeerId(1))[..], &[1; 40]].concat();
        let v1 = [&[wire::data_v1_header(KeyId(0))][..], &[1; 40]].concat();
        let control = [7 << 3, 0, 0, 0, 9, 5, 5, 5, 5, 0, 0, 0, 0, 0].to_vec();
        for datagram in [v2, v1, control.clone()] {
            let sink = receive(&mut here, &path(4002), &datagram);
            assert_eq!(sink.udp_hops, [(1, datagram.clone())]);
            let mut sink = RecordingSink::default();
            here.inbound_hopped(0, &path(4002), &mut datagram.clone(), &mut sink);
            assert_eq!(sink.udp_hops, []);
        }
        assert_eq!(drops(&here), [("misrouted", 3)]);
        assert_eq!(
            here.stats().hops().map(|hop| hop.1).collect::<Vec<_>>(),
            [1, 1, 1, 0, 0]
        );
        let mut sink = RecordingSink::default();
        there.inbound_hopped(0, &path(4002), &mut control.clone(), &mut sink);
        assert_eq!(sink.control, [control]);
    }

    fn two_clients(client_to_client: bool, shards: usize) -> (DataPath, DataPath) {
        let settings = PlaneSettings {
            client_to_client,
            ..settings(Role::Server, shards)
        };
        let plane = Arc::new(Plane::new(settings));
        plane.routes.insert([10, 9, 0, 1].into(), 32, PeerId(1));
        let mut here = server(&plane, 0);
        here.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
        here.install_key(server_key(0, 0, Cipher::Aes256Gcm))
            .unwrap();
        if shards == 1 {
            here.add_peer(0, peer(1, 3, DataFormat::V2)).unwrap();
            here.install_key(server_key(1, 0, Cipher::Aes256Gcm))
                .unwrap();
        }
        (here, client(Cipher::Aes256Gcm, DataFormat::V2))
    }

    #[test]
    fn clients_reach_each_other_inside_only_where_allowed() {
        let packet = Shape::udp(false, 2).packet(b"x");
        let (mut server, mut client) = two_clients(false, 1);
        let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
        assert_eq!((sink.tun.len(), sink.sent.len()), (1, 0));
        let (mut server, mut client) = two_clients(true, 1);
        let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
        assert_eq!((sink.tun.len(), sink.sent[0].0), (0, path(4003)));
        let (mut server, mut client) = two_clients(true, 2);
        let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
        assert_eq!(sink.peer_hops, [(1, PeerId(1), plain_frame(&packet))]);
        assert_eq!(server.stats().hop_count(HopReason::ClientToClient), 1);
    }

    #[test]
    fn full_rings_are_counted() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let mut here = server(&plane, 0);
        let mut full = RecordingSink::full();
        let mut control = [7 << 3, 0, 0, 0, 9, 5, 5, 5, 5, 0, 0, 0, 0, 0];
        here.inbound(0, &path(1), &mut control, &mut full);
        control[4] = 8;
        here.inbound(0, &path(1), &mut control, &mut full);
        assert_eq!(drops(&here), [("hop-full", 1), ("control-full", 1)]);
    }

    proptest! {
        #[test]
        fn random_bytes_only_ever_raise_a_counter(
            first in prop_oneof![Just(0x48u8), Just(0x30), Just(0x38), any::<u8>()],
            peer_id in 0u8..3,
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
            if bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&[first, 0, 0, peer_id]);
            }
            let sink = receive(&mut server, &path(4002), &bytes);
            prop_assert_eq!(sink.tun.len() + sink.events.len(), 0);
            let dropped: u64 = drops(&server).iter().map(|drop| drop.1).sum();
            prop_assert_eq!(dropped as usize + sink.control.len(), 1);
        }

        /// Authentic but hostile: the inner packet is anything at all.
        #[test]
        fn random_inner_packets_never_panic(first in prop_oneof![Just(0x45u8), Just(0x60), any::<u8>()], mut bytes in proptest::collection::vec(any::<u8>(), 1..120)) {
            let (mut server, mut client) = two_clients(true, 1);
            server.context.plane.routes.insert([0, 0, 0, 0].into(), 0, PeerId(0));
            server.context.plane.routes.insert([0u16; 8].into(), 0, PeerId(0));
            bytes[0] = first;
            if let Some(len) = bytes.get_mut(2..4) {
                len.copy_from_slice(&[0, len[1] % 100]);
            }
            let datagram = sealed_payload(&mut client, &bytes);
            receive(&mut server, &path(4002), &datagram);
        }
    }
}

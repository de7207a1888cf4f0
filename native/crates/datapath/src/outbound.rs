//! TUN to client. The stages, in the order of the functions below:
//!
//! 1. read the virtio-net header and the inner IP header
//! 2. find the peer that the destination is routed to
//! 3. hand the superpacket, still whole, to the shard that owns the peer
//! 4. plan the cuts into segments; complete a checksum that the kernel left to us
//! 5. clamp the MSS of a TCP SYN
//! 6. per segment: reserve a slot in the send batch, write header and segment there, seal in place, commit;
//!    a peer with framing or fragments takes the way through `layers` in between

use std::net::IpAddr;

use crate::Millis;
use crate::command::DataFormat;
use crate::data_path::{Context, DataPath};
use crate::event::DataEvent;
use crate::inner_packet::InnerPacket;
use crate::layers;
use crate::mss;
use crate::peer::Peer;
use crate::session_table::SessionTable;
use crate::sink::OutboundSink;
use crate::split::Split;
use crate::stats::{Counter, DropReason, HopReason};
use crate::vnet::{GsoKind, VNET_LEN, VnetHeader};
use crate::wire::{self, PING, PeerId};

impl DataPath {
    /// Takes one read of the TUN: virtio-net header, then a packet or superpacket. `frame` is overwritten.
    pub fn outbound(&mut self, now: Millis, frame: &mut [u8], sink: &mut impl OutboundSink) {
        let outcome = route(&self.context, &mut self.sessions, now, frame, sink);
        self.context.settle(outcome);
    }

    /// Takes what another shard has handed over for one of our peers (TO_PEER).
    pub fn outbound_to_peer(
        &mut self,
        now: Millis,
        peer: PeerId,
        vnet: &[u8; VNET_LEN],
        packet: &mut [u8],
        sink: &mut impl OutboundSink,
    ) {
        let outcome = deliver_hopped(
            &self.context,
            &mut self.sessions,
            now,
            peer,
            vnet,
            packet,
            sink,
        );
        self.context.settle(outcome);
    }
}

/// Stages 1 to 3.
fn route(
    context: &Context,
    sessions: &mut SessionTable,
    now: Millis,
    frame: &mut [u8],
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let (vnet, packet) = frame
        .split_first_chunk_mut::<VNET_LEN>()
        .ok_or(DropReason::MalformedSuperpacket)?;
    let inner = InnerPacket::parse(packet).ok_or(DropReason::MalformedInner)?;
    let peer = find_route(context, inner.destination).ok_or(DropReason::NoRoute)?;
    forward(
        context,
        sessions,
        now,
        peer,
        HopReason::Outbound,
        vnet,
        &inner,
        packet,
        sink,
    )
}

pub(crate) fn find_route(context: &Context, destination: IpAddr) -> Option<PeerId> {
    match destination {
        IpAddr::V4(address) => context.plane.routes.find_v4(address),
        IpAddr::V6(address) => context.plane.routes.find_v6(address),
    }
}

/// Stage 3: to a peer of whichever shard. Client-to-client packets come in here.
#[expect(
    clippy::too_many_arguments,
    reason = "one packet with its context, no state of its own"
)]
pub(crate) fn forward(
    context: &Context,
    sessions: &mut SessionTable,
    now: Millis,
    peer: PeerId,
    hop: HopReason,
    vnet: &[u8; VNET_LEN],
    inner: &InnerPacket,
    packet: &mut [u8],
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let owner = context.shard_of(peer);
    if owner != context.shard {
        if !sink.hop_peer(owner, peer, vnet, &packet[..inner.total_len]) {
            return Err(DropReason::HopFull);
        }
        context.stats.hop(hop);
        return Ok(());
    }
    if hop == HopReason::Outbound {
        context.stats.count(Counter::TunOwnQueue, 1);
    }
    let peer = sessions
        .peer_mut(peer)
        .map_err(|_| DropReason::UnknownPeer)?;
    send(context, peer, now, vnet, inner, packet, sink)
}

fn deliver_hopped(
    context: &Context,
    sessions: &mut SessionTable,
    now: Millis,
    peer: PeerId,
    vnet: &[u8; VNET_LEN],
    packet: &mut [u8],
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    if context.shard_of(peer) != context.shard {
        return Err(DropReason::Misrouted);
    }
    let inner = InnerPacket::parse(packet).ok_or(DropReason::MalformedInner)?;
    let peer = sessions
        .peer_mut(peer)
        .map_err(|_| DropReason::UnknownPeer)?;
    send(context, peer, now, vnet, &inner, packet, sink)
}

/// Stages 4 and 5, then 6 for each segment.
fn send(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    vnet: &[u8; VNET_LEN],
    inner: &InnerPacket,
    packet: &mut [u8],
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let vnet = VnetHeader::decode(vnet).ok_or(DropReason::MalformedSuperpacket)?;
    let split = Split::plan(&vnet, inner, packet)?;
    peer.activity.note(now, inner.total_len);
    if vnet.gso == GsoKind::None {
        mss::clamp(packet, inner, peer.max_inner);
    } else {
        context.stats.count(Counter::Split, 1);
    }
    let shows_class = context.plane.local.shows_class();
    if shows_class {
        sink.carry(Some(packet));
    }
    let outcome = (0..split.segments()).try_for_each(|index| {
        let fill = |slot: &mut [u8]| split.write(packet, index, slot);
        seal(context, peer, now, split.segment_len(index), fill, sink)
            // What stops one segment stops the rest. The caller counts this one.
            .inspect_err(|reason| {
                context
                    .stats
                    .drop_packets(*reason, split.segments() - index - 1)
            })
    });
    if shows_class {
        sink.carry(None);
    }
    outcome
}

/// Stage 6: one inner packet, ping or OCC message of `len` bytes that `fill` writes.
pub(crate) fn seal(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    if peer.layers.is_some() {
        layers::send(context, peer, now, len, fill, sink)
    } else {
        seal_payload(context, peer, now, len, fill, sink)
    }
}

/// One data packet with a payload of `len` bytes that `fill` writes. [wire 12]
pub(crate) fn seal_payload(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let key = peer.keys.sealing().ok_or(DropReason::NoKey)?;
    key.can_seal()?;
    let header_len = peer.format.header_len();
    let (lead, body_len) = key.room_for(len);
    let slot = sink
        .reserve(&peer.path, header_len + body_len)
        .ok_or(DropReason::SendFull)?;
    match peer.format {
        DataFormat::V1 => slot[0] = wire::data_v1_header(key.key_id),
        DataFormat::V2 => slot[..4].copy_from_slice(&wire::data_v2_header(key.key_id, peer.id)),
    }
    fill(&mut slot[header_len + lead..][..len]);
    if !key.seal(header_len, len, slot) {
        return Err(DropReason::ExhaustedKey);
    }
    sink.commit();
    if let Some(limit) = key.limit_due()
        && sink.event(DataEvent::KeyLimit {
            peer: peer.id,
            key: key.key_id,
        })
    {
        key.limit_was_reported();
        context.stats.count(limit.counter(), 1);
    }
    peer.sealed(now);
    let bytes = (header_len + body_len) as u64;
    peer.counters.bytes_out.add(bytes);
    peer.counters.packets_out.add(1);
    context.stats.count(Counter::OutboundPackets, 1);
    context.stats.count(Counter::OutboundBytes, bytes);
    Ok(())
}

/// A sign of life for a peer that has been sent nothing for its ping interval. [wire 13]
pub(crate) fn send_ping(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    sink: &mut impl OutboundSink,
) {
    let outcome = seal(
        context,
        peer,
        now,
        PING.len(),
        |slot| slot.copy_from_slice(&PING),
        sink,
    );
    if outcome.is_ok() {
        context.stats.count(Counter::PingsSent, 1);
    }
    context.settle(outcome);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::command::{CbcCipher, Cipher, Digest, Suite};
    use crate::plane::{Plane, Role};
    use crate::test_packets::{SYN, Shape, tcp_with_options};
    use crate::test_sink::*;

    fn transmit(server: &mut DataPath, frame: &[u8]) -> RecordingSink {
        let mut sink = RecordingSink::default();
        server.outbound(0, &mut frame.to_vec(), &mut sink);
        sink
    }

    /// A packet from the outside world to 10.8.0.2 or fd00::2.
    fn to_client(shape: Shape, payload: &[u8]) -> Vec<u8> {
        let mut packet = shape.packet(payload);
        let (at, len) = if shape.v6 { (8, 16) } else { (12, 4) };
        let (source, rest) = packet[at..].split_at_mut(len);
        // Swapping the addresses leaves every checksum as it is.
        source.swap_with_slice(&mut rest[..len]);
        packet
    }

    fn superpacket(payload_len: usize) -> Vec<u8> {
        let packet = to_client(Shape::tcp(false, 2), &vec![7; payload_len]);
        let vnet = VnetHeader {
            needs_csum: true,
            gso: GsoKind::Tcp4,
            hdr_len: 40,
            gso_size: 1000,
            csum_start: 20,
            csum_offset: 16,
        };
        [&vnet.encode()[..], &packet].concat()
    }

    #[test]
    fn a_packet_passes_from_tun_to_client_under_every_suite_and_format() {
        for suite in all_suites() {
            for format in [DataFormat::V1, DataFormat::V2] {
                let (mut server, mut client) = pair(suite, format);
                for shape in [Shape::udp(false, 2), Shape::tcp(true, 2)] {
                    let packet = to_client(shape, b"hello");
                    let (to, mut datagram) =
                        transmit(&mut server, &plain_frame(&packet)).sent.remove(0);
                    assert_eq!(to, path(4002));
                    let mut sink = RecordingSink::default();
                    client.inbound(0, &path(1194), &mut datagram, &mut sink);
                    client.flush_inbound(&mut sink);
                    assert_eq!(sink.tun, [plain_frame(&packet)]);
                }
            }
        }
    }

    #[test]
    fn a_superpacket_is_cut_and_comes_together_again() {
        for (suite, first, last) in [
            (Suite::Aead(Cipher::Aes256Gcm), 1064, 564),
            (Suite::Cbc(CbcCipher::Aes256, Digest::Sha1), 1096, 600),
            (Suite::Plain(Digest::None), 1048, 548),
        ] {
            cut_and_join(suite, [first, last]);
        }
    }

    fn cut_and_join(suite: Suite, lens: [usize; 2]) {
        let (mut server, mut client) = pair(suite, DataFormat::V2);
        let frame = superpacket(20_500);
        let sent = transmit(&mut server, &frame).sent;
        assert_eq!(sent.len(), 21);
        assert_eq!([sent[0].1.len(), sent[20].1.len()], lens);
        let mut sink = RecordingSink::default();
        for (_, mut datagram) in sent {
            client.inbound(0, &path(1194), &mut datagram, &mut sink);
        }
        client.flush_inbound(&mut sink);
        assert_eq!(sink.tun.len(), 1);
        assert_eq!(sink.tun[0][VNET_LEN + 40..], frame[VNET_LEN + 40..]);
    }

    #[test]
    fn packet_ids_count_up_from_one() {
        let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let ids: Vec<_> = transmit(&mut server, &superpacket(3000))
            .sent
            .iter()
            .map(|(_, d)| wire::be32(d, 4))
            .collect();
        assert_eq!(ids, [1, 2, 3]);
    }

    #[test]
    fn what_has_no_route_or_no_sense_is_dropped() {
        let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let elsewhere = Shape::udp(false, 2).packet(b"x");
        let mut odd_gso = superpacket(3000);
        odd_gso[1] = 77;
        let mut no_step = superpacket(3000);
        no_step[4..6].fill(0);
        let mut far_checksum = plain_frame(&to_client(Shape::udp(false, 2), b"x"));
        far_checksum[0] = 1;
        far_checksum[6] = 200;
        for frame in [
            plain_frame(&elsewhere),
            odd_gso,
            no_step,
            far_checksum,
            vec![0; 9],
            vec![0; 30],
        ] {
            assert_eq!(transmit(&mut server, &frame).sent.len(), 0);
        }
        let drops: Vec<_> = server.stats().drops().collect();
        assert_eq!(
            drops,
            [
                ("malformed-inner", 1),
                ("no-route", 1),
                ("malformed-superpacket", 4)
            ]
        );
    }

    #[test]
    fn a_syn_is_clamped_to_the_path_and_the_suite() {
        let cbc = Suite::Cbc(CbcCipher::Aes128, Digest::Sha256);
        for (suite, mss) in [(Cipher::Aes256Gcm.into(), 0x0578), (cbc, 0x0553)] {
            assert_eq!(clamped_mss(suite), mss);
        }
    }

    fn clamped_mss(suite: Suite) -> u16 {
        let (mut server, mut client) = pair(suite, DataFormat::V2);
        let mut syn = tcp_with_options(false, SYN, &[2, 4, 5, 0xb4]);
        let (source, rest) = syn[12..].split_at_mut(4);
        source.swap_with_slice(&mut rest[..4]);
        let mut datagram = transmit(&mut server, &plain_frame(&syn)).sent.remove(0).1;
        // The client's own clamp would hide the server's.
        client.sessions.peer_mut(PeerId(0)).unwrap().max_inner = 0;
        let mut sink = RecordingSink::default();
        client.inbound(0, &path(1194), &mut datagram, &mut sink);
        client.flush_inbound(&mut sink);
        wire::be16(&sink.tun[0], VNET_LEN + 42)
    }

    #[test]
    fn a_superpacket_for_another_shard_stays_whole() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let (mut here, mut there) = (server(&plane, 0), server(&plane, 1));
        there.add_peer(0, peer(1, 2, DataFormat::V2)).unwrap();
        there
            .install_key(server_key(1, 0, Cipher::Aes256Gcm))
            .unwrap();
        let frame = superpacket(3000);
        let sink = transmit(&mut here, &frame);
        assert_eq!(sink.peer_hops, [(1, PeerId(1), frame)]);
        let (mut frame, mut sink) = (sink.peer_hops[0].2.clone(), RecordingSink::default());
        let (vnet, packet) = frame.split_first_chunk_mut().unwrap();
        there.outbound_to_peer(0, PeerId(1), vnet, packet, &mut sink);
        assert_eq!(sink.sent.len(), 3);
        here.outbound_to_peer(0, PeerId(1), vnet, packet, &mut sink);
        assert_eq!(here.stats().drop_count(DropReason::Misrouted), 1);
    }

    #[test]
    fn every_segment_without_room_is_counted() {
        let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        server.outbound(0, &mut superpacket(3000), &mut RecordingSink::full());
        assert_eq!(server.stats().drop_count(DropReason::SendFull), 3);
    }

    #[test]
    fn a_peer_without_a_key_is_sent_nothing() {
        let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        server.retire_key(PeerId(0), crate::wire::KeyId(0)).unwrap();
        transmit(&mut server, &superpacket(1000));
        assert_eq!(server.stats().drop_count(DropReason::NoKey), 1);
    }
}

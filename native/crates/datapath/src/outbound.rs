//! TUN to client. The stages, in the order of the functions below:
//!
//! 1. read the virtio-net header and the inner IP header
//! 2. find the peer that the destination is routed to
//! 3. hand the superpacket, still whole, to the shard that owns the peer
//! 4. plan the cuts into segments; complete a checksum that the kernel left to us
//! 5. clamp the MSS of a TCP SYN
//! 6. per segment: reserve a slot in the send batch, write header and segment there, seal in place, commit

use std::net::IpAddr;

use crate::Millis;
use crate::command::DataFormat;
use crate::data_path::{Context, DataPath};
use crate::event::DataEvent;
use crate::inner_packet::InnerPacket;
use crate::mss;
use crate::peer::Peer;
use crate::session_table::SessionTable;
use crate::sink::OutboundSink;
use crate::split::Split;
use crate::stats::{Counter, DropReason, HopReason};
use crate::vnet::{GsoKind, VNET_LEN, VnetHeader};
use crate::wire::{self, DATA_V1_OVERHEAD, DATA_V2_OVERHEAD, PING, PeerId};

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
    if vnet.gso == GsoKind::None {
        mss::clamp(packet, inner, peer.max_inner);
    } else {
        context.stats.count(Counter::Split, 1);
    }
    for index in 0..split.segments() {
        let fill = |slot: &mut [u8]| split.write(packet, index, slot);
        seal(context, peer, now, split.segment_len(index), fill, sink)
            // What stops one segment stops the rest. The caller counts this one.
            .inspect_err(|reason| {
                context
                    .stats
                    .drop_packets(*reason, split.segments() - index - 1)
            })?;
    }
    Ok(())
}

/// Stage 6: one data packet with a payload of `len` bytes that `fill` writes. [wire 12.1]
fn seal(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let key = peer.keys.sealing().ok_or(DropReason::NoKey)?;
    key.can_seal()?;
    let (header_len, overhead) = match peer.format {
        DataFormat::V1 => (1, DATA_V1_OVERHEAD),
        DataFormat::V2 => (4, DATA_V2_OVERHEAD),
    };
    let slot = sink
        .reserve(&peer.path, overhead + len)
        .ok_or(DropReason::SendFull)?;
    match peer.format {
        DataFormat::V1 => slot[0] = wire::data_v1_header(key.key_id),
        DataFormat::V2 => slot[..4].copy_from_slice(&wire::data_v2_header(key.key_id, peer.id)),
    }
    fill(&mut slot[overhead..]);
    if !key.seal(header_len, slot) {
        return Err(DropReason::ExhaustedKey);
    }
    sink.commit();
    if key.limit_due()
        && sink.event(DataEvent::KeyLimit {
            peer: peer.id,
            key: key.key_id,
        })
    {
        key.limit_was_reported();
    }
    peer.sealed(now);
    let bytes = (overhead + len) as u64;
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

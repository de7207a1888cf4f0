//! Client to TUN. The stages, in the order of the functions below:
//!
//!  1. classify the datagram
//!  2. find the owning shard; hand the datagram over if that is another one
//!  3. answer the resets of unknown clients; other control packets go to the worker as they are, in a flood the ones that
//!     matter
//!  4. find the peer (DATA_V2 by peer-id, DATA_V1 by address) and its key by key-id
//!  5. replay pre-check, open in place, replay mark
//!  6. float, if a fresh and authentic DATA_V2 packet came by another path
//!  7. note the sign of life
//!  8. take the layers of the peer off, if it has any; swallow pings and OCC messages
//!  9. check the inner header and its source address
//! 10. clamp the MSS of a TCP SYN
//! 11. client-to-client, where that is on
//! 12. coalesce for the TUN

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use crate::Millis;
use crate::coalesce::Coalescer;
use crate::data_path::{Context, DataPath};
use crate::event::DataEvent;
use crate::headroom::Headroom;
use crate::inner_packet::InnerPacket;
use crate::layers::Unwrapped;
use crate::mss;
use crate::occ;
use crate::outbound;
use crate::peer::Peer;
use crate::peer_addr::PeerAddr;
use crate::plane::Role;
use crate::session_table::SessionTable;
use crate::sink::InboundSink;
use crate::stats::{Counter, DropReason, HopReason};
use crate::vnet::{VNET_LEN, VnetHeader};
use crate::wire::{self, Datagram, KeyId, OCC_MAGIC, PING, PeerId};

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
            Datagram::Control { owner_key } => {
                (worker_of(context, from, owner_key), HopReason::Control)
            }
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
            if let Owner::Worker { is_peer, .. } = owner
                && !self.door.may_move(now, from, is_peer)
            {
                return Err(DropReason::ControlFlood);
            }
            return hop(context, shard, reason, from, datagram, hopped, sink);
        }
        match owner {
            Owner::Worker { .. } => self.door.control(context, now, from, datagram, sink),
            Owner::Peer(header) => {
                let mut parts = Parts {
                    context,
                    sessions: &mut self.sessions,
                    coalescer: &mut self.coalescer,
                };
                let rooms = Rooms {
                    headroom: &mut self.headroom,
                    inflated: &mut self.inflated,
                };
                parts.open(now, from, &header, datagram, rooms, sink)
            }
        }
    }
}

/// What becomes of a datagram that is not dropped at once.
enum Owner {
    /// A control packet, for shard `key` modulo the number of shards. `is_peer`: that of the client whose address it comes from.
    Worker {
        key: u32,
        is_peer: bool,
    },
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
}

impl Owner {
    fn shard(&self, context: &Context) -> usize {
        match self {
            Owner::Worker { key, .. } => *key as usize % context.plane.settings.shards,
            Owner::Peer(header) => context.shard_of(header.peer),
        }
    }
}

/// Half of the session id decides the shard. But who begins a session anew at the address of a connected client is mostly
/// that client, and only the shard that has it can go on with it.
fn worker_of(context: &Context, from: &PeerAddr, owner_key: u32) -> Owner {
    let is_alone = context.plane.settings.shards == 1;
    let peer = match is_alone {
        true => None,
        false => context.plane.addresses.find(from),
    };
    Owner::Worker {
        key: peer.map_or(owner_key, |peer| peer.0),
        is_peer: peer.is_some(),
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

/// Memory for what cannot stay where it was received.
struct Rooms<'a> {
    headroom: &'a mut Headroom,
    inflated: &'a mut [u8],
}

/// A datagram that has been opened.
struct Arrival {
    peer: PeerId,
    datagram_len: usize,
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
        rooms: Rooms<'_>,
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = self.context;
        let peer = self
            .sessions
            .peer_mut(header.peer)
            .map_err(|_| DropReason::UnknownPeer)?;
        if peer.path.is_stream() && peer.path != *from {
            return Err(DropReason::ForeignPath);
        }
        let Rooms { headroom, inflated } = rooms;
        let (key, opened) = peer
            .keys
            .open(now, header.key, header.len, datagram, headroom)
            .ok_or(DropReason::UnknownKey)?;
        if let Some(limit) = key.limit_due()
            && sink.event(DataEvent::KeyLimit {
                peer: header.peer,
                key: header.key,
            })
        {
            key.limit_was_reported();
            context.stats.count(limit.counter(), 1);
        }
        let payload = opened?;
        if header.may_float && peer.path != *from {
            float(context, peer, now, from, sink);
        }
        peer.heard(now);
        count_received(context, peer, datagram.len() as u64);
        let arrival = Arrival {
            peer: header.peer,
            datagram_len: datagram.len(),
        };
        let Some(layers) = &mut peer.layers else {
            return self.deliver(now, &arrival, datagram, payload, headroom, sink);
        };
        let content = &mut datagram[payload.clone()];
        match layers.unwrap(now, content, inflated, &context.stats)? {
            Unwrapped::Incomplete => Ok(()),
            Unwrapped::InPlace(range) => {
                let packet = payload.start + range.start..payload.start + range.end;
                self.deliver(now, &arrival, datagram, packet, headroom, sink)
            }
            Unwrapped::Moved(len) => {
                let packet = VNET_LEN..VNET_LEN + len;
                self.deliver(now, &arrival, inflated, packet, headroom, sink)
            }
        }
    }

    /// End of stage 8. The packet is those bytes of `buffer`.
    fn deliver(
        &mut self,
        now: Millis,
        arrival: &Arrival,
        buffer: &mut [u8],
        packet: Range<usize>,
        headroom: &mut Headroom,
        sink: &mut impl InboundSink,
    ) -> Result<(), DropReason> {
        let context = self.context;
        let content = &buffer[packet.clone()];
        if *content == PING {
            context.stats.count(Counter::PingsReceived, 1);
            return Ok(());
        }
        if let Some(message) = content.strip_prefix(&OCC_MAGIC) {
            let peer = self
                .sessions
                .peer_mut(arrival.peer)
                .map_err(|_| DropReason::UnknownPeer)?;
            occ::handle(context, peer, now, message, arrival.datagram_len, sink);
            return Ok(());
        }
        // What lies before the packet is done with.
        self.accept(now, arrival.peer, headroom.frame(buffer, packet), sink)
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
        peer.activity.note(now, inner.total_len);
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
    if !peer.may_float(now) {
        return context.stats.count(Counter::FloatsHeldBack, 1);
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

mod stream;
#[cfg(test)]
mod tests;

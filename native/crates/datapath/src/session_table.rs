use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Millis;
use crate::command::{AddPeer, CommandError, UpdatePeer};
use crate::data_path::Context;
use crate::limits::PeerLimits;
use crate::peer::Peer;
use crate::peer_record::{Claims, PeerRecord};
use crate::plane::Role;
use crate::stats::Counter;
use crate::timer_wheel::TimerWheel;
use crate::wire::PeerId;

/// The peers of one shard, by `peer-id / shards`.
pub struct SessionTable {
    shard: usize,
    shards: usize,
    slots: Vec<Option<Box<Peer>>>,
    count: usize,
    timers: TimerWheel,
}

impl SessionTable {
    pub(crate) fn new(shard: usize, shards: usize) -> SessionTable {
        SessionTable {
            shard,
            shards,
            slots: Vec::new(),
            count: 0,
            timers: TimerWheel::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The live peer with this id; the id must belong to this shard, which the caller has checked or will be told.
    pub(crate) fn peer_mut(&mut self, id: PeerId) -> Result<&mut Peer, CommandError> {
        if id.shard(self.shards) != self.shard {
            return Err(CommandError::ForeignPeer);
        }
        let slot = self.slots.get_mut(id.0 as usize / self.shards);
        slot.and_then(|slot| slot.as_deref_mut())
            .ok_or(CommandError::UnknownPeer)
    }

    pub(crate) fn add(
        &mut self,
        now: Millis,
        command: AddPeer,
        context: &Context,
    ) -> Result<(), CommandError> {
        self.take_slot(command.peer)?;
        let peer = enter(now, &command, Claims::ALL, context);
        self.place(now, peer);
        Ok(())
    }

    /// As `add`, with what another process has known about the peer.
    pub(crate) fn restore(
        &mut self,
        now: Millis,
        record: PeerRecord,
        context: &Context,
    ) -> Result<(), CommandError> {
        self.take_slot(record.command.peer)?;
        let mut peer = enter(now, &record.command, record.claims, context);
        peer.take_over(now, record);
        self.place(now, peer);
        Ok(())
    }

    pub(crate) fn limit(
        &mut self,
        now: Millis,
        id: PeerId,
        limits: PeerLimits,
    ) -> Result<(), CommandError> {
        let peer = self.peer_mut(id)?;
        peer.limit(now, limits);
        let slot = id.0 as usize / self.shards;
        if let Some(peer) = self.slots[slot].as_deref_mut() {
            remind(&mut self.timers, now, peer);
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.slots.iter().flatten().map(|peer| &**peer)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.slots.iter_mut().flatten().map(|peer| &mut **peer)
    }

    /// Makes room for the id; an error when it is not free.
    fn take_slot(&mut self, id: PeerId) -> Result<(), CommandError> {
        if id.shard(self.shards) != self.shard || id >= PeerId::NONE {
            return Err(CommandError::ForeignPeer);
        }
        let slot = id.0 as usize / self.shards;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if self.slots[slot].is_some() {
            return Err(CommandError::DuplicatePeer);
        }
        Ok(())
    }

    fn place(&mut self, now: Millis, mut peer: Box<Peer>) {
        let slot = peer.id.0 as usize / self.shards;
        remind(&mut self.timers, now, &mut peer);
        self.slots[slot] = Some(peer);
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, id: PeerId, context: &Context) -> Result<(), CommandError> {
        let peer = self.peer_mut(id)?;
        for (address, length) in routes(context, peer.ipv4, peer.ipv6) {
            context.plane.routes.remove(address, length, id);
        }
        context.plane.addresses.remove(&peer.path, id);
        context.plane.hearing.note_peer(id, false);
        context.stats.remove_peer(id);
        self.slots[id.0 as usize / self.shards] = None;
        self.count -= 1;
        Ok(())
    }

    /// New routes come before the old ones go: a packet under way always finds one of them.
    pub(crate) fn update(
        &mut self,
        now: Millis,
        command: UpdatePeer,
        context: &Context,
    ) -> Result<(), CommandError> {
        let (shard, shards) = (self.shard, self.shards);
        let slot = command.peer.0 as usize / shards;
        let peer = match self.slots.get_mut(slot) {
            _ if command.peer.shard(shards) != shard => return Err(CommandError::ForeignPeer),
            Some(Some(peer)) => &mut **peer,
            _ => return Err(CommandError::UnknownPeer),
        };
        let before: Vec<_> = routes(context, peer.ipv4, peer.ipv6).collect();
        let after: Vec<_> = routes(context, command.ipv4, command.ipv6).collect();
        for &(address, length) in after.iter().filter(|route| !before.contains(route)) {
            if !context.plane.routes.insert(address, length, peer.id) {
                context.stats.count(Counter::RoutesNotSteered, 1);
            }
        }
        for &(address, length) in before.iter().filter(|route| !after.contains(route)) {
            context.plane.routes.remove(address, length, peer.id);
        }
        peer.update(&command);
        remind(&mut self.timers, now, peer);
        Ok(())
    }

    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.timers.next_deadline()
    }

    /// Looks at every peer whose reminder has come, and sets its next one.
    pub(crate) fn expire(&mut self, now: Millis, mut look_at: impl FnMut(&mut Peer)) {
        let due = self.timers.expire(now);
        for id in &due {
            let slot = self.slots.get_mut(*id as usize / self.shards);
            let Some(peer) = slot
                .and_then(|slot| slot.as_deref_mut())
                .filter(|peer| peer.reminder <= now)
            else {
                continue;
            };
            look_at(peer);
            remind(&mut self.timers, now, peer);
        }
        self.timers.recycle(due);
    }
}

/// A new peer; what it claims leads to it from now on.
fn enter(now: Millis, command: &AddPeer, claims: Claims, context: &Context) -> Box<Peer> {
    let (ipv4, ipv6) = (
        command.ipv4.filter(|_| claims.ipv4),
        command.ipv6.filter(|_| claims.ipv6),
    );
    for (address, length) in routes(context, ipv4, ipv6) {
        if !context.plane.routes.insert(address, length, command.peer) {
            context.stats.count(Counter::RoutesNotSteered, 1);
        }
    }
    if claims.path {
        context.plane.addresses.insert(command.path, command.peer);
    }
    context.plane.hearing.note_peer(command.peer, true);
    let counters = context.stats.add_peer(command.peer);
    context.prepare_layers(&command.layers);
    Box::new(Peer::new(now, command, &context.plane.settings, counters))
}

fn remind(timers: &mut TimerWheel, now: Millis, peer: &mut Peer) {
    if let Some(at) = peer.next_timer() {
        peer.reminder = timers.schedule(now, at, peer.id.0);
    }
}

/// What leads to a peer: its inner addresses or, where the peer is the server, everything.
fn routes(
    context: &Context,
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
) -> impl Iterator<Item = (IpAddr, u8)> {
    let (v4, v6) = match context.plane.settings.role {
        Role::Server => (
            ipv4.map(|address| (IpAddr::V4(address), 32)),
            ipv6.map(|address| (IpAddr::V6(address), 128)),
        ),
        Role::Client => (
            Some((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
            Some((IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0)),
        ),
    };
    v4.into_iter().chain(v6)
}

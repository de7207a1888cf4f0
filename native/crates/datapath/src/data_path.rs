use std::sync::Arc;

use crate::Millis;
use crate::coalesce::Coalescer;
use crate::command::{AddPeer, CommandError, InstallKey};
use crate::event::DataEvent;
use crate::outbound;
use crate::plane::Plane;
use crate::session_table::SessionTable;
use crate::sink::OutboundSink;
use crate::stats::{DropReason, ShardStats};
use crate::wire::{KeyId, PeerId};

/// Superpackets the TUN takes; without them every packet is written alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunOffloads {
    pub tso4: bool,
    pub tso6: bool,
    /// UDP segmentation, IPv4 and IPv6.
    pub uso: bool,
}

impl TunOffloads {
    pub const ALL: TunOffloads = TunOffloads {
        tso4: true,
        tso6: true,
        uso: true,
    };
}

/// The packet path of one shard. Owned by its data thread.
///
/// The caller's loop: carry out commands; for each received batch call `inbound` per datagram and `flush_inbound` at its end;
/// call `outbound` per TUN read; call `handle_timeout` when `next_deadline` has come.
/// `inbound` and `outbound` are in the files of those names.
pub struct DataPath {
    pub(crate) context: Context,
    pub(crate) sessions: SessionTable,
    pub(crate) coalescer: Coalescer,
}

/// What every stage may look at, apart from the peer at hand.
pub(crate) struct Context {
    pub plane: Arc<Plane>,
    pub stats: Arc<ShardStats>,
    pub shard: usize,
}

impl DataPath {
    /// `shard` is below `plane.settings.shards`.
    pub fn new(plane: Arc<Plane>, shard: usize, offloads: TunOffloads) -> DataPath {
        let stats = Arc::new(ShardStats::new());
        DataPath {
            sessions: SessionTable::new(shard, plane.settings.shards),
            coalescer: Coalescer::new(offloads),
            context: Context {
                plane,
                stats,
                shard,
            },
        }
    }

    /// The counters; keep a clone to read them from another thread.
    pub fn stats(&self) -> &Arc<ShardStats> {
        &self.context.stats
    }

    pub fn peer_count(&self) -> usize {
        self.sessions.len()
    }

    /// Takes a new client: its path and inner addresses lead to it from now on.
    pub fn add_peer(&mut self, now: Millis, command: AddPeer) -> Result<(), CommandError> {
        self.sessions.add(now, command, &self.context)
    }

    pub fn install_key(&mut self, command: InstallKey) -> Result<(), CommandError> {
        let peer = self.sessions.peer_mut(command.peer)?;
        peer.keys.install(&command)
    }

    /// Seals with this key from now on.
    pub fn use_key(&mut self, peer: PeerId, key: KeyId) -> Result<(), CommandError> {
        self.sessions.peer_mut(peer)?.keys.use_key(key)
    }

    pub fn retire_key(&mut self, peer: PeerId, key: KeyId) -> Result<(), CommandError> {
        self.sessions.peer_mut(peer)?.keys.retire(key)
    }

    /// An authenticated control packet counts as a sign of life. [wire 13]
    pub fn touch_peer(&mut self, now: Millis, peer: PeerId) -> Result<(), CommandError> {
        self.sessions.peer_mut(peer)?.heard(now);
        Ok(())
    }

    /// Forgets the client, its keys, and those of its routes and addresses that are still its own.
    pub fn remove_peer(&mut self, peer: PeerId) -> Result<(), CommandError> {
        self.sessions.remove(peer, &self.context)
    }

    /// When `handle_timeout` has something to do next; `None` while no peer has a timer.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.sessions.next_deadline()
    }

    /// Sends the pings that are due and reports silent peers.
    pub fn handle_timeout(&mut self, now: Millis, sink: &mut impl OutboundSink) {
        let context = &self.context;
        self.sessions.expire(now, |peer| {
            if peer.ping_due(now) {
                outbound::send_ping(context, peer, now, sink);
            }
            if peer.silence_due(now) {
                sink.event(DataEvent::Silent { peer: peer.id });
            }
        });
    }
}

impl Context {
    /// Counts the packet if it was dropped.
    pub fn settle(&self, outcome: Result<(), DropReason>) {
        if let Err(reason) = outcome {
            self.stats.drop_packet(reason);
        }
    }

    pub fn shard_of(&self, peer: PeerId) -> usize {
        peer.shard(self.plane.settings.shards)
    }
}

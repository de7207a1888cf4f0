use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

use crate::Millis;
use crate::wire::PeerId;

/// Declares a closed set of counted things with stable kebab-case names.
macro_rules! counted {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Stable name, for logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

counted! {
    /// Why a packet went no further.
    DropReason {
        /// Shorter than its kind can be.
        Truncated => "truncated",
        /// Not an opcode this role accepts.
        UnknownOpcode => "unknown-opcode",
        /// No live peer has this peer-id.
        UnknownPeer => "unknown-peer",
        /// The peer is served through a connection, and the packet came another way. [wire 16]
        ForeignPath => "foreign-path",
        /// No live peer has this outer address.
        UnknownAddress => "unknown-address",
        /// The peer has no key with this key-id.
        UnknownKey => "unknown-key",
        /// Neither the epoch in use nor the one before it nor one soon after. [wire 12.2]
        UnknownEpoch => "unknown-epoch",
        /// Too many forged packets under this key: it is refused. [wire 12.1]
        WornOutKey => "worn-out-key",
        /// The packet id was seen before.
        Replayed => "replayed",
        /// The packet id lies before the replay window.
        TooOld => "too-old",
        /// Packet id 0.
        InvalidPacketId => "invalid-packet-id",
        /// The tag does not match.
        Unauthentic => "unauthentic",
        /// The first byte is none of the peer's compression framing. [wire 13]
        BadFraming => "bad-framing",
        /// Compressed data that is damaged, or larger than the tunnel's MTU.
        BadCompression => "bad-compression",
        /// A fragment that contradicts the others or the tunnel's MTU, or a test packet. [wire 13]
        BadFragment => "bad-fragment",
        /// A packet of which some fragments never came; counted once.
        LostFragment => "lost-fragment",
        /// The packet would need more fragments than there are numbers for.
        TooManyFragments => "too-many-fragments",
        /// The inner packet is neither IPv4 nor IPv6, or its header contradicts its length.
        MalformedInner => "malformed-inner",
        /// The inner source address belongs to somebody else.
        SpoofedSource => "spoofed-source",
        /// Inner link-local or unspecified IPv6 source: neighbour chatter that has no place behind a tunnel.
        UnroutableSource => "unroutable-source",
        /// No peer has a route for the inner destination.
        NoRoute => "no-route",
        /// The peer has no key to seal with yet.
        NoKey => "no-key",
        /// The key has used up its packet ids.
        ExhaustedKey => "exhausted-key",
        /// The virtio-net header and the packet behind it contradict each other.
        MalformedSuperpacket => "malformed-superpacket",
        /// A hop brought a packet to a shard that does not own it either.
        Misrouted => "misrouted",
        /// The ring to the other shard is full.
        HopFull => "hop-full",
        /// The ring to the worker is full.
        ControlFull => "control-full",
        /// More control packets came than the worker can look at; clients that are known or ask again go first.
        ControlFlood => "control-flood",
        /// Nothing that a client begins or goes on with. The worker has seen the first ones, and says why.
        ControlRefused => "control-refused",
        /// A control packet that has come before, from another address.
        ControlCopy => "control-copy",
        /// The send batch has no room.
        SendFull => "send-full",
    }
}

counted! {
    /// Why a packet was handed to another shard.
    HopReason {
        Control => "control",
        DataV1 => "data-v1",
        DataV2 => "data-v2",
        /// The TUN gave this shard a packet for another shard's peer.
        Outbound => "outbound",
        ClientToClient => "client-to-client",
    }
}

counted! {
    /// What else is counted.
    Counter {
        InboundPackets => "inbound-packets",
        InboundBytes => "inbound-bytes",
        OutboundPackets => "outbound-packets",
        OutboundBytes => "outbound-bytes",
        ControlPackets => "control-packets",
        /// Resets that were answered without the worker, and without keeping anything.
        StatelessAnswers => "stateless-answers",
        PingsReceived => "pings-received",
        PingsSent => "pings-sent",
        OccIgnored => "occ-ignored",
        OccAnswered => "occ-answered",
        TunWrites => "tun-writes",
        /// What the TUN gave to the shard that owns it; the rest is `HopReason::Outbound`.
        TunOwnQueue => "tun-own-queue",
        /// Routes that the steering of the TUN could not take.
        RoutesNotSteered => "routes-not-steered",
        /// Inner packets that went to the TUN inside a superpacket.
        Coalesced => "coalesced",
        /// Superpackets cut into segments.
        Split => "split",
        Floats => "floats",
        /// A peer moves more often than its worker is told.
        FloatsHeldBack => "floats-held-back",
        FloatConflicts => "float-conflicts",
        /// Keys that are to be replaced for their packet ids, blocks or forgeries, for their bytes, for their packets.
        KeysWorn => "keys-worn",
        KeysFullOfBytes => "keys-full-of-bytes",
        KeysFullOfPackets => "keys-full-of-packets",
    }
}

/// A counter with one writer and any number of readers.
///
/// INVARIANT: only the shard's data thread calls `add`, so a plain load and store loses nothing and costs no locked operation.
#[derive(Debug, Default)]
pub struct OwnedCounter(AtomicU64);

impl OwnedCounter {
    pub fn add(&self, n: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Relaxed,
        );
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Traffic of one peer. Aligned so that two shards never write to one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct PeerCounters {
    /// Data packets and their UDP payload bytes, pings included: what OpenVPN's status shows.
    pub bytes_in: OwnedCounter,
    pub bytes_out: OwnedCounter,
    pub packets_in: OwnedCounter,
    pub packets_out: OwnedCounter,
    /// When something authenticated came last, on the data thread's clock.
    pub last_heard: OwnedCounter,
}

/// One reading of a peer's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSnapshot {
    pub peer: PeerId,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub last_heard: Millis,
}

/// All counters of one shard: written by its data thread, read by anyone through the `Arc`.
#[repr(align(128))]
pub struct ShardStats {
    drops: [OwnedCounter; DropReason::ALL.len()],
    hops: [OwnedCounter; HopReason::ALL.len()],
    counters: [OwnedCounter; Counter::ALL.len()],
    peers: papaya::HashMap<u32, Arc<PeerCounters>, RandomState>,
}

impl ShardStats {
    pub(crate) fn new() -> ShardStats {
        ShardStats {
            drops: std::array::from_fn(|_| OwnedCounter::default()),
            hops: std::array::from_fn(|_| OwnedCounter::default()),
            counters: std::array::from_fn(|_| OwnedCounter::default()),
            peers: papaya::HashMap::with_hasher(RandomState::default()),
        }
    }

    /// Counts a drop. Data thread only.
    pub fn drop_packet(&self, reason: DropReason) {
        self.drop_packets(reason, 1);
    }

    /// Data thread only.
    pub fn drop_packets(&self, reason: DropReason, n: usize) {
        self.drops[reason as usize].add(n as u64);
    }

    /// Counts a hop. Data thread only.
    pub fn hop(&self, reason: HopReason) {
        self.hops[reason as usize].add(1);
    }

    /// Data thread only.
    pub fn count(&self, counter: Counter, n: u64) {
        self.counters[counter as usize].add(n);
    }

    pub(crate) fn add_peer(&self, peer: PeerId) -> Arc<PeerCounters> {
        let counters = Arc::new(PeerCounters::default());
        self.peers.pin().insert(peer.0, Arc::clone(&counters));
        counters
    }

    pub(crate) fn remove_peer(&self, peer: PeerId) {
        self.peers.pin().remove(&peer.0);
    }

    pub(crate) fn remove_peers(&self) {
        self.peers.pin().clear();
    }

    pub fn drop_count(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize].value()
    }

    pub fn hop_count(&self, reason: HopReason) -> u64 {
        self.hops[reason as usize].value()
    }

    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].value()
    }

    /// Name and value of every drop reason that is not 0.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let all = DropReason::ALL
            .iter()
            .map(|reason| (reason.name(), self.drop_count(*reason)));
        all.filter(|(_, value)| *value != 0)
    }

    pub fn hops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        HopReason::ALL
            .iter()
            .map(|reason| (reason.name(), self.hop_count(*reason)))
    }

    pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counter::ALL
            .iter()
            .map(|counter| (counter.name(), self.counter(*counter)))
    }

    /// A value that another process has counted, by the name of its counter; unknown names are ignored. So are the two
    /// below. Before the data thread starts.
    pub(crate) fn restore_drop(&self, name: &[u8], value: u64) {
        let mut all = DropReason::ALL.iter();
        if let Some(reason) = all.find(|reason| reason.name().as_bytes() == name) {
            self.drops[*reason as usize].set(value);
        }
    }

    pub(crate) fn restore_hop(&self, name: &[u8], value: u64) {
        let mut all = HopReason::ALL.iter();
        if let Some(reason) = all.find(|reason| reason.name().as_bytes() == name) {
            self.hops[*reason as usize].set(value);
        }
    }

    pub(crate) fn restore_counter(&self, name: &[u8], value: u64) {
        let mut all = Counter::ALL.iter();
        if let Some(counter) = all.find(|counter| counter.name().as_bytes() == name) {
            self.counters[*counter as usize].set(value);
        }
    }

    /// The live peers' counters, by peer-id.
    pub fn peers(&self) -> Vec<PeerSnapshot> {
        let mut peers: Vec<PeerSnapshot> = self
            .peers
            .pin()
            .iter()
            .map(|(id, c)| snapshot(*id, c))
            .collect();
        peers.sort_unstable_by_key(|peer| peer.peer);
        peers
    }
}

fn snapshot(id: u32, counters: &PeerCounters) -> PeerSnapshot {
    PeerSnapshot {
        peer: PeerId(id),
        bytes_in: counters.bytes_in.value(),
        bytes_out: counters.bytes_out.value(),
        packets_in: counters.packets_in.value(),
        packets_out: counters.packets_out.value(),
        last_heard: counters.last_heard.value(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_state::KeyState;
    use crate::peer::Peer;

    /// Two lines, because processors fetch them in pairs.
    #[test]
    fn nothing_that_a_shard_writes_shares_a_line_with_another_shards() {
        for (align, size) in [
            (align_of::<ShardStats>(), size_of::<ShardStats>()),
            (align_of::<PeerCounters>(), size_of::<PeerCounters>()),
            (align_of::<Peer>(), size_of::<Peer>()),
            (align_of::<KeyState>(), size_of::<KeyState>()),
        ] {
            assert_eq!((align, size % 128), (128, 0));
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
    }

    #[test]
    fn only_drops_that_happened_are_listed() {
        let stats = ShardStats::new();
        stats.drop_packet(DropReason::Replayed);
        stats.drop_packet(DropReason::Replayed);
        assert_eq!(stats.drops().collect::<Vec<_>>(), [("replayed", 2)]);
    }

    #[test]
    fn a_removed_peer_is_no_longer_listed() {
        let stats = ShardStats::new();
        stats.add_peer(PeerId(9)).bytes_in.add(70);
        stats.add_peer(PeerId(3));
        assert_eq!(
            stats
                .peers()
                .iter()
                .map(|p| (p.peer.0, p.bytes_in))
                .collect::<Vec<_>>(),
            [(3, 0), (9, 70)]
        );
        stats.remove_peer(PeerId(9));
        assert_eq!(stats.peers().len(), 1);
    }
}

use std::cell::RefCell;
use std::sync::Arc;

use crate::Millis;
use crate::admission::{AdmissionOrder, PacketShapes};
use crate::coalesce::Coalescer;
use crate::command::{AddPeer, CommandError, InstallKey, LayerOptions, UpdatePeer};
use crate::door::Door;
use crate::event::DataEvent;
use crate::headroom::Headroom;
use crate::layers::{self, Workbench};
use crate::limits::PeerLimits;
use crate::occ;
use crate::outbound;
use crate::peer_addr::PeerAddr;
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
    pub(crate) door: Door,
    pub(crate) headroom: Headroom,
    /// Where inflated and reassembled packets are put; empty until a peer can send such.
    pub(crate) inflated: Box<[u8]>,
}

/// What every stage may look at, apart from the peer at hand.
pub(crate) struct Context {
    pub plane: Arc<Plane>,
    pub stats: Arc<ShardStats>,
    pub shard: usize,
    /// Borrowed for one packet at a time, by `layers::send`.
    pub workbench: RefCell<Workbench>,
}

impl DataPath {
    /// `shard` is below `plane.settings.shards`.
    pub fn new(plane: Arc<Plane>, shard: usize, offloads: TunOffloads) -> DataPath {
        let stats = Arc::new(ShardStats::new());
        DataPath {
            sessions: SessionTable::new(shard, plane.settings.shards),
            coalescer: Coalescer::new(offloads),
            door: Door::new(plane.settings.role),
            headroom: Headroom::default(),
            inflated: Box::default(),
            context: Context {
                plane,
                stats,
                shard,
                workbench: RefCell::default(),
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
        self.prepare_room(&command.layers);
        self.door.note_connected(&command.path);
        self.sessions.add(now, command, &self.context)
    }

    /// Gives a client other inner addresses and ping times; its keys, counters and signs of life go on.
    pub fn update_peer(&mut self, now: Millis, command: UpdatePeer) -> Result<(), CommandError> {
        self.sessions.update(now, command, &self.context)
    }

    /// Watches over these limits of a new peer. Before its first key.
    pub fn limit_peer(
        &mut self,
        now: Millis,
        peer: PeerId,
        limits: PeerLimits,
    ) -> Result<(), CommandError> {
        self.sessions.limit(now, peer, limits)
    }

    pub fn install_key(&mut self, command: InstallKey) -> Result<(), CommandError> {
        self.sessions.peer_mut(command.peer)?.install_key(&command)
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

    /// Tells the peer that we leave. [wire 13]
    pub fn notify_exit(
        &mut self,
        now: Millis,
        peer: PeerId,
        sink: &mut impl OutboundSink,
    ) -> Result<(), CommandError> {
        occ::send_exit(&self.context, self.sessions.peer_mut(peer)?, now, sink);
        Ok(())
    }

    /// How unknown clients are answered from now on; `None` leaves them to the worker.
    pub fn admit_by(&mut self, now: Millis, order: Option<&AdmissionOrder>) {
        self.door.admit_by(now, order);
    }

    /// What control packets of unknown clients look like; `None`: only the worker knows.
    pub fn expected_shapes(&self) -> Option<PacketShapes> {
        self.door.shapes()
    }

    /// The worker sends a control packet: whoever gets one may go on.
    pub fn note_control_sent(&mut self, now: Millis, to: &PeerAddr, packet: &[u8]) {
        self.door.note_sent(now, to, packet);
    }

    /// Starts anew without peers, whatever a panic has left half-done here or of ours in the plane. The counters go on.
    pub fn reset(&mut self) {
        let Context {
            plane,
            stats,
            shard,
            ..
        } = &self.context;
        let shards = plane.settings.shards;
        let is_ours = |peer: PeerId| peer.shard(shards) == *shard;
        plane.routes.remove_of(is_ours);
        plane.addresses.remove_of(is_ours);
        stats.remove_peers();
        for peer in self.sessions.iter() {
            plane.hearing.note_peer(peer.id, false);
        }
        self.sessions = SessionTable::new(*shard, shards);
        self.coalescer = Coalescer::new(self.coalescer.offloads());
    }

    /// Gets the room that packets of a peer with these layers need to come in.
    pub(crate) fn prepare_room(&mut self, options: &LayerOptions) {
        if self.inflated.is_empty() && !options.is_none() {
            self.inflated = vec![0; layers::room_len(self.context.plane.settings.tun_mtu)].into();
        }
    }

    /// Where the peer's packets go.
    pub fn path_of(&mut self, peer: PeerId) -> Option<PeerAddr> {
        self.sessions.peer_mut(peer).ok().map(|peer| peer.path)
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
            if peer.activity.lack_due(now) {
                sink.event(DataEvent::Inactive { peer: peer.id });
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

    /// Gets the memory that sending to a peer with these layers needs.
    pub fn prepare_layers(&self, options: &LayerOptions) {
        let tun_mtu = self.plane.settings.tun_mtu;
        self.workbench.borrow_mut().prepare(options, tun_mtu);
    }

    pub fn shard_of(&self, peer: PeerId) -> usize {
        peer.shard(self.plane.settings.shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Cipher, DataFormat};
    use crate::plane::Role;
    use crate::test_packets::Shape;
    use crate::test_sink::*;
    use crate::wire::PING;

    const P: PeerId = PeerId(0);
    const CIPHER: Cipher = Cipher::Aes256Gcm;

    /// Key-id on the wire of what this side sends next; the packet must open at the other side.
    fn key_used(from: &mut DataPath, to: &mut DataPath) -> Option<u8> {
        let mut datagram = sealed(from, &Shape::udp(false, 2).packet(b"x"));
        let key = datagram[0] & 7;
        let mut sink = RecordingSink::default();
        to.inbound(0, &path(4002), &mut datagram, &mut sink);
        to.flush_inbound(&mut sink);
        (!sink.tun.is_empty()).then_some(key)
    }

    #[test]
    fn keys_roll_over_without_a_lost_packet() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        assert_eq!(key_used(&mut client, &mut server), Some(0));
        for generation in 1..=4 {
            server
                .install_key(server_key(0, generation, CIPHER))
                .unwrap();
            assert_eq!(key_used(&mut client, &mut server), Some(generation - 1));
            client
                .install_key(client_key(0, generation, CIPHER))
                .unwrap();
            assert_eq!(key_used(&mut client, &mut server), Some(generation - 1));
            client.use_key(P, KeyId(generation)).unwrap();
            assert_eq!(key_used(&mut client, &mut server), Some(generation));
        }
        server.retire_key(P, KeyId(3)).unwrap();
        assert_eq!(key_used(&mut client, &mut server), Some(4));
        client.use_key(P, KeyId(3)).unwrap();
        assert_eq!(key_used(&mut client, &mut server), None);
        assert_eq!(server.stats().drop_count(DropReason::UnknownKey), 1);
    }

    #[test]
    fn a_key_installed_after_a_retirement_pushes_nothing_out() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        server.install_key(server_key(0, 1, CIPHER)).unwrap();
        server.retire_key(P, KeyId(1)).unwrap();
        server.install_key(server_key(0, 2, CIPHER)).unwrap();
        assert_eq!(key_used(&mut client, &mut server), Some(0));
    }

    #[test]
    fn the_end_of_the_packet_ids_is_announced_once_and_kept() {
        let (mut server, _) = pair(CIPHER, DataFormat::V2);
        let key = |server: &mut DataPath, next_id| {
            server
                .sessions
                .peer_mut(P)
                .unwrap()
                .keys
                .sealing()
                .unwrap()
                .age_to(next_id);
        };
        let ping = |server: &mut DataPath| {
            let mut sink = RecordingSink::default();
            outbound::send_ping(
                &server.context,
                server.sessions.peer_mut(P).unwrap(),
                0,
                &mut sink,
            );
            (sink.sent.len(), sink.events)
        };
        key(&mut server, 0xfeff_ffff);
        assert_eq!(ping(&mut server), (1, vec![]));
        assert_eq!(
            ping(&mut server),
            (
                1,
                vec![DataEvent::KeyLimit {
                    peer: P,
                    key: KeyId(0)
                }]
            )
        );
        assert_eq!(ping(&mut server), (1, vec![]));
        key(&mut server, u64::from(u32::MAX));
        assert_eq!(ping(&mut server), (1, vec![]));
        assert_eq!(ping(&mut server), (0, vec![]));
        assert_eq!(server.stats().drop_count(DropReason::ExhaustedKey), 1);
    }

    #[test]
    fn a_worn_key_is_announced_and_a_beaten_one_refused() {
        let limits: [(u64, u64, Option<u8>, usize); 4] = [
            ((1 << 36) - 1, 0, Some(0), 1),
            (1 << 35, 0, Some(0), 0),
            (0, 1 << 35, Some(0), 1),
            (0, 1 << 36, None, 1),
        ];
        for (usage, failures, arrives, events) in limits {
            let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
            let key = server.sessions.peer_mut(P).unwrap().keys.sealing().unwrap();
            key.use_up(usage);
            key.fail(failures);
            let mut sink = RecordingSink::default();
            let mut datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
            server.inbound(0, &path(4002), &mut datagram, &mut sink);
            assert_eq!(sink.events.len(), events, "{usage} {failures}");
            assert_eq!(key_used(&mut client, &mut server), arrives);
        }
    }

    #[test]
    fn a_ping_goes_out_only_after_an_idle_interval() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        let mut sink = RecordingSink::default();
        assert_eq!(server.next_deadline(), Some(1000));
        server.handle_timeout(9_999, &mut sink);
        assert_eq!(sink.sent.len(), 0);
        server.handle_timeout(10_000, &mut sink);
        assert_eq!(sink.sent[0].1.len(), 24 + PING.len());
        server.handle_timeout(19_999, &mut sink);
        assert_eq!(sink.sent.len(), 1);
        server.handle_timeout(20_000, &mut sink);
        assert_eq!(sink.sent.len(), 2);
        client.inbound(0, &path(1194), &mut sink.sent[0].1.clone(), &mut sink);
        assert_eq!(
            client.stats().counter(crate::stats::Counter::PingsReceived),
            1
        );
    }

    #[test]
    fn a_notified_peer_hears_of_the_exit() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        let mut sink = RecordingSink::default();
        client.notify_exit(0, P, &mut sink).unwrap();
        server.inbound(0, &path(4002), &mut sink.sent[0].1.clone(), &mut sink);
        assert_eq!(sink.events, [DataEvent::Exit { peer: P }]);
    }

    #[test]
    fn everything_leads_to_the_server_until_it_is_gone() {
        let plane = Arc::new(Plane::new(settings(Role::Client, 1)));
        let mut client = DataPath::new(Arc::clone(&plane), 0, TunOffloads::ALL);
        client.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
        assert_eq!(plane.routes.find_v4([192, 0, 2, 1].into()), Some(P));
        assert_eq!(plane.routes.find_v6([0x2001; 8].into()), Some(P));
        client.remove_peer(P).unwrap();
        assert_eq!(plane.routes.find_v4([192, 0, 2, 1].into()), None);
        assert_eq!(plane.routes.find_v6([0x2001; 8].into()), None);
    }

    #[test]
    fn after_a_reset_nothing_is_left_and_everything_can_come_again() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        let plane = Arc::clone(&server.context.plane);
        assert_eq!(key_used(&mut client, &mut server), Some(0));
        server.reset();
        assert_eq!((server.peer_count(), server.next_deadline()), (0, None));
        assert!(server.stats().peers().is_empty());
        assert_eq!(plane.addresses.find(&path(4002)), None);
        assert_eq!(key_used(&mut client, &mut server), None);
        assert_eq!(
            server
                .stats()
                .counter(crate::stats::Counter::InboundPackets),
            1
        );
        server.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
        server.install_key(server_key(0, 0, CIPHER)).unwrap();
        assert_eq!(key_used(&mut client, &mut server), Some(0));
    }

    #[test]
    fn silence_is_reported_once_per_timeout() {
        let (mut server, _) = pair(CIPHER, DataFormat::V2);
        let mut silent_at = Vec::new();
        for second in 1..200 {
            if second == 20 {
                server.touch_peer(second * 1000, P).unwrap();
            }
            let mut sink = RecordingSink::default();
            server.handle_timeout(second * 1000, &mut sink);
            silent_at.extend(sink.events.iter().map(|_| second));
        }
        assert_eq!(silent_at, [80, 140]);
    }

    #[test]
    fn an_updated_peer_has_its_new_addresses_and_times_and_nothing_of_the_old() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        let routes = |server: &DataPath| {
            let routes = &server.context.plane.routes;
            let v6 = |host| [0xfd00, 0, 0, 0, 0, 0, 0, host].into();
            let v4 = [2, 9].map(|host| routes.find_v4([10, 8, 0, host].into()));
            (v4, [2, 9].map(|host| routes.find_v6(v6(host))))
        };
        let update = UpdatePeer {
            peer: P,
            ipv4: Some([10, 8, 0, 9].into()),
            ipv6: Some([0xfd00, 0, 0, 0, 0, 0, 0, 2].into()),
            ping_interval_s: Some(0),
            ping_timeout_s: Some(20),
        };
        server.update_peer(0, update.clone()).unwrap();
        assert_eq!(routes(&server), ([None, Some(P)], [Some(P), None]));
        // Its packets still come from the old address, which is nobody's.
        assert_eq!(key_used(&mut client, &mut server), None);
        let none = UpdatePeer {
            ipv6: None,
            ping_interval_s: None,
            ping_timeout_s: None,
            ..update
        };
        server.update_peer(0, none.clone()).unwrap();
        assert_eq!(routes(&server), ([None, Some(P)], [None, None]));
        let mut sink = RecordingSink::default();
        for second in 1..=45 {
            server.handle_timeout(second * 1000, &mut sink);
        }
        assert_eq!((sink.sent.len(), sink.events.len()), (0, 2));
        server.remove_peer(P).unwrap();
        assert_eq!(routes(&server), ([None, None], [None, None]));
        let gone = server.update_peer(0, none);
        assert_eq!(gone, Err(CommandError::UnknownPeer));
    }

    #[test]
    fn a_reused_peer_id_has_one_timer() {
        let (mut server, _) = pair(CIPHER, DataFormat::V2);
        for _ in 0..3 {
            server.remove_peer(P).unwrap();
            server.add_peer(5_000, peer(0, 2, DataFormat::V2)).unwrap();
        }
        server.install_key(server_key(0, 0, CIPHER)).unwrap();
        let mut sink = RecordingSink::default();
        for second in 1..=40 {
            server.handle_timeout(second * 1000, &mut sink);
        }
        assert_eq!(sink.sent.len(), 3);
    }

    #[test]
    fn a_removed_peer_leaves_nothing_behind() {
        let (mut server, mut client) = pair(CIPHER, DataFormat::V2);
        server.remove_peer(P).unwrap();
        assert_eq!((server.peer_count(), server.stats().peers().len()), (0, 0));
        assert_eq!(key_used(&mut client, &mut server), None);
        let plane = &server.context.plane;
        assert_eq!(plane.addresses.find(&path(4002)), None);
        assert_eq!(plane.routes.find_v4([10, 8, 0, 2].into()), None);
        assert_eq!(
            plane.routes.find_v6([0xfd00, 0, 0, 0, 0, 0, 0, 2].into()),
            None
        );
        server.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
    }

    #[test]
    fn contradictory_commands_are_refused() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let mut server = server(&plane, 1);
        let command = |id| peer(id, 2, DataFormat::V2);
        assert_eq!(
            server.add_peer(0, command(4)),
            Err(CommandError::ForeignPeer)
        );
        assert_eq!(
            server.add_peer(0, command(0xff_ffff)),
            Err(CommandError::ForeignPeer)
        );
        assert_eq!(
            server.remove_peer(PeerId(5)),
            Err(CommandError::UnknownPeer)
        );
        server.add_peer(0, command(5)).unwrap();
        assert_eq!(
            server.add_peer(0, command(5)),
            Err(CommandError::DuplicatePeer)
        );
        assert_eq!(
            server.use_key(PeerId(5), KeyId(1)),
            Err(CommandError::UnknownKey)
        );
        let mut weak = server_key(5, 0, CIPHER);
        weak.seal.cipher = [0; 64];
        assert_eq!(server.install_key(weak), Err(CommandError::WeakKey));
    }
}

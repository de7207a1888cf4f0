use std::os::fd::OwnedFd;
use std::sync::Arc;

use datapath::{DataEvent, InboundSink, Millis, OutboundSink, PeerAddr, PeerId, VNET_LEN};
use netio::send_batch::{SendBatch, Way};
use netio::tun_queue::TunQueue;
use netio::udp_group::{is_datagram_socket, knows_gso};

use crate::address_record::encode_address;
use crate::control_ring::{DATAGRAM, EVENT_LEN, encode_event};
use crate::hop::HopOut;
use crate::local_book::LocalBook;
use crate::ring::RingProducer;
use crate::shard_thread::ShardState;
use crate::socket_guard::SocketGuard;
use crate::streams::Streams;
use crate::worker_port::WorkerPort;

/// Every way out of a shard: sockets, TUN, the neighbours and the worker. What the data path sees of the event loop.
pub struct Outlet {
    /// Index = listener.
    pub sockets: Vec<OwnedFd>,
    pub tun: Option<TunQueue>,
    pub batch: SendBatch,
    pub streams: Streams,
    /// Where the reserved slot goes.
    to: Option<PeerAddr>,
    /// Traffic class of what is reserved.
    class: u8,
    /// `None`: there are no such addresses, and all of a path's `listener` is the number of its socket.
    pub local: Option<LocalBook>,
    pub guard: SocketGuard,
    hops: Vec<Option<HopOut>>,
    pub to_worker: RingProducer,
    worker: Arc<WorkerPort>,
    state: Arc<ShardState>,
}

impl Outlet {
    pub fn new(
        sockets: Vec<OwnedFd>,
        tun: Option<TunQueue>,
        streams: Streams,
        hops: Vec<Option<HopOut>>,
        to_worker: RingProducer,
        worker: Arc<WorkerPort>,
        state: Arc<ShardState>,
    ) -> Outlet {
        let gso = sockets
            .iter()
            .filter(|socket| is_datagram_socket(socket))
            .all(knows_gso);
        Outlet {
            sockets,
            tun,
            batch: SendBatch::new(gso),
            streams,
            to: None,
            class: 0,
            local: None,
            guard: SocketGuard::default(),
            hops,
            to_worker,
            worker,
            state,
        }
    }

    /// Sends the datagrams and shows the records of this turn to their readers.
    pub fn flush(&mut self, now: Millis) {
        self.streams.flush(now);
        self.tell_closed();
        if !self.batch.is_empty() {
            self.flush_datagrams();
        }
        for hop in self.hops.iter_mut().flatten() {
            hop.flush();
        }
        if self.to_worker.publish() {
            self.state.io.worker_wakes.add(1);
            self.worker.wake();
        }
    }

    /// Forgets what a turn that failed has prepared.
    pub fn abandon(&mut self, now: Millis) {
        self.streams.abandon(now);
        self.batch.abandon();
        self.to = None;
        self.class = 0;
        self.hops.iter_mut().flatten().for_each(HopOut::abandon);
        self.to_worker.abandon();
    }

    /// A control packet of the worker's.
    pub fn transmit(&mut self, to: &PeerAddr, packet: &[u8]) {
        if to.is_stream() {
            if let Some(slot) = self.streams.reserve(to, packet.len(), true) {
                slot.copy_from_slice(packet);
                self.streams.commit(to);
            }
        } else if let Some(slot) = self.reserve(to, packet.len()) {
            slot.copy_from_slice(packet);
            self.commit();
        }
    }

    /// False: the worker's ring is full, and it hears of the rest in a later turn.
    fn tell_closed(&mut self) -> bool {
        while let Some(path) = self.streams.untold() {
            if !self.event(DataEvent::Closed { path }) {
                return false;
            }
            self.streams.told();
        }
        true
    }

    fn flush_datagrams(&mut self) {
        self.batch.flush(&self.sockets);
        self.state.io.set_send(&self.batch.counters);
    }

    fn push_to_worker(&mut self, kind: u32, parts: &[&[u8]]) -> bool {
        let pushed = self.to_worker.push(kind, parts);
        if !pushed {
            self.state.io.worker_ring_full.add(1);
        }
        pushed
    }
}

impl OutboundSink for Outlet {
    fn reserve(&mut self, to: &PeerAddr, len: usize) -> Option<&mut [u8]> {
        self.to = Some(*to);
        if to.is_stream() {
            return self.streams.reserve(to, len, false);
        }
        if !self.batch.has_room(len) {
            self.flush_datagrams();
        }
        self.batch.reserve(len)
    }

    fn commit(&mut self) {
        if let Some(to) = self.to.take() {
            if to.is_stream() {
                return self.streams.commit(&to);
            }
            let (socket, source) = match &mut self.local {
                Some(local) => (to.listener_index(), local.source_of(&to)),
                None => (to.listener, None),
            };
            let way = Way {
                source,
                class: self.class,
            };
            self.batch.commit_by(socket, to.addr, way);
        }
    }

    /// The class alone: to copy congestion marks is half of a protocol whose other half clients do not have. [RFC 6040 4.1]
    fn carry(&mut self, packet: Option<&[u8]>) {
        self.class = packet.map_or(0, |packet| traffic_class(packet) & !ECN_BITS);
    }

    fn hop_peer(
        &mut self,
        shard: usize,
        peer: PeerId,
        vnet: &[u8; VNET_LEN],
        packet: &[u8],
    ) -> bool {
        let hop = self.hops.get_mut(shard).and_then(Option::as_mut);
        hop.is_some_and(|hop| hop.push_to_peer(peer, vnet, packet))
    }

    fn event(&mut self, event: DataEvent) -> bool {
        let mut payload = [0; EVENT_LEN];
        let (kind, payload) = encode_event(&event, &mut payload);
        self.push_to_worker(kind, &[payload])
    }
}

impl InboundSink for Outlet {
    fn control(&mut self, from: &PeerAddr, packet: &[u8]) -> bool {
        // It may come by a connection that has the path of one whose end is still to be told.
        if from.is_stream() && !self.tell_closed() {
            return false;
        }
        let pushed = self.push_to_worker(DATAGRAM, &[&encode_address(from), packet]);
        if pushed && from.is_stream() {
            self.streams.note_spoken(from);
        }
        pushed
    }

    fn control_backlog(&self) -> usize {
        self.to_worker.backlog()
    }

    fn hop_udp(&mut self, shard: usize, from: &PeerAddr, datagram: &[u8]) -> bool {
        let hop = self.hops.get_mut(shard).and_then(Option::as_mut);
        hop.is_some_and(|hop| hop.push_udp(from, datagram))
    }

    fn write_tun(&mut self, frame: &[u8]) {
        if self
            .tun
            .as_ref()
            .is_some_and(|tun| tun.write(frame).is_err())
        {
            self.state.io.tun_write_errors.add(1);
        }
    }
}

const ECN_BITS: u8 = 3;

/// The second byte of an IPv4 header, or the bits of an IPv6 one that mean the same.
fn traffic_class(packet: &[u8]) -> u8 {
    match packet {
        [first, second, ..] if first >> 4 == 6 => first << 4 | second >> 4,
        [_, second, ..] => *second,
        _ => 0,
    }
}

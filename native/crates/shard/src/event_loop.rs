//! The one loop of a data thread. A turn:
//!
//! 1. the worker's commands, and changes of the sockets
//! 2. packets that neighbours have handed over
//! 3. UDP sockets, listener by listener
//! 4. TCP: new connections, and packets of those that are there
//! 5. the TUN queue
//! 6. timers
//! 7. flush: superpackets to the TUN, packets to connections and sockets, records to the rings
//! 8. rest: go on at once, nap, or sleep until something comes
//!
//! Each source gets a bounded share of a turn, so none starves the others.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use datapath::{DataEvent, DataPath, Millis, OutboundSink, PeerAddr};
use netio::IoError;
use netio::fd::duplicate;
use netio::receive_batch::ReceiveBatch;
use netio::tcp_group::is_stream_listener;
use netio::tcp_stream::{Accepted, accept, is_stream};
use netio::tun_queue::MAX_FRAME;
use netio::udp_group::{datagrams_gone, has_gro, is_datagram_socket};
use netio::wake::{Poller, Waker};

use crate::clock;
use crate::commands::drain_commands;
use crate::hop::drain_hop;
use crate::loss_count::LossCount;
use crate::outlet::Outlet;
use crate::pace::{NAP, Pace, Rest, Work};
use crate::ring::{RingConsumer, RingProducer};
use crate::shard_thread::ShardState;
use crate::socket_order::{SocketChange, SocketOrder};
use crate::stream_reader::StreamReader;
use crate::streams::Streams;
use crate::urgency::Urgency;

/// Shares of a turn. One receive call takes up to half a megabyte with GRO, but as few as 8 small datagrams; a TUN frame is
/// up to 64 KB.
const MAX_COMMANDS: usize = 256;
const MAX_HOPS: usize = 256;
const MAX_RECEIVE_CALLS: usize = 8;
/// No further call after these. What a turn has received leaves at its end, so the packets of a quiet client wait as long as
/// those of a busy one take: a megabyte is 2 ms.
const ENOUGH_RECEIVED: usize = 256 * 1024;
const MAX_TUN_FRAMES: usize = 16;
const MAX_ACCEPTS: usize = 64;
const USUAL_PACKET: usize = 1500;

/// A source that reports errors is left alone for this long; it could be ready for ever and nothing to read.
const RETRY_MS: Millis = 500;

/// Listeners that are opened later and are looked at in the same call; more of them take turns.
const LATER_LISTENERS: usize = 14;

const WAKE: u64 = 0;
const TUN: u64 = 1;
const STREAMS: u64 = 2;
const FIRST_LISTENER: u64 = 3;

pub struct EventLoop {
    outlet: Outlet,
    commands: RingConsumer,
    socket_orders: Receiver<SocketOrder>,
    hops: Vec<RingConsumer>,
    receive: ReceiveBatch,
    frame: Box<[u8]>,
    poller: Poller,
    waker: Arc<Waker>,
    state: Arc<ShardState>,
    /// Index = listener.
    listeners: Vec<Source>,
    tun: Source,
    streams: StreamReader,
    losses: LossCount,
    /// The worker has still to hear that the peers are gone.
    reset_untold: bool,
}

/// A descriptor that the loop reads from.
#[derive(Default)]
struct Source {
    /// False of a listener that only sends, or is closed.
    is_read: bool,
    /// A listener of connections.
    accepts: bool,
    ready: bool,
    /// Not watched until then.
    retry_at: Option<Millis>,
    /// Datagrams that came to the socket since it was opened and were not queued, as far as the kernel has said so.
    gone: u32,
}

impl Source {
    fn read() -> Source {
        Source {
            is_read: true,
            ..Source::default()
        }
    }

    /// A connection is no listener: it is read by itself. What is no socket holds the place of a closed listener.
    fn of(socket: &OwnedFd) -> Source {
        let accepts = is_stream_listener(socket);
        Source {
            is_read: accepts || is_datagram_socket(socket),
            accepts,
            ..Source::default()
        }
    }
}

impl EventLoop {
    pub fn new(
        mut outlet: Outlet,
        commands: RingConsumer,
        socket_orders: Receiver<SocketOrder>,
        hops: Vec<RingConsumer>,
        waker: Arc<Waker>,
        state: Arc<ShardState>,
    ) -> Result<EventLoop, IoError> {
        let poller = Poller::new(outlet.sockets.len() + 3 + LATER_LISTENERS)?;
        poller.add(waker.fd(), WAKE)?;
        if let Some(tun) = &outlet.tun {
            poller.add(tun.fd(), TUN)?;
        }
        poller.add(outlet.streams.fd(), STREAMS)?;
        let mut listeners = Vec::new();
        for (token, socket) in (FIRST_LISTENER..).zip(&outlet.sockets) {
            let source = Source::of(socket);
            if source.is_read {
                poller.add(socket, token)?;
            } else if is_stream(socket) {
                outlet
                    .streams
                    .begin(duplicate(socket.as_raw_fd(), "a TCP connection")?);
            }
            listeners.push(source);
        }
        let mut of_datagrams = outlet
            .sockets
            .iter()
            .filter(|socket| is_datagram_socket(socket));
        let gro = of_datagrams.clone().next().is_some() && of_datagrams.all(has_gro);
        let receive = if gro {
            ReceiveBatch::for_gro()
        } else {
            ReceiveBatch::for_single_datagrams()
        };
        Ok(EventLoop {
            outlet,
            commands,
            socket_orders,
            hops,
            receive,
            frame: vec![0; MAX_FRAME].into(),
            poller,
            waker,
            state,
            listeners,
            tun: Source::read(),
            streams: StreamReader::new(),
            losses: LossCount::default(),
            reset_untold: false,
        })
    }

    /// Until the thread is told to stop, or waiting itself fails.
    pub fn run(&mut self, data_path: &mut DataPath) {
        self.guard_sockets();
        let mut pace = Pace::new(Instant::now());
        let mut urgency = Urgency::of_this_thread(clock::now());
        while !self.state.must_stop() {
            let now = clock::now();
            urgency.review(now);
            self.state.io.urgent.set(u64::from(urgency.is_urgent()));
            let work = self.turn(now, data_path);
            let rest = pace.rest(&work, urgency.is_urgent(), Instant::now());
            match rest {
                Rest::Nap => {
                    self.state.io.naps.add(1);
                    thread::sleep(NAP);
                }
                Rest::Yield => thread::yield_now(),
                Rest::Look | Rest::Sleep => {}
            }
            if self.wait(now, rest != Rest::Sleep, data_path).is_err() {
                return;
            }
        }
        // What the worker has said before it stopped us counts, its goodbye above all.
        let now = clock::now();
        self.turn_commands(now, data_path);
        self.outlet.flush(now);
    }

    /// Another process may have had them meanwhile.
    fn guard_sockets(&mut self) {
        let sources = self.listeners.iter_mut().zip(&self.outlet.sockets);
        for (source, socket) in sources.filter(|(source, _)| source.is_read && !source.accepts) {
            self.outlet.guard.watch(socket);
            source.gone = datagrams_gone(socket);
        }
        self.losses.begin(self.outlet.guard.drops().total());
    }

    /// What is left in the rings of a loop that has stopped. False: there was nothing.
    pub fn settle(&mut self, data_path: &mut DataPath) -> bool {
        let now = clock::now();
        let mut some = false;
        while self.turn_commands(now, data_path) {
            some = true;
        }
        for ring in &mut self.hops {
            some |= drain_hop(ring, usize::MAX, now, data_path, &mut self.outlet) > 0;
        }
        data_path.flush_inbound(&mut self.outlet);
        self.tell_reset();
        self.outlet.flush(now);
        some
    }

    /// The way to the worker, whose end in this process may be gone.
    pub fn to_worker(&mut self) -> &mut RingProducer {
        &mut self.outlet.to_worker
    }

    /// The connections, which may go to another process or come from one.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.outlet.streams
    }

    /// Puts everything in order after a panic in `run`, which can then be called again. What the turn had taken in and not
    /// given away is lost, and so are the peers: nobody can say what state they are in. Sockets, TUN and rings go on.
    pub fn recover(&mut self, data_path: &mut DataPath) {
        self.outlet.abandon(clock::now());
        self.commands.skip_last();
        self.hops.iter_mut().for_each(RingConsumer::skip_last);
        data_path.reset();
        self.reset_untold = true;
    }

    /// The worker's ring may be full.
    fn tell_reset(&mut self) {
        if self.reset_untold {
            self.reset_untold = !self.outlet.event(DataEvent::Reset);
        }
    }

    /// Everything that is ready, in bounded shares.
    fn turn(&mut self, now: Millis, data_path: &mut DataPath) -> Work {
        self.state.io.turns.add(1);
        self.change_sockets(now, data_path);
        self.tell_reset();
        let mut work = Work {
            commands: self.turn_commands(now, data_path),
            ..Work::default()
        };
        for ring in &mut self.hops {
            let packets = drain_hop(ring, MAX_HOPS, now, data_path, &mut self.outlet);
            work.packets += packets;
            work.more |= packets == MAX_HOPS;
        }
        for listener in 0..self.listeners.len() {
            if self.listeners[listener].ready {
                self.turn_listener(listener, now, data_path, &mut work);
            }
        }
        self.streams
            .turn(now, data_path, &mut self.outlet, &mut work);
        if self.tun.ready {
            self.turn_tun(now, data_path, &mut work);
        }
        if data_path
            .next_deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            data_path.handle_timeout(now, &mut self.outlet);
        }
        self.rearm(now, data_path);
        self.state.panic_when_told();
        data_path.flush_inbound(&mut self.outlet);
        self.outlet.flush(now);
        work
    }

    fn turn_commands(&mut self, now: Millis, data_path: &mut DataPath) -> bool {
        let drained = drain_commands(
            &mut self.commands,
            MAX_COMMANDS,
            now,
            data_path,
            &mut self.outlet,
        );
        if drained.refused > 0 {
            self.state.io.commands_refused.add(drained.refused);
        }
        drained.records > 0
    }

    fn change_sockets(&mut self, now: Millis, data_path: &mut DataPath) {
        while let Ok(mut order) = self.socket_orders.try_recv() {
            if self
                .listeners
                .get(order.listener)
                .is_some_and(|source| source.is_read)
            {
                // What waits in a socket goes with it.
                self.turn_listener(order.listener, now, data_path, &mut Work::default());
            }
            let change = std::mem::replace(&mut order.change, SocketChange::Close);
            let result = self.change_socket(now, order.listener, change);
            order.answer(result);
        }
    }

    /// Datagrams that wait to be sent go the old way.
    fn change_socket(
        &mut self,
        now: Millis,
        listener: usize,
        change: SocketChange,
    ) -> Result<(), IoError> {
        let count = self.listeners.len();
        if listener > count || (listener == count && !matches!(change, SocketChange::Open(_))) {
            return Err(IoError::invalid(format!(
                "change listener {listener} of {count}"
            )));
        }
        self.outlet.flush(now);
        let token = FIRST_LISTENER + listener as u64;
        let (socket, source) = match change {
            SocketChange::Open(socket) => {
                self.poller.add(&socket, token)?;
                let source = Source::of(&socket);
                if source.is_read && !source.accepts {
                    self.outlet.guard.watch(&socket);
                }
                (socket, source)
            }
            SocketChange::SendThrough(socket) => (socket, Source::default()),
            SocketChange::Close => (self.no_socket()?, Source::default()),
        };
        if listener == count {
            self.outlet.sockets.push(socket);
            self.listeners.push(source);
        } else {
            self.poller.remove(&self.outlet.sockets[listener]);
            self.outlet.sockets[listener] = socket;
            self.listeners[listener] = source;
        }
        Ok(())
    }

    /// Holds the place of a closed listener: a descriptor that can send nothing.
    fn no_socket(&self) -> Result<OwnedFd, IoError> {
        duplicate(self.waker.fd().as_raw_fd(), "the wake-up of a data thread")
    }

    fn turn_listener(
        &mut self,
        listener: usize,
        now: Millis,
        data_path: &mut DataPath,
        work: &mut Work,
    ) {
        if self.listeners[listener].accepts {
            self.turn_accept(listener, now, work);
        } else {
            self.turn_udp(listener, now, data_path, work);
        }
    }

    fn turn_accept(&mut self, listener: usize, now: Millis, work: &mut Work) {
        for _ in 0..MAX_ACCEPTS {
            match accept(&self.outlet.sockets[listener]) {
                Accepted::Connection(socket, addr) => {
                    self.outlet.streams.admit(now, listener, socket, addr);
                }
                Accepted::Lost => {}
                Accepted::None => return,
                // It would be ready for ever while there is no room for the connection.
                Accepted::Failed(_) => {
                    self.state.io.streams.accept_errors.add(1);
                    self.poller.remove(&self.outlet.sockets[listener]);
                    self.listeners[listener].retry_at = Some(now + RETRY_MS);
                    return;
                }
            }
        }
        work.more = true;
    }

    fn turn_udp(
        &mut self,
        listener: usize,
        now: Millis,
        data_path: &mut DataPath,
        work: &mut Work,
    ) {
        let mut bytes = 0;
        for _ in 0..MAX_RECEIVE_CALLS {
            let count = match self.receive.receive(&self.outlet.sockets[listener]) {
                Ok(count) => count,
                Err(_) => {
                    self.state.io.udp_receive_errors.add(1);
                    self.poller.remove(&self.outlet.sockets[listener]);
                    self.listeners[listener].retry_at = Some(now + RETRY_MS);
                    return;
                }
            };
            self.state.io.receive_calls.add(1);
            self.state.io.udp_unreachable.set(self.receive.unreachable);
            bytes += self.receive.bytes();
            for index in 0..count {
                work.packets += self.inbound(listener, index, now, data_path);
            }
            let lost = self.losses.settle(self.outlet.guard.drops().total());
            self.state.io.udp_lost.set(lost);
            if count < self.receive.capacity() {
                return;
            }
            if bytes >= ENOUGH_RECEIVED {
                break;
            }
        }
        work.more = true;
    }

    /// One received buffer: a datagram, or several of one sender and size. Their number.
    fn inbound(
        &mut self,
        listener: usize,
        index: usize,
        now: Millis,
        data_path: &mut DataPath,
    ) -> usize {
        let io = &self.state.io;
        let Some(received) = self.receive.message(index) else {
            io.udp_unusable.add(1);
            return 1;
        };
        if let Some(lost) = received.lost {
            let source = &mut self.listeners[listener];
            self.losses.note(lost.wrapping_sub(source.gone));
            source.gone = lost;
        }
        io.received_buffers.add(1);
        let mut from = PeerAddr {
            listener: listener as u16,
            addr: received.from,
        };
        if let (Some(local), Some(book)) = (received.local, &mut self.outlet.local) {
            from = book.path_of(from, local);
        }
        let mut datagrams = 0;
        for datagram in received.bytes.chunks_mut(received.segment) {
            datagrams += 1;
            data_path.inbound(now, &from, datagram, &mut self.outlet);
        }
        io.received_datagrams.add(datagrams as u64);
        datagrams
    }

    fn turn_tun(&mut self, now: Millis, data_path: &mut DataPath, work: &mut Work) {
        for _ in 0..MAX_TUN_FRAMES {
            match self.read_tun(now, data_path) {
                Ok(0) => return,
                // An estimate: how many a superpacket becomes depends on its segments.
                Ok(len) => work.packets += len.div_ceil(USUAL_PACKET),
                Err(_) => return self.leave_tun(now),
            }
        }
        work.more = true;
    }

    /// The length of the frame that was read and handed on; 0 when there was none.
    fn read_tun(&mut self, now: Millis, data_path: &mut DataPath) -> Result<usize, i32> {
        let Some(tun) = &self.outlet.tun else {
            return Ok(0);
        };
        let len = tun.read(&mut self.frame)?;
        if len > 0 {
            self.state.io.tun_reads.add(1);
            data_path.outbound(now, &mut self.frame[..len], &mut self.outlet);
        }
        Ok(len)
    }

    fn leave_tun(&mut self, now: Millis) {
        self.state.io.tun_read_errors.add(1);
        self.state.io.tun_down.set(1);
        if let Some(tun) = &self.outlet.tun {
            self.poller.remove(tun.fd());
        }
        self.tun.retry_at = Some(now + RETRY_MS);
    }

    /// A queue whose device was deleted may have got another. It is read before it is watched: epoll would not hear of
    /// a device that comes between the two.
    fn retry_tun(&mut self, now: Millis, data_path: &mut DataPath) {
        let readable = self.read_tun(now, data_path).is_ok();
        let tun = self.outlet.tun.as_ref();
        if readable && tun.is_some_and(|tun| self.poller.add(tun.fd(), TUN).is_ok()) {
            self.tun.retry_at = None;
            self.state.io.tun_down.set(0);
        } else {
            self.leave_tun(now);
        }
    }

    /// Tries sources again that were left alone long enough.
    fn rearm(&mut self, now: Millis, data_path: &mut DataPath) {
        let due = |source: &Source| source.retry_at.is_some_and(|at| at <= now);
        if due(&self.tun) {
            self.retry_tun(now, data_path);
        }
        for ((token, source), socket) in (FIRST_LISTENER..)
            .zip(&mut self.listeners)
            .zip(&self.outlet.sockets)
        {
            if due(source) {
                let watched = self.poller.add(socket, token).is_ok();
                source.retry_at = if watched { None } else { Some(now + RETRY_MS) };
            }
        }
    }

    /// Looks what is ready, and waits for it unless the thread is `busy`.
    fn wait(&mut self, now: Millis, busy: bool, data_path: &DataPath) -> Result<(), IoError> {
        let asleep = !busy && self.fall_asleep();
        let timeout = if asleep {
            self.time_to_sleep(now, data_path)
        } else {
            Some(Duration::ZERO)
        };
        self.tun.ready = false;
        self.streams.ready = false;
        self.listeners
            .iter_mut()
            .for_each(|source| source.ready = false);
        let (tun, listeners, waker) = (&mut self.tun, &mut self.listeners, &self.waker);
        let streams = &mut self.streams;
        let result = self.poller.wait(timeout, |token| match token {
            WAKE => waker.clear(),
            TUN => tun.ready = true,
            STREAMS => streams.ready = true,
            _ => {
                if let Some(source) = listeners.get_mut((token - FIRST_LISTENER) as usize) {
                    source.ready = true;
                }
            }
        });
        if asleep {
            self.state.io.sleeps.add(1);
            self.wake_up();
        }
        result
    }

    /// False: a ring has something. True: every producer wakes us from here on.
    fn fall_asleep(&mut self) -> bool {
        let empty = self.commands.sleep() && self.hops.iter_mut().all(RingConsumer::sleep);
        if !empty {
            self.wake_up();
        }
        empty
    }

    fn wake_up(&mut self) {
        self.commands.awake();
        self.hops.iter_mut().for_each(RingConsumer::awake);
        let corrupt =
            self.commands.corrupt() + self.hops.iter().map(RingConsumer::corrupt).sum::<u64>();
        self.state.io.rings_corrupt.set(corrupt);
    }

    fn time_to_sleep(&self, now: Millis, data_path: &DataPath) -> Option<Duration> {
        let retries = self
            .listeners
            .iter()
            .chain([&self.tun])
            .filter_map(|source| source.retry_at);
        let tell_again = self.reset_untold.then_some(now + RETRY_MS);
        let next = retries
            .chain(data_path.next_deadline())
            .chain(tell_again)
            .chain(self.outlet.streams.next_deadline())
            .min()?;
        Some(Duration::from_millis(next.saturating_sub(now)))
    }
}

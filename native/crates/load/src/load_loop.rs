//! The loop of a load thread: the data thread of a shard, made for thousands of sockets and no TUN. A turn:
//!
//! 1. the worker's commands
//! 2. the sockets that epoll has named
//! 3. clients that move to another socket
//! 4. the traffic's own packets
//! 5. timers
//! 6. flush
//! 7. rest: go on at once, or sleep until something comes or is due

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datapath::{DataPath, Millis, PeerAddr};
use netio::IoError;
use netio::receive_batch::ReceiveBatch;
use netio::udp_group::has_gro;
use netio::wake::{Poller, Waker};
use shard::commands::drain_commands;
use shard::outlet::Outlet;
use shard::ring::RingConsumer;
use shard::shard_thread::ShardState;

use crate::clock::{self, Nanos};
use crate::ledger::Ledger;
use crate::load_sink::LoadSink;
use crate::traffic::Traffic;

const MAX_COMMANDS: usize = 1024;
/// Sockets of one turn.
const MAX_READY: usize = 512;

const WAKE: u64 = u64::MAX;

/// What a load thread and the rest of the process share.
pub struct LoadState {
    pub stop: AtomicBool,
    pub traffic: Mutex<Traffic>,
    pub ledger: Mutex<Ledger>,
    /// Clients that go on from another socket.
    pub moves: Mutex<Vec<Move>>,
    pub shard: Arc<ShardState>,
}

pub struct Move {
    pub client: u32,
    pub socket: OwnedFd,
}

impl LoadState {
    pub fn traffic(&self) -> MutexGuard<'_, Traffic> {
        lock(&self.traffic)
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub fn enqueue_move(&self, planned: Move) {
        lock(&self.moves).push(planned);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct LoadLoop {
    outlet: Outlet,
    commands: RingConsumer,
    receive: ReceiveBatch,
    poller: Poller,
    waker: Arc<Waker>,
    state: Arc<LoadState>,
    /// Indices of sockets with something to read.
    ready: Vec<usize>,
}

impl LoadLoop {
    pub fn new(
        outlet: Outlet,
        commands: RingConsumer,
        waker: Arc<Waker>,
        state: Arc<LoadState>,
    ) -> Result<LoadLoop, IoError> {
        let poller = Poller::new(MAX_READY)?;
        poller.add(waker.fd(), WAKE)?;
        for (index, socket) in outlet.sockets.iter().enumerate() {
            poller.add(socket, index as u64)?;
        }
        let gro = outlet.sockets.first().is_some_and(has_gro);
        let receive = if gro {
            ReceiveBatch::for_gro()
        } else {
            ReceiveBatch::for_single_datagrams()
        };
        Ok(LoadLoop {
            outlet,
            commands,
            receive,
            poller,
            waker,
            state,
            ready: Vec::with_capacity(MAX_READY),
        })
    }

    /// Until the thread is told to stop, or waiting itself fails.
    pub fn run(&mut self, data_path: &mut DataPath) {
        while !self.state.stop.load(Ordering::Relaxed) {
            let ms = shard::clock::now();
            let busy = self.turn(ms, data_path);
            if self.rest(ms, busy, data_path).is_err() {
                return;
            }
        }
        // What the worker has said before it stopped us counts, its goodbyes above all.
        while self.turn_commands(shard::clock::now(), data_path) {
            self.outlet.flush(shard::clock::now());
        }
    }

    /// True: there is more to do at once.
    fn turn(&mut self, ms: Millis, data_path: &mut DataPath) -> bool {
        let state = Arc::clone(&self.state);
        state.shard.io.turns.add(1);
        let mut busy = self.turn_commands(ms, data_path);
        let mut traffic = state.traffic();
        let mut ledger = state.ledger();
        for at in 0..self.ready.len() {
            self.turn_udp(self.ready[at], ms, data_path, &mut traffic, &mut ledger);
        }
        for planned in std::mem::take(&mut *lock(&state.moves)) {
            self.turn_udp(
                planned.client as usize,
                ms,
                data_path,
                &mut traffic,
                &mut ledger,
            );
            self.move_client(planned, &mut ledger);
        }
        busy |= traffic.send(ms, clock::now(), data_path, &mut self.outlet);
        busy |= ledger.send(ms, clock::now(), data_path, &mut self.outlet);
        if data_path.next_deadline().is_some_and(|at| at <= ms) {
            data_path.handle_timeout(ms, &mut self.outlet);
        }
        drop((traffic, ledger));
        self.outlet.flush(shard::clock::now());
        busy
    }

    /// Closes the client's socket; what is still on its way there is lost, as when a NAT forgets.
    fn move_client(&mut self, planned: Move, ledger: &mut Ledger) {
        // What the batch holds for the old socket leaves from the old address.
        self.outlet.flush(shard::clock::now());
        let Some(socket) = self.outlet.sockets.get_mut(planned.client as usize) else {
            return;
        };
        self.poller.remove(socket);
        *socket = planned.socket;
        if self.poller.add(socket, u64::from(planned.client)).is_err() {
            self.state.shard.io.udp_receive_errors.add(1);
        }
        ledger.note_move(planned.client, clock::now());
    }

    fn turn_commands(&mut self, ms: Millis, data_path: &mut DataPath) -> bool {
        let drained = drain_commands(
            &mut self.commands,
            MAX_COMMANDS,
            ms,
            data_path,
            &mut self.outlet,
        );
        self.state.shard.io.commands_refused.add(drained.refused);
        drained.records > 0
    }

    fn turn_udp(
        &mut self,
        index: usize,
        ms: Millis,
        data_path: &mut DataPath,
        traffic: &mut Traffic,
        ledger: &mut Ledger,
    ) {
        let Ok(count) = self.receive.receive(&self.outlet.sockets[index]) else {
            self.state.shard.io.udp_receive_errors.add(1);
            self.poller.remove(&self.outlet.sockets[index]);
            return;
        };
        let io = &self.state.shard.io;
        io.receive_calls.add(1);
        io.udp_unreachable.set(self.receive.unreachable);
        let mut sink = LoadSink {
            outlet: &mut self.outlet,
            traffic,
            ledger,
            now: clock::now(),
        };
        for message in 0..count {
            let Some(received) = self.receive.message(message) else {
                io.udp_unusable.add(1);
                continue;
            };
            // Each socket tells its own sum, so the largest one is a lower bound.
            if let Some(lost) = received.lost {
                io.udp_lost.set(io.udp_lost.value().max(u64::from(lost)));
            }
            let from = PeerAddr {
                listener: index as u16,
                addr: received.from,
            };
            for datagram in received.bytes.chunks_mut(received.segment) {
                io.received_datagrams.add(1);
                data_path.inbound(ms, &from, datagram, &mut sink);
            }
        }
        data_path.flush_inbound(&mut sink);
    }

    /// Looks what is ready, and waits for it unless the thread is `busy`.
    fn rest(&mut self, ms: Millis, busy: bool, data_path: &DataPath) -> Result<(), IoError> {
        let asleep = !busy && self.commands.sleep();
        let timeout = if asleep {
            self.time_to_sleep(ms, clock::now(), data_path)
        } else {
            Some(Duration::ZERO)
        };
        self.ready.clear();
        let (ready, waker) = (&mut self.ready, &self.waker);
        let result = self.poller.wait(timeout, |token| match token {
            WAKE => waker.clear(),
            index => ready.push(index as usize),
        });
        if asleep {
            self.state.shard.io.sleeps.add(1);
            self.commands.awake();
        }
        result
    }

    fn time_to_sleep(&self, ms: Millis, now: Nanos, data_path: &DataPath) -> Option<Duration> {
        let timer = data_path
            .next_deadline()
            .map(|at| Duration::from_millis(at.saturating_sub(ms)));
        let traffic = self
            .state
            .traffic()
            .next_due(now)
            .map(|at| Duration::from_nanos(at.saturating_sub(now)));
        let ledger = self.state.ledger().next_due();
        let ledger = ledger.map(|at| Duration::from_nanos(at.saturating_sub(now)));
        timer.into_iter().chain(traffic).chain(ledger).min()
    }
}

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use datapath::{DataPath, ShardStats};
use netio::IoError;
use netio::wake::Waker;

use crate::event_loop::EventLoop;
use crate::io_stats::IoStats;
use crate::panic_note;
use crate::restarts::Restarts;
use crate::socket_order::SocketOrders;

/// What a data thread and its observers share. Aligned so that two shards never write to one cache line.
#[repr(align(128))]
pub struct ShardState {
    /// One of the orders below.
    order: AtomicU8,
    life: AtomicU8,
    last_panic: Mutex<String>,
    pub io: IoStats,
}

const GO_ON: u8 = 0;
const STOP: u8 = 1;
const PANIC: u8 = 2;

/// A data thread, or one that has halted and can go on. Dropping it stops and joins the thread.
pub struct ShardThread {
    shard: usize,
    state: Arc<ShardState>,
    stats: Arc<ShardStats>,
    waker: Arc<Waker>,
    socket_orders: SocketOrders,
    body: Body,
}

/// What a data thread works on: its own while it runs.
pub struct ShardBody {
    pub data_path: DataPath,
    pub event_loop: EventLoop,
}

enum Body {
    Running(JoinHandle<Option<Box<ShardBody>>>),
    Halted(Box<ShardBody>),
    /// Lost in a panic.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running = 0,
    /// A fault in the data path that the thread could not recover from; the process lives, the shard does not.
    Panicked = 1,
    Stopped = 2,
    /// Between two processes: nothing is read, nothing is lost.
    Halted = 3,
    /// Failed, and about to start anew.
    Restarting = 4,
}

impl Life {
    pub fn name(self) -> &'static str {
        match self {
            Life::Running => "running",
            Life::Panicked => "panicked",
            Life::Stopped => "stopped",
            Life::Halted => "halted",
            Life::Restarting => "restarting",
        }
    }
}

impl ShardState {
    pub fn new() -> ShardState {
        ShardState {
            order: AtomicU8::new(GO_ON),
            life: AtomicU8::new(Life::Running as u8),
            last_panic: Mutex::default(),
            io: IoStats::default(),
        }
    }

    pub fn must_stop(&self) -> bool {
        self.order.load(Ordering::Relaxed) == STOP
    }

    /// The fault that a test has asked for.
    pub fn panic_when_told(&self) {
        if self.order.load(Ordering::Relaxed) == PANIC {
            self.obey_panic();
        }
    }

    pub fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Running,
            1 => Life::Panicked,
            3 => Life::Halted,
            4 => Life::Restarting,
            _ => Life::Stopped,
        }
    }
}

impl ShardState {
    /// How often the thread has failed, and what it said last.
    pub fn panics(&self) -> (u64, String) {
        let last = self
            .last_panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (self.io.panics.value(), last.clone())
    }

    fn note_panic(&self, note: String) {
        *self
            .last_panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = note;
        self.io.panics.add(1);
    }

    fn set_life(&self, life: Life) {
        self.life.store(life as u8, Ordering::Release);
    }

    /// Once; an order to stop that has come meanwhile stays.
    #[cold]
    fn obey_panic(&self) {
        let told = self
            .order
            .compare_exchange(PANIC, GO_ON, Ordering::Relaxed, Ordering::Relaxed);
        assert!(told.is_err(), "injected panic");
    }
}

impl Default for ShardState {
    fn default() -> ShardState {
        ShardState::new()
    }
}

impl ShardThread {
    /// One that does not run yet.
    pub fn halted(
        shard: usize,
        state: Arc<ShardState>,
        waker: Arc<Waker>,
        socket_orders: SocketOrders,
        data_path: DataPath,
        event_loop: EventLoop,
    ) -> ShardThread {
        let stats = Arc::clone(data_path.stats());
        state.set_life(Life::Halted);
        let body = ShardBody {
            data_path,
            event_loop,
        };
        ShardThread {
            shard,
            state,
            stats,
            waker,
            socket_orders,
            body: Body::Halted(Box::new(body)),
        }
    }

    pub fn start(
        shard: usize,
        state: Arc<ShardState>,
        waker: Arc<Waker>,
        socket_orders: SocketOrders,
        data_path: DataPath,
        event_loop: EventLoop,
    ) -> Result<ShardThread, IoError> {
        let mut thread =
            ShardThread::halted(shard, state, waker, socket_orders, data_path, event_loop);
        thread.go_on()?;
        Ok(thread)
    }

    /// Starts a thread for what has halted. One that runs goes on as it does.
    pub fn go_on(&mut self) -> Result<(), IoError> {
        let body = match std::mem::replace(&mut self.body, Body::Gone) {
            Body::Halted(body) => body,
            other @ (Body::Running(_) | Body::Gone) => {
                self.body = other;
                return Ok(());
            }
        };
        self.state.order.store(GO_ON, Ordering::Relaxed);
        self.state.set_life(Life::Running);
        let state = Arc::clone(&self.state);
        let thread = thread::Builder::new()
            .name(format!("shard-data-{}", self.shard))
            .spawn(move || live(&state, body))
            .map_err(|error| {
                self.state.set_life(Life::Stopped);
                IoError::new(error.raw_os_error().unwrap_or(0), "start a data thread")
            })?;
        self.body = Body::Running(thread);
        Ok(())
    }

    /// The thread ends soon; `halt` waits for that.
    pub fn ask_to_halt(&self) {
        self.tell(STOP);
    }

    /// Ends the thread; what it worked on, `None` when that was lost in a panic.
    pub fn halt(&mut self) -> Option<&mut ShardBody> {
        if let Body::Running(thread) = std::mem::replace(&mut self.body, Body::Gone) {
            self.tell(STOP);
            thread.thread().unpark();
            // A panic was caught inside and is in `life`.
            self.body = match thread.join() {
                Ok(Some(body)) => {
                    self.state.set_life(Life::Halted);
                    Body::Halted(body)
                }
                Ok(None) | Err(_) => Body::Gone,
            };
        }
        self.body()
    }

    /// What a halted thread has worked on and will work on.
    pub fn body(&mut self) -> Option<&mut ShardBody> {
        match &mut self.body {
            Body::Halted(body) => Some(body),
            Body::Running(_) | Body::Gone => None,
        }
    }

    pub fn state(&self) -> &ShardState {
        &self.state
    }

    pub fn socket_orders(&self) -> &SocketOrders {
        &self.socket_orders
    }

    pub fn stats(&self) -> &ShardStats {
        &self.stats
    }

    /// For tests: a panic at the thread's next turn.
    pub fn inject_panic(&self) {
        self.tell(PANIC);
    }

    fn tell(&self, order: u8) {
        self.state.order.store(order, Ordering::Relaxed);
        self.waker.wake();
    }
}

impl Drop for ShardThread {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What a thread does until it is told to stop, and how it goes on after a panic.
trait Living {
    fn run(&mut self);
    fn recover(&mut self);
}

impl Living for ShardBody {
    fn run(&mut self) {
        self.event_loop.run(&mut self.data_path);
    }

    fn recover(&mut self) {
        self.event_loop.recover(&mut self.data_path);
    }
}

/// INVARIANT: nothing unwinds out of the thread's top. What a panic has left half-written is put in order by `recover`
/// before it is used again, and all that is shared with others is atomic or made anew under its lock.
///
/// `None` when that was not possible.
fn live<B: Living>(state: &ShardState, mut body: Box<B>) -> Option<Box<B>> {
    let mut restarts = Restarts::new();
    loop {
        let began = Instant::now();
        let Err(note) = panic_note::catch(|| body.run()) else {
            break;
        };
        state.set_life(Life::Restarting);
        state.note_panic(note);
        if let Err(note) = panic_note::catch(|| body.recover()) {
            state.note_panic(note);
            state.set_life(Life::Panicked);
            return None;
        }
        rest(state, restarts.wait_after(began.elapsed()));
        if state.must_stop() {
            break;
        }
        state.set_life(Life::Running);
    }
    state.set_life(Life::Stopped);
    Some(body)
}

/// Whoever tells the thread to stop wakes it.
fn rest(state: &ShardState, wait: Duration) {
    let end = Instant::now() + wait;
    while !state.must_stop() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics in the first turns, as many as it is told.
    struct Failing {
        turns: u32,
        recovered: u32,
        cannot_recover: bool,
    }

    impl Living for Failing {
        fn run(&mut self) {
            if self.turns > 0 {
                self.turns -= 1;
                panic!("{} turns to go", self.turns);
            }
        }

        fn recover(&mut self) {
            assert!(!self.cannot_recover, "nothing helps");
            self.recovered += 1;
        }
    }

    #[test]
    fn a_fault_ends_neither_the_shard_nor_the_process() {
        let state = ShardState::new();
        let body = Box::new(Failing {
            turns: 2,
            recovered: 0,
            cannot_recover: false,
        });
        let began = Instant::now();
        let body = live(&state, body).expect("it goes on");
        assert_eq!((body.recovered, state.life()), (2, Life::Stopped));
        let (count, last) = state.panics();
        assert!(count == 2 && last.starts_with("0 turns to go ("), "{last}");
        assert!(
            began.elapsed() >= Duration::from_millis(100),
            "the second one waits"
        );
    }

    #[test]
    fn a_fault_that_nothing_helps_against_ends_the_shard() {
        let state = ShardState::new();
        let body = Box::new(Failing {
            turns: 1,
            recovered: 0,
            cannot_recover: true,
        });
        assert!(live(&state, body).is_none());
        assert_eq!(state.life(), Life::Panicked);
        assert!(state.panics().1.starts_with("nothing helps"));
    }

    #[test]
    fn an_injected_panic_comes_once() {
        let state = ShardState::new();
        state.order.store(PANIC, Ordering::Relaxed);
        assert!(panic_note::catch(|| state.panic_when_told()).is_err());
        assert!(panic_note::catch(|| state.panic_when_told()).is_ok());
        assert!(!state.must_stop());
    }

    #[test]
    fn the_states_of_two_shards_share_no_line() {
        assert_eq!(align_of::<ShardState>(), 128);
        assert_eq!(size_of::<ShardState>() % 128, 0);
    }
}

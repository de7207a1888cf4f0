use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use datapath::{DataPath, ShardStats};
use netio::IoError;
use netio::wake::Waker;

use crate::event_loop::EventLoop;
use crate::io_stats::IoStats;
use crate::socket_order::SocketOrders;

/// What a data thread and its observers share. Aligned so that two shards never write to one cache line.
#[repr(align(128))]
pub struct ShardState {
    /// One of the orders below; both end the loop, so that it looks at one word a turn.
    order: AtomicU8,
    life: AtomicU8,
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
    /// A fault in the data path; the process lives, the shard does not.
    Panicked = 1,
    Stopped = 2,
    /// Between two processes: nothing is read, nothing is lost.
    Halted = 3,
}

impl Life {
    pub fn name(self) -> &'static str {
        match self {
            Life::Running => "running",
            Life::Panicked => "panicked",
            Life::Stopped => "stopped",
            Life::Halted => "halted",
        }
    }
}

impl ShardState {
    pub fn new() -> ShardState {
        ShardState {
            order: AtomicU8::new(GO_ON),
            life: AtomicU8::new(Life::Running as u8),
            io: IoStats::default(),
        }
    }

    pub fn must_stop(&self) -> bool {
        self.order.load(Ordering::Relaxed) != GO_ON
    }

    /// The fault that a test has asked for.
    pub fn panic_when_told(&self) {
        assert!(
            self.order.load(Ordering::Relaxed) != PANIC,
            "injected panic"
        );
    }

    pub fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Running,
            1 => Life::Panicked,
            3 => Life::Halted,
            _ => Life::Stopped,
        }
    }
}

impl ShardState {
    fn set_life(&self, life: Life) {
        self.life.store(life as u8, Ordering::Release);
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

/// INVARIANT: nothing unwinds out of the thread's top; a shared structure that a panic left half-written is never used
/// again by this shard, and all that is shared with others is atomic.
fn live(state: &ShardState, mut body: Box<ShardBody>) -> Option<Box<ShardBody>> {
    guard(state, move || {
        let ShardBody {
            data_path,
            event_loop,
        } = &mut *body;
        event_loop.run(data_path);
        body
    })
}

fn guard<T>(state: &ShardState, body: impl FnOnce() -> T) -> Option<T> {
    let end = catch_unwind(AssertUnwindSafe(body)).ok();
    state.set_life(if end.is_some() {
        Life::Stopped
    } else {
        Life::Panicked
    });
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_the_shard_and_not_the_process() {
        let state = ShardState::new();
        assert_eq!(state.life(), Life::Running);
        guard(&state, || panic!("a fault in the data path"));
        assert_eq!(state.life(), Life::Panicked);
        guard(&state, || {});
        assert_eq!(state.life(), Life::Stopped);
    }

    #[test]
    fn the_states_of_two_shards_share_no_line() {
        assert_eq!(align_of::<ShardState>(), 128);
        assert_eq!(size_of::<ShardState>() % 128, 0);
    }
}

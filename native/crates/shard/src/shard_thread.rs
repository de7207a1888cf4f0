use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};

use datapath::{DataPath, ShardStats};
use netio::IoError;
use netio::wake::Waker;

use crate::event_loop::EventLoop;
use crate::io_stats::IoStats;

/// What a data thread and its observers share.
pub struct ShardState {
    /// One of the orders below; both end the loop, so that it looks at one word a turn.
    order: AtomicU8,
    life: AtomicU8,
    pub io: IoStats,
}

const GO_ON: u8 = 0;
const STOP: u8 = 1;
const PANIC: u8 = 2;

/// A data thread. Dropping it stops and joins the thread.
pub struct ShardThread {
    state: Arc<ShardState>,
    stats: Arc<ShardStats>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running = 0,
    /// A fault in the data path; the process lives, the shard does not.
    Panicked = 1,
    Stopped = 2,
}

impl Life {
    pub fn name(self) -> &'static str {
        match self {
            Life::Running => "running",
            Life::Panicked => "panicked",
            Life::Stopped => "stopped",
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
            _ => Life::Stopped,
        }
    }
}

impl Default for ShardState {
    fn default() -> ShardState {
        ShardState::new()
    }
}

impl ShardThread {
    pub fn start(
        shard: usize,
        state: Arc<ShardState>,
        waker: Arc<Waker>,
        mut data_path: DataPath,
        mut event_loop: EventLoop,
    ) -> Result<ShardThread, IoError> {
        let stats = Arc::clone(data_path.stats());
        let thread_state = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name(format!("shard-data-{shard}"))
            .spawn(move || live(&thread_state, || event_loop.run(&mut data_path)))
            .map_err(|error| {
                IoError::new(error.raw_os_error().unwrap_or(0), "start a data thread")
            })?;
        Ok(ShardThread {
            state,
            stats,
            waker,
            thread: Some(thread),
        })
    }

    pub fn state(&self) -> &ShardState {
        &self.state
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
        self.tell(STOP);
        if let Some(thread) = self.thread.take() {
            // A panic was caught inside and is in `life`.
            let _ = thread.join();
        }
    }
}

/// INVARIANT: nothing unwinds out of the thread's top; a shared structure that a panic left half-written is never used
/// again by this shard, and all that is shared with others is atomic.
fn live(state: &ShardState, body: impl FnOnce()) {
    let end = catch_unwind(AssertUnwindSafe(body));
    let life = if end.is_ok() {
        Life::Stopped
    } else {
        Life::Panicked
    };
    state.life.store(life as u8, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_ends_the_shard_and_not_the_process() {
        let state = ShardState::new();
        assert_eq!(state.life(), Life::Running);
        live(&state, || panic!("a fault in the data path"));
        assert_eq!(state.life(), Life::Panicked);
        live(&state, || {});
        assert_eq!(state.life(), Life::Stopped);
    }
}

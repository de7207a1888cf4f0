use std::sync::{Arc, Mutex, PoisonError};

/// Called from a data thread when the worker's control ring has something and the worker was asleep.
pub type OnWake = Arc<dyn Fn() + Send + Sync>;

/// The place where a worker, which may die and be replaced at any time, leaves its wake-up call.
#[derive(Default)]
pub struct WorkerPort {
    on_wake: Mutex<Option<OnWake>>,
}

impl WorkerPort {
    /// Replaces an earlier call. It is made once at once: what an earlier worker has left is waiting.
    pub fn attach(&self, on_wake: OnWake) {
        on_wake();
        self.replace(Some(on_wake));
    }

    pub fn detach(&self) {
        self.replace(None);
    }

    pub fn wake(&self) {
        let on_wake = self
            .on_wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(on_wake) = on_wake {
            on_wake();
        }
    }

    /// The old call is dropped outside of the lock: dropping may run code of the JavaScript engine.
    fn replace(&self, on_wake: Option<OnWake>) {
        let old = std::mem::replace(
            &mut *self.on_wake.lock().unwrap_or_else(PoisonError::into_inner),
            on_wake,
        );
        drop(old);
    }
}

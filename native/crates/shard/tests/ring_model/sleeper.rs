use loom::sync::{Condvar, Mutex};

/// What an eventfd and epoll are to a data thread: wake-ups before and during the wait count, and several are one.
#[derive(Default)]
pub struct Sleeper {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Sleeper {
    pub fn wake(&self) {
        *self.woken.lock().expect("lock") = true;
        self.changed.notify_one();
    }

    pub fn wait(&self) {
        let mut woken = self.woken.lock().expect("lock");
        while !*woken {
            woken = self.changed.wait(woken).expect("lock");
        }
        *woken = false;
    }
}

//! Whether a data thread goes before other programs.
//!
//! A packet that waits for a thread that waits for a CPU is late by whole scheduling ticks of 4 ms, and while it waits
//! others queue up behind it. So a data thread runs at the lowest real-time priority, as long as it leaves time to the
//! rest: one that has used nearly all of a window spends the next one as an ordinary thread. Handshakes, and a shell to
//! look at a flooded machine, therefore wait for one window at most.

use std::time::Duration;

use datapath::Millis;
use netio::priority;

/// Shorter ones put a thread that is three quarters busy back now and then, and a queue stands as long as that lasts.
const WINDOW_MS: Millis = 250;
/// Of a CPU, in tenths: above it a thread leaves too little to others.
const LARGEST_SHARE: u128 = 9;

/// Of the calling thread; not to be moved to another.
pub struct Urgency {
    /// False for good once the system has refused, or the administrator has chosen otherwise.
    possible: bool,
    urgent: bool,
    since: Millis,
    cpu_time: Duration,
}

impl Urgency {
    /// Urgent at once where that is possible.
    pub fn of_this_thread(now: Millis) -> Urgency {
        priority::permit_urgent_later();
        let mut urgency = Urgency {
            possible: priority::is_ordinary(),
            urgent: false,
            since: now,
            cpu_time: priority::cpu_time(),
        };
        urgency.become_urgent(true);
        urgency
    }

    /// Once a turn; a system call or two at the end of a window.
    pub fn review(&mut self, now: Millis) {
        if !self.possible || now < self.since + WINDOW_MS {
            return;
        }
        let cpu_time = priority::cpu_time();
        let used = cpu_time.saturating_sub(self.cpu_time);
        self.become_urgent(leaves_time(used, now - self.since));
        self.since = now;
        self.cpu_time = cpu_time;
    }

    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    fn become_urgent(&mut self, urgent: bool) {
        if self.possible && urgent != self.urgent {
            self.possible = priority::set_urgent(urgent).is_ok();
            self.urgent = urgent && self.possible;
        }
    }
}

fn leaves_time(used: Duration, window_ms: Millis) -> bool {
    used.as_micros() * 10 <= u128::from(window_ms) * 1000 * LARGEST_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    #[test]
    fn a_thread_that_takes_all_of_a_window_gives_its_place_back_until_it_takes_less() {
        let mut urgency = Urgency::of_this_thread(0);
        if !urgency.is_urgent() {
            eprintln!("skipped: no right to a real-time priority");
            return;
        }
        // Windows as long as the CPU time that is used in them, whatever else the machine does.
        let start = priority::cpu_time();
        let work = || {
            while priority::cpu_time() - start < Duration::from_millis(WINDOW_MS) {
                std::hint::spin_loop();
            }
        };
        work();
        urgency.review(WINDOW_MS - 1);
        assert!(urgency.is_urgent() && !priority::is_ordinary());
        urgency.review(WINDOW_MS);
        assert!(!urgency.is_urgent() && priority::is_ordinary());
        urgency.review(2 * WINDOW_MS);
        assert!(urgency.is_urgent() && !priority::is_ordinary());
    }

    #[test]
    fn nine_tenths_of_a_window_may_be_used() {
        assert!(leaves_time(Duration::from_micros(45_000), 50));
        assert!(!leaves_time(Duration::from_micros(45_001), 50));
        assert!(leaves_time(Duration::ZERO, 50));
    }
}

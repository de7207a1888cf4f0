//! Whether a data thread goes before other programs.
//!
//! A packet that waits for a thread that waits for a CPU is late by whole scheduling ticks of 4 ms, and while it waits
//! others queue up behind it. So while CPUs are short a data thread runs at the lowest real-time priority, as long as it
//! leaves time to the rest: one that has used nearly all of a window spends the next one as an ordinary thread.
//! Handshakes, and a shell to look at a flooded machine, therefore wait for one window at most. Where CPUs are to be had,
//! the ordinary scheduler finds one sooner than the real-time one does.

use std::time::Duration;

use datapath::Millis;
use netio::priority;

use crate::machine_load::MachineLoad;

/// Shorter ones put a thread that is three quarters busy back now and then, and a queue stands as long as that lasts.
const WINDOW_MS: Millis = 250;
/// Of a CPU, in tenths: above it a thread leaves too little to others.
const LARGEST_SHARE: u128 = 9;
/// CPUs are short when less of their time than this is left, in percent, and until more than that is.
const SHORT_BELOW: u64 = 50;
const ENOUGH_ABOVE: u64 = 65;

/// Of the calling thread; not to be moved to another.
pub struct Urgency {
    /// False for good once the system has refused, or the administrator has chosen otherwise.
    possible: bool,
    urgent: bool,
    /// CPUs, as of the last window.
    short: bool,
    since: Millis,
    cpu_time: Duration,
    machine: MachineLoad,
}

impl Urgency {
    /// Ordinary at first.
    pub fn of_this_thread(now: Millis) -> Urgency {
        priority::permit_urgent_later();
        Urgency {
            possible: priority::is_ordinary(),
            urgent: false,
            short: false,
            since: now,
            cpu_time: priority::cpu_time(),
            machine: MachineLoad::new(),
        }
    }

    /// Once a turn; a few system calls at the end of a window.
    pub fn review(&mut self, now: Millis) {
        if !self.possible || now < self.since + WINDOW_MS {
            return;
        }
        let idle = self.machine.idle_percent();
        self.review_window(now, priority::cpu_time(), idle);
    }

    fn review_window(&mut self, now: Millis, cpu_time: Duration, idle_percent: Option<u64>) {
        let used = cpu_time.saturating_sub(self.cpu_time);
        let limit = if self.short {
            ENOUGH_ABOVE
        } else {
            SHORT_BELOW
        };
        self.short = idle_percent.is_some_and(|idle| idle < limit);
        self.become_urgent(self.short && leaves_time(used, now - self.since));
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

/// The thread may go on, after a panic above all.
impl Drop for Urgency {
    fn drop(&mut self) {
        self.become_urgent(false);
    }
}

fn leaves_time(used: Duration, window_ms: Millis) -> bool {
    used.as_micros() * 10 <= u128::from(window_ms) * 1000 * LARGEST_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// `None`, with the reason, where real-time priorities are not permitted.
    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    fn permitted() -> Option<Urgency> {
        let mut urgency = Urgency::of_this_thread(0);
        urgency.cpu_time = Duration::ZERO;
        urgency.review_window(WINDOW_MS, Duration::ZERO, Some(0));
        if urgency.is_urgent() {
            return Some(urgency);
        }
        eprintln!("skipped: no right to a real-time priority");
        None
    }

    #[test]
    fn a_thread_that_takes_all_of_a_window_gives_its_place_back_until_it_takes_less() {
        let Some(mut urgency) = permitted() else {
            return;
        };
        assert!(!priority::is_ordinary());
        urgency.review_window(500, 240 * MS, Some(0));
        assert!(!urgency.is_urgent() && priority::is_ordinary());
        urgency.review_window(750, 250 * MS, Some(0));
        assert!(urgency.is_urgent() && !priority::is_ordinary());
    }

    #[test]
    fn it_goes_first_only_while_cpus_are_short() {
        let Some(mut urgency) = permitted() else {
            return;
        };
        let mut urgent_at = |window: Millis, idle| {
            urgency.review_window(window * WINDOW_MS, Duration::ZERO, idle);
            urgency.is_urgent()
        };
        assert!(urgent_at(2, Some(ENOUGH_ABOVE - 1)));
        assert!(!urgent_at(3, Some(ENOUGH_ABOVE)));
        assert!(!urgent_at(4, Some(SHORT_BELOW)));
        assert!(urgent_at(5, Some(SHORT_BELOW - 1)));
        assert!(!urgent_at(6, None));
    }

    #[test]
    fn the_end_of_a_window_is_seen() {
        let mut urgency = Urgency::of_this_thread(0);
        urgency.review(WINDOW_MS - 1);
        assert_eq!(urgency.since, 0);
        urgency.review(WINDOW_MS);
        assert_eq!(urgency.since, WINDOW_MS);
    }

    #[test]
    fn nine_tenths_of_a_window_may_be_used() {
        assert!(leaves_time(Duration::from_micros(45_000), 50));
        assert!(!leaves_time(Duration::from_micros(45_001), 50));
        assert!(leaves_time(Duration::ZERO, 50));
    }
}

use crate::Millis;

/// Coarse timers of many peers: one bucket a second, looked at once when its second is over.
///
/// An entry is only a reminder to look at a peer again: whoever gets it decides what is due and schedules the next one.
/// So a packet never touches the wheel, and 10,000 peers cost 10,000 looks per ping interval, not per second.
pub struct TimerWheel {
    buckets: Vec<Vec<u32>>,
    due: Vec<u32>,
    /// The next second to look at; `None` until the clock is known.
    next_tick: Option<u64>,
    pending: usize,
}

pub const TICK: Millis = 1000;
const BUCKETS: u64 = 256;

impl TimerWheel {
    pub fn new() -> TimerWheel {
        TimerWheel {
            buckets: (0..BUCKETS).map(|_| Vec::new()).collect(),
            due: Vec::new(),
            next_tick: None,
            pending: 0,
        }
    }

    /// Reminds of `entry` at the end of the second `at` falls in, at the latest `BUCKETS` seconds from now
    /// (the receiver sees that it is early and schedules again). Returns when that will be.
    pub fn schedule(&mut self, now: Millis, at: Millis, entry: u32) -> Millis {
        let next = *self.next_tick.get_or_insert(now / TICK + 1);
        let tick = at.div_ceil(TICK).clamp(next, next + BUCKETS - 1);
        self.buckets[(tick % BUCKETS) as usize].push(entry);
        self.pending += 1;
        tick * TICK
    }

    /// When `expire` has something to do next.
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.pending == 0 {
            return None;
        }
        self.next_tick.map(|tick| tick * TICK)
    }

    /// Takes out everything due at `now`; give the list back to `recycle` so that its memory is used again.
    pub fn expire(&mut self, now: Millis) -> Vec<u32> {
        let mut due = std::mem::take(&mut self.due);
        let Some(next) = self.next_tick else {
            return due;
        };
        let current = now / TICK;
        for tick in next..=current.min(next + BUCKETS - 1) {
            due.append(&mut self.buckets[(tick % BUCKETS) as usize]);
        }
        self.next_tick = Some(next.max(current + 1));
        self.pending -= due.len();
        due
    }

    pub fn recycle(&mut self, mut due: Vec<u32>) {
        due.clear();
        self.due = due;
    }
}

impl Default for TimerWheel {
    fn default() -> TimerWheel {
        TimerWheel::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(wheel: &mut TimerWheel, now: Millis) -> Vec<u32> {
        let due = wheel.expire(now);
        let seen = due.clone();
        wheel.recycle(due);
        seen
    }

    #[test]
    fn fires_at_the_end_of_its_second_and_once() {
        let mut wheel = TimerWheel::new();
        assert_eq!(wheel.next_deadline(), None);
        wheel.schedule(5_300, 8_100, 7);
        assert_eq!(expired(&mut wheel, 8_999), []);
        assert_eq!(wheel.next_deadline(), Some(9_000));
        assert_eq!(expired(&mut wheel, 9_000), [7]);
        assert_eq!(expired(&mut wheel, 10_000), []);
        assert_eq!(wheel.next_deadline(), None);
    }

    #[test]
    fn a_long_sleep_loses_nothing() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(0, 2_000, 1);
        wheel.schedule(0, 200_000, 2);
        assert_eq!(expired(&mut wheel, 10_000_000), [1, 2]);
    }

    #[test]
    fn a_far_deadline_reminds_early() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(0, 3_600_000, 1);
        assert_eq!(expired(&mut wheel, 256_000), [1]);
    }

    #[test]
    fn the_past_is_due_at_the_next_tick() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(9_500, 1_000, 1);
        assert_eq!(expired(&mut wheel, 10_000), [1]);
    }
}

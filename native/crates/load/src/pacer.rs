use crate::clock::{Nanos, SECOND};

/// Even distances at a rate, whatever the clock's grain: what has become due in between is due at once.
pub struct Pacer {
    interval: f64,
    next: f64,
}

/// Beyond this the generator is too slow, and what it owes is dropped instead of sent in one burst.
const LONGEST_DEBT: f64 = SECOND as f64 / 10.0;

impl Pacer {
    pub fn new(now: Nanos, per_second: f64) -> Pacer {
        Pacer {
            interval: SECOND as f64 / per_second,
            next: now as f64,
        }
    }

    /// True: one is due, and counted as done.
    pub fn take(&mut self, now: Nanos) -> bool {
        let now = now as f64;
        if self.next > now {
            return false;
        }
        self.next = f64::max(self.next, now - LONGEST_DEBT) + self.interval;
        true
    }

    pub fn next(&self) -> Nanos {
        self.next as Nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_coarse_looks() {
        let mut pacer = Pacer::new(0, 3000.0);
        let mut taken = 0;
        for look in 1..=1000 {
            while pacer.take(look * 1_000_000) {
                taken += 1;
            }
        }
        assert!((3000..=3001).contains(&taken), "{taken}");
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let mut pacer = Pacer::new(0, 1000.0);
        let mut taken = 0;
        while pacer.take(10 * SECOND) {
            taken += 1;
        }
        assert!((100..=102).contains(&taken), "{taken}");
    }
}

use crate::Millis;

/// How much of something there may be: it fills at a steady rate, up to what may be taken at once.
#[derive(Clone, Copy)]
pub(crate) struct Bucket {
    /// Thousandths.
    tokens: u64,
    at: Millis,
}

impl Bucket {
    pub const fn full(rate: Rate) -> Bucket {
        Bucket {
            tokens: rate.at_once * 1000,
            at: 0,
        }
    }

    /// Whether there is one; it is gone then.
    pub fn take(&mut self, now: Millis, rate: Rate) -> bool {
        let since = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let full = rate.at_once * 1000;
        self.tokens = full.min(self.tokens + since.saturating_mul(rate.per_second).min(full));
        let taken = self.tokens >= 1000;
        if taken {
            self.tokens -= 1000;
        }
        taken
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub per_second: u64,
    pub at_once: u64,
}

impl Rate {
    /// So many a second, and as many at once.
    pub const fn per_second(per_second: u64) -> Rate {
        Rate {
            per_second,
            at_once: per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_there_and_fills_again_up_to_the_brim() {
        const RATE: Rate = Rate {
            per_second: 10,
            at_once: 20,
        };
        let mut bucket = Bucket::full(RATE);
        let mut taken = |now| (0..100).filter(|_| bucket.take(now, RATE)).count();
        assert_eq!(taken(5_000), 20);
        assert_eq!(taken(5_099), 0);
        assert_eq!(taken(5_100), 1);
        assert_eq!(taken(4_000), 0);
        assert_eq!(taken(5_150), 0, "what has passed counts once");
        assert_eq!(taken(Millis::MAX), 20);
    }
}

use std::time::Duration;

/// How long to wait before a data thread that has failed starts anew.
pub struct Restarts {
    in_a_row: u32,
}

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// One that has lived that long is forgiven.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

impl Restarts {
    pub fn new() -> Restarts {
        Restarts { in_a_row: 0 }
    }

    /// Nothing after the first failure, then twice as long each time. `lived`: since it was started last.
    pub fn wait_after(&mut self, lived: Duration) -> Duration {
        if lived >= FORGIVEN_AFTER {
            self.in_a_row = 0;
        }
        self.in_a_row += 1;
        match self.in_a_row {
            1 => Duration::ZERO,
            n => FIRST_WAIT
                .saturating_mul(1 << (n - 2).min(16))
                .min(LONGEST_WAIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_failures_backs_off_and_is_forgiven() {
        let mut restarts = Restarts::new();
        let mut wait = |seconds| {
            restarts
                .wait_after(Duration::from_secs(seconds))
                .as_millis()
        };
        assert_eq!([0, 1, 0, 59].map(&mut wait), [0, 100, 200, 400]);
        for _ in 0..100 {
            wait(1);
        }
        assert_eq!(wait(1), 10_000);
        assert_eq!([60, 0].map(&mut wait), [0, 100]);
    }
}

use hdrhistogram::Histogram;

use crate::clock::{Nanos, SECOND};

/// What became of the packets of a thread's clients. Flows end on other threads too: only sums mean something.
pub struct Tally {
    pub sent: u64,
    pub sent_bytes: u64,
    /// Had no key, no peer, or no room: the data path's drop counters say which.
    pub unsent: u64,
    /// Each packet once, in whatever order.
    pub received: u64,
    pub received_bytes: u64,
    /// Came after a later one of its flow.
    pub reordered: u64,
    pub duplicated: u64,
    /// Changed on the way, or delivered to the wrong client.
    pub corrupted: u64,
    /// Not of any flow.
    pub foreign: u64,
    latency: Histogram<u64>,
}

/// Longer ones count as this.
const LONGEST: Nanos = 60 * SECOND;

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            sent: 0,
            sent_bytes: 0,
            unsent: 0,
            received: 0,
            received_bytes: 0,
            reordered: 0,
            duplicated: 0,
            corrupted: 0,
            foreign: 0,
            latency: empty(),
        }
    }
}

impl Tally {
    pub fn took(&mut self, latency: Nanos) {
        self.latency.saturating_record(latency.clamp(1, LONGEST));
    }

    pub fn add(&mut self, other: &Tally) {
        self.sent += other.sent;
        self.sent_bytes += other.sent_bytes;
        self.unsent += other.unsent;
        self.received += other.received;
        self.received_bytes += other.received_bytes;
        self.reordered += other.reordered;
        self.duplicated += other.duplicated;
        self.corrupted += other.corrupted;
        self.foreign += other.foreign;
        // Both have the same bounds, so adding cannot fail.
        let _ = self.latency.add(&other.latency);
    }

    /// Nanoseconds below which this part (0 to 1) of the packets arrived; 0 without any.
    pub fn latency_at(&self, part: f64) -> Nanos {
        if self.latency.is_empty() {
            return 0;
        }
        self.latency.value_at_quantile(part)
    }
}

/// Three digits, which is 0.1 %.
fn empty() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_quantiles_are_those_of_both() {
        let (mut one, mut two) = (Tally::default(), Tally::default());
        (1..=50).for_each(|n| one.took(n * 1000));
        (51..=100).for_each(|n| two.took(n * 1000));
        (one.received, two.received) = (50, 50);
        one.add(&two);
        assert_eq!(one.received, 100);
        assert!((49_900..=50_100).contains(&one.latency_at(0.5)));
        assert!((98_900..=99_100).contains(&one.latency_at(0.99)));
        assert_eq!(Tally::default().latency_at(0.5), 0);
    }
}

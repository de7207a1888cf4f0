use std::hash::BuildHasher;
use std::net::IpAddr;

// The fast kind leaves addresses that differ little in the same places.
use foldhash::quality::RandomState;

use crate::Millis;

/// `connect-freq-initial`: how many resets of one address are answered in a period. [wire 7]
/// Addresses are counted together where their fingerprints meet, in a table that never grows.
pub(super) struct ReplyLimit {
    count: u16,
    period: Millis,
    hash: RandomState,
    used: Box<[u16]>,
    period_end: Millis,
}

/// A flood from 100,000 addresses a second leaves 15 in each of them in ten seconds.
const SLOTS: usize = 1 << 16;

impl ReplyLimit {
    pub fn new(count: u32, seconds: u32) -> ReplyLimit {
        ReplyLimit {
            count: u16::try_from(count).unwrap_or(u16::MAX),
            period: Millis::from(seconds) * 1000,
            hash: RandomState::default(),
            used: vec![0; SLOTS].into(),
            period_end: 0,
        }
    }

    pub fn is_like(&self, other: &ReplyLimit) -> bool {
        (self.count, self.period) == (other.count, other.period)
    }

    /// Whether one more answer to `host` is within the limit; it is counted then.
    pub fn take(&mut self, now: Millis, host: IpAddr) -> bool {
        if now >= self.period_end {
            self.period_end = now + self.period;
            self.used.fill(0);
        }
        let count = self.count;
        let used = self.used_by(host);
        let is_free = *used < count;
        *used += u16::from(is_free);
        is_free
    }

    pub fn refund(&mut self, host: IpAddr) {
        let used = self.used_by(host);
        *used = used.saturating_sub(1);
    }

    fn used_by(&mut self, host: IpAddr) -> &mut u16 {
        &mut self.used[self.hash.hash_one(host) as usize % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn each_address_has_its_own_share_of_each_period() {
        let mut limit = ReplyLimit::new(2, 10);
        let mut taken = |now, n| limit.take(now, host(n));
        assert_eq!([1, 1, 1, 2].map(|n| taken(5, n)), [true, true, false, true]);
        assert!(!taken(10_004, 1));
        assert!(taken(10_005, 1));
    }

    #[test]
    fn who_has_completed_a_handshake_has_one_more() {
        let mut limit = ReplyLimit::new(1, 10);
        limit.refund(host(1));
        assert!(limit.take(0, host(1)) && !limit.take(0, host(1)));
        limit.refund(host(1));
        assert!(limit.take(0, host(1)) && !limit.take(0, host(1)));
    }

    #[test]
    fn a_flood_of_other_addresses_uses_up_nobodys_share() {
        let mut limit = ReplyLimit::new(100, 10);
        for n in 0..1_000_000 {
            limit.take(u64::from(n) / 100, host(n));
        }
        assert!(limit.take(9_999, host(2_000_000)));
    }
}

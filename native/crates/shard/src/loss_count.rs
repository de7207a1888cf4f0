/// Tells what a full socket has lost from what a filter has thrown away: the kernel counts both as one.
#[derive(Default)]
pub struct LossCount {
    /// What sockets have said, of both.
    gone: u64,
    filtered_before: u64,
    lost_before: u64,
    lost: u64,
}

impl LossCount {
    /// Begins anew with sockets that count from now on; `filtered` is the filter's number up to now.
    pub fn begin(&mut self, filtered: u64) {
        *self = LossCount {
            gone: 0,
            filtered_before: filtered,
            lost_before: self.total(),
            lost: 0,
        };
    }

    /// So many more are gone, as a socket says with a datagram.
    pub fn note(&mut self, gone: u32) {
        self.gone += u64::from(gone);
    }

    /// Datagrams lost. The filter's number may be ahead of what the sockets have said, so that losses show a little later.
    pub fn settle(&mut self, filtered: u64) -> u64 {
        let filtered = filtered.saturating_sub(self.filtered_before);
        self.lost = self.lost.max(self.gone.saturating_sub(filtered));
        self.total()
    }

    fn total(&self) -> u64 {
        self.lost_before + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filtered_is_not_lost() {
        let mut count = LossCount::default();
        count.begin(100);
        count.note(30);
        assert_eq!(count.settle(130), 0);
        count.note(12);
        assert_eq!(count.settle(140), 2);
        // The filter has gone on, and the sockets have not said so.
        assert_eq!(count.settle(500), 2);
        count.note(365);
        assert_eq!(count.settle(500), 7);
    }

    #[test]
    fn losses_before_a_new_beginning_count() {
        let mut count = LossCount::default();
        count.note(5);
        assert_eq!(count.settle(0), 5);
        count.begin(1000);
        assert_eq!(count.settle(1000), 5);
        count.note(3);
        assert_eq!(count.settle(1001), 7);
    }
}

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::stats::DropReason;

const WORD_BITS: u64 = 64;

/// How far packets may come out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayTolerance {
    /// Ids; below 2 every packet has to be newer than all before. At most `LARGEST`.
    pub size: u32,
    /// After so many seconds an id that a higher one has overtaken does not count any more; 0 = it always does.
    pub seconds: u32,
}

impl ReplayTolerance {
    pub const LARGEST: u32 = 65_536;

    pub(crate) fn decode(reader: &mut ByteReader) -> Option<ReplayTolerance> {
        let size = reader
            .u32()
            .filter(|size| *size <= ReplayTolerance::LARGEST)?;
        Some(ReplayTolerance {
            size,
            seconds: reader.u32()?,
        })
    }
}

impl Default for ReplayTolerance {
    /// A batch of 64 KB superpackets reorders far less; OpenVPN's own default is 64 ids and 15 s.
    fn default() -> ReplayTolerance {
        ReplayTolerance {
            size: 31 * 64,
            seconds: 15,
        }
    }
}

/// Sliding window over packet ids: rejects what was seen before or lies too far back. [wire 6, 12.4]
///
/// The bitmap is a ring of words; moving forward clears whole words, so an id costs a few instructions whatever it skips.
/// `check` comes before the cipher, `mark` only after it has authenticated the id.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    /// Their number is a power of 2, and larger than the window by a word.
    bitmap: Box<[u64]>,
    highest: u64,
    tolerance: ReplayTolerance,
    size: u64,
    expiry: Expiry,
}

impl ReplayWindow {
    pub fn new() -> ReplayWindow {
        ReplayWindow::with(ReplayTolerance::default())
    }

    pub fn with(tolerance: ReplayTolerance) -> ReplayWindow {
        let size = u64::from(tolerance.size);
        let words = (size.div_ceil(WORD_BITS) + 1).next_power_of_two();
        ReplayWindow {
            bitmap: vec![0; words as usize].into(),
            highest: 0,
            tolerance,
            size,
            expiry: Expiry::new(Millis::from(tolerance.seconds) * 1000),
        }
    }

    /// Would this id be accepted?
    pub fn check(&self, id: u64) -> Result<(), DropReason> {
        if id == 0 {
            return Err(DropReason::InvalidPacketId);
        }
        if id > self.highest {
            return Ok(());
        }
        if self.highest - id >= self.size || id < self.expiry.floor {
            return Err(DropReason::TooOld);
        }
        if self.bitmap[self.word_of(id)] & bit_of(id) != 0 {
            return Err(DropReason::Replayed);
        }
        Ok(())
    }

    /// Remembers an id that `check` has let pass and the cipher has authenticated.
    pub fn mark(&mut self, id: u64) {
        if id > self.highest {
            let newest = self.highest / WORD_BITS;
            let skipped = (id / WORD_BITS - newest).min(self.bitmap.len() as u64);
            for word in newest + 1..=newest + skipped {
                let index = self.index_of(word);
                self.bitmap[index] = 0;
            }
            self.highest = id;
        }
        let index = self.word_of(id);
        self.bitmap[index] |= bit_of(id);
    }

    /// Time passes for the ids that were left out. Before every packet.
    pub fn advance(&mut self, now: Millis) {
        self.expiry.advance(now, self.highest);
    }

    /// Nothing has come yet. Allocates nothing.
    pub fn clear(&mut self) {
        self.bitmap.fill(0);
        self.highest = 0;
        self.expiry = Expiry::new(Millis::from(self.tolerance.seconds) * 1000);
    }

    pub fn tolerance(&self) -> ReplayTolerance {
        self.tolerance
    }

    /// Bytes that `encode` writes.
    pub(crate) fn encoded_len(&self) -> usize {
        8 * (2 + self.bitmap.len())
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tolerance.size.to_le_bytes());
        out.extend_from_slice(&self.tolerance.seconds.to_le_bytes());
        out.extend_from_slice(&self.highest.to_le_bytes());
        for word in &self.bitmap {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// The same ids, as if the highest had come now.
    pub(crate) fn decode(reader: &mut ByteReader) -> Option<ReplayWindow> {
        let mut window = ReplayWindow::with(ReplayTolerance::decode(reader)?);
        window.highest = reader.u64()?;
        for word in &mut window.bitmap {
            *word = reader.u64()?;
        }
        Some(window)
    }

    fn word_of(&self, id: u64) -> usize {
        self.index_of(id / WORD_BITS)
    }

    fn index_of(&self, word: u64) -> usize {
        word as usize & (self.bitmap.len() - 1)
    }
}

impl Default for ReplayWindow {
    fn default() -> ReplayWindow {
        ReplayWindow::new()
    }
}

fn bit_of(id: u64) -> u64 {
    1 << (id % WORD_BITS)
}

/// Which ids were overtaken too long ago. Time goes in steps of an eighth of the period, so it is up to that much longer.
#[derive(Clone, Debug)]
struct Expiry {
    /// 0 = nothing expires.
    step: Millis,
    next_step: Millis,
    /// Highest id at each of the last steps; `oldest` is the index of the first of them.
    highest_at: [u64; STEPS],
    oldest: usize,
    /// Ids below were overtaken at least a period ago.
    floor: u64,
}

const STEPS: usize = 8;

impl Expiry {
    fn new(period: Millis) -> Expiry {
        Expiry {
            step: period.div_ceil(STEPS as Millis),
            next_step: 0,
            highest_at: [0; STEPS],
            oldest: 0,
            floor: 0,
        }
    }

    fn advance(&mut self, now: Millis, highest: u64) {
        if now < self.next_step || self.step == 0 {
            return;
        }
        // No packet came between two steps of one call, so the highest id was the same at all of them.
        let passed = (now - self.next_step) / self.step + 1;
        for _ in 0..passed.min(STEPS as Millis + 1) {
            self.floor = self.highest_at[self.oldest];
            self.highest_at[self.oldest] = highest;
            self.oldest = (self.oldest + 1) % STEPS;
        }
        self.next_step = now + self.step;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 31 * 64;

    /// The same judgement with a set of everything ever marked.
    struct Model {
        size: u64,
        seen: HashSet<u64>,
        highest: u64,
    }

    impl Model {
        fn check(&self, id: u64) -> Result<(), DropReason> {
            if id == 0 {
                Err(DropReason::InvalidPacketId)
            } else if id <= self.highest && id + self.size <= self.highest {
                Err(DropReason::TooOld)
            } else if self.seen.contains(&id) {
                Err(DropReason::Replayed)
            } else {
                Ok(())
            }
        }

        fn mark(&mut self, id: u64) {
            self.seen.insert(id);
            self.highest = self.highest.max(id);
        }
    }

    fn of_size(size: u32) -> ReplayWindow {
        ReplayWindow::with(ReplayTolerance { size, seconds: 0 })
    }

    fn agree(size: u32, ids: impl IntoIterator<Item = u64>) {
        let mut window = of_size(size);
        let mut model = Model {
            size: u64::from(size),
            seen: HashSet::new(),
            highest: 0,
        };
        for id in ids {
            assert_eq!(window.check(id), model.check(id), "id {id}");
            if window.check(id).is_ok() {
                window.mark(id);
                model.mark(id);
            }
        }
    }

    #[test]
    fn checking_alone_changes_nothing() {
        let window = ReplayWindow::default();
        assert_eq!(window.check(5), Ok(()));
        assert_eq!(window.check(5), Ok(()));
    }

    #[test]
    fn the_edge_of_the_window_is_exact() {
        for size in [2, 63, 64, 65, SIZE, 65_536] {
            let mut window = of_size(size as u32);
            window.mark(100_000);
            assert_eq!(window.check(100_001 - size), Ok(()), "{size}");
            assert_eq!(
                window.check(100_000 - size),
                Err(DropReason::TooOld),
                "{size}"
            );
        }
    }

    #[test]
    fn below_two_nothing_comes_out_of_order() {
        for size in [0, 1] {
            let mut window = of_size(size);
            for (id, fresh) in [(1, true), (3, true), (2, false), (3, false), (4, true)] {
                assert_eq!(window.check(id).is_ok(), fresh, "{size} {id}");
                if fresh {
                    window.mark(id);
                }
            }
        }
    }

    #[test]
    fn a_cleared_window_is_like_a_new_one() {
        let mut window = of_size(100);
        window.mark(50);
        window.clear();
        assert_eq!(window.check(50), Ok(()));
        assert_eq!(window.check(1), Ok(()));
    }

    #[test]
    fn the_end_of_the_number_space_is_fine() {
        let mut window = ReplayWindow::default();
        window.mark(u64::MAX);
        assert_eq!(window.check(u64::MAX), Err(DropReason::Replayed));
        assert_eq!(window.check(u64::MAX - 1), Ok(()));
    }

    /// When each id comes, in milliseconds, and whether it is taken.
    fn at_times(seconds: u32, arrivals: &[(Millis, u64, bool)]) {
        let mut window = ReplayWindow::with(ReplayTolerance { size: 64, seconds });
        for (now, id, taken) in arrivals {
            window.advance(*now);
            assert_eq!(window.check(*id).is_ok(), *taken, "{id} at {now}");
            if *taken {
                window.mark(*id);
            }
        }
    }

    #[test]
    fn an_id_that_was_overtaken_too_long_ago_does_not_count() {
        at_times(8, &[(50_000, 10, true), (57_900, 9, true)]);
        at_times(
            8,
            &[(50_000, 10, true), (59_100, 9, false), (59_100, 11, true)],
        );
        at_times(0, &[(50_000, 10, true), (900_000, 9, true)]);
        // Others keep coming meanwhile: each id has its own time.
        let mut arrivals = vec![(50_000, 10, true)];
        arrivals.extend((1..9).map(|second| (50_000 + 1000 * second, 10 + 2 * second, true)));
        arrivals.extend([(58_000, 25, true), (59_100, 9, false), (59_100, 23, true)]);
        at_times(8, &arrivals);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(
            size in prop_oneof![Just(SIZE as u32), 0u32..3000],
            steps in proptest::collection::vec((-2500i64..2600, 0u8..8), 1..400),
        ) {
            let mut at = 1i64;
            agree(size, steps.into_iter().map(|(step, kind)| {
                at = (at + if kind == 0 { step } else { step % 70 }).max(0);
                at as u64
            }));
        }
    }
}

use crate::byte_reader::ByteReader;
use crate::stats::DropReason;

const WORD_BITS: u64 = 64;
const WORDS: u64 = 32;

/// Sliding window over packet ids: rejects what was seen before or lies too far back. [wire 12.4]
///
/// The bitmap is a ring of words; moving forward clears whole words, so an id costs a few instructions whatever it skips.
/// `check` comes before the cipher, `mark` only after it has authenticated the id.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    bitmap: [u64; WORDS as usize],
    highest: u64,
}

impl ReplayWindow {
    /// Ids this far behind the highest one are always still judged one by one.
    /// A batch of 64 KB superpackets reorders far less; OpenVPN's own default is 64.
    pub const SIZE: u64 = (WORDS - 1) * WORD_BITS;

    pub fn new() -> ReplayWindow {
        ReplayWindow {
            bitmap: [0; WORDS as usize],
            highest: 0,
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
        if self.highest - id >= Self::SIZE {
            return Err(DropReason::TooOld);
        }
        if self.bitmap[word_of(id)] & bit_of(id) != 0 {
            return Err(DropReason::Replayed);
        }
        Ok(())
    }

    /// Remembers an id that `check` has let pass and the cipher has authenticated.
    pub fn mark(&mut self, id: u64) {
        if id > self.highest {
            let newest = self.highest / WORD_BITS;
            let skipped = (id / WORD_BITS - newest).min(WORDS);
            for word in newest + 1..=newest + skipped {
                self.bitmap[(word % WORDS) as usize] = 0;
            }
            self.highest = id;
        }
        self.bitmap[word_of(id)] |= bit_of(id);
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.highest.to_le_bytes());
        for word in self.bitmap {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    pub(crate) fn decode(reader: &mut ByteReader) -> Option<ReplayWindow> {
        let mut window = ReplayWindow::new();
        window.highest = reader.u64()?;
        for word in &mut window.bitmap {
            *word = reader.u64()?;
        }
        Some(window)
    }
}

impl Default for ReplayWindow {
    fn default() -> ReplayWindow {
        ReplayWindow::new()
    }
}

fn word_of(id: u64) -> usize {
    (id / WORD_BITS % WORDS) as usize
}

fn bit_of(id: u64) -> u64 {
    1 << (id % WORD_BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The same judgement with a set of everything ever marked.
    #[derive(Default)]
    struct Model {
        seen: HashSet<u64>,
        highest: u64,
    }

    impl Model {
        fn check(&self, id: u64) -> Result<(), DropReason> {
            if id == 0 {
                Err(DropReason::InvalidPacketId)
            } else if id + ReplayWindow::SIZE <= self.highest {
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

    fn agree(ids: impl IntoIterator<Item = u64>) {
        let (mut window, mut model) = (ReplayWindow::new(), Model::default());
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
        let window = ReplayWindow::new();
        assert_eq!(window.check(5), Ok(()));
        assert_eq!(window.check(5), Ok(()));
    }

    #[test]
    fn the_edge_of_the_window_is_exact() {
        let mut window = ReplayWindow::new();
        window.mark(5000);
        assert_eq!(window.check(5001 - ReplayWindow::SIZE), Ok(()));
        assert_eq!(
            window.check(5000 - ReplayWindow::SIZE),
            Err(DropReason::TooOld)
        );
    }

    #[test]
    fn the_end_of_the_number_space_is_fine() {
        let mut window = ReplayWindow::new();
        window.mark(u64::MAX);
        assert_eq!(window.check(u64::MAX), Err(DropReason::Replayed));
        assert_eq!(window.check(u64::MAX - 1), Ok(()));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in proptest::collection::vec((-2500i64..2600, 0u8..8), 1..400)) {
            let mut at = 1i64;
            agree(steps.into_iter().map(|(step, kind)| {
                at = (at + if kind == 0 { step } else { step % 70 }).max(0);
                at as u64
            }));
        }
    }
}

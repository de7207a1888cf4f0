use crate::Millis;

/// When something was noted, by its fingerprint: the newest wins the place. A table that never grows.
pub(crate) struct Marks(Box<[Mark]>);

/// Fingerprint and time in units of 256 ms; 0: none.
type Mark = u32;

impl Marks {
    pub fn new(slots: usize) -> Marks {
        Marks(vec![0; slots].into())
    }

    pub fn set(&mut self, print: u64, now: Millis) {
        let at = print as usize % self.0.len();
        self.0[at] = mark(print, now);
    }

    /// Milliseconds since it was noted, to 256 ms.
    pub fn age(&self, print: u64, now: Millis) -> Option<Millis> {
        let (noted, this) = (self.0[print as usize % self.0.len()], mark(print, now));
        let age = (this as u16).wrapping_sub(noted as u16);
        (noted >> 16 == this >> 16).then_some(Millis::from(age) << TIME_SHIFT)
    }
}

const TIME_SHIFT: u32 = 8;

/// The upper bit tells a mark from no mark.
fn mark(print: u64, now: Millis) -> Mark {
    let print = (print >> 48) as u32 | 0x8000;
    print << 16 | u32::from((now >> TIME_SHIFT) as u16)
}

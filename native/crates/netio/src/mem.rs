use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A view over memory that JavaScript and other threads see, too (a SharedArrayBuffer).
///
/// Words are accessed atomically, bytes are only copied in and out, never borrowed: whatever another writer does, a
/// reader here gets wrong bytes at worst. Offsets are checked; one outside the view panics.
#[derive(Clone)]
pub struct SharedMemory {
    base: NonNull<u8>,
    len: usize,
    /// INVARIANT: the memory at `base` is the owner's, which neither moves nor frees it while it lives.
    _owner: Arc<dyn Send + Sync>,
}

// SAFETY: all access goes through atomics and raw copies, see the type's comment; the memory itself outlives the view.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Zeroed memory of at least `len` bytes that lives as long as its clones.
    pub fn allocate(len: usize) -> SharedMemory {
        let owner: Box<[AtomicU64]> = (0..len.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
        SharedMemory {
            base: NonNull::from(&*owner).cast(),
            len,
            _owner: Arc::new(owner),
        }
    }

    /// A view over the bytes of `owner`, which others write to, such as a typed array over a SharedArrayBuffer.
    /// The owner is kept; whoever drops its last clone frees it.
    pub fn adopt<T: AsRef<[u8]> + Send + Sync + 'static>(owner: Arc<T>) -> SharedMemory {
        let bytes: &[u8] = (*owner).as_ref();
        SharedMemory {
            base: NonNull::from(bytes).cast(),
            len: bytes.len(),
            _owner: owner,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when 64-bit words at multiples of 8 are aligned.
    pub fn is_aligned(&self) -> bool {
        self.base.as_ptr().addr().is_multiple_of(8)
    }

    pub fn load(&self, at: usize, order: Ordering) -> u32 {
        self.word(at).load(order)
    }

    pub fn store(&self, at: usize, value: u32, order: Ordering) {
        self.word(at).store(value, order);
    }

    pub fn swap(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.word(at).swap(value, order)
    }

    pub fn read(&self, at: usize, into: &mut [u8]) {
        self.check(at, into.len());
        // SAFETY: the range was checked; `into` is exclusively ours, so the two do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(self.base.as_ptr().add(at), into.as_mut_ptr(), into.len())
        };
    }

    pub fn write(&self, at: usize, from: &[u8]) {
        self.check(at, from.len());
        // SAFETY: the range was checked; `from` cannot lie in the view because nobody borrows that memory.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), self.base.as_ptr().add(at), from.len())
        };
    }

    pub fn zero(&self, at: usize, len: usize) {
        self.check(at, len);
        // SAFETY: the range was checked.
        unsafe { std::ptr::write_bytes(self.base.as_ptr().add(at), 0, len) };
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        self.check(at, 4);
        assert!(
            at.is_multiple_of(4) && self.is_aligned(),
            "unaligned word in shared memory"
        );
        // SAFETY: in range and aligned; the memory outlives self and words are only accessed atomically.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    fn check(&self, at: usize, len: usize) {
        assert!(
            at <= self.len && len <= self.len - at,
            "outside of the shared memory"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_are_the_same_memory() {
        let mem = SharedMemory::allocate(16);
        mem.store(4, 0x0403_0201, Ordering::Relaxed);
        let mut bytes = [0; 4];
        mem.read(4, &mut bytes);
        assert_eq!(bytes, [1, 2, 3, 4]);
        assert_eq!(mem.swap(4, 7, Ordering::SeqCst), 0x0403_0201);
        mem.zero(4, 4);
        assert_eq!(mem.load(4, Ordering::Relaxed), 0);
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn a_copy_past_the_end_panics() {
        SharedMemory::allocate(16).write(12, &[0; 5]);
    }

    #[test]
    #[should_panic(expected = "outside")]
    fn an_offset_that_would_overflow_panics() {
        SharedMemory::allocate(16).read(usize::MAX, &mut [0; 2]);
    }
}

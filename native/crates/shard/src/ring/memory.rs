use std::sync::atomic::Ordering;

use netio::mem::SharedMemory;

/// What a ring needs of its memory. There is one kind; a model checker brings its own.
pub trait RingMemory {
    /// Fewest data bytes of a ring.
    const MIN_CAPACITY: usize = 4096;

    /// Bytes, those of the header included.
    fn size(&self) -> usize;
    fn is_aligned(&self) -> bool;
    fn load(&self, at: usize, order: Ordering) -> u32;
    fn store(&self, at: usize, value: u32, order: Ordering);
    fn swap(&self, at: usize, value: u32, order: Ordering) -> u32;
    fn read(&self, at: usize, into: &mut [u8]);
    fn write(&self, at: usize, from: &[u8]);
    fn zero(&self, at: usize, len: usize);
}

impl RingMemory for SharedMemory {
    fn size(&self) -> usize {
        self.len()
    }

    fn is_aligned(&self) -> bool {
        self.is_aligned()
    }

    fn load(&self, at: usize, order: Ordering) -> u32 {
        self.load(at, order)
    }

    fn store(&self, at: usize, value: u32, order: Ordering) {
        self.store(at, value, order);
    }

    fn swap(&self, at: usize, value: u32, order: Ordering) -> u32 {
        self.swap(at, value, order)
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        self.read(at, into);
    }

    fn write(&self, at: usize, from: &[u8]) {
        self.write(at, from);
    }

    fn zero(&self, at: usize, len: usize) {
        self.zero(at, len);
    }
}

use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64};

use crate::bpf::new_shared_array;
use crate::error::IoError;

/// Zeroed memory that programs in the kernel and this process share. Changing it takes no system call and no rights.
pub(crate) struct BpfMemory {
    map: OwnedFd,
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is only reached through atomics, and is mapped until the value is dropped.
unsafe impl Send for BpfMemory {}
// SAFETY: as above.
unsafe impl Sync for BpfMemory {}

impl BpfMemory {
    /// EPERM where the process may not use bpf(), EINVAL from a kernel before 5.5.
    pub fn new(len: usize) -> Result<BpfMemory, IoError> {
        let map = new_shared_array(len)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let anywhere = std::ptr::null_mut();
        // SAFETY: a new mapping, of a descriptor that is open, that replaces no other one.
        let base =
            unsafe { libc::mmap(anywhere, len, access, libc::MAP_SHARED, map.as_raw_fd(), 0) };
        let base = NonNull::new(base.cast())
            .filter(|_| base != libc::MAP_FAILED)
            .ok_or_else(|| IoError::last("map the memory of a BPF program"))?;
        Ok(BpfMemory { map, base, len })
    }

    /// By which a program names the memory while it is loaded.
    pub fn number(&self) -> i32 {
        self.map.as_raw_fd()
    }

    /// At multiples of 2.
    pub fn half(&self, at: usize) -> &AtomicU16 {
        self.check(at, 2);
        // SAFETY: in bounds and aligned, as just checked; everybody here uses it as an atomic.
        unsafe { AtomicU16::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// At multiples of 4.
    pub fn word(&self, at: usize) -> &AtomicU32 {
        self.check(at, 4);
        // SAFETY: as in `half`.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// At multiples of 8.
    pub fn long(&self, at: usize) -> &AtomicU64 {
        self.check(at, 8);
        // SAFETY: as in `half`.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast()) }
    }

    /// The mapping begins at a page, so that what is aligned in it is aligned.
    fn check(&self, at: usize, size: usize) {
        let fits = at.checked_add(size).is_some_and(|end| end <= self.len);
        assert!(
            fits && at.is_multiple_of(size),
            "{size} bytes at {at} of {}",
            self.len
        );
    }
}

impl Drop for BpfMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nothing borrows any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

//! Counts what the threads of this process ask of the allocator and of the kernel, those of the test itself excepted.
//! The functions here take the place of the C library's for the whole test binary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{c_int, c_long, c_uint, c_void, epoll_event, mmsghdr, size_t, ssize_t, timespec};

/// Of all threads that are not exempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub allocations: u64,
    recvmmsg: u64,
    sendmmsg: u64,
    read: u64,
    write: u64,
    /// Those that found something. How often a thread looks in vain before it sleeps is a matter of time.
    epoll_wait: u64,
}

pub fn exempt_this_thread() {
    EXEMPT.set(true);
}

pub fn counts() -> Counts {
    let value = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    Counts {
        allocations: value(&ALLOCATIONS),
        recvmmsg: value(&RECVMMSG),
        sendmmsg: value(&SENDMMSG),
        read: value(&READ),
        write: value(&WRITE),
        epoll_wait: value(&EPOLL_WAIT),
    }
}

impl Counts {
    pub fn since(&self, before: &Counts) -> Counts {
        self.with(before, |now, before| now - before)
    }

    pub fn max(self, other: Counts) -> Counts {
        self.with(&other, u64::max)
    }

    fn with(&self, other: &Counts, join: impl Fn(u64, u64) -> u64) -> Counts {
        Counts {
            allocations: join(self.allocations, other.allocations),
            recvmmsg: join(self.recvmmsg, other.recvmmsg),
            sendmmsg: join(self.sendmmsg, other.sendmmsg),
            read: join(self.read, other.read),
            write: join(self.write, other.write),
            epoll_wait: join(self.epoll_wait, other.epoll_wait),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "recvmmsg {}, sendmmsg {}, read {}, write {}, epoll_wait with news {}",
            self.recvmmsg, self.sendmmsg, self.read, self.write, self.epoll_wait
        )
    }
}

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static RECVMMSG: AtomicU64 = AtomicU64::new(0);
static SENDMMSG: AtomicU64 = AtomicU64::new(0);
static READ: AtomicU64 = AtomicU64::new(0);
static WRITE: AtomicU64 = AtomicU64::new(0);
static EPOLL_WAIT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

fn count(counter: &AtomicU64) {
    if !EXEMPT.get() {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

struct CountingAllocator;

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATIONS);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// SAFETY: the name and signature of the C library's function, and the same system call.
#[unsafe(no_mangle)]
unsafe extern "C" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    count(&RECVMMSG);
    // SAFETY: the caller keeps the contract of recvmmsg.
    unsafe { libc::syscall(libc::SYS_recvmmsg, fd, messages, len, flags, timeout) as c_int }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    len: c_uint,
    flags: c_int,
) -> c_int {
    count(&SENDMMSG);
    // SAFETY: the caller keeps the contract of sendmmsg.
    unsafe { libc::syscall(libc::SYS_sendmmsg, fd, messages, len, flags) as c_int }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, into: *mut c_void, len: size_t) -> ssize_t {
    count(&READ);
    // SAFETY: the caller keeps the contract of read.
    unsafe { libc::syscall(libc::SYS_read, fd, into, len) as ssize_t }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    count(&WRITE);
    // SAFETY: the caller keeps the contract of write.
    unsafe { libc::syscall(libc::SYS_write, fd, from, len) as ssize_t }
}

// SAFETY: as above; epoll_pwait without a mask, because not every architecture has the plain call.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    fd: c_int,
    events: *mut epoll_event,
    len: c_int,
    timeout: c_int,
) -> c_int {
    let no_mask = std::ptr::null::<c_void>();
    // SAFETY: the caller keeps the contract of epoll_wait; without a mask its size is not looked at.
    let found: c_long =
        unsafe { libc::syscall(libc::SYS_epoll_pwait, fd, events, len, timeout, no_mask, 0) };
    if found > 0 {
        count(&EPOLL_WAIT);
    }
    found as c_int
}

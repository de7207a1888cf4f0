use std::ffi::c_int;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::error::{IoError, last_errno};

/// Wakes a sleeping thread: an eventfd that is readable once `wake` was called.
pub struct Waker {
    fd: OwnedFd,
}

impl Waker {
    pub fn new() -> Result<Waker, IoError> {
        // SAFETY: eventfd takes plain integers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(IoError::last("create an eventfd"));
        }
        // SAFETY: eventfd has just made this descriptor and nothing else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Waker { fd })
    }

    /// From any thread; many calls before the sleeper wakes are one.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes. A full counter (EAGAIN) is a wake-up that is already pending.
        unsafe { libc::write(self.fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes the descriptor quiet until the next `wake`.
    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight writable bytes. Nothing pending is EAGAIN.
        unsafe { libc::read(self.fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

/// Descriptors that can be waited for, each with a token of the caller's.
pub struct Poller {
    epoll: OwnedFd,
    events: Box<[libc::epoll_event]>,
}

impl Poller {
    pub fn new(capacity: usize) -> Result<Poller, IoError> {
        // SAFETY: epoll_create1 takes a plain integer.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(IoError::last("create an epoll descriptor"));
        }
        // SAFETY: epoll_create1 has just made this descriptor and nothing else owns it.
        let epoll = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Poller {
            epoll,
            events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)].into(),
        })
    }

    /// Reports `token` whenever `fd` is readable (level triggered).
    pub fn add(&self, fd: &OwnedFd, token: u64) -> Result<(), IoError> {
        self.control(fd, libc::EPOLL_CTL_ADD, libc::EPOLLIN as u32, token)
            .map_err(|errno| IoError::new(errno, "watch a descriptor with epoll"))
    }

    /// The same for a stream: reports it when it is readable, with `writable` also when it has room again.
    pub fn watch(
        &self,
        fd: &OwnedFd,
        token: u64,
        writable: bool,
        known: bool,
    ) -> Result<(), IoError> {
        let operation = if known {
            libc::EPOLL_CTL_MOD
        } else {
            libc::EPOLL_CTL_ADD
        };
        let room = if writable { libc::EPOLLOUT } else { 0 };
        self.control(fd, operation, (libc::EPOLLIN | room) as u32, token)
            .map_err(|errno| IoError::new(errno, "watch a connection with epoll"))
    }

    /// Stops reports of `fd` altogether, errors and hang-ups included.
    pub fn remove(&self, fd: &OwnedFd) {
        // A descriptor that is not in the set is as quiet as one that was removed.
        let _ = self.control(fd, libc::EPOLL_CTL_DEL, 0, 0);
    }

    /// Readable while something in the set is ready: one set can be watched by another.
    pub fn fd(&self) -> &OwnedFd {
        &self.epoll
    }

    /// Waits until something is readable, `timeout` is over (`None`: for ever) or a signal came, and hands the tokens to `ready`.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut ready: impl FnMut(u64),
    ) -> Result<(), IoError> {
        let timeout = timeout.map_or(-1, round_up_ms);
        let capacity = self.events.len() as c_int;
        // SAFETY: events has room for `capacity` entries and is exclusively ours during the call.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                capacity,
                timeout,
            )
        };
        if count < 0 {
            let errno = last_errno();
            return if errno == libc::EINTR {
                Ok(())
            } else {
                Err(IoError::new(errno, "wait with epoll"))
            };
        }
        for event in self.events.iter().take(count as usize) {
            ready(event.u64);
        }
        Ok(())
    }

    fn control(
        &self,
        fd: &OwnedFd,
        operation: c_int,
        events: u32,
        token: u64,
    ) -> Result<(), c_int> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: event outlives the call.
        let rc = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &mut event,
            )
        };
        if rc == 0 { Ok(()) } else { Err(last_errno()) }
    }
}

fn round_up_ms(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_seen_until_cleared() {
        let waker = Waker::new().expect("eventfd");
        let mut poller = Poller::new(4).expect("epoll");
        poller.add(waker.fd(), 7).expect("add");
        let mut seen = Vec::new();
        poller
            .wait(Some(Duration::ZERO), |token| seen.push(token))
            .expect("wait");
        assert!(seen.is_empty());
        waker.wake();
        waker.wake();
        poller.wait(None, |token| seen.push(token)).expect("wait");
        assert_eq!(seen, [7]);
        waker.clear();
        poller
            .wait(Some(Duration::ZERO), |token| seen.push(token))
            .expect("wait");
        assert_eq!(seen, [7]);
    }
}

use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::last_errno;

/// Largest frame of a TUN: virtio-net header and a packet of 64 KB.
pub const MAX_FRAME: usize = 10 + 65_535;

/// One queue of a TUN device.
pub struct TunQueue {
    fd: OwnedFd,
}

impl TunQueue {
    pub fn new(fd: OwnedFd) -> TunQueue {
        TunQueue { fd }
    }

    /// One frame: virtio-net header, then a packet or superpacket. `Ok(0)`: nothing there; else the errno.
    pub fn read(&self, into: &mut [u8]) -> Result<usize, i32> {
        // SAFETY: into.len() writable bytes.
        let got = unsafe { libc::read(self.fd.as_raw_fd(), into.as_mut_ptr().cast(), into.len()) };
        match got {
            0.. => Ok(got as usize),
            _ if matches!(last_errno(), libc::EAGAIN | libc::EINTR) => Ok(0),
            _ => Err(last_errno()),
        }
    }

    /// Writes one frame; the errno when it was not taken.
    pub fn write(&self, frame: &[u8]) -> Result<(), i32> {
        // SAFETY: frame.len() readable bytes.
        let put = unsafe { libc::write(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len()) };
        if put < 0 { Err(last_errno()) } else { Ok(()) }
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

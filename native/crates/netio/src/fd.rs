use std::ffi::{c_int, c_ulong};
use std::mem::size_of_val;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::error::IoError;

/// A file descriptor of one's own for an open file that somebody else keeps, too.
pub fn duplicate(raw: RawFd, what: &str) -> Result<OwnedFd, IoError> {
    // SAFETY: F_DUPFD_CLOEXEC takes plain integers; an invalid descriptor is EBADF.
    let fd = unsafe { libc::fcntl(raw, libc::F_DUPFD_CLOEXEC, 0) };
    if fd < 0 {
        return Err(IoError::last(format!("duplicate the descriptor of {what}")));
    }
    // SAFETY: fcntl has just made this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Closes descriptors whose numbers crossed a language border; unknown ones are left alone.
pub fn close_all(fds: &[RawFd]) {
    for &fd in fds {
        // SAFETY: close takes a plain integer. The caller of the border names only descriptors that it was given.
        unsafe { libc::close(fd) };
    }
}

/// A socket that is non-blocking and closed on exec.
pub(crate) fn open_socket(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    action: &str,
) -> Result<OwnedFd, IoError> {
    // SAFETY: socket takes plain integers.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(IoError::last(action));
    }
    // SAFETY: socket has just made this descriptor and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets a socket option whose value is a plain structure; the errno on failure.
pub(crate) fn set_option<T: Copy>(
    fd: &OwnedFd,
    level: c_int,
    name: c_int,
    value: &T,
) -> Result<(), c_int> {
    let len = size_of_val(value) as libc::socklen_t;
    // SAFETY: value points to len readable bytes for the duration of the call.
    let rc = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    if rc == 0 {
        Ok(())
    } else {
        Err(crate::error::last_errno())
    }
}

/// An integer socket option; 0 when the kernel does not know it.
pub(crate) fn int_option(fd: &OwnedFd, level: c_int, name: c_int) -> c_int {
    let [value] = int_options::<1>(fd, level, name);
    value
}

/// A socket option of several integers; 0 for those that the kernel does not know.
pub(crate) fn int_options<const COUNT: usize>(
    fd: &OwnedFd,
    level: c_int,
    name: c_int,
) -> [c_int; COUNT] {
    let mut values = [0; COUNT];
    let mut len = size_of_val(&values) as libc::socklen_t;
    // SAFETY: values has room for len bytes and both outlive the call.
    let rc = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            values.as_mut_ptr().cast(),
            &mut len,
        )
    };
    if rc == 0 { values } else { [0; COUNT] }
}

/// An ioctl that reads or writes one plain structure.
///
/// # Safety
/// `request` must be one that accesses at most `size_of::<T>()` bytes behind its argument and keeps no pointer to it.
pub(crate) unsafe fn ioctl<T>(
    fd: &OwnedFd,
    request: c_ulong,
    argument: &mut T,
) -> Result<(), c_int> {
    // SAFETY: the caller vouches for the request; argument is exclusively borrowed for the duration of the call.
    let rc = unsafe { libc::ioctl(fd.as_raw_fd(), request as _, std::ptr::from_mut(argument)) };
    if rc >= 0 {
        Ok(())
    } else {
        Err(crate::error::last_errno())
    }
}

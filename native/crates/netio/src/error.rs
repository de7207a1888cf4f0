use std::ffi::c_int;
use std::fmt;
use std::io;

/// A refused system call: what was being done, and the kernel's reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    errno: c_int,
    action: String,
}

impl IoError {
    /// `action` completes "cannot ...".
    pub fn new(errno: c_int, action: impl Into<String>) -> IoError {
        IoError {
            errno,
            action: action.into(),
        }
    }

    /// The error of the system call made last on this thread.
    pub fn last(action: impl Into<String>) -> IoError {
        IoError::new(last_errno(), action)
    }

    /// The caller asked for something that makes no sense.
    pub fn invalid(action: impl Into<String>) -> IoError {
        IoError::new(libc::EINVAL, action)
    }

    /// Somebody has it already.
    pub fn busy(action: impl Into<String>) -> IoError {
        IoError::new(libc::EBUSY, action)
    }

    /// Somebody does not answer.
    pub fn timed_out(action: impl Into<String>) -> IoError {
        IoError::new(libc::ETIMEDOUT, action)
    }

    pub fn errno(&self) -> c_int {
        self.errno
    }

    /// Symbolic name, `EADDRINUSE`; `EUNKNOWN` for one that nothing here can cause.
    pub fn code(&self) -> &'static str {
        NAMES
            .iter()
            .find(|(errno, _)| *errno == self.errno)
            .map_or("EUNKNOWN", |(_, name)| name)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = io::Error::from_raw_os_error(self.errno).to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default();
        write!(f, "cannot {}: {} ({})", self.action, reason, self.code())
    }
}

impl std::error::Error for IoError {}

/// `errno` of the system call made last on this thread.
pub fn last_errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

const NAMES: &[(c_int, &str)] = &[
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::EINTR, "EINTR"),
    (libc::EIO, "EIO"),
    (libc::ENXIO, "ENXIO"),
    (libc::EBADF, "EBADF"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EACCES, "EACCES"),
    (libc::EPIPE, "EPIPE"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::ENODEV, "ENODEV"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENFILE, "ENFILE"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENOTTY, "ENOTTY"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::EBADFD, "EBADFD"),
    (libc::EMSGSIZE, "EMSGSIZE"),
    (libc::ENOPROTOOPT, "ENOPROTOOPT"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    (libc::EADDRINUSE, "EADDRINUSE"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::ENETDOWN, "ENETDOWN"),
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::ENOBUFS, "ENOBUFS"),
    (libc::ECONNRESET, "ECONNRESET"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_done_and_why_it_failed() {
        let error = IoError::new(libc::EACCES, "open /dev/net/tun");
        assert_eq!(error.code(), "EACCES");
        assert_eq!(
            error.to_string(),
            "cannot open /dev/net/tun: Permission denied (EACCES)"
        );
    }
}

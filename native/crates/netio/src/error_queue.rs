//! What ICMP tells about datagrams that were sent.
//!
//! The kernel hands every such error to the next call on the socket, whichever address that call is for, and keeps a
//! record in the socket's error queue, for which epoll reports the socket until it is read.

use std::ffi::c_int;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, OwnedFd};

/// Whether a call on a UDP socket has only met what ICMP told about an earlier datagram.
pub(crate) fn is_told_by_icmp(errno: c_int) -> bool {
    matches!(
        errno,
        libc::ECONNREFUSED
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EPROTO
            | libc::EACCES
            | libc::EMSGSIZE
    )
}

/// Empties the error queue, and with it the socket's pending error; how many records there were, at most `MAX_RECORDS`.
pub(crate) fn drain_errors(socket: &OwnedFd) -> u64 {
    // SAFETY: integers and pointers only, for which all zero bits are valid.
    let mut header: libc::msghdr = unsafe { zeroed() };
    let mut records = 0;
    while records < MAX_RECORDS {
        // SAFETY: a header without buffers: the kernel writes to its own fields only.
        let got = unsafe {
            libc::recvmsg(
                socket.as_raw_fd(),
                &mut header,
                libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT,
            )
        };
        if got < 0 {
            break;
        }
        records += 1;
    }
    records
}

/// What is left is reported again.
const MAX_RECORDS: u64 = 64;

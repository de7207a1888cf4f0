//! One TCP connection: accepted, read and written without ever waiting.

use std::ffi::c_int;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::error::last_errno;
use crate::fd::set_option;
use crate::sockaddr::{RAW_ADDR_LEN, RawAddr};

/// What became of a call that does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Bytes, at least one.
    Bytes(usize),
    /// Nothing to be read, or no room to write: later.
    Later,
    /// The other side has closed its end, or the connection has failed.
    Ended,
}

/// What `accept` has found.
pub enum Accepted {
    Connection(OwnedFd, SocketAddr),
    /// One that was gone again, or has no usable address.
    Lost,
    /// Nobody waits.
    None,
    /// The errno: out of descriptors or memory, mostly.
    Failed(c_int),
}

/// Takes the next connection that waits at a listening socket.
pub fn accept(listener: &OwnedFd) -> Accepted {
    let mut raw = RawAddr::empty();
    let mut len = RAW_ADDR_LEN;
    // SAFETY: raw has room for len bytes and both outlive the call.
    let fd = unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            std::ptr::from_mut(&mut raw).cast(),
            &mut len,
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    };
    if fd < 0 {
        return match last_errno() {
            libc::EAGAIN => Accepted::None,
            libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => {
                Accepted::Failed(last_errno())
            }
            libc::EBADF | libc::EINVAL | libc::ENOTSOCK => Accepted::Failed(last_errno()),
            // What has happened to a connection before it was taken is told here. [accept(2)]
            _ => Accepted::Lost,
        };
    }
    // SAFETY: accept4 has just made this descriptor and nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    match raw.decode() {
        Some(addr) => Accepted::Connection(socket, plain(addr)),
        None => Accepted::Lost,
    }
}

/// Small packets leave at once (`tcp-nodelay`).
pub fn set_no_delay(socket: &OwnedFd, on: bool) {
    // A connection that has failed meanwhile says so at its next use.
    let _ = set_option(
        socket,
        libc::IPPROTO_TCP,
        libc::TCP_NODELAY,
        &c_int::from(on),
    );
}

/// Reads what is there into `buffer`, which must not be empty.
pub fn read(socket: &OwnedFd, buffer: &mut [u8]) -> Moved {
    loop {
        // SAFETY: buffer is exclusively ours for its length during the call.
        let count = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
            )
        };
        match count {
            0 => return Moved::Ended,
            1.. => return Moved::Bytes(count as usize),
            _ => match last_errno() {
                libc::EINTR => {}
                libc::EAGAIN => return Moved::Later,
                _ => return Moved::Ended,
            },
        }
    }
}

/// Writes the front of `bytes`, which must not be empty.
pub fn write(socket: &OwnedFd, bytes: &[u8]) -> Moved {
    loop {
        // SAFETY: bytes are readable for their length during the call.
        let count = unsafe {
            libc::send(
                socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        match count {
            1.. => return Moved::Bytes(count as usize),
            0 => return Moved::Later,
            _ => match last_errno() {
                libc::EINTR => {}
                libc::EAGAIN | libc::ENOBUFS => return Moved::Later,
                _ => return Moved::Ended,
            },
        }
    }
}

/// Whether this is a connection, and not a socket of datagrams.
pub fn is_stream(socket: &OwnedFd) -> bool {
    crate::fd::int_option(socket, libc::SOL_SOCKET, libc::SO_TYPE) == libc::SOCK_STREAM
}

/// Addresses are compared: no scope, and IPv4 as such.
fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

use std::ffi::{c_int, c_short, c_void};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::error::{IoError, last_errno};

/// What one process tells another: bytes, and descriptors of open files.
#[derive(Debug, Default)]
pub struct Message {
    pub bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// Two connected ends, for two processes of one user: nobody else can reach them.
pub fn channel() -> Result<(OwnedFd, OwnedFd), IoError> {
    let mut fds: [c_int; 2] = [0; 2];
    // SAFETY: the call writes two integers.
    let rc = unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    };
    if rc != 0 {
        return Err(IoError::last("make a pair of sockets"));
    }
    // SAFETY: the call has just made both descriptors and nothing else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Sends bytes and duplicates of descriptors within `limit`.
pub fn send(
    channel: &OwnedFd,
    bytes: &[u8],
    fds: &[RawFd],
    limit: Duration,
) -> Result<(), IoError> {
    let deadline = Instant::now() + limit;
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(&MAGIC.to_le_bytes());
    header[4..8].copy_from_slice(&(fds.len() as u32).to_le_bytes());
    header[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    send_all(channel, &header, &[], deadline)?;
    for batch in fds.chunks(MAX_FDS) {
        send_all(channel, &[0], batch, deadline)?;
    }
    send_all(channel, bytes, &[], deadline)
}

/// The next message within `limit`; `None` when the other end is closed.
pub fn receive(channel: &OwnedFd, limit: Duration) -> Result<Option<Message>, IoError> {
    let deadline = Instant::now() + limit;
    let mut header = [0; HEADER_LEN];
    let mut fds = Vec::new();
    if receive_some(channel, &mut header[..1], &mut fds, deadline)? == 0 {
        return Ok(None);
    }
    receive_all(channel, &mut header[1..], &mut fds, deadline)?;
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
    let (magic, count) = (word(0), word(4) as usize);
    let len = u64::from(word(8)) | u64::from(word(12)) << 32;
    if magic != MAGIC || !fds.is_empty() || count > MOST_FDS || len > MOST_BYTES {
        return Err(malformed());
    }
    let mut batches = count.div_ceil(MAX_FDS);
    while batches > 0 {
        receive_all(channel, &mut [0], &mut fds, deadline)?;
        batches -= 1;
    }
    let expected = fds.len();
    let mut bytes = vec![0; len as usize];
    receive_all(channel, &mut bytes, &mut fds, deadline)?;
    if fds.len() != count || expected != count {
        return Err(malformed());
    }
    Ok(Some(Message { bytes, fds }))
}

const MAGIC: u32 = 0x5055_5653;
const HEADER_LEN: usize = 16;
/// The kernel takes at most 253 with one message.
const MAX_FDS: usize = 200;
const MOST_FDS: usize = 1 << 16;
const MOST_BYTES: u64 = 1 << 30;
const CONTROL_LEN: usize = 16 + MAX_FDS * size_of::<c_int>();

/// Aligned as the headers inside want it.
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

fn send_all(
    channel: &OwnedFd,
    mut bytes: &[u8],
    fds: &[RawFd],
    deadline: Instant,
) -> Result<(), IoError> {
    let mut control = Control([0; CONTROL_LEN]);
    let mut control_len = encode_fds(&mut control, fds);
    while !bytes.is_empty() {
        let mut part = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(),
            iov_len: bytes.len(),
        };
        let message = message_of(&mut part, &mut control, control_len);
        // SAFETY: the message points to bytes and control, which outlive the call; it only reads them.
        let sent = unsafe {
            libc::sendmsg(
                channel.as_raw_fd(),
                &message,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        match sent {
            0.. => {
                bytes = &bytes[sent as usize..];
                control_len = 0;
            }
            _ if must_wait() => wait(channel, libc::POLLOUT, deadline, "send")?,
            _ => return Err(IoError::last("send to the other process")),
        }
    }
    Ok(())
}

fn receive_all(
    channel: &OwnedFd,
    mut into: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Instant,
) -> Result<(), IoError> {
    while !into.is_empty() {
        let got = receive_some(channel, into, fds, deadline)?;
        if got == 0 {
            return Err(IoError::new(
                libc::ECONNRESET,
                "hear the other process to its end",
            ));
        }
        into = &mut into[got..];
    }
    Ok(())
}

/// At least one byte, or 0 at the end.
fn receive_some(
    channel: &OwnedFd,
    into: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Instant,
) -> Result<usize, IoError> {
    let mut control = Control([0; CONTROL_LEN]);
    loop {
        let mut part = libc::iovec {
            iov_base: into.as_mut_ptr().cast(),
            iov_len: into.len(),
        };
        let mut message = message_of(&mut part, &mut control, CONTROL_LEN);
        // SAFETY: the message points to `into` and control, which outlive the call and are exclusively ours.
        let got = unsafe {
            libc::recvmsg(
                channel.as_raw_fd(),
                &mut message,
                libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC,
            )
        };
        match got {
            0.. => {
                take_fds(&message, fds);
                if message.msg_flags & libc::MSG_CTRUNC != 0 {
                    return Err(IoError::new(
                        libc::EMFILE,
                        "take the descriptors of the other process",
                    ));
                }
                return Ok(got as usize);
            }
            _ if must_wait() => wait(channel, libc::POLLIN, deadline, "hear")?,
            _ if last_errno() == libc::ECONNRESET => return Ok(0),
            _ => return Err(IoError::last("hear the other process")),
        }
    }
}

fn message_of(part: &mut libc::iovec, control: &mut Control, control_len: usize) -> libc::msghdr {
    // SAFETY: integers and pointers only, for which all zero bits are valid.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    if control_len > 0 {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control_len as _;
    }
    message
}

/// One control message with the descriptors; its length, 0 without any.
fn encode_fds(control: &mut Control, fds: &[RawFd]) -> usize {
    if fds.is_empty() {
        return 0;
    }
    let header = size_of::<libc::cmsghdr>();
    let len = header + size_of_val(fds);
    control.0[..8].copy_from_slice(&(len as u64).to_ne_bytes());
    control.0[8..12].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
    control.0[12..16].copy_from_slice(&libc::SCM_RIGHTS.to_ne_bytes());
    for (slot, fd) in control.0[header..].chunks_exact_mut(4).zip(fds) {
        slot.copy_from_slice(&fd.to_ne_bytes());
    }
    len
}

fn take_fds(message: &libc::msghdr, fds: &mut Vec<OwnedFd>) {
    // SAFETY: the kernel has filled in the control part of this message, whose memory is still borrowed by the caller.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !control.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return headers that lie inside the control part.
        let header = unsafe { *control };
        if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            let count = (header.cmsg_len as usize - size_of::<libc::cmsghdr>()) / 4;
            for index in 0..count {
                // SAFETY: the control message holds count integers, each a descriptor that is now this process's own.
                let fd = unsafe {
                    libc::CMSG_DATA(control)
                        .cast::<c_int>()
                        .add(index)
                        .read_unaligned()
                };
                // SAFETY: as above; nothing else owns it.
                fds.push(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
}

fn must_wait() -> bool {
    matches!(last_errno(), libc::EAGAIN | libc::EINTR)
}

fn wait(channel: &OwnedFd, events: c_short, deadline: Instant, verb: &str) -> Result<(), IoError> {
    let rest = deadline.saturating_duration_since(Instant::now());
    let mut entry = libc::pollfd {
        fd: channel.as_raw_fd(),
        events,
        revents: 0,
    };
    let millis = c_int::try_from(rest.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: one pollfd that outlives the call.
    let ready = unsafe { libc::poll(&mut entry, 1, millis) };
    match ready {
        0 => Err(IoError::new(
            libc::ETIMEDOUT,
            format!("{verb} the other process in time"),
        )),
        1.. => Ok(()),
        _ if last_errno() == libc::EINTR => Ok(()),
        _ => Err(IoError::last("wait for the other process")),
    }
}

fn malformed() -> IoError {
    IoError::invalid("understand the other process")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn bytes_and_open_files_arrive_in_order() {
        let (ours, theirs) = channel().unwrap();
        let (mut kept, given) = UnixStream::pair().unwrap();
        let many = vec![given.as_raw_fd(); 450];
        let big: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let sent = big.clone();
        let sender = thread::spawn(move || {
            send(&ours, b"first", &[], LONG).unwrap();
            send(&ours, &sent, &many, LONG).unwrap();
            send(&ours, b"", &[], LONG).unwrap();
            drop(given);
        });
        assert_eq!(receive(&theirs, LONG).unwrap().unwrap().bytes, b"first");
        let message = receive(&theirs, LONG).unwrap().unwrap();
        assert!(message.bytes == big);
        assert_eq!(message.fds.len(), 450);
        assert_eq!(receive(&theirs, LONG).unwrap().unwrap().bytes, b"");
        sender.join().unwrap();
        assert!(receive(&theirs, LONG).unwrap().is_none());
        let mut copies: Vec<_> = message.fds.into_iter().map(UnixStream::from).collect();
        copies[449].write_all(b"hello").unwrap();
        copies.clear();
        let mut text = String::new();
        kept.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn silence_a_broken_end_and_nonsense_are_errors() {
        let (ours, theirs) = channel().unwrap();
        let late = receive(&theirs, Duration::from_millis(20)).unwrap_err();
        assert_eq!(late.errno(), libc::ETIMEDOUT);
        let mut ours = UnixStream::from(ours);
        ours.write_all(&[0; HEADER_LEN]).unwrap();
        assert_eq!(receive(&theirs, LONG).unwrap_err().errno(), libc::EINVAL);
        ours.write_all(&MAGIC.to_le_bytes()).unwrap();
        drop(ours);
        assert_eq!(
            receive(&theirs, LONG).unwrap_err().errno(),
            libc::ECONNRESET
        );
        assert_eq!(
            send(&theirs, b"x", &[], LONG).unwrap_err().errno(),
            libc::EPIPE
        );
    }
}

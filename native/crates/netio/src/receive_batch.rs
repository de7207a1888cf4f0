use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::last_errno;
use crate::error_queue::{drain_errors, is_told_by_icmp};
use crate::sockaddr::{RAW_ADDR_LEN, RawAddr};

/// Room of one message's control data: UDP_GRO (an int) and SO_RXQ_OVFL (a u32), 24 bytes each with their headers, and
/// IP_PKTINFO or IPV6_PKTINFO, at most 40.
const CONTROL_LEN: usize = 88;

/// Buffers of one `recvmmsg`, used again and again.
///
/// With UDP_GRO a few buffers of 64 KB, each holding up to 64 datagrams of one sender; without it many, each for one
/// datagram of whatever size the tunnel's MTU allows.
pub struct ReceiveBatch {
    slot_len: usize,
    bytes: Box<[u8]>,
    addrs: Box<[RawAddr]>,
    control: Box<[Control]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    filled: usize,
    /// What ICMP has told about datagrams that were sent.
    pub unreachable: u64,
}

// SAFETY: the raw pointers in vectors and headers point into boxes of this value, and are set anew before each use.
unsafe impl Send for ReceiveBatch {}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_LEN]);

/// One received buffer: datagrams of `segment` bytes each, the last one may be shorter.
pub struct Received<'a> {
    pub from: SocketAddr,
    pub segment: usize,
    pub bytes: &'a mut [u8],
    /// Datagrams that the socket has lost since it was opened, when the kernel says so.
    pub lost: Option<u32>,
    /// The address of this machine that it was sent to and the index of the device that it came by, where the socket was
    /// told to say so.
    pub local: Option<(IpAddr, u32)>,
}

impl ReceiveBatch {
    pub fn for_gro() -> ReceiveBatch {
        ReceiveBatch::new(8, 65_536)
    }

    /// The memory behind what no datagram has ever filled is not touched.
    pub fn for_single_datagrams() -> ReceiveBatch {
        ReceiveBatch::new(64, 65_536)
    }

    fn new(slots: usize, slot_len: usize) -> ReceiveBatch {
        // SAFETY: iovec and mmsghdr are integers and pointers, for which all zero bits are valid.
        let (vector, header) = unsafe { (zeroed::<libc::iovec>(), zeroed::<libc::mmsghdr>()) };
        ReceiveBatch {
            slot_len,
            bytes: vec![0; slots * slot_len].into(),
            addrs: vec![RawAddr::empty(); slots].into(),
            control: vec![Control([0; CONTROL_LEN]); slots].into(),
            vectors: vec![vector; slots].into(),
            headers: vec![header; slots].into(),
            filled: 0,
            unreachable: 0,
        }
    }

    /// Messages that one call can take; fewer mean that the socket was empty.
    pub fn capacity(&self) -> usize {
        self.headers.len()
    }

    /// Takes what the socket has, without waiting; the number of messages, or the errno. What ICMP tells is nothing to
    /// stop for, but epoll reports it until it is read.
    pub fn receive(&mut self, socket: &OwnedFd) -> Result<usize, i32> {
        self.filled = 0;
        self.point_headers();
        let slots = self.headers.len() as libc::c_uint;
        let no_timeout = std::ptr::null_mut();
        // SAFETY: point_headers has just set every pointer to live memory of this value with its true length.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                slots,
                libc::MSG_DONTWAIT as _,
                no_timeout,
            )
        };
        match count {
            0.. => self.filled = count as usize,
            _ => match last_errno() {
                libc::EINTR => {}
                libc::EAGAIN => self.unreachable += drain_errors(socket),
                // At least one: the kernel keeps no record when memory is short.
                errno if is_told_by_icmp(errno) => {
                    self.unreachable += drain_errors(socket).max(1);
                }
                errno => return Err(errno),
            },
        }
        Ok(self.filled)
    }

    /// Of all messages of the last `receive`.
    pub fn bytes(&self) -> usize {
        let headers = &self.headers[..self.filled];
        headers.iter().map(|header| header.msg_len as usize).sum()
    }

    /// Message `index` of the last `receive`; `None` for one from nowhere or longer than its buffer.
    pub fn message(&mut self, index: usize) -> Option<Received<'_>> {
        let header = self.headers[..self.filled].get(index)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let from = self.addrs[index].decode()?;
        let len = (header.msg_len as usize).min(self.slot_len);
        let control_len = header.msg_hdr.msg_controllen.min(CONTROL_LEN);
        let notes = Notes::decode(&self.control[index].0[..control_len]);
        let start = index * self.slot_len;
        let segment = notes
            .gro_size
            .filter(|size| *size > 0)
            .unwrap_or(len)
            .max(1);
        Some(Received {
            from,
            segment,
            bytes: &mut self.bytes[start..start + len],
            lost: notes.lost,
            local: notes.local,
        })
    }

    fn point_headers(&mut self) {
        let slots = self
            .bytes
            .chunks_exact_mut(self.slot_len)
            .zip(&mut self.addrs)
            .zip(&mut self.control);
        for (((bytes, addr), control), (vector, header)) in
            slots.zip(self.vectors.iter_mut().zip(&mut self.headers))
        {
            *vector = libc::iovec {
                iov_base: bytes.as_mut_ptr().cast(),
                iov_len: bytes.len(),
            };
            header.msg_hdr.msg_name = std::ptr::from_mut(addr).cast();
            header.msg_hdr.msg_namelen = RAW_ADDR_LEN;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_LEN;
            header.msg_hdr.msg_flags = 0;
        }
    }
}

#[derive(Default)]
struct Notes {
    gro_size: Option<usize>,
    lost: Option<u32>,
    local: Option<(IpAddr, u32)>,
}

impl Notes {
    /// Control messages: `usize len | i32 level | i32 type | data`, padded to 8; `len` counts its header of 16 bytes.
    fn decode(mut bytes: &[u8]) -> Notes {
        const HEADER: usize = 16;
        let mut notes = Notes::default();
        while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
            let word = |at: usize| {
                i32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
            };
            let len = word(0) as usize;
            let Some(data) = bytes.get(HEADER..len) else {
                break;
            };
            if let Some(value) = data.first_chunk::<4>() {
                match (word(8), word(12)) {
                    (libc::SOL_UDP, libc::UDP_GRO) => {
                        notes.gro_size = Some(i32::from_ne_bytes(*value) as usize)
                    }
                    (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                        notes.lost = Some(u32::from_ne_bytes(*value))
                    }
                    _ => notes.local = notes.local.or(local_of((word(8), word(12)), data)),
                }
            }
            bytes = bytes.get(len.next_multiple_of(8)..).unwrap_or_default();
        }
        notes
    }
}

/// `in_pktinfo`: `i32 device | ip[4] to answer from | ip[4] as in the header`. `in6_pktinfo`: `ip[16] | i32 device`.
fn local_of(kind: (i32, i32), data: &[u8]) -> Option<(IpAddr, u32)> {
    match kind {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            let (device, rest) = data.split_first_chunk::<4>()?;
            let ip = rest.first_chunk::<4>()?;
            Some((IpAddr::from(*ip), u32::from_ne_bytes(*device)))
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let (ip, rest) = data.split_first_chunk::<16>()?;
            let device = rest.first_chunk::<4>()?;
            Some((IpAddr::from(*ip), u32::from_ne_bytes(*device)))
        }
        _ => None,
    }
}

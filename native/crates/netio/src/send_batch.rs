use std::ffi::c_int;
use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::last_errno;
use crate::error_queue::{drain_errors, is_told_by_icmp};
use crate::send_notes::SendNotes;
use crate::sockaddr::RawAddr;

/// Segments that every kernel with UDP_SEGMENT takes in one message.
const MAX_SEGMENTS: usize = 64;
/// Bytes of one message: the largest UDP payload over IPv4.
const MAX_MESSAGE: usize = 65_507;
/// Bytes of a run of segments. With Ethernet, two VLAN tags, IPv6 and UDP in front it stays below the 64 KB from which on
/// devices want it cut by the CPU, which costs more than all the rest of sending it.
const MAX_RUN: usize = 65_535 - 14 - 8 - 40 - 8;
/// Messages of one `sendmmsg`.
const MAX_MESSAGES: usize = 64;
/// Bytes in flight: eight full messages, so that one turn of the loop mostly is one call.
const ARENA: usize = 8 * MAX_MESSAGE;
/// Superpackets refused in a row after which the refusal is taken as meant for all paths.
const REFUSALS_TO_GIVE_UP: u32 = 64;

/// Datagrams on their way out, laid one behind the other.
///
/// Neighbours of one size to one address become one UDP_SEGMENT message; a shorter one ends it. A message only ever
/// grows at the end of the batch, so the order of each flow holds by construction.
pub struct SendBatch {
    arena: Box<[u8]>,
    used: usize,
    reserved: usize,
    messages: Vec<Message>,
    calls: Box<Calls>,
    segmentation: Segmentation,
    /// The last refusal may have been about an earlier datagram's length, or about that of the message itself.
    in_doubt: bool,
    /// The last refusal may have been about an earlier datagram, of which ICMP has told without a record.
    unexplained: bool,
    pub counters: SendCounters,
}

/// What became of the datagrams, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCounters {
    pub calls: u64,
    pub datagrams: u64,
    pub bytes: u64,
    /// No room in the socket or the device (EAGAIN, ENOBUFS).
    pub no_room: u64,
    /// No way to the address, a firewall, or any other refusal.
    pub refused: u64,
    /// What ICMP has told about datagrams sent earlier.
    pub unreachable: u64,
    /// Superpackets that the kernel refused as such, mostly for a segment above the path's MTU; they went as single
    /// datagrams.
    pub gso_refused: u64,
    /// 1 once segmentation was refused so often that it was given up.
    pub gso_given_up: u64,
}

enum Verdict {
    /// Nothing to do with this message: the same call once more.
    Again,
    /// The socket's buffer is full, for whatever comes next as well.
    SocketFull,
    /// A queue on the way of this message is full; others may take another way.
    DeviceFull,
    Refused,
}

/// How a datagram leaves, beside its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The address of this machine that it comes from, and the index of the device it leaves by, 0 = any; `None` leaves
    /// both to the route.
    pub source: Option<(IpAddr, u32)>,
    /// Traffic class: the whole byte of the IP header.
    pub class: u8,
}

struct Message {
    listener: u16,
    to: SocketAddr,
    way: Way,
    start: usize,
    len: usize,
    segment: usize,
    segments: usize,
}

impl SendBatch {
    /// `gso`: whether the sockets know UDP_SEGMENT.
    pub fn new(gso: bool) -> SendBatch {
        SendBatch {
            arena: vec![0; ARENA].into(),
            used: 0,
            reserved: 0,
            messages: Vec::with_capacity(MAX_MESSAGES),
            calls: Box::new(Calls::new()),
            segmentation: Segmentation::new(gso),
            in_doubt: false,
            unexplained: false,
            counters: SendCounters::default(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether `reserve` would find a slot; false for a batch that has to be flushed first, and always for oversize.
    pub fn has_room(&self, len: usize) -> bool {
        len <= MAX_MESSAGE && len <= ARENA - self.used && self.messages.len() < MAX_MESSAGES
    }

    /// A slot of `len` bytes at the end; `None` when the batch must be flushed first, or `len` is more than a datagram.
    pub fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.reserved = 0;
        if !self.has_room(len) {
            return None;
        }
        self.reserved = len;
        Some(&mut self.arena[self.used..self.used + len])
    }

    /// Queues the slot reserved last. Without one nothing happens.
    pub fn commit(&mut self, listener: u16, to: SocketAddr) {
        self.commit_by(listener, to, Way::default());
    }

    pub fn commit_by(&mut self, listener: u16, to: SocketAddr, way: Way) {
        let len = std::mem::take(&mut self.reserved);
        if len == 0 {
            return;
        }
        let start = self.used;
        self.used += len;
        if let Some(last) = self
            .messages
            .last_mut()
            .filter(|last| self.segmentation.on && last.takes(listener, &to, &way, len))
        {
            last.len += len;
            last.segments += 1;
            return;
        }
        self.messages.push(Message {
            listener,
            to,
            way,
            start,
            len,
            segment: len,
            segments: 1,
        });
    }

    /// Sends everything through `sockets`, indexed by listener. What cannot be sent is counted and forgotten.
    pub fn flush(&mut self, sockets: &[OwnedFd]) {
        let mut first = 0;
        while let Some(head) = self.messages.get(first) {
            let listener = head.listener;
            let run = self.messages[first..]
                .iter()
                .take_while(|message| message.listener == listener)
                .count();
            match sockets.get(usize::from(listener)) {
                Some(socket) => self.send_run(socket, first, first + run),
                None => self.counters.refused += self.segments(first, first + run),
            }
            first += run;
        }
        self.abandon();
    }

    /// Forgets what waits to be sent.
    pub fn abandon(&mut self) {
        self.messages.clear();
        self.used = 0;
        self.reserved = 0;
    }

    fn send_run(&mut self, socket: &OwnedFd, mut next: usize, end: usize) {
        while next < end {
            let parts = self.messages[next..end]
                .iter()
                .map(|message| Part::whole(message, &self.arena));
            self.counters.calls += 1;
            match self.calls.send(socket, parts) {
                Ok(sent) => {
                    self.clear_doubts();
                    self.count_sent(next, next + sent);
                    next += sent;
                }
                Err(errno) => match self.judge(socket, errno) {
                    Verdict::Again => {}
                    Verdict::SocketFull => {
                        self.counters.no_room += self.segments(next, end);
                        next = end;
                    }
                    Verdict::DeviceFull => {
                        self.counters.no_room += self.segments(next, next + 1);
                        next += 1;
                    }
                    Verdict::Refused => {
                        self.resend_split(socket, next, errno);
                        next += 1;
                    }
                },
            }
        }
    }

    /// What the errno of a call that has sent nothing means for the call's first message.
    fn judge(&mut self, socket: &OwnedFd, errno: c_int) -> Verdict {
        match errno {
            libc::EINTR => Verdict::Again,
            libc::EAGAIN => Verdict::SocketFull,
            libc::ENOBUFS => Verdict::DeviceFull,
            // With path MTU discovery the kernel tells of a datagram that is too long in both ways at once.
            libc::EMSGSIZE if std::mem::take(&mut self.in_doubt) => {
                drain_errors(socket);
                Verdict::Refused
            }
            _ if is_told_by_icmp(errno) => match drain_errors(socket) {
                // No record means a refusal of this message, or ICMP about another: then the record was drained before
                // the error was set, or there was no memory for it. Having been told, the error does not come again.
                0 if std::mem::replace(&mut self.unexplained, true) => {
                    self.unexplained = false;
                    Verdict::Refused
                }
                told => {
                    self.in_doubt = told > 0 && errno == libc::EMSGSIZE;
                    self.counters.unreachable += told;
                    Verdict::Again
                }
            },
            _ => Verdict::Refused,
        }
    }

    fn clear_doubts(&mut self) {
        self.in_doubt = false;
        self.unexplained = false;
    }

    /// The kernel refused message `index`: segmentation may be the reason, so the datagrams go one by one.
    ///
    /// EMSGSIZE, before Linux 6.14 EINVAL, is a segment above the path's MTU, which the kernel fragments when it comes
    /// alone. EIO is a path through IPsec or, before Linux 6.11, a device without checksum offload.
    fn resend_split(&mut self, socket: &OwnedFd, index: usize, errno: c_int) {
        let message = &self.messages[index];
        let segments = message.segments;
        if segments == 1 || !matches!(errno, libc::EIO | libc::EINVAL | libc::EMSGSIZE) {
            self.counters.refused += segments as u64;
            return;
        }
        self.counters.gso_refused += 1;
        if errno == libc::EIO && self.segmentation.was_refused() {
            self.counters.gso_given_up = 1;
        }
        let mut done = 0;
        while done < segments {
            let message = &self.messages[index];
            let parts = (done..segments).map(|i| Part::segment(message, i, &self.arena));
            self.counters.calls += 1;
            match self.calls.send(socket, parts) {
                Ok(sent) => {
                    self.counters.datagrams += sent as u64;
                    self.counters.bytes += message.bytes_of(done..done + sent) as u64;
                    self.clear_doubts();
                    done += sent;
                }
                Err(errno) => match self.judge(socket, errno) {
                    Verdict::Again => {}
                    Verdict::SocketFull => {
                        self.counters.no_room += (segments - done) as u64;
                        return;
                    }
                    Verdict::DeviceFull => {
                        self.counters.no_room += 1;
                        done += 1;
                    }
                    Verdict::Refused => {
                        self.counters.refused += 1;
                        done += 1;
                    }
                },
            }
        }
    }

    fn count_sent(&mut self, from: usize, to: usize) {
        self.counters.datagrams += self.segments(from, to);
        self.counters.bytes += self.messages[from..to]
            .iter()
            .map(|message| message.len as u64)
            .sum::<u64>();
        if self.segmentation.refusals > 0 {
            let superpackets = self.messages[from..to]
                .iter()
                .filter(|message| message.segments > 1);
            if superpackets.count() > 0 {
                self.segmentation.refusals = 0;
            }
        }
    }

    fn segments(&self, from: usize, to: usize) -> u64 {
        self.messages[from..to]
            .iter()
            .map(|message| message.segments as u64)
            .sum()
    }
}

/// Whether superpackets are worth trying.
struct Segmentation {
    on: bool,
    /// In a row, for a reason that a smaller segment would not cure.
    refusals: u32,
}

impl Segmentation {
    fn new(on: bool) -> Segmentation {
        Segmentation { on, refusals: 0 }
    }

    /// True: that was one too many, and it is over. One path says nothing about the others, a row of refusals does.
    fn was_refused(&mut self) -> bool {
        self.refusals += 1;
        self.on &= self.refusals < REFUSALS_TO_GIVE_UP;
        !self.on
    }
}

impl Message {
    /// Whether a datagram of `len` bytes may follow: same path, no longer than the others, and all others full.
    fn takes(&self, listener: u16, to: &SocketAddr, way: &Way, len: usize) -> bool {
        self.listener == listener
            && self.to == *to
            && self.way == *way
            && len <= self.segment
            && self.len == self.segment * self.segments
            && self.segments < MAX_SEGMENTS
            && self.len + len <= MAX_RUN
    }

    /// Bytes of some of the segments; all but the last are full.
    fn bytes_of(&self, segments: Range<usize>) -> usize {
        (segments.end * self.segment).min(self.len) - segments.start * self.segment
    }
}

/// What one entry of a `sendmmsg` carries.
struct Part<'a> {
    to: &'a SocketAddr,
    way: &'a Way,
    bytes: &'a [u8],
    /// Segment size, 0 = one datagram.
    segment: u16,
}

impl<'a> Part<'a> {
    fn whole(message: &'a Message, arena: &'a [u8]) -> Part<'a> {
        let segment = if message.segments > 1 {
            message.segment as u16
        } else {
            0
        };
        Part {
            to: &message.to,
            way: &message.way,
            bytes: &arena[message.start..message.start + message.len],
            segment,
        }
    }

    fn segment(message: &'a Message, index: usize, arena: &'a [u8]) -> Part<'a> {
        let start = message.start + index * message.segment;
        let end = (start + message.segment).min(message.start + message.len);
        Part {
            to: &message.to,
            way: &message.way,
            bytes: &arena[start..end],
            segment: 0,
        }
    }
}

/// The kernel's structures of one `sendmmsg`, used again and again.
struct Calls {
    addrs: [RawAddr; MAX_MESSAGES],
    control: [SendNotes; MAX_MESSAGES],
    vectors: [libc::iovec; MAX_MESSAGES],
    headers: [libc::mmsghdr; MAX_MESSAGES],
}

// SAFETY: the raw pointers inside are set anew before each use and never followed afterwards.
unsafe impl Send for Calls {}

impl Calls {
    fn new() -> Calls {
        // SAFETY: integers and pointers only, for which all zero bits are valid.
        unsafe { zeroed() }
    }

    /// Sends the first parts (as many as one call takes); how many went out, or the errno of the first.
    fn send<'a>(
        &mut self,
        socket: &OwnedFd,
        parts: impl Iterator<Item = Part<'a>>,
    ) -> Result<usize, c_int> {
        let mut count = 0;
        for (i, part) in parts.take(MAX_MESSAGES).enumerate() {
            self.point(i, &part);
            count = i + 1;
        }
        // SAFETY: the first `count` headers were just set to memory that outlives the call, with true lengths; the
        // kernel only reads behind them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as _,
                libc::MSG_DONTWAIT as _,
            )
        };
        if sent < 0 {
            Err(last_errno())
        } else {
            Ok(sent as usize)
        }
    }

    fn point(&mut self, i: usize, part: &Part<'_>) {
        let (addr, addr_len) = RawAddr::encode(part.to);
        self.addrs[i] = addr;
        self.vectors[i] = libc::iovec {
            iov_base: part.bytes.as_ptr().cast_mut().cast(),
            iov_len: part.bytes.len(),
        };
        let control_len = self.control[i].write(part.segment, part.to, part.way);
        let header = &mut self.headers[i].msg_hdr;
        header.msg_name = std::ptr::from_mut(&mut self.addrs[i]).cast();
        header.msg_namelen = addr_len;
        header.msg_iov = &mut self.vectors[i];
        header.msg_iovlen = 1;
        let control = match control_len {
            0 => std::ptr::null_mut(),
            _ => std::ptr::from_mut(&mut self.control[i]).cast(),
        };
        header.msg_control = control;
        header.msg_controllen = control_len;
        header.msg_flags = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_of_refusals_ends_segmentation() {
        let mut segmentation = Segmentation::new(true);
        for _ in 1..REFUSALS_TO_GIVE_UP {
            assert!(!segmentation.was_refused());
        }
        segmentation.refusals = 0;
        for _ in 1..REFUSALS_TO_GIVE_UP {
            assert!(!segmentation.was_refused() && segmentation.on);
        }
        assert!(segmentation.was_refused() && !segmentation.on);
    }
}

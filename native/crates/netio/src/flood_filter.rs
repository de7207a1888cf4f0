use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use crate::bpf::load_socket_filter;
use crate::bpf_memory::BpfMemory;
use crate::error::{IoError, last_errno};
use crate::fd::set_option;
use crate::flood_program::{Layout, Secret, plan};

/// Has the kernel throw away in a flood what nobody is waiting for, before it is queued and anybody is woken for it.
///
/// A program on each socket, and memory that it shares with this process: whom packets may come from, and how control packets look.
/// While little comes that can be nobody's, the program lets it through, so that the data path can say what it is.
/// Everything works without it, and what it takes for a client's it lets through.
pub struct FloodFilter {
    memory: BpfMemory,
    layout: Layout,
    secret: Secret,
    /// Index = shard.
    programs: Vec<OwnedFd>,
}

/// What a control packet of a new client looks like, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketShape {
    /// Shorter ones fit no key; 0: nothing is known about them, `u32::MAX`: there are none.
    pub min_len: u32,
    /// Where the counter of a packet lies, of which a new client has used few; 0: there is none.
    pub counter_at: u32,
}

impl PacketShape {
    pub const UNKNOWN: PacketShape = PacketShape {
        min_len: 0,
        counter_at: 0,
    };
}

/// How many datagrams the kernel has thrown away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterDrops {
    /// Nothing that a client sends.
    pub nobodys: u64,
    /// First packets of clients, more than are answered, that have not come again.
    pub resets: u64,
}

impl FilterDrops {
    pub fn total(&self) -> u64 {
        self.nobodys + self.resets
    }
}

impl FloodFilter {
    /// EPERM where the process may not use bpf().
    pub fn new(shards: usize) -> Result<FloodFilter, IoError> {
        let layout = Layout { shards };
        let memory = BpfMemory::new(layout.len())?;
        let secret = Secret::random()?;
        let programs = (0..shards)
            .map(|shard| load_socket_filter(&plan(memory.number(), &layout, shard, &secret)))
            .collect::<Result<_, _>>()?;
        Ok(FloodFilter {
            memory,
            layout,
            secret,
            programs,
        })
    }

    /// From now on for what comes to `socket`, in place of any other filter. Needs no rights.
    pub fn attach(&self, shard: usize, socket: &OwnedFd) -> Result<(), IoError> {
        let program = self.programs[shard].as_raw_fd();
        set_option(socket, libc::SOL_SOCKET, libc::SO_ATTACH_BPF, &program)
            .map_err(|errno| IoError::new(errno, "filter what comes to a UDP socket"))
    }

    /// A client with that peer-id comes or goes.
    pub fn note_peer(&self, id: u32, is_here: bool) {
        self.count(self.layout.peer(id), is_here);
    }

    /// A client comes to that address or goes from it.
    pub fn note_address(&self, address: &SocketAddr, is_here: bool) {
        self.count(self.layout.address(self.secret.hash(address)), is_here);
    }

    /// Control packets of new clients under the server's own wrapping, and under keys that they bring themselves.
    pub fn expect(&self, shard: usize, shapes: [PacketShape; 2]) {
        for (at, shape) in self.layout.shapes(shard).into_iter().zip(shapes) {
            let counter = self.memory.word(at + 4);
            counter.store(shape.counter_at, Ordering::Relaxed);
            let min_len = self.memory.word(at);
            min_len.store(shape.min_len, Ordering::Relaxed);
        }
    }

    pub fn drops(&self, shard: usize) -> FilterDrops {
        let [nobodys, resets] = self.layout.drops(shard);
        FilterDrops {
            nobodys: self.memory.long(nobodys).load(Ordering::Relaxed),
            resets: self.memory.long(resets).load(Ordering::Relaxed),
        }
    }

    /// Sums do not depend on the order in which threads come, so a number below 0 is one that others will put right.
    fn count(&self, at: usize, is_here: bool) {
        let clients = self.memory.half(at);
        let step = if is_here { 1 } else { u16::MAX };
        clients.fetch_add(step, Ordering::Relaxed);
    }
}

/// Takes off what an earlier owner of the socket has attached; whom that waits for nobody knows any more.
pub fn detach(socket: &OwnedFd) -> Result<(), IoError> {
    let nothing = 0;
    match set_option(socket, libc::SOL_SOCKET, libc::SO_DETACH_BPF, &nothing) {
        Ok(()) | Err(libc::ENOENT) => Ok(()),
        Err(errno) => Err(IoError::new(errno, "end the filter of a UDP socket")),
    }
}

impl Secret {
    fn random() -> Result<Secret, IoError> {
        let mut bytes = [0u8; 16];
        // SAFETY: the kernel writes at most 16 bytes, into an array of 16.
        let written = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        if written != bytes.len() as isize {
            return Err(IoError::new(last_errno(), "make a secret number"));
        }
        let words = u128::from_ne_bytes(bytes);
        Ok(Secret::new(words as u64, (words >> 64) as u64))
    }
}

#[cfg(test)]
mod tests;

//! The Rust twin of `packages/ring`; docs/internal/rings/design.md has the layout and the rules.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use netio::IoError;
use netio::mem::SharedMemory;

mod memory;

pub use memory::RingMemory;

const TAIL: usize = 0;
const DROPPED: usize = 4;
const HEAD: usize = 64;
const SLEEPING: usize = 128;
const DATA: usize = 192;

const MAX_CAPACITY: usize = 1 << 30;
const RECORD_HEADER: usize = 8;
const PADDING: u32 = 0;

/// Memory of a ring with `capacity` data bytes, zeroed: for rings whose ends are both in Rust, and for tests.
pub fn allocate(capacity: usize) -> SharedMemory {
    SharedMemory::allocate(DATA + capacity)
}

/// The one writer of a ring. Records lie behind a private tail until `publish` shows the batch to the consumer.
pub struct RingProducer<M = SharedMemory> {
    mem: M,
    capacity: u32,
    /// Free-running; ahead of the published tail while a batch is open.
    tail: u32,
    published: u32,
    /// What `head` was when last looked at: the consumer only ever makes more room.
    head: u32,
}

/// The one reader of a ring. It trusts nothing the memory says about itself.
pub struct RingConsumer<M = SharedMemory> {
    mem: M,
    capacity: u32,
    head: u32,
    tail: u32,
    corrupt: u64,
    /// Where the payload handed out last lies, for `erase_last`.
    last: (usize, usize),
    /// Records are copied out before anyone looks at them: the other end could still write into the ring.
    scratch: Box<[u8]>,
}

/// One record, copied out of the ring.
pub struct Record<'a> {
    pub kind: u32,
    pub payload: &'a mut [u8],
}

impl<M: RingMemory> RingProducer<M> {
    /// Goes on where an earlier producer of this memory published last.
    pub fn new(mem: M) -> Result<RingProducer<M>, IoError> {
        let capacity = capacity_of(&mem)?;
        let tail = mem.load(TAIL, Relaxed);
        let head = mem.load(HEAD, Acquire);
        Ok(RingProducer {
            mem,
            capacity,
            tail,
            published: tail,
            head,
        })
    }

    /// Writes one record, its payload given in parts. False: no room, the record is refused whole and counted.
    pub fn push(&mut self, kind: u32, parts: &[&[u8]]) -> bool {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        let Some(mut at) = self.make_room(size) else {
            let dropped = self.mem.load(DROPPED, Relaxed);
            self.mem.store(DROPPED, dropped.wrapping_add(1), Relaxed);
            return false;
        };
        self.write_header(at, size as u32, kind);
        at += RECORD_HEADER;
        for part in parts {
            self.mem.write(at, part);
            at += part.len();
        }
        self.tail = self.tail.wrapping_add(record_len(size) as u32);
        true
    }

    /// Shows the batch to the consumer. True: it sleeps, and this caller has to wake it.
    pub fn publish(&mut self) -> bool {
        if self.tail == self.published {
            return false;
        }
        self.published = self.tail;
        self.mem.store(TAIL, self.tail, SeqCst);
        self.mem.load(SLEEPING, SeqCst) == 1 && self.mem.swap(SLEEPING, 0, SeqCst) == 1
    }

    /// What the ring lies in.
    pub fn memory(&self) -> &M {
        &self.mem
    }

    /// Bytes that are written and not yet published.
    pub fn unpublished(&self) -> usize {
        self.tail.wrapping_sub(self.published) as usize
    }

    /// Bytes that the consumer has not given back, as far as it has said so.
    pub fn backlog(&self) -> usize {
        self.tail.wrapping_sub(self.mem.load(HEAD, Acquire)) as usize
    }

    /// Takes back what was not published: a writer that failed half-way through a record or a batch has shown nothing of it.
    pub fn abandon(&mut self) {
        self.tail = self.published;
    }

    /// Records refused since the memory was made, modulo 2^32.
    pub fn dropped(&self) -> u32 {
        self.mem.load(DROPPED, Relaxed)
    }

    /// Offset of a record with this payload in the memory; pads the rest of the buffer when it does not fit there.
    fn make_room(&mut self, size: usize) -> Option<usize> {
        let len = record_len(size);
        if len > self.capacity as usize / 2 {
            return None;
        }
        let position = (self.tail & (self.capacity - 1)) as usize;
        let rest = self.capacity as usize - position;
        let wanted = if len > rest { len + rest } else { len };
        if wanted > self.room() {
            self.head = self.mem.load(HEAD, Acquire);
            if wanted > self.room() {
                return None;
            }
        }
        if len <= rest {
            return Some(DATA + position);
        }
        self.write_header(DATA + position, (rest - RECORD_HEADER) as u32, PADDING);
        self.tail = self.tail.wrapping_add(rest as u32);
        Some(DATA)
    }

    /// Free bytes; a head that cannot be leaves none.
    fn room(&self) -> usize {
        self.capacity
            .saturating_sub(self.tail.wrapping_sub(self.head)) as usize
    }

    fn write_header(&self, at: usize, size: u32, kind: u32) {
        self.mem.write(at, &size.to_le_bytes());
        self.mem.write(at + 4, &kind.to_le_bytes());
    }
}

impl<M: RingMemory> RingConsumer<M> {
    /// Goes on where an earlier consumer of this memory stopped.
    pub fn new(mem: M) -> Result<RingConsumer<M>, IoError> {
        let capacity = capacity_of(&mem)?;
        let head = mem.load(HEAD, Relaxed);
        let scratch = vec![0; capacity as usize / 2].into();
        Ok(RingConsumer {
            mem,
            capacity,
            head,
            tail: head,
            corrupt: 0,
            last: (DATA, 0),
            scratch,
        })
    }

    /// The next published record. `release` gives the room of those taken back to the producer.
    pub fn next_record(&mut self) -> Option<Record<'_>> {
        loop {
            if self.head == self.tail && !self.look() {
                return None;
            }
            let Some((kind, at, size)) = self.step() else {
                self.reset();
                continue;
            };
            if kind != PADDING {
                self.last = (at, size);
                let payload = &mut self.scratch[..size];
                self.mem.read(at, payload);
                return Some(Record { kind, payload });
            }
        }
    }

    /// Overwrites the record handed out last, in the ring and here: it was a secret. Before `release`.
    pub fn erase_last(&mut self) {
        let (at, size) = self.last;
        self.mem.zero(at, size);
        zeroize::Zeroize::zeroize(&mut self.scratch[..size]);
    }

    /// Gives the room of the records taken back to the producer.
    pub fn release(&mut self) {
        self.mem.store(HEAD, self.head, Release);
        self.last = (DATA, 0);
    }

    /// For a reader that failed while it handled a record: that one counts as taken, and is erased.
    pub fn skip_last(&mut self) {
        self.erase_last();
        self.release();
    }

    /// True: nothing is left and the producer wakes this consumer at its next publish. False: there is something to take.
    pub fn sleep(&mut self) -> bool {
        self.mem.store(SLEEPING, 1, SeqCst);
        if self.head == self.tail && !self.look() {
            return true;
        }
        self.awake();
        false
    }

    /// Spares the producer wake-ups while this consumer is at work.
    pub fn awake(&mut self) {
        self.mem.store(SLEEPING, 0, SeqCst);
    }

    /// Times the ring made no sense and was reset to the producer's tail.
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// Looks for records published since; a tail that cannot be resets the ring.
    fn look(&mut self) -> bool {
        self.tail = self.mem.load(TAIL, SeqCst);
        let published = self.tail.wrapping_sub(self.head);
        if published > self.capacity || !published.is_multiple_of(8) {
            self.reset();
        }
        self.head != self.tail
    }

    /// Kind, offset and size of the next record's payload, stepping over it. `None`: nonsense.
    fn step(&mut self) -> Option<(u32, usize, usize)> {
        let position = (self.head & (self.capacity - 1)) as usize;
        let rest = self.capacity as usize - position;
        let available = rest.min(self.tail.wrapping_sub(self.head) as usize);
        if available < RECORD_HEADER || !position.is_multiple_of(8) {
            return None;
        }
        let at = DATA + position;
        let size = self.word(at) as usize;
        let kind = self.word(at + 4);
        if size > available - RECORD_HEADER {
            return None;
        }
        let len = record_len(size);
        let possible = if kind == PADDING {
            len == rest
        } else {
            len <= self.capacity as usize / 2
        };
        if len > available || !possible {
            return None;
        }
        self.head = self.head.wrapping_add(len as u32);
        Some((kind, at + RECORD_HEADER, size))
    }

    fn word(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        self.mem.read(at, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn reset(&mut self) {
        self.corrupt += 1;
        self.head = self.tail;
        self.release();
    }
}

fn capacity_of<M: RingMemory>(mem: &M) -> Result<u32, IoError> {
    let capacity = mem.size().saturating_sub(DATA);
    if !(M::MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity)
        || !capacity.is_power_of_two()
        || !mem.is_aligned()
    {
        return Err(IoError::invalid(format!(
            "use {} bytes as a ring",
            mem.size()
        )));
    }
    Ok(capacity as u32)
}

/// Bytes that a record with this much payload takes.
fn record_len(size: usize) -> usize {
    (RECORD_HEADER + size).next_multiple_of(8)
}

#[cfg(test)]
mod tests;

//! The connections of a shard. What is read from them is the event loop's affair; what is written to them, and their life
//! from `admit` to the end, is here.

mod crowd;
mod front_door;
mod hand_over;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use datapath::{Millis, PeerAddr, STREAM_BIT};
use netio::IoError;
use netio::tcp_stream::{self, Moved};
use netio::wake::Poller;

use self::crowd::Crowd;
use crate::clock;
use crate::shard_thread::ShardState;
use crate::stream_queue::StreamQueue;
use crate::stream_settings::StreamSettings;
use crate::stream_stats::StreamStats;

/// All connections of a shard, by number and by path.
pub struct Streams {
    settings: Arc<StreamSettings>,
    state: Arc<ShardState>,
    pub(crate) max_packet: usize,
    poller: Poller,
    slots: Vec<Option<Connection>>,
    free: Vec<usize>,
    by_path: HashMap<PeerAddr, usize>,
    /// Where the last packet went: the next one mostly goes there as well.
    last: Option<(PeerAddr, usize)>,
    /// Connections with something to write that have had room so far.
    dirty: Vec<usize>,
    over: Vec<usize>,
    /// The worker has still to hear that they are closed.
    untold: VecDeque<PeerAddr>,
    spare: Vec<Vec<u8>>,
    /// Of a client: its own connection, until the first packet says where it leads.
    outgoing: Option<OwnedFd>,
    opening: usize,
    crowd: Crowd,
    leaving: usize,
    next_review: Millis,
    /// Of the turn.
    now: Millis,
}

/// What `Streams::read` has brought.
#[derive(Default)]
pub struct Read {
    /// Bytes in the buffer, with those kept before; 0 when there is nothing to look at.
    pub len: usize,
    /// There may be more: it was all that was asked for.
    pub more: bool,
}

struct Connection {
    socket: OwnedFd,
    path: PeerAddr,
    stage: Stage,
    since: Millis,
    /// When the worker was given a packet of it; 0 = never.
    heard: Millis,
    /// Packets of it that the worker was given; it knows the connection from the first one on.
    said: u32,
    /// The front of a packet whose rest has not come.
    partial: Vec<u8>,
    queue: StreamQueue,
    /// No room at the last write; the kernel says when there is.
    blocked: bool,
    /// Whether the kernel is to say so.
    watched: bool,
    /// A PROXY header comes before the packets.
    awaits_header: bool,
    /// It may speak something else.
    may_be_foreign: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody is served through it, since `since`.
    Opening,
    Served,
    /// What is queued goes out, or `LEAVE` has passed.
    Leaving,
    /// To be closed at the end of the turn.
    Over,
}

/// Connections that are looked at in one turn; the others wait for the next one.
const MAX_READY: usize = 128;
/// A connection is written to when so much waits, and at the end of the turn.
const ENOUGH_QUEUED: usize = 128 * 1024;
/// Control packets find room beyond the limit: few, and missed more than others.
const CONTROL_ROOM: usize = 64;
/// The last packets of a connection have so long to leave.
const LEAVE: Millis = 5_000;
const REVIEW: Millis = 500;
/// Buffers that are kept for the next turn.
const SPARE_BUFFERS: usize = 16;
const SPARE_BYTES: usize = 256 * 1024;

impl Streams {
    /// `max_packet`: bytes of the longest packet that makes sense, below 65536.
    pub fn new(
        settings: Arc<StreamSettings>,
        state: Arc<ShardState>,
        max_packet: usize,
    ) -> Result<Streams, IoError> {
        Ok(Streams {
            max_packet,
            settings,
            state,
            poller: Poller::new(MAX_READY)?,
            slots: Vec::new(),
            free: Vec::new(),
            by_path: HashMap::new(),
            last: None,
            dirty: Vec::new(),
            over: Vec::new(),
            untold: VecDeque::new(),
            spare: Vec::new(),
            outgoing: None,
            opening: 0,
            crowd: Crowd::default(),
            leaving: 0,
            next_review: 0,
            now: 0,
        })
    }

    /// Readable while some connection is ready.
    pub fn fd(&self) -> &OwnedFd {
        self.poller.fd()
    }

    /// Takes a new connection, and makes room for it among those that nobody would miss.
    pub fn admit(&mut self, now: Millis, listener: usize, socket: OwnedFd, addr: SocketAddr) {
        self.stats().accepted.add(1);
        if self.opening >= self.settings.max_opening() {
            self.stats().refused.add(1);
            match self.dispensable(now) {
                Some(slot) => self.end(slot),
                None => return,
            }
        }
        tcp_stream::set_no_delay(&socket, true);
        let path = PeerAddr {
            listener: listener as u16 | STREAM_BIT,
            addr,
        };
        if let Some(&before) = self.by_path.get(&path) {
            self.end(before);
        }
        self.insert(now, path, socket);
        let awaits_header = self.settings.is_proxy(addr.ip());
        let may_be_foreign = self.settings.port_share.is_on();
        if let Some(connection) = self.find(&path) {
            connection.awaits_header = awaits_header;
            connection.may_be_foreign = may_be_foreign;
        }
    }

    /// Takes the connection of a client to its server. Its path is that of the first packet that is sent.
    pub fn begin(&mut self, socket: OwnedFd) {
        self.outgoing = Some(socket);
    }

    fn insert(&mut self, now: Millis, path: PeerAddr, socket: OwnedFd) {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if self
            .poller
            .watch(&socket, slot as u64, false, false)
            .is_err()
        {
            self.stats().accept_errors.add(1);
            if slot < self.slots.len() {
                self.free.push(slot);
            }
            return;
        }
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(Connection {
            socket,
            path,
            stage: Stage::Opening,
            since: now,
            heard: 0,
            said: 0,
            partial: Vec::new(),
            queue: StreamQueue::default(),
            blocked: false,
            watched: false,
            awaits_header: false,
            may_be_foreign: false,
        });
        self.by_path.insert(path, slot);
        self.opening += 1;
        self.count_open();
    }

    /// The numbers of those that can be read or written to.
    pub fn ready(&mut self, now: Millis, into: &mut Vec<usize>) {
        self.now = now;
        into.clear();
        // Waiting does not fail for want of anything: what is missed is reported again.
        let _ = self
            .poller
            .wait(Some(Duration::ZERO), |token| into.push(token as usize));
    }

    /// Reads at most `share` bytes into `buffer`, behind what was kept.
    pub fn read(&mut self, slot: usize, buffer: &mut [u8], share: usize) -> Read {
        self.stats().read_calls.add(1);
        let Some(connection) = self.live(slot) else {
            return Read::default();
        };
        if connection.blocked {
            connection.blocked = false;
            self.dirty.push(slot);
        }
        let Some(connection) = self.live(slot) else {
            return Read::default();
        };
        let kept = connection.partial.len();
        let end = buffer.len().min(kept + share);
        match tcp_stream::read(&connection.socket, &mut buffer[kept..end]) {
            // Nobody listens any more.
            Moved::Bytes(_) if connection.stage == Stage::Leaving => Read::default(),
            Moved::Bytes(count) => {
                buffer[..kept].copy_from_slice(&connection.partial);
                connection.partial.clear();
                let len = kept + count;
                let more = len == end;
                Read { len, more }
            }
            Moved::Later => Read::default(),
            Moved::Ended => {
                self.stats().ended.add(1);
                self.end(slot);
                Read::default()
            }
        }
    }

    /// Keeps the front of a packet for the next `read`.
    pub fn keep(&mut self, slot: usize, rest: &[u8]) {
        if let Some(connection) = self.live(slot) {
            connection.partial.extend_from_slice(rest);
            if rest.is_empty() {
                connection.partial = Vec::new();
            }
        }
    }

    /// Its framing makes no sense.
    pub fn break_off(&mut self, slot: usize) {
        self.stats().bad_length.add(1);
        self.end(slot);
    }

    pub fn note_packets(&self, count: usize) {
        self.stats().packets.add(count as u64);
    }

    /// `None` of one that is over.
    pub fn path_of(&self, slot: usize) -> Option<PeerAddr> {
        let connection = self.slots.get(slot)?.as_ref()?;
        (connection.stage != Stage::Over).then_some(connection.path)
    }

    /// A packet of it has gone to the worker.
    pub fn note_spoken(&mut self, path: &PeerAddr) {
        let now = self.now;
        if let Some(connection) = self.find(path) {
            connection.said = connection.said.saturating_add(1);
            connection.heard = now;
        }
    }

    /// A client is served through it.
    pub fn note_served(&mut self, path: &PeerAddr) {
        if let Some(connection) = self.find(path)
            && connection.stage == Stage::Opening
        {
            connection.stage = Stage::Served;
            connection.said = connection.said.max(1);
            self.opening -= 1;
        }
    }

    /// The client is gone; whoever follows has as long as at the beginning.
    pub fn note_unserved(&mut self, now: Millis, path: &PeerAddr) {
        if let Some(connection) = self.find(path)
            && connection.stage == Stage::Served
        {
            connection.stage = Stage::Opening;
            connection.since = now;
            self.opening += 1;
        }
    }

    /// All clients are gone.
    pub fn note_none_served(&mut self, now: Millis) {
        for connection in self.slots.iter_mut().flatten() {
            if connection.stage == Stage::Served {
                connection.stage = Stage::Opening;
                connection.since = now;
                self.opening += 1;
            }
        }
    }

    /// The worker wants it closed, once what is queued has left.
    pub fn close(&mut self, now: Millis, path: &PeerAddr) {
        let Some(slot) = self.slot_of(path) else {
            return;
        };
        let Some(connection) = self.live(slot) else {
            return;
        };
        let before = std::mem::replace(&mut connection.stage, Stage::Leaving);
        if before == Stage::Leaving {
            return;
        }
        connection.since = now;
        self.opening -= usize::from(before == Stage::Opening);
        self.leaving += 1;
        self.dirty.push(slot);
    }

    /// A slot in the queue of the connection; `None` when there is none, or it has enough to read already.
    pub fn reserve(&mut self, to: &PeerAddr, len: usize, is_control: bool) -> Option<&mut [u8]> {
        if let Some(socket) = self.outgoing.take() {
            self.insert(clock::now(), *to, socket);
            self.note_spoken(to);
        }
        let Some(slot) = self.slot_of(to) else {
            self.stats().no_connection.add(1);
            return None;
        };
        let limit = self.settings.queue_limit();
        let connection = self.live(slot)?;
        if !connection.blocked && connection.queue.unsent().len() >= ENOUGH_QUEUED {
            self.write(slot);
        }
        let room = limit + if is_control { CONTROL_ROOM } else { 0 };
        let connection = self.live(slot)?;
        let waiting = connection.queue.packets();
        if connection.blocked && waiting >= room {
            self.stats().queue_full.add(1);
            return None;
        }
        let memory = if waiting == 0 { self.spare.pop() } else { None };
        let connection = self.live(slot)?;
        if let Some(memory) = memory {
            connection.queue = StreamQueue::in_memory(memory);
        }
        connection.queue.reserve(len)
    }

    /// Sends what was reserved last for `to`.
    pub fn commit(&mut self, to: &PeerAddr) {
        let Some(slot) = self.slot_of(to) else {
            return;
        };
        if let Some(connection) = self.live(slot) {
            connection.queue.commit();
            let first = connection.queue.packets() == 1;
            if first && !connection.blocked {
                self.dirty.push(slot);
            }
        }
    }

    /// Writes what waits, and closes what is over. At the end of every turn.
    pub fn flush(&mut self, now: Millis) {
        while let Some(slot) = self.dirty.pop() {
            self.write(slot);
        }
        if now >= self.next_review {
            self.next_review = now + REVIEW;
            self.review(now);
        }
        while let Some(slot) = self.over.pop() {
            self.remove(slot);
        }
    }

    /// The next connection that the worker has to be told about.
    pub fn untold(&self) -> Option<PeerAddr> {
        self.untold.front().copied()
    }

    pub fn told(&mut self) {
        self.untold.pop_front();
    }

    /// When there is something to look at again.
    pub fn next_deadline(&self) -> Option<Millis> {
        let waiting = self.opening > 0 || self.leaving > 0 || !self.untold.is_empty();
        waiting.then_some(self.next_review)
    }

    /// After a panic: output that was being prepared is forgotten with whatever was to be written.
    pub fn abandon(&mut self, now: Millis) {
        self.last = None;
        self.note_none_served(now);
        for slot in 0..self.slots.len() {
            // Nobody can say whether its queue ends with a whole packet.
            self.end(slot);
        }
        self.flush(now);
    }

    fn write(&mut self, slot: usize) {
        let Some(connection) = self.live(slot) else {
            return;
        };
        let mut calls = 0;
        let mut ended = false;
        while !connection.queue.is_empty() && !connection.blocked && !ended {
            calls += 1;
            match tcp_stream::write(&connection.socket, connection.queue.unsent()) {
                Moved::Bytes(count) => connection.queue.advance(count),
                Moved::Later => connection.blocked = true,
                Moved::Ended => ended = true,
            }
        }
        let done = connection.queue.is_empty();
        let leaves = done && connection.stage == Stage::Leaving;
        let queue = if done {
            std::mem::take(&mut connection.queue).into_memory()
        } else {
            Vec::new()
        };
        let blocked = connection.blocked;
        self.watch(slot, blocked && !ended);
        self.keep_memory(queue);
        self.stats().write_calls.add(calls);
        if blocked {
            self.stats().no_room.add(1);
        }
        if ended {
            self.stats().ended.add(1);
        }
        if ended || leaves {
            self.end(slot);
        }
    }

    /// Has the kernel say when there is room, or no more.
    fn watch(&mut self, slot: usize, writable: bool) {
        let Some(Some(connection)) = self.slots.get_mut(slot) else {
            return;
        };
        if connection.watched != writable {
            connection.watched = writable;
            // Refused only for a descriptor that is not there; its next use says so.
            let _ = self
                .poller
                .watch(&connection.socket, slot as u64, writable, true);
        }
    }

    fn keep_memory(&mut self, memory: Vec<u8>) {
        let fits = (1..=SPARE_BYTES).contains(&memory.capacity());
        if fits && self.spare.len() < SPARE_BUFFERS {
            self.spare.push(memory);
        }
    }

    /// Those that have had their time.
    fn review(&mut self, now: Millis) {
        if self.opening == 0 && self.leaving == 0 {
            return;
        }
        let opening = self.settings.opening();
        for slot in 0..self.slots.len() {
            let Some(connection) = self.live(slot) else {
                continue;
            };
            let age = now.saturating_sub(connection.since);
            // How long a handshake may take, or a login behind it, is the worker's affair.
            let silent_for = now.saturating_sub(connection.since.max(connection.heard));
            match connection.stage {
                Stage::Opening if silent_for >= opening => {
                    self.stats().timed_out.add(1);
                    self.end(slot);
                }
                Stage::Leaving if age >= LEAVE => self.end(slot),
                Stage::Opening | Stage::Leaving | Stage::Served | Stage::Over => {}
            }
        }
    }

    /// It is closed at the end of the turn, and used no more until then.
    fn end(&mut self, slot: usize) {
        let Some(connection) = self.live(slot) else {
            return;
        };
        let (path, stage) = (connection.path, connection.stage);
        let tell = connection.said > 0 && stage != Stage::Leaving;
        connection.stage = Stage::Over;
        self.opening -= usize::from(stage == Stage::Opening);
        self.leaving -= usize::from(stage == Stage::Leaving);
        self.over.push(slot);
        if self.by_path.get(&path) == Some(&slot) {
            self.by_path.remove(&path);
        }
        self.last = None;
        if tell {
            self.untold.push_back(path);
        }
    }

    fn remove(&mut self, slot: usize) {
        if let Some(connection) = self.slots[slot].take() {
            self.poller.remove(&connection.socket);
            self.keep_memory(connection.queue.into_memory());
            self.free.push(slot);
            self.count_open();
        }
    }

    fn slot_of(&mut self, path: &PeerAddr) -> Option<usize> {
        if let Some((last, slot)) = self.last
            && last == *path
        {
            return Some(slot);
        }
        let slot = *self.by_path.get(path)?;
        self.last = Some((*path, slot));
        Some(slot)
    }

    fn find(&mut self, path: &PeerAddr) -> Option<&mut Connection> {
        let slot = self.slot_of(path)?;
        self.live(slot)
    }

    fn live(&mut self, slot: usize) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(slot)?.as_mut()?;
        (connection.stage != Stage::Over).then_some(connection)
    }

    fn stats(&self) -> &StreamStats {
        &self.state.io.streams
    }

    fn count_open(&self) {
        let open = self.slots.len() - self.free.len();
        self.stats().open.set(open as u64);
    }
}

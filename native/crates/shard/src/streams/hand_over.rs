//! Connections on their way to another process, with what was read and not understood, and what was to be written.
//!
//! Little-endian: `u32` number of connections, and for each `u8 stage, u8 flags, address[24], u32 partial, u32 queue,
//! u32 written` and the bytes of the two: the front of a packet or of what comes before the first one, and whole packets
//! behind their lengths of which the first `written` bytes are gone. The descriptors come beside it, in the same order.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use datapath::Millis;

use super::{Connection, Stage, Streams};
use crate::address_record::{ADDRESS_LEN, decode_address, encode_address};
use crate::stream_queue::StreamQueue;

const HAS_SPOKEN: u8 = 1;
const AWAITS_HEADER: u8 = 2;
const MAY_BE_FOREIGN: u8 = 4;

/// A packet that is not there to its end is shorter, with its length in front.
const LONGEST_PARTIAL: usize = 2 + u16::MAX as usize;

impl Streams {
    /// Everything about the connections but their descriptors, which are added to `fds`.
    pub fn encode(&self, fds: &mut Vec<RawFd>) -> Vec<u8> {
        let (mut count, mut out) = (0u32, vec![0; 4]);
        for connection in self.slots.iter().flatten() {
            let stage = match connection.stage {
                Stage::Opening => 0,
                Stage::Served => 1,
                Stage::Leaving => 2,
                Stage::Over => continue,
            };
            let (queue, written) = connection.queue.rest();
            out.extend_from_slice(&[stage, flags_of(connection)]);
            out.extend_from_slice(&encode_address(&connection.path));
            for len in [connection.partial.len(), queue.len(), written] {
                out.extend_from_slice(&(len as u32).to_le_bytes());
            }
            out.extend_from_slice(&connection.partial);
            out.extend_from_slice(queue);
            fds.push(connection.socket.as_raw_fd());
            count += 1;
        }
        out[..4].copy_from_slice(&count.to_le_bytes());
        out
    }

    /// Takes in what `encode` has written, from the front of `bytes`; the descriptors are the first of `fds`. `None` when it
    /// makes no sense.
    pub fn decode(
        &mut self,
        now: Millis,
        bytes: &mut &[u8],
        fds: &mut impl Iterator<Item = OwnedFd>,
    ) -> Option<()> {
        for _ in 0..take_u32(bytes)? {
            let [stage, flags] = *take(bytes, 2)?.first_chunk()?;
            let path = decode_address(take(bytes, ADDRESS_LEN)?.first_chunk()?)?;
            let [partial, queue, written] =
                [take_u32(bytes)?, take_u32(bytes)?, take_u32(bytes)?].map(|len| len as usize);
            if partial > LONGEST_PARTIAL {
                return None;
            }
            let partial = take(bytes, partial)?.to_vec();
            let queue = StreamQueue::restore(take(bytes, queue)?.to_vec(), written)?;
            self.insert(now, path, fds.next()?);
            if stage == 1 {
                self.note_served(&path);
            }
            let slot = self.slot_of(&path)?;
            let connection = self.live(slot)?;
            connection.said = u32::from(flags & HAS_SPOKEN != 0);
            connection.awaits_header = flags & AWAITS_HEADER != 0;
            connection.may_be_foreign = flags & MAY_BE_FOREIGN != 0;
            connection.partial = partial;
            connection.queue = queue;
            self.dirty.push(slot);
            if stage == 2 {
                self.close(now, &path);
            }
        }
        Some(())
    }
}

fn flags_of(connection: &Connection) -> u8 {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    flag(connection.said > 0, HAS_SPOKEN)
        | flag(connection.awaits_header, AWAITS_HEADER)
        | flag(connection.may_be_foreign, MAY_BE_FOREIGN)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?
        .first_chunk()
        .map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use super::*;
    use crate::shard_thread::ShardState;
    use crate::stream_settings::StreamSettings;

    fn streams(settings: &Arc<StreamSettings>) -> Streams {
        let state = Arc::new(ShardState::new());
        Streams::new(Arc::clone(settings), state, 1600).expect("a poller")
    }

    /// One connection from 192.0.2.7, which has said `front`, in another process.
    fn taken_over(settings: &Arc<StreamSettings>, front: &[u8]) -> (Streams, UnixStream) {
        let mut old = streams(settings);
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        let copy = ours.try_clone().expect("a descriptor");
        let addr = SocketAddr::from(([192, 0, 2, 7], 4000));
        old.admit(0, 0, ours.into(), addr);
        assert_eq!(old.enter(0, front), None);
        let bytes = old.encode(&mut Vec::new());
        let mut new = streams(settings);
        let taken = new.decode(0, &mut &bytes[..], &mut [copy.into()].into_iter());
        assert!(taken.is_some());
        (new, theirs)
    }

    #[test]
    fn what_comes_before_the_first_packet_is_still_expected() {
        let settings = Arc::new(StreamSettings::default());
        settings.set_proxies(vec![([192, 0, 2, 0].into(), 24)]);
        let (mut new, _end) = taken_over(&settings, b"PROXY UNK");
        let header = b"PROXY UNKNOWN\r\n";
        assert_eq!(
            new.enter(0, &[&header[..], &[0, 14, 0x38]].concat()),
            Some(header.len())
        );

        let settings = Arc::new(StreamSettings::default());
        settings.port_share.turn(true);
        let (mut new, _end) = taken_over(&settings, &[0]);
        assert_eq!(new.enter(0, b"GET / HTTP/1.1"), None);
        let given = settings.port_share.take().expect("a foreign connection");
        assert_eq!(given.bytes, b"GET / HTTP/1.1");
    }

    #[test]
    fn more_than_the_front_of_a_packet_is_refused() {
        let settings = Arc::new(StreamSettings::default());
        let (_, end) = UnixStream::pair().expect("sockets");
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 128, 4];
        bytes.resize(30, 0);
        bytes.extend((LONGEST_PARTIAL as u32 + 1).to_le_bytes());
        bytes.resize(30 + 12 + LONGEST_PARTIAL + 1, 0);
        let mut fds = [end.into()].into_iter();
        assert_eq!(
            streams(&settings).decode(0, &mut &bytes[..], &mut fds),
            None
        );
    }
}

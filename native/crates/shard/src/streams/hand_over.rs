//! Connections on their way to another process, with what was read and not understood, and what was to be written.
//!
//! Little-endian: `u32` number of connections, and for each `u8 stage, u8 has_spoken, address[24], u32 partial, u32 queue,
//! u32 written` and the bytes of the two: the front of a packet, and whole packets behind their lengths of which the first
//! `written` bytes are gone. The descriptors come beside it, in the same order.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use datapath::Millis;

use super::{Stage, Streams};
use crate::address_record::{ADDRESS_LEN, decode_address, encode_address};
use crate::stream_queue::StreamQueue;

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
            out.extend_from_slice(&[stage, u8::from(connection.has_spoken)]);
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
            let [stage, has_spoken] = *take(bytes, 2)?.first_chunk()?;
            let path = decode_address(take(bytes, ADDRESS_LEN)?.first_chunk()?)?;
            let [partial, queue, written] =
                [take_u32(bytes)?, take_u32(bytes)?, take_u32(bytes)?].map(|len| len as usize);
            let partial = take(bytes, partial)?.to_vec();
            let queue = StreamQueue::restore(take(bytes, queue)?.to_vec(), written)?;
            self.insert(now, path, fds.next()?);
            if stage == 1 {
                self.note_served(&path);
            }
            let slot = self.slot_of(&path)?;
            let connection = self.live(slot)?;
            connection.has_spoken = has_spoken != 0;
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

use crate::framing::PREFIX_LEN;

/// Packets on their way into a connection, each behind its length, laid one behind the other.
///
/// INVARIANT: `boundary..end` is whole packets, each behind its length. The first of them may be written in part; it stays
/// at the front until the rest is.
#[derive(Default)]
pub struct StreamQueue {
    bytes: Vec<u8>,
    /// Where the first packet begins of which something is still to be written.
    boundary: usize,
    /// Written up to here.
    sent: usize,
    end: usize,
    packets: usize,
    /// Length, with its prefix, of the slot that was reserved last.
    reserved: usize,
}

impl StreamQueue {
    /// One that is built in memory that was used before.
    pub fn in_memory(bytes: Vec<u8>) -> StreamQueue {
        StreamQueue {
            bytes,
            ..StreamQueue::default()
        }
    }

    /// What `rest` has told; `None` when it is not whole packets, or more is written than the first one.
    pub fn restore(bytes: Vec<u8>, written: usize) -> Option<StreamQueue> {
        let mut queue = StreamQueue {
            end: bytes.len(),
            bytes,
            ..StreamQueue::default()
        };
        while queue.boundary < queue.end {
            queue.bytes.get(queue.boundary + 1)?;
            queue.boundary = queue.first_end();
            queue.packets += 1;
        }
        let is_whole = queue.boundary == queue.end;
        queue.boundary = 0;
        let first = if queue.packets > 0 {
            queue.first_end()
        } else {
            1
        };
        queue.sent = written;
        (is_whole && written < first).then_some(queue)
    }

    /// Packets of which something is still to be written.
    pub fn packets(&self) -> usize {
        self.packets
    }

    pub fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// A slot of `len` bytes at the end, undefined before it is written; `None` for what is no length of a packet. It is
    /// taken back unless it is committed.
    pub fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        let prefix = u16::try_from(len).ok().filter(|len| *len > 0)?;
        let start = self.end + PREFIX_LEN;
        if self.bytes.len() < start + len {
            self.bytes.resize(start + len, 0);
        }
        self.bytes[self.end..start].copy_from_slice(&prefix.to_be_bytes());
        self.reserved = PREFIX_LEN + len;
        Some(&mut self.bytes[start..start + len])
    }

    /// Keeps the slot that was reserved last. Without one nothing happens.
    pub fn commit(&mut self) {
        if self.reserved > 0 {
            self.end += std::mem::take(&mut self.reserved);
            self.packets += 1;
        }
    }

    /// What is to be written next.
    pub fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..self.end]
    }

    /// So many bytes of `unsent` have been written.
    pub fn advance(&mut self, count: usize) {
        self.sent += count;
        self.reserved = 0;
        while self.packets > 0 && self.first_end() <= self.sent {
            self.boundary = self.first_end();
            self.packets -= 1;
        }
        if self.packets == 0 {
            (self.boundary, self.sent, self.end) = (0, 0, 0);
        } else if self.boundary >= COMPACT_FROM {
            self.bytes.copy_within(self.boundary..self.end, 0);
            self.sent -= self.boundary;
            self.end -= self.boundary;
            self.boundary = 0;
        }
    }

    /// The memory, for another one.
    pub fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// For another process: the packets from the first one that is not written in full, and how much of that is.
    pub fn rest(&self) -> (&[u8], usize) {
        (
            &self.bytes[self.boundary..self.end],
            self.sent - self.boundary,
        )
    }

    fn first_end(&self) -> usize {
        let at = self.boundary;
        let len = u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]);
        at + PREFIX_LEN + usize::from(len)
    }
}

/// Written bytes are thrown away in pieces of this size.
const COMPACT_FROM: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue_of(packets: &[Vec<u8>]) -> (StreamQueue, Vec<u8>) {
        let (mut queue, mut stream) = (StreamQueue::default(), Vec::new());
        for packet in packets {
            queue.reserve(packet.len() + 3);
            queue
                .reserve(packet.len())
                .expect("slot")
                .copy_from_slice(packet);
            queue.commit();
            stream.extend((packet.len() as u16).to_be_bytes());
            stream.extend(packet);
        }
        (queue, stream)
    }

    #[test]
    fn whatever_the_pieces_the_stream_is_the_same() {
        let packets: Vec<_> = (1..200).map(|n| vec![n as u8; 7 * n]).collect();
        for step in [1, 2, 3, 1000, 65_000, 1 << 20] {
            let (mut queue, stream) = queue_of(&packets);
            let mut written = Vec::new();
            while !queue.is_empty() {
                let piece = queue.unsent()[..step.min(queue.unsent().len())].to_vec();
                queue.advance(piece.len());
                written.extend(piece);
            }
            assert!(written == stream, "in steps of {step}");
            assert!(queue.unsent().is_empty());
        }
    }

    #[test]
    fn a_packet_counts_until_its_last_byte_is_written() {
        let (mut queue, _) = queue_of(&[vec![1; 10], vec![2; 10]]);
        for (step, left) in [(11, 2), (1, 1), (11, 1), (1, 0)] {
            queue.advance(step);
            assert_eq!(queue.packets(), left);
        }
    }

    #[test]
    fn another_process_goes_on_in_the_middle_of_a_packet() {
        let (mut queue, stream) = queue_of(&[vec![1; 10], vec![2; 10]]);
        queue.advance(14);
        let (rest, written) = queue.rest();
        let again = StreamQueue::restore(rest.to_vec(), written).expect("the same");
        assert_eq!((again.unsent(), again.packets()), (&stream[14..], 1));
        assert!(StreamQueue::restore(rest[1..].to_vec(), 0).is_none());
        assert!(StreamQueue::restore(rest.to_vec(), rest.len()).is_none());
        assert!(StreamQueue::restore(vec![], 0).is_some_and(|queue| queue.is_empty()));
    }

    #[test]
    fn what_is_no_packet_gets_no_slot() {
        let mut queue = StreamQueue::default();
        assert!(queue.reserve(0).is_none() && queue.reserve(65_536).is_none());
        queue.commit();
        assert!(queue.is_empty());
    }
}

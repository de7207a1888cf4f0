use crate::segment::FlowKey;

/// Finished frames that wait for the end of the batch.
const FRAMES: usize = 8;

/// Frames for the TUN, held back until several can be written in one go.
///
/// A write into the TUN wakes whoever reads the packet at the other side of the kernel. While that one is still busy with
/// the first frame the others arrive without another wake-up, each of which costs as much as decrypting half a superpacket.
pub(crate) struct FrameQueue {
    /// Buffers of all; the first `len` are waiting.
    frames: Vec<Frame>,
    len: usize,
}

struct Frame {
    buffer: Box<[u8]>,
    len: usize,
    packets: usize,
    flow: Option<FlowKey>,
}

impl FrameQueue {
    /// `buffer_len` is the length of every buffer that goes in and comes out.
    pub fn new(buffer_len: usize) -> FrameQueue {
        let frame = || Frame {
            buffer: vec![0; buffer_len].into(),
            len: 0,
            packets: 0,
            flow: None,
        };
        FrameQueue {
            frames: (0..FRAMES).map(|_| frame()).collect(),
            len: 0,
        }
    }

    /// Takes the first `len` bytes of `buffer` and leaves another buffer in its place. A full queue is written first.
    pub fn enqueue(
        &mut self,
        buffer: &mut Box<[u8]>,
        len: usize,
        packets: usize,
        flow: FlowKey,
        write: &mut impl FnMut(&[u8], usize),
    ) {
        if self.len == self.frames.len() {
            self.flush(write);
        }
        let frame = &mut self.frames[self.len];
        std::mem::swap(&mut frame.buffer, buffer);
        (frame.len, frame.packets, frame.flow) = (len, packets, Some(flow));
        self.len += 1;
    }

    /// Whether a frame of this flow is waiting.
    pub fn holds(&self, flow: &FlowKey) -> bool {
        let waiting = &self.frames[..self.len];
        waiting
            .iter()
            .any(|frame| frame.flow.as_ref() == Some(flow))
    }

    /// Writes all, in the order they came, with the number of packets in each.
    pub fn flush(&mut self, write: &mut impl FnMut(&[u8], usize)) {
        for frame in &self.frames[..self.len] {
            write(&frame.buffer[..frame.len], frame.packets);
        }
        self.len = 0;
    }
}

use datapath::{DataPath, Millis};

use crate::framing::{Front, front};
use crate::outlet::Outlet;
use crate::pace::Work;

/// Reads the connections that are ready: one call for each, whose packets are opened where they lie.
pub struct StreamReader {
    /// Some connection is ready.
    pub ready: bool,
    buffer: Box<[u8]>,
    numbers: Vec<usize>,
}

/// What one connection may bring in a turn.
const BUFFER: usize = 128 * 1024;

impl Default for StreamReader {
    fn default() -> StreamReader {
        StreamReader::new()
    }
}

impl StreamReader {
    pub fn new() -> StreamReader {
        StreamReader {
            ready: false,
            buffer: vec![0; BUFFER].into(),
            numbers: Vec::new(),
        }
    }

    pub fn turn(
        &mut self,
        now: Millis,
        data_path: &mut DataPath,
        outlet: &mut Outlet,
        work: &mut Work,
    ) {
        if !self.ready {
            return;
        }
        outlet.streams.ready(now, &mut self.numbers);
        for index in 0..self.numbers.len() {
            let slot = self.numbers[index];
            let len = outlet.streams.read(slot, &mut self.buffer);
            work.more |= len == self.buffer.len();
            if len > 0 {
                work.packets += self.take_in(now, slot, len, data_path, outlet);
            }
        }
    }

    /// The number of packets.
    fn take_in(
        &mut self,
        now: Millis,
        slot: usize,
        len: usize,
        data_path: &mut DataPath,
        outlet: &mut Outlet,
    ) -> usize {
        let Some(mut at) = outlet.streams.enter(slot, &self.buffer[..len]) else {
            return 0;
        };
        // A header may have said who it is.
        let Some(path) = outlet.streams.path_of(slot) else {
            return 0;
        };
        let max_packet = outlet.streams.max_packet;
        let bytes = &mut self.buffer[..len];
        let mut packets = 0;
        loop {
            match front(bytes, at, max_packet) {
                Front::Packet(range) => {
                    at = range.end;
                    packets += 1;
                    data_path.inbound_stream(now, &path, &mut bytes[range], outlet);
                }
                Front::Incomplete => break,
                Front::BadLength => {
                    outlet.streams.break_off(slot);
                    break;
                }
            }
        }
        outlet.streams.keep(slot, &bytes[at..]);
        outlet.streams.note_packets(packets);
        packets
    }
}

use datapath::{DataPath, Millis};

use crate::framing::{Front, front};
use crate::outlet::Outlet;
use crate::pace::Work;
use crate::ready_queue::ReadyQueue;
use crate::streams::Read;

/// Reads the connections that are ready: one call for each, whose packets are opened where they lie.
pub struct StreamReader {
    /// Some connection is ready.
    pub ready: bool,
    buffer: Box<[u8]>,
    numbers: Vec<usize>,
    queue: ReadyQueue,
}

/// What one call may bring.
const BUFFER: usize = 128 * 1024;
/// No further connection in a turn after so many bytes, for the same reason as with UDP: the others of the shard wait for its
/// end.
const ENOUGH_READ: usize = 256 * 1024;
/// A connection has its part of that while others wait, but as much as makes a call worth it.
const LEAST_SHARE: usize = 32 * 1024;

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
            queue: ReadyQueue::default(),
        }
    }

    pub fn turn(
        &mut self,
        now: Millis,
        data_path: &mut DataPath,
        outlet: &mut Outlet,
        work: &mut Work,
    ) {
        if !self.ready && self.queue.is_empty() {
            return;
        }
        outlet.streams.ready(now, &mut self.numbers);
        for slot in self.numbers.drain(..) {
            self.queue.note_ready(slot);
        }
        let share = (ENOUGH_READ / self.queue.len().max(1)).clamp(LEAST_SHARE, BUFFER);
        let mut bytes = 0;
        while bytes < ENOUGH_READ {
            let Some(slot) = self.queue.pop() else {
                return;
            };
            let Read { len, more } = outlet.streams.read(slot, &mut self.buffer, share);
            if more {
                self.queue.note_more(slot);
            }
            bytes += len;
            if len > 0 {
                work.packets += self.take_in(now, slot, len, data_path, outlet);
            }
        }
        work.more = true;
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::SocketAddr;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use datapath::mss::MssFix;
    use datapath::{Plane, PlaneSettings, Role, TunOffloads};
    use netio::mem::SharedMemory;

    use super::*;
    use crate::control_ring::DATAGRAM;
    use crate::ring::{self, RingConsumer, RingProducer};
    use crate::shard_thread::ShardState;
    use crate::streams::Streams;
    use crate::worker_port::WorkerPort;

    const PACKET: usize = 1400;
    const DATA_V1: u8 = 6 << 3;
    const CONTROL_V1: u8 = 4 << 3;

    struct Lab {
        data_path: DataPath,
        outlet: Outlet,
        reader: StreamReader,
        records: RingConsumer,
        clients: Vec<UnixStream>,
    }

    impl Lab {
        fn new(clients: u16) -> Lab {
            let state = Arc::new(ShardState::new());
            let memory: SharedMemory = ring::allocate(1 << 16);
            let streams = Streams::new(Arc::default(), Arc::clone(&state), 1600);
            let plane = Plane::new(PlaneSettings {
                role: Role::Server,
                shards: 1,
                client_to_client: false,
                mssfix: MssFix::Off,
                tun_mtu: 1500,
                max_peers: 10,
            });
            let mut lab = Lab {
                data_path: DataPath::new(Arc::new(plane), 0, TunOffloads::default()),
                outlet: Outlet::new(
                    Vec::new(),
                    None,
                    streams.expect("a poller"),
                    vec![None],
                    RingProducer::new(memory.clone()).expect("a ring"),
                    Arc::new(WorkerPort::default()),
                    state,
                ),
                reader: StreamReader::new(),
                records: RingConsumer::new(memory).expect("a ring"),
                clients: Vec::new(),
            };
            for port in 0..clients {
                let (near, far) = UnixStream::pair().expect("sockets");
                far.set_nonblocking(true).expect("a socket");
                let addr = SocketAddr::from(([192, 0, 2, 1], port));
                lab.outlet.streams.admit(0, 0, near.into(), addr);
                lab.clients.push(far);
            }
            lab
        }

        /// As much as the socket takes; the number of bytes.
        fn send_data(&mut self, client: usize) -> usize {
            let mut packets = [0; 8 * (2 + PACKET)];
            for packet in packets.chunks_mut(2 + PACKET) {
                packet[..2].copy_from_slice(&(PACKET as u16).to_be_bytes());
                packet[2] = DATA_V1;
            }
            let mut sent = 0;
            // Where the socket has taken a part, the stream goes on in the middle of a packet; its client does not care.
            while let Ok(count) = self.clients[client].write(&packets[sent % packets.len()..]) {
                sent += count;
            }
            sent
        }

        fn send_all(&mut self) {
            for client in 0..100 {
                self.send_data(client);
            }
        }

        fn send_control(&mut self, client: usize) {
            let mut packet = [0; 2 + 14];
            packet[1] = 14;
            packet[2] = CONTROL_V1;
            self.clients[client].write_all(&packet).expect("room");
        }

        fn turn(&mut self) -> Work {
            let mut work = Work::default();
            self.reader.ready = true;
            self.reader
                .turn(1, &mut self.data_path, &mut self.outlet, &mut work);
            self.outlet.flush(1);
            work
        }

        fn control_packets(&mut self) -> usize {
            let mut count = 0;
            while let Some(record) = self.records.next_record() {
                count += usize::from(record.kind == DATAGRAM);
            }
            self.records.release();
            count
        }
    }

    #[test]
    fn a_quiet_client_is_heard_in_the_turn_after_it_spoke_beside_a_hundred_that_send() {
        let mut lab = Lab::new(101);
        lab.send_all();
        for _ in 0..5 {
            // Until everybody has had a turn.
            for _ in 0..=100 * LEAST_SHARE / ENOUGH_READ {
                lab.turn();
                lab.send_all();
            }
            lab.send_control(100);
            let work = lab.turn();
            assert!(work.more);
            assert!(work.packets <= (ENOUGH_READ + LEAST_SHARE) / PACKET + 1);
            assert_eq!(lab.control_packets(), 1);
        }
    }

    #[test]
    fn a_hundred_that_send_without_end_get_equal_shares() {
        let mut lab = Lab::new(100);
        lab.send_all();
        let mut sent = vec![0; 100];
        for _ in 0..100 {
            lab.turn();
            for (client, sent) in sent.iter_mut().enumerate() {
                *sent += lab.send_data(client);
            }
        }
        // A socket has room in large pieces.
        let (least, most) = (sent.iter().min(), sent.iter().max());
        assert!(
            least
                .zip(most)
                .is_some_and(|(least, most)| most - least <= 2 * LEAST_SHARE),
            "{sent:?}"
        );
        assert!(sent.iter().sum::<usize>() >= 90 * ENOUGH_READ, "{sent:?}");
    }
}

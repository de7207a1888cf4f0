use crate::coalesce_flow::{Flow, MAX_FRAME};
use crate::data_path::TunOffloads;
use crate::frame_queue::FrameQueue;
use crate::inner_packet::{InnerPacket, TCP, UDP};
use crate::segment::{FlowKey, Segment};
use crate::vnet::{VNET_LEN, VnetHeader};

/// Flows that may be open at once: enough for the streams of one batch, few enough to compare one by one.
const FLOWS: usize = 8;

/// Merges consecutive in-order segments of a flow into superpackets for the TUN, and writes several of those in a row.
/// The order within a flow is kept; `flush` ends the batch, nothing is held longer.
///
/// Only packets whose checksums hold are merged, so that a corrupt one cannot come out of a superpacket as a valid one.
pub struct Coalescer {
    offloads: TunOffloads,
    flows: [Flow; FLOWS],
    /// Counts openings, to write flows in the order they began.
    opened: u64,
    finished: FrameQueue,
}

impl Coalescer {
    pub fn new(offloads: TunOffloads) -> Coalescer {
        Coalescer {
            offloads,
            flows: std::array::from_fn(|_| Flow::new()),
            opened: 0,
            finished: FrameQueue::new(MAX_FRAME),
        }
    }

    pub fn offloads(&self) -> TunOffloads {
        self.offloads
    }

    /// Takes one packet: `frame` is 10 bytes of room for the virtio-net header, then the packet that `inner` was read from.
    /// `write` gets each finished frame and the number of packets in it.
    pub fn push(
        &mut self,
        frame: &mut [u8],
        inner: &InnerPacket,
        write: &mut impl FnMut(&[u8], usize),
    ) {
        let packet = &frame[VNET_LEN..];
        let Some(key) = FlowKey::of(packet, inner) else {
            return write_plain(frame, write);
        };
        let segment = Segment::parse(packet, inner).filter(|_| self.is_offloaded(inner));
        let open = self.flows.iter_mut().find(|flow| flow.is(&key));
        match (open, segment) {
            (None, None) => self.write_behind(&key, frame, write),
            (None, Some(segment)) => self.open(frame, key, segment, write),
            (Some(flow), None) => {
                flow.finish(&mut self.finished, write);
                self.write_behind(&key, frame, write);
            }
            (Some(flow), Some(segment)) => {
                let appended = flow.append(packet, &segment);
                if !appended || flow.is_full() {
                    flow.finish(&mut self.finished, write);
                }
                if !appended {
                    self.open(frame, key, segment, write);
                }
            }
        }
    }

    /// Writes all that is held, in the order the flows were opened.
    pub fn flush(&mut self, write: &mut impl FnMut(&[u8], usize)) {
        while let Some(flow) = oldest(&mut self.flows) {
            flow.finish(&mut self.finished, write);
        }
        self.finished.flush(write);
    }

    /// A segment that ends a burst gains nothing from waiting.
    fn open(
        &mut self,
        frame: &mut [u8],
        key: FlowKey,
        segment: Segment,
        write: &mut impl FnMut(&[u8], usize),
    ) {
        if segment.ends_burst {
            return self.write_behind(&key, frame, write);
        }
        if self.flows.iter().all(Flow::is_open)
            && let Some(oldest) = oldest(&mut self.flows)
        {
            oldest.finish(&mut self.finished, write);
        }
        self.opened += 1;
        let free = self.flows.iter_mut().find(|flow| !flow.is_open());
        match free {
            Some(flow) => flow.open(&frame[VNET_LEN..], key, segment, self.opened),
            None => self.write_behind(&key, frame, write),
        }
    }

    /// Writes a frame that is not merged at once, but never ahead of its own flow.
    fn write_behind(
        &mut self,
        key: &FlowKey,
        frame: &mut [u8],
        write: &mut impl FnMut(&[u8], usize),
    ) {
        if self.finished.holds(key) {
            self.finished.flush(write);
        }
        write_plain(frame, write);
    }

    fn is_offloaded(&self, inner: &InnerPacket) -> bool {
        match (inner.protocol, inner.is_v4()) {
            (TCP, true) => self.offloads.tso4,
            (TCP, false) => self.offloads.tso6,
            (UDP, _) => self.offloads.uso,
            _ => false,
        }
    }
}

fn oldest(flows: &mut [Flow]) -> Option<&mut Flow> {
    let open = flows.iter_mut().filter(|flow| flow.is_open());
    open.min_by_key(|flow| flow.opened())
}

fn write_plain(frame: &mut [u8], write: &mut impl FnMut(&[u8], usize)) {
    frame[..VNET_LEN].copy_from_slice(&VnetHeader::PLAIN.encode());
    write(frame, 1);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::split::Split;
    use crate::test_packets::{ACK, FIN, PSH, SYN, Shape, checksums_hold};
    use crate::vnet::GsoKind;

    type Frames = Vec<(VnetHeader, Vec<u8>, usize)>;

    fn coalesce(offloads: TunOffloads, packets: &[Vec<u8>]) -> Frames {
        let mut coalescer = Coalescer::new(offloads);
        let mut frames = Frames::new();
        let mut write = |frame: &[u8], count: usize| {
            let vnet = VnetHeader::decode(frame.first_chunk().unwrap()).unwrap();
            frames.push((vnet, frame[VNET_LEN..].to_vec(), count));
        };
        for packet in packets {
            let mut frame = vec![0xee; VNET_LEN];
            frame.extend_from_slice(packet);
            let inner = InnerPacket::parse(packet).unwrap();
            coalescer.push(&mut frame, &inner, &mut write);
        }
        coalescer.flush(&mut write);
        frames
    }

    /// What the kernel would make of the frames.
    fn cut(frames: Frames) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for (vnet, mut packet, count) in frames {
            let inner = InnerPacket::parse(&packet).unwrap();
            let split = Split::plan(&vnet, &inner, &mut packet).unwrap();
            assert_eq!(split.segments(), count);
            for index in 0..count {
                let mut out = vec![0; split.segment_len(index)];
                split.write(&packet, index, &mut out);
                packets.push(out);
            }
        }
        packets
    }

    /// `count` consecutive segments of `size` bytes.
    fn train(mut shape: Shape, size: usize, count: usize) -> Vec<Vec<u8>> {
        let step = |index: usize| {
            let packet = shape.packet(&vec![index as u8 + 1; size]);
            shape.sequence += size as u32;
            shape.ip_id = shape.ip_id.wrapping_add(1);
            packet
        };
        (0..count).map(step).collect()
    }

    fn counts(frames: &Frames) -> Vec<usize> {
        frames.iter().map(|frame| frame.2).collect()
    }

    #[test]
    fn a_train_of_each_kind_becomes_one_superpacket() {
        let kinds = [
            (Shape::tcp(false, 2), GsoKind::Tcp4, 40),
            (Shape::tcp(true, 2), GsoKind::Tcp6, 60),
            (Shape::udp(false, 2), GsoKind::Udp, 28),
            (Shape::udp(true, 2), GsoKind::Udp, 48),
        ];
        for (shape, gso, hdr_len) in kinds {
            let csum_offset = if shape.udp { 6 } else { 16 };
            let packets = train(shape, 1000, 20);
            let frames = coalesce(TunOffloads::ALL, &packets);
            let expected = VnetHeader {
                needs_csum: true,
                gso,
                hdr_len,
                gso_size: 1000,
                csum_start: if gso == GsoKind::Tcp4 || hdr_len == 28 {
                    20
                } else {
                    40
                },
                csum_offset,
            };
            assert_eq!((frames[0].0, counts(&frames)), (expected, vec![20]));
            assert_eq!(cut(frames), packets);
        }
    }

    #[test]
    fn a_superpacket_stays_below_64_kilobytes() {
        let packets = train(Shape::tcp(false, 2), 1400, 100);
        let frames = coalesce(TunOffloads::ALL, &packets);
        assert_eq!(counts(&frames), [46, 46, 8]);
        assert_eq!(cut(frames), packets);
    }

    #[test]
    fn a_push_a_fin_or_a_shorter_segment_ends_a_superpacket() {
        for flags in [ACK | PSH, ACK | FIN] {
            let mut packets = train(Shape::tcp(false, 2), 100, 4);
            packets[2] = Shape {
                flags,
                sequence: 1200,
                ip_id: 102,
                ..Shape::tcp(false, 2)
            }
            .packet(&[9; 100]);
            let frames = coalesce(TunOffloads::ALL, &packets);
            assert_eq!(counts(&frames), [3, 1]);
            assert_eq!(cut(frames), packets);
        }
        let mut packets = train(Shape::udp(true, 2), 100, 3);
        packets.extend(train(Shape::udp(true, 2), 99, 2));
        assert_eq!(counts(&coalesce(TunOffloads::ALL, &packets)), [4, 1]);
    }

    #[test]
    fn a_gap_a_reset_a_pure_ack_and_other_options_are_not_merged() {
        let base = Shape::tcp(false, 2);
        let next = Shape {
            sequence: 1100,
            ip_id: 101,
            ..base.clone()
        };
        let others = [
            Shape {
                sequence: 1101,
                ..next.clone()
            }
            .packet(&[1; 100]),
            Shape {
                flags: ACK | 4,
                ..next.clone()
            }
            .packet(&[1; 100]),
            Shape {
                flags: ACK | SYN,
                ..next.clone()
            }
            .packet(&[1; 100]),
            Shape {
                options: vec![1, 1, 1, 1],
                ..next.clone()
            }
            .packet(&[1; 100]),
            Shape {
                dont_fragment: false,
                ..next.clone()
            }
            .packet(&[1; 100]),
            Shape {
                dont_fragment: false,
                ip_id: 7,
                ..next.clone()
            }
            .packet(&[1; 100]),
            next.packet(&[]),
        ];
        for other in others {
            let packets = [base.packet(&[1; 100]), other];
            let frames = coalesce(TunOffloads::ALL, &packets);
            assert_eq!(counts(&frames), [1, 1]);
            assert_eq!(cut(frames), packets);
        }
    }

    #[test]
    fn a_constant_id_is_fine_where_fragmenting_is_forbidden() {
        let packets: Vec<_> = (0..3u32)
            .map(|n| {
                Shape {
                    ip_id: 0,
                    sequence: n * 10,
                    ..Shape::tcp(false, 2)
                }
                .packet(&[n as u8; 10])
            })
            .collect();
        assert_eq!(counts(&coalesce(TunOffloads::ALL, &packets)), [3]);
    }

    /// Bytes 10 and 24: the IP header's checksum and the TCP header's sequence number; 90: the payload.
    #[test]
    fn a_corrupt_packet_stays_corrupt_and_alone() {
        for victim in 0..3 {
            for at in [10, 90] {
                let mut packets = train(Shape::tcp(false, 2), 100, 3);
                packets[victim][at] ^= 0x40;
                let after = cut(coalesce(TunOffloads::ALL, &packets));
                assert_eq!(after, packets);
                assert!(!checksums_hold(&after[victim]));
            }
        }
    }

    #[test]
    fn flows_are_merged_side_by_side() {
        let (a, b) = (
            train(Shape::tcp(false, 2), 500, 5),
            train(Shape::udp(true, 3), 400, 5),
        );
        let packets: Vec<_> = a
            .iter()
            .zip(&b)
            .flat_map(|(a, b)| [a.clone(), b.clone()])
            .collect();
        let frames = coalesce(TunOffloads::ALL, &packets);
        assert_eq!(counts(&frames), [5, 5]);
        assert_eq!(cut(frames), [a, b].concat());
    }

    #[test]
    fn what_the_device_does_not_take_is_written_alone() {
        let packets = train(Shape::udp(false, 2), 500, 5);
        let without = TunOffloads {
            uso: false,
            ..TunOffloads::ALL
        };
        assert_eq!(counts(&coalesce(without, &packets)), [1; 5]);
    }

    #[test]
    fn udp_without_a_checksum_is_left_alone() {
        let mut packets = train(Shape::udp(false, 2), 500, 3);
        for packet in &mut packets {
            packet[26..28].fill(0);
        }
        let frames = coalesce(TunOffloads::ALL, &packets);
        assert_eq!(cut(frames), packets);
    }

    fn any_shape() -> impl Strategy<Value = (Shape, usize, bool)> {
        let kind = (
            any::<bool>(),
            any::<bool>(),
            2u8..14,
            any::<bool>(),
            any::<bool>(),
        );
        let rest = (
            prop_oneof![
                Just(ACK),
                Just(ACK | PSH),
                Just(ACK | FIN),
                Just(SYN),
                Just(ACK | 0x40)
            ],
            0usize..3,
            0usize..20,
        );
        (kind, rest).prop_map(
            |((v6, udp, host, dont_fragment, in_order), (flags, options, size))| {
                let flags = if size % 4 == 0 { flags } else { ACK };
                let options = if udp {
                    Vec::new()
                } else {
                    vec![1; options / 2 * 4]
                };
                let size = if size < 14 { 700 } else { size * 40 - 560 };
                (
                    Shape {
                        flags,
                        options,
                        dont_fragment,
                        ..Shape {
                            udp,
                            ..Shape::tcp(v6, host / 3)
                        }
                    },
                    size,
                    in_order,
                )
            },
        )
    }

    proptest! {
        /// Whatever comes in comes out of the kernel's cut again, unchanged and in order per flow.
        #[test]
        fn cutting_undoes_merging(steps in proptest::collection::vec(any_shape(), 1..120), start in any::<u32>()) {
            let mut next = std::collections::HashMap::new();
            let mut packets = Vec::new();
            for (mut shape, size, in_order) in steps {
                let (sequence, id) = next.entry((shape.v6, shape.udp, shape.host)).or_insert((start, start as u16));
                (shape.sequence, shape.ip_id) = (*sequence, *id);
                let payload: Vec<u8> = (0..size).map(|at| (at * 7 + packets.len()) as u8).collect();
                packets.push(shape.packet(&payload));
                *id = id.wrapping_add(1);
                *sequence = sequence.wrapping_add(if in_order { size as u32 } else { 99 });
            }
            let mut after = cut(coalesce(TunOffloads::ALL, &packets));
            let flow = |packet: &Vec<u8>| if packet[0] >> 4 == 4 { (packet[9], packet[15]) } else { (packet[6] + 100, packet[23]) };
            packets.sort_by_key(flow);
            after.sort_by_key(flow);
            prop_assert_eq!(after, packets);
        }
    }
}

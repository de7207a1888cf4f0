use datapath::coalesce::Coalescer;
use datapath::inner_packet::InnerPacket;
use datapath::{TunOffloads, VNET_LEN};

use crate::bytes::Bytes;
use crate::test_packets::{PSH, Shape};

/// A batch of packets, some of them neighbours of a flow: each comes out once, and nothing grows.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut coalescer = Coalescer::new(TunOffloads::ALL);
    let (mut packets, mut room, mut count, mut len) = (0, 0, 0, 0);
    let mut write = |frame: &[u8], of: usize| {
        count += of;
        len += frame.len();
        assert!(of > 0 && frame.len() > VNET_LEN && frame.len() <= VNET_LEN + 0xffff + 1);
    };
    while !bytes.is_empty() {
        let packet = next_packet(&mut bytes);
        let Some(inner) = InnerPacket::parse(&packet) else {
            continue;
        };
        let mut frame = [&[0; VNET_LEN][..], &packet[..inner.total_len]].concat();
        packets += 1;
        room += frame.len();
        coalescer.push(&mut frame, &inner, &mut write);
        if bytes.u8() == 0 {
            coalescer.flush(&mut write);
        }
    }
    coalescer.flush(&mut write);
    assert_eq!(count, packets);
    assert!(len <= room);
}

/// Any bytes, or a good segment whose place in the flow the input says.
fn next_packet(bytes: &mut Bytes) -> Vec<u8> {
    let form = bytes.u8();
    if form & 1 == 0 {
        return bytes.sized().to_vec();
    }
    let shape = Shape {
        port: 5000 + u16::from(form >> 6),
        sequence: u32::from(bytes.u8()) * 100,
        ip_id: u16::from(bytes.u8()),
        flags: bytes.u8() | if form & 8 == 0 { 0 } else { PSH },
        dont_fragment: form & 16 == 0,
        options: vec![1; usize::from(form >> 5 & 1) * 4],
        ..Shape::tcp(form & 4 != 0, 2)
    };
    let shape = Shape {
        udp: form & 2 != 0,
        ..shape
    };
    shape.packet(&vec![form; usize::from(bytes.u8())])
}

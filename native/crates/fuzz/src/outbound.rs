use datapath::inner_packet::InnerPacket;
use datapath::split::Split;
use datapath::{Cipher, DataFormat, VNET_LEN, VnetHeader};

use crate::test_sink::{RecordingSink, pair};

/// Frames of a TUN: any virtio-net header before any packet. The pieces of a superpacket are its length together.
pub fn run(input: &[u8]) {
    let Some((header, packet)) = input.split_first_chunk::<VNET_LEN>() else {
        return;
    };
    let (mut server, _) = pair(Cipher::Aes128Gcm, DataFormat::V2);
    server.outbound(0, &mut input.to_vec(), &mut RecordingSink::default());
    let (Some(vnet), Some(inner)) = (VnetHeader::decode(header), InnerPacket::parse(packet)) else {
        return;
    };
    let mut packet = packet.to_vec();
    let Ok(split) = Split::plan(&vnet, &inner, &mut packet) else {
        return;
    };
    let mut out = vec![0; packet.len()];
    for index in 0..split.segments() {
        let segment = &mut out[..split.segment_len(index)];
        split.write(&packet, index, segment);
        let parsed = InnerPacket::parse(segment);
        assert_eq!(parsed.map(|of| of.total_len), Some(segment.len()));
    }
}

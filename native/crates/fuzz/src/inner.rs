use datapath::inner_packet::InnerPacket;
use datapath::{mss, wire};

use crate::test_packets::checksums_hold;

/// What reads a header: the classifier of datagrams, inner packets, the MSS of a SYN.
pub fn run(input: &[u8]) {
    let [high, low, packet @ ..] = input else {
        return;
    };
    for role in [datapath::Role::Server, datapath::Role::Client] {
        wire::classify(packet, role);
    }
    let Some(inner) = InnerPacket::parse(packet) else {
        return;
    };
    assert!(inner.l4 <= inner.total_len && inner.total_len <= packet.len());
    assert!(matches!(inner.addresses(packet).len(), 8 | 32));
    let mut clamped = packet.to_vec();
    mss::clamp(&mut clamped, &inner, u16::from_be_bytes([*high, *low]));
    assert_eq!(InnerPacket::parse(&clamped), Some(inner));
    if checksums_hold(&packet[..inner.total_len]) {
        assert!(checksums_hold(&clamped[..inner.total_len]));
    }
}

//! The packets of a flow: IPv4, UDP, and a payload that says what it is and shows every changed byte.
//!
//! Payload, little-endian: `u32 magic | u32 flow | u64 number | u64 sent at | u64 check | fill`, where `check` depends on
//! all fields before it and `fill` is `check` again and again.

use std::net::{IpAddr, Ipv4Addr};

use datapath::checksum;
use datapath::inner_packet::{InnerPacket, UDP};

use crate::clock::Nanos;

/// IPv4 and UDP.
pub const HEADERS: usize = 28;
/// The smallest UDP payload.
pub const MIN_PAYLOAD: usize = 32;
/// UDP port of every simulated client.
pub const CLIENT_PORT: u16 = 7001;

const IP_HEADER: usize = 20;
const MAGIC: u32 = 0x5356_4c44;
const TTL: u8 = 64;

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub port: u16,
}

/// Which packet of which flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub flow: u32,
    /// Counts from 1.
    pub number: u64,
    /// By the clock of the process, or `UNKNOWN`.
    pub sent: Nanos,
}

/// When another process has sent a packet, whose clock says nothing here.
pub const UNKNOWN: Nanos = 0;

/// What a client has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Stamped {
        stamp: Stamp,
        destination: Ipv4Addr,
    },
    /// For our port, but not as it was sent.
    Corrupt,
    /// Something that no flow has sent: ICMP, multicast.
    Foreign,
}

/// Fills `packet`, whose length is `HEADERS` and the payload's.
pub fn encode(packet: &mut [u8], route: &Route, stamp: &Stamp) {
    let (ip, udp) = packet.split_at_mut(IP_HEADER);
    encode_payload(&mut udp[HEADERS - IP_HEADER..], stamp);
    encode_ip(ip, udp.len(), route, stamp.number as u16);
    let udp_len = udp.len() as u16;
    udp[0..2].copy_from_slice(&CLIENT_PORT.to_be_bytes());
    udp[2..4].copy_from_slice(&route.port.to_be_bytes());
    udp[4..6].copy_from_slice(&udp_len.to_be_bytes());
    udp[6..8].fill(0);
    let sum = checksum::pseudo_header(&ip[12..20], UDP, udp.len()) + checksum::sum(udp);
    // A sum of 0 would mean that there is none.
    let field = match !checksum::fold(sum) {
        0 => 0xffff,
        other => other,
    };
    udp[6..8].copy_from_slice(&field.to_be_bytes());
}

/// Reads and checks an inner packet.
pub fn decode(packet: &[u8]) -> Arrival {
    let Some(inner) = InnerPacket::parse(packet) else {
        return Arrival::Foreign;
    };
    let IpAddr::V4(destination) = inner.destination else {
        return Arrival::Foreign;
    };
    let udp = &packet[inner.l4..inner.total_len];
    let to_us = inner.protocol == UDP
        && !inner.is_fragment
        && udp.len() >= 8
        && udp[2..4] == CLIENT_PORT.to_be_bytes();
    if !to_us {
        return Arrival::Foreign;
    }
    match decode_payload(&udp[8..]) {
        Some(stamp) => Arrival::Stamped { stamp, destination },
        None => Arrival::Corrupt,
    }
}

fn encode_ip(ip: &mut [u8], l4_len: usize, route: &Route, id: u16) {
    let total = (IP_HEADER + l4_len) as u16;
    ip.fill(0);
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    ip[4..6].copy_from_slice(&id.to_be_bytes());
    ip[8] = TTL;
    ip[9] = UDP;
    ip[12..16].copy_from_slice(&route.source.octets());
    ip[16..20].copy_from_slice(&route.destination.octets());
    let checksum = checksum::ipv4_header(ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// `payload` is at least `MIN_PAYLOAD` long.
pub fn encode_payload(payload: &mut [u8], stamp: &Stamp) {
    let check = check_of(stamp);
    payload[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    payload[4..8].copy_from_slice(&stamp.flow.to_le_bytes());
    payload[8..16].copy_from_slice(&stamp.number.to_le_bytes());
    payload[16..24].copy_from_slice(&stamp.sent.to_le_bytes());
    for chunk in payload[24..].chunks_mut(8) {
        chunk.copy_from_slice(&check.to_le_bytes()[..chunk.len()]);
    }
}

pub fn decode_payload(payload: &[u8]) -> Option<Stamp> {
    let head: &[u8; MIN_PAYLOAD] = payload.first_chunk()?;
    let word =
        |at: usize| -> Option<u64> { head[at..].first_chunk().map(|b| u64::from_le_bytes(*b)) };
    let first = word(0)?;
    let stamp = Stamp {
        flow: (first >> 32) as u32,
        number: word(8)?,
        sent: word(16)?,
    };
    let check = check_of(&stamp).to_le_bytes();
    let intact = first as u32 == MAGIC
        && payload[24..]
            .chunks(8)
            .all(|chunk| *chunk == check[..chunk.len()]);
    intact.then_some(stamp)
}

/// Any changed bit of the fields changes about half of these. (splitmix64)
fn check_of(stamp: &Stamp) -> u64 {
    let mut x = stamp.number ^ stamp.sent.rotate_left(24) ^ u64::from(stamp.flow).rotate_left(40);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUTE: Route = Route {
        source: Ipv4Addr::new(10, 8, 0, 2),
        destination: Ipv4Addr::new(10, 8, 0, 3),
        port: CLIENT_PORT,
    };

    fn packet(len: usize, stamp: &Stamp) -> Vec<u8> {
        let mut packet = vec![0xaa; HEADERS + len];
        encode(&mut packet, &ROUTE, stamp);
        packet
    }

    #[test]
    fn checksums_are_complete() {
        let packet = packet(
            101,
            &Stamp {
                flow: 1,
                number: 2,
                sent: 3,
            },
        );
        let (ip, udp) = packet.split_at(IP_HEADER);
        assert_eq!(checksum::fold(checksum::sum(ip)), 0xffff);
        let sum = checksum::pseudo_header(&ip[12..20], UDP, udp.len()) + checksum::sum(udp);
        assert_eq!(checksum::fold(sum), 0xffff);
    }

    #[test]
    fn what_is_not_for_our_port_is_foreign() {
        let mut other = packet(
            32,
            &Stamp {
                flow: 1,
                number: 2,
                sent: 3,
            },
        );
        other[22] ^= 1;
        assert_eq!(decode(&other), Arrival::Foreign);
        assert_eq!(decode(&[]), Arrival::Foreign);
    }

    proptest! {
        #[test]
        fn a_stamp_arrives_as_it_was_sent(flow: u32, number: u64, sent: u64, len in MIN_PAYLOAD..1400) {
            let stamp = Stamp { flow, number, sent };
            let expected = Arrival::Stamped { stamp, destination: ROUTE.destination };
            prop_assert_eq!(decode(&packet(len, &stamp)), expected);
        }

        #[test]
        fn every_changed_bit_of_the_payload_shows(number: u64, len in MIN_PAYLOAD..200, at: usize, bit in 0..8) {
            let mut changed = packet(len, &Stamp { flow: 7, number, sent: 9 });
            changed[HEADERS + at % len] ^= 1u8 << bit;
            prop_assert_eq!(decode(&changed), Arrival::Corrupt);
        }
    }
}

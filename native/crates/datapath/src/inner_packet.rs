use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::be16;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const IPV6_HEADER_LEN: usize = 40;

/// The IP header of an inner packet, found consistent with the packet's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerPacket {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Length by the header; the packet may have padding behind it.
    pub total_len: usize,
    /// Where the IP header ends. IPv6 extension headers are not walked: they count as the protocol.
    pub l4: usize,
    pub protocol: u8,
    /// A fragment of a datagram, the first one included: its L4 header, if any, does not speak for the whole.
    pub is_fragment: bool,
}

impl InnerPacket {
    /// `None` for anything that is not a whole IPv4 or IPv6 packet.
    pub fn parse(packet: &[u8]) -> Option<InnerPacket> {
        match packet.first()? >> 4 {
            4 => parse_v4(packet),
            6 => parse_v6(packet),
            _ => None,
        }
    }

    pub fn is_v4(&self) -> bool {
        self.source.is_ipv4()
    }

    /// The two addresses as they stand in the header, for the pseudo header and as a flow's name.
    pub fn addresses<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        if self.is_v4() {
            &packet[12..20]
        } else {
            &packet[8..40]
        }
    }
}

fn parse_v4(packet: &[u8]) -> Option<InnerPacket> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let l4 = usize::from(header[0] & 15) * 4;
    let total_len = usize::from(be16(header, 2));
    if l4 < 20 || total_len < l4 || packet.len() < total_len {
        return None;
    }
    Some(InnerPacket {
        source: IpAddr::V4(Ipv4Addr::new(
            header[12], header[13], header[14], header[15],
        )),
        destination: IpAddr::V4(Ipv4Addr::new(
            header[16], header[17], header[18], header[19],
        )),
        total_len,
        l4,
        protocol: header[9],
        is_fragment: be16(header, 6) & 0x3fff != 0,
    })
}

fn parse_v6(packet: &[u8]) -> Option<InnerPacket> {
    let header: &[u8; IPV6_HEADER_LEN] = packet.first_chunk()?;
    let total_len = IPV6_HEADER_LEN + usize::from(be16(header, 4));
    if packet.len() < total_len {
        return None;
    }
    let address = |at: usize| {
        let bytes = header[at..].first_chunk::<16>();
        bytes.map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)))
    };
    Some(InnerPacket {
        source: address(8)?,
        destination: address(24)?,
        total_len,
        l4: IPV6_HEADER_LEN,
        protocol: header[6],
        is_fragment: false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_that_contradicts_the_packet_is_refused() {
        let mut v4 = vec![0u8; 24];
        v4[0] = 0x45;
        for (total_len, good) in [(20, true), (24, true), (25, false), (19, false)] {
            v4[3] = total_len;
            assert_eq!(InnerPacket::parse(&v4).is_some(), good, "{total_len}");
        }
        v4[0] = 0x44;
        assert!(InnerPacket::parse(&v4).is_none());
        let mut v6 = vec![0u8; 45];
        v6[0] = 0x60;
        for (payload_len, good) in [(0, true), (5, true), (6, false)] {
            v6[5] = payload_len;
            assert_eq!(InnerPacket::parse(&v6).is_some(), good, "{payload_len}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(first in any::<u8>(), mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            if let Some(inner) = InnerPacket::parse(&bytes) {
                prop_assert!(inner.l4 <= inner.total_len && inner.total_len <= bytes.len());
            }
        }
    }
}

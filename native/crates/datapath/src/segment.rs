use crate::checksum;
use crate::inner_packet::{InnerPacket, TCP, UDP};
use crate::wire::{be16, be32};

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const ECE: u8 = 0x40;

/// The name of a TCP or UDP flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    addresses: [u8; 32],
    ports: [u8; 4],
    protocol: u8,
    is_v4: bool,
}

impl FlowKey {
    /// `None` for what is not TCP or UDP, or is a fragment.
    pub fn of(packet: &[u8], inner: &InnerPacket) -> Option<FlowKey> {
        if !matches!(inner.protocol, TCP | UDP) || inner.is_fragment {
            return None;
        }
        let mut key = FlowKey {
            addresses: [0; 32],
            ports: *packet.get(inner.l4..)?.first_chunk()?,
            protocol: inner.protocol,
            is_v4: inner.is_v4(),
        };
        let addresses = inner.addresses(packet);
        key.addresses[..addresses.len()].copy_from_slice(addresses);
        Some(key)
    }
}

/// A TCP or UDP packet that may be part of a superpacket: payload, no IP options, only harmless flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub is_v4: bool,
    pub is_tcp: bool,
    pub l4: usize,
    /// IP and L4 header.
    pub header_len: usize,
    pub payload_len: usize,
    /// FIN or PSH: the sender has nothing more for now.
    pub ends_burst: bool,
}

impl Segment {
    pub fn parse(packet: &[u8], inner: &InnerPacket) -> Option<Segment> {
        let packet = &packet[..inner.total_len];
        let l4 = packet.get(inner.l4..)?;
        if inner.is_fragment || (inner.is_v4() && inner.l4 != 20) {
            return None;
        }
        let (header_len, ends_burst) = match inner.protocol {
            TCP => tcp_header(l4)?,
            UDP => (udp_header(l4)?, false),
            _ => return None,
        };
        let payload_len = l4.len().checked_sub(header_len).filter(|len| *len > 0)?;
        Some(Segment {
            is_v4: inner.is_v4(),
            is_tcp: inner.protocol == TCP,
            l4: inner.l4,
            header_len: inner.l4 + header_len,
            payload_len,
            ends_burst,
        })
    }

    /// May `next` follow `first` (of the same flow, `offset` payload bytes and `count` packets before it) in a superpacket?
    /// Everything that a cut copies from the first header must be equal.
    pub fn continues(&self, first: &[u8], next: &[u8], offset: usize, count: usize) -> bool {
        let same = |range: std::ops::Range<usize>| first[range.clone()] == next[range];
        let same_ip = if self.is_v4 {
            same(0..2) && same(6..9) && self.id_continues(first, next, count)
        } else {
            same(0..4) && same(7..8)
        };
        if !same_ip || !self.is_tcp {
            return same_ip;
        }
        let (l4, burst_flags) = (self.l4, FIN | PSH);
        same(l4 + 8..l4 + 13)
            && (first[l4 + 13] ^ next[l4 + 13]) & !burst_flags == 0
            && same(l4 + 14..l4 + 16)
            && same(l4 + 18..self.header_len)
            && be32(next, l4 + 4) == be32(first, l4 + 4).wrapping_add(offset as u32)
    }

    /// The kernel counts the id up from segment to segment. Where fragmenting is forbidden the id means nothing,
    /// so a constant one is fine too.
    fn id_continues(&self, first: &[u8], next: &[u8], count: usize) -> bool {
        let (base, id) = (be16(first, 4), be16(next, 4));
        let dont_fragment = first[6] & 0x40 != 0;
        id == base.wrapping_add(count as u16) || (dont_fragment && id == base)
    }

    /// Do the IPv4 header's and the L4 checksum hold?
    pub fn is_intact(&self, packet: &[u8]) -> bool {
        let payload = &packet[self.header_len..self.header_len + self.payload_len];
        self.is_intact_with(packet, checksum::sum(payload))
    }

    /// The same where the payload's sum is known.
    pub fn is_intact_with(&self, packet: &[u8], payload_sum: u32) -> bool {
        // The addresses of the pseudo header stand right before the L4 header: there are no options between.
        let (addresses, protocol) = if self.is_v4 {
            (12, packet[9])
        } else {
            (8, packet[6])
        };
        let l4_len = self.header_len - self.l4 + self.payload_len;
        let headers = checksum::sum(&packet[addresses..self.header_len]);
        (!self.is_v4 || checksum::fold(checksum::sum(&packet[..20])) == 0xffff)
            && checksum::fold(headers + u32::from(protocol) + l4_len as u32 + payload_sum) == 0xffff
    }
}

/// Length of the header, and whether it ends a burst. CWR is left out: it may only stand on a first segment.
fn tcp_header(l4: &[u8]) -> Option<(usize, bool)> {
    let (len, flags) = (usize::from(l4.get(12)? >> 4) * 4, *l4.get(13)?);
    let mergeable = len >= 20 && flags & ACK != 0 && flags & !(ACK | PSH | FIN | ECE) == 0;
    mergeable.then_some((len, flags & (PSH | FIN) != 0))
}

/// UDP without a checksum would come out of the cut with one.
fn udp_header(l4: &[u8]) -> Option<usize> {
    let mergeable = l4.len() > 8 && usize::from(be16(l4, 4)) == l4.len() && be16(l4, 6) != 0;
    mergeable.then_some(8)
}

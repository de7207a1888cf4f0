use crate::checksum;
use crate::inner_packet::{IPV6_HEADER_LEN, InnerPacket, TCP, UDP};
use crate::stats::DropReason;
use crate::vnet::{GsoKind, VnetHeader};
use crate::wire::{be16, be32};

const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// How a packet from the TUN is cut into segments. Holds no bytes: `write` is given the superpacket again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    kind: Kind,
    is_v4: bool,
    /// IP header, with IPv6 extension headers.
    l4: usize,
    /// IP and L4 header, repeated in each segment; 0 for a whole packet.
    header_len: usize,
    /// L4 payload per segment.
    step: usize,
    total_len: usize,
    segments: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Tcp,
    Udp,
}

impl Split {
    /// Decides the cuts. A packet that stays whole gets its checksum completed where the kernel has left that to us.
    pub fn plan(
        vnet: &VnetHeader,
        inner: &InnerPacket,
        packet: &mut [u8],
    ) -> Result<Split, DropReason> {
        if vnet.gso != GsoKind::None {
            return plan_segments(vnet, inner, packet).ok_or(DropReason::MalformedSuperpacket);
        }
        if vnet.needs_csum {
            complete_checksum(vnet, inner.l4, &mut packet[..inner.total_len])
                .ok_or(DropReason::MalformedSuperpacket)?;
        }
        Ok(Split {
            kind: Kind::Whole,
            is_v4: inner.is_v4(),
            l4: inner.l4,
            header_len: 0,
            step: inner.total_len,
            total_len: inner.total_len,
            segments: 1,
        })
    }

    pub fn segments(&self) -> usize {
        self.segments
    }

    /// Length of segment `index` with its headers.
    pub fn segment_len(&self, index: usize) -> usize {
        let start = self.header_len + index * self.step;
        self.header_len + self.step.min(self.total_len - start)
    }

    /// Writes segment `index` of `packet` to `out`, which is `segment_len(index)` long.
    pub fn write(&self, packet: &[u8], index: usize, out: &mut [u8]) {
        let start = self.header_len + index * self.step;
        let (header, payload) = out.split_at_mut(self.header_len);
        header.copy_from_slice(&packet[..self.header_len]);
        let from = &packet[start..start + payload.len()];
        if self.kind == Kind::Whole {
            return payload.copy_from_slice(from);
        }
        // One pass over the payload for both.
        let payload_sum = checksum::copy(from, payload);
        self.patch_ip(index, out);
        if self.kind == Kind::Tcp {
            self.patch_tcp(index, out, payload_sum);
        } else {
            self.patch_udp(out, payload_sum);
        }
    }

    /// Length, and for IPv4 the id, which counts up as if the segments had been sent one by one.
    fn patch_ip(&self, index: usize, out: &mut [u8]) {
        if !self.is_v4 {
            let payload_len = (out.len() - IPV6_HEADER_LEN) as u16;
            out[4..6].copy_from_slice(&payload_len.to_be_bytes());
            return;
        }
        let total_len = out.len() as u16;
        out[2..4].copy_from_slice(&total_len.to_be_bytes());
        let id = be16(out, 4).wrapping_add(index as u16);
        out[4..6].copy_from_slice(&id.to_be_bytes());
        let sum = checksum::ipv4_header(&out[..self.l4]);
        out[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    fn patch_tcp(&self, index: usize, out: &mut [u8], payload_sum: u32) {
        let segment = &mut out[self.l4..];
        let sequence = be32(segment, 4).wrapping_add((index * self.step) as u32);
        segment[4..8].copy_from_slice(&sequence.to_be_bytes());
        if index + 1 < self.segments {
            segment[13] &= !FIN_PSH;
        }
        if index > 0 {
            segment[13] &= !CWR;
        }
        self.patch_checksum(TCP, 16, out, payload_sum);
    }

    fn patch_udp(&self, out: &mut [u8], payload_sum: u32) {
        let len = (out.len() - self.l4) as u16;
        out[self.l4 + 4..self.l4 + 6].copy_from_slice(&len.to_be_bytes());
        self.patch_checksum(UDP, 6, out, payload_sum);
    }

    fn patch_checksum(&self, protocol: u8, offset: usize, out: &mut [u8], payload_sum: u32) {
        let (ip, segment) = out.split_at_mut(self.l4);
        let addresses = if self.is_v4 { &ip[12..20] } else { &ip[8..40] };
        segment[offset..offset + 2].fill(0);
        let pseudo = checksum::pseudo_header(addresses, protocol, segment.len());
        let header = checksum::sum(&segment[..self.header_len - self.l4]);
        let sum = !checksum::fold(pseudo + header + payload_sum);
        segment[offset..offset + 2]
            .copy_from_slice(&on_the_wire(sum, protocol == UDP).to_be_bytes());
    }
}

/// Header lengths are found in the packet, not believed: the virtio-net header's own may be larger.
fn plan_segments(vnet: &VnetHeader, inner: &InnerPacket, packet: &[u8]) -> Option<Split> {
    let (kind, protocol, fits_family) = match vnet.gso {
        GsoKind::Tcp4 => (Kind::Tcp, TCP, inner.is_v4()),
        GsoKind::Tcp6 => (Kind::Tcp, TCP, !inner.is_v4()),
        GsoKind::Udp => (Kind::Udp, UDP, true),
        GsoKind::None => return None,
    };
    let has_extensions = !inner.is_v4() && inner.protocol != protocol && vnet.needs_csum;
    let l4 = if has_extensions {
        usize::from(vnet.csum_start).max(IPV6_HEADER_LEN)
    } else {
        inner.l4
    };
    let l4_header_len = match kind {
        Kind::Tcp => usize::from(packet.get(l4 + 12)? >> 4) * 4,
        Kind::Udp | Kind::Whole => 8,
    };
    let header_len = l4 + l4_header_len;
    let step = usize::from(vnet.gso_size);
    let is_sound = fits_family
        && (inner.protocol == protocol || has_extensions)
        && !inner.is_fragment
        && (kind == Kind::Udp || l4_header_len >= 20)
        && header_len < inner.total_len
        && step > 0;
    is_sound.then(|| Split {
        kind,
        is_v4: inner.is_v4(),
        l4,
        header_len,
        step,
        total_len: inner.total_len,
        segments: (inner.total_len - header_len).div_ceil(step),
    })
}

/// The checksum field holds the pseudo header's sum; the rest is added here. Nothing before `l4` is of a checksum to come.
fn complete_checksum(vnet: &VnetHeader, l4: usize, packet: &mut [u8]) -> Option<()> {
    let start = usize::from(vnet.csum_start);
    let segment = packet.get_mut(start..).filter(|_| start >= l4)?;
    let at = usize::from(vnet.csum_offset);
    if segment.len() < at + 2 {
        return None;
    }
    let sum = !checksum::fold(checksum::sum(segment));
    segment[at..at + 2].copy_from_slice(&on_the_wire(sum, at == 6).to_be_bytes());
    Some(())
}

/// UDP says "no checksum" with 0, so a sum of 0 is sent as its other form.
fn on_the_wire(sum: u16, is_udp: bool) -> u16 {
    if is_udp && sum == 0 { 0xffff } else { sum }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_packets::{ACK, FIN, PSH, Shape, checksums_hold};

    fn vnet(shape: &Shape, gso_size: u16) -> VnetHeader {
        VnetHeader {
            needs_csum: true,
            gso: match (shape.udp, shape.v6) {
                (true, _) => GsoKind::Udp,
                (false, false) => GsoKind::Tcp4,
                (false, true) => GsoKind::Tcp6,
            },
            // The kernel may say more than the headers' length here.
            hdr_len: 128,
            gso_size,
            csum_start: if shape.v6 { 40 } else { 20 },
            csum_offset: if shape.udp { 6 } else { 16 },
        }
    }

    fn cut(vnet: &VnetHeader, packet: &mut [u8]) -> Result<Vec<Vec<u8>>, DropReason> {
        let inner = InnerPacket::parse(packet).unwrap();
        let split = Split::plan(vnet, &inner, packet)?;
        let segment = |index| {
            let mut out = vec![0xcc; split.segment_len(index)];
            split.write(packet, index, &mut out);
            out
        };
        Ok((0..split.segments()).map(segment).collect())
    }

    #[test]
    fn a_checksum_inside_the_ip_header_is_refused() {
        let vnet = VnetHeader {
            needs_csum: true,
            ..VnetHeader::PLAIN
        };
        let mut packet = Shape::udp(false, 2).packet(b"x");
        let before = packet.clone();
        let cut = cut(&vnet, &mut packet);
        assert_eq!(cut, Err(DropReason::MalformedSuperpacket));
        assert_eq!(packet, before);
    }

    /// The segments built one by one from the payload's pieces.
    fn reference(shape: &Shape, payload: &[u8], step: usize) -> Vec<Vec<u8>> {
        let pieces: Vec<&[u8]> = payload.chunks(step).collect();
        let segment = |(index, piece): (usize, &&[u8])| {
            let mut shape = shape.clone();
            shape.ip_id = shape.ip_id.wrapping_add(index as u16);
            shape.sequence = shape.sequence.wrapping_add((index * step) as u32);
            if index + 1 < pieces.len() {
                shape.flags &= !(PSH | FIN);
            }
            if index > 0 {
                shape.flags &= !0x80;
            }
            shape.packet(piece)
        };
        pieces.iter().enumerate().map(segment).collect()
    }

    proptest! {
        #[test]
        fn segments_are_those_of_a_sender_without_offload(
            (v6, udp, options) in (any::<bool>(), any::<bool>(), 0usize..10),
            (ip_id, sequence) in (any::<u16>(), any::<u32>()),
            flags in prop_oneof![Just(ACK), Just(ACK | PSH | FIN), Just(ACK | 0xc0)],
            payload in proptest::collection::vec(any::<u8>(), 1..9000),
            step in 1u16..3000,
        ) {
            let options = if udp { Vec::new() } else { vec![1; options * 4] };
            let shape = Shape { udp, ip_id, sequence, flags, options, ..Shape::tcp(v6, 2) };
            let mut packet = shape.packet(&payload);
            let segments = cut(&vnet(&shape, step), &mut packet);
            prop_assert_eq!(segments, Ok(reference(&shape, &payload, usize::from(step))));
        }

        #[test]
        fn any_header_before_any_packet_is_survived(
            header in any::<[u8; 10]>(),
            gso in prop_oneof![Just(0u8), Just(1), Just(4), Just(5)],
            v6 in any::<bool>(),
            mut bytes in proptest::collection::vec(any::<u8>(), 40..200),
        ) {
            let mut header = header;
            header[1] = gso;
            (header[3], header[7], header[9]) = (0, header[7] & 1, 0);
            let len = bytes.len();
            (bytes[0], bytes[2], bytes[3]) = if v6 { (0x60, 0, 0) } else { (0x45, 0, len as u8) };
            bytes[4..6].copy_from_slice(&if v6 { ((len - 40) as u16).to_be_bytes() } else { [0, 0] });
            bytes[6] = if v6 { bytes[6] } else { 0 };
            if let Some(vnet) = VnetHeader::decode(&header) {
                let _ = cut(&vnet, &mut bytes);
            }
        }
    }

    #[test]
    fn a_whole_packet_gets_its_checksum_completed() {
        for shape in [Shape::tcp(false, 2), Shape::udp(true, 2)] {
            let mut packet = shape.packet(b"some payload");
            let expected = packet.clone();
            let l4 = if shape.v6 { 40 } else { 20 };
            let field = l4 + if shape.udp { 6 } else { 16 };
            let addresses = if shape.v6 {
                &packet[8..40]
            } else {
                &packet[12..20]
            };
            let protocol = if shape.udp { UDP } else { TCP };
            let pseudo = checksum::fold(checksum::pseudo_header(
                addresses,
                protocol,
                packet.len() - l4,
            ));
            packet[field..field + 2].copy_from_slice(&pseudo.to_be_bytes());
            assert!(!checksums_hold(&packet));
            let plain = VnetHeader {
                gso: GsoKind::None,
                gso_size: 0,
                ..vnet(&shape, 0)
            };
            assert_eq!(cut(&plain, &mut packet), Ok(vec![expected]));
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let shape = Shape::tcp(false, 2);
        let refused = Err(DropReason::MalformedSuperpacket);
        let good = vnet(&shape, 100);
        assert_eq!(
            cut(
                &VnetHeader {
                    gso: GsoKind::Tcp6,
                    ..good
                },
                &mut shape.packet(&[1; 300])
            ),
            refused
        );
        assert_eq!(
            cut(
                &VnetHeader {
                    gso: GsoKind::Udp,
                    ..good
                },
                &mut shape.packet(&[1; 300])
            ),
            refused
        );
        assert_eq!(
            cut(
                &VnetHeader {
                    gso_size: 0,
                    ..good
                },
                &mut shape.packet(&[1; 300])
            ),
            refused
        );
        assert_eq!(cut(&good, &mut shape.packet(&[])), refused);
        let mut long_header = shape.packet(&[1; 30]);
        long_header[32] = 0xf0;
        assert_eq!(cut(&good, &mut long_header), refused);
    }
}

use crate::checksum;
use crate::command::{DataFormat, Suite};
use crate::inner_packet::{InnerPacket, TCP};
use crate::peer_addr::PeerAddr;
use crate::wire::be16;

const SYN: u8 = 2;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;
const LENGTH_PREFIX: usize = 2;

/// What inner TCP has to fit in. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MssFix {
    Off,
    /// A datagram with its IP and UDP headers. TCP cuts a stream as it likes, whatever the packets in it, so a client that is
    /// served through a connection is left alone.
    Usual(u16),
    /// A datagram, or what carries a packet in a connection, with its IP and UDP or TCP headers.
    Outer(u16),
    /// The same without them. A packet in a connection has its length before it. [wire 1]
    Datagram(u16),
    /// The inner packet itself.
    Packet(u16),
}

impl MssFix {
    /// Largest inner packet that TCP may send on this way, 0 = no clamp. `layers`: what framing and fragments take.
    pub fn max_inner(
        self,
        path: &PeerAddr,
        format: DataFormat,
        suite: Suite,
        layers: usize,
    ) -> u16 {
        let room = match self {
            MssFix::Off => return 0,
            MssFix::Usual(_) if path.is_stream() => return 0,
            MssFix::Packet(size) => return size,
            MssFix::Usual(size) | MssFix::Outer(size) => {
                usize::from(size).saturating_sub(path.outer_header_len())
            }
            MssFix::Datagram(size) => usize::from(size),
        };
        let prefix = if path.is_stream() { LENGTH_PREFIX } else { 0 };
        let payload = suite.max_payload(room.saturating_sub(format.header_len() + prefix));
        payload.saturating_sub(layers) as u16
    }
}

/// Lowers the MSS option of a TCP SYN so that its segments stay within `max_inner` bytes, and mends the checksum.
/// Anything else is left alone. The checksum must be complete.
pub fn clamp(packet: &mut [u8], inner: &InnerPacket, max_inner: u16) {
    if inner.protocol != TCP || inner.is_fragment || max_inner == 0 {
        return;
    }
    let Some(segment) = packet.get_mut(inner.l4..inner.total_len) else {
        return;
    };
    if segment.len() < 20 || segment[13] & SYN == 0 {
        return;
    }
    let headers = if inner.is_v4() { 40 } else { 60 };
    let limit = max_inner.saturating_sub(headers);
    if let Some(at) = mss_option(segment)
        && be16(segment, at) > limit
    {
        lower(segment, at, limit);
    }
}

/// Offset of the MSS value.
fn mss_option(segment: &[u8]) -> Option<usize> {
    let options_end = (usize::from(segment[12] >> 4) * 4).min(segment.len());
    let mut at = 20;
    while at < options_end {
        match segment[at] {
            OPTION_END => return None,
            OPTION_NOP => at += 1,
            kind => {
                let len = usize::from(*segment[..options_end].get(at + 1)?);
                if kind == OPTION_MSS && len == 4 && at + 4 <= options_end {
                    return Some(at + 2);
                }
                at += len.max(2);
            }
        }
    }
    None
}

fn lower(segment: &mut [u8], at: usize, limit: u16) {
    // At an odd offset the value's bytes lie in two checksum words, which is the same as a swapped value.
    let in_words = |value: u16| {
        if at.is_multiple_of(2) {
            value
        } else {
            value.swap_bytes()
        }
    };
    let checksum = checksum::replace(
        be16(segment, 16),
        in_words(be16(segment, at)),
        in_words(limit),
    );
    segment[at..at + 2].copy_from_slice(&limit.to_be_bytes());
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::Cipher;
    use crate::peer_addr::STREAM_BIT;
    use crate::test_packets::{checksums_hold, tcp_with_options};

    fn path(address: &str) -> PeerAddr {
        PeerAddr {
            listener: 0,
            addr: address.parse().unwrap(),
        }
    }

    fn clamped(v6: bool, flags: u8, options: &[u8], max_inner: u16) -> Vec<u8> {
        let mut packet = tcp_with_options(v6, flags, options);
        let inner = InnerPacket::parse(&packet).unwrap();
        clamp(&mut packet, &inner, max_inner);
        assert!(checksums_hold(&packet));
        packet[inner.l4 + 20..].to_vec()
    }

    #[test]
    fn counts_every_header_of_the_path() {
        let aead = Suite::Aead(Cipher::Aes256Gcm);
        let (v4, v6) = (path("192.0.2.1:1"), path("[2001:db8::1]:1"));
        let fit = |fix: MssFix, path, format, layers| fix.max_inner(path, format, aead, layers);
        assert_eq!(fit(MssFix::Outer(1492), &v4, DataFormat::V2, 0), 1440);
        assert_eq!(fit(MssFix::Outer(1492), &v6, DataFormat::V2, 0), 1420);
        assert_eq!(fit(MssFix::Outer(1492), &v4, DataFormat::V1, 0), 1443);
        assert_eq!(fit(MssFix::Outer(1492), &v4, DataFormat::V2, 5), 1435);
        for path in [&v4, &v6] {
            assert_eq!(fit(MssFix::Datagram(1400), path, DataFormat::V2, 1), 1375);
            assert_eq!(fit(MssFix::Packet(1300), path, DataFormat::V1, 1), 1300);
            assert_eq!(fit(MssFix::Off, path, DataFormat::V2, 0), 0);
        }
        assert_eq!(
            fit(MssFix::Usual(1492), &v4, DataFormat::V2, 5),
            fit(MssFix::Outer(1492), &v4, DataFormat::V2, 5)
        );
        let epoch = Suite::Epoch(Cipher::Aes256Gcm);
        let fit = MssFix::Outer(1492).max_inner(&v4, DataFormat::V2, epoch, 0);
        assert_eq!(fit, 1436);
    }

    /// As a 2.6 server does it, except that without a number it clamps in connections as well.
    #[test]
    fn a_connection_has_longer_headers_and_a_length_before_each_packet() {
        let mut v4 = path("192.0.2.1:1");
        v4.listener |= STREAM_BIT;
        let fit =
            |fix: MssFix| fix.max_inner(&v4, DataFormat::V2, Suite::Aead(Cipher::Aes256Gcm), 0);
        assert_eq!(fit(MssFix::Usual(1492)), 0);
        assert_eq!(fit(MssFix::Off), 0);
        assert_eq!(fit(MssFix::Datagram(1300)), 1234 + 40);
        assert_eq!(fit(MssFix::Outer(1300)), 1194 + 40);
        assert_eq!(fit(MssFix::Packet(1300)), 1260 + 40);
    }

    #[test]
    fn lowers_a_syn_of_both_families() {
        assert_eq!(clamped(false, SYN, &[2, 4, 5, 0xb4], 1440), [2, 4, 5, 0x78]);
        assert_eq!(
            clamped(true, SYN | 16, &[2, 4, 5, 0xb4], 1440),
            [2, 4, 5, 0x64]
        );
    }

    #[test]
    fn finds_the_option_at_an_odd_offset() {
        assert_eq!(
            clamped(false, SYN, &[1, 2, 4, 5, 0xb4, 0, 0, 0], 1440),
            [1, 2, 4, 5, 0x78, 0, 0, 0]
        );
    }

    #[test]
    fn leaves_small_values_other_segments_and_no_limit_alone() {
        assert_eq!(clamped(false, SYN, &[2, 4, 2, 0], 1440), [2, 4, 2, 0]);
        assert_eq!(clamped(false, 16, &[2, 4, 5, 0xb4], 1440), [2, 4, 5, 0xb4]);
        assert_eq!(clamped(false, SYN, &[2, 4, 5, 0xb4], 0), [2, 4, 5, 0xb4]);
    }

    proptest! {
        #[test]
        fn any_options_end(options in proptest::collection::vec(0u8..6, 0..40)) {
            let mut options = options;
            options.truncate(options.len() / 4 * 4);
            clamped(false, SYN, &options, 600);
        }
    }
}

use std::ops::Range;

/// Bytes of the length in front of a packet.
pub const PREFIX_LEN: usize = 2;

/// What stands at the front of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// Where the packet is.
    Packet(Range<usize>),
    /// The rest has not come.
    Incomplete,
    /// A length that no packet has: what follows cannot be told apart any more.
    BadLength,
}

/// Looks at `bytes` from `at` on: `u16 length`, then the packet, of at most `max` bytes. [wire 1]
pub fn front(bytes: &[u8], at: usize, max: usize) -> Front {
    let Some(&[high, low]) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
        return Front::Incomplete;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len == 0 || len > max {
        return Front::BadLength;
    }
    let start = at + PREFIX_LEN;
    if bytes.len() - start < len {
        return Front::Incomplete;
    }
    Front::Packet(start..start + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_of_a_stream_gives_the_same_packets() {
        let packets: [&[u8]; 4] = [b"a", b"second", &[9; 300], b"end"];
        let stream: Vec<u8> = packets
            .iter()
            .flat_map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat())
            .collect();
        for cut in 0..=stream.len() {
            let (mut kept, mut seen) = (Vec::new(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                kept.extend_from_slice(part);
                let mut at = 0;
                while let Front::Packet(range) = front(&kept, at, 300) {
                    at = range.end;
                    seen.push(kept[range].to_vec());
                }
                kept.drain(..at);
            }
            assert_eq!(seen, packets, "cut at {cut}");
            assert!(kept.is_empty());
        }
    }

    #[test]
    fn a_length_of_nothing_or_of_too_much_is_told() {
        assert_eq!(front(&[0, 0, 1], 0, 9), Front::BadLength);
        assert_eq!(front(&[0, 10], 0, 9), Front::BadLength);
        assert_eq!(front(&[0, 9], 0, 9), Front::Incomplete);
        assert_eq!(front(&[0], 0, 9), Front::Incomplete);
    }
}

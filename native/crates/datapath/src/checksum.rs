/// One's-complement sum of 16-bit big-endian words, folded; an odd last byte counts as the high half of a word.
/// Sums of even-length parts can be added with `fold`.
pub fn sum(bytes: &[u8]) -> u32 {
    // Wide words in native order: the sum does not depend on the byte order, except that its halves swap. (RFC 1071)
    // Independent accumulators let the compiler use vector registers.
    let mut lanes = [[0u64; 4]; 2];
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for i in 0..4 {
            let (near, far) = (
                u64::from_ne_bytes(words[i]),
                u64::from_ne_bytes(words[i + 4]),
            );
            lanes[0][i] += (near & LOW) + (far & LOW);
            lanes[1][i] += (near >> 32) + (far >> 32);
        }
    }
    let mut total: u64 = lanes.iter().flatten().sum();
    let (words, rest) = rest.as_chunks::<8>();
    for word in words.iter().copied().map(u64::from_ne_bytes) {
        total += (word & LOW) + (word >> 32);
    }
    for pair in rest.chunks(2) {
        total += u64::from(u16::from_ne_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u32::from(u16::from_be(total as u16))
}

const LOW: u64 = 0xffff_ffff;

/// Adds the carries back in.
pub fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}

/// The checksum field of an IPv4 header whose field is still to be ignored.
pub fn ipv4_header(header: &[u8]) -> u16 {
    !fold(sum(&header[..10]) + sum(&header[12..]))
}

/// Sum of the pseudo header: the two addresses as they stand in the IP header, protocol, length of the L4 part.
pub fn pseudo_header(addresses: &[u8], protocol: u8, l4_len: usize) -> u32 {
    u32::from(fold(
        sum(addresses) + u32::from(protocol) + (l4_len as u32 >> 16) + (l4_len as u32 & 0xffff),
    ))
}

/// The checksum after one 16-bit word of the data has changed. (RFC 1624, equation 3)
pub fn replace(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u32::from(!checksum) + u32::from(!old) + u32::from(new))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Word by word, as the definition says.
    pub(crate) fn naive(bytes: &[u8]) -> u16 {
        let mut total = 0u64;
        for pair in bytes.chunks(2) {
            total += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        }
        while total > 0xffff {
            total = (total & 0xffff) + (total >> 16);
        }
        total as u16
    }

    #[test]
    fn the_largest_sum_does_not_overflow() {
        assert_eq!(fold(sum(&[0xff; 65536])), 0xffff);
        assert_eq!(sum(&[]), 0);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes in proptest::collection::vec(any::<u8>(), 0..3000), cut in any::<proptest::sample::Index>()) {
            prop_assert_eq!(fold(sum(&bytes)), naive(&bytes));
            let cut = cut.index(bytes.len() + 1) & !1;
            prop_assert_eq!(fold(sum(&bytes[..cut]) + sum(&bytes[cut..])), naive(&bytes));
        }

        #[test]
        fn an_incremental_change_equals_a_new_sum(mut bytes in proptest::collection::vec(1u8..255, 40), at in 0usize..20, new in any::<u16>()) {
            let before = !naive(&bytes);
            let old = u16::from_be_bytes([bytes[at * 2], bytes[at * 2 + 1]]);
            bytes[at * 2..at * 2 + 2].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(replace(before, old, new), !naive(&bytes));
        }
    }
}

use fearless_simd::{Bytes, Level, Simd, SimdBase, dispatch, u8x32, u64x4};

/// One's-complement sum of 16-bit big-endian words, folded; an odd last byte counts as the high half of a word.
/// Sums of even-length parts can be added with `fold`.
pub fn sum(bytes: &[u8]) -> u32 {
    // Wide words in native order: the sum does not depend on the byte order, except that its halves swap. (RFC 1071)
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let total = if blocks.len() < WORTH_VECTORS {
        sum_narrow(blocks.as_flattened())
    } else {
        dispatch!(Level::new(), simd => sum_blocks(simd, blocks))
    };
    finish(total + sum_narrow(rest))
}

/// Copies `from` to `to`, which is as long; the sum of its bytes.
pub fn copy(from: &[u8], to: &mut [u8]) -> u32 {
    let (blocks, rest) = from.as_chunks::<BLOCK>();
    let (to_blocks, to_rest) = to.as_chunks_mut::<BLOCK>();
    to_rest.copy_from_slice(rest);
    let total = if blocks.len() < WORTH_VECTORS {
        to_blocks.copy_from_slice(blocks);
        sum_narrow(blocks.as_flattened())
    } else {
        dispatch!(Level::new(), simd => copy_blocks(simd, blocks, to_blocks))
    };
    finish(total + sum_narrow(rest))
}

const BLOCK: usize = 64;
/// Blocks from which on looking up what the CPU can do costs less than it gains.
const WORTH_VECTORS: usize = 3;
const LOW: u64 = 0xffff_ffff;

type Block = [u8; BLOCK];

/// Sums of the low and the high halves of 64-bit words, in two pairs of vectors that do not wait for each other.
struct Lanes<S: Simd> {
    low: [u64x4<S>; 2],
    high: [u64x4<S>; 2],
    mask: u64x4<S>,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn new(simd: S) -> Lanes<S> {
        let zero = u64x4::splat(simd, 0);
        Lanes {
            low: [zero; 2],
            high: [zero; 2],
            mask: u64x4::splat(simd, LOW),
        }
    }

    #[inline(always)]
    fn add(&mut self, words: [u64x4<S>; 2]) {
        for (i, words) in words.into_iter().enumerate() {
            self.low[i] += words & self.mask;
            self.high[i] += words >> 32;
        }
    }

    #[inline(always)]
    fn total(self) -> u64 {
        let lanes = self.low[0] + self.low[1] + self.high[0] + self.high[1];
        lanes.as_slice().iter().sum()
    }
}

#[inline(always)]
fn sum_blocks<S: Simd>(simd: S, blocks: &[Block]) -> u64 {
    let mut lanes = Lanes::new(simd);
    for block in blocks {
        lanes.add(load(simd, block).map(|half| half.bitcast()));
    }
    lanes.total()
}

#[inline(always)]
fn copy_blocks<S: Simd>(simd: S, from: &[Block], to: &mut [Block]) -> u64 {
    let mut lanes = Lanes::new(simd);
    for (from, to) in from.iter().zip(to) {
        let halves = load(simd, from);
        for (half, to) in halves
            .into_iter()
            .zip(to.as_chunks_mut::<{ BLOCK / 2 }>().0)
        {
            half.store_slice(to);
        }
        lanes.add(halves.map(|half| half.bitcast()));
    }
    lanes.total()
}

#[inline(always)]
fn load<S: Simd>(simd: S, block: &Block) -> [u8x32<S>; 2] {
    let (near, far) = block.split_at(BLOCK / 2);
    [u8x32::from_slice(simd, near), u8x32::from_slice(simd, far)]
}

#[inline]
fn sum_narrow(bytes: &[u8]) -> u64 {
    let mut total = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words.iter().copied().map(u64::from_ne_bytes) {
        total += (word & LOW) + (word >> 32);
    }
    let (words, rest) = rest.as_chunks::<2>();
    for word in words.iter().copied().map(u16::from_ne_bytes) {
        total += u64::from(word);
    }
    let last = rest.first().copied().unwrap_or(0);
    total + u64::from(u16::from_ne_bytes([last, 0]))
}

/// Folds a sum of fewer than 2^32 halves, and puts it into the order of the network.
fn finish(total: u64) -> u32 {
    let total = (total & LOW) + (total >> 32);
    let total = (total & 0xffff) + (total >> 16 & 0xffff) + (total >> 32);
    let total = (total & 0xffff) + (total >> 16);
    let total = (total & 0xffff) + (total >> 16);
    u32::from(u16::from_be(total as u16))
}

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
            let mut copied = vec![0; bytes.len()];
            prop_assert_eq!(fold(copy(&bytes, &mut copied)), naive(&bytes));
            prop_assert_eq!(&copied, &bytes);
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

use super::fragment::{FRAGMENT_HEADER_LEN, MAX_FRAGMENTS, Part};
use crate::command::LayerOptions;
use crate::stats::DropReason;

/// Cuts what is too long for a datagram. [wire 13]
pub(crate) struct Fragmenter {
    /// Largest datagram.
    limit: usize,
    counts_headers: bool,
    /// Longest payload behind a fragment header that such a datagram can carry.
    longest: usize,
    sequence: u8,
}

impl Fragmenter {
    pub fn new(options: &LayerOptions) -> Fragmenter {
        Fragmenter {
            limit: usize::from(options.fragment),
            counts_headers: options.fragment_counts_headers,
            longest: 0,
            sequence: 0,
        }
    }

    /// `outer_headers`: IP and UDP of the way to the peer. `max_payload`: the longest payload of a datagram so long.
    pub fn fit(&mut self, outer_headers: usize, max_payload: impl Fn(usize) -> usize) {
        let headers = if self.counts_headers {
            outer_headers
        } else {
            0
        };
        let payload = max_payload(self.limit.saturating_sub(headers));
        self.longest = payload.saturating_sub(FRAGMENT_HEADER_LEN);
    }

    /// What is no longer than this goes whole.
    pub fn longest_whole(&self) -> usize {
        self.longest
    }

    /// Fragments of one length, apart from the last one, as few and as equal as they can be.
    pub fn cut<'a>(
        &mut self,
        payload: &'a [u8],
    ) -> Result<impl Iterator<Item = ([u8; FRAGMENT_HEADER_LEN], &'a [u8])> + use<'a>, DropReason>
    {
        let longest = self.longest / 4 * 4;
        let count = match longest {
            0 => return Err(DropReason::NoKey),
            _ => payload.len().div_ceil(longest),
        };
        if count > MAX_FRAGMENTS {
            return Err(DropReason::TooManyFragments);
        }
        let size = payload.len().div_ceil(count).next_multiple_of(4);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let last = payload.len().div_ceil(size) - 1;
        Ok(payload.chunks(size).enumerate().map(move |(index, piece)| {
            let part = Part {
                sequence,
                number: index as u8,
                last: (index == last).then_some(size),
            };
            (part.encode(), piece)
        }))
    }
}

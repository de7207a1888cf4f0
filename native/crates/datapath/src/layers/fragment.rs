use crate::stats::DropReason;

pub(super) const FRAGMENT_HEADER_LEN: usize = 4;
/// Numbers of fragments have five bits.
pub(super) const MAX_FRAGMENTS: usize = 32;

/// The four bytes before every payload of a peer with `fragment`. [wire 13]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FragmentHeader {
    Whole,
    Part(Part),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The same for all fragments of a packet.
    pub sequence: u8,
    /// Counts from 0, below `MAX_FRAGMENTS`.
    pub number: u8,
    /// In the last one: the length of each other one, a multiple of 4.
    pub last: Option<usize>,
}

const WHOLE: u32 = 0;
const NOT_LAST: u32 = 1;
const LAST: u32 = 2;

impl FragmentHeader {
    pub fn decode(bytes: &[u8; FRAGMENT_HEADER_LEN]) -> Result<FragmentHeader, DropReason> {
        let word = u32::from_be_bytes(*bytes);
        let part = |last| {
            FragmentHeader::Part(Part {
                sequence: (word >> 2) as u8,
                number: (word >> 10 & 31) as u8,
                last,
            })
        };
        match word & 3 {
            WHOLE => Ok(FragmentHeader::Whole),
            NOT_LAST => Ok(part(None)),
            LAST => Ok(part(Some((word >> 15 & 0x3fff) as usize * 4))),
            _ => Err(DropReason::BadFragment),
        }
    }
}

impl Part {
    pub fn encode(&self) -> [u8; FRAGMENT_HEADER_LEN] {
        let (kind, size) = match self.last {
            None => (NOT_LAST, 0),
            Some(size) => (LAST, size as u32 / 4),
        };
        let word = kind | u32::from(self.sequence) << 2 | u32::from(self.number) << 10 | size << 15;
        word.to_be_bytes()
    }
}

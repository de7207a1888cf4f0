//! The newer form: nothing in front of uncompressed data, unless it begins like the mark of the compressed. [wire 13]

use super::{Compressor, Unframed, inflate_lz4};
use crate::stats::DropReason;

const MARK: u8 = 0x50;
const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// compat(2.x): what those send instead of `PLAIN`.
const PLAIN_OF_2: u8 = 0x0a;

pub(super) fn unframe(payload: &[u8], room: &mut [u8]) -> Result<Unframed, DropReason> {
    match payload {
        [MARK, PLAIN | PLAIN_OF_2, ..] => Ok(Unframed::InPlace(2..payload.len())),
        [MARK, LZ4, block @ ..] => inflate_lz4(block, room),
        [MARK, ..] | [] => Err(DropReason::BadFraming),
        _ => Ok(Unframed::InPlace(0..payload.len())),
    }
}

pub(super) fn compress(
    packet: &[u8],
    out: &mut [u8],
    compressor: &mut Compressor,
) -> Option<usize> {
    let (mark, block) = out.split_first_chunk_mut::<2>()?;
    *mark = [MARK, LZ4];
    Some(2 + compressor.lz4(packet, block)?)
}

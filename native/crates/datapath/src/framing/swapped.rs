//! A byte in front, whose place the first byte of the data had: that one goes to the end, so that the rest stays aligned.
//! [wire 13]

use super::{Compressor, Unframed, inflate_lz4};
use crate::stats::DropReason;

pub(super) const PLAIN: u8 = 0xfb;
pub(super) const LZ4: u8 = 0x69;

pub(super) fn unframe(payload: &mut [u8], room: &mut [u8]) -> Result<Unframed, DropReason> {
    let end = payload.len().saturating_sub(1);
    if end == 0 {
        return Err(DropReason::BadFraming);
    }
    let first = payload[end];
    let head = std::mem::replace(&mut payload[0], first);
    match head {
        PLAIN => Ok(Unframed::InPlace(0..end)),
        LZ4 => inflate_lz4(&payload[..end], room),
        _ => Err(DropReason::BadFraming),
    }
}

pub(super) fn write_plain(slot: &mut [u8], fill: impl FnOnce(&mut [u8])) {
    let end = slot.len() - 1;
    fill(&mut slot[..end]);
    swap(PLAIN, slot);
}

pub(super) fn compress(
    packet: &[u8],
    out: &mut [u8],
    compressor: &mut Compressor,
) -> Option<usize> {
    let len = compressor.lz4(packet, out)?;
    swap(LZ4, out.get_mut(..=len)?);
    Some(len + 1)
}

fn swap(head: u8, payload: &mut [u8]) {
    let end = payload.len() - 1;
    payload[end] = std::mem::replace(&mut payload[0], head);
}

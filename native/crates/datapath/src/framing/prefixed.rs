//! The oldest form: a byte in front, LZO. [wire 13]

use super::{Compressor, Unframed};
use crate::stats::DropReason;

pub(super) const PLAIN: u8 = 0xfa;
pub(super) const LZO: u8 = 0x66;

pub(super) fn unframe(payload: &[u8], room: &mut [u8]) -> Result<Unframed, DropReason> {
    match payload.first() {
        Some(&PLAIN) => Ok(Unframed::InPlace(1..payload.len())),
        Some(&LZO) => lzokay::decompress::decompress(&payload[1..], room)
            .map(Unframed::Inflated)
            .map_err(|_| DropReason::BadCompression),
        _ => Err(DropReason::BadFraming),
    }
}

pub(super) fn write_plain(slot: &mut [u8], fill: impl FnOnce(&mut [u8])) {
    if let Some((prefix, packet)) = slot.split_first_mut() {
        *prefix = PLAIN;
        fill(packet);
    }
}

pub(super) fn compress(
    packet: &[u8],
    out: &mut [u8],
    compressor: &mut Compressor,
) -> Option<usize> {
    let (prefix, block) = out.split_first_mut()?;
    *prefix = LZO;
    Some(1 + compressor.lzo(packet, block)?)
}

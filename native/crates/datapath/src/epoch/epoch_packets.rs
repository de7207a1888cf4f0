use std::ops::Range;

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::command::Cipher;
use crate::epoch::opener::EpochOpener;
use crate::epoch::sealer::EpochSealer;
use crate::epoch::secret::EpochSecret;
use crate::epoch::{EpochLimits, HEADER_LEN, PAYLOAD_AT};
use crate::packet_ids::ID_JUMP;
use crate::replay::ReplayTolerance;
use crate::stats::DropReason;
use crate::wire::{EPOCH_OVERHEAD, TAG_LEN, be16, be32};

/// Packets of the epoch format under one key-id: both chains, which keep abreast of each other. [wire 12.2]
pub struct EpochPackets {
    seal: EpochSealer,
    open: EpochOpener,
    pub limits: EpochLimits,
    cipher: Cipher,
}

impl EpochPackets {
    /// `seal` and `open` begin with the first secret of a chain. `None` when that is all zero. [wire 11.3]
    pub fn new(
        cipher: Cipher,
        seal: &[u8],
        open: &[u8],
        limits: EpochLimits,
    ) -> Option<EpochPackets> {
        Some(EpochPackets {
            seal: EpochSealer::new(cipher, first_secret(seal)?)?,
            open: EpochOpener::new(cipher, first_secret(open)?)?,
            limits,
            cipher,
        })
    }

    /// With other windows than the usual ones. Before the first packet.
    pub fn tolerate(&mut self, tolerance: ReplayTolerance) {
        self.open.tolerate(tolerance);
    }

    pub fn advance(&mut self, now: Millis) {
        self.open.advance(now);
    }

    pub fn windows_len(&self) -> usize {
        self.open.windows_len()
    }

    /// May one more packet be sealed? If the key in use is used up, the next one comes into use.
    pub fn can_seal(&mut self) -> Result<(), DropReason> {
        let limits = &self.limits;
        // The peer follows to a later epoch, so this spares a key that it has worn and does not count.
        if self.seal.is_used_up(limits)
            || (self.open.is_worn(limits) && self.seal.epoch() == self.open.epoch())
        {
            self.seal.advance(limits);
            if self.seal.is_used_up(limits) {
                return Err(DropReason::ExhaustedKey);
            }
        }
        Ok(())
    }

    pub fn room_for(payload_len: usize) -> (usize, usize) {
        (PAYLOAD_AT - HEADER_LEN, EPOCH_OVERHEAD + payload_len)
    }

    /// INVARIANT: `can_seal` has said yes.
    pub fn seal(&mut self, header_len: usize, payload_len: usize, packet: &mut [u8]) -> bool {
        // DATA_V1 has no such format.
        header_len == HEADER_LEN && self.seal.seal(payload_len, packet)
    }

    /// Epoch and counter are readable before opening, so a replayed packet costs no cipher.
    pub fn open(
        &mut self,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<Range<usize>, DropReason> {
        if header_len != HEADER_LEN {
            return Err(DropReason::UnknownKey);
        }
        if packet.len() <= PAYLOAD_AT + TAG_LEN {
            return Err(DropReason::Truncated);
        }
        if self.open.is_refused(&self.limits) {
            return Err(DropReason::WornOutKey);
        }
        let (epoch, counter) = (be16(packet, HEADER_LEN), counter_of(packet));
        let payload = PAYLOAD_AT..packet.len() - TAG_LEN;
        self.open.open(epoch, counter, payload.len(), packet)?;
        self.seal.raise_to(self.open.epoch());
        Ok(payload)
    }

    pub fn limit_is_reached(&self) -> bool {
        self.seal.epoch() >= self.limits.renegotiate_at || self.open.is_refused(&self.limits)
    }

    pub fn skip_ids(&mut self, count: u64) {
        self.seal.skip(count);
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        self.seal.encode(out);
        self.open.encode(out);
    }

    /// What `encode` has written, in the process that takes over.
    pub fn take_over(&mut self, reader: &mut ByteReader) -> Option<()> {
        self.seal = EpochSealer::decode(self.cipher, reader)?;
        self.open = EpochOpener::decode(self.cipher, reader)?;
        self.skip_ids(ID_JUMP);
        Some(())
    }
}

fn first_secret(slot: &[u8]) -> Option<EpochSecret> {
    let bytes = *slot.first_chunk::<{ EpochSecret::LEN }>()?;
    bytes
        .iter()
        .any(|byte| *byte != 0)
        .then(|| EpochSecret::new(bytes))
}

/// 48 bits.
fn counter_of(packet: &[u8]) -> u64 {
    u64::from(be16(packet, HEADER_LEN + 2)) << 32 | u64::from(be32(packet, HEADER_LEN + 4))
}

#[cfg(test)]
mod tests;

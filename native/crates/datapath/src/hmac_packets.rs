use std::ops::Range;

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::cbc::{BLOCK_LEN, CbcOpener, CbcSealer};
use crate::command::{CbcCipher, Digest, DirectionKey, InstallKey};
use crate::hmac_key::HmacKey;
use crate::packet_ids::PacketIds;
use crate::replay::{ReplayTolerance, ReplayWindow};
use crate::stats::DropReason;
use crate::wire::{PACKET_ID_LEN, be32};

/// Packets that an HMAC authenticates, under one key, both directions. The header is not authenticated. [wire 12.3]
///
/// ```text
/// AES-CBC:   HMAC || IV || CBC( packet id || payload || padding )
/// no cipher: HMAC || packet id || payload
/// ```
pub(crate) struct HmacPackets {
    seal: SealingDirection,
    open: OpeningDirection,
    tag_len: usize,
    ids: PacketIds,
}

struct SealingDirection {
    hmac: HmacKey,
    cbc: Option<CbcSealer>,
}

struct OpeningDirection {
    hmac: HmacKey,
    cbc: Option<CbcOpener>,
}

impl HmacPackets {
    /// `cipher`: none leaves the payload readable. `None` when a cipher's key is all zero.
    pub fn new(
        cipher: Option<CbcCipher>,
        digest: Digest,
        command: &InstallKey,
    ) -> Option<HmacPackets> {
        Some(HmacPackets {
            seal: SealingDirection::new(cipher, digest, &command.seal)?,
            open: OpeningDirection::new(cipher, digest, &command.open)?,
            tag_len: digest.tag_len(),
            ids: PacketIds::new(),
        })
    }

    /// With another window than the usual one. Before the first packet.
    pub fn tolerate(&mut self, tolerance: ReplayTolerance) {
        self.ids.received = ReplayWindow::with(tolerance);
    }

    pub fn advance(&mut self, now: Millis) {
        self.ids.received.advance(now);
    }

    pub fn windows_len(&self) -> usize {
        self.ids.received.encoded_len()
    }

    pub fn can_seal(&self) -> Result<(), DropReason> {
        self.ids.check_left()
    }

    pub fn room_for(&self, payload_len: usize) -> (usize, usize) {
        let text_len = PACKET_ID_LEN + payload_len;
        if self.seal.cbc.is_none() {
            return (self.tag_len + PACKET_ID_LEN, self.tag_len + text_len);
        }
        let head = self.tag_len + BLOCK_LEN;
        (head + PACKET_ID_LEN, head + padded(text_len))
    }

    pub fn seal(&mut self, header_len: usize, payload_len: usize, packet: &mut [u8]) -> bool {
        let id = self.ids.take();
        let (tag, rest) = packet[header_len..].split_at_mut(self.tag_len);
        match &self.seal.cbc {
            None => rest[..PACKET_ID_LEN].copy_from_slice(&id.to_be_bytes()),
            Some(cbc) => {
                let Some(iv) = cbc.iv(id) else {
                    return false;
                };
                let (iv_slot, text) = rest.split_at_mut(BLOCK_LEN);
                iv_slot.copy_from_slice(&iv);
                text[..PACKET_ID_LEN].copy_from_slice(&id.to_be_bytes());
                let text_len = PACKET_ID_LEN + payload_len;
                let pad = text.len() - text_len;
                text[text_len..].fill(pad as u8);
                if !cbc.seal(&iv, text) {
                    return false;
                }
            }
        }
        self.seal.hmac.sign(rest, tag);
        true
    }

    /// The HMAC is verified before anything else is looked at; the packet id lies behind it.
    pub fn open(
        &mut self,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<Range<usize>, DropReason> {
        let lead = header_len + self.tag_len;
        let (tag, rest) = packet
            .get_mut(header_len..)
            .and_then(|body| body.split_at_mut_checked(self.tag_len))
            .ok_or(DropReason::Truncated)?;
        if !self.open.hmac.verify(rest, tag) {
            return Err(DropReason::Unauthentic);
        }
        let (id_at, end) = match &self.open.cbc {
            None => (0, rest.len()),
            Some(cbc) => (BLOCK_LEN, BLOCK_LEN + decipher(cbc, rest)?),
        };
        if end < id_at + PACKET_ID_LEN {
            return Err(DropReason::Truncated);
        }
        let id = u64::from(be32(rest, id_at));
        self.ids.received.check(id)?;
        self.ids.received.mark(id);
        Ok(lead + id_at + PACKET_ID_LEN..lead + end)
    }

    pub fn limit_is_reached(&self) -> bool {
        self.ids.are_nearly_used_up()
    }

    pub fn skip_ids(&mut self, count: u64) {
        self.ids.skip(count);
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        self.ids.encode(out);
    }

    /// What `encode` has written, in the process that takes over.
    pub fn take_over(&mut self, reader: &mut ByteReader) -> Option<()> {
        self.ids = PacketIds::decode(reader)?;
        self.ids.jump();
        Some(())
    }
}

impl SealingDirection {
    fn new(
        cipher: Option<CbcCipher>,
        digest: Digest,
        key: &DirectionKey,
    ) -> Option<SealingDirection> {
        let cbc = match cipher {
            None => None,
            Some(cipher) => Some(CbcSealer::new(cipher, key)?),
        };
        let hmac = HmacKey::new(digest, key);
        Some(SealingDirection { hmac, cbc })
    }
}

impl OpeningDirection {
    fn new(
        cipher: Option<CbcCipher>,
        digest: Digest,
        key: &DirectionKey,
    ) -> Option<OpeningDirection> {
        let cbc = match cipher {
            None => None,
            Some(cipher) => Some(CbcOpener::new(cipher, key)?),
        };
        let hmac = HmacKey::new(digest, key);
        Some(OpeningDirection { hmac, cbc })
    }
}

/// `rest` is IV and ciphertext; the length of the text without its padding.
fn decipher(cbc: &CbcOpener, rest: &mut [u8]) -> Result<usize, DropReason> {
    let (iv, text) = rest
        .split_first_chunk_mut::<BLOCK_LEN>()
        .ok_or(DropReason::Truncated)?;
    if text.is_empty() || !cbc.open(iv, text) {
        return Err(DropReason::Truncated);
    }
    unpadded(text).ok_or(DropReason::Unauthentic)
}

/// PKCS #7: as many bytes as it takes to a whole block and at least one, each of them their number.
fn unpadded(text: &[u8]) -> Option<usize> {
    let pad = usize::from(*text.last()?);
    let len = text.len().checked_sub(pad)?;
    let is_padding = (1..=BLOCK_LEN).contains(&pad) && text[len..].iter().all(|b| *b == pad as u8);
    is_padding.then_some(len)
}

fn padded(text_len: usize) -> usize {
    (text_len / BLOCK_LEN + 1) * BLOCK_LEN
}

#[cfg(test)]
mod tests;

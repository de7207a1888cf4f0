use zeroize::Zeroize;

use crate::aead::AeadKey;
use crate::byte_reader::ByteReader;
use crate::command::{Cipher, DirectionKey, InstallKey};
use crate::replay::ReplayWindow;
use crate::stats::DropReason;
use crate::wire::{KeyId, PeerId};

/// One generation of data keys of a peer: both directions, packet ids, replay window, wear. Aligned as a
/// peer is.
#[repr(align(128))]
pub(crate) struct KeyState {
    pub key_id: KeyId,
    pub replay: ReplayWindow,
    seal: AeadKey,
    open: AeadKey,
    /// Next packet id; beyond `LAST_PACKET_ID` the key seals no more.
    next_id: u64,
    /// Blocks of 16 bytes plus packets, per direction; stays 0 for a cipher without a usage limit.
    sealed_usage: u64,
    opened_usage: u64,
    counts_usage: bool,
    failures: u64,
    limit_reported: bool,
    material: Box<Material>,
}

/// What the ciphers were made of, for the process that takes over: they do not give it back.
struct Material {
    cipher: Cipher,
    seal: DirectionKey,
    open: DirectionKey,
}

const LAST_PACKET_ID: u64 = u32::MAX as u64;
/// From here on a renegotiation is asked for. [wire 12.1]
const SOFT_PACKET_ID: u64 = 0xff00_0000;
const USAGE_LIMIT: u64 = (1 << 36) - 1;
const SOFT_FAILURES: u64 = 1 << 35;
const HARD_FAILURES: u64 = 1 << 36;

impl KeyState {
    /// `None` when a key is all zero.
    pub fn new(command: &InstallKey) -> Option<KeyState> {
        Some(KeyState {
            key_id: command.key_id,
            replay: ReplayWindow::new(),
            seal: AeadKey::new(command.cipher, &command.seal)?,
            open: AeadKey::new(command.cipher, &command.open)?,
            next_id: 1,
            sealed_usage: 0,
            opened_usage: 0,
            counts_usage: command.cipher.has_usage_limit(),
            failures: 0,
            limit_reported: false,
            material: Box::new(Material {
                cipher: command.cipher,
                seal: command.seal.clone(),
                open: command.open.clone(),
            }),
        })
    }

    /// May this key still seal? Packet ids never wrap.
    pub fn can_seal(&self) -> Result<(), DropReason> {
        if self.next_id > LAST_PACKET_ID {
            return Err(DropReason::ExhaustedKey);
        }
        Ok(())
    }

    /// Gives `packet` the next packet id and seals it in place; the layout is that of `AeadKey::seal`.
    /// INVARIANT: `can_seal` has said yes.
    pub fn seal(&mut self, header_len: usize, packet: &mut [u8]) -> bool {
        let id = self.next_id as u32;
        self.next_id += 1;
        packet[header_len..header_len + 4].copy_from_slice(&id.to_be_bytes());
        if self.counts_usage {
            self.sealed_usage += usage(packet.len() - header_len);
        }
        self.seal.seal(header_len, packet)
    }

    /// Judges the packet id, opens in place, and remembers the id of an authentic packet.
    pub fn open(
        &mut self,
        header_len: usize,
        packet_id: u32,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        if self.failures >= HARD_FAILURES {
            return Err(DropReason::WornOutKey);
        }
        let id = u64::from(packet_id);
        self.replay.check(id)?;
        if !self.open.open(header_len, packet) {
            self.failures += 1;
            return Err(DropReason::Unauthentic);
        }
        self.replay.mark(id);
        if self.counts_usage {
            self.opened_usage += usage(packet.len() - header_len);
        }
        Ok(())
    }

    /// Is a limit reached that has not been reported? [wire 12.1]
    pub fn limit_due(&self) -> bool {
        let worn = self.next_id > SOFT_PACKET_ID
            || self.sealed_usage > USAGE_LIMIT
            || self.opened_usage > USAGE_LIMIT
            || self.failures >= SOFT_FAILURES;
        worn && !self.limit_reported
    }

    pub fn limit_was_reported(&mut self) {
        self.limit_reported = true;
    }

    /// Leaves the next `count` packet ids to a process that may have sealed with them. A key without that many left
    /// seals no more; its limit is reported again, so that it is replaced.
    pub fn skip_ids(&mut self, count: u64) {
        self.next_id = (self.next_id + count).min(LAST_PACKET_ID + 1);
        self.limit_reported = false;
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let Material { cipher, seal, open } = &*self.material;
        out.extend_from_slice(&[self.key_id.0, *cipher as u8]);
        for direction in [seal, open] {
            out.extend_from_slice(&direction.key);
            out.extend_from_slice(&direction.implicit_iv);
        }
        for number in [
            self.next_id,
            self.sealed_usage,
            self.opened_usage,
            self.failures,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        self.replay.encode(out);
    }

    /// The key in the process that takes over: its packet ids begin `ID_JUMP` further on, or half way to their end.
    pub fn decode(peer: PeerId, reader: &mut ByteReader) -> Option<KeyState> {
        let key_id = KeyId(reader.u8().filter(|id| *id < 8)?);
        let cipher = Cipher::from_number(reader.u8()?)?;
        let (seal, open) = (decode_direction(reader)?, decode_direction(reader)?);
        let mut state = KeyState::new(&InstallKey {
            peer,
            key_id,
            cipher,
            seal,
            open,
        })?;
        state.next_id = reader
            .u64()
            .filter(|id| (1..=LAST_PACKET_ID + 1).contains(id))?;
        state.sealed_usage = reader.u64()?;
        state.opened_usage = reader.u64()?;
        state.failures = reader.u64()?;
        state.replay = ReplayWindow::decode(reader)?;
        state.skip_ids(ID_JUMP.min((LAST_PACKET_ID + 1 - state.next_id) / 2));
        Some(state)
    }
}

/// The process that hands over has stopped sealing: the distance is for what it might have sealed all the same.
pub(crate) const ID_JUMP: u64 = 1 << 20;

fn decode_direction(reader: &mut ByteReader) -> Option<DirectionKey> {
    let mut key = reader.array()?;
    let implicit_iv = reader.array()?;
    let direction = DirectionKey { key, implicit_iv };
    key.zeroize();
    Some(direction)
}

/// Blocks plus one for the packet; the 20 bytes of id and tag are not enciphered.
fn usage(body_len: usize) -> u64 {
    (body_len - 20).div_ceil(16) as u64 + 1
}

#[cfg(test)]
impl KeyState {
    /// As after this many sealed packets.
    pub fn age_to(&mut self, next_id: u64) {
        self.next_id = next_id;
    }

    pub fn use_up(&mut self, usage: u64) {
        self.opened_usage = usage;
    }

    pub fn fail(&mut self, failures: u64) {
        self.failures = failures;
    }
}

use std::ops::Range;

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::command::{CommandError, InstallKey};
use crate::headroom::Headroom;
use crate::key_state::KeyState;
use crate::limits::PeerLimits;
use crate::stats::DropReason;
use crate::wire::{KeyId, PeerId};

/// The key states of a peer: at most two, one of which seals. [wire 12.6]
pub(crate) struct KeyRing {
    /// Newest first.
    states: [Option<Box<KeyState>>; 2],
    /// Index of the state that seals.
    sealing: usize,
    /// Both states have one key-id: the peer has begun anew, and nobody knows yet whether it has the newer key.
    are_twins: bool,
    /// The older of two has been retired, and nothing has been installed since.
    was_twin: bool,
}

impl KeyRing {
    pub fn new() -> KeyRing {
        KeyRing {
            states: [None, None],
            sealing: 0,
            are_twins: false,
            was_twin: false,
        }
    }

    /// Adds a key state, which seals after `use_key`. A third one pushes the oldest out. One with a known key-id stands beside the
    /// state that seals, and seals as soon as it has opened a packet; a state that does not seal makes room for it.
    pub fn install(
        &mut self,
        command: &InstallKey,
        limits: &PeerLimits,
    ) -> Result<(), CommandError> {
        let state = Box::new(KeyState::new(command, limits).ok_or(CommandError::WeakKey)?);
        self.was_twin = false;
        if self.index_of(command.key_id).is_some() {
            self.states = [Some(state), self.states[self.sealing].take()];
            self.sealing = 1;
            self.are_twins = are_twins(&self.states);
            return Ok(());
        }
        if self.states[0].is_some() {
            self.states[1] = self.states[0].take();
        }
        self.states[0] = Some(state);
        // The key that sealed goes on sealing until `use_key`; if it was pushed out, the next one takes over.
        self.sealing = usize::from(self.states[1].is_some());
        self.are_twins = false;
        Ok(())
    }

    /// Of two with this key-id, the newer one.
    pub fn use_key(&mut self, key: KeyId) -> Result<(), CommandError> {
        self.sealing = self.index_of(key).ok_or(CommandError::UnknownKey)?;
        Ok(())
    }

    /// Of two with this key-id, the older one, once: a worker that goes on after another may say again what that has said.
    pub fn retire(&mut self, key: KeyId) -> Result<(), CommandError> {
        let newest = self.index_of(key).ok_or(CommandError::UnknownKey)?;
        let index = if self.are_twins { 1 } else { newest };
        if !self.are_twins && self.was_twin {
            return Ok(());
        }
        self.was_twin = self.are_twins;
        self.states[index] = None;
        self.are_twins = false;
        if self.sealing == index {
            self.sealing = 1 - index;
        }
        Ok(())
    }

    /// Opens `packet` in place under the key with this id, if it is authentic and new; that key, and where the payload is then.
    /// `None`: there is no such key. `room`: where a packet is kept that has to be tried twice.
    pub fn open(
        &mut self,
        now: Millis,
        key: KeyId,
        header_len: usize,
        packet: &mut [u8],
        room: &mut Headroom,
    ) -> Option<(&mut KeyState, Opened)> {
        let index = self.index_of(key)?;
        if self.are_twins {
            return self.open_by_twin(now, header_len, packet, room);
        }
        let state = self.states[index].as_deref_mut()?;
        state.advance(now);
        let opened = state.open(header_len, packet);
        Some((state, opened))
    }

    /// First under the key that seals, then under the other one: its ids are its own, so whatever the first one says, the packet may
    /// be new. Trying destroys a packet, so there is a copy. What the newer key has opened the peer has sealed with it.
    #[cold]
    fn open_by_twin(
        &mut self,
        now: Millis,
        header_len: usize,
        packet: &mut [u8],
        room: &mut Headroom,
    ) -> Option<(&mut KeyState, Opened)> {
        let copy = room.copy(packet);
        let (first, second) = (self.sealing, 1 - self.sealing);
        let mut opened = self.try_open(first, now, header_len, packet)?;
        let mut opener = first;
        if opened.is_err() {
            packet.copy_from_slice(copy);
            let again = self.try_open(second, now, header_len, packet)?;
            if again.is_ok() {
                (opener, opened) = (second, again);
            }
        }
        if opened.is_ok() && opener == 0 {
            self.sealing = 0;
        }
        Some((self.states[opener].as_deref_mut()?, opened))
    }

    fn try_open(
        &mut self,
        index: usize,
        now: Millis,
        header_len: usize,
        packet: &mut [u8],
    ) -> Option<Opened> {
        let state = self.states[index].as_deref_mut()?;
        state.advance(now);
        Some(state.open(header_len, packet))
    }

    pub fn sealing(&mut self) -> Option<&mut KeyState> {
        self.states[self.sealing].as_deref_mut()
    }

    /// See `KeyState::skip_ids`.
    pub fn skip_ids(&mut self, count: u64) {
        for state in self.states.iter_mut().flatten() {
            state.skip_ids(count);
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.sealing as u8);
        for state in &self.states {
            out.push(u8::from(state.is_some()));
            if let Some(state) = state {
                state.encode(out);
            }
        }
    }

    /// Bytes of the replay windows among those of `encode`.
    pub fn windows_len(&self) -> usize {
        let states = self.states.iter().flatten();
        states.map(|state| state.windows_len()).sum()
    }

    pub fn decode(peer: PeerId, limits: &PeerLimits, reader: &mut ByteReader) -> Option<KeyRing> {
        let sealing = usize::from(reader.flag()?);
        let mut states = [None, None];
        for state in &mut states {
            if reader.flag()? {
                *state = Some(Box::new(KeyState::decode(peer, limits, reader)?));
            }
        }
        Some(KeyRing {
            are_twins: are_twins(&states),
            was_twin: false,
            states,
            sealing,
        })
    }

    fn index_of(&self, key: KeyId) -> Option<usize> {
        let has =
            |state: &Option<Box<KeyState>>| state.as_ref().is_some_and(|state| state.key_id == key);
        self.states.iter().position(has)
    }
}

/// Where the payload is, or why there is none.
pub(crate) type Opened = Result<Range<usize>, DropReason>;

fn are_twins(states: &[Option<Box<KeyState>>; 2]) -> bool {
    let [newer, older] = states;
    matches!((newer, older), (Some(newer), Some(older)) if newer.key_id == older.key_id)
}

#[cfg(test)]
mod tests;

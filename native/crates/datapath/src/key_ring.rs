use crate::byte_reader::ByteReader;
use crate::command::{CommandError, InstallKey};
use crate::key_state::KeyState;
use crate::limits::PeerLimits;
use crate::wire::{KeyId, PeerId};

/// The key states of a peer: at most two, one of which seals. [wire 12.6]
pub(crate) struct KeyRing {
    /// Newest first.
    states: [Option<Box<KeyState>>; 2],
    /// Index of the state that seals.
    sealing: usize,
}

impl KeyRing {
    pub fn new() -> KeyRing {
        KeyRing {
            states: [None, None],
            sealing: 0,
        }
    }

    /// Adds a key state. A third one pushes the oldest out; one with a known key-id takes its place.
    pub fn install(
        &mut self,
        command: &InstallKey,
        limits: &PeerLimits,
    ) -> Result<(), CommandError> {
        let state = Box::new(KeyState::new(command, limits).ok_or(CommandError::WeakKey)?);
        if let Some(index) = self.index_of(command.key_id) {
            self.states[index] = Some(state);
            return Ok(());
        }
        if self.states[0].is_some() {
            self.states[1] = self.states[0].take();
        }
        self.states[0] = Some(state);
        // The key that sealed goes on sealing until `use_key`; if it was pushed out, the next one takes over.
        self.sealing = usize::from(self.states[1].is_some());
        Ok(())
    }

    pub fn use_key(&mut self, key: KeyId) -> Result<(), CommandError> {
        self.sealing = self.index_of(key).ok_or(CommandError::UnknownKey)?;
        Ok(())
    }

    pub fn retire(&mut self, key: KeyId) -> Result<(), CommandError> {
        let index = self.index_of(key).ok_or(CommandError::UnknownKey)?;
        self.states[index] = None;
        if self.sealing == index {
            self.sealing = 1 - index;
        }
        Ok(())
    }

    /// The key state that opens packets with this key-id.
    pub fn opening(&mut self, key: KeyId) -> Option<&mut KeyState> {
        let index = self.index_of(key)?;
        self.states[index].as_deref_mut()
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
        Some(KeyRing { states, sealing })
    }

    fn index_of(&self, key: KeyId) -> Option<usize> {
        let has =
            |state: &Option<Box<KeyState>>| state.as_ref().is_some_and(|state| state.key_id == key);
        self.states.iter().position(has)
    }
}

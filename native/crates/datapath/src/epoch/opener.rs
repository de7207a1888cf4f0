use zeroize::Zeroize;

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::command::Cipher;
use crate::epoch::epoch_key::EpochKey;
use crate::epoch::sealer::usage;
use crate::epoch::secret::{EpochMaterial, EpochSecret};
use crate::epoch::{EpochLimits, FIRST_EPOCH, FUTURE_KEYS};
use crate::replay::{ReplayTolerance, ReplayWindow};
use crate::stats::DropReason;

/// The receiving end of a chain: the key in use, the one before it, and what those ahead are made of. [wire 12.2]
///
/// The three slots take turns: in use, retiring, and one that is filled with a future key when a packet claims to be
/// sealed with that. Nothing is allocated, and the chain is walked along only for an authentic packet.
pub(crate) struct EpochOpener {
    slots: [Slot; SLOTS],
    /// The slot in use. The one before it is the retiring one, the one after it is spare.
    current: usize,
    /// Under the key in use; stays 0 for a cipher without a usage limit.
    usage: u64,
    /// Packets that were not authentic, whatever their key, since the key in use came into use.
    failures: u64,
    cipher: Cipher,
    /// Of the last future key's epoch.
    tail: EpochSecret,
    /// That of epoch `e` is at `e % FUTURE_KEYS`.
    future: [EpochMaterial; FUTURE_KEYS as usize],
}

struct Slot {
    /// Of epoch 0: there is none.
    key: EpochKey,
    replay: ReplayWindow,
    /// Of the key's epoch; of the slots in use and retiring only.
    secret: EpochSecret,
}

const SLOTS: usize = 3;

impl EpochOpener {
    pub fn new(cipher: Cipher, secret: EpochSecret) -> Option<EpochOpener> {
        EpochOpener::at(FIRST_EPOCH, cipher, secret)
    }

    /// In use at `epoch`, which is at most `LAST_FUTURE_EPOCH`, with nothing before it.
    fn at(epoch: u16, cipher: Cipher, secret: EpochSecret) -> Option<EpochOpener> {
        let material = secret.material(cipher);
        let slot = |epoch| {
            Some(Slot {
                key: EpochKey::new(epoch, cipher, &material)?,
                replay: ReplayWindow::new(),
                secret: secret.clone(),
            })
        };
        let mut opener = EpochOpener {
            slots: [slot(epoch)?, slot(0)?, slot(0)?],
            current: 0,
            usage: 0,
            failures: 0,
            cipher,
            tail: secret,
            future: std::array::from_fn(|_| material.clone()),
        };
        opener.derive_future(epoch, FUTURE_KEYS);
        Some(opener)
    }

    /// With other windows than the usual ones. Before the first packet.
    pub fn tolerate(&mut self, tolerance: ReplayTolerance) {
        for slot in &mut self.slots {
            slot.replay = ReplayWindow::with(tolerance);
        }
    }

    pub fn advance(&mut self, now: Millis) {
        for slot in &mut self.slots {
            slot.replay.advance(now);
        }
    }

    /// Bytes of the windows among those of `encode`.
    pub fn windows_len(&self) -> usize {
        2 * self.slots[self.current].replay.encoded_len()
    }

    pub fn epoch(&self) -> u16 {
        self.slots[self.current].key.epoch
    }

    /// Has the peer used the key more than it may, or somebody else tried it too often?
    pub fn is_worn(&self, limits: &EpochLimits) -> bool {
        self.usage > limits.usage || self.failures >= limits.soft_failures
    }

    pub fn is_refused(&self, limits: &EpochLimits) -> bool {
        self.failures >= limits.hard_failures
    }

    /// Opens a packet of this epoch and counter in place, if it is authentic and new.
    pub fn open(
        &mut self,
        epoch: u16,
        counter: u64,
        payload_len: usize,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let current = self.current;
        if epoch == self.epoch() {
            self.open_with(current, counter, packet)?;
            self.usage += usage(self.cipher, payload_len);
            return Ok(());
        }
        let retiring = (current + SLOTS - 1) % SLOTS;
        if epoch != 0 && epoch == self.slots[retiring].key.epoch {
            return self.open_with(retiring, counter, packet);
        }
        self.open_with_future(epoch, counter, packet)?;
        self.usage = usage(self.cipher, payload_len);
        Ok(())
    }

    fn open_with(
        &mut self,
        slot: usize,
        counter: u64,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let Slot { key, replay, .. } = &mut self.slots[slot];
        replay.check(counter)?;
        if !key.open(counter, packet) {
            self.failures += 1;
            return Err(DropReason::Unauthentic);
        }
        replay.mark(counter);
        Ok(())
    }

    /// An authentic packet brings its epoch into use.
    fn open_with_future(
        &mut self,
        epoch: u16,
        counter: u64,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let current = self.epoch();
        // From the last epochs there would be no way on for all future keys: they are never entered.
        if epoch <= current || epoch - current > FUTURE_KEYS || epoch > LAST_FUTURE_EPOCH {
            return Err(DropReason::UnknownEpoch);
        }
        let spare = self.fill_spare(epoch);
        self.open_with(spare, counter, packet)?;
        self.enter(spare, current);
        Ok(())
    }

    /// The spare slot, with the future key of this epoch.
    fn fill_spare(&mut self, epoch: u16) -> usize {
        let spare = (self.current + 1) % SLOTS;
        let Slot { key, replay, .. } = &mut self.slots[spare];
        if key.epoch != epoch {
            let material = &self.future[usize::from(epoch % FUTURE_KEYS)];
            key.rekey(epoch, self.cipher, material);
            replay.clear();
        }
        spare
    }

    /// The slot comes into use, that of the epoch `before` retires, and the one that was retiring is wiped by becoming
    /// the most likely one of the next.
    fn enter(&mut self, slot: usize, before: u16) {
        let mut secret = self.slots[self.current].secret.clone();
        self.current = slot;
        let steps = self.epoch() - before;
        for _ in 0..steps {
            secret.advance();
        }
        self.slots[slot].secret = secret;
        self.failures = 0;
        self.derive_future(before + FUTURE_KEYS, steps);
        let spare = self.fill_spare(self.epoch() + 1);
        self.slots[spare].secret.zeroize();
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        self.slots[self.current].encode(out);
        self.slots[(self.current + SLOTS - 1) % SLOTS].encode(out);
        for number in [self.usage, self.failures] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub fn decode(cipher: Cipher, reader: &mut ByteReader) -> Option<EpochOpener> {
        let (epoch, secret, replay) = decode_slot(reader)?;
        if !(FIRST_EPOCH..=LAST_FUTURE_EPOCH).contains(&epoch) {
            return None;
        }
        let mut opener = EpochOpener::at(epoch, cipher, secret)?;
        opener.tolerate(replay.tolerance());
        opener.slots[0].replay = replay;
        let (epoch, secret, replay) = decode_slot(reader)?;
        if epoch >= opener.epoch() {
            return None;
        }
        let key = EpochKey::new(epoch, cipher, &secret.material(cipher))?;
        opener.slots[SLOTS - 1] = Slot {
            key,
            replay,
            secret,
        };
        opener.usage = reader.u64()?;
        opener.failures = reader.u64()?;
        Some(opener)
    }

    /// The next `count` future keys, behind that of the epoch `last`.
    fn derive_future(&mut self, last: u16, count: u16) {
        for step in 1..=count {
            self.tail.advance();
            let at = usize::from((last + step) % FUTURE_KEYS);
            self.future[at] = self.tail.material(self.cipher);
        }
    }
}

impl Slot {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.epoch.to_le_bytes());
        out.extend_from_slice(self.secret.bytes());
        self.replay.encode(out);
    }
}

fn decode_slot(reader: &mut ByteReader) -> Option<(u16, EpochSecret, ReplayWindow)> {
    let epoch = reader.u16()?;
    let secret = EpochSecret::new(reader.array()?);
    Some((epoch, secret, ReplayWindow::decode(reader)?))
}

/// [wire 12.2]
const LAST_FUTURE_EPOCH: u16 = u16::MAX - FUTURE_KEYS - 1;

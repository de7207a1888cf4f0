use crate::byte_reader::ByteReader;
use crate::command::Cipher;
use crate::epoch::epoch_key::EpochKey;
use crate::epoch::secret::EpochSecret;
use crate::epoch::{EpochLimits, FIRST_EPOCH};

/// The sending end of a chain: one key, which is replaced by the next one when it is used up. [wire 12.2]
pub(crate) struct EpochSealer {
    key: EpochKey,
    /// Counter of the next packet.
    next: u64,
    /// Blocks of 16 bytes plus packets under this key; stays 0 for a cipher without a usage limit.
    usage: u64,
    /// The lowest counter that no process before this one can have used, in any epoch.
    first: u64,
    /// Of the key's epoch.
    secret: EpochSecret,
    cipher: Cipher,
}

impl EpochSealer {
    pub fn new(cipher: Cipher, secret: EpochSecret) -> Option<EpochSealer> {
        EpochSealer::at(FIRST_EPOCH, cipher, secret)
    }

    fn at(epoch: u16, cipher: Cipher, secret: EpochSecret) -> Option<EpochSealer> {
        Some(EpochSealer {
            key: EpochKey::new(epoch, cipher, &secret.material(cipher))?,
            next: 1,
            usage: 0,
            first: 1,
            secret,
            cipher,
        })
    }

    pub fn epoch(&self) -> u16 {
        self.key.epoch
    }

    /// Has the key sealed what it may?
    pub fn is_used_up(&self, limits: &EpochLimits) -> bool {
        self.next > limits.last_counter || self.usage > limits.usage
    }

    /// Goes to the next epoch, unless this is the last one.
    pub fn advance(&mut self, limits: &EpochLimits) {
        if self.epoch() < limits.last_epoch {
            self.raise_to(self.epoch() + 1);
        }
    }

    /// Goes to a later epoch, because the peer is there.
    pub fn raise_to(&mut self, epoch: u16) {
        if epoch <= self.epoch() {
            return;
        }
        for _ in self.epoch()..epoch {
            self.secret.advance();
        }
        let material = self.secret.material(self.cipher);
        self.key.rekey(epoch, self.cipher, &material);
        self.next = self.first;
        self.usage = 0;
    }

    /// Seals with the next counter. INVARIANT: the key is not used up.
    pub fn seal(&mut self, payload_len: usize, packet: &mut [u8]) -> bool {
        let counter = self.next;
        self.next += 1;
        self.usage += usage(self.cipher, payload_len);
        self.key.seal(counter, packet)
    }

    /// Leaves out the next `count` counters, and as many in every epoch to come: the process that may have used them may
    /// have gone further by itself.
    pub fn skip(&mut self, count: u64) {
        self.next = self.next.saturating_add(count);
        self.first = self.first.saturating_add(count);
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.epoch().to_le_bytes());
        out.extend_from_slice(self.secret.bytes());
        for number in [self.next, self.first, self.usage] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub fn decode(cipher: Cipher, reader: &mut ByteReader) -> Option<EpochSealer> {
        let epoch = reader.u16().filter(|epoch| *epoch >= FIRST_EPOCH)?;
        let secret = EpochSecret::new(reader.array()?);
        let mut sealer = EpochSealer::at(epoch, cipher, secret)?;
        sealer.next = reader.u64().filter(|next| *next >= 1)?;
        sealer.first = reader.u64().filter(|first| *first >= 1)?;
        sealer.usage = reader.u64()?;
        Some(sealer)
    }
}

/// Blocks plus one for the packet, where the cipher has a usage limit.
pub(crate) fn usage(cipher: Cipher, payload_len: usize) -> u64 {
    if cipher.has_usage_limit() {
        payload_len.div_ceil(16) as u64 + 1
    } else {
        0
    }
}

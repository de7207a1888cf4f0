use zeroize::Zeroize;

use crate::aead::AeadCipher;
use crate::command::Cipher;
use crate::epoch::PAYLOAD_AT;
use crate::epoch::secret::EpochMaterial;
use crate::wire::TAG_LEN;

/// The cipher of one epoch, in place: `header(4) || epoch(2) || counter(6) || text || tag(16)`. [wire 12.2]
pub(crate) struct EpochKey {
    pub epoch: u16,
    cipher: AeadCipher,
    iv: [u8; 12],
}

impl EpochKey {
    pub fn new(epoch: u16, cipher: Cipher, material: &EpochMaterial) -> Option<EpochKey> {
        Some(EpochKey {
            epoch,
            cipher: AeadCipher::new(cipher, &material.key[..cipher.key_len()])?,
            iv: material.iv,
        })
    }

    /// Becomes the key of another epoch, in the memory that it has. False, for a fault of the crate behind it: belongs to
    /// no epoch now.
    pub fn rekey(&mut self, epoch: u16, cipher: Cipher, material: &EpochMaterial) -> bool {
        let done = self.cipher.rekey(&material.key[..cipher.key_len()]);
        self.epoch = if done { epoch } else { 0 };
        self.iv = material.iv;
        done
    }

    /// Seals under `counter`; epoch, counter and tag are written into `packet`. False: it is longer than the cipher can take.
    pub fn seal(&self, counter: u64, packet: &mut [u8]) -> bool {
        let id = u64::from(self.epoch) << 48 | counter;
        let Some((head, body)) = packet.split_first_chunk_mut::<PAYLOAD_AT>() else {
            return false;
        };
        let Some((text, tag_slot)) = body.split_last_chunk_mut::<TAG_LEN>() else {
            return false;
        };
        head[PAYLOAD_AT - 8..].copy_from_slice(&id.to_be_bytes());
        let Some(tag) = self.cipher.seal(self.nonce(id), head, text) else {
            return false;
        };
        *tag_slot = tag;
        true
    }

    /// False: not authentic, and the ciphertext is garbage now.
    pub fn open(&self, counter: u64, packet: &mut [u8]) -> bool {
        let id = u64::from(self.epoch) << 48 | counter;
        let Some((head, body)) = packet.split_first_chunk_mut::<PAYLOAD_AT>() else {
            return false;
        };
        let Some((text, tag)) = body.split_last_chunk_mut::<TAG_LEN>() else {
            return false;
        };
        self.cipher.open(self.nonce(id), head, tag, text)
    }

    fn nonce(&self, id: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, id) in nonce.iter_mut().zip(id.to_be_bytes()) {
            *byte ^= id;
        }
        nonce
    }
}

impl Drop for EpochKey {
    fn drop(&mut self) {
        self.iv.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::epoch::secret::EpochSecret;
    use crate::epoch::test_vectors::{C2S, S2C, hex, secret};
    use crate::wire::PING;

    fn key(text: &str, cipher: Cipher) -> EpochKey {
        EpochKey::new(1, cipher, &secret(text).material(cipher)).unwrap()
    }

    fn unsealed(header: &str, text: &[u8]) -> Vec<u8> {
        [&hex(header), &[0xdd; 8][..], text, &[0xdd; 16]].concat()
    }

    /// Known answer 6. [wire 19]
    #[test]
    fn reproduces_the_captured_pings() {
        let captured = [
            (
                C2S,
                1,
                "48000000",
                "0001000000000001 71117ecaa6012d84bc67953d0fef3810 af42f2a955613c2f35c15818c3825a28",
            ),
            (
                S2C,
                2,
                "48ffe36d",
                "0001000000000002 89da9db691da2110661f6ea4e9f0a998 99938e226baa4f6f69464a9a31eb5af0",
            ),
        ];
        for (chain, counter, header, rest) in captured {
            let key = key(chain, Cipher::Aes256Gcm);
            let mut packet = unsealed(header, &PING);
            assert!(key.seal(counter, &mut packet));
            assert_eq!(packet, [hex(header), hex(rest)].concat());
            assert!(key.open(counter, &mut packet));
            assert_eq!(packet[12..28], PING);
        }
    }

    #[test]
    fn a_rekeyed_one_is_like_a_new_one() {
        for cipher in Cipher::ALL {
            let mut chain = secret(C2S);
            let mut old = key(C2S, cipher);
            chain.advance();
            assert!(old.rekey(2, cipher, &chain.material(cipher)));
            let new = EpochKey::new(2, cipher, &chain.material(cipher)).unwrap();
            let mut packet = unsealed("48000000", b"hello");
            assert!(old.seal(7, &mut packet));
            assert_eq!(packet[4..12], [0, 2, 0, 0, 0, 0, 0, 7]);
            assert!(new.open(7, &mut packet), "{cipher:?}");
            assert_eq!(packet[12..17], *b"hello");
        }
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(
            cipher in proptest::sample::select(&Cipher::ALL),
            chain in any::<[u8; 32]>(),
            text in proptest::collection::vec(any::<u8>(), 1..200),
            counter in 1u64..1 << 48,
            flip in any::<proptest::sample::Index>(),
            bit in 0u8..8,
        ) {
            let material = EpochSecret::new(chain).material(cipher);
            let key = EpochKey::new(9, cipher, &material).unwrap();
            let mut packet = unsealed("4a123456", &text);
            prop_assert!(key.seal(counter, &mut packet));
            let mut forged = packet.clone();
            forged[flip.index(packet.len())] ^= 1 << bit;
            prop_assert!(!key.open(counter, &mut forged));
            prop_assert!(!key.open(counter ^ 1, &mut packet.clone()));
            prop_assert!(key.open(counter, &mut packet));
            prop_assert_eq!(&packet[12..packet.len() - 16], &text[..]);
        }

        #[test]
        fn short_packets_are_refused(len in 0usize..28) {
            prop_assert!(!key(C2S, Cipher::Aes128Gcm).open(1, &mut vec![0; len]));
        }
    }
}

use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::{AeadInPlace, KeyInit};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use zeroize::Zeroize;

use crate::command::{Cipher, DirectionKey};
use crate::wire::{PACKET_ID_LEN, TAG_LEN, be32};

/// Seals and opens the data packets of one direction under one key, in place: AEAD v1. [wire 12.1]
///
/// `ring` was the fastest crate on CPUs with VAES (`benches/aead.rs`); it has no AES-192, which `aes-gcm` supplies.
pub struct AeadKey {
    cipher: AeadCipher,
    implicit_iv: [u8; 8],
}

type Aes192Gcm = aes_gcm::AesGcm<aes_gcm::aes::Aes192, aes_gcm::aead::consts::U12>;

/// The frequent variant is the large one, and a box would cost a cache miss per packet.
#[expect(clippy::large_enum_variant)]
pub(crate) enum AeadCipher {
    Ring(LessSafeKey),
    Aes192(Box<Aes192Gcm>),
}

impl AeadKey {
    /// `None` for an all-zero key. [wire 11.3]
    pub fn new(cipher: Cipher, material: &DirectionKey) -> Option<AeadKey> {
        let key = &material.cipher[..cipher.key_len()];
        if key.iter().all(|byte| *byte == 0) {
            return None;
        }
        let (implicit_iv, _) = material.hmac.split_first_chunk()?;
        Some(AeadKey {
            cipher: AeadCipher::new(cipher, key)?,
            implicit_iv: *implicit_iv,
        })
    }

    /// Seals `packet`, which is `header || packet id || 16 free bytes || plaintext` with a header of 1 or 4 bytes.
    /// False: the packet is longer than the cipher can take.
    pub fn seal(&self, header_len: usize, packet: &mut [u8]) -> bool {
        let Some((ad, nonce, body)) = self.parts(header_len, packet) else {
            return false;
        };
        let (tag_slot, text) = body.split_at_mut(TAG_LEN);
        let Some(tag) = self.cipher.seal(nonce, ad, text) else {
            return false;
        };
        tag_slot.copy_from_slice(&tag);
        true
    }

    /// Opens `packet`, which is `header || packet id || tag || ciphertext`; the plaintext takes the ciphertext's place.
    /// False: not authentic, and the ciphertext is garbage now.
    pub fn open(&self, header_len: usize, packet: &mut [u8]) -> bool {
        let Some((ad, nonce, body)) = self.parts(header_len, packet) else {
            return false;
        };
        let (tag, text) = body.split_at_mut(TAG_LEN);
        <&[u8; TAG_LEN]>::try_from(&*tag).is_ok_and(|tag| self.cipher.open(nonce, ad, tag, text))
    }

    /// Associated data, nonce, and tag with text. DATA_V1 leaves the opcode byte out of the associated data.
    fn parts<'a>(
        &self,
        header_len: usize,
        packet: &'a mut [u8],
    ) -> Option<(&'a [u8], [u8; 12], &'a mut [u8])> {
        let (head, body) = packet.split_at_mut_checked(header_len + PACKET_ID_LEN)?;
        if body.len() < TAG_LEN {
            return None;
        }
        let id = be32(head, header_len).to_be_bytes();
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&id);
        nonce[4..].copy_from_slice(&self.implicit_iv);
        let ad = if header_len == 1 {
            &head[1..]
        } else {
            &head[..]
        };
        Some((ad, nonce, body))
    }
}

impl Drop for AeadKey {
    fn drop(&mut self) {
        self.implicit_iv.zeroize();
    }
}

impl Drop for AeadCipher {
    /// `ring` keeps its key schedule private, so it is overwritten with that of a public key.
    fn drop(&mut self) {
        if let AeadCipher::Ring(key) = self
            && let Ok(blank) =
                UnboundKey::new(key.algorithm(), &[0; 32][..key.algorithm().key_len()])
        {
            *key = LessSafeKey::new(blank);
            std::hint::black_box(&*key);
        }
    }
}

impl AeadCipher {
    /// `key` has the cipher's length.
    pub fn new(cipher: Cipher, key: &[u8]) -> Option<AeadCipher> {
        let algorithm = match cipher {
            Cipher::Aes128Gcm => &AES_128_GCM,
            Cipher::Aes256Gcm => &AES_256_GCM,
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Cipher::Aes192Gcm => {
                return Some(AeadCipher::Aes192(Box::new(Aes192Gcm::new(
                    GenericArray::from_slice(key),
                ))));
            }
        };
        Some(AeadCipher::Ring(LessSafeKey::new(
            UnboundKey::new(algorithm, key).ok()?,
        )))
    }

    /// Takes another key of the same cipher, in the memory that it has. False: it is what it was.
    pub fn rekey(&mut self, key: &[u8]) -> bool {
        match self {
            AeadCipher::Ring(old) => match UnboundKey::new(old.algorithm(), key) {
                Ok(new) => *old = LessSafeKey::new(new),
                Err(_) => return false,
            },
            AeadCipher::Aes192(old) => **old = Aes192Gcm::new(GenericArray::from_slice(key)),
        }
        true
    }

    pub fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG_LEN]> {
        match self {
            AeadCipher::Ring(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(ad), text)
                    .ok()?;
                tag.as_ref().try_into().ok()
            }
            AeadCipher::Aes192(key) => {
                let tag = key
                    .encrypt_in_place_detached(&nonce.into(), ad, text)
                    .ok()?;
                Some(tag.into())
            }
        }
    }

    pub fn open(&self, nonce: [u8; 12], ad: &[u8], tag: &[u8; TAG_LEN], text: &mut [u8]) -> bool {
        match self {
            AeadCipher::Ring(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened =
                    key.open_in_place_separate_tag(nonce, Aad::from(ad), (*tag).into(), text, 0..);
                opened.is_ok()
            }
            AeadCipher::Aes192(key) => {
                let opened = key.decrypt_in_place_detached(&nonce.into(), ad, text, tag.into());
                opened.is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::KEY_SLOT_LEN;
    use crate::wire::PING;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let pair =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn material(key: &[u8], iv: &[u8]) -> DirectionKey {
        let mut material = DirectionKey {
            cipher: [0; KEY_SLOT_LEN],
            hmac: [0; KEY_SLOT_LEN],
        };
        material.cipher[..key.len()].copy_from_slice(key);
        material.hmac[..iv.len()].copy_from_slice(iv);
        material
    }

    /// Known answer 5: a ping under AES-256-GCM, DATA_V2, peer-id 0, packet id 1. [wire 19]
    #[test]
    fn reproduces_a_captured_ping() {
        let key = hex("c2cd86b5b1d4ada6bd3748adb02ccdbd88c64ed47f6cb37ab8681461aa5e4c21");
        let key =
            AeadKey::new(Cipher::Aes256Gcm, &material(&key, &hex("92586483a826723c"))).unwrap();
        let captured = hex(
            "48000000 00000001 6eb0995822016640ad91100f69e78e0d cce2dce9d79feff585937ab511909bd9",
        );
        let mut packet = hex("48000000 00000001 00000000000000000000000000000000");
        packet.extend_from_slice(&PING);
        assert!(key.seal(4, &mut packet));
        assert_eq!(packet, captured);
        assert!(key.open(4, &mut packet));
        assert_eq!(packet[24..], PING);
    }

    /// The same nonce and cipher, checked against a second implementation.
    #[test]
    fn agrees_with_another_library_for_every_cipher() {
        use aws_lc_rs::aead as other;
        for cipher in Cipher::ALL {
            let algorithm = match cipher {
                Cipher::Aes128Gcm => &other::AES_128_GCM,
                Cipher::Aes192Gcm => &other::AES_192_GCM,
                Cipher::Aes256Gcm => &other::AES_256_GCM,
                Cipher::ChaCha20Poly1305 => &other::CHACHA20_POLY1305,
            };
            let bytes: Vec<u8> = (1..=cipher.key_len() as u8).collect();
            let ours = AeadKey::new(cipher, &material(&bytes, &[0xa5; 8])).unwrap();
            let theirs =
                other::LessSafeKey::new(other::UnboundKey::new(algorithm, &bytes).unwrap());
            for header_len in [1, 4] {
                let mut packet = vec![0x77; header_len + 20 + 1000];
                assert!(ours.seal(header_len, &mut packet));
                let mut nonce = [0xa5; 12];
                nonce[..4].copy_from_slice(&[0x77; 4]);
                let mut expected = vec![0x77; 1000];
                let ad = vec![0x77; if header_len == 1 { 4 } else { 8 }];
                let nonce = other::Nonce::assume_unique_for_key(nonce);
                let tag = theirs
                    .seal_in_place_separate_tag(nonce, other::Aad::from(ad), &mut expected)
                    .unwrap();
                assert_eq!(packet[header_len + 20..], expected, "{cipher:?}");
                assert_eq!(
                    packet[header_len + 4..header_len + 20],
                    *tag.as_ref(),
                    "{cipher:?}"
                );
            }
        }
    }

    #[test]
    fn refuses_an_all_zero_key() {
        for cipher in Cipher::ALL {
            assert!(AeadKey::new(cipher, &material(&[], &[1; 8])).is_none());
        }
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(
            cipher in proptest::sample::select(&Cipher::ALL),
            text in proptest::collection::vec(any::<u8>(), 1..200),
            v2 in any::<bool>(),
            flip in any::<proptest::sample::Index>(),
            bit in 0u8..8,
        ) {
            let header_len = if v2 { 4 } else { 1 };
            let key = AeadKey::new(cipher, &material(&[3; 32], &[4; 8])).unwrap();
            let mut packet = vec![0x31; header_len + 20];
            packet.extend_from_slice(&text);
            prop_assert!(key.seal(header_len, &mut packet));
            let mut forged = packet.clone();
            // The opcode byte of DATA_V1 is not authenticated.
            let at = if v2 { flip.index(packet.len()) } else { 1 + flip.index(packet.len() - 1) };
            forged[at] ^= 1 << bit;
            prop_assert!(!key.open(header_len, &mut forged));
            prop_assert!(key.open(header_len, &mut packet));
            prop_assert_eq!(&packet[header_len + 20..], &text[..]);
        }

        #[test]
        fn short_packets_are_refused(len in 0usize..24, v2 in any::<bool>()) {
            let header_len = if v2 { 4 } else { 1 };
            let key = AeadKey::new(Cipher::Aes128Gcm, &material(&[3; 16], &[4; 8])).unwrap();
            prop_assert!(!key.open(header_len, &mut vec![0; len]));
        }
    }
}

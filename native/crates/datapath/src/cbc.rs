use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};

use crate::command::{CbcCipher, DirectionKey};

pub(crate) const BLOCK_LEN: usize = 16;

/// Enciphers the packets of one direction with AES-CBC, in place. [wire 12.3]
///
/// The wire wants an IV that nobody can foretell. It is the packet id enciphered under a key of its own (NIST SP 800-38A,
/// appendix C), for which there are secret bytes: no cipher uses the second half of its slot.
///
/// `aws-lc-rs` was the fastest crate for this by far (`benches/cbc.rs`).
pub(crate) struct CbcSealer {
    key: EncryptingKey,
    iv_key: EncryptingKey,
}

/// Deciphers the packets of one direction, in place.
pub(crate) struct CbcOpener {
    key: DecryptingKey,
}

impl CbcSealer {
    /// `None` for an all-zero key. [wire 11.3]
    pub fn new(cipher: CbcCipher, material: &DirectionKey) -> Option<CbcSealer> {
        let key = EncryptingKey::cbc(usable_key(cipher, material)?).ok()?;
        let iv_key = UnboundCipherKey::new(&AES_128, &material.cipher[32..48]).ok()?;
        Some(CbcSealer {
            key,
            iv_key: EncryptingKey::ecb(iv_key).ok()?,
        })
    }

    /// An IV that was never used before and that nobody else can compute, as long as no packet id comes twice.
    pub fn iv(&self, packet_id: u32) -> Option<[u8; BLOCK_LEN]> {
        let mut iv = [0; BLOCK_LEN];
        iv[..4].copy_from_slice(&packet_id.to_be_bytes());
        let context = EncryptionContext::None;
        self.iv_key.less_safe_encrypt(&mut iv, context).ok()?;
        Some(iv)
    }

    /// False: `text` is not whole blocks.
    pub fn seal(&self, iv: &[u8; BLOCK_LEN], text: &mut [u8]) -> bool {
        let context = EncryptionContext::Iv128(iv.into());
        self.key.less_safe_encrypt(text, context).is_ok()
    }
}

impl CbcOpener {
    /// `None` for an all-zero key.
    pub fn new(cipher: CbcCipher, material: &DirectionKey) -> Option<CbcOpener> {
        let key = DecryptingKey::cbc(usable_key(cipher, material)?).ok()?;
        Some(CbcOpener { key })
    }

    /// False: `text` is not whole blocks.
    pub fn open(&self, iv: &[u8; BLOCK_LEN], text: &mut [u8]) -> bool {
        let context = DecryptionContext::Iv128(iv.into());
        self.key.decrypt(text, context).is_ok()
    }
}

fn usable_key(cipher: CbcCipher, material: &DirectionKey) -> Option<UnboundCipherKey> {
    let algorithm = match cipher {
        CbcCipher::Aes128 => &AES_128,
        CbcCipher::Aes192 => &AES_192,
        CbcCipher::Aes256 => &AES_256,
    };
    let key = &material.cipher[..cipher.key_len()];
    if key.iter().all(|byte| *byte == 0) {
        return None;
    }
    UnboundCipherKey::new(algorithm, key).ok()
}

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

/// AES-256 in counter mode over `text`, in place; the counter has 128 bits and begins with `iv`. False for a key or an IV of
/// another length. [wire 5]
pub fn aes256_ctr(key: &[u8], iv: &[u8], text: &mut [u8]) -> bool {
    let Ok(iv) = <&[u8; 16]>::try_from(iv) else {
        return false;
    };
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    UnboundCipherKey::new(&AES_256, key)
        .and_then(EncryptingKey::ctr)
        .is_ok_and(|key| key.less_safe_encrypt(text, context).is_ok())
}

/// HMAC with the digest that has the length of `tag`: SHA1, SHA224, SHA256, SHA384 or SHA512. False for another length.
/// [wire 4, 5]
pub fn hmac(key: &[u8], text: &[u8], tag: &mut [u8]) -> bool {
    let algorithm = match tag.len() {
        20 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        28 => hmac::HMAC_SHA224,
        32 => hmac::HMAC_SHA256,
        48 => hmac::HMAC_SHA384,
        64 => hmac::HMAC_SHA512,
        _ => return false,
    };
    tag.copy_from_slice(hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref());
    true
}

use aws_lc_rs::hmac;

use crate::command::{Digest, DirectionKey};

/// Authenticates the packets of one direction where the cipher does not. [wire 12.3]
pub(crate) struct HmacKey {
    /// None with `auth none`: whatever comes is taken for authentic.
    key: Option<hmac::Key>,
}

impl HmacKey {
    /// The key is as long as the digest. [wire 11.3]
    pub fn new(digest: Digest, material: &DirectionKey) -> HmacKey {
        let Some(algorithm) = algorithm(digest) else {
            return HmacKey { key: None };
        };
        let key = hmac::Key::new(algorithm, &material.hmac[..digest.tag_len()]);
        HmacKey { key: Some(key) }
    }

    /// Writes the HMAC of `text` to `tag`, which is as long as the digest.
    pub fn sign(&self, text: &[u8], tag: &mut [u8]) {
        if let Some(key) = &self.key {
            tag.copy_from_slice(hmac::sign(key, text).as_ref());
        }
    }

    /// Takes as long for a wrong tag as for a right one.
    pub fn verify(&self, text: &[u8], tag: &[u8]) -> bool {
        self.key
            .as_ref()
            .is_none_or(|key| hmac::verify(key, text, tag).is_ok())
    }
}

/// None for no digest at all.
pub(crate) fn algorithm(digest: Digest) -> Option<hmac::Algorithm> {
    Some(match digest {
        Digest::None => return None,
        Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha224 => hmac::HMAC_SHA224,
        Digest::Sha256 => hmac::HMAC_SHA256,
        Digest::Sha384 => hmac::HMAC_SHA384,
        Digest::Sha512 => hmac::HMAC_SHA512,
    })
}

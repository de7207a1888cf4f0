use ring::hmac;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::command::Cipher;

/// Secret of one epoch: gives the key of its packets and the secret of the next epoch, and never one before. [wire 12.2]
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct EpochSecret([u8; EpochSecret::LEN]);

/// What the packets of one epoch are sealed with: a key in the first `key_len` bytes, the rest being zero, and the IV.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct EpochMaterial {
    pub key: [u8; 32],
    pub iv: [u8; 12],
}

impl EpochSecret {
    pub const LEN: usize = 32;

    pub fn new(bytes: [u8; EpochSecret::LEN]) -> EpochSecret {
        EpochSecret(bytes)
    }

    pub fn bytes(&self) -> &[u8; EpochSecret::LEN] {
        &self.0
    }

    pub fn material(&self, cipher: Cipher) -> EpochMaterial {
        let mut material = EpochMaterial {
            key: [0; 32],
            iv: [0; 12],
        };
        let key = self.expander();
        expand_label(&key, b"data_key", &mut material.key[..cipher.key_len()]);
        expand_label(&key, b"data_iv", &mut material.iv);
        material
    }

    /// Becomes the secret of the next epoch.
    pub fn advance(&mut self) {
        let mut next = [0; EpochSecret::LEN];
        expand_label(&self.expander(), b"datakey upd", &mut next);
        self.0 = next;
        next.zeroize();
    }

    fn expander(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

/// Expand-Label of at most 32 bytes: the first block of HKDF-Expand with SHA-256. [wire 12.2]
fn expand_label(secret: &hmac::Key, label: &[u8], out: &mut [u8]) {
    const PREFIX: &[u8] = b"ovpn ";
    let mut mac = hmac::Context::with_key(secret);
    mac.update(&(out.len() as u16).to_be_bytes());
    mac.update(&[(PREFIX.len() + label.len()) as u8]);
    mac.update(PREFIX);
    mac.update(label);
    // No context; then the number of the block.
    mac.update(&[0, 1]);
    out.copy_from_slice(&mac.sign().as_ref()[..out.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::test_vectors::{C2S, S2C, hex, secret};

    /// Known answer 6. [wire 19]
    #[test]
    fn a_label_expands_as_in_the_reference() {
        let secret = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let mut out = [0; 16];
        let secret = EpochSecret::new(secret.try_into().unwrap());
        expand_label(&secret.expander(), b"unit test", &mut out);
        assert_eq!(out[..], hex("185eaa1c7f228ab8eb29773214d92046"));
    }

    /// Known answer 6. [wire 19]
    #[test]
    fn the_chain_is_that_of_the_captured_session() {
        let mut chain = secret(C2S);
        let answers = [
            (
                1,
                "fcd58a79cb8f5d33c857496fea4e6d785ac2605813bbc106db40d7eb56a54737",
                "2e8f8171b69c5788876db2ab11925b624bb0dfc29d86828323d8d19015b73d3d",
                Some("b7e3f4f30ab06426f9a5844c"),
            ),
            (
                2,
                "b3d5c057be6a199156dedb690b8fadfffc38d886a081ceb1fd23222ebabb0c31",
                "fac134beb6a8fe18620373570c083c556adf72a05e18671d5d61e251b56203a7",
                Some("aa94821b68b1077a577725e6"),
            ),
            (
                5,
                "2feb220539e219c7cbb279ef5c97742ecb24160be2a51e6a03276a8afac742e0",
                "63559b42a8a4572a78f9e8decd4be344071f78118b92bdfe60728f351018d752",
                None,
            ),
        ];
        let mut epoch = 1;
        for (at, bytes, key, iv) in answers {
            while epoch < at {
                chain.advance();
                epoch += 1;
            }
            let material = chain.material(Cipher::Aes256Gcm);
            assert_eq!(chain.bytes()[..], hex(bytes));
            assert_eq!(material.key[..], hex(key));
            assert!(iv.is_none_or(|iv| material.iv[..] == hex(iv)), "{at}");
        }
        let material = secret(S2C).material(Cipher::Aes256Gcm);
        let key = "cd122ffaaa87fdf5eade54b95e959c942b76ac5f851093623f694858b983e57a";
        assert_eq!(material.key[..], hex(key));
        assert_eq!(material.iv[..], hex("7cc59b9eea65d47ffe3766ea"));
    }

    #[test]
    fn the_length_of_a_key_is_part_of_its_derivation() {
        let (long, short) = (
            secret(C2S).material(Cipher::Aes256Gcm),
            secret(C2S).material(Cipher::Aes128Gcm),
        );
        assert_ne!(long.key[..16], short.key[..16]);
        assert_eq!(short.key[16..], [0; 16]);
        assert_eq!(long.iv, short.iv);
    }
}

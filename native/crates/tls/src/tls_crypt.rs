use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag};

use crate::control_cipher::aes256_ctr;

const TAG: usize = 32;
const IV: usize = 16;
const CIPHER_KEY: usize = 32;
const KEY: usize = 64;

/// Seals a packet of `header` bytes, room for the tag, and plaintext, in place. `key` is the AES key and the HMAC key of one
/// direction, of 32 bytes each. False for a key or a packet of another shape. [wire 5]
pub fn tls_crypt_seal(key: &[u8], header: usize, packet: &mut [u8]) -> bool {
    let Some((header, tag, text)) = parts(key, header, packet) else {
        return false;
    };
    tag.copy_from_slice(sum(key, header, text).as_ref());
    aes256_ctr(&key[..CIPHER_KEY], &tag[..IV], text)
}

/// Opens what `tls_crypt_seal` has made, in place. False, and the text means nothing, when it is not genuine. [wire 5]
pub fn tls_crypt_open(key: &[u8], header: usize, packet: &mut [u8]) -> bool {
    let Some((header, tag, text)) = parts(key, header, packet) else {
        return false;
    };
    aes256_ctr(&key[..CIPHER_KEY], &tag[..IV], text)
        && verify_slices_are_equal(tag, sum(key, header, text).as_ref()).is_ok()
}

fn sum(key: &[u8], header: &[u8], text: &[u8]) -> Tag {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, &key[CIPHER_KEY..]));
    context.update(header);
    context.update(text);
    context.sign()
}

type Parts<'packet> = (&'packet [u8], &'packet mut [u8], &'packet mut [u8]);

fn parts<'packet>(key: &[u8], header: usize, packet: &'packet mut [u8]) -> Option<Parts<'packet>> {
    if key.len() != KEY {
        return None;
    }
    let (header, sealed) = packet.split_at_mut_checked(header)?;
    let (tag, text) = sealed.split_at_mut_checked(TAG)?;
    Some((header, tag, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [wire 19, KAT 8]
    const SEALED: [u8; 50] = [
        0, 0, 0, 1, 0, 0, 0, 0, 0xe3, 0x19, 0x27, 0x7f, 0x1c, 0x8d, 0x6e, 0x6a, 0x77, 0x96, 0xa8,
        0x55, 0x33, 0x7b, 0x9c, 0xfb, 0x56, 0xe1, 0xf1, 0x3a, 0x87, 0x0e, 0x66, 0x47, 0xdf, 0xa1,
        0x95, 0xc9, 0x2c, 0x17, 0xa0, 0x15, 0xba, 0x49, 0x67, 0xa1, 0x1d, 0x55, 0xea, 0x1a, 0x06,
        0xa7,
    ];

    #[test]
    fn seals_and_opens_like_the_reference() {
        let key = [0xba; KEY];
        let mut packet = [0; 50];
        packet[..8].copy_from_slice(&SEALED[..8]);
        packet[40..].copy_from_slice(b"1234567890");
        assert!(tls_crypt_seal(&key, 8, &mut packet));
        assert_eq!(packet, SEALED);
        assert!(tls_crypt_open(&key, 8, &mut packet));
        assert_eq!(&packet[40..], b"1234567890");
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        for at in 0..SEALED.len() {
            let mut packet = SEALED;
            packet[at] ^= 1;
            assert!(!tls_crypt_open(&[0xba; KEY], 8, &mut packet), "byte {at}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let mut packet = SEALED;
        assert!(!tls_crypt_open(&[0xba; KEY - 1], 8, &mut packet));
        assert!(!tls_crypt_open(&[0xba; KEY], 8, &mut packet[..39]));
        assert!(!tls_crypt_seal(&[0xba; KEY], 51, &mut packet));
        assert!(tls_crypt_seal(&[0xba; KEY], 8, &mut packet[..40]));
    }
}

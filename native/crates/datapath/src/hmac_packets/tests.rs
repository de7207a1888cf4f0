use ::{cbc, hmac};
use ::hmac::{Hmac, Mac};
use proptest::prelude::*;

use super::*;
use crate::command::{KEY_SLOT_LEN, Suite};
use crate::wire::{KeyId, PING, PeerId};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn direction(cipher: &[u8], hmac: &[u8]) -> DirectionKey {
    let mut key = DirectionKey {
        cipher: [0; KEY_SLOT_LEN],
        hmac: [0; KEY_SLOT_LEN],
    };
    key.cipher[..cipher.len()].copy_from_slice(cipher);
    key.hmac[..hmac.len()].copy_from_slice(hmac);
    key
}

/// Packets that open what they have sealed.
fn mirror(cipher: Option<CbcCipher>, digest: Digest, key: &DirectionKey) -> HmacPackets {
    let command = InstallKey {
        peer: PeerId(0),
        key_id: KeyId(0),
        suite: Suite::Plain(digest),
        seal: key.clone(),
        open: key.clone(),
    };
    HmacPackets::new(cipher, digest, &command).expect("a good key")
}

fn sealed(packets: &mut HmacPackets, header_len: usize, payload: &[u8]) -> Vec<u8> {
    let (lead, body_len) = packets.room_for(payload.len());
    let mut packet = vec![0xee; header_len + body_len];
    packet[header_len + lead..][..payload.len()].copy_from_slice(payload);
    assert!(packets.seal(header_len, payload.len(), &mut packet));
    packet
}

fn opened(
    packets: &mut HmacPackets,
    header_len: usize,
    packet: &[u8],
) -> Result<Vec<u8>, DropReason> {
    let mut packet = packet.to_vec();
    let payload = packets.open(header_len, &mut packet)?;
    Ok(packet[payload].to_vec())
}

const CIPHERS: [Option<CbcCipher>; 4] = [
    None,
    Some(CbcCipher::Aes128),
    Some(CbcCipher::Aes192),
    Some(CbcCipher::Aes256),
];

/// Known answer 7: a ping under AES-256-CBC and SHA256, DATA_V2, packet id 1. The IV is the sender's choice. [wire 19]
#[test]
fn reproduces_a_captured_ping() {
    let key = direction(
        &hex("85792ef210bfbb2132ec7b7e7acf3c7324ae3f17655469f4a211f2bc52301bf5"),
        &hex("b9b8345472da44a23ebb6df720fe017bf7b15d279da75b21f484474efbb1e1e0"),
    );
    let captured = hex(
        "48000000 e17cfae4487595308fb06e8967c4da09eff3d533b4bf873956d5cbb96dc3a6a7
         181967733e9efbdd42de75ec1d9b6947
         d6d9d2dff37aee29b8aa952e43f80c8d24080b1e6d7e30f34c0b16ef1878f5a5",
    );
    let mut packets = mirror(Some(CbcCipher::Aes256), Digest::Sha256, &key);
    assert_eq!(opened(&mut packets, 4, &captured), Ok(PING.to_vec()));
    assert_eq!(
        opened(&mut packets, 4, &captured),
        Err(DropReason::Replayed)
    );
    let iv: [u8; BLOCK_LEN] = captured[36..52].try_into().unwrap();
    let sealer = CbcSealer::new(CbcCipher::Aes256, &key).unwrap();
    let mut text = [&[0, 0, 0, 1][..], &PING, &[12; 12]].concat();
    assert!(sealer.seal(&iv, &mut text));
    assert_eq!(text, captured[52..]);
    let mut tag = [0; 32];
    HmacKey::new(Digest::Sha256, &key).sign(&captured[36..], &mut tag);
    assert_eq!(tag, captured[4..36]);
}

/// Cipher and HMAC, checked against a second implementation of both.
#[test]
fn agrees_with_another_library_for_every_cipher_and_digest() {
    let bytes: Vec<u8> = (1..=64).collect();
    let key = direction(&bytes, &bytes);
    for cipher in CbcCipher::ALL {
        for digest in Digest::ALL {
            let packet = sealed(&mut mirror(Some(cipher), digest, &key), 4, &[0x5a; 1000]);
            let (tag, rest) = packet[4..].split_at(digest.tag_len());
            let key = &bytes[..digest.tag_len()];
            assert_eq!(tag, their_hmac(digest, key, rest), "{digest:?}");
            let (iv, text) = rest.split_first_chunk::<BLOCK_LEN>().unwrap();
            let plain = their_text(cipher, &bytes[..cipher.key_len()], iv, text);
            assert_eq!(plain, [&[0, 0, 0, 1][..], &[0x5a; 1000]].concat());
        }
    }
}

fn their_hmac(digest: Digest, key: &[u8], text: &[u8]) -> Vec<u8> {
    fn of<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut mac = <M as Mac>::new_from_slice(key).unwrap();
        mac.update(text);
        mac.finalize().into_bytes().to_vec()
    }
    match digest {
        Digest::None => vec![],
        Digest::Sha1 => of::<Hmac<sha1::Sha1>>(key, text),
        Digest::Sha224 => of::<Hmac<sha2::Sha224>>(key, text),
        Digest::Sha256 => of::<Hmac<sha2::Sha256>>(key, text),
        Digest::Sha384 => of::<Hmac<sha2::Sha384>>(key, text),
        Digest::Sha512 => of::<Hmac<sha2::Sha512>>(key, text),
    }
}

fn their_text(cipher: CbcCipher, key: &[u8], iv: &[u8; BLOCK_LEN], text: &[u8]) -> Vec<u8> {
    use aes::cipher::block_padding::Pkcs7;
    use aes::cipher::{BlockDecryptMut, KeyIvInit};
    let mut text = text.to_vec();
    let plain = match cipher {
        CbcCipher::Aes128 => cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv)
            .unwrap()
            .decrypt_padded_mut::<Pkcs7>(&mut text),
        CbcCipher::Aes192 => cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv)
            .unwrap()
            .decrypt_padded_mut::<Pkcs7>(&mut text),
        CbcCipher::Aes256 => cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
            .unwrap()
            .decrypt_padded_mut::<Pkcs7>(&mut text),
    };
    plain.unwrap().to_vec()
}

#[test]
fn every_size_comes_back_and_room_and_limit_agree() {
    let key = direction(&[3; 64], &[4; 64]);
    for cipher in CIPHERS {
        for digest in Digest::ALL {
            let mut packets = mirror(cipher, digest, &key);
            let suite = match cipher {
                None => Suite::Plain(digest),
                Some(cipher) => Suite::Cbc(cipher, digest),
            };
            for len in 0..120 {
                let payload: Vec<u8> = (0..len as u8).collect();
                for header_len in [1, 4] {
                    let packet = sealed(&mut packets, header_len, &payload);
                    assert_eq!(
                        opened(&mut packets, header_len, &packet),
                        Ok(payload.clone())
                    );
                    let body_len = packet.len() - header_len;
                    assert!(suite.max_payload(body_len) >= len, "{suite:?} {len}");
                    assert!(
                        suite.max_payload(body_len - 1) < len.max(1),
                        "{suite:?} {len}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_iv_comes_twice() {
    let key = direction(&[3; 64], &[4; 64]);
    let sealer = CbcSealer::new(CbcCipher::Aes128, &key).unwrap();
    let ivs: std::collections::HashSet<_> = (1..1000).filter_map(|id| sealer.iv(id)).collect();
    assert_eq!(ivs.len(), 999);
    assert!(!ivs.contains(&[0; BLOCK_LEN]));
}

#[test]
fn an_all_zero_cipher_key_is_refused_and_without_a_cipher_there_is_none() {
    let blank = direction(&[], &[1; 64]);
    for cipher in CbcCipher::ALL {
        assert!(CbcSealer::new(cipher, &blank).is_none());
        assert!(CbcOpener::new(cipher, &blank).is_none());
    }
    mirror(None, Digest::Sha1, &blank);
}

#[test]
fn odd_padding_and_odd_lengths_are_refused() {
    let key = direction(&[3; 64], &[4; 64]);
    let mut packets = mirror(Some(CbcCipher::Aes128), Digest::Sha256, &key);
    let (sealer, hmac) = (
        CbcSealer::new(CbcCipher::Aes128, &key).unwrap(),
        HmacKey::new(Digest::Sha256, &key),
    );
    let mut verdict = |text: &[u8], cut: usize| {
        let mut text = text.to_vec();
        assert!(sealer.seal(&[9; BLOCK_LEN], &mut text));
        let rest = [&[9; BLOCK_LEN][..], &text[..text.len() - cut]].concat();
        let mut tag = [0; 32];
        hmac.sign(&rest, &mut tag);
        opened(&mut packets, 1, &[&[0x30][..], &tag, &rest].concat())
    };
    let block = |last: [u8; 3]| [&[0, 0, 0, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1][..], &last].concat();
    assert_eq!(verdict(&block([1, 3, 3]), 0), Err(DropReason::Unauthentic));
    assert_eq!(verdict(&block([1, 1, 0]), 0), Err(DropReason::Unauthentic));
    assert_eq!(verdict(&block([1, 1, 17]), 0), Err(DropReason::Unauthentic));
    assert_eq!(verdict(&[16; 16], 0), Err(DropReason::Truncated));
    assert_eq!(verdict(&block([3, 3, 3]), 1), Err(DropReason::Truncated));
    assert_eq!(verdict(&[], 0), Err(DropReason::Truncated));
    assert_eq!(verdict(&block([3, 3, 3]), 0), Ok(vec![1; 9]));
}

proptest! {
    #[test]
    fn one_flipped_bit_is_noticed(
        cipher in proptest::sample::select(&CIPHERS),
        digest in proptest::sample::select(&Digest::ALL[1..]),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        flip in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut packets = mirror(cipher, digest, &direction(&[3; 64], &[4; 64]));
        let packet = sealed(&mut packets, 4, &payload);
        let mut forged = packet.clone();
        // The header is not authenticated.
        forged[4 + flip.index(packet.len() - 4)] ^= 1 << bit;
        prop_assert_eq!(opened(&mut packets, 4, &forged), Err(DropReason::Unauthentic));
        prop_assert_eq!(opened(&mut packets, 4, &packet), Ok(payload));
    }

    #[test]
    fn any_bytes_are_dropped_or_taken_and_never_a_fault(
        cipher in proptest::sample::select(&CIPHERS),
        digest in proptest::sample::select(&Digest::ALL),
        bytes in proptest::collection::vec(any::<u8>(), 0..150),
        header_len in proptest::sample::select(&[1usize, 4]),
    ) {
        let mut packets = mirror(cipher, digest, &direction(&[3; 64], &[4; 64]));
        let verdict = opened(&mut packets, header_len, &bytes);
        prop_assert!(digest == Digest::None || verdict.is_err());
    }
}

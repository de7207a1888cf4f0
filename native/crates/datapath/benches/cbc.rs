//! Which crate enciphers CBC packets and computes their HMAC fastest here: the measurement behind `src/cbc.rs` and
//! `src/hmac.rs`.
//!
//! `cargo bench -p datapath --bench cbc`

use std::hint::black_box;

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, InnerIvInit, KeyInit};
use criterion::{Criterion, criterion_group, criterion_main};
use hmac::Mac;

/// Whole blocks around 64 and 1400 bytes.
const SIZES: [usize; 2] = [64, 1408];
const KEY: [u8; 32] = [3; 32];
const IV: [u8; 16] = [7; 16];

fn cbc_of_rust_crypto(criterion: &mut Criterion) {
    let seal = aes::Aes256Enc::new(&KEY.into());
    let open = aes::Aes256Dec::new(&KEY.into());
    for size in SIZES {
        let mut buffer = vec![5u8; size];
        criterion.bench_function(&format!("RustCrypto/AES-256-CBC/seal/{size}"), |b| {
            b.iter(|| {
                let mode = cbc::Encryptor::inner_iv_init(&seal, &IV.into());
                mode.encrypt_padded_mut::<NoPadding>(black_box(&mut buffer), size)
                    .map(<[u8]>::len)
            });
        });
        criterion.bench_function(&format!("RustCrypto/AES-256-CBC/open/{size}"), |b| {
            b.iter(|| {
                let mode = cbc::Decryptor::inner_iv_init(&open, &IV.into());
                mode.decrypt_padded_mut::<NoPadding>(black_box(&mut buffer))
                    .map(<[u8]>::len)
            });
        });
    }
}

fn cbc_of_aws_lc(criterion: &mut Criterion) {
    use aws_lc_rs::cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
        UnboundCipherKey,
    };
    let unbound = || UnboundCipherKey::new(&AES_256, &KEY).expect("a key");
    let seal = EncryptingKey::cbc(unbound()).expect("a key");
    let open = DecryptingKey::cbc(unbound()).expect("a key");
    for size in SIZES {
        let mut buffer = vec![5u8; size];
        criterion.bench_function(&format!("aws-lc-rs/AES-256-CBC/seal/{size}"), |b| {
            b.iter(|| {
                let context = EncryptionContext::Iv128((&IV).into());
                seal.less_safe_encrypt(black_box(&mut buffer), context)
                    .is_ok()
            });
        });
        criterion.bench_function(&format!("aws-lc-rs/AES-256-CBC/open/{size}"), |b| {
            b.iter(|| {
                let context = DecryptionContext::Iv128((&IV).into());
                open.decrypt(black_box(&mut buffer), context).is_ok()
            });
        });
    }
}

fn hmac_of_rust_crypto<M: Mac + hmac::digest::KeyInit + Clone>(
    criterion: &mut Criterion,
    name: &str,
) {
    let key = <M as Mac>::new_from_slice(&KEY).expect("a key");
    for size in SIZES {
        let buffer = vec![5u8; size];
        criterion.bench_function(&format!("RustCrypto/{name}/{size}"), |b| {
            b.iter(|| {
                let mut mac = key.clone();
                mac.update(black_box(&buffer));
                mac.finalize()
            });
        });
    }
}

fn hmac_of_aws_lc(criterion: &mut Criterion, name: &str, algorithm: aws_lc_rs::hmac::Algorithm) {
    let key = aws_lc_rs::hmac::Key::new(algorithm, &KEY);
    for size in SIZES {
        let buffer = vec![5u8; size];
        criterion.bench_function(&format!("aws-lc-rs/{name}/{size}"), |b| {
            b.iter(|| aws_lc_rs::hmac::sign(&key, black_box(&buffer)));
        });
    }
}

fn hmac_of_ring(criterion: &mut Criterion, name: &str, algorithm: ring::hmac::Algorithm) {
    let key = ring::hmac::Key::new(algorithm, &KEY);
    for size in SIZES {
        let buffer = vec![5u8; size];
        criterion.bench_function(&format!("ring/{name}/{size}"), |b| {
            b.iter(|| ring::hmac::sign(&key, black_box(&buffer)));
        });
    }
}

fn cbc(criterion: &mut Criterion) {
    cbc_of_rust_crypto(criterion);
    cbc_of_aws_lc(criterion);
    hmac_of_rust_crypto::<hmac::Hmac<sha1::Sha1>>(criterion, "SHA1");
    hmac_of_rust_crypto::<hmac::Hmac<sha2::Sha256>>(criterion, "SHA256");
    hmac_of_rust_crypto::<hmac::Hmac<sha2::Sha512>>(criterion, "SHA512");
    hmac_of_aws_lc(
        criterion,
        "SHA1",
        aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    );
    hmac_of_aws_lc(criterion, "SHA256", aws_lc_rs::hmac::HMAC_SHA256);
    hmac_of_aws_lc(criterion, "SHA512", aws_lc_rs::hmac::HMAC_SHA512);
    hmac_of_ring(criterion, "SHA1", ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY);
    hmac_of_ring(criterion, "SHA256", ring::hmac::HMAC_SHA256);
    hmac_of_ring(criterion, "SHA512", ring::hmac::HMAC_SHA512);
}

criterion_group!(benches, cbc);
criterion_main!(benches);

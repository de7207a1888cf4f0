//! Which crate seals and opens data packets fastest here: the measurement behind `src/aead.rs`.
//!
//! `cargo bench -p datapath --bench aead`

use std::hint::black_box;

use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::{AeadInPlace, KeyInit};
use criterion::{Criterion, criterion_group, criterion_main};

const SIZES: [usize; 2] = [64, 1400];
const NONCE: [u8; 12] = [7; 12];
const AD: [u8; 8] = [9; 8];
const KEY: [u8; 32] = [3; 32];

type Aes192Gcm = aes_gcm::AesGcm<aes_gcm::aes::Aes192, aes_gcm::aead::consts::U12>;

fn bench_ring(criterion: &mut Criterion, name: &str, algorithm: &'static ring::aead::Algorithm) {
    use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
    let key =
        LessSafeKey::new(UnboundKey::new(algorithm, &KEY[..algorithm.key_len()]).expect("key"));
    let nonce = || Nonce::assume_unique_for_key(NONCE);
    for size in SIZES {
        let mut buffer = vec![5u8; size];
        criterion.bench_function(&format!("ring/{name}/seal/{size}"), |b| {
            b.iter(|| {
                key.seal_in_place_separate_tag(nonce(), Aad::from(AD), black_box(&mut buffer))
            });
        });
        let mut sealed = vec![5u8; size];
        let tag = key
            .seal_in_place_separate_tag(nonce(), Aad::from(AD), &mut sealed)
            .expect("seal");
        let mut work = sealed.clone();
        criterion.bench_function(&format!("ring/{name}/open/{size}"), |b| {
            b.iter(|| {
                work.copy_from_slice(&sealed);
                key.open_in_place_separate_tag(
                    nonce(),
                    Aad::from(AD),
                    tag,
                    black_box(&mut work),
                    0..,
                )
                .expect("authentic")
                .len()
            });
        });
    }
}

fn bench_aws_lc(
    criterion: &mut Criterion,
    name: &str,
    algorithm: &'static aws_lc_rs::aead::Algorithm,
) {
    use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
    let key =
        LessSafeKey::new(UnboundKey::new(algorithm, &KEY[..algorithm.key_len()]).expect("key"));
    let nonce = || Nonce::assume_unique_for_key(NONCE);
    for size in SIZES {
        let mut buffer = vec![5u8; size];
        criterion.bench_function(&format!("aws-lc-rs/{name}/seal/{size}"), |b| {
            b.iter(|| {
                key.seal_in_place_separate_tag(nonce(), Aad::from(AD), black_box(&mut buffer))
            });
        });
        let mut sealed = vec![5u8; size];
        let tag = key
            .seal_in_place_separate_tag(nonce(), Aad::from(AD), &mut sealed)
            .expect("seal");
        let mut work = sealed.clone();
        criterion.bench_function(&format!("aws-lc-rs/{name}/open/{size}"), |b| {
            b.iter(|| {
                key.open_separate_gather(
                    nonce(),
                    Aad::from(AD),
                    &sealed,
                    tag.as_ref(),
                    black_box(&mut work),
                )
                .expect("authentic");
            });
        });
    }
}

fn bench_rust_crypto(criterion: &mut Criterion) {
    let key = Aes192Gcm::new(GenericArray::from_slice(&KEY[..24]));
    for size in SIZES {
        let mut buffer = vec![5u8; size];
        criterion.bench_function(&format!("aes-gcm/AES-192-GCM/seal/{size}"), |b| {
            b.iter(|| {
                key.encrypt_in_place_detached(
                    GenericArray::from_slice(&NONCE),
                    &AD,
                    black_box(&mut buffer),
                )
            });
        });
        let mut sealed = vec![5u8; size];
        let tag = key
            .encrypt_in_place_detached(GenericArray::from_slice(&NONCE), &AD, &mut sealed)
            .expect("seal");
        let mut work = sealed.clone();
        criterion.bench_function(&format!("aes-gcm/AES-192-GCM/open/{size}"), |b| {
            b.iter(|| {
                work.copy_from_slice(&sealed);
                key.decrypt_in_place_detached(
                    GenericArray::from_slice(&NONCE),
                    &AD,
                    black_box(&mut work),
                    &tag,
                )
                .expect("authentic");
            });
        });
    }
}

fn aead(criterion: &mut Criterion) {
    bench_ring(criterion, "AES-128-GCM", &ring::aead::AES_128_GCM);
    bench_ring(criterion, "AES-256-GCM", &ring::aead::AES_256_GCM);
    bench_ring(
        criterion,
        "CHACHA20-POLY1305",
        &ring::aead::CHACHA20_POLY1305,
    );
    bench_aws_lc(criterion, "AES-128-GCM", &aws_lc_rs::aead::AES_128_GCM);
    bench_aws_lc(criterion, "AES-192-GCM", &aws_lc_rs::aead::AES_192_GCM);
    bench_aws_lc(criterion, "AES-256-GCM", &aws_lc_rs::aead::AES_256_GCM);
    bench_aws_lc(
        criterion,
        "CHACHA20-POLY1305",
        &aws_lc_rs::aead::CHACHA20_POLY1305,
    );
    bench_rust_crypto(criterion);
}

criterion_group!(benches, aead);
criterion_main!(benches);

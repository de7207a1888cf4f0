//! What fuzzing has found worth keeping, once more.
#![expect(clippy::unwrap_used, reason = "helpers of a test end it as well")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;

#[test]
fn every_target_takes_its_corpus() {
    for target in TARGETS {
        let files = files_of(target.name);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            (target.run)(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_target_takes_what_a_fuzzer_has_found() {
    for target in TARGETS {
        let inputs = found(target.name);
        assert!(!inputs.is_empty(), "nothing was found for {}", target.name);
        for input in inputs {
            (target.run)(&input);
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    let names: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let folders = fs::read_dir(corpus()).unwrap();
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, folders);
}

fn files_of(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus().join(target)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Each is behind its length in two bytes.
fn found(target: &str) -> Vec<Vec<u8>> {
    let packed = fs::read(corpus().with_file_name("found").join(target)).unwrap();
    let mut left = &packed[..];
    let mut inputs = Vec::new();
    while let Some((length, rest)) = left.split_first_chunk() {
        let (input, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        inputs.push(input.to_vec());
        left = rest;
    }
    inputs
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

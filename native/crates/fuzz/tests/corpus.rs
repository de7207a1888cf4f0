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

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use netio::IoError;
use zeroize::Zeroizing;

/// Bytes of one snapshot. One with a long certificate chain and many pushed options takes a tenth of it.
pub const MAX_SNAPSHOT: usize = 64 << 10;

/// Wiped when it is replaced or dropped: it holds the key of the client's control channel.
pub type Snapshot = Zeroizing<Vec<u8>>;

/// What a snapshot's reader needs besides and cannot be made of bytes: it lives as long as the snapshot.
pub type Companion = Arc<dyn Any + Send + Sync>;

struct Kept {
    bytes: Snapshot,
    companion: Option<Companion>,
}

/// What the workers of a plane need to go on after each other, by shard and peer: bytes that mean nothing here.
///
/// INVARIANT: a worker touches its own shard's map only, so no worker waits for another.
pub struct SnapshotStore {
    shards: Vec<Mutex<BTreeMap<u32, Kept>>>,
    /// Snapshots of one shard at most.
    limit: usize,
}

impl SnapshotStore {
    /// `limit`: peers of the plane at most; one shard may have them all.
    pub fn new(shards: usize, limit: usize) -> SnapshotStore {
        SnapshotStore {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            limit,
        }
    }

    /// Takes the place of the peer's earlier snapshot. False: too long, or too many; then the earlier one is gone, too.
    pub fn store(
        &self,
        shard: usize,
        peer: u32,
        bytes: &[u8],
        companion: Option<Companion>,
    ) -> Result<bool, IoError> {
        let mut snapshots = self.of(shard)?;
        snapshots.remove(&peer);
        let fits = bytes.len() <= MAX_SNAPSHOT && snapshots.len() < self.limit;
        if fits {
            let bytes = Zeroizing::new(bytes.to_vec());
            snapshots.insert(peer, Kept { bytes, companion });
        }
        Ok(fits)
    }

    pub fn forget(&self, shard: usize, peer: u32) -> Result<(), IoError> {
        self.of(shard)?.remove(&peer);
        Ok(())
    }

    /// By peer.
    pub fn read(&self, shard: usize) -> Result<Vec<(u32, Snapshot)>, IoError> {
        let snapshots = self.of(shard)?;
        Ok(snapshots
            .iter()
            .map(|(peer, kept)| (*peer, kept.bytes.clone()))
            .collect())
    }

    /// What was stored with the peer's snapshot.
    pub fn companion(&self, shard: usize, peer: u32) -> Result<Option<Companion>, IoError> {
        let snapshots = self.of(shard)?;
        Ok(snapshots.get(&peer).and_then(|kept| kept.companion.clone()))
    }

    fn of(&self, shard: usize) -> Result<MutexGuard<'_, BTreeMap<u32, Kept>>, IoError> {
        let snapshots = self.shards.get(shard).ok_or_else(|| {
            IoError::invalid(format!("find shard {shard} of {}", self.shards.len()))
        })?;
        Ok(snapshots.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(store: &SnapshotStore, shard: usize) -> Vec<(u32, Vec<u8>)> {
        let read = store.read(shard).expect("shard");
        read.into_iter()
            .map(|(peer, bytes)| (peer, bytes.to_vec()))
            .collect()
    }

    #[test]
    fn a_shard_reads_what_it_stored_last_and_has_not_forgotten() {
        let store = SnapshotStore::new(2, 9);
        for (peer, bytes) in [(3, &b"old"[..]), (1, b"one"), (3, b"new"), (5, b"gone")] {
            assert!(store.store(1, peer, bytes, None).expect("shard"));
        }
        store.forget(1, 5).expect("shard");
        store.forget(1, 77).expect("shard");
        assert_eq!(
            peers(&store, 1),
            [(1, b"one".to_vec()), (3, b"new".to_vec())]
        );
        assert_eq!(peers(&store, 0), []);
        assert!(store.store(2, 1, b"x", None).is_err());
    }

    #[test]
    fn is_bounded_and_keeps_nothing_out_of_date() {
        let store = SnapshotStore::new(1, 2);
        assert!(store.store(0, 1, b"first", None).expect("shard"));
        assert!(
            !store
                .store(0, 1, &vec![0; MAX_SNAPSHOT + 1], None)
                .expect("shard")
        );
        assert_eq!(peers(&store, 0), []);
        for (peer, fits) in [(1, true), (2, true), (3, false), (2, true)] {
            assert_eq!(store.store(0, peer, b"x", None).expect("shard"), fits);
        }
    }

    #[test]
    fn a_companion_lives_as_long_as_its_snapshot() {
        let store = SnapshotStore::new(1, 9);
        let companion: Companion = Arc::new(7_u8);
        let keep = |companion: &Companion| {
            store
                .store(0, 1, b"x", Some(Arc::clone(companion)))
                .expect("shard")
        };
        assert!(keep(&companion));
        let found = store.companion(0, 1).expect("shard").expect("companion");
        assert_eq!(found.downcast_ref::<u8>(), Some(&7));
        drop(found);
        assert!(store.store(0, 1, b"y", None).expect("shard"));
        assert!(store.companion(0, 1).expect("shard").is_none());
        assert!(keep(&companion));
        store.forget(0, 1).expect("shard");
        assert_eq!(Arc::strong_count(&companion), 1);
    }
}

use foldhash::fast::RandomState;

use crate::audience::Hearing;
use crate::peer_addr::PeerAddr;
use crate::wire::PeerId;

/// Which live peer an outer path belongs to, over all shards: finds DATA_V1 senders and conflicts of a float. [wire 16]
pub struct AddressTable {
    peers: papaya::HashMap<PeerAddr, PeerId, RandomState>,
    hearing: Hearing,
}

impl AddressTable {
    /// `hearing` is told which paths are there.
    pub fn new(hearing: Hearing) -> AddressTable {
        AddressTable {
            peers: papaya::HashMap::with_hasher(RandomState::default()),
            hearing,
        }
    }

    pub fn find(&self, path: &PeerAddr) -> Option<PeerId> {
        self.peers.pin().get(path).copied()
    }

    /// Every path with its owner, in no order.
    pub fn owners(&self) -> Vec<(PeerId, PeerAddr)> {
        let peers = self.peers.pin();
        peers.iter().map(|(path, peer)| (*peer, *path)).collect()
    }

    /// The path now belongs to `peer`, whoever had it before: its handshake or its float has just proved it.
    pub fn insert(&self, path: PeerAddr, peer: PeerId) {
        if self.peers.pin().insert(path, peer).is_none() {
            self.hearing.note_path(&path, true);
        }
    }

    /// Forgets every path whose peer is one of those.
    pub(crate) fn remove_of(&self, is_one: impl Fn(PeerId) -> bool) {
        let owners = self.owners().into_iter();
        for (peer, path) in owners.filter(|(peer, _)| is_one(*peer)) {
            self.remove(&path, peer);
        }
    }

    /// Forgets the path if it still belongs to `peer`.
    pub fn remove(&self, path: &PeerAddr, peer: PeerId) {
        // A path that belongs to somebody else by now stays: that is the point of the comparison.
        let peers = self.peers.pin();
        if let Ok(Some(_)) = peers.remove_if(path, |_, owner| *owner == peer) {
            self.hearing.note_path(path, false);
        }
    }
}

impl Default for AddressTable {
    fn default() -> AddressTable {
        AddressTable::new(Hearing::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(listener: u16, port: u16) -> PeerAddr {
        PeerAddr {
            listener,
            addr: ([192, 0, 2, 1], port).into(),
        }
    }

    #[test]
    fn the_listener_is_part_of_a_path() {
        let table = AddressTable::default();
        table.insert(path(0, 1194), PeerId(1));
        assert_eq!(table.find(&path(0, 1194)), Some(PeerId(1)));
        assert_eq!(table.find(&path(1, 1194)), None);
        assert_eq!(table.owners(), [(PeerId(1), path(0, 1194))]);
    }

    #[test]
    fn a_path_taken_over_is_not_removed_by_its_former_owner() {
        let table = AddressTable::default();
        table.insert(path(0, 1), PeerId(1));
        table.insert(path(0, 1), PeerId(2));
        table.remove(&path(0, 1), PeerId(1));
        assert_eq!(table.find(&path(0, 1)), Some(PeerId(2)));
        table.remove(&path(0, 1), PeerId(2));
        assert_eq!(table.find(&path(0, 1)), None);
    }
}

use std::sync::Arc;

use datapath::PeerAddr;
use datapath::local_addresses::{LocalAddr, LocalAddresses};

/// A shard's own copy of the addresses that clients use: the shared table is asked once for each of them.
#[derive(Default)]
pub struct LocalBook {
    shared: Arc<LocalAddresses>,
    /// Number `n` is at `n - 1`.
    known: Vec<LocalAddr>,
    /// Packets come in runs.
    last: Option<(LocalAddr, u8)>,
}

impl LocalBook {
    pub fn new(shared: Arc<LocalAddresses>) -> LocalBook {
        LocalBook {
            shared,
            ..LocalBook::default()
        }
    }

    /// Where a packet came from, with the number of the address that it was sent to.
    pub fn path_of(&mut self, from: PeerAddr, local: LocalAddr) -> PeerAddr {
        from.at_local(self.number_of(local))
    }

    /// The address that answers to this path come from; `None` = whichever the route has.
    pub fn source_of(&mut self, to: &PeerAddr) -> Option<LocalAddr> {
        let number = to.local();
        while self.known.len() < usize::from(number) {
            let next = self.shared.find(self.known.len() as u8 + 1)?;
            self.known.push(next);
        }
        self.known.get(usize::from(number).checked_sub(1)?).copied()
    }

    fn number_of(&mut self, local: LocalAddr) -> u8 {
        if let Some((_, number)) = self.last.filter(|(last, _)| *last == local) {
            return number;
        }
        let number = self.shared.number_of(self.shared.relevant(local));
        self.last = Some((local, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_their_numbers() {
        let shared = Arc::new(LocalAddresses::default());
        let [mut first, mut second] = [(); 2].map(|()| LocalBook::new(Arc::clone(&shared)));
        let from = PeerAddr {
            listener: 3,
            addr: "198.51.100.1:1194".parse().expect("address"),
        };
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|ip| (ip.parse().expect("address"), 0));
        let paths = [first.path_of(from, a), first.path_of(from, b)];
        assert_eq!(second.source_of(&paths[1]), Some(b));
        assert_eq!(second.source_of(&paths[0]), Some(a));
        assert_eq!(second.source_of(&from), None);
        assert_eq!(second.path_of(from, a), paths[0]);
        assert_eq!(paths.map(|path| path.listener_index()), [3, 3]);
        assert_ne!(paths[0], paths[1]);
    }
}

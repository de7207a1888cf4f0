use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use datapath::{Audience, PeerId, Plane};

/// Hears whom a plane serves, as the filter of floods does: whom it does not know it may drop.
#[derive(Clone, Default)]
pub struct Guests(Arc<Mutex<BTreeMap<Guest, u16>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Guest {
    Peer(u32),
    Address(SocketAddr),
}

impl Guests {
    /// Before anybody is there.
    pub fn of(plane: &Plane) -> Guests {
        let guests = Guests::default();
        assert!(plane.hearing.begin(Box::new(guests.clone())));
        guests
    }

    /// Those peers are there, and the addresses that the plane knows, and nobody else.
    pub fn check(&self, plane: &Plane, peers: impl Iterator<Item = u32>) {
        let paths = plane.addresses.owners().into_iter();
        let paths = paths.filter(|(_, path)| !path.is_stream());
        let mut expected = BTreeMap::new();
        for guest in peers
            .map(Guest::Peer)
            .chain(paths.map(|(_, path)| Guest::Address(path.addr)))
        {
            *expected.entry(guest).or_default() += 1;
        }
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*heard, expected);
    }

    /// One thread alone never goes below none.
    fn note(&self, guest: Guest, is_here: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = heard.entry(guest).or_default();
        *times = match is_here {
            true => *times + 1,
            false => times.checked_sub(1).expect("a guest who was there"),
        };
        heard.retain(|_, times| *times > 0);
    }
}

impl Audience for Guests {
    fn note_peer(&self, peer: PeerId, is_here: bool) {
        self.note(Guest::Peer(peer.0), is_here);
    }

    fn note_address(&self, address: &SocketAddr, is_here: bool) {
        self.note(Guest::Address(*address), is_here);
    }
}

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::peer_addr::PeerAddr;
use crate::wire::PeerId;

/// Hears whom a plane serves, from all of its shards, and in no order between two of them: every note of a client that comes is followed
/// by the same one of a client that goes, or its effect comes after it.
pub trait Audience: Send + Sync {
    fn note_peer(&self, peer: PeerId, is_here: bool);
    /// Datagrams of a client come from there. Several paths can have one address.
    fn note_address(&self, address: &SocketAddr, is_here: bool);
}

/// Nobody, until somebody wants to hear.
#[derive(Clone, Default)]
pub struct Hearing(Arc<OnceLock<Box<dyn Audience>>>);

impl Hearing {
    /// It does not hear of those who are there already. False: there is one.
    pub fn begin(&self, audience: Box<dyn Audience>) -> bool {
        self.0.set(audience).is_ok()
    }

    pub(crate) fn note_peer(&self, peer: PeerId, is_here: bool) {
        if let Some(audience) = self.0.get() {
            audience.note_peer(peer, is_here);
        }
    }

    pub(crate) fn note_path(&self, path: &PeerAddr, is_here: bool) {
        if let Some(audience) = self.0.get()
            && !path.is_stream()
        {
            audience.note_address(&path.addr, is_here);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::STREAM_BIT;
    use crate::command::DataFormat;
    use crate::data_path::{DataPath, TunOffloads};
    use crate::plane::{Plane, Role};
    use crate::test_sink::*;

    /// Who is there how often, by name.
    #[derive(Clone, Default)]
    struct Guests(Arc<Mutex<BTreeMap<String, i32>>>);

    impl Guests {
        fn note(&self, name: String, is_here: bool) {
            let mut guests = self.0.lock().unwrap();
            *guests.entry(name).or_default() += if is_here { 1 } else { -1 };
            guests.retain(|_, times| *times != 0);
        }

        fn names(&self) -> Vec<String> {
            let guests = self.0.lock().unwrap();
            assert!(guests.values().all(|times| *times == 1), "{guests:?}");
            guests.keys().cloned().collect()
        }
    }

    impl Audience for Guests {
        fn note_peer(&self, peer: PeerId, is_here: bool) {
            self.note(format!("peer {}", peer.0), is_here);
        }

        fn note_address(&self, address: &SocketAddr, is_here: bool) {
            self.note(format!("port {}", address.port()), is_here);
        }
    }

    fn heard() -> (DataPath, Guests) {
        let (plane, guests) = (Plane::new(settings(Role::Server, 1)), Guests::default());
        assert!(plane.hearing.begin(Box::new(guests.clone())));
        assert!(!plane.hearing.begin(Box::new(guests.clone())));
        let server = DataPath::new(plane.into(), 0, TunOffloads::ALL);
        (server, guests)
    }

    fn add(server: &mut DataPath, id: u32, path: PeerAddr) {
        let mut add = peer(id, 2 + id as u8, DataFormat::V2);
        add.path = path;
        server.add_peer(0, add).expect("a peer");
    }

    #[test]
    fn clients_are_heard_of_when_they_come_and_go() {
        let (mut server, guests) = heard();
        add(&mut server, 0, path(4000));
        add(&mut server, 1, path(4001));
        assert_eq!(
            guests.names(),
            ["peer 0", "peer 1", "port 4000", "port 4001"]
        );
        server.remove_peer(PeerId(0)).expect("a peer");
        assert_eq!(guests.names(), ["peer 1", "port 4001"]);
        // The next owner of an address takes it over.
        add(&mut server, 2, path(4001));
        server.remove_peer(PeerId(1)).expect("a peer");
        assert_eq!(guests.names(), ["peer 2", "port 4001"]);
        server.reset();
        assert!(guests.names().is_empty());
    }

    #[test]
    fn connections_are_no_addresses_of_datagrams() {
        let (mut server, guests) = heard();
        let stream = PeerAddr {
            listener: STREAM_BIT,
            ..path(4000)
        };
        add(&mut server, 0, stream);
        assert_eq!(guests.names(), ["peer 0"]);
        server.remove_peer(PeerId(0)).expect("a peer");
        assert!(guests.names().is_empty());
    }
}

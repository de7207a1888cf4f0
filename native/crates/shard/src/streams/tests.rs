use std::os::unix::net::UnixStream;

use super::*;

struct Lab {
    streams: Streams,
    /// The other ends, so that they stay open.
    far: Vec<UnixStream>,
}

impl Lab {
    fn new(max_opening: u32) -> Lab {
        let settings = Arc::new(StreamSettings::default());
        // More than is written at once.
        settings.set(100, 60_000, max_opening);
        let streams = Streams::new(settings, Arc::new(ShardState::new()), 2000);
        Lab {
            streams: streams.expect("streams"),
            far: Vec::new(),
        }
    }

    /// Its path; it has brought a packet.
    fn admit(&mut self, now: Millis, ip: &str, port: u16) -> PeerAddr {
        let (near, far) = UnixStream::pair().expect("pair");
        near.set_nonblocking(true).expect("option");
        self.far.push(far);
        let addr = SocketAddr::new(ip.parse().expect("address"), port);
        self.streams.admit(now, 0, near.into(), addr);
        let path = PeerAddr {
            listener: STREAM_BIT,
            addr,
        };
        self.streams.note_spoken(&path);
        self.streams.flush(now);
        path
    }

    fn has(&mut self, path: &PeerAddr) -> bool {
        self.streams.slot_of(path).is_some()
    }

    /// Until there is no room for more data.
    fn fill(&mut self, path: &PeerAddr) {
        while self.streams.reserve(path, 1400, false).is_some() {
            self.streams.commit(path);
        }
    }
}

#[test]
fn control_packets_find_room_where_data_finds_none() {
    let mut lab = Lab::new(10);
    let path = lab.admit(0, "192.0.2.1", 1);
    lab.fill(&path);
    let mut control = 0;
    while lab.streams.reserve(&path, 100, true).is_some() {
        lab.streams.commit(&path);
        control += 1;
    }
    assert_eq!(control, CONTROL_ROOM);
}

#[test]
fn who_does_not_read_its_last_packets_is_closed_all_the_same() {
    let mut lab = Lab::new(10);
    let path = lab.admit(0, "192.0.2.1", 1);
    lab.fill(&path);
    lab.streams.close(1_000, &path);
    lab.streams.flush(1_000 + LEAVE - 1);
    assert!(lab.has(&path));
    lab.streams.flush(1_000 + LEAVE + REVIEW);
    assert!(!lab.has(&path));
    assert_eq!(lab.streams.untold(), None, "the worker has asked for it");
}

#[test]
fn a_connection_without_a_client_stays_as_long_as_the_worker_hears_of_it() {
    let mut lab = Lab::new(10);
    let path = lab.admit(0, "192.0.2.1", 1);
    for now in [50_000, 100_000, 150_000] {
        lab.streams.ready(now, &mut Vec::new());
        lab.streams.note_spoken(&path);
        lab.streams.flush(now);
    }
    lab.streams.flush(209_999);
    assert!(lab.has(&path));
    lab.streams.flush(210_500);
    assert!(!lab.has(&path));
}

#[test]
fn who_has_most_of_the_places_makes_room_and_nobody_else() {
    let mut lab = Lab::new(16);
    let crowd: Vec<_> = (0..14)
        .map(|port| lab.admit(10 + u64::from(port), "198.51.100.1", port))
        .collect();
    let others = [lab.admit(0, "192.0.2.1", 1), lab.admit(0, "2001:db8::1", 1)];
    let early = lab.admit(3_000, "192.0.2.2", 1);
    assert!(!lab.has(&early), "a handshake may still be under way");
    let late = lab.admit(6_000, "192.0.2.3", 1);
    assert!(lab.has(&late) && !lab.has(&crowd[0]));
    assert!(crowd[1..].iter().chain(&others).all(|path| lab.has(path)));
}

#[test]
fn where_all_have_few_places_nobody_makes_room_and_a_network_of_addresses_counts_as_one() {
    let mut lab = Lab::new(16);
    for n in 0..16 {
        lab.admit(0, &format!("192.0.2.{n}"), 1);
    }
    let late = lab.admit(6_000, "192.0.2.99", 1);
    assert!(!lab.has(&late));
    let mut lab = Lab::new(16);
    for n in 0..16 {
        lab.admit(0, &format!("2001:db8::{n:x}"), 1);
    }
    let late = lab.admit(6_000, "192.0.2.99", 1);
    assert!(lab.has(&late));
}

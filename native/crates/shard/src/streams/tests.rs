use std::net::IpAddr;
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
        let path = self.admit_silent(now, ip, port);
        self.streams.note_spoken(&path);
        path
    }

    fn admit_silent(&mut self, now: Millis, ip: &str, port: u16) -> PeerAddr {
        let (near, far) = UnixStream::pair().expect("pair");
        near.set_nonblocking(true).expect("option");
        self.far.push(far);
        let addr = SocketAddr::new(ip.parse().expect("address"), port);
        self.streams.admit(now, 0, near.into(), addr);
        let path = PeerAddr {
            listener: STREAM_BIT,
            addr,
        };
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
fn who_has_most_of_the_places_makes_room_before_others() {
    let mut lab = Lab::new(16);
    let crowd: Vec<_> = (0..14)
        .map(|port| lab.admit(10 + u64::from(port), "198.51.100.1", port))
        .collect();
    let others = [lab.admit(0, "192.0.2.1", 1), lab.admit(0, "2001:db8::1", 1)];
    let late = lab.admit(6_000, "192.0.2.3", 1);
    assert!(lab.has(&late) && !lab.has(&crowd[0]));
    assert!(crowd[1..].iter().chain(&others).all(|path| lab.has(path)));
}

#[test]
fn a_network_of_addresses_counts_as_one() {
    let mut lab = Lab::new(16);
    let early = lab.admit(0, "192.0.2.1", 1);
    for n in 0..15 {
        lab.admit(1, &format!("2001:db8::{n:x}"), 1);
    }
    let late = lab.admit(6_000, "192.0.2.99", 1);
    assert!(lab.has(&late) && lab.has(&early));
}

#[test]
fn where_all_have_few_places_the_oldest_of_those_that_say_least_makes_room() {
    let mut lab = Lab::new(16);
    let paths: Vec<_> = (0..16)
        .map(|n| lab.admit(n, &format!("192.0.2.{n}"), 1))
        .collect();
    // In the middle of a login.
    lab.streams.note_spoken(&paths[0]);
    let late = lab.admit(6_000, "192.0.2.99", 1);
    assert!(lab.has(&late) && lab.has(&paths[0]) && !lab.has(&paths[1]));
}

#[test]
fn who_brings_nothing_goes_first_but_not_at_once() {
    let mut lab = Lab::new(2);
    lab.admit(0, "192.0.2.1", 1);
    let silent = lab.admit_silent(100, "192.0.2.2", 1);
    lab.admit(100 + 1_999, "192.0.2.3", 1);
    assert!(lab.has(&silent));
    lab.admit(100 + 2_000, "192.0.2.4", 1);
    assert!(!lab.has(&silent));
}

/// Each connection of the flood brings a packet and no more, each from an address of its own.
#[test]
fn a_flood_from_everywhere_leaves_a_handshake_its_place() {
    let mut lab = Lab::new(64);
    let mut flood = (0u32..).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()).to_string());
    let mut through = 0;
    let mut now = 0;
    for client in 0..50 {
        let path = lab.admit(now, "192.0.2.1", client);
        // A round trip is 100 ms, in which the flood brings half of the places; a handshake takes five of them.
        for round in 0..5 {
            for _ in 0..32 {
                now += 3;
                let ip = flood.next().expect("an address");
                lab.admit(now, &ip, 1);
            }
            if lab.has(&path) {
                lab.streams.note_spoken(&path);
            }
            through += i32::from(round == 4 && lab.has(&path));
        }
        if lab.has(&path) {
            lab.streams.note_served(&path);
            lab.streams.close(now, &path);
            lab.streams.flush(now);
        }
        lab.far.drain(..lab.far.len().saturating_sub(200));
    }
    assert!(through >= 35, "{through} of 50");
}

use std::sync::Arc;

use super::*;
use crate::command::{Cipher, DataFormat, Digest, Suite};
use crate::data_path::DataPath;
use crate::plane::Plane;
use crate::test_packets::Shape;
use crate::test_sink::*;

const P: PeerId = PeerId(0);
const SUITE: Suite = Suite::Aead(Cipher::Aes256Gcm);

/// The key of `generation`, always with key-id 0.
fn anew(generation: u8, key: impl Fn(u32, u8, Suite) -> InstallKey, suite: Suite) -> InstallKey {
    InstallKey {
        key_id: KeyId(0),
        ..key(0, generation, suite)
    }
}

/// The client after it has begun anew.
fn successor(generation: u8, suite: Suite, format: DataFormat) -> DataPath {
    let mut client = client(suite, format);
    client.retire_key(P, KeyId(0)).unwrap();
    let key = anew(generation, client_key, suite);
    client.install_key(key).unwrap();
    client
}

/// A server, the client, and that one anew with a key that the server has as well.
fn succession(suite: Suite, format: DataFormat) -> [DataPath; 3] {
    let (mut server, mut old) = pair(suite, format);
    for _ in 0..3 {
        assert!(reaches(&mut old, &mut server));
    }
    server.install_key(anew(1, server_key, suite)).unwrap();
    [server, old, successor(1, suite, format)]
}

fn arrives(server: &mut DataPath, datagram: &[u8]) -> bool {
    let mut sink = RecordingSink::default();
    server.inbound(0, &path(4002), &mut datagram.to_vec(), &mut sink);
    server.flush_inbound(&mut sink);
    assert!(sink.events.is_empty());
    sink.tun
        .iter()
        .any(|frame| frame.ends_with(b"from the client"))
}

fn from_client(client: &mut DataPath) -> Vec<u8> {
    sealed(client, &Shape::udp(false, 2).packet(b"from the client"))
}

fn reaches(client: &mut DataPath, server: &mut DataPath) -> bool {
    let datagram = from_client(client);
    arrives(server, &datagram)
}

/// Whether the client can open what the server sends now.
fn hears(client: &mut DataPath, server: &mut DataPath) -> bool {
    let mut packet = Shape::udp(false, 2).packet(b"from the server");
    let (source, destination) = packet[12..20].split_at_mut(4);
    source.swap_with_slice(destination);
    let mut datagram = sealed(server, &packet);
    let mut sink = RecordingSink::default();
    client.inbound(0, &path(1194), &mut datagram, &mut sink);
    client.flush_inbound(&mut sink);
    sink.tun
        .iter()
        .any(|frame| frame.ends_with(b"from the server"))
}

fn drops(server: &DataPath) -> Vec<(&'static str, u64)> {
    server.stats().drops().collect()
}

fn proves_its_key(suite: &Suite) -> bool {
    !matches!(
        suite,
        Suite::Cbc(_, Digest::None) | Suite::Plain(Digest::None)
    )
}

#[test]
fn nothing_of_a_client_that_begins_anew_is_lost() {
    for suite in all_suites().into_iter().filter(proves_its_key) {
        for format in [DataFormat::V1, DataFormat::V2] {
            let [mut server, mut old, mut new] = succession(suite, format);
            for _ in 0..5 {
                assert!(reaches(&mut old, &mut server), "{suite:?}");
                assert!(hears(&mut old, &mut server), "{suite:?}");
            }
            let late = from_client(&mut old);
            for _ in 0..10 {
                assert!(reaches(&mut new, &mut server), "{suite:?}");
                assert!(hears(&mut new, &mut server), "{suite:?}");
            }
            assert!(arrives(&mut server, &late), "{suite:?}");
            // What was late does not make it the key to seal with.
            assert!(hears(&mut new, &mut server), "{suite:?}");
            assert_eq!(drops(&server), [], "{suite:?}");
        }
    }
}

#[test]
fn a_client_without_a_cipher_and_a_digest_is_understood_as_well() {
    let [mut server, mut old, mut new] = succession(Suite::Plain(Digest::None), DataFormat::V2);
    for _ in 0..5 {
        assert!(reaches(&mut old, &mut server));
        assert!(reaches(&mut new, &mut server));
    }
    assert_eq!(drops(&server), []);
}

#[test]
fn each_key_takes_a_packet_once() {
    for suite in all_suites().into_iter().filter(proves_its_key) {
        let [mut server, mut old, mut new] = succession(suite, DataFormat::V2);
        let [first, second] = [from_client(&mut old), from_client(&mut new)];
        assert!(arrives(&mut server, &first) && arrives(&mut server, &second));
        for _ in 0..3 {
            assert!(!arrives(&mut server, &first) && !arrives(&mut server, &second));
        }
        let dropped: u64 = drops(&server).iter().map(|(_, count)| count).sum();
        assert_eq!(dropped, 6, "{suite:?}");
    }
}

#[test]
fn a_forged_packet_is_dropped_once_and_takes_no_turn() {
    let [mut server, mut old, mut new] = succession(SUITE, DataFormat::V2);
    let mut forged = from_client(&mut new);
    *forged.last_mut().unwrap() ^= 1;
    // Its id is one that the old key has not seen.
    forged[4..8].copy_from_slice(&77u32.to_be_bytes());
    assert!(!arrives(&mut server, &forged));
    assert!(!arrives(&mut server, &forged[..9]));
    assert_eq!(drops(&server), [("truncated", 1), ("unauthentic", 1)]);
    assert!(hears(&mut old, &mut server));
    assert!(reaches(&mut new, &mut server));
}

#[test]
fn the_worker_may_order_what_no_packet_has_shown() {
    let [mut server, mut old, mut new] = succession(SUITE, DataFormat::V2);
    server.use_key(P, KeyId(0)).unwrap();
    assert!(hears(&mut new, &mut server));
    assert!(reaches(&mut old, &mut server));
    server.retire_key(P, KeyId(0)).unwrap();
    assert!(!reaches(&mut old, &mut server));
    assert!(reaches(&mut new, &mut server) && hears(&mut new, &mut server));
    assert_eq!(drops(&server), [("unauthentic", 1)]);
    server.install_key(server_key(0, 1, SUITE)).unwrap();
    assert!(reaches(&mut new, &mut server) && hears(&mut new, &mut server));
}

#[test]
fn the_older_key_retires_first_used_or_not() {
    let [mut server, _, mut new] = succession(SUITE, DataFormat::V2);
    server.retire_key(P, KeyId(0)).unwrap();
    assert!(reaches(&mut new, &mut server) && hears(&mut new, &mut server));
    // Once more by the next worker.
    server.retire_key(P, KeyId(0)).unwrap();
    assert!(reaches(&mut new, &mut server) && hears(&mut new, &mut server));
    assert_eq!(drops(&server), []);
}

#[test]
fn of_two_that_came_to_nothing_the_later_one_stays() {
    for has_used_it in [false, true] {
        let [mut server, mut old, mut second] = succession(SUITE, DataFormat::V2);
        if has_used_it {
            assert!(reaches(&mut second, &mut server));
        }
        server.install_key(anew(2, server_key, SUITE)).unwrap();
        let mut third = successor(2, SUITE, DataFormat::V2);
        assert_eq!(hears(&mut old, &mut server), !has_used_it);
        assert_eq!(hears(&mut second, &mut server), has_used_it);
        assert!(reaches(&mut third, &mut server) && hears(&mut third, &mut server));
        assert_eq!(reaches(&mut second, &mut server), has_used_it);
        assert_eq!(reaches(&mut old, &mut server), !has_used_it);
    }
}

#[test]
fn one_beside_a_key_with_another_id_makes_room_for_the_next() {
    let (mut server, _) = pair(SUITE, DataFormat::V2);
    server.install_key(server_key(0, 3, SUITE)).unwrap();
    server.use_key(P, KeyId(3)).unwrap();
    server.retire_key(P, KeyId(0)).unwrap();
    let mut old = client(SUITE, DataFormat::V2);
    old.install_key(client_key(0, 3, SUITE)).unwrap();
    old.use_key(P, KeyId(3)).unwrap();
    for generation in [1, 2] {
        let key = anew(generation, server_key, SUITE);
        server.install_key(key).unwrap();
        let mut new = successor(generation, SUITE, DataFormat::V2);
        assert!(reaches(&mut new, &mut server) && reaches(&mut old, &mut server));
        // With an id of its own a key is used when the worker says so.
        assert!(hears(&mut old, &mut server));
    }
    assert_eq!(drops(&server), []);
}

#[test]
fn the_process_that_takes_over_goes_on_with_both() {
    for suite in [SUITE, Suite::Epoch(Cipher::Aes128Gcm)] {
        let [server, mut old, mut new] = succession(suite, DataFormat::V2);
        let plane = Arc::new(Plane::new(server.context.plane.settings.clone()));
        let mut next = crate::test_sink::server(&plane, 0);
        next.decode_sessions(0, &server.encode_sessions(0)).unwrap();
        assert!(hears(&mut old, &mut next));
        let late = from_client(&mut old);
        assert!(reaches(&mut new, &mut next) && hears(&mut new, &mut next));
        assert!(arrives(&mut next, &late) && !arrives(&mut next, &late));
        next.retire_key(P, KeyId(0)).unwrap();
        assert!(reaches(&mut new, &mut next) && !reaches(&mut old, &mut next));
    }
}

#[test]
fn jumbo_packets_are_tried_twice_as_well() {
    let [mut server, _, mut new] = succession(SUITE, DataFormat::V2);
    let payload = [&[7; 9000][..], b"from the client"].concat();
    let datagram = sealed(&mut new, &Shape::udp(false, 2).packet(&payload));
    assert!(arrives(&mut server, &datagram));
}

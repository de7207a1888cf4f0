use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::command::{Cipher, DataFormat};
use crate::plane::{Plane, PlaneSettings};
use crate::test_packets::{SYN, Shape, tcp_with_options};
use crate::test_sink::*;
use crate::wire::{AEAD_LEAD, OCC_EXIT};

fn receive(server: &mut DataPath, from: &PeerAddr, datagram: &[u8]) -> RecordingSink {
    let mut sink = RecordingSink::default();
    server.inbound(0, from, &mut datagram.to_vec(), &mut sink);
    server.flush_inbound(&mut sink);
    sink
}

fn drops(server: &DataPath) -> Vec<(&'static str, u64)> {
    server.stats().drops().collect()
}

/// Seals `payload` as the client of `pair` would, without looking at it.
fn sealed_payload(client: &mut DataPath, payload: &[u8]) -> Vec<u8> {
    let key = client
        .sessions
        .peer_mut(PeerId(0))
        .unwrap()
        .keys
        .sealing()
        .unwrap();
    let mut datagram = vec![0; 4 + AEAD_LEAD];
    datagram[..4].copy_from_slice(&wire::data_v2_header(key.key_id, PeerId(0)));
    datagram.extend_from_slice(payload);
    assert!(key.seal(4, payload.len(), &mut datagram));
    datagram
}

#[test]
fn a_packet_passes_from_client_to_tun_under_every_suite_and_format() {
    for suite in all_suites() {
        for format in [DataFormat::V1, DataFormat::V2] {
            let (mut server, mut client) = pair(suite, format);
            for shape in [Shape::udp(false, 2), Shape::tcp(true, 2)] {
                let packet = shape.packet(b"hello");
                let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
                assert_eq!(sink.tun, [plain_frame(&packet)], "{suite:?} {format:?}");
            }
            let peers = server.stats().peers();
            assert_eq!((peers[0].packets_in, drops(&server)), (2, vec![]));
        }
    }
}

#[test]
fn a_batch_becomes_one_superpacket() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let mut sink = RecordingSink::default();
    for index in 0..20u32 {
        let shape = Shape {
            sequence: index * 1000,
            ip_id: index as u16,
            ..Shape::tcp(false, 2)
        };
        let mut datagram = sealed(&mut client, &shape.packet(&[index as u8; 1000]));
        server.inbound(0, &path(4002), &mut datagram, &mut sink);
    }
    assert_eq!(sink.tun.len(), 0);
    server.flush_inbound(&mut sink);
    assert_eq!(
        sink.tun.iter().map(Vec::len).collect::<Vec<_>>(),
        [VNET_LEN + 40 + 20_000]
    );
    assert_eq!(server.stats().counter(Counter::Coalesced), 20);
}

#[test]
fn a_replayed_or_forged_packet_is_dropped_and_moves_nothing() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
    let mut forged = datagram.clone();
    forged[30] ^= 1;
    let sink = receive(&mut server, &path(9), &forged);
    assert_eq!((sink.tun.len(), sink.events.len()), (0, 0));
    assert_eq!(receive(&mut server, &path(4002), &datagram).tun.len(), 1);
    let sink = receive(&mut server, &path(9), &datagram);
    assert_eq!((sink.tun.len(), sink.events.len()), (0, 0));
    assert_eq!(drops(&server), [("replayed", 1), ("unauthentic", 1)]);
}

#[test]
fn a_client_cannot_speak_for_others_but_for_its_networks() {
    let (mut server, mut client) = pair(Cipher::Aes128Gcm, DataFormat::V2);
    for v6 in [false, true] {
        let foreign = sealed(&mut client, &Shape::udp(v6, 3).packet(b"x"));
        assert_eq!(receive(&mut server, &path(4002), &foreign).tun.len(), 0);
    }
    assert_eq!(drops(&server), [("spoofed-source", 2)]);
    server
        .context
        .plane
        .routes
        .insert([10, 8, 0, 0].into(), 24, PeerId(0));
    let routed = sealed(&mut client, &Shape::udp(false, 3).packet(b"x"));
    assert_eq!(receive(&mut server, &path(4002), &routed).tun.len(), 1);
}

#[test]
fn link_local_chatter_is_counted_apart() {
    let (mut server, mut client) = pair(Cipher::Aes128Gcm, DataFormat::V2);
    let mut packet = Shape::udp(true, 2).packet(b"x");
    packet[8..10].copy_from_slice(&[0xfe, 0x80]);
    let datagram = sealed(&mut client, &packet);
    receive(&mut server, &path(4002), &datagram);
    assert_eq!(drops(&server), [("unroutable-source", 1)]);
}

#[test]
fn pings_are_swallowed_and_exit_is_reported() {
    let (mut server, mut client) = pair(Cipher::ChaCha20Poly1305, DataFormat::V2);
    let occ = |op: u8| [&OCC_MAGIC[..], &[op]].concat();
    for payload in [PING.to_vec(), occ(0), occ(OCC_EXIT)] {
        let datagram = sealed_payload(&mut client, &payload);
        let sink = receive(&mut server, &path(4002), &datagram);
        assert_eq!(sink.tun.len(), 0);
        assert_eq!(
            sink.events.len(),
            usize::from(payload.ends_with(&[OCC_EXIT]))
        );
    }
    let stats = server.stats();
    assert_eq!(
        (
            stats.counter(Counter::PingsReceived),
            stats.counter(Counter::OccIgnored)
        ),
        (1, 1)
    );
}

#[test]
fn a_syn_is_clamped() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let datagram = sealed_payload(&mut client, &tcp_with_options(false, SYN, &[2, 4, 5, 0xb4]));
    let sink = receive(&mut server, &path(4002), &datagram);
    assert_eq!(sink.tun[0][VNET_LEN + 40..], [2, 4, 5, 0x78]);
}

#[test]
fn a_client_that_moves_is_followed_and_answered_there() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let packet = Shape::udp(false, 2).packet(b"x");
    let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
    assert_eq!(
        sink.events,
        [DataEvent::Floated {
            peer: PeerId(0),
            path: path(5555)
        }]
    );
    assert_eq!(sink.tun.len(), 1);
    let addresses = &server.context.plane.addresses;
    assert_eq!(
        (addresses.find(&path(4002)), addresses.find(&path(5555))),
        (None, Some(PeerId(0)))
    );
    let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
    assert_eq!(sink.events, []);
}

#[test]
fn an_event_that_finds_no_room_moves_nothing_until_it_does() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let packet = Shape::udp(false, 2).packet(b"x");
    let mut full = RecordingSink::full();
    server.inbound(0, &path(5555), &mut sealed(&mut client, &packet), &mut full);
    assert_eq!(
        server.sessions.peer_mut(PeerId(0)).unwrap().path,
        path(4002)
    );
    let sink = receive(&mut server, &path(5555), &sealed(&mut client, &packet));
    assert_eq!(sink.events.len(), 1);
}

#[test]
fn a_client_that_moves_with_every_packet_is_heard_and_followed_a_few_times() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let packet = Shape::udp(false, 2).packet(b"x");
    let mut sink = RecordingSink::default();
    for n in 0..1000u16 {
        let from = path(5000 + n % 2);
        let now = u64::from(n / 2);
        server.inbound(now, &from, &mut sealed(&mut client, &packet), &mut sink);
    }
    server.flush_inbound(&mut sink);
    assert_eq!(server.stats().counter(Counter::InboundPackets), 1000);
    // In half a second.
    let moves = server.stats().counter(Counter::Floats);
    assert_eq!((sink.events.len() as u64, moves), (24, 24));
    assert!(server.stats().counter(Counter::FloatsHeldBack) > 400);
    let packet = &mut sealed(&mut client, &packet);
    server.inbound(10_000, &path(6000), packet, &mut sink);
    assert_eq!(sink.events.len(), 25);
}

#[test]
fn a_float_to_another_clients_address_is_a_conflict() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    server.add_peer(0, peer(1, 3, DataFormat::V2)).unwrap();
    let packet = Shape::udp(false, 2).packet(b"x");
    for (now, events) in [(0, 1), (999, 0), (1000, 1)] {
        let mut sink = RecordingSink::default();
        server.inbound(
            now,
            &path(4003),
            &mut sealed(&mut client, &packet),
            &mut sink,
        );
        server.flush_inbound(&mut sink);
        let conflict = DataEvent::FloatConflict {
            peer: PeerId(0),
            holder: PeerId(1),
            path: path(4003),
        };
        assert_eq!(sink.events, vec![conflict; events], "at {now}");
        assert_eq!(sink.tun.len(), 1);
    }
    assert_eq!(
        server.sessions.peer_mut(PeerId(0)).unwrap().path,
        path(4002)
    );
}

#[test]
fn data_v1_is_found_by_address_and_never_floats() {
    let (mut server, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V1);
    let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
    assert_eq!(receive(&mut server, &path(5555), &datagram).tun.len(), 0);
    assert_eq!(drops(&server), [("unknown-address", 1)]);
    assert_eq!(receive(&mut server, &path(4002), &datagram).tun.len(), 1);
}

#[test]
fn a_packet_for_another_shard_hops_once() {
    let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
    let (mut here, mut there) = (server(&plane, 0), server(&plane, 1));
    there.add_peer(0, peer(1, 2, DataFormat::V1)).unwrap();
    let v2 = [&wire::data_v2_header(KeyId(0), PeerId(1))[..], &[1; 40]].concat();
    let v1 = [&[wire::data_v1_header(KeyId(0))][..], &[1; 40]].concat();
    let control = [7 << 3, 0, 0, 0, 9, 5, 5, 5, 5, 0, 0, 0, 0, 0].to_vec();
    for datagram in [v2, v1, control.clone()] {
        let sink = receive(&mut here, &path(4002), &datagram);
        assert_eq!(sink.udp_hops, [(1, datagram.clone())]);
        let mut sink = RecordingSink::default();
        here.inbound_hopped(0, &path(4002), &mut datagram.clone(), &mut sink);
        assert_eq!(sink.udp_hops, []);
    }
    assert_eq!(drops(&here), [("misrouted", 3)]);
    assert_eq!(
        here.stats().hops().map(|hop| hop.1).collect::<Vec<_>>(),
        [1, 1, 1, 0, 0]
    );
    let mut sink = RecordingSink::default();
    there.inbound_hopped(0, &path(4002), &mut control.clone(), &mut sink);
    assert_eq!(sink.control, [control]);
}

#[test]
fn control_packets_of_a_peers_address_go_to_its_shard_whatever_their_session_id() {
    let plane: Arc<Plane> = Plane::new(settings(Role::Server, 4)).into();
    let (mut here, mut there) = (server(&plane, 0), server(&plane, 2));
    let mut add = peer(2, 2, DataFormat::V2);
    add.path = path(4002);
    there.add_peer(0, add).unwrap();
    let reset = [&[7 << 3, 0, 0, 0, 0][..], &[1; 9]].concat();
    let mut sink = RecordingSink::default();
    here.inbound(0, &path(4002), &mut reset.clone(), &mut sink);
    assert_eq!(sink.udp_hops, [(2, reset.clone())]);
    there.inbound_hopped(0, &path(4002), &mut reset.clone(), &mut sink);
    assert_eq!(sink.control, std::slice::from_ref(&reset));
    // At any other address the session id decides.
    here.inbound(0, &path(4003), &mut reset.clone(), &mut sink);
    assert_eq!((sink.udp_hops.len(), sink.control.len()), (1, 2));
}

#[test]
fn a_flood_under_the_addresses_of_clients_leaves_the_rings_to_others() {
    let plane: Arc<Plane> = Plane::new(settings(Role::Server, 4)).into();
    let (mut here, mut there) = (server(&plane, 0), server(&plane, 2));
    for port in 0..16 {
        let mut add = peer(2 + 4 * u32::from(port), port as u8, DataFormat::V2);
        add.path = path(port);
        there.add_peer(0, add).unwrap();
    }
    let reset = [&[7 << 3, 0, 0, 0, 0][..], &[1; 9]].concat();
    let mut flood = |ports: std::ops::Range<u16>| {
        let mut sink = RecordingSink::default();
        for (_, port) in (0..5000).flat_map(|n| ports.clone().map(move |port| (n, port))) {
            here.inbound(0, &path(port), &mut reset.clone(), &mut sink);
        }
        sink.udp_hops.len()
    };
    // One of them, and the others can still begin anew.
    assert_eq!(flood(0..1), 500);
    assert_eq!(flood(1..2), 500);
    // All at once, and there is room for data.
    assert_eq!(flood(2..16), 3000);
    let dropped = 16 * 5000 - 4000;
    assert_eq!(drops(&here), [("control-flood", dropped)]);
}

fn two_clients(client_to_client: bool, shards: usize) -> (DataPath, DataPath) {
    let settings = PlaneSettings {
        client_to_client,
        ..settings(Role::Server, shards)
    };
    let plane = Arc::new(Plane::new(settings));
    plane.routes.insert([10, 9, 0, 1].into(), 32, PeerId(1));
    let mut here = server(&plane, 0);
    here.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
    here.install_key(server_key(0, 0, Cipher::Aes256Gcm))
        .unwrap();
    if shards == 1 {
        here.add_peer(0, peer(1, 3, DataFormat::V2)).unwrap();
        here.install_key(server_key(1, 0, Cipher::Aes256Gcm))
            .unwrap();
    }
    (here, client(Cipher::Aes256Gcm, DataFormat::V2))
}

#[test]
fn clients_reach_each_other_inside_only_where_allowed() {
    let packet = Shape::udp(false, 2).packet(b"x");
    let (mut server, mut client) = two_clients(false, 1);
    let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
    assert_eq!((sink.tun.len(), sink.sent.len()), (1, 0));
    let (mut server, mut client) = two_clients(true, 1);
    let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
    assert_eq!((sink.tun.len(), sink.sent[0].0), (0, path(4003)));
    let (mut server, mut client) = two_clients(true, 2);
    let sink = receive(&mut server, &path(4002), &sealed(&mut client, &packet));
    assert_eq!(sink.peer_hops, [(1, PeerId(1), plain_frame(&packet))]);
    assert_eq!(server.stats().hop_count(HopReason::ClientToClient), 1);
}

#[test]
fn full_rings_are_counted() {
    let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
    let mut here = server(&plane, 0);
    let mut full = RecordingSink::full();
    let mut control = [7 << 3, 0, 0, 0, 9, 5, 5, 5, 5, 0, 0, 0, 0, 0];
    here.inbound(0, &path(1), &mut control, &mut full);
    control[4] = 8;
    here.inbound(0, &path(1), &mut control, &mut full);
    assert_eq!(drops(&here), [("hop-full", 1), ("control-full", 1)]);
}

proptest! {
    #[test]
    fn random_bytes_only_ever_raise_a_counter(
        first in prop_oneof![Just(0x48u8), Just(0x30), Just(0x38), any::<u8>()],
        peer_id in 0u8..3,
        mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let (mut server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        if bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&[first, 0, 0, peer_id]);
        }
        let sink = receive(&mut server, &path(4002), &bytes);
        prop_assert_eq!(sink.tun.len() + sink.events.len(), 0);
        let dropped: u64 = drops(&server).iter().map(|drop| drop.1).sum();
        prop_assert_eq!(dropped as usize + sink.control.len(), 1);
    }

    /// Authentic but hostile: the inner packet is anything at all.
    #[test]
    fn random_inner_packets_never_panic(first in prop_oneof![Just(0x45u8), Just(0x60), any::<u8>()], mut bytes in proptest::collection::vec(any::<u8>(), 1..120)) {
        let (mut server, mut client) = two_clients(true, 1);
        server.context.plane.routes.insert([0, 0, 0, 0].into(), 0, PeerId(0));
        server.context.plane.routes.insert([0u16; 8].into(), 0, PeerId(0));
        bytes[0] = first;
        if let Some(len) = bytes.get_mut(2..4) {
            len.copy_from_slice(&[0, len[1] % 100]);
        }
        let datagram = sealed_payload(&mut client, &bytes);
        receive(&mut server, &path(4002), &datagram);
    }
}

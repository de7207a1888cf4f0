//! The format between whole data paths: what a client and a server see of it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::command::{Cipher, DataFormat, Suite};
use crate::data_path::DataPath;
use crate::epoch::EpochLimits;
use crate::event::DataEvent;
use crate::peer_record::MAX_PEER_RECORD;
use crate::plane::{Plane, Role};
use crate::stats::DropReason;
use crate::test_packets::Shape;
use crate::test_sink::*;
use crate::vnet::{GsoKind, VNET_LEN, VnetHeader};
use crate::wire::{KeyId, PING, PeerId, be16};

const P: PeerId = PeerId(0);
const SUITE: Suite = Suite::Epoch(Cipher::Aes256Gcm);

fn limit(path: &mut DataPath, limits: EpochLimits) {
    let key = path.sessions.peer_mut(P).unwrap().keys.sealing().unwrap();
    key.limit_epochs(limits);
}

fn small() -> EpochLimits {
    EpochLimits {
        usage: 1000,
        ..EpochLimits::WIRE
    }
}

/// 10.8.0.2 to 10.9.0.1, or back.
fn superpacket(up: bool) -> Vec<u8> {
    let mut packet = Shape::tcp(false, 2).packet(&[7; 20_000]);
    if !up {
        let (source, destination) = packet[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
    }
    let vnet = VnetHeader {
        needs_csum: true,
        gso: GsoKind::Tcp4,
        hdr_len: 40,
        gso_size: 1000,
        csum_start: 20,
        csum_offset: 16,
    };
    [&vnet.encode()[..], &packet].concat()
}

/// Passes one superpacket; how many packets it took, and the epoch of the last one.
fn pass(
    from: &mut DataPath,
    to: &mut DataPath,
    up: bool,
    ids: &mut HashSet<Vec<u8>>,
) -> (usize, u16) {
    let frame = superpacket(up);
    let mut sink = RecordingSink::default();
    from.outbound(0, &mut frame.clone(), &mut sink);
    let sent = std::mem::take(&mut sink.sent);
    for (_, datagram) in &sent {
        assert!(ids.insert(datagram[4..12].to_vec()));
        to.inbound(
            0,
            &path(if up { 4002 } else { 1194 }),
            &mut datagram.clone(),
            &mut sink,
        );
    }
    to.flush_inbound(&mut sink);
    assert_eq!(sink.tun.len(), 1);
    assert_eq!(sink.tun[0][VNET_LEN + 40..], frame[VNET_LEN + 40..]);
    assert_eq!(sink.events, []);
    let last = &sent.last().expect("packets").1;
    (sent.len(), be16(last, 4))
}

#[test]
fn superpackets_pass_both_ways_while_the_epochs_change() {
    for cipher in Cipher::ALL {
        let (mut server, mut client) = pair(Suite::Epoch(cipher), DataFormat::V2);
        for path in [&mut server, &mut client] {
            limit(
                path,
                EpochLimits {
                    last_counter: 25,
                    ..small()
                },
            );
        }
        let (mut up, mut down) = (HashSet::new(), HashSet::new());
        let mut last = (0, 0);
        for _ in 0..20 {
            let (packets, epoch) = pass(&mut client, &mut server, true, &mut up);
            assert_eq!(packets, 20);
            last = (epoch, pass(&mut server, &mut client, false, &mut down).1);
        }
        assert!(last.0 > 15 && last.1 > 15, "{cipher:?} {last:?}");
        assert_eq!(
            (
                server.stats().drops().count(),
                client.stats().drops().count()
            ),
            (0, 0)
        );
    }
}

#[test]
fn the_overhead_is_that_of_the_wire_and_of_mssfix() {
    let (mut server, mut client) = pair(SUITE, DataFormat::V2);
    let mut sink = RecordingSink::default();
    server.handle_timeout(10_000, &mut sink);
    let ping = sink.sent.remove(0).1;
    assert_eq!(ping.len(), 44);
    assert_eq!(ping.len(), 4 + 24 + PING.len());
    client.inbound(0, &path(1194), &mut ping.clone(), &mut sink);
    assert_eq!(
        client.stats().counter(crate::stats::Counter::PingsReceived),
        1
    );
    let peer = server.sessions.peer_mut(P).unwrap();
    assert_eq!(peer.max_inner, 1492 - 20 - 8 - 4 - 24);
}

#[test]
fn the_chain_asks_for_a_renegotiation_once_and_the_next_key_begins_anew() {
    let (mut server, mut client) = pair(SUITE, DataFormat::V2);
    let limits = EpochLimits {
        renegotiate_at: 3,
        last_epoch: 4,
        ..small()
    };
    limit(&mut server, limits);
    let mut sink = RecordingSink::default();
    for _ in 0..20 {
        server.outbound(0, &mut superpacket(false), &mut sink);
    }
    let limit_reached = DataEvent::KeyLimit {
        peer: P,
        key: KeyId(0),
    };
    assert_eq!(sink.events, [limit_reached]);
    assert_eq!(be16(&sink.sent.last().unwrap().1, 4), 4);
    assert!(server.stats().drop_count(DropReason::ExhaustedKey) > 0);
    server.install_key(server_key(0, 1, SUITE)).unwrap();
    client.install_key(client_key(0, 1, SUITE)).unwrap();
    server.use_key(P, KeyId(1)).unwrap();
    let (_, epoch) = pass(&mut server, &mut client, false, &mut HashSet::new());
    assert_eq!(epoch, 1);
}

#[test]
fn another_process_goes_on_with_both_chains() {
    let (mut old, mut client) = pair(SUITE, DataFormat::V2);
    limit(&mut old, small());
    limit(&mut client, small());
    let (mut up, mut down) = (HashSet::new(), HashSet::new());
    for _ in 0..5 {
        pass(&mut client, &mut old, true, &mut up);
        pass(&mut old, &mut client, false, &mut down);
    }
    old.install_key(server_key(0, 1, SUITE)).unwrap();
    client.install_key(client_key(0, 1, SUITE)).unwrap();
    let bytes = old.encode_sessions(0);
    let mut new = server(&Arc::new(Plane::new(settings(Role::Server, 1))), 0);
    assert_eq!(new.decode_sessions(0, &bytes), Ok(1));
    limit(&mut new, small());
    for _ in 0..5 {
        pass(&mut client, &mut new, true, &mut up);
        pass(&mut new, &mut client, false, &mut down);
    }
    client.use_key(P, KeyId(1)).unwrap();
    new.use_key(P, KeyId(1)).unwrap();
    assert_eq!(pass(&mut client, &mut new, true, &mut HashSet::new()).1, 1);
    assert_eq!(pass(&mut new, &mut client, false, &mut HashSet::new()).1, 1);
}

#[test]
fn a_record_with_two_keys_fits_the_room_that_was_taken() {
    let mut old = server(&Arc::new(Plane::new(settings(Role::Server, 1))), 0);
    for id in 0..20 {
        old.add_peer(0, peer(id, id as u8, DataFormat::V2)).unwrap();
        for key in 0..2 {
            old.install_key(server_key(id, key, SUITE)).unwrap();
        }
    }
    let windows = old.sessions.iter().map(|peer| peer.keys.windows_len());
    let beside = old.encode_sessions(0).len() - windows.sum::<usize>();
    assert!(beside / 20 < MAX_PEER_RECORD);
}

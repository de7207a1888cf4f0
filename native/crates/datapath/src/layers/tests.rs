use std::sync::Arc;

use proptest::prelude::*;

use crate::command::{Cipher, DataFormat, LayerOptions};
use crate::data_path::DataPath;
use crate::event::DataEvent;
use crate::framing::Framing;
use crate::outbound;
use crate::plane::{Plane, Role};
use crate::stats::{Counter, DropReason};
use crate::test_packets::{Shape, noise};
use crate::test_sink::*;
use crate::wire::{OCC_MAGIC, PING, PeerId};

const P: PeerId = PeerId(0);

fn framed(framing: Framing, compress: bool) -> LayerOptions {
    LayerOptions {
        framing: Some(framing),
        compress,
        ..LayerOptions::default()
    }
}

fn fragmented(fragment: u16) -> LayerOptions {
    LayerOptions {
        fragment,
        ..LayerOptions::default()
    }
}

fn layered(layers: LayerOptions) -> (DataPath, DataPath) {
    layered_pair(Cipher::Aes256Gcm, DataFormat::V2, layers)
}

/// The datagrams for one inner packet of the client.
fn datagrams(client: &mut DataPath, packet: &[u8]) -> Vec<Vec<u8>> {
    let mut sink = RecordingSink::default();
    client.outbound(0, &mut plain_frame(packet), &mut sink);
    sink.sent
        .into_iter()
        .map(|(_, datagram)| datagram)
        .collect()
}

/// What the server writes to its TUN.
fn received(server: &mut DataPath, now: u64, datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut sink = RecordingSink::default();
    for datagram in datagrams {
        server.inbound(now, &path(4002), &mut datagram.clone(), &mut sink);
    }
    server.flush_inbound(&mut sink);
    sink.tun
}

/// A payload as the client would send it if it did not obey its own layers.
fn raw(client: &mut DataPath, payload: &[u8]) -> Vec<u8> {
    let mut sink = RecordingSink::default();
    let peer = client.sessions.peer_mut(P).unwrap();
    let write = |slot: &mut [u8]| slot.copy_from_slice(payload);
    outbound::seal_payload(&client.context, peer, 0, payload.len(), write, &mut sink).unwrap();
    sink.sent.remove(0).1
}

fn udp(len: usize) -> Vec<u8> {
    Shape::udp(false, 2).packet(&noise(len))
}

#[test]
fn packets_and_pings_pass_in_every_framing() {
    for framing in Framing::ALL {
        for compress in [false, true] {
            let (mut server, mut client) = layered(framed(framing, compress));
            for packet in [udp(500), Shape::udp(true, 2).packet(&[7; 1200])] {
                let sent = datagrams(&mut client, &packet);
                assert_eq!(received(&mut server, 0, &sent), [plain_frame(&packet)]);
            }
            let mut sink = RecordingSink::default();
            let peer = client.sessions.peer_mut(P).unwrap();
            outbound::send_ping(&client.context, peer, 0, &mut sink);
            assert_eq!(sink.sent[0].1.len(), 24 + PING.len() + framing.overhead());
            received(&mut server, 0, &[sink.sent.remove(0).1]);
            assert_eq!(server.stats().counter(Counter::PingsReceived), 1);
            assert_eq!(server.stats().drops().collect::<Vec<_>>(), []);
        }
    }
}

#[test]
fn only_who_may_compress_does() {
    let packet = Shape::udp(false, 2).packet(&[7; 1200]);
    for framing in Framing::ALL {
        let can = !matches!(framing, Framing::Stub | Framing::StubV2);
        for compress in [false, true] {
            let (_, mut client) = layered(framed(framing, compress));
            let len = datagrams(&mut client, &packet)[0].len();
            assert_eq!(len < 200, compress && can, "{framing:?}");
        }
    }
}

#[test]
fn unknown_marks_and_bombs_are_dropped_and_counted() {
    let (mut server, mut client) = layered(framed(Framing::Lz4V2, false));
    let bomb = lz4_flex::block::compress_into(&[0; 1700], &mut [0; 2000]).map(|len| {
        let mut block = vec![0; 2000];
        lz4_flex::block::compress_into(&[0; 1700], &mut block).unwrap();
        block.truncate(len);
        [&[0x50, 1][..], &block].concat()
    });
    for payload in [bomb.unwrap(), vec![0x50, 9, 0x45]] {
        let datagram = raw(&mut client, &payload);
        assert_eq!(received(&mut server, 0, &[datagram]).len(), 0);
    }
    let drops: Vec<_> = server.stats().drops().collect();
    assert_eq!(drops, [("bad-framing", 1), ("bad-compression", 1)]);
}

#[test]
fn a_large_packet_is_cut_into_equal_fragments_and_put_together() {
    let (mut server, mut client) = layered(fragmented(1200));
    let packet = udp(1400);
    let sent = datagrams(&mut client, &packet);
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [744, 740]);
    assert_eq!(received(&mut server, 0, &sent), [plain_frame(&packet)]);
    let backwards: Vec<_> = datagrams(&mut client, &packet).into_iter().rev().collect();
    assert_eq!(received(&mut server, 0, &backwards), [plain_frame(&packet)]);
    let whole = datagrams(&mut client, &udp(1144));
    assert_eq!(whole[0].len(), 1200);
    assert_eq!(received(&mut server, 0, &whole).len(), 1);
    assert_eq!(datagrams(&mut client, &udp(1145)).len(), 2);
}

#[test]
fn fragments_have_the_documented_header() {
    let (server, mut client) = layered(fragmented(1200));
    drop(server);
    for sequence in 0..3u32 {
        let sent = datagrams(&mut client, &udp(1400));
        let mut plain = layered(LayerOptions::default()).0;
        let headers: Vec<u32> = sent
            .iter()
            .map(|datagram| {
                let mut datagram = datagram.clone();
                let key = plain.sessions.peer_mut(P).unwrap().keys.sealing();
                let range = opened(key.unwrap(), &mut datagram);
                crate::wire::be32(&datagram, range)
            })
            .collect();
        // 1428 bytes: two times 716, in the last header divided by 4.
        let last = 2 | sequence << 2 | 1 << 10 | 179 << 15;
        assert_eq!(headers, [1 | sequence << 2, last]);
    }
}

#[test]
fn compressed_packets_are_cut_after_they_were_compressed() {
    let layers = LayerOptions {
        fragment: 600,
        ..framed(Framing::Lzo, true)
    };
    let (mut server, mut client) = layered(layers);
    let flat = Shape::udp(false, 2).packet(&[7; 1400]);
    let sent = datagrams(&mut client, &flat);
    assert_eq!(sent.len(), 1);
    assert_eq!(received(&mut server, 0, &sent), [plain_frame(&flat)]);
    let noise = udp(1400);
    let sent = datagrams(&mut client, &noise);
    assert_eq!(sent.len(), 3);
    assert_eq!(received(&mut server, 0, &sent), [plain_frame(&noise)]);
}

#[test]
fn what_is_too_small_to_carry_anything_is_refused_and_counted() {
    let (_, mut client) = layered(fragmented(68));
    assert_eq!(datagrams(&mut client, &udp(1400)).len(), 0);
    assert_eq!(client.stats().drop_count(DropReason::TooManyFragments), 1);
}

#[test]
fn lost_fragments_take_no_more_than_their_packet() {
    let (mut server, mut client) = layered(fragmented(1200));
    for _ in 0..300 {
        let mut sent = datagrams(&mut client, &udp(1400));
        sent.remove(0);
        assert_eq!(received(&mut server, 0, &sent).len(), 0);
    }
    let lost = server.stats().drop_count(DropReason::LostFragment);
    assert_eq!(lost, 300 - 25);
    let sent = datagrams(&mut client, &udp(1400));
    assert_eq!(received(&mut server, 0, &sent).len(), 1);
}

#[test]
fn a_fragment_does_not_wait_for_the_others_for_ever() {
    let (mut server, mut client) = layered(fragmented(1200));
    let sent = datagrams(&mut client, &udp(1400));
    assert_eq!(received(&mut server, 0, &sent[..1]).len(), 0);
    assert_eq!(received(&mut server, 10_000, &sent[1..]).len(), 0);
    assert_eq!(server.stats().drop_count(DropReason::LostFragment), 1);
}

#[test]
fn fragments_that_make_more_than_the_mtu_are_refused() {
    let (mut server, mut client) = layered(fragmented(1200));
    let header = |number: u32, last: bool| {
        let word = if last { 2 | 400 << 15 } else { 1 } | 7 << 2 | number << 10;
        word.to_be_bytes()
    };
    let test = raw(&mut client, &[&[0, 0, 0, 3][..], &[0; 40]].concat());
    let far = raw(&mut client, &[&header(31, true)[..], &[0; 1000]].concat());
    let odd = raw(&mut client, &[&header(0, false)[..], &[0; 1001]].concat());
    let short = raw(&mut client, &[1, 2, 3]);
    assert_eq!(received(&mut server, 0, &[test, far, odd, short]).len(), 0);
    assert_eq!(server.stats().drop_count(DropReason::BadFragment), 4);
}

#[test]
fn segments_fit_the_path_with_framing_and_fragment_header() {
    let max_inner = |layers: LayerOptions| {
        let (mut server, _) = layered(layers);
        server.sessions.peer_mut(P).unwrap().max_inner
    };
    let both = LayerOptions {
        fragment: 1400,
        ..framed(Framing::Lzo, false)
    };
    assert_eq!(max_inner(LayerOptions::default()), 1440);
    assert_eq!(max_inner(framed(Framing::Stub, false)), 1439);
    assert_eq!(max_inner(framed(Framing::StubV2, false)), 1440);
    assert_eq!(max_inner(both), 1435);
}

#[test]
fn a_fragment_size_with_headers_leaves_less() {
    let counts = [false, true].map(|fragment_counts_headers| {
        let (_, mut client) = layered(LayerOptions {
            fragment_counts_headers,
            ..fragmented(1000)
        });
        datagrams(&mut client, &udp(1000 - 24 - 4 - 28)).len()
    });
    assert_eq!(counts, [1, 2]);
}

#[test]
fn layers_go_with_their_peer_to_another_process() {
    let layers = LayerOptions {
        fragment: 700,
        fragment_counts_headers: true,
        ..framed(Framing::Lz4, true)
    };
    let (old, mut client) = layered(layers);
    let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
    let mut new = server(&plane, 0);
    new.decode_sessions(0, &old.encode_sessions(0)).unwrap();
    assert_eq!(new.sessions.peer_mut(P).unwrap().layer_options(), layers);
    for packet in [udp(1400), Shape::udp(false, 2).packet(&[7; 1400])] {
        let sent = datagrams(&mut client, &packet);
        assert_eq!(received(&mut new, 0, &sent), [plain_frame(&packet)]);
    }
}

fn occ(client: &mut DataPath, message: &[u8]) -> Vec<u8> {
    raw(client, &[&OCC_MAGIC, message].concat())
}

#[test]
fn an_mtu_test_is_answered_and_not_too_often() {
    let (mut server, mut client) = layered(LayerOptions::default());
    let mut sink = RecordingSink::default();
    let mut ask = |now: u64, message: &[u8], sink: &mut RecordingSink| {
        let mut datagram = occ(&mut client, message);
        server.inbound(now, &path(4002), &mut datagram, sink);
        sink.sent.pop().map(|(_, datagram)| datagram)
    };
    assert_eq!(ask(0, &[3; 900], &mut sink), None);
    let load = ask(
        0,
        &[2, 1000u16.to_be_bytes()[0], 1000u16.to_be_bytes()[1]],
        &mut sink,
    );
    assert_eq!(load.unwrap().len(), 1000);
    assert_eq!(ask(10, &[4], &mut sink), None);
    let reply = ask(1000, &[4], &mut sink).unwrap();
    let (mut other, mut reply) = (layered(LayerOptions::default()).1, reply);
    let key = other.sessions.peer_mut(P).unwrap().keys.sealing();
    let at = opened(key.unwrap(), &mut reply);
    let sizes = [(24 + 16 + 900u16).to_be_bytes(), 1000u16.to_be_bytes()].concat();
    assert_eq!(reply[at..], [&OCC_MAGIC, &[5][..], &sizes].concat());
    let huge = ask(2000, &[2, 0xff, 0xff], &mut sink).unwrap();
    assert_eq!(huge.len(), 24 + 1500);
    let tiny = ask(3000, &[2, 0, 0], &mut sink).unwrap();
    assert_eq!(tiny.len(), 24 + 17);
    assert_eq!(server.stats().counter(Counter::OccAnswered), 4);
    assert_eq!(server.stats().counter(Counter::OccIgnored), 1);
}

#[test]
fn an_exit_passes_through_framing_and_fragments() {
    let layers = LayerOptions {
        fragment: 1200,
        ..framed(Framing::Stub, false)
    };
    let (mut server, mut client) = layered(layers);
    let mut sink = RecordingSink::default();
    client.notify_exit(0, P, &mut sink).unwrap();
    let mut datagram = sink.sent.remove(0).1;
    server.inbound(0, &path(4002), &mut datagram, &mut sink);
    assert_eq!(sink.events, [DataEvent::Exit { peer: P }]);
}

proptest! {
    #[test]
    fn every_packet_passes_in_any_fragments(len in 1usize..1400, fragment in 300u16..1500, compress in any::<bool>(), flat in 0usize..1400) {
        let layers = LayerOptions { fragment, ..framed(Framing::Lz4, compress) };
        let (mut server, mut client) = layered(layers);
        let mut packet = udp(len);
        let flat = 28 + flat.min(len);
        packet[28..flat].fill(0);
        let packet = Shape::udp(false, 2).packet(&packet[28..]);
        let sent = datagrams(&mut client, &packet);
        prop_assert!(sent.iter().all(|datagram| datagram.len() <= usize::from(fragment)));
        prop_assert_eq!(received(&mut server, 0, &sent), [plain_frame(&packet)]);
    }

    #[test]
    fn any_fragments_are_taken_or_refused(headers in prop::collection::vec((any::<u32>(), 0usize..700), 1..80)) {
        let (mut server, mut client) = layered(fragmented(1200));
        for (now, (word, len)) in headers.into_iter().enumerate() {
            // Few sequences, so that they meet.
            let word = word & !(0x3f << 4);
            let datagram = raw(&mut client, &[&word.to_be_bytes()[..], &vec![0; len]].concat());
            received(&mut server, now as u64 * 300, &[datagram]);
        }
    }
}

/// Where the payload begins in a datagram that the other side of the same keys opens.
fn opened(key: &mut crate::key_state::KeyState, datagram: &mut [u8]) -> usize {
    key.open(4, datagram).unwrap().start
}

use proptest::prelude::*;

use super::*;
use crate::test_packets::noise;

const ROOM: usize = 1600;

/// What is found in a payload.
fn unframed(framing: Framing, payload: &[u8]) -> Result<Vec<u8>, DropReason> {
    let (mut payload, mut room) = (payload.to_vec(), vec![0xee; ROOM]);
    framing
        .unframe(&mut payload, &mut room)
        .map(|found| match found {
            Unframed::InPlace(range) => payload[range].to_vec(),
            Unframed::Inflated(len) => room[..len].to_vec(),
        })
}

fn plain(framing: Framing, packet: &[u8]) -> Vec<u8> {
    let mut slot = vec![0; packet.len() + framing.overhead()];
    framing.write_plain(&mut slot, |room| room.copy_from_slice(packet));
    slot
}

fn compressed(framing: Framing, packet: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = Compressor::default();
    compressor.prepare(framing);
    let mut out = vec![0; Compressor::room_for(packet.len())];
    let len = framing.compress(packet, &mut out, &mut compressor)?;
    Some(out[..len].to_vec())
}

/// 33 times the same four bytes as an LZ4 block: four literals, a match of 123, and the five literals at the end that the
/// format asks for.
const LZ4_BLOCK: [u8; 14] = [0x4f, 1, 2, 3, 4, 4, 0, 104, 0x50, 4, 1, 2, 3, 4];

#[test]
fn uncompressed_packets_have_the_bytes_of_the_table() {
    let packet = [0x45, 1, 2, 3];
    for (framing, bytes) in [
        (Framing::Lzo, &[0xfa, 0x45, 1, 2, 3][..]),
        (Framing::Stub, &[0xfb, 1, 2, 3, 0x45]),
        (Framing::Lz4, &[0xfb, 1, 2, 3, 0x45]),
        (Framing::StubV2, &[0x45, 1, 2, 3]),
        (Framing::Lz4V2, &[0x45, 1, 2, 3]),
    ] {
        assert_eq!(plain(framing, &packet), bytes, "{framing:?}");
        assert_eq!(unframed(framing, bytes).unwrap(), packet, "{framing:?}");
    }
}

#[test]
fn the_newer_framings_escape_what_looks_like_their_mark() {
    for framing in [Framing::StubV2, Framing::Lz4V2] {
        for escape in [0, 0x0a] {
            assert_eq!(
                unframed(framing, &[0x50, escape, 0x50, 7]).unwrap(),
                [0x50, 7]
            );
        }
    }
}

#[test]
fn compressed_packets_have_the_bytes_of_the_table() {
    let mut swapped = [&[0x69], &LZ4_BLOCK[1..], &LZ4_BLOCK[..1]].concat();
    let expected = [1, 2, 3, 4].repeat(33);
    let escaped = [&[0x50, 1], &LZ4_BLOCK[..]].concat();
    assert_eq!(unframed(Framing::Lz4, &swapped).unwrap(), expected);
    assert_eq!(unframed(Framing::Lz4V2, &escaped).unwrap(), expected);
    // 512 zeros as LZO1X: a literal, one long match, the end.
    let lzo = [0x66, 0x12, 0, 0x20, 0, 0xdf, 0, 0, 0x11, 0, 0];
    assert_eq!(unframed(Framing::Lzo, &lzo).unwrap(), [0; 512]);
    swapped[0] = 0x68;
    assert_eq!(
        unframed(Framing::Lz4, &swapped),
        Err(DropReason::BadFraming)
    );
}

#[test]
fn an_older_framing_takes_the_bytes_of_the_others() {
    let lzo = compressed(Framing::Lzo, &[9; 600]).unwrap();
    let lz4 = compressed(Framing::Lz4, &[9; 600]).unwrap();
    for framing in [Framing::Lzo, Framing::Stub, Framing::Lz4] {
        assert_eq!(unframed(framing, &lzo).unwrap(), [9; 600]);
        assert_eq!(unframed(framing, &lz4).unwrap(), [9; 600]);
        assert_eq!(unframed(framing, &[0xfa, 1]).unwrap(), [1]);
        assert_eq!(unframed(framing, &[0xfb, 2, 1]).unwrap(), [1, 2]);
    }
}

#[test]
fn unknown_marks_are_told_from_broken_data() {
    for framing in [Framing::Lzo, Framing::Stub, Framing::Lz4] {
        for bad in [&[][..], &[0x45, 0, 0], &[0xfb], &[0x69]] {
            assert_eq!(unframed(framing, bad), Err(DropReason::BadFraming));
        }
        let torn = unframed(framing, &[0x66, 0xff, 0xff]);
        assert_eq!(torn, Err(DropReason::BadCompression));
    }
    for framing in [Framing::StubV2, Framing::Lz4V2] {
        for bad in [&[][..], &[0x50], &[0x50, 2, 1], &[0x50, 3, 1]] {
            assert_eq!(unframed(framing, bad), Err(DropReason::BadFraming));
        }
        let torn = unframed(framing, &[0x50, 1, 0xff, 0xff]);
        assert_eq!(torn, Err(DropReason::BadCompression));
    }
}

#[test]
fn nothing_larger_than_the_room_comes_out() {
    for framing in [Framing::Lzo, Framing::Lz4, Framing::Lz4V2] {
        let fits = compressed(framing, &[0; ROOM]).unwrap();
        assert_eq!(unframed(framing, &fits).unwrap(), [0; ROOM]);
        for len in [ROOM + 1, 30_000] {
            let bomb = compressed(framing, &vec![0; len]).unwrap();
            assert!(bomb.len() < len / 10);
            assert_eq!(
                unframed(framing, &bomb),
                Err(DropReason::BadCompression),
                "{framing:?}"
            );
        }
    }
}

#[test]
fn what_does_not_shrink_stays_uncompressed() {
    let noise = noise(1000);
    for framing in Framing::ALL {
        assert_eq!(compressed(framing, &noise), None, "{framing:?}");
    }
    assert_eq!(compressed(Framing::Stub, &[0; 600]), None);
    assert_eq!(compressed(Framing::StubV2, &[0; 600]), None);
}

#[test]
fn numbers_round_trip_and_0_is_none() {
    for framing in Framing::ALL {
        assert_eq!(Framing::from_number(framing as u8), Some(framing));
    }
    assert_eq!(Framing::from_number(0), None);
    assert_eq!(Framing::from_number(6), None);
}

proptest! {
    #[test]
    fn every_packet_comes_back(
        mut packet in prop::collection::vec(any::<u8>(), 1..ROOM),
        repeated in 0usize..1400,
        version in prop::sample::select(vec![0x45u8, 0x60, 0x2a, 0x28]),
    ) {
        packet[0] = version;
        let repeated = repeated.min(packet.len() - 1);
        packet[1..=repeated].fill(7);
        for framing in Framing::ALL {
            prop_assert_eq!(unframed(framing, &plain(framing, &packet)).unwrap(), packet.clone());
            if let Some(payload) = compressed(framing, &packet) {
                prop_assert!(payload.len() <= packet.len());
                prop_assert_eq!(unframed(framing, &payload).unwrap(), packet.clone());
            }
        }
    }

    #[test]
    fn any_bytes_are_unframed_or_refused(
        head in prop::sample::select(vec![0xfau8, 0xfb, 0x66, 0x69, 0x50]),
        mut bytes in prop::collection::vec(any::<u8>(), 1..300),
        second in 0u8..4,
    ) {
        for framing in Framing::ALL {
            let _ = unframed(framing, &bytes);
        }
        bytes[0] = head;
        if head == 0x50 && bytes.len() > 1 {
            bytes[1] = second;
        }
        for framing in Framing::ALL {
            if let Ok(packet) = unframed(framing, &bytes) {
                prop_assert!(packet.len() <= ROOM.max(bytes.len()));
            }
        }
    }
}

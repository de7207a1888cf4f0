use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::epoch::FUTURE_KEYS;
use crate::epoch::test_vectors::{C2S, S2C, hex};
use crate::wire::{KeyId, PeerId, data_v2_header};

const CIPHER: Cipher = Cipher::Aes256Gcm;
/// A packet of 48 bytes uses 4.
const TEXT: [u8; 48] = [7; 48];
const USAGE: u64 = 4;

fn pair(cipher: Cipher, limits: EpochLimits) -> (EpochPackets, EpochPackets) {
    let (c2s, s2c) = (hex(C2S), hex(S2C));
    (
        EpochPackets::new(cipher, &s2c, &c2s, limits).unwrap(),
        EpochPackets::new(cipher, &c2s, &s2c, limits).unwrap(),
    )
}

/// So many packets of `TEXT` fit into an epoch.
fn per_epoch(packets: u64) -> EpochLimits {
    EpochLimits {
        usage: packets * USAGE - 1,
        ..EpochLimits::WIRE
    }
}

fn send(from: &mut EpochPackets) -> Vec<u8> {
    from.can_seal().expect("a key");
    let (lead, len) = EpochPackets::room_for(TEXT.len());
    let mut packet = vec![0xdd; 4 + len];
    packet[..4].copy_from_slice(&data_v2_header(KeyId(1), PeerId(7)));
    packet[4 + lead..][..TEXT.len()].copy_from_slice(&TEXT);
    assert!(from.seal(4, TEXT.len(), &mut packet));
    packet
}

fn take(by: &mut EpochPackets, packet: &[u8]) -> Result<(), DropReason> {
    let mut packet = packet.to_vec();
    let payload = by.open(4, &mut packet)?;
    assert_eq!(packet[payload], TEXT);
    Ok(())
}

fn id(packet: &[u8]) -> (u16, u64) {
    (be16(packet, 4), counter_of(packet))
}

fn epochs(packets: &EpochPackets) -> (u16, u16) {
    (packets.seal.epoch(), packets.open.epoch())
}

#[test]
fn traffic_in_both_directions_passes_every_switch() {
    for cipher in Cipher::ALL {
        let limits = EpochLimits {
            last_counter: 5,
            ..per_epoch(5)
        };
        let (mut server, mut client) = pair(cipher, limits);
        for count in 0..400 {
            let up = send(&mut client);
            assert_eq!(take(&mut server, &up), Ok(()), "{cipher:?} {count}");
            let down = send(&mut server);
            assert_eq!(take(&mut client, &down), Ok(()), "{cipher:?} {count}");
            assert_eq!(take(&mut client, &down), Err(DropReason::Replayed));
        }
        // At the latest after five packets; a side that has received as many goes first.
        assert!((80..=101).contains(&server.seal.epoch()), "{cipher:?}");
        assert_eq!(server.seal.epoch(), client.open.epoch());
    }
}

#[test]
fn a_counter_or_blocks_end_an_epoch_but_not_blocks_of_chacha() {
    let small = per_epoch(3);
    let (mut server, _) = pair(Cipher::Aes128Gcm, small);
    let ids: Vec<_> = (0..5).map(|_| id(&send(&mut server))).collect();
    assert_eq!(ids, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]);
    let (mut server, _) = pair(Cipher::ChaCha20Poly1305, small);
    let ids: Vec<_> = (0..5).map(|_| id(&send(&mut server))).collect();
    assert_eq!(ids[4], (1, 5));
    let (mut server, mut client) = pair(Cipher::ChaCha20Poly1305, EpochLimits::WIRE);
    server.skip_ids((1 << 48) - 2);
    let last = send(&mut server);
    assert_eq!(id(&last), (1, (1 << 48) - 1));
    assert_eq!(take(&mut client, &last), Ok(()));
    let next = send(&mut server);
    // The counters that were left out are left out in the next epoch as well.
    assert_eq!(id(&next), (2, (1 << 48) - 1));
    assert_eq!(take(&mut client, &next), Ok(()));
    assert_eq!(server.can_seal(), Ok(()));
}

#[test]
fn the_retiring_epoch_has_a_window_of_its_own() {
    let (mut server, mut client) = pair(CIPHER, per_epoch(3));
    let sent: Vec<_> = (0..9).map(|_| send(&mut client)).collect();
    assert_eq!(take(&mut server, &sent[1]), Ok(()));
    assert_eq!(take(&mut server, &sent[4]), Ok(()));
    assert_eq!(take(&mut server, &sent[1]), Err(DropReason::Replayed));
    assert_eq!(take(&mut server, &sent[0]), Ok(()));
    assert_eq!(take(&mut server, &sent[0]), Err(DropReason::Replayed));
    assert_eq!(take(&mut server, &sent[3]), Ok(()));
    assert_eq!(take(&mut server, &sent[7]), Ok(()));
    assert_eq!(take(&mut server, &sent[2]), Err(DropReason::UnknownEpoch));
    assert_eq!(take(&mut server, &sent[5]), Ok(()));
    assert_eq!(epochs(&server), (3, 3));
}

#[test]
fn a_peer_may_be_as_far_ahead_as_there_are_keys() {
    for (ahead, outcome) in [
        (FUTURE_KEYS, Ok(())),
        (FUTURE_KEYS + 1, Err(DropReason::UnknownEpoch)),
    ] {
        let (mut server, mut client) = pair(CIPHER, EpochLimits::WIRE);
        assert_eq!(take(&mut server, &send(&mut client)), Ok(()));
        client.seal.raise_to(1 + ahead);
        let packet = send(&mut client);
        assert_eq!(take(&mut server, &packet), outcome);
        let now = if outcome.is_ok() { 1 + ahead } else { 1 };
        assert_eq!(epochs(&server), (now, now));
        assert_eq!(take(&mut client, &send(&mut server)), Ok(()));
    }
}

#[test]
fn a_forged_packet_of_a_future_epoch_changes_nothing() {
    let (mut server, mut client) = pair(CIPHER, EpochLimits::WIRE);
    let early = send(&mut client);
    client.seal.raise_to(4);
    let real = send(&mut client);
    for epoch in [2, 4, 9, 17] {
        let mut forged = real.clone();
        forged[4..6].copy_from_slice(&u16::to_be_bytes(epoch));
        forged[20] ^= 1;
        assert_eq!(take(&mut server, &forged), Err(DropReason::Unauthentic));
        assert_eq!(epochs(&server), (1, 1));
    }
    assert_eq!(take(&mut server, &real), Ok(()));
    assert_eq!(epochs(&server), (4, 4));
    assert_eq!(take(&mut server, &real), Err(DropReason::Replayed));
    assert_eq!(take(&mut server, &early), Ok(()));
    assert_eq!(id(&send(&mut server)), (4, 1));
}

#[test]
fn a_side_that_does_not_count_is_led_to_the_next_epoch() {
    let (mut server, mut client) = pair(CIPHER, per_epoch(3));
    client.limits = EpochLimits::WIRE;
    for _ in 0..4 {
        assert_eq!(take(&mut server, &send(&mut client)), Ok(()));
    }
    assert_eq!(epochs(&server), (1, 1));
    let down = send(&mut server);
    assert_eq!(id(&down), (2, 1));
    assert_eq!(id(&send(&mut server)), (2, 2));
    assert_eq!(take(&mut client, &down), Ok(()));
    let up = send(&mut client);
    assert_eq!(id(&up), (2, 1));
    assert_eq!(take(&mut server, &up), Ok(()));
    assert_eq!(epochs(&server), (2, 2));
}

#[test]
fn forged_packets_lead_to_the_next_epoch_and_too_many_end_the_key() {
    let limits = EpochLimits {
        soft_failures: 3,
        hard_failures: 5,
        ..EpochLimits::WIRE
    };
    let (mut server, mut client) = pair(CIPHER, limits);
    let real = send(&mut client);
    let mut forged = real.clone();
    forged[30] ^= 1;
    for _ in 0..3 {
        assert_eq!(take(&mut server, &forged), Err(DropReason::Unauthentic));
    }
    assert_eq!(take(&mut server, &real), Ok(()));
    assert_eq!(take(&mut client, &send(&mut server)), Ok(()));
    assert_eq!(epochs(&server), (2, 1));
    assert_eq!(take(&mut server, &send(&mut client)), Ok(()));
    assert_eq!(epochs(&server), (2, 2));
    assert!(!server.limit_is_reached());
    let mut forged = send(&mut client);
    forged[30] ^= 1;
    for _ in 0..5 {
        assert_eq!(take(&mut server, &forged), Err(DropReason::Unauthentic));
    }
    assert_eq!(
        take(&mut server, &send(&mut client)),
        Err(DropReason::WornOutKey)
    );
    assert!(server.limit_is_reached());
}

/// Both ends of both chains, as if they had come to this epoch.
fn pair_at(epoch: u16, limits: EpochLimits) -> (EpochPackets, EpochPackets) {
    let at_epoch = |packets: EpochPackets| {
        let mut bytes = Vec::new();
        packets.encode(&mut bytes);
        for at in [0, SEALER_LEN] {
            bytes[at..at + 2].copy_from_slice(&epoch.to_le_bytes());
        }
        let mut aged = packets;
        aged.take_over(&mut ByteReader::new(&bytes)).unwrap();
        aged
    };
    let (server, client) = pair(CIPHER, limits);
    (at_epoch(server), at_epoch(client))
}

/// Epoch, secret, three numbers.
const SEALER_LEN: usize = 2 + 32 + 3 * 8;

#[test]
fn the_end_of_the_epochs_is_announced_and_kept() {
    let (mut server, _) = pair_at(0xefff, per_epoch(1));
    assert_eq!(id(&send(&mut server)).0, 0xefff);
    assert!(!server.limit_is_reached());
    assert_eq!(id(&send(&mut server)).0, 0xf000);
    assert!(server.limit_is_reached());
    let last = 0xffff - FUTURE_KEYS - 1;
    let (mut server, mut client) = pair_at(last - 1, per_epoch(1));
    let (mine, next, beyond) = (send(&mut client), send(&mut client), send(&mut client));
    assert_eq!(take(&mut server, &mine), Ok(()));
    assert_eq!(take(&mut server, &next), Ok(()));
    assert_eq!(epochs(&server), (last, last));
    // A receiver follows no further than to where all keys ahead still exist.
    assert_eq!(take(&mut server, &beyond), Err(DropReason::UnknownEpoch));
    for epoch in last + 2..=0xffff {
        assert_eq!(id(&send(&mut client)).0, epoch);
    }
    assert_eq!(client.can_seal(), Err(DropReason::ExhaustedKey));
    assert!(client.limit_is_reached());
}

#[test]
fn what_is_no_packet_of_the_format_is_refused() {
    let (mut server, mut client) = pair(CIPHER, EpochLimits::WIRE);
    let packet = send(&mut client);
    for (at, value, reason) in [
        (5, 0, DropReason::UnknownEpoch),
        (4, 0xff, DropReason::UnknownEpoch),
        (11, 0, DropReason::InvalidPacketId),
        (0, 0, DropReason::Unauthentic),
    ] {
        let mut odd = packet.clone();
        odd[at] = value;
        assert_eq!(take(&mut server, &odd), Err(reason), "{at}");
    }
    assert_eq!(
        server.open(4, &mut packet[..28].to_vec()),
        Err(DropReason::Truncated)
    );
    assert_eq!(
        server.open(1, &mut packet.clone()),
        Err(DropReason::UnknownKey)
    );
    assert_eq!(take(&mut server, &packet), Ok(()));
    let mut v1 = [0xdd; 50];
    assert!(!server.seal(1, 24, &mut v1));
    assert!(EpochPackets::new(CIPHER, &[0; 64], &[1; 64], EpochLimits::WIRE).is_none());
    assert!(EpochPackets::new(CIPHER, &[1; 64], &[0; 64], EpochLimits::WIRE).is_none());
}

fn taken_over(old: &EpochPackets, cipher: Cipher) -> EpochPackets {
    let mut bytes = Vec::new();
    old.encode(&mut bytes);
    let mut reader = ByteReader::new(&bytes);
    let mut new = pair(cipher, EpochLimits::WIRE).0;
    new.take_over(&mut reader).expect("a good snapshot");
    assert!(reader.is_empty());
    new
}

#[test]
fn traffic_goes_on_in_another_process_and_nothing_is_taken_twice() {
    for cipher in Cipher::ALL {
        let (mut old, mut client) = pair(cipher, EpochLimits::WIRE);
        let mut sent: Vec<_> = (0..2).map(|_| send(&mut client)).collect();
        client.seal.raise_to(5);
        sent.extend((0..2).map(|_| send(&mut client)));
        assert_eq!(take(&mut old, &sent[0]), Ok(()));
        assert_eq!(take(&mut old, &sent[2]), Ok(()));
        let before = send(&mut old);
        let mut new = taken_over(&old, cipher);
        for (packet, outcome) in sent.iter().zip([
            Err(DropReason::Replayed),
            Ok(()),
            Err(DropReason::Replayed),
            Ok(()),
        ]) {
            assert_eq!(take(&mut new, packet), outcome);
        }
        let after = send(&mut new);
        assert_eq!(id(&before), (5, 1));
        assert_eq!(id(&after), (5, 2 + ID_JUMP));
        assert_eq!(take(&mut client, &before), Ok(()));
        assert_eq!(take(&mut client, &after), Ok(()));
        client.seal.raise_to(21);
        assert_eq!(take(&mut new, &send(&mut client)), Ok(()));
        assert_eq!(take(&mut client, &send(&mut new)), Ok(()));
    }
}

#[test]
fn a_process_that_takes_its_sessions_back_repeats_no_id_of_an_epoch_that_both_entered() {
    let (mut old, mut client) = pair(CIPHER, EpochLimits::WIRE);
    send(&mut old);
    let mut new = taken_over(&old, CIPHER);
    let mut ids = HashSet::new();
    client.seal.raise_to(2);
    assert_eq!(take(&mut new, &send(&mut client)), Ok(()));
    for _ in 0..100 {
        assert!(ids.insert(id(&send(&mut new))));
    }
    old.skip_ids(1 << 24);
    assert_eq!(take(&mut old, &send(&mut client)), Ok(()));
    for _ in 0..100 {
        assert!(ids.insert(id(&send(&mut old))));
    }
    assert!(ids.iter().all(|(epoch, _)| *epoch == 2));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send {
        up: bool,
    },
    /// The packet under way at this place arrives, first.
    Arrive {
        at: usize,
        lost: bool,
    },
    Forge {
        at: usize,
        epoch: u16,
    },
    Repeat {
        at: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => any::<bool>().prop_map(|up| Step::Send { up }),
        5 => (0usize..8, prop::bool::weighted(0.1)).prop_map(|(at, lost)| Step::Arrive { at, lost }),
        1 => (any::<usize>(), 0u16..60).prop_map(|(at, epoch)| Step::Forge { at, epoch }),
        1 => any::<usize>().prop_map(|at| Step::Repeat { at }),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A network that loses, reorders, repeats and forges: no nonce comes twice, no packet is taken twice, and what
    /// comes within the retiring epoch and the future ones is taken, and nothing from beyond.
    #[test]
    fn a_bad_network_harms_nobody(steps in steps(), packets in 1u64..6, up_counts in any::<bool>()) {
        let (mut server, mut client) = pair(CIPHER, per_epoch(packets));
        if !up_counts {
            client.limits = EpochLimits::WIRE;
        }
        let mut sent: Vec<(bool, Vec<u8>)> = Vec::new();
        let mut under_way: Vec<(bool, Vec<u8>)> = Vec::new();
        let (mut nonces, mut taken) = (HashSet::new(), HashSet::new());
        for step in steps {
            match step {
                Step::Send { up } => {
                    let packet = send(if up { &mut client } else { &mut server });
                    prop_assert!(nonces.insert((up, id(&packet))));
                    sent.push((up, packet.clone()));
                    under_way.push((up, packet));
                }
                Step::Arrive { at, lost } if at < under_way.len() => {
                    let (up, packet) = under_way.remove(at);
                    if lost {
                        continue;
                    }
                    let receiver = if up { &mut server } else { &mut client };
                    let (epoch, current) = (id(&packet).0, receiver.open.epoch());
                    let outcome = take(receiver, &packet);
                    if epoch > current + FUTURE_KEYS {
                        prop_assert_eq!(outcome, Err(DropReason::UnknownEpoch));
                        continue;
                    }
                    let is_known = epoch >= current;
                    let is_new = taken.insert((up, id(&packet)));
                    if is_known {
                        prop_assert_eq!(outcome, if is_new { Ok(()) } else { Err(DropReason::Replayed) });
                    }
                    prop_assert!(receiver.seal.epoch() >= receiver.open.epoch());
                }
                Step::Forge { at, epoch } if !sent.is_empty() => {
                    let (up, packet) = &sent[at % sent.len()];
                    let receiver = if *up { &mut server } else { &mut client };
                    let before = epochs(receiver);
                    let mut forged = packet.clone();
                    forged[4..6].copy_from_slice(&epoch.to_be_bytes());
                    forged[25] ^= 4;
                    prop_assert!(take(receiver, &forged).is_err());
                    prop_assert_eq!(epochs(receiver), before);
                }
                Step::Repeat { at } if !sent.is_empty() => {
                    let (up, packet) = &sent[at % sent.len()];
                    let receiver = if *up { &mut server } else { &mut client };
                    if take(receiver, packet).is_ok() {
                        prop_assert!(taken.insert((*up, id(packet))));
                    }
                }
                Step::Arrive { .. } | Step::Forge { .. } | Step::Repeat { .. } => {}
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_taken_and_never_a_fault(
        cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let (mut server, mut client) = pair(CIPHER, EpochLimits::WIRE);
        take(&mut server, &send(&mut client)).unwrap();
        let mut good = Vec::new();
        server.encode(&mut good);
        let short = &good[..cut.index(good.len())];
        let mut new = pair(CIPHER, EpochLimits::WIRE).0;
        prop_assert!(new.take_over(&mut ByteReader::new(short)).is_none());
        let at = at.index(good.len());
        good[at] = value;
        let mut odd = pair(CIPHER, EpochLimits::WIRE).0;
        if odd.take_over(&mut ByteReader::new(&good)).is_some() {
            let _ = take(&mut odd, &send(&mut client));
            let _ = odd.can_seal();
        }
    }
}

//! The sessions of a shard as bytes, for the process that takes over: addresses, keys, replay windows, times, counters.
//!
//! Little-endian: `u32 shard, u32 shards`, three lists of counters by name (drops, hops, others), the local addresses, `u32 peers`, then the
//! peers, each with its length in front. The bytes hold keys: whoever has them wipes them.

use zeroize::Zeroizing;

use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::command::CommandError;
use crate::data_path::DataPath;
use crate::peer::Peer;
use crate::peer_record::{MAX_PEER_RECORD, decode_peer, encode_peer};
use crate::stats::ShardStats;

/// Why bytes are not the sessions of this shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// They end early, go on too long, or say what cannot be.
    Malformed,
    /// They are another shard's, or of a server with another number of shards.
    ForeignShard,
    /// The peer cannot be added.
    Refused(CommandError),
}

/// Packet ids that a process which takes its sessions back leaves out. The other one began at most 2^20 further on, and
/// what it can have sealed until it was ended is far from the rest.
pub const TAKE_BACK_JUMP: u64 = 1 << 24;

const COUNTERS_ROOM: usize = 8192;

impl DataPath {
    /// All that a data path of another process needs to go on. This one must not seal any more.
    pub fn encode_sessions(&self, now: Millis) -> Zeroizing<Vec<u8>> {
        let context = &self.context;
        // Growing would leave copies of keys behind.
        let room_of = |peer: &Peer| 4 + MAX_PEER_RECORD + peer.keys.windows_len();
        let room = COUNTERS_ROOM + self.sessions.iter().map(room_of).sum::<usize>();
        let mut out = Zeroizing::new(Vec::with_capacity(room));
        out.extend_from_slice(&(context.shard as u32).to_le_bytes());
        out.extend_from_slice(&(context.plane.settings.shards as u32).to_le_bytes());
        encode_stats(&context.stats, &mut out);
        context.plane.local.encode(&mut out);
        out.extend_from_slice(&(self.sessions.len() as u32).to_le_bytes());
        for peer in self.sessions.iter() {
            let at = out.len();
            out.extend_from_slice(&[0; 4]);
            encode_peer(peer, context, now, &mut out);
            let len = (out.len() - at - 4) as u32;
            out[at..at + 4].copy_from_slice(&len.to_le_bytes());
        }
        out
    }

    /// Takes over what `encode_sessions` has written, before the first packet. Their number. After an error the data
    /// path is not to be used.
    pub fn decode_sessions(&mut self, now: Millis, bytes: &[u8]) -> Result<usize, SnapshotError> {
        let mut reader = ByteReader::new(bytes);
        let shard = reader.u32().ok_or(SnapshotError::Malformed)?;
        let shards = reader.u32().ok_or(SnapshotError::Malformed)?;
        let context = &self.context;
        if (shard as usize, shards as usize) != (context.shard, context.plane.settings.shards) {
            return Err(SnapshotError::ForeignShard);
        }
        decode_stats(&context.stats, &mut reader)
            .and_then(|()| context.plane.local.decode(&mut reader))
            .ok_or(SnapshotError::Malformed)?;
        let count = reader.u32().ok_or(SnapshotError::Malformed)?;
        for _ in 0..count {
            let mut record = reader
                .sized()
                .map(ByteReader::new)
                .ok_or(SnapshotError::Malformed)?;
            let peer = decode_peer(&mut record)
                .filter(|_| record.is_empty())
                .ok_or(SnapshotError::Malformed)?;
            self.prepare_room(&peer.command.layers);
            self.sessions
                .restore(now, peer, &self.context)
                .map_err(SnapshotError::Refused)?;
        }
        if reader.is_empty() {
            Ok(count as usize)
        } else {
            Err(SnapshotError::Malformed)
        }
    }

    /// Goes on with sessions that another process may have used meanwhile, and does not any more.
    pub fn take_back(&mut self) {
        for peer in self.sessions.iter_mut() {
            peer.keys.skip_ids(TAKE_BACK_JUMP);
        }
    }
}

fn encode_stats(stats: &ShardStats, out: &mut Vec<u8>) {
    encode_named(stats.drops(), out);
    encode_named(stats.hops(), out);
    encode_named(stats.counters(), out);
}

fn encode_named(named: impl Iterator<Item = (&'static str, u64)>, out: &mut Vec<u8>) {
    let named: Vec<_> = named.filter(|(_, value)| *value != 0).collect();
    out.extend_from_slice(&(named.len() as u32).to_le_bytes());
    for (name, value) in named {
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Counters that this version does not have are left out.
fn decode_stats(stats: &ShardStats, reader: &mut ByteReader) -> Option<()> {
    decode_named(reader, |name, value| stats.restore_drop(name, value))?;
    decode_named(reader, |name, value| stats.restore_hop(name, value))?;
    decode_named(reader, |name, value| stats.restore_counter(name, value))
}

fn decode_named(reader: &mut ByteReader, restore: impl Fn(&[u8], u64)) -> Option<()> {
    for _ in 0..reader.u32()? {
        let name = reader.sized()?;
        restore(name, reader.u64()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::command::{Cipher, DataFormat, Suite};
    use crate::event::DataEvent;
    use crate::packet_ids::ID_JUMP;
    use crate::plane::{Plane, Role};
    use crate::stats::{Counter, DropReason};
    use crate::test_packets::Shape;
    use crate::test_sink::*;
    use crate::wire::{KeyId, PeerId, be32};

    const P: PeerId = PeerId(0);

    fn taken_over(old: &DataPath, now: Millis) -> DataPath {
        let plane = Arc::new(Plane::new(old.context.plane.settings.clone()));
        let mut new = server(&plane, old.context.shard);
        new.decode_sessions(now, &old.encode_sessions(1_000_000))
            .expect("a good snapshot");
        new
    }

    fn to_tun(server: &mut DataPath, from: u16, datagram: &[u8]) -> usize {
        let mut sink = RecordingSink::default();
        server.inbound(0, &path(from), &mut datagram.to_vec(), &mut sink);
        server.flush_inbound(&mut sink);
        sink.tun.len()
    }

    /// A packet from 10.9.0.1 to 10.8.0.2.
    fn to_client(payload: &[u8]) -> Vec<u8> {
        let mut packet = Shape::udp(false, 2).packet(payload);
        let (source, destination) = packet[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
        packet
    }

    fn packet_id(datagram: &[u8], format: DataFormat) -> u32 {
        be32(datagram, if format == DataFormat::V2 { 4 } else { 1 })
    }

    #[test]
    fn traffic_goes_on_both_ways_and_nothing_is_taken_twice() {
        for suite in all_suites() {
            for format in [DataFormat::V1, DataFormat::V2] {
                let (mut old, mut client) = pair(suite, format);
                let packet = Shape::udp(false, 2).packet(b"x");
                let seen = sealed(&mut client, &packet);
                let unseen = sealed(&mut client, &packet);
                assert_eq!(to_tun(&mut old, 4002, &seen), 1);
                let reply = sealed(&mut old, &to_client(b"y"));
                let mut new = taken_over(&old, 5_000);
                assert_eq!(to_tun(&mut new, 4002, &seen), 0);
                assert_eq!(new.stats().drop_count(DropReason::Replayed), 1);
                assert_eq!(to_tun(&mut new, 4002, &unseen), 1);
                let later = sealed(&mut new, &to_client(b"z"));
                if matches!(suite, Suite::Aead(_)) {
                    let (before, after) = (packet_id(&reply, format), packet_id(&later, format));
                    assert_eq!(after, before + 1 + ID_JUMP as u32);
                }
                assert_eq!(to_tun(&mut client, 1194, &reply), 1);
                assert_eq!(to_tun(&mut client, 1194, &later), 1);
            }
        }
    }

    #[test]
    fn counters_and_silence_go_on() {
        let (mut old, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
        to_tun(&mut old, 4002, &datagram);
        to_tun(&mut old, 4002, &datagram);
        let before = old.stats().peers()[0];
        old.touch_peer(990_000, P).unwrap();
        let mut new = taken_over(&old, 2_000_000);
        let after = new.stats().peers()[0];
        assert_eq!(
            (after.bytes_in, after.packets_in),
            (before.bytes_in, before.packets_in)
        );
        assert_eq!(after.last_heard, 1_990_000);
        assert_eq!(new.stats().drop_count(DropReason::Replayed), 1);
        assert_eq!(new.stats().counter(Counter::InboundPackets), 1);
        let mut sink = RecordingSink::default();
        new.handle_timeout(2_049_000, &mut sink);
        assert_eq!(sink.events, []);
        new.handle_timeout(2_051_000, &mut sink);
        assert_eq!(sink.events, [DataEvent::Silent { peer: P }]);
    }

    #[test]
    fn both_keys_and_the_choice_between_them_are_kept() {
        let (mut old, mut client) = pair(Cipher::Aes128Gcm, DataFormat::V2);
        old.install_key(server_key(0, 1, Cipher::Aes128Gcm))
            .unwrap();
        client
            .install_key(client_key(0, 1, Cipher::Aes128Gcm))
            .unwrap();
        let mut new = taken_over(&old, 0);
        let reply = to_client(b"y");
        assert_eq!(sealed(&mut new, &reply)[0] & 7, 0);
        new.use_key(P, KeyId(1)).unwrap();
        assert_eq!(sealed(&mut new, &reply)[0] & 7, 1);
        client.use_key(P, KeyId(1)).unwrap();
        let datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
        assert_eq!(to_tun(&mut new, 4002, &datagram), 1);
    }

    #[test]
    fn a_key_near_its_end_is_reported_again_and_never_repeats_an_id() {
        let last = u64::from(u32::MAX);
        for next_id in [0xff00_0000, last - 1000, last - 1, last, last + 1] {
            let (mut old, mut client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
            let key = old.sessions.peer_mut(P).unwrap().keys.sealing().unwrap();
            key.age_to(next_id);
            key.limit_was_reported();
            let mut new = taken_over(&old, 0);
            let mut sink = RecordingSink::default();
            let reply = to_client(b"y");
            new.outbound(0, &mut plain_frame(&reply), &mut sink);
            if let Some((_, datagram)) = sink.sent.pop() {
                assert!(u64::from(be32(&datagram, 4)) >= next_id, "{next_id:#x}");
            }
            let mut datagram = sealed(&mut client, &Shape::udp(false, 2).packet(b"x"));
            new.inbound(0, &path(4002), &mut datagram, &mut sink);
            let limit = DataEvent::KeyLimit {
                peer: P,
                key: KeyId(0),
            };
            assert_eq!(sink.events, [limit], "{next_id:#x}");
        }
    }

    #[test]
    fn sessions_taken_back_are_further_on_than_the_process_that_had_them() {
        let (mut old, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        let reply = to_client(b"y");
        let mut new = taken_over(&old, 0);
        let theirs = sealed(&mut new, &reply);
        old.take_back();
        let ours = sealed(&mut old, &reply);
        assert_eq!(be32(&ours, 4), 1 + TAKE_BACK_JUMP as u32);
        assert!(be32(&ours, 4) > be32(&theirs, 4) + (1 << 23));
        let key = old.sessions.peer_mut(P).unwrap().keys.sealing().unwrap();
        key.age_to(0xffff_fff0);
        old.take_back();
        let mut sink = RecordingSink::default();
        old.outbound(0, &mut plain_frame(&reply), &mut sink);
        assert_eq!(sink.sent.len(), 0);
    }

    #[test]
    fn what_belongs_to_somebody_else_by_now_stays_theirs() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let (mut first, mut second) = (server(&plane, 0), server(&plane, 1));
        first.add_peer(0, peer(0, 2, DataFormat::V2)).unwrap();
        second.add_peer(0, peer(1, 2, DataFormat::V2)).unwrap();
        let plane = Arc::new(Plane::new(settings(Role::Server, 2)));
        let (mut third, mut fourth) = (server(&plane, 1), server(&plane, 0));
        third
            .decode_sessions(0, &second.encode_sessions(0))
            .unwrap();
        fourth
            .decode_sessions(0, &first.encode_sessions(0))
            .unwrap();
        assert_eq!(plane.addresses.find(&path(4002)), Some(PeerId(1)));
        assert_eq!(plane.routes.find_v4([10, 8, 0, 2].into()), Some(PeerId(1)));
        let v6 = [0xfd00, 0, 0, 0, 0, 0, 0, 2].into();
        assert_eq!(plane.routes.find_v6(v6), Some(PeerId(1)));
        assert_eq!(
            third.decode_sessions(0, &first.encode_sessions(0)),
            Err(SnapshotError::ForeignShard)
        );
        assert_eq!(
            fourth.decode_sessions(0, &first.encode_sessions(0)),
            Err(SnapshotError::Refused(CommandError::DuplicatePeer))
        );
    }

    #[test]
    fn a_thousand_sessions_fit_the_room_that_was_taken() {
        let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
        let mut old = server(&plane, 0);
        for id in 0..1000 {
            let mut command = peer(id, 2, DataFormat::V2);
            command.path.addr = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, id as u16], 1194).into();
            old.add_peer(0, command).unwrap();
            for key in 0..2 {
                old.install_key(server_key(id, key, Cipher::Aes256Gcm))
                    .unwrap();
            }
        }
        let bytes = old.encode_sessions(0);
        let windows = old.sessions.iter().map(|peer| peer.keys.windows_len());
        let room = COUNTERS_ROOM + 1000 * (4 + MAX_PEER_RECORD) + windows.sum::<usize>();
        assert!(bytes.len() < room - COUNTERS_ROOM);
        assert_eq!(bytes.capacity(), room);
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_refused_or_taken_and_never_a_fault(
            cut in any::<proptest::sample::Index>(),
            at in any::<proptest::sample::Index>(),
            value in any::<u8>(),
        ) {
            let (old, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
            let good = old.encode_sessions(0);
            let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
            let short = &good[..cut.index(good.len())];
            prop_assert!(server(&plane, 0).decode_sessions(0, short).is_err());
            let mut odd = good.to_vec();
            odd[at.index(good.len())] = value;
            let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
            let _ = server(&plane, 0).decode_sessions(0, &odd);
            let mut long = good.to_vec();
            long.push(0);
            let plane = Arc::new(Plane::new(settings(Role::Server, 1)));
            prop_assert_eq!(
                server(&plane, 0).decode_sessions(0, &long),
                Err(SnapshotError::Malformed)
            );
        }
    }
}

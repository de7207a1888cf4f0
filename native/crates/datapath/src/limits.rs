use crate::Millis;
use crate::byte_reader::ByteReader;
use crate::replay::ReplayTolerance;
use crate::stats::Counter;

/// What is watched over for one peer. 0 = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerLimits {
    /// Of one key, both directions together. [wire 17]
    pub reneg_bytes: u64,
    pub reneg_packets: u64,
    /// Less inner traffic than so many bytes (0: none) in so many seconds is reported. [wire 13]
    pub inactive_bytes: u64,
    pub inactive_s: u32,
    pub replay: ReplayTolerance,
}

impl PeerLimits {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.reneg_bytes, self.reneg_packets, self.inactive_bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.inactive_s, self.replay.size, self.replay.seconds] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(crate) fn decode(reader: &mut ByteReader) -> Option<PeerLimits> {
        Some(PeerLimits {
            reneg_bytes: reader.u64()?,
            reneg_packets: reader.u64()?,
            inactive_bytes: reader.u64()?,
            inactive_s: reader.u32()?,
            replay: ReplayTolerance::decode(reader)?,
        })
    }
}

/// Why a key is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyLimit {
    /// Packet ids, blocks or forgeries. [wire 12.1]
    Wear,
    Bytes,
    Packets,
}

impl KeyLimit {
    pub fn counter(self) -> Counter {
        match self {
            KeyLimit::Wear => Counter::KeysWorn,
            KeyLimit::Bytes => Counter::KeysFullOfBytes,
            KeyLimit::Packets => Counter::KeysFullOfPackets,
        }
    }
}

/// What a key has carried, both directions together: UDP payloads, pings included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyTraffic {
    bytes: u64,
    packets: u64,
}

impl KeyTraffic {
    pub fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.packets = self.packets.saturating_add(1);
    }

    pub fn limit(&self, limits: &PeerLimits) -> Option<KeyLimit> {
        let PeerLimits {
            reneg_bytes,
            reneg_packets,
            ..
        } = *limits;
        if reneg_bytes != 0 && self.bytes >= reneg_bytes {
            Some(KeyLimit::Bytes)
        } else if reneg_packets != 0 && self.packets >= reneg_packets {
            Some(KeyLimit::Packets)
        } else {
            None
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.extend_from_slice(&self.packets.to_le_bytes());
    }

    pub fn decode(reader: &mut ByteReader) -> Option<KeyTraffic> {
        Some(KeyTraffic {
            bytes: reader.u64()?,
            packets: reader.u64()?,
        })
    }
}

/// Inner traffic of a peer, as far as `inactive` wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// 0 = nobody wants to know.
    period: Millis,
    enough: u64,
    /// When there was enough, or the lack of it was reported.
    since: Millis,
    bytes: u64,
}

impl Activity {
    pub fn new(now: Millis, limits: &PeerLimits) -> Activity {
        Activity {
            period: Millis::from(limits.inactive_s) * 1000,
            enough: limits.inactive_bytes,
            since: now,
            bytes: 0,
        }
    }

    /// Inner packets went through, either way.
    pub fn note(&mut self, now: Millis, bytes: usize) {
        if self.period == 0 {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes >= self.enough {
            self.since = now;
            self.bytes = 0;
        }
    }

    /// True once per period without enough.
    pub fn lack_due(&mut self, now: Millis) -> bool {
        let due = self.next_timer().is_some_and(|at| now >= at);
        if due {
            self.since = now;
            self.bytes = 0;
        }
        due
    }

    pub fn next_timer(&self) -> Option<Millis> {
        (self.period != 0).then(|| self.since + self.period)
    }

    /// Age of the period under way, and its bytes.
    pub fn encode(&self, now: Millis, out: &mut Vec<u8>) {
        out.extend_from_slice(&now.saturating_sub(self.since).to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
    }

    /// Goes on with a period that began `age` ago.
    pub fn resume(&mut self, now: Millis, age: Millis, bytes: u64) {
        self.since = now.saturating_sub(age);
        self.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::command::{Cipher, DataFormat};
    use crate::data_path::DataPath;
    use crate::event::DataEvent;
    use crate::plane::Plane;
    use crate::stats::DropReason;
    use crate::test_packets::Shape;
    use crate::test_sink::*;
    use crate::wire::{KeyId, PeerId};

    #[test]
    fn bytes_and_packets_are_64_bit_and_the_first_limit_reached_is_named() {
        let mut traffic = KeyTraffic::default();
        let limits = PeerLimits {
            reneg_bytes: 1 << 40,
            reneg_packets: 3,
            ..PeerLimits::default()
        };
        assert_eq!(traffic.limit(&PeerLimits::default()), None);
        traffic.count(1000);
        traffic.count(1000);
        assert_eq!(traffic.limit(&limits), None);
        traffic.count(1000);
        assert_eq!(traffic.limit(&limits), Some(KeyLimit::Packets));
        traffic.count(1 << 40);
        assert_eq!(traffic.limit(&limits), Some(KeyLimit::Bytes));
        traffic.count(usize::MAX);
        assert_eq!(traffic.limit(&limits), Some(KeyLimit::Bytes));
        assert_eq!(traffic.limit(&PeerLimits::default()), None);
    }

    #[test]
    fn enough_traffic_starts_the_period_anew() {
        let limits = PeerLimits {
            inactive_s: 10,
            inactive_bytes: 100,
            ..PeerLimits::default()
        };
        let mut activity = Activity::new(0, &limits);
        activity.note(4_000, 99);
        assert_eq!(activity.next_timer(), Some(10_000));
        activity.note(5_000, 1);
        assert_eq!(activity.next_timer(), Some(15_000));
        activity.note(6_000, 99);
        assert!(!activity.lack_due(14_999));
        assert!(activity.lack_due(15_000));
        assert!(!activity.lack_due(15_001));
        activity.note(20_000, 99);
        assert!(activity.lack_due(25_000));
        let any = PeerLimits {
            inactive_bytes: 0,
            ..limits
        };
        let mut activity = Activity::new(0, &any);
        activity.note(9_000, 0);
        assert_eq!(activity.next_timer(), Some(19_000));
        let mut never = Activity::new(0, &PeerLimits::default());
        never.note(1, 1);
        assert_eq!(never.next_timer(), None);
        assert!(!never.lack_due(u64::MAX));
    }

    const P: PeerId = PeerId(0);

    fn limited(limits: PeerLimits) -> (DataPath, DataPath) {
        let (mut server, client) = pair(Cipher::Aes256Gcm, DataFormat::V2);
        server.retire_key(P, KeyId(0)).unwrap();
        server.limit_peer(0, P, limits).unwrap();
        server
            .install_key(server_key(0, 0, Cipher::Aes256Gcm))
            .unwrap();
        (server, client)
    }

    fn packet() -> Vec<u8> {
        Shape::udp(false, 2).packet(b"x")
    }

    /// A packet of the client's to the server, and what that reports.
    fn up(server: &mut DataPath, client: &mut DataPath, now: Millis) -> Vec<DataEvent> {
        let mut sink = RecordingSink::default();
        let mut datagram = sealed(client, &packet());
        server.inbound(now, &path(4002), &mut datagram, &mut sink);
        server.flush_inbound(&mut sink);
        assert_eq!(sink.tun.len(), 1);
        sink.events
    }

    fn down(server: &mut DataPath, now: Millis) -> Vec<DataEvent> {
        let mut sink = RecordingSink::default();
        let mut packet = packet();
        let (source, destination) = packet[12..20].split_at_mut(4);
        source.swap_with_slice(destination);
        server.outbound(now, &mut plain_frame(&packet), &mut sink);
        assert_eq!(sink.sent.len(), 1);
        sink.events
    }

    #[test]
    fn a_key_is_full_of_packets_of_both_directions_and_says_so_once() {
        let (mut server, mut client) = limited(PeerLimits {
            reneg_packets: 3,
            ..PeerLimits::default()
        });
        let full = DataEvent::KeyLimit {
            peer: P,
            key: KeyId(0),
        };
        assert_eq!(up(&mut server, &mut client, 0), []);
        assert_eq!(down(&mut server, 0), []);
        assert_eq!(up(&mut server, &mut client, 0), [full]);
        assert_eq!(down(&mut server, 0), []);
        assert_eq!(server.stats().counter(Counter::KeysFullOfPackets), 1);
        assert_eq!(server.stats().counter(Counter::KeysFullOfBytes), 0);
    }

    #[test]
    fn bytes_are_those_of_the_datagrams_and_each_key_has_its_own() {
        let (mut server, mut client) = limited(PeerLimits::default());
        let len = sealed(&mut client, &packet()).len() as u64;
        let limits = PeerLimits {
            reneg_bytes: 2 * len,
            ..PeerLimits::default()
        };
        server.limit_peer(0, P, limits).unwrap();
        for key in [1, 2] {
            let install = server_key(0, key, Cipher::Aes256Gcm);
            server.install_key(install).unwrap();
            server.use_key(P, KeyId(key)).unwrap();
            assert_eq!(down(&mut server, 0), []);
            let key = KeyId(key);
            assert_eq!(down(&mut server, 0), [DataEvent::KeyLimit { peer: P, key }]);
        }
        assert_eq!(server.stats().counter(Counter::KeysFullOfBytes), 2);
    }

    #[test]
    fn pings_are_no_activity_and_packets_either_way_are() {
        let (mut server, mut client) = limited(PeerLimits {
            inactive_s: 30,
            ..PeerLimits::default()
        });
        let inactive = DataEvent::Inactive { peer: P };
        let mut reported = Vec::new();
        for second in 1..=120u64 {
            let now = second * 1000;
            let mut sink = RecordingSink::default();
            client.handle_timeout(now, &mut sink);
            for (_, ping) in std::mem::take(&mut sink.sent) {
                server.inbound(now, &path(4002), &mut ping.clone(), &mut sink);
            }
            match second {
                20 => assert_eq!(up(&mut server, &mut client, now), []),
                40 => assert_eq!(down(&mut server, now), []),
                _ => {}
            }
            sink.events.clear();
            server.handle_timeout(now, &mut sink);
            reported.extend(
                sink.events
                    .iter()
                    .filter(|event| **event == inactive)
                    .map(|_| second),
            );
        }
        assert_eq!(reported, [70, 100]);
        assert!(server.stats().counter(Counter::PingsReceived) > 3);
    }

    #[test]
    fn a_window_of_one_takes_nothing_out_of_order() {
        let (mut server, mut client) = limited(PeerLimits {
            replay: ReplayTolerance {
                size: 1,
                seconds: 0,
            },
            ..PeerLimits::default()
        });
        let mut late = sealed(&mut client, &packet());
        up(&mut server, &mut client, 0);
        server.inbound(0, &path(4002), &mut late, &mut RecordingSink::default());
        assert_eq!(server.stats().drop_count(DropReason::TooOld), 1);
    }

    #[test]
    fn a_packet_that_comes_seconds_late_is_too_old() {
        let (mut server, mut client) = limited(PeerLimits::default());
        let mut late = sealed(&mut client, &packet());
        let mut later = sealed(&mut client, &packet());
        up(&mut server, &mut client, 1_000);
        server.inbound(
            15_000,
            &path(4002),
            &mut late,
            &mut RecordingSink::default(),
        );
        assert_eq!(server.stats().drop_count(DropReason::TooOld), 0);
        server.inbound(
            20_000,
            &path(4002),
            &mut later,
            &mut RecordingSink::default(),
        );
        assert_eq!(server.stats().drop_count(DropReason::TooOld), 1);
    }

    #[test]
    fn the_next_process_goes_on_counting() {
        let limits = PeerLimits {
            reneg_bytes: 1 << 50,
            // One before, the ping that is due after, and one more.
            reneg_packets: 3,
            inactive_bytes: 200,
            inactive_s: 30,
            replay: ReplayTolerance {
                size: 65_536,
                seconds: 60,
            },
        };
        let (mut old, mut client) = limited(limits);
        up(&mut old, &mut client, 50_000);
        let plane = Arc::new(Plane::new(old.context.plane.settings.clone()));
        let mut new = server(&plane, 0);
        let bytes = old.encode_sessions(60_000);
        new.decode_sessions(1_000_000, &bytes).unwrap();
        assert_eq!(new.sessions.peer_mut(P).unwrap().limits, limits);
        assert_eq!(new.encode_sessions(1_000_000).len(), bytes.len());
        let mut sink = RecordingSink::default();
        // The period began at 0: what has come since was not enough.
        new.handle_timeout(1_001_000, &mut sink);
        assert_eq!(sink.events, [DataEvent::Inactive { peer: P }]);
        assert_eq!(up(&mut new, &mut client, 1_000_000).len(), 1);
    }
}

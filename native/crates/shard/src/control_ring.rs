//! Records of the two control rings of a shard, as docs/internal/rings/design.md lays them out.

use std::net::{Ipv4Addr, Ipv6Addr};

use datapath::{
    AddPeer, AdmissionOrder, DataEvent, DataFormat, Digest, Direction, DirectionKey, Framing,
    InstallKey, KeyId, LayerOptions, PeerAddr, PeerId, PeerLimits, ReplayTolerance, STATIC_KEY_LEN,
    Suite, UpdatePeer, WrapKey,
};

use crate::address_record::{ADDRESS_LEN, decode_address, encode_address};

/// Kind of a DATAGRAM record to the worker: address, then the packet.
pub const DATAGRAM: u32 = 1;

/// One record from the worker.
pub enum Command<'a> {
    Transmit {
        to: PeerAddr,
        packet: &'a [u8],
    },
    AddPeer(AddPeer),
    InstallKey(InstallKey),
    UseKey(PeerId, KeyId),
    RetireKey(PeerId, KeyId),
    TouchPeer(PeerId),
    RemovePeer(PeerId),
    NotifyExit(PeerId),
    UpdatePeer(UpdatePeer),
    LimitPeer(PeerId, PeerLimits),
    /// What waits to be written goes out before.
    CloseConnection(PeerAddr),
    /// None: the worker wants to see every first packet itself.
    AdmitBy(Option<AdmissionOrder>),
}

/// Decodes a record from the worker; `None` when it makes no sense.
pub fn decode_command(kind: u32, payload: &[u8]) -> Option<Command<'_>> {
    if kind == 1 {
        let (address, packet) = payload.split_first_chunk::<ADDRESS_LEN>()?;
        return Some(Command::Transmit {
            to: decode_address(address)?,
            packet,
        });
    }
    if kind == 16 {
        return Some(Command::CloseConnection(decode_address(chunk(
            payload, 0,
        )?)?));
    }
    if kind == 17 {
        return decode_admission(payload).map(Command::AdmitBy);
    }
    let peer = PeerId(word(payload, 0)?);
    match kind {
        2 => Some(Command::AddPeer(decode_add_peer(peer, payload)?)),
        3 => Some(Command::InstallKey(decode_install_key(peer, payload)?)),
        4 => Some(Command::UseKey(peer, decode_key_id(word(payload, 4)?)?)),
        5 => Some(Command::RetireKey(peer, decode_key_id(word(payload, 4)?)?)),
        6 => Some(Command::TouchPeer(peer)),
        7 => Some(Command::RemovePeer(peer)),
        8 => Some(Command::NotifyExit(peer)),
        9 => Some(Command::UpdatePeer(decode_update_peer(peer, payload)?)),
        10 => Some(Command::LimitPeer(peer, decode_limits(payload)?)),
        _ => None,
    }
}

/// True for the record that has to be erased once it was carried out.
pub fn holds_secrets(kind: u32) -> bool {
    matches!(kind, 3 | 17)
}

/// An event for the worker: the record's kind, and its payload in the first bytes of `into`.
pub fn encode_event<'a>(event: &DataEvent, into: &'a mut [u8; EVENT_LEN]) -> (u32, &'a [u8]) {
    let mut put = |at: usize, value: u32| into[at..at + 4].copy_from_slice(&value.to_le_bytes());
    let (kind, len) = match *event {
        DataEvent::Floated { peer, path } => {
            put(0, peer.0);
            put(4, 0);
            into[8..].copy_from_slice(&encode_address(&path));
            (2, EVENT_LEN)
        }
        DataEvent::FloatConflict { peer, holder, path } => {
            put(0, peer.0);
            put(4, holder.0);
            into[8..].copy_from_slice(&encode_address(&path));
            (3, EVENT_LEN)
        }
        DataEvent::Exit { peer } => {
            put(0, peer.0);
            (4, 4)
        }
        DataEvent::KeyLimit { peer, key } => {
            put(0, peer.0);
            put(4, u32::from(key.0));
            (5, 8)
        }
        DataEvent::Silent { peer } => {
            put(0, peer.0);
            (6, 4)
        }
        DataEvent::Inactive { peer } => {
            put(0, peer.0);
            (8, 4)
        }
        DataEvent::Closed { path } => {
            put(0, 0);
            put(4, 0);
            into[8..].copy_from_slice(&encode_address(&path));
            (16, EVENT_LEN)
        }
        DataEvent::RateLimited { path } => {
            put(0, 0);
            put(4, 0);
            into[8..].copy_from_slice(&encode_address(&path));
            (17, EVENT_LEN)
        }
        DataEvent::Reset => {
            put(0, 0);
            (7, 4)
        }
    };
    (kind, &into[..len])
}

/// Longest event: two words and an address.
pub const EVENT_LEN: usize = 8 + ADDRESS_LEN;

const FLAG_DATA_V2: u32 = 1;
const FLAG_IPV4: u32 = 2;
const FLAG_IPV6: u32 = 4;
const FLAG_COMPRESS: u32 = 1 << 11;
const FLAG_FRAGMENT_COUNTS_HEADERS: u32 = 1 << 12;
/// Three bits of the flags.
const FRAMING_SHIFT: u32 = 8;
/// The upper half of the flags.
const FRAGMENT_SHIFT: u32 = 16;

fn decode_add_peer(peer: PeerId, payload: &[u8]) -> Option<AddPeer> {
    let flags = word(payload, 4)?;
    let ipv4 = Ipv4Addr::from(*chunk::<4>(payload, 32)?);
    let ipv6 = Ipv6Addr::from(*chunk::<16>(payload, 40)?);
    Some(AddPeer {
        peer,
        path: decode_address(chunk(payload, 8)?)?,
        format: if flags & FLAG_DATA_V2 != 0 {
            DataFormat::V2
        } else {
            DataFormat::V1
        },
        ipv4: (flags & FLAG_IPV4 != 0).then_some(ipv4),
        ipv6: (flags & FLAG_IPV6 != 0).then_some(ipv6),
        ping_interval_s: u16::from_le_bytes(*chunk(payload, 36)?),
        ping_timeout_s: u16::from_le_bytes(*chunk(payload, 38)?),
        layers: decode_layers(flags)?,
    })
}

fn decode_layers(flags: u32) -> Option<LayerOptions> {
    let framing = match flags >> FRAMING_SHIFT & 7 {
        0 => None,
        number => Some(Framing::from_number(number as u8)?),
    };
    Some(LayerOptions {
        framing,
        compress: flags & FLAG_COMPRESS != 0,
        fragment: (flags >> FRAGMENT_SHIFT) as u16,
        fragment_counts_headers: flags & FLAG_FRAGMENT_COUNTS_HEADERS != 0,
    })
}

fn decode_update_peer(peer: PeerId, payload: &[u8]) -> Option<UpdatePeer> {
    let flags = word(payload, 4)?;
    let ipv4 = Ipv4Addr::from(*chunk::<4>(payload, 8)?);
    let ipv6 = Ipv6Addr::from(*chunk::<16>(payload, 16)?);
    Some(UpdatePeer {
        peer,
        ipv4: (flags & FLAG_IPV4 != 0).then_some(ipv4),
        ipv6: (flags & FLAG_IPV6 != 0).then_some(ipv6),
        ping_interval_s: decode_time(payload, 12)?,
        ping_timeout_s: decode_time(payload, 14)?,
    })
}

/// `Some(None)`: as it is.
fn decode_time(payload: &[u8], at: usize) -> Option<Option<u16>> {
    let seconds = u16::from_le_bytes(*chunk(payload, at)?);
    Some((seconds != AS_IT_IS).then_some(seconds))
}

const AS_IT_IS: u16 = u16::MAX;

/// Leaves the size of the replay window to us.
const OWN_WINDOW: u32 = u32::MAX;

fn decode_limits(payload: &[u8]) -> Option<PeerLimits> {
    let long = |at: usize| chunk(payload, at).map(|bytes| u64::from_le_bytes(*bytes));
    let replay = match word(payload, 4)? {
        OWN_WINDOW => ReplayTolerance::default(),
        size if size > ReplayTolerance::LARGEST => return None,
        size => ReplayTolerance {
            size,
            seconds: word(payload, 36)?,
        },
    };
    Some(PeerLimits {
        reneg_bytes: long(8)?,
        reneg_packets: long(16)?,
        inactive_bytes: long(24)?,
        inactive_s: word(payload, 32)?,
        replay,
    })
}

fn decode_install_key(peer: PeerId, payload: &[u8]) -> Option<InstallKey> {
    let [key_id, cipher, digest, format] = *chunk(payload, 4)?;
    Some(InstallKey {
        peer,
        key_id: decode_key_id(u32::from(key_id))?,
        suite: Suite::from_numbers([format, cipher, digest])?,
        seal: DirectionKey {
            cipher: *chunk(payload, 8)?,
            hmac: *chunk(payload, 72)?,
        },
        open: DirectionKey {
            cipher: *chunk(payload, 136)?,
            hmac: *chunk(payload, 200)?,
        },
    })
}

fn decode_admission(payload: &[u8]) -> Option<Option<AdmissionOrder>> {
    let flags = word(payload, 0)?;
    if flags & FLAG_ADMITS == 0 {
        return Some(None);
    }
    let client_keys = *chunk(payload, 312)?;
    Some(Some(AdmissionOrder {
        wrap: decode_wrap_key(*chunk(payload, 4)?, *chunk(payload, 56)?)?,
        client_keys: (flags & FLAG_CLIENT_KEYS != 0).then_some(client_keys),
        slot_seconds: word(payload, 8)?,
        limit_count: word(payload, 12)?,
        limit_seconds: word(payload, 16)?,
        unix_seconds: word(payload, 20)?,
        cookie_key: *chunk(payload, 24)?,
    }))
}

const FLAG_ADMITS: u32 = 1;
const FLAG_CLIENT_KEYS: u32 = 2;

/// `numbers`: wrapping, key-direction, digest.
fn decode_wrap_key(numbers: [u8; 3], key: [u8; STATIC_KEY_LEN]) -> Option<WrapKey> {
    let [wrap, direction, digest] = numbers;
    match wrap {
        0 => Some(WrapKey::None),
        1 => Some(WrapKey::TlsAuth {
            key,
            direction: match direction {
                0 => Some(Direction::Normal),
                1 => Some(Direction::Inverse),
                2 => None,
                _ => return None,
            },
            digest: Digest::from_number(digest)?,
        }),
        2 => Some(WrapKey::TlsCrypt { key }),
        _ => None,
    }
}

/// 3 bits. [wire 17]
fn decode_key_id(number: u32) -> Option<KeyId> {
    (number < 8).then_some(KeyId(number as u8))
}

fn word(payload: &[u8], at: usize) -> Option<u32> {
    chunk(payload, at).map(|bytes| u32::from_le_bytes(*bytes))
}

fn chunk<const N: usize>(payload: &[u8], at: usize) -> Option<&[u8; N]> {
    payload.get(at..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use datapath::Cipher;
    use proptest::prelude::*;

    use super::*;

    fn path() -> PeerAddr {
        PeerAddr {
            listener: 1,
            addr: "192.0.2.9:5000".parse().expect("address"),
        }
    }

    #[test]
    fn add_peer_has_the_documented_layout() {
        let mut payload = [7u32.to_le_bytes(), 3u32.to_le_bytes()].concat();
        payload.extend(encode_address(&path()));
        payload.extend([10, 8, 0, 2, 10, 0, 120, 0]);
        payload.extend([0xfd; 16]);
        let Some(Command::AddPeer(add)) = decode_command(2, &payload) else {
            panic!("no ADD_PEER")
        };
        assert_eq!(
            (add.peer, add.path, add.format),
            (PeerId(7), path(), DataFormat::V2)
        );
        assert_eq!(
            (add.ipv4, add.ipv6),
            (Some(Ipv4Addr::new(10, 8, 0, 2)), None)
        );
        assert_eq!((add.ping_interval_s, add.ping_timeout_s), (10, 120));
        assert_eq!(add.layers, LayerOptions::default());
        payload[4..8].copy_from_slice(&0x04b0_1b03u32.to_le_bytes());
        let Some(Command::AddPeer(add)) = decode_command(2, &payload) else {
            panic!("no ADD_PEER")
        };
        let layers = LayerOptions {
            framing: Some(Framing::Lz4),
            compress: true,
            fragment: 1200,
            fragment_counts_headers: true,
        };
        assert_eq!(add.layers, layers);
        payload[5] = 7;
        assert!(decode_command(2, &payload).is_none());
        payload[5] = 0;
        assert!(decode_command(2, &payload[..55]).is_none());
    }

    #[test]
    fn update_peer_has_the_documented_layout() {
        let mut payload = [7u32.to_le_bytes(), 4u32.to_le_bytes()].concat();
        payload.extend([10, 8, 0, 2, 10, 0, 120, 0]);
        payload.extend([0xfd; 16]);
        let Some(Command::UpdatePeer(update)) = decode_command(9, &payload) else {
            panic!("no UPDATE_PEER")
        };
        let ipv6 = Ipv6Addr::from([0xfd; 16]);
        assert_eq!(
            (update.peer, update.ipv4, update.ipv6),
            (PeerId(7), None, Some(ipv6))
        );
        let times = (update.ping_interval_s, update.ping_timeout_s);
        assert_eq!(times, (Some(10), Some(120)));
        assert!(decode_command(9, &payload[..31]).is_none());
        payload[12..16].fill(0xff);
        let Some(Command::UpdatePeer(update)) = decode_command(9, &payload) else {
            panic!("no UPDATE_PEER")
        };
        let times = (update.ping_interval_s, update.ping_timeout_s);
        assert_eq!(times, (None, None));
    }

    #[test]
    fn install_key_has_the_documented_layout() {
        let mut payload = vec![7, 0, 0, 0, 5, 4, 0, 1];
        for slot in 1..5 {
            payload.extend([slot; 64]);
        }
        let Some(Command::InstallKey(key)) = decode_command(3, &payload) else {
            panic!("no INSTALL_KEY")
        };
        let suite = Suite::Aead(Cipher::ChaCha20Poly1305);
        assert_eq!((key.key_id, key.suite), (KeyId(5), suite));
        assert_eq!((key.seal.cipher, key.seal.hmac), ([1; 64], [2; 64]));
        assert_eq!((key.open.cipher, key.open.hmac), ([3; 64], [4; 64]));
        assert!(decode_command(3, &payload[..263]).is_none());
        for at in 5..8 {
            let mut odd = payload.clone();
            odd[at] = 99;
            assert!(decode_command(3, &odd).is_none());
        }
    }

    #[test]
    fn limits_have_the_documented_layout() {
        let mut payload = [7u32.to_le_bytes(), 4096u32.to_le_bytes()].concat();
        for long in [1u64 << 40, 9, 1 << 33] {
            payload.extend(long.to_le_bytes());
        }
        payload.extend([600u32.to_le_bytes(), 30u32.to_le_bytes()].concat());
        let expected = PeerLimits {
            reneg_bytes: 1 << 40,
            reneg_packets: 9,
            inactive_bytes: 1 << 33,
            inactive_s: 600,
            replay: ReplayTolerance {
                size: 4096,
                seconds: 30,
            },
        };
        let Some(Command::LimitPeer(PeerId(7), limits)) = decode_command(10, &payload) else {
            panic!("no LIMIT_PEER")
        };
        assert_eq!(limits, expected);
        payload[4..8].fill(0xff);
        let Some(Command::LimitPeer(_, limits)) = decode_command(10, &payload) else {
            panic!("no LIMIT_PEER")
        };
        assert_eq!(limits.replay, ReplayTolerance::default());
        payload[4..8].copy_from_slice(&65_537u32.to_le_bytes());
        assert!(decode_command(10, &payload).is_none());
        assert!(decode_command(10, &payload[..39]).is_none());
    }

    #[test]
    fn admission_has_the_documented_layout() {
        assert!(matches!(
            decode_command(17, &[0; 440]),
            Some(Command::AdmitBy(None))
        ));
        let mut payload = vec![3, 0, 0, 0, 1, 2, 5, 0];
        for number in [30u32, 100, 10, 1_700_000_000] {
            payload.extend(number.to_le_bytes());
        }
        payload.extend([&[0xcc; 32][..], &[0xaa; 256], &[0xbb; 128]].concat());
        let Some(Command::AdmitBy(Some(order))) = decode_command(17, &payload) else {
            panic!("no ADMIT_BY")
        };
        assert_eq!(
            (order.cookie_key, order.client_keys),
            ([0xcc; 32], Some([0xbb; 128]))
        );
        assert_eq!(
            (order.slot_seconds, order.unix_seconds),
            (30, 1_700_000_000)
        );
        assert_eq!((order.limit_count, order.limit_seconds), (100, 10));
        let WrapKey::TlsAuth {
            key,
            direction,
            digest,
        } = &order.wrap
        else {
            panic!("no tls-auth")
        };
        assert_eq!(
            (key, direction, digest),
            (&[0xaa; 256], &None, &Digest::Sha512)
        );
        assert!(decode_command(17, &payload[..439]).is_none());
        payload[4] = 9;
        assert!(decode_command(17, &payload).is_none());
    }

    #[test]
    fn events_have_the_documented_layout() {
        let mut buffer = [0xff; EVENT_LEN];
        let (kind, bytes) = encode_event(
            &DataEvent::Floated {
                peer: PeerId(5),
                path: path(),
            },
            &mut buffer,
        );
        assert_eq!(
            (kind, &bytes[..8], &bytes[8..]),
            (
                2,
                &[5, 0, 0, 0, 0, 0, 0, 0][..],
                &encode_address(&path())[..]
            )
        );
        let (kind, bytes) = encode_event(
            &DataEvent::KeyLimit {
                peer: PeerId(5),
                key: KeyId(2),
            },
            &mut buffer,
        );
        assert_eq!((kind, bytes), (5, &[5, 0, 0, 0, 2, 0, 0, 0][..]));
        let (kind, bytes) = encode_event(&DataEvent::Closed { path: path() }, &mut buffer);
        assert_eq!(
            (kind, &bytes[..8], &bytes[8..]),
            (16, &[0; 8][..], &encode_address(&path())[..])
        );
        let record = encode_address(&path());
        let close = decode_command(16, &record);
        assert!(matches!(close, Some(Command::CloseConnection(to)) if to == path()));
        let (kind, bytes) = encode_event(&DataEvent::Silent { peer: PeerId(5) }, &mut buffer);
        assert_eq!((kind, bytes), (6, &[5, 0, 0, 0][..]));
        let (kind, bytes) = encode_event(&DataEvent::Inactive { peer: PeerId(5) }, &mut buffer);
        assert_eq!((kind, bytes), (8, &[5, 0, 0, 0][..]));
    }

    proptest! {
        #[test]
        fn any_record_is_decoded_or_refused(kind in 0..20u32, payload in prop::collection::vec(any::<u8>(), 0..120)) {
            decode_command(kind, &payload);
        }
    }
}

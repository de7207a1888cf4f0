use crate::plane::Role;
use crate::stats::DropReason;

/// 24-bit number of a client; it lives on shard `peer-id mod shards`. [wire 16]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u32);

impl PeerId {
    /// "No peer-id": such a DATA_V2 packet is looked up by address. [wire 16]
    pub const NONE: PeerId = PeerId(0xff_ffff);

    pub fn shard(self, shards: usize) -> usize {
        self.0 as usize % shards
    }
}

/// 3-bit number of a key generation. [wire 17]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub u8);

pub const TAG_LEN: usize = 16;
pub const PACKET_ID_LEN: usize = 4;

/// What lies between header and ciphertext in AEAD v1: packet id and tag. [wire 12.1]
pub const AEAD_LEAD: usize = PACKET_ID_LEN + TAG_LEN;

/// What a packet of the epoch format has beside header and ciphertext: epoch and counter before it, the tag after it.
/// [wire 12.2]
pub const EPOCH_OVERHEAD: usize = 8 + TAG_LEN;

/// Shorter bodies exist in no format; what a key's own format needs is its own business. [wire 12]
const MIN_BODY_LEN: usize = PACKET_ID_LEN + 1;

/// The payload of a ping, whole. [wire 13]
pub const PING: [u8; 16] = [
    0x2a, 0x18, 0x7b, 0xf3, 0x64, 0x1e, 0xb4, 0xcb, 0x07, 0xed, 0x2d, 0x0a, 0x98, 0x1f, 0xc7, 0x48,
];

/// Prefix of an in-band OCC message; one op byte follows. [wire 13]
pub const OCC_MAGIC: [u8; 16] = [
    0x28, 0x7f, 0x34, 0x6b, 0xd4, 0xef, 0x7a, 0x81, 0x2d, 0x56, 0xb8, 0xd3, 0xaf, 0xc5, 0x45, 0x9c,
];
/// The op byte of a peer that leaves.
pub const OCC_EXIT: u8 = 6;

pub const OP_SOFT_RESET: u8 = 3;
pub const OP_CONTROL: u8 = 4;
pub const OP_ACK: u8 = 5;
const OP_DATA_V1: u8 = 6;
pub const OP_HARD_RESET_CLIENT_V2: u8 = 7;
pub const OP_HARD_RESET_SERVER_V2: u8 = 8;
const OP_DATA_V2: u8 = 9;
pub const OP_HARD_RESET_CLIENT_V3: u8 = 10;
pub const OP_CONTROL_WKC: u8 = 11;

/// The smallest control packet is a reset without wrapping: opcode, session id, no acks, message id. [wire 2]
pub const MIN_CONTROL_LEN: usize = 14;

/// What a datagram is, by its first byte and its length. Nothing looks at the raw header again to decide that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    DataV1 {
        key: KeyId,
    },
    DataV2 {
        key: KeyId,
        peer: PeerId,
    },
    /// `owner_key mod shards` is the shard that talks to this client: the first half of its session id.
    Control {
        owner_key: u32,
    },
    Drop(DropReason),
}

/// Classifies a datagram; any bytes are fine. [wire 1]
pub fn classify(datagram: &[u8], role: Role) -> Datagram {
    let Some(&first) = datagram.first() else {
        return Datagram::Drop(DropReason::Truncated);
    };
    let key = KeyId(first & 7);
    match first >> 3 {
        OP_DATA_V2 if datagram.len() >= 4 + MIN_BODY_LEN => Datagram::DataV2 {
            key,
            peer: PeerId(be32(datagram, 0) & 0xff_ffff),
        },
        OP_DATA_V1 if datagram.len() > MIN_BODY_LEN => Datagram::DataV1 { key },
        OP_DATA_V1 | OP_DATA_V2 => Datagram::Drop(DropReason::Truncated),
        opcode if !is_control(opcode, role) => Datagram::Drop(DropReason::UnknownOpcode),
        _ if datagram.len() < MIN_CONTROL_LEN => Datagram::Drop(DropReason::Truncated),
        _ => Datagram::Control {
            owner_key: be32(datagram, 1),
        },
    }
}

/// A server drops what only servers send, and the other way round. [wire 1]
fn is_control(opcode: u8, role: Role) -> bool {
    match opcode {
        OP_SOFT_RESET | OP_CONTROL | OP_ACK => true,
        OP_HARD_RESET_CLIENT_V2 | OP_HARD_RESET_CLIENT_V3 | OP_CONTROL_WKC => role == Role::Server,
        OP_HARD_RESET_SERVER_V2 => role == Role::Client,
        _ => false,
    }
}

/// Opcode and session id, with which every control packet begins. [wire 2]
pub const CONTROL_HEAD_LEN: usize = 1 + SESSION_ID_LEN;
pub const SESSION_ID_LEN: usize = 8;

/// The first packet of a client. [wire 7]
pub fn is_client_reset(packet: &[u8]) -> bool {
    let opcode = packet.first().map(|first| first >> 3);
    matches!(
        opcode,
        Some(OP_HARD_RESET_CLIENT_V2 | OP_HARD_RESET_CLIENT_V3)
    )
}

pub fn is_server_reset(packet: &[u8]) -> bool {
    packet.first().map(|first| first >> 3) == Some(OP_HARD_RESET_SERVER_V2)
}

pub fn data_v1_header(key: KeyId) -> u8 {
    OP_DATA_V1 << 3 | key.0
}

pub fn data_v2_header(key: KeyId, peer: PeerId) -> [u8; 4] {
    (u32::from(OP_DATA_V2 << 3 | key.0) << 24 | peer.0).to_be_bytes()
}

/// Big-endian u32 at `at`; the caller has checked the length.
pub fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Big-endian u16 at `at`; the caller has checked the length.
pub fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(first: u8, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len as u8).collect();
        bytes[0] = first;
        bytes
    }

    #[test]
    fn names_each_opcode_for_a_server() {
        let control = Datagram::Control {
            owner_key: 0x0102_0304,
        };
        for opcode in [3, 4, 5, 7, 10, 11] {
            assert_eq!(classify(&packet(opcode << 3, 14), Role::Server), control);
        }
        for opcode in [0, 1, 2, 8, 12, 31] {
            let verdict = classify(&packet(opcode << 3, 60), Role::Server);
            assert_eq!(verdict, Datagram::Drop(DropReason::UnknownOpcode));
        }
    }

    #[test]
    fn a_client_takes_server_resets_and_no_client_resets() {
        assert_eq!(
            classify(&packet(8 << 3, 26), Role::Client),
            Datagram::Control {
                owner_key: 0x0102_0304
            }
        );
        assert_eq!(
            classify(&packet(7 << 3, 26), Role::Client),
            Datagram::Drop(DropReason::UnknownOpcode)
        );
    }

    #[test]
    fn data_headers_round_trip() {
        let mut bytes = packet(0, 25);
        bytes[..4].copy_from_slice(&data_v2_header(KeyId(5), PeerId(0x12_3456)));
        assert_eq!(
            classify(&bytes, Role::Server),
            Datagram::DataV2 {
                key: KeyId(5),
                peer: PeerId(0x12_3456)
            }
        );
        bytes[0] = data_v1_header(KeyId(7));
        assert_eq!(
            classify(&bytes, Role::Server),
            Datagram::DataV1 { key: KeyId(7) }
        );
    }

    #[test]
    fn a_body_needs_a_packet_id_and_one_byte() {
        let short = Datagram::Drop(DropReason::Truncated);
        assert_eq!(classify(&packet(9 << 3, 8), Role::Server), short);
        assert_eq!(classify(&packet(6 << 3, 5), Role::Server), short);
        assert_eq!(classify(&packet(7 << 3, 13), Role::Server), short);
        assert_eq!(classify(&[], Role::Server), short);
    }

    proptest! {
        #[test]
        fn any_bytes_are_classified(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            classify(&bytes, Role::Server);
            classify(&bytes, Role::Client);
        }
    }
}

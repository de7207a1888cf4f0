use std::net::{Ipv4Addr, Ipv6Addr};

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cbc::BLOCK_LEN;
use crate::framing::Framing;
use crate::peer_addr::PeerAddr;
use crate::wire::{AEAD_LEAD, EPOCH_OVERHEAD, KeyId, PACKET_ID_LEN, PeerId};

/// Framing of a peer's data packets, both ways. [wire 12]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    V1,
    V2,
}

impl DataFormat {
    /// Opcode byte, and peer-id in DATA_V2.
    pub fn header_len(self) -> usize {
        match self {
            DataFormat::V1 => 1,
            DataFormat::V2 => 4,
        }
    }
}

/// AEAD of the data channel. The numbers are those of the control ring's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    Aes128Gcm = 1,
    Aes192Gcm = 2,
    Aes256Gcm = 3,
    ChaCha20Poly1305 = 4,
}

impl Cipher {
    pub const ALL: [Cipher; 4] = [
        Cipher::Aes128Gcm,
        Cipher::Aes192Gcm,
        Cipher::Aes256Gcm,
        Cipher::ChaCha20Poly1305,
    ];

    /// The cipher with this number in an INSTALL_KEY record.
    pub fn from_number(number: u8) -> Option<Cipher> {
        Cipher::ALL
            .into_iter()
            .find(|cipher| *cipher as u8 == number)
    }

    pub fn key_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm => 16,
            Cipher::Aes192Gcm => 24,
            Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => 32,
        }
    }

    /// AES-GCM wears out with the number of blocks sealed; ChaCha20-Poly1305 does not. [wire 12.1]
    pub fn has_usage_limit(self) -> bool {
        self != Cipher::ChaCha20Poly1305
    }
}

/// A client has finished its handshake: take its data packets.
#[derive(Clone, Debug)]
pub struct AddPeer {
    pub peer: PeerId,
    pub path: PeerAddr,
    pub format: DataFormat,
    /// Inner addresses: become host routes and the allowed source addresses.
    pub ipv4: Option<Ipv4Addr>,
    pub ipv6: Option<Ipv6Addr>,
    /// Seconds without output before a ping is sent; 0 = never.
    pub ping_interval_s: u16,
    /// Seconds without authenticated input before `Silent`; 0 = never.
    pub ping_timeout_s: u16,
    pub layers: LayerOptions,
}

/// What lies between the cipher and the inner packets of a peer. [wire 13]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerOptions {
    pub framing: Option<Framing>,
    /// Compress what is sent, where the framing can.
    pub compress: bool,
    /// Largest datagram that is sent, the rest is cut into fragments; 0 = no fragment header at all.
    pub fragment: u16,
    /// `fragment` counts IP and UDP headers.
    pub fragment_counts_headers: bool,
}

/// What a connected client has from now on. [wire 15]
#[derive(Clone, Debug)]
pub struct UpdatePeer {
    pub peer: PeerId,
    /// As in `AddPeer`.
    pub ipv4: Option<Ipv4Addr>,
    pub ipv6: Option<Ipv6Addr>,
    /// `None` leaves the time as it is.
    pub ping_interval_s: Option<u16>,
    pub ping_timeout_s: Option<u16>,
}

/// How the data packets of a key are laid out and protected. [wire 12]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AEAD v1. [wire 12.1]
    Aead(Cipher),
    /// An AEAD with 64-bit packet ids and a chain of keys; DATA_V2 only. [wire 12.2]
    Epoch(Cipher),
    /// AES-CBC and an HMAC. [wire 12.3]
    Cbc(CbcCipher, Digest),
    /// No cipher, only the HMAC. [wire 12.3]
    Plain(Digest),
}

impl Suite {
    /// The suite with these numbers in an INSTALL_KEY record: format, cipher, digest.
    pub fn from_numbers(numbers: [u8; 3]) -> Option<Suite> {
        match numbers {
            [FORMAT_AEAD, cipher, 0] => Cipher::from_number(cipher).map(Suite::Aead),
            [FORMAT_EPOCH, cipher, 0] => Cipher::from_number(cipher).map(Suite::Epoch),
            [FORMAT_CBC, cipher, digest] => Some(Suite::Cbc(
                CbcCipher::from_number(cipher)?,
                Digest::from_number(digest)?,
            )),
            [FORMAT_PLAIN, 0, digest] => Digest::from_number(digest).map(Suite::Plain),
            _ => None,
        }
    }

    pub fn numbers(self) -> [u8; 3] {
        match self {
            Suite::Aead(cipher) => [FORMAT_AEAD, cipher as u8, 0],
            Suite::Epoch(cipher) => [FORMAT_EPOCH, cipher as u8, 0],
            Suite::Cbc(cipher, digest) => [FORMAT_CBC, cipher as u8, digest as u8],
            Suite::Plain(digest) => [FORMAT_PLAIN, 0, digest as u8],
        }
    }

    /// Longest payload whose packet body is no longer than `room`.
    pub fn max_payload(self, room: usize) -> usize {
        match self {
            Suite::Aead(_) => room.saturating_sub(AEAD_LEAD),
            Suite::Epoch(_) => room.saturating_sub(EPOCH_OVERHEAD),
            Suite::Cbc(_, digest) => {
                let text = room.saturating_sub(digest.tag_len() + BLOCK_LEN);
                // At least one byte of padding.
                (text / BLOCK_LEN * BLOCK_LEN).saturating_sub(PACKET_ID_LEN + 1)
            }
            Suite::Plain(digest) => room.saturating_sub(digest.tag_len() + PACKET_ID_LEN),
        }
    }
}

const FORMAT_AEAD: u8 = 1;
const FORMAT_EPOCH: u8 = 3;
const FORMAT_CBC: u8 = 4;
const FORMAT_PLAIN: u8 = 5;

/// AES in CBC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CbcCipher {
    Aes128 = 5,
    Aes192 = 6,
    Aes256 = 7,
}

impl CbcCipher {
    pub const ALL: [CbcCipher; 3] = [CbcCipher::Aes128, CbcCipher::Aes192, CbcCipher::Aes256];

    pub fn from_number(number: u8) -> Option<CbcCipher> {
        CbcCipher::ALL
            .into_iter()
            .find(|cipher| *cipher as u8 == number)
    }

    pub fn key_len(self) -> usize {
        match self {
            CbcCipher::Aes128 => 16,
            CbcCipher::Aes192 => 24,
            CbcCipher::Aes256 => 32,
        }
    }
}

/// Digest of the HMAC beside a cipher that authenticates nothing itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    None = 0,
    Sha1 = 1,
    Sha224 = 2,
    Sha256 = 3,
    Sha384 = 4,
    Sha512 = 5,
}

impl Digest {
    pub const ALL: [Digest; 6] = [
        Digest::None,
        Digest::Sha1,
        Digest::Sha224,
        Digest::Sha256,
        Digest::Sha384,
        Digest::Sha512,
    ];

    pub fn from_number(number: u8) -> Option<Digest> {
        Digest::ALL
            .into_iter()
            .find(|digest| *digest as u8 == number)
    }

    /// Bytes of an HMAC, and of its key.
    pub fn tag_len(self) -> usize {
        match self {
            Digest::None => 0,
            Digest::Sha1 => 20,
            Digest::Sha224 => 28,
            Digest::Sha256 => 32,
            Digest::Sha384 => 48,
            Digest::Sha512 => 64,
        }
    }
}

impl From<Cipher> for Suite {
    fn from(cipher: Cipher) -> Suite {
        Suite::Aead(cipher)
    }
}

/// Key material of one direction: the two slots of `keys256`, whole. [wire 11.3]
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DirectionKey {
    pub cipher: [u8; KEY_SLOT_LEN],
    pub hmac: [u8; KEY_SLOT_LEN],
}

pub const KEY_SLOT_LEN: usize = 64;

/// A new key state of a peer. The first one is used for sealing at once, later ones after `use_key`. [wire 12.6]
pub struct InstallKey {
    pub peer: PeerId,
    pub key_id: KeyId,
    pub suite: Suite,
    pub seal: DirectionKey,
    pub open: DirectionKey,
}

/// A command that could not be carried out; the worker and the data thread disagree about what exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The peer-id belongs to another shard or is out of range.
    ForeignPeer,
    UnknownPeer,
    UnknownKey,
    /// The peer-id is taken.
    DuplicatePeer,
    /// The key is all zero. [wire 11.3]
    WeakKey,
}

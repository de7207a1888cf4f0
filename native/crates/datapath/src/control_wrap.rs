//! Protection of control packets, as the worker's `Wrapper` has it. Stateless: replay ids are the caller's. [wire 3 to 6, 8]

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::command::Digest;
use crate::hmac_key;
use crate::plane::Role;
use crate::wire::{self, CONTROL_HEAD_LEN};

/// Bytes of a static key: two halves of a cipher and an HMAC slot. [wire 3]
pub const STATIC_KEY_LEN: usize = 256;
/// Bytes of a server's key for the keys of its clients. [wire 8]
pub const CLIENT_KEYS_KEY_LEN: usize = 128;

/// The key of a wrapping.
#[derive(ZeroizeOnDrop)]
pub enum WrapKey {
    None,
    TlsAuth {
        key: [u8; STATIC_KEY_LEN],
        /// This side's `key-direction`.
        #[zeroize(skip)]
        direction: Option<Direction>,
        #[zeroize(skip)]
        digest: Digest,
    },
    TlsCrypt {
        key: [u8; STATIC_KEY_LEN],
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Normal,
    Inverse,
}

/// Counter and time of a wrapped packet. [wire 6]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayId {
    pub counter: u32,
    pub time: u32,
}

/// What lies behind the head of a packet, without its protection.
pub struct Unwrapped<'a> {
    pub body: &'a [u8],
    /// All zero without wrapping.
    pub replay: ReplayId,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there are few, and the ones that come with packets must not allocate"
)]
pub enum ControlWrap {
    Plain,
    Auth(AuthWrap),
    Crypt(CryptWrap),
}

impl ControlWrap {
    /// None: there is no such key.
    pub fn new(key: &WrapKey, role: Role) -> Option<ControlWrap> {
        match key {
            WrapKey::None => Some(ControlWrap::Plain),
            WrapKey::TlsAuth {
                key,
                direction,
                digest,
            } => AuthWrap::new(key, *direction, *digest).map(ControlWrap::Auth),
            WrapKey::TlsCrypt { key } => CryptWrap::new(key, role).map(ControlWrap::Crypt),
        }
    }

    /// Any bytes are fine. `None`: too short, too long for `room`, or not genuine.
    pub fn unwrap<'a>(&self, packet: &'a [u8], room: &'a mut [u8]) -> Option<Unwrapped<'a>> {
        let (head, rest) = packet.split_first_chunk::<CONTROL_HEAD_LEN>()?;
        match self {
            ControlWrap::Plain => Some(Unwrapped {
                body: rest,
                replay: ReplayId::default(),
            }),
            ControlWrap::Auth(wrap) => wrap.unwrap(head, rest),
            ControlWrap::Crypt(wrap) => wrap.unwrap(head, rest, room),
        }
    }

    /// Bytes that it adds to a packet.
    pub fn overhead(&self) -> usize {
        match self {
            ControlWrap::Plain => 0,
            ControlWrap::Auth(wrap) => wrap.tag_len + REPLAY_LEN,
            ControlWrap::Crypt(_) => ControlWrap::crypt_overhead(),
        }
    }

    /// Of `Crypt`.
    pub const fn crypt_overhead() -> usize {
        REPLAY_LEN + CRYPT_TAG_LEN
    }

    /// Where the counter of a packet's replay id lies.
    pub fn counter_at(&self) -> Option<usize> {
        match self {
            ControlWrap::Plain => None,
            ControlWrap::Auth(wrap) => Some(CONTROL_HEAD_LEN + wrap.tag_len),
            ControlWrap::Crypt(_) => Some(CONTROL_HEAD_LEN),
        }
    }

    /// Writes the packet; its length, or `None` when `into` is too short for it.
    pub fn wrap(
        &self,
        head: &[u8; CONTROL_HEAD_LEN],
        body: &[u8],
        replay: ReplayId,
        into: &mut [u8],
    ) -> Option<usize> {
        match self {
            ControlWrap::Plain => lay_out([head, body, &[], &[]], into),
            ControlWrap::Auth(wrap) => wrap.wrap(head, body, replay, into),
            ControlWrap::Crypt(wrap) => wrap.wrap(head, body, replay, into),
        }
    }
}

const REPLAY_LEN: usize = 8;

/// HMAC over the packet, nothing encrypted. [wire 4]
pub struct AuthWrap {
    send: hmac::Key,
    receive: hmac::Key,
    tag_len: usize,
}

impl AuthWrap {
    fn new(
        key: &[u8; STATIC_KEY_LEN],
        direction: Option<Direction>,
        digest: Digest,
    ) -> Option<AuthWrap> {
        let algorithm = hmac_key::algorithm(digest)?;
        let tag_len = digest.tag_len();
        let (send, receive) = match direction {
            None => (0, 0),
            Some(Direction::Normal) => (0, 1),
            Some(Direction::Inverse) => (1, 0),
        };
        let key_of = |half| hmac::Key::new(algorithm, &hmac_slot(key, half)[..tag_len]);
        Some(AuthWrap {
            send: key_of(send),
            receive: key_of(receive),
            tag_len,
        })
    }

    fn unwrap<'a>(&self, head: &[u8; CONTROL_HEAD_LEN], rest: &'a [u8]) -> Option<Unwrapped<'a>> {
        let (tag, rest) = rest.split_at_checked(self.tag_len)?;
        let (id, body) = rest.split_first_chunk::<REPLAY_LEN>()?;
        let genuine = is_tag(&self.receive, [id, head, body], tag);
        genuine.then_some(Unwrapped {
            body,
            replay: decode_replay(id),
        })
    }

    fn wrap(
        &self,
        head: &[u8; CONTROL_HEAD_LEN],
        body: &[u8],
        replay: ReplayId,
        into: &mut [u8],
    ) -> Option<usize> {
        let id = encode_replay(replay);
        let tag = tag_of(&self.send, [&id, head, body]);
        lay_out([head, tag.as_ref(), &id, body], into)
    }
}

/// AES-256-CTR and HMAC-SHA256. The server sends with the first half of the key. [wire 5]
pub struct CryptWrap {
    send: EncryptingKey,
    send_hmac: hmac::Key,
    receive: DecryptingKey,
    receive_hmac: hmac::Key,
}

const CRYPT_TAG_LEN: usize = 32;

impl CryptWrap {
    fn new(key: &[u8; STATIC_KEY_LEN], role: Role) -> Option<CryptWrap> {
        let (send, receive) = match role {
            Role::Server => (0, 1),
            Role::Client => (1, 0),
        };
        let cipher = |half: usize| UnboundCipherKey::new(&AES_256, &key[128 * half..][..32]).ok();
        let hmac_of = |half| hmac::Key::new(hmac::HMAC_SHA256, &hmac_slot(key, half)[..32]);
        Some(CryptWrap {
            send: EncryptingKey::ctr(cipher(send)?).ok()?,
            send_hmac: hmac_of(send),
            receive: DecryptingKey::ctr(cipher(receive)?).ok()?,
            receive_hmac: hmac_of(receive),
        })
    }

    fn unwrap<'a>(
        &self,
        head: &[u8; CONTROL_HEAD_LEN],
        rest: &[u8],
        room: &'a mut [u8],
    ) -> Option<Unwrapped<'a>> {
        let (id, rest) = rest.split_first_chunk::<REPLAY_LEN>()?;
        let (tag, sealed) = rest.split_first_chunk::<CRYPT_TAG_LEN>()?;
        let body = room.get_mut(..sealed.len())?;
        body.copy_from_slice(sealed);
        open_in_place(&self.receive, tag, body)?;
        let genuine = is_tag(&self.receive_hmac, [head, id, body], tag);
        genuine.then_some(Unwrapped {
            body,
            replay: decode_replay(id),
        })
    }

    fn wrap(
        &self,
        head: &[u8; CONTROL_HEAD_LEN],
        body: &[u8],
        replay: ReplayId,
        into: &mut [u8],
    ) -> Option<usize> {
        let id = encode_replay(replay);
        let tag = tag_of(&self.send_hmac, [head, &id, body]);
        let len = lay_out([head, &id, tag.as_ref(), body], into)?;
        let iv: [u8; 16] = *tag.as_ref().first_chunk()?;
        let sealed = &mut into[len - body.len()..len];
        let context = EncryptionContext::Iv128((&iv).into());
        self.send.less_safe_encrypt(sealed, context).ok()?;
        Some(len)
    }
}

/// Opens the keys that clients of tls-crypt-v2 bring along. [wire 8]
pub struct ClientKeys {
    cipher: DecryptingKey,
    hmac: hmac::Key,
}

const LENGTH_LEN: usize = 2;
const MIN_WRAPPED_KEY: usize = CRYPT_TAG_LEN + STATIC_KEY_LEN + LENGTH_LEN;
const MAX_WRAPPED_KEY: usize = 1024;

impl ClientKeys {
    pub fn new(key: &[u8; CLIENT_KEYS_KEY_LEN]) -> Option<ClientKeys> {
        let cipher = UnboundCipherKey::new(&AES_256, &key[..32]).ok()?;
        Some(ClientKeys {
            cipher: DecryptingKey::ctr(cipher).ok()?,
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &key[64..96]),
        })
    }

    /// The packet in front of a client's key, and the wrapping with that key; `None` when the key is not one of ours.
    pub fn split<'a>(&self, packet: &'a [u8], role: Role) -> Option<(&'a [u8], ControlWrap)> {
        let (_, length) = packet.split_last_chunk::<LENGTH_LEN>()?;
        let len = usize::from(wire::be16(length, 0));
        if !(MIN_WRAPPED_KEY..=MAX_WRAPPED_KEY).contains(&len) {
            return None;
        }
        let (packet, wrapped) = packet.split_at(packet.len().checked_sub(len)?);
        let (tag, sealed) = wrapped.split_first_chunk::<CRYPT_TAG_LEN>()?;
        let sealed = &sealed[..sealed.len() - LENGTH_LEN];
        let mut room = Zeroizing::new([0; MAX_WRAPPED_KEY]);
        let opened = &mut room[..sealed.len()];
        opened.copy_from_slice(sealed);
        open_in_place(&self.cipher, tag, opened)?;
        if !is_tag(&self.hmac, [length, opened, &[]], tag) {
            return None;
        }
        let wrap = CryptWrap::new(opened.first_chunk()?, role)?;
        Some((packet, ControlWrap::Crypt(wrap)))
    }
}

fn hmac_slot(key: &[u8; STATIC_KEY_LEN], half: usize) -> &[u8] {
    &key[128 * half + 64..][..64]
}

/// The first half of the tag is the counter block that the cipher begins with.
fn open_in_place(key: &DecryptingKey, tag: &[u8; CRYPT_TAG_LEN], text: &mut [u8]) -> Option<()> {
    let iv: &[u8; 16] = tag.first_chunk()?;
    key.decrypt(text, DecryptionContext::Iv128(iv.into()))
        .ok()?;
    Some(())
}

fn tag_of(key: &hmac::Key, parts: [&[u8]; 3]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

fn is_tag(key: &hmac::Key, parts: [&[u8]; 3], tag: &[u8]) -> bool {
    verify_slices_are_equal(tag_of(key, parts).as_ref(), tag).is_ok()
}

fn encode_replay(id: ReplayId) -> [u8; REPLAY_LEN] {
    (u64::from(id.counter) << 32 | u64::from(id.time)).to_be_bytes()
}

fn decode_replay(bytes: &[u8; REPLAY_LEN]) -> ReplayId {
    ReplayId {
        counter: wire::be32(bytes, 0),
        time: wire::be32(bytes, 4),
    }
}

/// Writes the parts one behind the other; their length.
fn lay_out(parts: [&[u8]; 4], into: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    for part in parts {
        into.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    Some(at)
}

#[cfg(test)]
pub(crate) mod tests;

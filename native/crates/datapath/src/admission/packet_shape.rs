use crate::control_wrap::ControlWrap;
use crate::wire::{CONTROL_HEAD_LEN, MIN_CONTROL_LEN};

/// What any control packet of an unknown client looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketShape {
    pub min_len: usize,
    /// Offset of the counter, which is low in the first packets of a client. None: there is none, or at different places.
    pub counter_at: Option<usize>,
}

/// Of the packets of clients that an `Admission` can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketShapes {
    /// Of those whose opcode says nothing about a key.
    pub plain: PacketShape,
    /// Of those that bring the client's own key; None: they are refused.
    pub with_key: Option<PacketShape>,
}

impl PacketShapes {
    /// `wrap`: the server's own, which is `None` where all clients have keys of their own.
    pub(super) fn new(wrap: Option<&ControlWrap>, own_keys: bool) -> PacketShapes {
        let crypt = PacketShape {
            min_len: MIN_CONTROL_LEN + ControlWrap::crypt_overhead(),
            counter_at: Some(CONTROL_HEAD_LEN),
        };
        let plain = wrap.map_or(crypt, |wrap| PacketShape {
            min_len: MIN_CONTROL_LEN + wrap.overhead(),
            counter_at: wrap.counter_at(),
        });
        // A client goes on under its own key with opcodes that do not say so.
        let both = PacketShape {
            min_len: plain.min_len.min(crypt.min_len),
            counter_at: plain.counter_at.filter(|_| plain == crypt),
        };
        PacketShapes {
            plain: if own_keys { both } else { plain },
            with_key: own_keys.then_some(crypt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Digest;
    use crate::control_wrap::{STATIC_KEY_LEN, WrapKey};
    use crate::plane::Role;

    const CRYPT: PacketShape = PacketShape {
        min_len: 54,
        counter_at: Some(9),
    };

    fn shapes(key: Option<WrapKey>, own_keys: bool) -> PacketShapes {
        let wrap = key.map(|key| ControlWrap::new(&key, Role::Server).expect("a key"));
        PacketShapes::new(wrap.as_ref(), own_keys)
    }

    fn tls_auth() -> WrapKey {
        WrapKey::TlsAuth {
            key: [1; STATIC_KEY_LEN],
            direction: None,
            digest: Digest::Sha256,
        }
    }

    fn shape(min_len: usize, counter_at: Option<usize>) -> PacketShape {
        PacketShape {
            min_len,
            counter_at,
        }
    }

    #[test]
    fn each_wrapping_has_its_shape() {
        let crypt = WrapKey::TlsCrypt {
            key: [1; STATIC_KEY_LEN],
        };
        let alone = [
            (WrapKey::None, shape(14, None)),
            (tls_auth(), shape(54, Some(41))),
            (crypt, CRYPT),
        ];
        for (key, plain) in alone {
            let with_key = None;
            assert_eq!(shapes(Some(key), false), PacketShapes { plain, with_key });
        }
    }

    #[test]
    fn clients_with_their_own_keys_go_on_under_them() {
        let with_key = Some(CRYPT);
        for (key, plain) in [(None, CRYPT), (Some(tls_auth()), shape(54, None))] {
            assert_eq!(shapes(key, true), PacketShapes { plain, with_key });
        }
    }
}

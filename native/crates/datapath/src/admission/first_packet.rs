use crate::wire::{self, SESSION_ID_LEN};

/// Head of a control packet of key-id 0, which is in clear under every wrapping. [wire 2]
pub(super) struct FirstHead<'a> {
    pub opcode: u8,
    /// The client's own id, never all zero.
    pub session: &'a [u8; SESSION_ID_LEN],
}

impl FirstHead<'_> {
    /// None: nothing that an unknown client begins with.
    pub fn parse(packet: &[u8]) -> Option<FirstHead<'_>> {
        let (first, rest) = packet.split_first()?;
        let (session, _) = rest.split_first_chunk()?;
        let opcode = first >> 3;
        let is_first = first & 7 == 0 && *session != [0; SESSION_ID_LEN];
        let may_begin = is_first && opcode != wire::OP_SOFT_RESET;
        may_begin.then_some(FirstHead { opcode, session })
    }
}

/// The acknowledgements and the message id of a packet without its wrapping. [wire 2]
pub(super) struct Body<'a> {
    /// Whom the acknowledgements are for; none without any.
    pub acked_session: Option<&'a [u8; SESSION_ID_LEN]>,
    pub last_ack: u32,
    /// None in an ACK.
    pub message_id: Option<u32>,
}

impl Body<'_> {
    pub fn parse(opcode: u8, bytes: &[u8]) -> Option<Body<'_>> {
        let (count, rest) = bytes.split_first()?;
        let (acks, mut rest) = rest.split_at_checked(4 * usize::from(*count))?;
        let mut acked_session = None;
        if *count > 0 {
            let (session, behind) = rest.split_first_chunk()?;
            (acked_session, rest) = (Some(session), behind);
        }
        let message_id = match opcode {
            wire::OP_ACK => None,
            _ => Some(u32::from_be_bytes(*rest.first_chunk()?)),
        };
        let ids = acks.chunks_exact(4).map(|id| wire::be32(id, 0));
        (*count <= MAX_ACKS).then_some(Body {
            acked_session,
            last_ack: ids.max().unwrap_or(0),
            message_id,
        })
    }
}

/// Longest list of acknowledgements. [wire 2]
const MAX_ACKS: u8 = 8;

/// Acknowledges message 0 of a client, with a message 0 of our own. [wire 7]
pub(super) struct AnswerBody {
    bytes: [u8; Self::LEN + RESEND_KEY.len()],
    len: usize,
}

impl AnswerBody {
    const LEN: usize = 1 + 4 + SESSION_ID_LEN + 4;

    /// `resend_key`: asks for the client's key once more. [wire 7.1]
    pub fn new(client: &[u8; SESSION_ID_LEN], resend_key: bool) -> AnswerBody {
        let mut bytes = [0; Self::LEN + RESEND_KEY.len()];
        bytes[0] = 1;
        bytes[5..5 + SESSION_ID_LEN].copy_from_slice(client);
        bytes[Self::LEN..].copy_from_slice(&RESEND_KEY);
        let len = if resend_key { bytes.len() } else { Self::LEN };
        AnswerBody { bytes, len }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Flags, of two bytes: bit 0. [wire 7.1]
const RESEND_KEY: [u8; 6] = [0, 1, 0, 2, 0, 1];

/// Opcode and session id of an answer to a reset.
pub(super) fn answer_head(cookie: &[u8; SESSION_ID_LEN]) -> [u8; wire::CONTROL_HEAD_LEN] {
    let mut head = [0; wire::CONTROL_HEAD_LEN];
    head[0] = wire::OP_HARD_RESET_SERVER_V2 << 3;
    head[1..].copy_from_slice(cookie);
    head
}

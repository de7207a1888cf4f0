//! What is done with packets of unknown clients without their worker: the stateless half of the handshake. [wire 7]

use zeroize::ZeroizeOnDrop;

use crate::Millis;
use crate::control_wrap::{
    CLIENT_KEYS_KEY_LEN, ClientKeys, ControlWrap, ReplayId, Unwrapped, WrapKey,
};
use crate::peer_addr::PeerAddr;
use crate::plane::Role;
use crate::wire::{
    OP_CONTROL_WKC, OP_HARD_RESET_CLIENT_V2, OP_HARD_RESET_CLIENT_V3, SESSION_ID_LEN,
};

mod cookie;
mod copies;
mod first_packet;
mod packet_shape;
mod reply_limit;

use cookie::CookieJar;
use copies::Copies;
use first_packet::{AnswerBody, Body, FirstHead, answer_head};
pub use packet_shape::{PacketShape, PacketShapes};
use reply_limit::ReplyLimit;

/// What the worker lets its data thread answer by itself. Keys are wiped.
#[derive(ZeroizeOnDrop)]
pub struct AdmissionOrder {
    pub wrap: WrapKey,
    /// Clients may come with keys of their own; where `wrap` is none, nobody else is answered. [wire 8]
    pub client_keys: Option<[u8; CLIENT_KEYS_KEY_LEN]>,
    /// The same on every shard.
    pub cookie_key: [u8; 32],
    /// Seconds of a slot of time; a cookie is good for two to three of them.
    pub slot_seconds: u32,
    /// Answers to one address in that many seconds.
    pub limit_count: u32,
    pub limit_seconds: u32,
    /// The worker's wall clock, since 1970.
    pub unix_seconds: u32,
}

/// What has become of a packet of an unknown client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// A reset: these first bytes of the answer's room go back, and nothing is kept.
    Answer(usize),
    /// A reset whose address was answered as often as it may be.
    OverLimit,
    /// A reset that there is no time to answer.
    Crowded,
    /// The client has echoed the cookie: it is where it says it is.
    Proven,
    /// A packet that has come before, from somewhere else.
    Copy,
    /// Nothing that anybody begins or goes on with: it fits no key, or echoes no cookie of this address.
    Refused,
    /// For the worker to judge.
    Unknown,
}

/// Room that any answer fits in.
pub const ANSWER_LEN: usize = 128;

/// Answers resets and knows cookies again. It keeps nothing of anybody but how often an address was answered, by
/// fingerprint.
pub struct Admission {
    /// None: only clients with keys of their own.
    wrap: Option<ControlWrap>,
    client_keys: Option<ClientKeys>,
    /// Where packets are opened.
    room: Box<[u8]>,
    cookies: CookieJar,
    limit: ReplyLimit,
    /// None without wrapping, where a packet that comes again may be a resend.
    copies: Option<Copies>,
    slot_seconds: u64,
    /// Before the last change of it: such cookies are still on their way.
    earlier_slot_seconds: Option<u64>,
    unix_seconds: u32,
    since: Millis,
}

impl Admission {
    /// None: a key that only the worker can use.
    pub fn new(now: Millis, order: &AdmissionOrder) -> Option<Admission> {
        let is_for_keys_only = order.client_keys.is_some() && matches!(order.wrap, WrapKey::None);
        let wrap = match is_for_keys_only {
            true => None,
            false => Some(ControlWrap::new(&order.wrap, Role::Server)?),
        };
        let client_keys = match &order.client_keys {
            Some(key) => Some(ClientKeys::new(key)?),
            None => None,
        };
        let is_plain = matches!(wrap, Some(ControlWrap::Plain));
        Some(Admission {
            wrap,
            client_keys,
            room: vec![0; MAX_PACKET].into(),
            cookies: CookieJar::new(&order.cookie_key),
            limit: ReplyLimit::new(order.limit_count, order.limit_seconds),
            copies: (!is_plain).then(Copies::new),
            slot_seconds: u64::from(order.slot_seconds.max(1)),
            earlier_slot_seconds: None,
            unix_seconds: order.unix_seconds,
            since: now,
        })
    }

    /// Obeys a new order after `before`. How often each address was answered stays, unless that is what has changed.
    pub fn succeed(mut self, before: Admission) -> Admission {
        if before.limit.is_like(&self.limit) {
            self.limit = before.limit;
        }
        if before.copies.is_some() && self.copies.is_some() {
            self.copies = before.copies;
        }
        self.earlier_slot_seconds = match before.slot_seconds == self.slot_seconds {
            true => before.earlier_slot_seconds,
            false => Some(before.slot_seconds),
        };
        self
    }

    /// Of what can be anything but `Refused`.
    pub fn shapes(&self) -> PacketShapes {
        PacketShapes::new(self.wrap.as_ref(), self.client_keys.is_some())
    }

    /// `may_answer`: asked once about a reset that could be answered.
    pub fn judge(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        packet: &[u8],
        answer: &mut [u8; ANSWER_LEN],
        may_answer: impl FnOnce() -> bool,
    ) -> Judgement {
        let mut room = std::mem::take(&mut self.room);
        let judgement = self.open_and_judge(now, from, packet, &mut room, answer, may_answer);
        self.room = room;
        judgement.unwrap_or(Judgement::Refused)
    }

    /// A client that was answered has completed its handshake: it was no attack.
    pub fn refund(&mut self, to: &PeerAddr) {
        self.limit.refund(to.addr.ip());
    }

    /// None: refused.
    fn open_and_judge(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        packet: &[u8],
        room: &mut [u8],
        answer: &mut [u8; ANSWER_LEN],
        may_answer: impl FnOnce() -> bool,
    ) -> Option<Judgement> {
        let print = self.copies.as_ref().map(|copies| copies.print(packet));
        if let (Some(copies), Some(print)) = (&self.copies, print)
            && copies.has(now, print, from)
        {
            return Some(Judgement::Copy);
        }
        let head = FirstHead::parse(packet)?;
        let brought = match head.opcode {
            OP_HARD_RESET_CLIENT_V3 | OP_CONTROL_WKC => {
                Some(self.client_keys.as_ref()?.split(packet, Role::Server)?)
            }
            _ => None,
        };
        let (packet, wrap) = match &brought {
            Some((packet, wrap)) => (*packet, wrap),
            None => (packet, self.wrap.as_ref()?),
        };
        let Unwrapped { body, replay } = wrap.unwrap(packet, room)?;
        if let (Some(copies), Some(print)) = (&mut self.copies, print) {
            copies.note(now, print, from);
        }
        let body = Body::parse(head.opcode, body)?;
        if !matches!(
            head.opcode,
            OP_HARD_RESET_CLIENT_V2 | OP_HARD_RESET_CLIENT_V3
        ) {
            return self.judge_echo(now, from, head.session, &body);
        }
        if body.message_id != Some(0) {
            return None;
        }
        // A client that cannot send its key again gets a session at once, or nothing. [wire 7.1]
        let can_resend = replay.counter & EARLY_NEGOTIATION == EARLY_NEGOTIATION;
        if brought.is_some() && !can_resend {
            return Some(Judgement::Unknown);
        }
        if !self.limit.take(now, from.addr.ip()) {
            return Some(Judgement::OverLimit);
        }
        if !may_answer() {
            return Some(Judgement::Crowded);
        }
        let slot = self.unix_seconds(now) / self.slot_seconds;
        let cookie = self.cookies.bake(slot, from, head.session);
        let body = AnswerBody::new(head.session, brought.is_some());
        let first = ReplayId {
            counter: 1,
            time: self.unix_seconds(now) as u32,
        };
        let len = wrap.wrap(&answer_head(&cookie), body.bytes(), first, answer)?;
        Some(Judgement::Answer(len))
    }

    fn judge_echo(
        &self,
        now: Millis,
        from: &PeerAddr,
        client: &[u8; SESSION_ID_LEN],
        body: &Body<'_>,
    ) -> Option<Judgement> {
        let last_id = body.last_ack.max(body.message_id.unwrap_or(0));
        let echoed = body.acked_session?;
        (last_id <= LAST_EARLY_ID && self.has_baked(now, from, client, echoed))
            .then_some(Judgement::Proven)
    }

    fn has_baked(
        &self,
        now: Millis,
        path: &PeerAddr,
        client: &[u8; SESSION_ID_LEN],
        echoed: &[u8; SESSION_ID_LEN],
    ) -> bool {
        let mut widths = [Some(self.slot_seconds), self.earlier_slot_seconds]
            .into_iter()
            .flatten();
        widths.any(|seconds| {
            let slot = self.unix_seconds(now) / seconds;
            (0..3).any(|ago| {
                let baked = self.cookies.bake(slot.wrapping_sub(ago), path, client);
                // Whoever measures this learns about a cookie of its own address, which it could have asked for.
                baked == *echoed
            })
        })
    }

    /// By the worker's clock, so that nothing of the session that follows comes before it.
    fn unix_seconds(&self, now: Millis) -> u64 {
        u64::from(self.unix_seconds) + now.saturating_sub(self.since) / 1000
    }
}

/// Later packets belong to a session that is gone, and must not begin another one. [wire 7]
const LAST_EARLY_ID: u32 = 1;

/// Replay counters of a client that can send its key again have these bits. [wire 7.1]
const EARLY_NEGOTIATION: u32 = 0x0f00_0000;

/// No first packet is longer than what Ethernet carries.
const MAX_PACKET: usize = 2048;

#[cfg(test)]
mod tests;

//! Messages of the two ends about the tunnel itself, among the data. [wire 13]

use crate::Millis;
use crate::data_path::Context;
use crate::event::DataEvent;
use crate::outbound;
use crate::peer::Peer;
use crate::sink::{InboundSink, OutboundSink};
use crate::stats::Counter;
use crate::wire::{OCC_EXIT, OCC_MAGIC, be16};

const MTU_LOAD_REQUEST: u8 = 2;
const MTU_LOAD: u8 = 3;
const MTU_REQUEST: u8 = 4;
const MTU_REPLY: u8 = 5;

/// What a peer's `mtu-test` wants to know at its end, and when it was answered last.
#[derive(Default)]
pub(crate) struct MtuTest {
    /// Largest datagrams of the test, in both directions.
    received: u16,
    sent: u16,
    answered: Option<Millis>,
}

/// A test asks every few seconds.
const ANSWER_PAUSE: Millis = 200;

/// Handles what follows the magic bytes; it came in a datagram of `datagram_len` bytes.
pub(crate) fn handle(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    message: &[u8],
    datagram_len: usize,
    sink: &mut impl InboundSink,
) {
    match *message {
        [OCC_EXIT, ..] => {
            sink.event(DataEvent::Exit { peer: peer.id });
            return;
        }
        [MTU_LOAD, ..] => {
            peer.mtu_test.received = peer.mtu_test.received.max(datagram_len as u16);
            return;
        }
        [MTU_LOAD_REQUEST, _, _, ..] if peer.mtu_test.may_answer(now) => {
            send_load(context, peer, now, usize::from(be16(message, 1)), sink);
        }
        [MTU_REQUEST, ..] if peer.mtu_test.may_answer(now) => {
            let MtuTest { received, sent, .. } = peer.mtu_test;
            let mut reply = [MTU_REPLY, 0, 0, 0, 0];
            reply[1..3].copy_from_slice(&received.to_be_bytes());
            reply[3..].copy_from_slice(&sent.to_be_bytes());
            send(context, peer, now, &reply, sink);
        }
        _ => {
            context.stats.count(Counter::OccIgnored, 1);
            return;
        }
    }
    context.stats.count(Counter::OccAnswered, 1);
}

/// Tells the peer that we leave.
pub(crate) fn send_exit(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    sink: &mut impl OutboundSink,
) {
    send(context, peer, now, &[OCC_EXIT], sink);
}

fn send(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    message: &[u8],
    sink: &mut impl OutboundSink,
) {
    let fill = |slot: &mut [u8]| {
        slot[..OCC_MAGIC.len()].copy_from_slice(&OCC_MAGIC);
        slot[OCC_MAGIC.len()..].copy_from_slice(message);
    };
    let len = OCC_MAGIC.len() + message.len();
    context.settle(outbound::seal(context, peer, now, len, fill, sink));
}

/// A datagram of `wanted` bytes, as far as the tunnel's MTU allows. Its filler is not compressible.
fn send_load(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    wanted: usize,
    sink: &mut impl InboundSink,
) {
    let longest = usize::from(context.plane.settings.tun_mtu);
    let len = peer
        .packet_len_for(wanted)
        .clamp(OCC_MAGIC.len() + 1, longest.max(OCC_MAGIC.len() + 1));
    let fill = |slot: &mut [u8]| {
        let (magic, rest) = slot.split_at_mut(OCC_MAGIC.len());
        magic.copy_from_slice(&OCC_MAGIC);
        let mut noise = 0x9e37_79b9u32;
        for byte in &mut *rest {
            noise = noise.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
            *byte = (noise >> 24) as u8;
        }
        rest[0] = MTU_LOAD;
    };
    let before = peer.counters.bytes_out.value();
    let outcome = outbound::seal(context, peer, now, len, fill, sink);
    let sent = peer.counters.bytes_out.value().wrapping_sub(before);
    peer.mtu_test.sent = peer.mtu_test.sent.max(sent.min(u64::from(u16::MAX)) as u16);
    context.settle(outcome);
}

impl MtuTest {
    fn may_answer(&mut self, now: Millis) -> bool {
        let may = self.answered.is_none_or(|last| now >= last + ANSWER_PAUSE);
        if may {
            self.answered = Some(now);
        }
        may
    }
}

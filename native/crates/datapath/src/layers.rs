//! Framing and fragments of one peer: what a payload is wrapped in before it is sealed, and out of once it was opened.

use std::ops::Range;

use crate::Millis;
use crate::command::LayerOptions;
use crate::data_path::Context;
use crate::framing::{Framing, Unframed};
use crate::outbound;
use crate::peer::Peer;
use crate::sink::OutboundSink;
use crate::stats::{DropReason, ShardStats};
use crate::vnet::VNET_LEN;

mod fragment;
mod fragmenter;
mod reassembly;
mod workbench;

pub(crate) use fragmenter::Fragmenter;
pub(crate) use workbench::Workbench;

use fragment::{FRAGMENT_HEADER_LEN, FragmentHeader};
use reassembly::Reassembly;

/// Only peers that have a layer have this.
pub(crate) struct Layers {
    pub options: LayerOptions,
    fragments: Option<Box<Fragments>>,
}

struct Fragments {
    sent: Fragmenter,
    received: Reassembly,
}

/// Where the payload of a datagram is, without its layers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwrapped {
    /// In these bytes of what was unwrapped.
    InPlace(Range<usize>),
    /// In the room given, behind the place for the virtio-net header: this many bytes.
    Moved(usize),
    /// Other fragments of it are still to come.
    Incomplete,
}

impl Layers {
    /// `None` for a peer without.
    pub fn new(options: &LayerOptions, tun_mtu: u16) -> Option<Box<Layers>> {
        if options.is_none() {
            return None;
        }
        let fragments = (options.fragment != 0).then(|| {
            Box::new(Fragments {
                sent: Fragmenter::new(options),
                received: Reassembly::new(room_len(tun_mtu)),
            })
        });
        Some(Box::new(Layers {
            options: *options,
            fragments,
        }))
    }

    /// Bytes that an uncompressed, whole packet grows by.
    pub fn overhead(&self) -> usize {
        let framing = self.options.framing.map_or(0, Framing::overhead);
        framing + self.fragments.as_ref().map_or(0, |_| FRAGMENT_HEADER_LEN)
    }

    /// The way to the peer or the suite has changed; see `Fragmenter::fit`.
    pub fn fit(&mut self, outer_headers: usize, max_payload: impl Fn(usize) -> usize) {
        if let Some(fragments) = &mut self.fragments {
            fragments.sent.fit(outer_headers, max_payload);
        }
    }

    /// Takes the payload of a datagram. `room` is for a packet of the tunnel's MTU behind a virtio-net header.
    pub fn unwrap(
        &mut self,
        now: Millis,
        payload: &mut [u8],
        room: &mut [u8],
        stats: &ShardStats,
    ) -> Result<Unwrapped, DropReason> {
        let Some(fragments) = &mut self.fragments else {
            return unframe(self.options.framing, payload, room, 0);
        };
        let (header, rest) = payload
            .split_first_chunk_mut::<FRAGMENT_HEADER_LEN>()
            .ok_or(DropReason::BadFragment)?;
        match FragmentHeader::decode(header)? {
            FragmentHeader::Whole => unframe(self.options.framing, rest, room, FRAGMENT_HEADER_LEN),
            FragmentHeader::Part(part) => {
                let Some(packet) = fragments.received.add(now, &part, rest, stats)? else {
                    return Ok(Unwrapped::Incomplete);
                };
                match unframe(self.options.framing, packet, room, 0)? {
                    Unwrapped::InPlace(range) => move_to(&packet[range], room),
                    moved @ (Unwrapped::Moved(_) | Unwrapped::Incomplete) => Ok(moved),
                }
            }
        }
    }
}

impl LayerOptions {
    pub(crate) fn is_none(&self) -> bool {
        self.framing.is_none() && self.fragment == 0
    }
}

/// Length of the room for an inner packet behind its virtio-net header. A little more than the MTU, for what an OCC message adds.
pub(crate) fn room_len(tun_mtu: u16) -> usize {
    VNET_LEN + usize::from(tun_mtu) + SLACK
}

const SLACK: usize = 64;

/// `at`: where `payload` begins in what the caller has.
fn unframe(
    framing: Option<Framing>,
    payload: &mut [u8],
    room: &mut [u8],
    at: usize,
) -> Result<Unwrapped, DropReason> {
    let room = room.get_mut(VNET_LEN..).ok_or(DropReason::BadCompression)?;
    let unframed = match framing {
        None => Unframed::InPlace(0..payload.len()),
        Some(framing) => framing.unframe(payload, room)?,
    };
    Ok(match unframed {
        Unframed::InPlace(range) => Unwrapped::InPlace(at + range.start..at + range.end),
        Unframed::Inflated(len) => Unwrapped::Moved(len),
    })
}

fn move_to(packet: &[u8], room: &mut [u8]) -> Result<Unwrapped, DropReason> {
    room.get_mut(VNET_LEN..VNET_LEN + packet.len())
        .ok_or(DropReason::BadFragment)?
        .copy_from_slice(packet);
    Ok(Unwrapped::Moved(packet.len()))
}

/// `outbound::seal` for a peer with layers.
pub(crate) fn send(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let Some(layers) = &peer.layers else {
        return outbound::seal_payload(context, peer, now, len, fill, sink);
    };
    let LayerOptions {
        framing, compress, ..
    } = layers.options;
    let fragmenter = layers.fragments.as_ref().map(|fragments| &fragments.sent);
    let (header_len, longest) = fragmenter.map_or((0, usize::MAX), |f| {
        (FRAGMENT_HEADER_LEN, f.longest_whole())
    });
    let plain_len = len + framing.map_or(0, Framing::overhead);
    let compress = framing.filter(|_| compress && len >= WORTH_COMPRESSING);
    if compress.is_none() && plain_len <= longest {
        let write = |slot: &mut [u8]| {
            let (header, slot) = slot.split_at_mut(header_len);
            header.fill(0);
            match framing {
                None => fill(slot),
                Some(framing) => framing.write_plain(slot, fill),
            }
        };
        return outbound::seal_payload(context, peer, now, header_len + plain_len, write, sink);
    }
    let mut bench = context.workbench.borrow_mut();
    let payload = bench.frame(framing, compress.is_some(), len, fill)?;
    if payload.len() <= longest {
        let write = |slot: &mut [u8]| {
            let (header, slot) = slot.split_at_mut(header_len);
            header.fill(0);
            slot.copy_from_slice(payload);
        };
        return outbound::seal_payload(context, peer, now, header_len + payload.len(), write, sink);
    }
    send_fragments(context, peer, now, payload, sink)
}

/// Less than this is not worth the work; pings and handshakes of TCP are below it.
const WORTH_COMPRESSING: usize = 100;

fn send_fragments(
    context: &Context,
    peer: &mut Peer,
    now: Millis,
    payload: &[u8],
    sink: &mut impl OutboundSink,
) -> Result<(), DropReason> {
    let Some(fragments) = peer
        .layers
        .as_mut()
        .and_then(|layers| layers.fragments.as_mut())
    else {
        return Err(DropReason::TooManyFragments);
    };
    for (header, piece) in fragments.sent.cut(payload)? {
        let write = |slot: &mut [u8]| {
            let (first, rest) = slot.split_at_mut(FRAGMENT_HEADER_LEN);
            first.copy_from_slice(&header);
            rest.copy_from_slice(piece);
        };
        let len = FRAGMENT_HEADER_LEN + piece.len();
        outbound::seal_payload(context, peer, now, len, write, sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

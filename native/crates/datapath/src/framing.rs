//! Compression framings: how a payload says whether it is compressed. They lie between the cipher and the inner packet,
//! the fragment header outside of them. [wire 13]

use std::ops::Range;

use crate::stats::DropReason;

mod compressor;
mod escaped;
mod prefixed;
mod swapped;

pub(crate) use compressor::Compressor;

/// The framing of a peer, both ways. The numbers are those of ADD_PEER records; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `comp-lzo`, also `comp-lzo no`.
    Lzo = 1,
    /// `compress` and `compress stub`.
    Stub = 2,
    Lz4 = 3,
    StubV2 = 4,
    Lz4V2 = 5,
}

/// Where the inner packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unframed {
    /// In these bytes of what was unframed.
    InPlace(Range<usize>),
    /// In the first bytes of the room given, this many.
    Inflated(usize),
}

impl Framing {
    pub const ALL: [Framing; 5] = [
        Framing::Lzo,
        Framing::Stub,
        Framing::Lz4,
        Framing::StubV2,
        Framing::Lz4V2,
    ];

    pub fn from_number(number: u8) -> Option<Framing> {
        Framing::ALL
            .into_iter()
            .find(|framing| *framing as u8 == number)
    }

    /// Bytes that come on top of an uncompressed IP packet.
    pub fn overhead(self) -> usize {
        match self {
            Framing::Lzo | Framing::Stub | Framing::Lz4 => 1,
            Framing::StubV2 | Framing::Lz4V2 => 0,
        }
    }

    /// Finds the packet in a payload, which is overwritten; a compressed one is inflated into `room` and must fit there.
    ///
    /// The first byte of the older framings says itself what follows, so each of them takes the bytes of the others: a
    /// peer may compress although its server was told `comp-lzo no`.
    pub fn unframe(self, payload: &mut [u8], room: &mut [u8]) -> Result<Unframed, DropReason> {
        match self {
            Framing::StubV2 | Framing::Lz4V2 => escaped::unframe(payload, room),
            Framing::Lzo | Framing::Stub | Framing::Lz4 => match payload.first() {
                Some(&(prefixed::PLAIN | prefixed::LZO)) => prefixed::unframe(payload, room),
                Some(&(swapped::PLAIN | swapped::LZ4)) => swapped::unframe(payload, room),
                _ => Err(DropReason::BadFraming),
            },
        }
    }

    /// Has `fill` write a packet, uncompressed, into `slot`, which is `overhead` longer than the packet.
    /// INVARIANT: no packet begins with the escape byte of the newer framings: no IP packet, ping or OCC message does.
    pub fn write_plain(self, slot: &mut [u8], fill: impl FnOnce(&mut [u8])) {
        match self {
            Framing::Lzo => prefixed::write_plain(slot, fill),
            Framing::Stub | Framing::Lz4 => swapped::write_plain(slot, fill),
            Framing::StubV2 | Framing::Lz4V2 => fill(slot),
        }
    }

    /// `write_plain` for a packet that is there already, in the first bytes of the slot.
    pub(crate) fn frame_in_place(self, slot: &mut [u8]) {
        if self == Framing::Lzo && !slot.is_empty() {
            slot.copy_within(..slot.len() - 1, 1);
        }
        self.write_plain(slot, |_| {});
    }

    /// Compresses `packet` into `out` if that makes it shorter than it is uncompressed: the length of the payload.
    pub(crate) fn compress(
        self,
        packet: &[u8],
        out: &mut [u8],
        compressor: &mut Compressor,
    ) -> Option<usize> {
        let len = match self {
            Framing::Lzo => prefixed::compress(packet, out, compressor)?,
            Framing::Lz4 => swapped::compress(packet, out, compressor)?,
            Framing::Lz4V2 => escaped::compress(packet, out, compressor)?,
            Framing::Stub | Framing::StubV2 => return None,
        };
        (len < packet.len() + self.overhead()).then_some(len)
    }
}

/// Inflates an LZ4 block; `room` bounds what comes out. [wire 13]
fn inflate_lz4(block: &[u8], room: &mut [u8]) -> Result<Unframed, DropReason> {
    lz4_flex::block::decompress_into(block, room)
        .map(Unframed::Inflated)
        .map_err(|_| DropReason::BadCompression)
}

#[cfg(test)]
mod tests;

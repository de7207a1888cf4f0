use std::net::SocketAddr;

/// Outer path of a peer: the listener a packet came in by, and the peer's address there.
///
/// Two paths are the same when both are equal, so whoever builds one keeps `flowinfo` at 0 and never uses v4-mapped form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr {
    /// Index of the listener in the configuration's order, below 256, with `STREAM_BIT` for connections, and the number of
    /// the address of this machine that the peer uses.
    pub listener: u16,
    pub addr: SocketAddr,
}

/// Listeners of streams have this bit beside their index, so that a path says how its packets travel.
pub const STREAM_BIT: u16 = 0x8000;
/// Bits of `listener` that are the number of a local address, see `LocalAddresses`.
const LOCAL_BITS: u16 = 0x7f00;
const LOCAL_SHIFT: u32 = 8;
/// Bits of `listener` that are the index of the listener.
const INDEX_BITS: u16 = 0x00ff;

impl PeerAddr {
    /// Whether this is a connection: packets arrive in order and from nowhere else. [wire 1]
    pub fn is_stream(&self) -> bool {
        self.listener & STREAM_BIT != 0
    }

    /// The same path by way of one of this machine's addresses; 0 = any.
    pub fn at_local(self, number: u8) -> PeerAddr {
        let local = (u16::from(number) << LOCAL_SHIFT) & LOCAL_BITS;
        PeerAddr {
            listener: self.listener & !LOCAL_BITS | local,
            ..self
        }
    }

    pub fn local(&self) -> u8 {
        ((self.listener & LOCAL_BITS) >> LOCAL_SHIFT) as u8
    }

    pub fn listener_index(&self) -> u16 {
        self.listener & INDEX_BITS
    }

    /// Bytes of the outer IP and UDP or TCP headers on this path, without options.
    pub fn outer_header_len(&self) -> usize {
        let ip = if self.addr.is_ipv4() { 20 } else { 40 };
        ip + if self.is_stream() { 20 } else { 8 }
    }
}

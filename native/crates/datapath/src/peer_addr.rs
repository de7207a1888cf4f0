use std::net::SocketAddr;

/// Outer path of a peer: the listener a packet came in by, and the peer's address there.
///
/// Two paths are the same when both are equal, so whoever builds one keeps `flowinfo` at 0 and never uses v4-mapped form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr {
    /// Index of the listener in the configuration's order, with `STREAM_BIT` for connections.
    pub listener: u16,
    pub addr: SocketAddr,
}

/// Listeners of streams have this bit beside their index, so that a path says how its packets travel.
pub const STREAM_BIT: u16 = 0x8000;

impl PeerAddr {
    /// Whether this is a connection: packets arrive in order and from nowhere else. [wire 1]
    pub fn is_stream(&self) -> bool {
        self.listener & STREAM_BIT != 0
    }

    /// Bytes of the outer IP and UDP headers on this path.
    pub fn outer_header_len(&self) -> usize {
        if self.addr.is_ipv4() { 28 } else { 48 }
    }
}

use std::net::SocketAddr;

/// Outer path of a peer: the listener a packet came in by, and the peer's address there.
///
/// Two paths are the same when both are equal, so whoever builds one keeps `flowinfo` at 0 and never uses v4-mapped form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr {
    /// Index of the listener in the configuration's order.
    pub listener: u16,
    pub addr: SocketAddr,
}

impl PeerAddr {
    /// Bytes of the outer IP and UDP headers on this path.
    pub fn outer_header_len(&self) -> usize {
        if self.addr.is_ipv4() { 28 } else { 48 }
    }
}

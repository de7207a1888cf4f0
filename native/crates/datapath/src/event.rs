use crate::peer_addr::PeerAddr;
use crate::wire::{KeyId, PeerId};

/// What the data thread reports to its worker about an active peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataEvent {
    /// An authenticated, fresh packet came from another address; data already goes there. [wire 16]
    Floated { peer: PeerId, path: PeerAddr },
    /// The same, but the address belongs to another live peer: nothing has moved.
    FloatConflict {
        peer: PeerId,
        holder: PeerId,
        path: PeerAddr,
    },
    /// OCC EXIT inside the data channel. [wire 13]
    Exit { peer: PeerId },
    /// A limit of the key is reached: renegotiate. Said once per key. [wire 12.1, 17]
    KeyLimit { peer: PeerId, key: KeyId },
    /// Nothing authenticated came for the ping timeout. Said again after each further timeout.
    Silent { peer: PeerId },
    /// Less inner traffic than asked for in the period of inactivity. Said again after each further period.
    Inactive { peer: PeerId },
    /// The connection is gone; what was served through it will hear nothing more.
    Closed { path: PeerAddr },
    /// A reset came from an address that was answered as often as it may be.
    RateLimited { path: PeerAddr },
    /// The data thread has failed and started anew: it knows none of its peers any more.
    Reset,
}

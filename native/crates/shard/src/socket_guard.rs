use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use datapath::{Audience, PacketShapes, PeerId, Plane};
use netio::IoError;
use netio::flood_filter::{FilterDrops, FloodFilter, PacketShape, detach};

/// The kernel's filter of a shard's sockets, or none.
#[derive(Clone, Default)]
pub struct SocketGuard {
    filter: Option<Arc<FloodFilter>>,
    shard: usize,
}

impl SocketGuard {
    /// To be called while the plane has no clients; EPERM where the process may not use bpf(), EBUSY when there is one already.
    pub fn start(plane: &Plane) -> Result<SocketGuard, IoError> {
        let filter = Arc::new(FloodFilter::new(plane.settings.shards)?);
        let audience = Clients(Arc::clone(&filter));
        match plane.hearing.begin(Box::new(audience)) {
            true => Ok(SocketGuard {
                filter: Some(filter),
                shard: 0,
            }),
            false => Err(IoError::busy("filter floods a second time")),
        }
    }

    /// The same for another shard.
    pub fn of(&self, shard: usize) -> SocketGuard {
        SocketGuard {
            shard,
            ..self.clone()
        }
    }

    /// What another process has attached to the socket must not stay: it knows none of our clients.
    pub fn watch(&self, socket: &OwnedFd) {
        let filter = self.filter.as_ref();
        let attached = filter.is_some_and(|filter| filter.attach(self.shard, socket).is_ok());
        if !attached {
            // Refused where an administrator has locked a filter of his own in.
            let _ = detach(socket);
        }
    }

    /// What control packets of unknown clients look like from now on.
    pub fn expect(&self, shapes: Option<PacketShapes>) {
        if let Some(filter) = &self.filter {
            filter.expect(
                self.shard,
                shapes.map_or([PacketShape::UNKNOWN; 2], encode_shapes),
            );
        }
    }

    pub fn drops(&self) -> FilterDrops {
        let filter = self.filter.as_ref();
        filter.map_or_else(FilterDrops::default, |filter| filter.drops(self.shard))
    }

    /// Stable name and value of each.
    pub fn named(&self) -> [(&'static str, u64); 2] {
        let drops = self.drops();
        [
            ("udp-filtered", drops.nobodys),
            ("udp-filtered-resets", drops.resets),
        ]
    }
}

/// Under the server's wrapping, and under keys that clients bring.
pub fn encode_shapes(shapes: PacketShapes) -> [PacketShape; 2] {
    let plain = PacketShape {
        min_len: shapes.plain.min_len as u32,
        counter_at: shapes.plain.counter_at.unwrap_or(0) as u32,
    };
    let none = PacketShape {
        min_len: u32::MAX,
        counter_at: 0,
    };
    let with_key = shapes.with_key.map_or(none, |shape| PacketShape {
        min_len: shape.min_len as u32,
        counter_at: shape.counter_at.unwrap_or(0) as u32,
    });
    [plain, with_key]
}

struct Clients(Arc<FloodFilter>);

impl Audience for Clients {
    fn note_peer(&self, peer: PeerId, is_here: bool) {
        self.0.note_peer(peer.0, is_here);
    }

    fn note_address(&self, address: &SocketAddr, is_here: bool) {
        self.0.note_address(address, is_here);
    }
}

use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;

use datapath::{PeerId, Plane, RouteMirror};
use netio::IoError;
use netio::tun_steering::TunSteering;

/// Keeps the kernel's steering of a TUN in step with a plane's route table.
pub struct RouteSteering(Arc<TunSteering>);

impl RouteSteering {
    /// `queue` is one of the device. To be called while the plane has no routes; EBUSY when it is steered already.
    pub fn start(plane: &Plane, queue: RawFd) -> Result<RouteSteering, IoError> {
        let steering = Arc::new(TunSteering::new()?);
        steering.attach(queue)?;
        let mirror = Mirror {
            steering: Arc::clone(&steering),
            shards: plane.settings.shards,
        };
        if !plane.routes.set_mirror(Box::new(mirror)) {
            return Err(IoError::busy("steer the TUN a second time"));
        }
        Ok(RouteSteering(steering))
    }

    /// Again, after the device was made anew.
    pub fn attach(&self, queue: RawFd) -> Result<(), IoError> {
        self.0.attach(queue)
    }
}

struct Mirror {
    steering: Arc<TunSteering>,
    shards: usize,
}

impl RouteMirror for Mirror {
    fn insert(&self, network: IpAddr, length: u8, peer: PeerId) -> bool {
        let shard = peer.shard(self.shards) as u32;
        self.steering.insert(network, length, shard)
    }

    fn remove(&self, network: IpAddr, length: u8) -> bool {
        self.steering.remove(network, length)
    }
}

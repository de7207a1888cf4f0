use std::net::IpAddr;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;

use datapath::{PeerId, Plane, RouteMirror};
use netio::IoError;
use netio::tun_steering::{SteeringFds, TunSteering};

/// Keeps the kernel's steering of a TUN in step with a plane's route table.
pub struct RouteSteering(Arc<TunSteering>);

impl RouteSteering {
    /// `queue` is one of the device. To be called while the plane has no routes; EBUSY when it is steered already.
    pub fn start(plane: &Plane, queue: RawFd) -> Result<RouteSteering, IoError> {
        RouteSteering::follow(plane, TunSteering::new()?, queue)
    }

    /// As `start`, with the maps and the program of another process.
    pub fn adopt(
        plane: &Plane,
        queue: RawFd,
        descriptors: SteeringFds<OwnedFd>,
    ) -> Result<RouteSteering, IoError> {
        RouteSteering::follow(plane, TunSteering::adopt(descriptors), queue)
    }

    fn follow(
        plane: &Plane,
        steering: TunSteering,
        queue: RawFd,
    ) -> Result<RouteSteering, IoError> {
        let steering = Arc::new(steering);
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

    /// For `adopt`; `None` when packets are not steered any more.
    pub fn descriptors(&self) -> Option<SteeringFds<RawFd>> {
        self.0.descriptors()
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

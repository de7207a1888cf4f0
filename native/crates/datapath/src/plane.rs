use std::sync::Arc;

use crate::address_table::AddressTable;
use crate::audience::Hearing;
use crate::local_addresses::LocalAddresses;
use crate::mss::MssFix;
use crate::route_table::RouteTable;

/// Which end of the tunnel this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

#[derive(Clone, Debug)]
pub struct PlaneSettings {
    pub role: Role,
    /// Number of shards; a peer lives on shard `peer-id mod shards`.
    pub shards: usize,
    /// Packets between clients stay inside instead of going through the TUN.
    pub client_to_client: bool,
    pub mssfix: MssFix,
    /// Inner MTU.
    pub tun_mtu: u16,
    /// Peers at most, over all shards.
    pub max_peers: usize,
}

/// What all shards of one server share. Written when peers come and go, read without a lock on the packet path.
pub struct Plane {
    pub settings: PlaneSettings,
    pub routes: RouteTable,
    pub addresses: AddressTable,
    pub local: Arc<LocalAddresses>,
    /// Of whom the shards serve.
    pub hearing: Hearing,
}

impl Plane {
    pub fn new(settings: PlaneSettings) -> Plane {
        let hearing = Hearing::default();
        Plane {
            settings,
            routes: RouteTable::new(),
            addresses: AddressTable::new(hearing.clone()),
            local: Arc::default(),
            hearing,
        }
    }
}

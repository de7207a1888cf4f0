//! The packet path of one shard: bytes in, bytes or a counted verdict out.
//!
//! No sockets, no clock, no threads: the caller reads packets and passes `now`, results leave through the sink traits.
//! Nothing here allocates or locks per packet. Read `data_path`, then `inbound` and `outbound`.
#![forbid(unsafe_code)]

// The test support is also used by benches and crate tests, which know this crate by its name.
#[cfg(test)]
extern crate self as datapath;

pub mod address_table;
pub mod admission;
pub mod aead;
mod aead_packets;
pub mod audience;
mod bucket;
pub mod byte_reader;
mod cbc;
pub mod checksum;
pub mod coalesce;
mod coalesce_flow;
pub mod command;
pub mod control_gate;
pub mod control_wrap;
pub mod data_path;
mod door;
pub mod epoch;
pub mod event;
mod frame_queue;
pub mod framing;
mod headroom;
mod hmac_key;
mod hmac_packets;
pub mod inbound;
pub mod inner_packet;
mod key_ring;
mod key_state;
mod layers;
mod limits;
pub mod local_addresses;
mod marks;
pub mod mss;
mod occ;
pub mod outbound;
mod packet_ids;
pub mod peer;
pub mod peer_addr;
mod peer_record;
pub mod plane;
pub mod replay;
pub mod route_table;
mod segment;
pub mod session_table;
pub mod sink;
pub mod snapshot;
pub mod split;
pub mod stats;
#[cfg(test)]
mod test_packets;
#[cfg(test)]
mod test_sink;
pub mod timer_wheel;
pub mod vnet;
pub mod wire;

pub use admission::{AdmissionOrder, PacketShape, PacketShapes};
pub use audience::Audience;
pub use command::{
    AddPeer, CbcCipher, Cipher, CommandError, DataFormat, Digest, DirectionKey, InstallKey,
    KEY_SLOT_LEN, LayerOptions, Suite, UpdatePeer,
};
pub use control_wrap::{CLIENT_KEYS_KEY_LEN, Direction, STATIC_KEY_LEN, WrapKey};
pub use data_path::{DataPath, TunOffloads};
pub use event::DataEvent;
pub use framing::Framing;
pub use limits::PeerLimits;
pub use peer_addr::{PeerAddr, STREAM_BIT};
pub use plane::{Plane, PlaneSettings, Role};
pub use replay::ReplayTolerance;
pub use route_table::RouteMirror;
pub use sink::{InboundSink, OutboundSink};
pub use snapshot::SnapshotError;
pub use stats::{DropReason, HopReason, PeerSnapshot, ShardStats};
pub use vnet::{VNET_LEN, VnetHeader};
pub use wire::{KeyId, PeerId};

/// Monotonic milliseconds, the caller's clock. Only differences matter.
pub type Millis = u64;

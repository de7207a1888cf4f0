//! The epoch format of the data channel: 64-bit packet ids whose upper part says which key of a chain a packet is sealed
//! with. DATA_V2 and AEAD ciphers only. [wire 12.2]
//!
//! `secret` derives the chain, `epoch_key` seals and opens under one of its keys, `sealer` and `opener` walk along it,
//! `epoch_packets` joins the two directions.

mod epoch_key;
mod epoch_packets;
mod limits;
mod opener;
mod sealer;
mod secret;

pub use epoch_packets::EpochPackets;
pub use limits::EpochLimits;

/// Opcode, key-id and peer-id.
const HEADER_LEN: usize = 4;
/// Header, epoch and counter: where the payload begins, and what is authenticated beside it.
pub const PAYLOAD_AT: usize = HEADER_LEN + 8;

/// Keys that lie ahead of the one in use. A peer may be that many epochs on before its packets are refused.
const FUTURE_KEYS: u16 = 16;
const FIRST_EPOCH: u16 = 1;

#[cfg(test)]
mod path_tests;
#[cfg(test)]
mod test_vectors;

//! The packet side of the load generator: thousands of clients on one thread, each with a UDP socket of its own, over the
//! same `datapath` in the client's role. Where a client has a TUN there is a source and a sink of counted packets.
//!
//! Read `load_loop` first, then `traffic`. `binding` is what JavaScript sees.
#![deny(unsafe_code)]

pub mod account;
// Only JavaScript calls it, so a test binary would find it unused.
#[cfg(not(test))]
mod binding;
pub mod clock;
pub mod echo;
#[cfg(not(test))]
mod error;
pub mod flood;
pub mod flow;
pub mod ledger;
pub mod load_loop;
pub mod load_sink;
pub mod local_ports;
pub mod pacer;
pub mod packet;
pub mod registry;
pub mod ring_peer;
#[cfg(not(test))]
mod ring_peer_binding;
pub mod tally;
pub mod traffic;

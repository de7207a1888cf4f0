//! The packet side of the load generator: thousands of clients on one thread, each with a UDP socket of its own, over the
//! same `datapath` in the client's role. Where a client has a TUN there is a source and a sink of counted packets.
//!
//! Read `load_loop` first, then `traffic`. `binding` is what JavaScript sees.
#![deny(unsafe_code)]

mod binding;
mod clock;
mod echo;
mod error;
mod flow;
mod load_loop;
mod load_sink;
mod pacer;
mod packet;
mod registry;
mod tally;
mod traffic;

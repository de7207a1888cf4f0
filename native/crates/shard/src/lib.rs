//! One data thread per shard: joins the system calls of `netio` with the packet logic of `datapath`.
//!
//! Read `event_loop` first; `registry` is what the JavaScript side sees.
#![forbid(unsafe_code)]

pub mod address_record;
pub mod clock;
pub mod commands;
pub mod control_ring;
pub mod event_loop;
pub mod framing;
pub mod hand_over;
pub mod hop;
pub mod io_stats;
mod local_book;
mod loss_count;
mod machine_load;
pub mod outlet;
pub mod pace;
mod panic_note;
pub mod port_share;
pub mod proxy_header;
mod ready_queue;
pub mod registry;
mod restarts;
pub mod ring;
mod route_steering;
pub mod shard_thread;
pub mod snapshot_store;
pub mod socket_guard;
pub mod socket_order;
mod stream_queue;
pub mod stream_reader;
pub mod stream_settings;
mod stream_stats;
pub mod streams;
mod urgency;
pub mod worker_port;

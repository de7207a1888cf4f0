//! Every system call of the data path, in batches, behind safe faces.
//!
//! The only crate of the project with `unsafe` code. It knows packets as bytes and addresses; sessions, opcodes and
//! the event loop live above.

#[cfg(test)]
extern crate self as netio;

pub mod bpf;
mod bpf_assembler;
#[cfg(test)]
mod bpf_machine;
mod bpf_memory;
pub mod capabilities;
pub mod caps;
pub mod error;
mod error_queue;
pub mod fd;
pub mod fd_channel;
pub mod flood_filter;
pub mod flood_program;
pub mod interface;
pub mod link_watch;
pub mod mem;
pub mod netlink;
pub mod priority;
pub mod receive_batch;
pub mod routing;
pub mod send_batch;
mod send_notes;
pub mod service_notice;
pub mod sockaddr;
pub mod socket_options;
pub mod steer_bpf;
pub mod tcp_client;
pub mod tcp_group;
pub mod tcp_stream;
pub mod tun;
pub mod tun_queue;
pub mod tun_steering;
pub mod udp_client;
pub mod udp_group;
mod udp_socket;
pub mod wake;

pub use error::IoError;

//! What JavaScript sees of the native core; `native/index.d.ts` is its typed face. Conversions only, no logic.

mod client;
mod control_cipher;
mod counters;
mod device;
mod error;
mod hand_over;
mod plane;
mod shard;
mod shared_view;
mod snapshot;
mod streams;
mod tls_server;

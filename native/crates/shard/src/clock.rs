use std::sync::OnceLock;
use std::time::Instant;

use datapath::Millis;

/// Monotonic milliseconds since the process asked first; one epoch for all threads.
pub fn now() -> Millis {
    epoch().elapsed().as_millis() as Millis
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

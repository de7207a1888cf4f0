use std::sync::OnceLock;
use std::time::Instant;

use datapath::Millis;

/// Monotonic milliseconds; one epoch for all threads.
pub fn now() -> Millis {
    BEFORE + epoch().elapsed().as_millis() as Millis
}

/// Moments before the process began have a number, too: sessions of an earlier process remember some. 34 years.
const BEFORE: Millis = 1 << 40;

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

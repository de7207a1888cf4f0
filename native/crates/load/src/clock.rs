use std::sync::OnceLock;
use std::time::Instant;

/// Monotonic nanoseconds since the process asked first; one epoch for all threads, so that stamps can be compared.
pub type Nanos = u64;

pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MILLISECOND;

pub fn now() -> Nanos {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as Nanos
}

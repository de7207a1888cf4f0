use crate::data_path::TunOffloads;

/// Merges consecutive segments of a flow into superpackets for the TUN.
pub struct Coalescer {}

impl Coalescer {
    pub fn new(_offloads: TunOffloads) -> Coalescer {
        Coalescer {}
    }
}

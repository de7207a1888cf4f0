use crate::command::DataFormat;
use crate::peer_addr::PeerAddr;
use crate::wire::{DATA_V1_OVERHEAD, DATA_V2_OVERHEAD};

/// Largest inner packet whose data packet fits into an outer datagram of `mssfix` bytes; 0 = no clamp.
pub fn max_inner(mssfix: u16, path: &PeerAddr, format: DataFormat) -> u16 {
    let overhead = match format {
        DataFormat::V1 => DATA_V1_OVERHEAD,
        DataFormat::V2 => DATA_V2_OVERHEAD,
    };
    mssfix.saturating_sub((path.outer_header_len() + overhead) as u16)
}

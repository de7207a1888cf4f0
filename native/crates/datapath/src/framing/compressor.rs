use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use lzokay::compress::{Dict, compress_no_alloc, compress_worst_size};

use super::Framing;

/// What compressing needs to remember while it works: made before the first packet, used again for each.
#[derive(Default)]
pub(crate) struct Compressor {
    lz4: Option<Box<CompressTable>>,
    lzo: Option<Box<Dict>>,
}

impl Compressor {
    /// Room that a packet of `len` bytes may take while it is compressed, its framing included.
    pub fn room_for(len: usize) -> usize {
        2 + get_maximum_output_size(len).max(compress_worst_size(len))
    }

    /// Gets the memory for packets of this framing. Without it they stay uncompressed.
    pub fn prepare(&mut self, framing: Framing) {
        match framing {
            Framing::Lzo => {
                self.lzo.get_or_insert_with(Dict::new);
            }
            Framing::Lz4 | Framing::Lz4V2 => {
                self.lz4.get_or_insert_with(Box::default);
            }
            Framing::Stub | Framing::StubV2 => {}
        }
    }

    pub(super) fn lz4(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        compress_into_with_table(packet, out, self.lz4.as_mut()?).ok()
    }

    pub(super) fn lzo(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        compress_no_alloc(packet, out, self.lzo.as_mut()?).ok()
    }
}

use super::room_len;
use crate::command::LayerOptions;
use crate::framing::{Compressor, Framing};
use crate::stats::DropReason;

/// Where a packet is put together that is compressed or cut before it is sealed. One for a shard; it has no memory until
/// a peer needs it.
#[derive(Default)]
pub(crate) struct Workbench {
    packet: Box<[u8]>,
    compressed: Box<[u8]>,
    compressor: Compressor,
}

impl Workbench {
    /// Gets the memory that a peer with these layers needs.
    pub fn prepare(&mut self, options: &LayerOptions, tun_mtu: u16) {
        let len = room_len(tun_mtu);
        if (options.compress || options.fragment != 0) && self.packet.is_empty() {
            self.packet = vec![0; len].into();
        }
        if let Some(framing) = options.framing.filter(|_| options.compress) {
            if self.compressed.is_empty() {
                self.compressed = vec![0; Compressor::room_for(len)].into();
            }
            self.compressor.prepare(framing);
        }
    }

    /// A packet of `len` bytes that `fill` writes, in its framing, compressed if that is wanted and pays.
    pub fn frame(
        &mut self,
        framing: Option<Framing>,
        compress: bool,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<&[u8], DropReason> {
        let overhead = framing.map_or(0, Framing::overhead);
        let slot = self
            .packet
            .get_mut(..len + overhead)
            .ok_or(DropReason::TooManyFragments)?;
        let Some(framing) = framing else {
            fill(slot);
            return Ok(slot);
        };
        if !compress {
            framing.write_plain(slot, fill);
            return Ok(slot);
        }
        let packet = &mut slot[..len];
        fill(packet);
        match framing.compress(packet, &mut self.compressed, &mut self.compressor) {
            Some(len) => Ok(&self.compressed[..len]),
            None => {
                // The plain form from the packet that is already there.
                framing.frame_in_place(slot);
                Ok(slot)
            }
        }
    }
}

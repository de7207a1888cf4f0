use std::ops::Range;

use crate::vnet::VNET_LEN;

/// Makes room for a virtio-net header in front of a payload. Almost always what the packet format has put there is enough;
/// only without a cipher and a digest it is too short, and the payload moves here. Before that, while a datagram may have to be
/// opened twice, a copy of it is here.
#[derive(Default)]
pub(crate) struct Headroom {
    /// As long as the longest frame or datagram so far.
    frame: Vec<u8>,
}

impl Headroom {
    /// The payload with `VNET_LEN` bytes in front of it.
    pub fn frame<'a>(&'a mut self, datagram: &'a mut [u8], payload: Range<usize>) -> &'a mut [u8] {
        if payload.start >= VNET_LEN {
            return &mut datagram[payload.start - VNET_LEN..payload.end];
        }
        let frame = self.room(VNET_LEN + payload.len());
        frame[VNET_LEN..].copy_from_slice(&datagram[payload]);
        frame
    }

    pub fn copy(&mut self, datagram: &[u8]) -> &[u8] {
        let copy = self.room(datagram.len());
        copy.copy_from_slice(datagram);
        copy
    }

    fn room(&mut self, len: usize) -> &mut [u8] {
        if self.frame.len() < len {
            self.frame.resize(len, 0);
        }
        &mut self.frame[..len]
    }
}

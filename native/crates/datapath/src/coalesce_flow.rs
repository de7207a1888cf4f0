use crate::checksum;
use crate::frame_queue::FrameQueue;
use crate::inner_packet::{IPV6_HEADER_LEN, TCP, UDP};
use crate::segment::{FlowKey, Segment};
use crate::vnet::{GsoKind, VNET_LEN, VnetHeader};

/// Largest superpacket: the IPv4 length field's range, used for IPv6 too.
const MAX_PACKET: usize = 65_535;
/// The same with its virtio-net header.
pub(crate) const MAX_FRAME: usize = VNET_LEN + MAX_PACKET;
/// The kernel refuses to cut a UDP superpacket into more than this (128 on newer kernels).
const MAX_UDP_SEGMENTS: usize = 64;

/// One superpacket in the making.
pub(crate) struct Flow {
    /// Room for the virtio-net header, then the packet so far: the first header and all payloads.
    buffer: Box<[u8]>,
    /// Bytes of the packet so far.
    len: usize,
    /// Packets so far; 0 = not open.
    count: usize,
    opened: u64,
    state: Option<Open>,
}

struct Open {
    key: FlowKey,
    /// The first segment; all later ones are like it, the last may be shorter.
    first: Segment,
    first_is_checked: bool,
    is_full: bool,
}

impl Flow {
    pub fn new() -> Flow {
        Flow {
            buffer: vec![0; MAX_FRAME].into_boxed_slice(),
            len: 0,
            count: 0,
            opened: 0,
            state: None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.state.is_some()
    }

    pub fn is(&self, key: &FlowKey) -> bool {
        self.state.as_ref().is_some_and(|open| open.key == *key)
    }

    /// When this flow was opened, in the coalescer's count.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    pub fn open(&mut self, packet: &[u8], key: FlowKey, first: Segment, opened: u64) {
        self.len = first.header_len + first.payload_len;
        self.buffer[VNET_LEN..VNET_LEN + self.len].copy_from_slice(&packet[..self.len]);
        self.count = 1;
        self.opened = opened;
        self.state = Some(Open {
            key,
            first,
            first_is_checked: false,
            is_full: false,
        });
    }

    /// Takes `packet` into the superpacket if it is the next one of its kind. False: nothing has changed.
    pub fn append(&mut self, packet: &[u8], segment: &Segment) -> bool {
        let Some(open) = &mut self.state else {
            return false;
        };
        let first = &open.first;
        let max_count = if first.is_tcp {
            usize::MAX
        } else {
            MAX_UDP_SEGMENTS
        };
        let so_far = &self.buffer[VNET_LEN..VNET_LEN + self.len];
        let fits = !open.is_full
            && segment.header_len == first.header_len
            && segment.payload_len <= first.payload_len
            && self.len + segment.payload_len <= MAX_PACKET
            && self.count < max_count
            && segment.continues(so_far, packet, self.len - first.header_len, self.count)
            && (open.first_is_checked || first.is_intact(so_far));
        if !fits {
            return false;
        }
        open.first_is_checked = true;
        let end = VNET_LEN + self.len + segment.payload_len;
        let payload = &packet[segment.header_len..segment.header_len + segment.payload_len];
        // One pass over the payload for both; what does not belong behind the superpacket is overwritten by what does.
        let sum = checksum::copy(payload, &mut self.buffer[VNET_LEN + self.len..end]);
        if !segment.is_intact_with(packet, sum) {
            return false;
        }
        open.is_full = segment.ends_burst || segment.payload_len < first.payload_len;
        if first.is_tcp {
            self.buffer[VNET_LEN + first.l4 + 13] |= packet[first.l4 + 13];
        }
        self.len += segment.payload_len;
        self.count += 1;
        true
    }

    /// Nothing can follow the segment appended last.
    pub fn is_full(&self) -> bool {
        self.state.as_ref().is_some_and(|open| open.is_full)
    }

    /// Queues the superpacket and closes the flow.
    pub fn finish(&mut self, queue: &mut FrameQueue, write: &mut impl FnMut(&[u8], usize)) {
        let Some(open) = self.state.take() else {
            return;
        };
        let frame = &mut self.buffer[..VNET_LEN + self.len];
        let (vnet_slot, packet) = frame.split_at_mut(VNET_LEN);
        let vnet = if self.count == 1 {
            VnetHeader::PLAIN
        } else {
            complete_headers(&open.first, packet)
        };
        vnet_slot.copy_from_slice(&vnet.encode());
        let len = frame.len();
        queue.enqueue(&mut self.buffer, len, self.count, open.key, write);
    }
}

/// Lengths and checksums of the whole. The L4 checksum field gets the pseudo header's sum, not complemented:
/// whoever cuts the superpacket, or takes it whole, goes on from there.
fn complete_headers(first: &Segment, packet: &mut [u8]) -> VnetHeader {
    let len = packet.len();
    let (ip, l4) = packet.split_at_mut(first.l4);
    let addresses = if first.is_v4 {
        ip[2..4].copy_from_slice(&(len as u16).to_be_bytes());
        let sum = checksum::ipv4_header(ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        &ip[12..20]
    } else {
        ip[4..6].copy_from_slice(&((len - IPV6_HEADER_LEN) as u16).to_be_bytes());
        &ip[8..40]
    };
    let (gso, protocol, csum_offset) = match (first.is_tcp, first.is_v4) {
        (true, true) => (GsoKind::Tcp4, TCP, 16),
        (true, false) => (GsoKind::Tcp6, TCP, 16),
        (false, _) => (GsoKind::Udp, UDP, 6),
    };
    if !first.is_tcp {
        let udp_len = l4.len() as u16;
        l4[4..6].copy_from_slice(&udp_len.to_be_bytes());
    }
    let pseudo = checksum::fold(checksum::pseudo_header(addresses, protocol, l4.len()));
    l4[csum_offset..csum_offset + 2].copy_from_slice(&pseudo.to_be_bytes());
    VnetHeader {
        needs_csum: true,
        gso,
        hdr_len: first.header_len as u16,
        gso_size: first.payload_len as u16,
        csum_start: first.l4 as u16,
        csum_offset: csum_offset as u16,
    }
}

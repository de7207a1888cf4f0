/// Bytes of the virtio-net header before every packet of the TUN (`TUNSETVNETHDRSZ` = 10, little-endian).
pub const VNET_LEN: usize = 10;

const FLAG_NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Kind of superpacket behind a virtio-net header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    None,
    Tcp4,
    Tcp6,
    /// UDP segmentation (USO), IPv4 or IPv6.
    Udp,
}

/// The virtio-net header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VnetHeader {
    /// The checksum at `csum_start + csum_offset` holds the folded pseudo-header sum and has yet to be completed.
    pub needs_csum: bool,
    pub gso: GsoKind,
    pub hdr_len: u16,
    pub gso_size: u16,
    pub csum_start: u16,
    pub csum_offset: u16,
}

impl VnetHeader {
    /// A plain packet with nothing left to do.
    pub const PLAIN: VnetHeader = VnetHeader {
        needs_csum: false,
        gso: GsoKind::None,
        hdr_len: 0,
        gso_size: 0,
        csum_start: 0,
        csum_offset: 0,
    };

    /// `None` for a segmentation type that was never asked for.
    pub fn decode(bytes: &[u8; VNET_LEN]) -> Option<VnetHeader> {
        let gso = match bytes[1] & !GSO_ECN {
            GSO_NONE => GsoKind::None,
            GSO_TCPV4 => GsoKind::Tcp4,
            GSO_TCPV6 => GsoKind::Tcp6,
            GSO_UDP_L4 => GsoKind::Udp,
            _ => return None,
        };
        let le16 = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Some(VnetHeader {
            needs_csum: bytes[0] & FLAG_NEEDS_CSUM != 0,
            gso,
            hdr_len: le16(2),
            gso_size: le16(4),
            csum_start: le16(6),
            csum_offset: le16(8),
        })
    }

    pub fn encode(&self) -> [u8; VNET_LEN] {
        let mut bytes = [0; VNET_LEN];
        bytes[0] = if self.needs_csum { FLAG_NEEDS_CSUM } else { 0 };
        bytes[1] = match self.gso {
            GsoKind::None => GSO_NONE,
            GsoKind::Tcp4 => GSO_TCPV4,
            GsoKind::Tcp6 => GSO_TCPV6,
            GsoKind::Udp => GSO_UDP_L4,
        };
        bytes[2..4].copy_from_slice(&self.hdr_len.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.gso_size.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.csum_start.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.csum_offset.to_le_bytes());
        bytes
    }
}

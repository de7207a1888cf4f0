use std::net::{IpAddr, SocketAddr};

use datapath::PeerAddr;

/// Bytes of an address in a ring record.
pub const ADDRESS_LEN: usize = 24;

/// `u16 listener | u8 family | u8 0 | u16 port | u16 0 | ip[16]`, little-endian.
pub fn encode_address(path: &PeerAddr) -> [u8; ADDRESS_LEN] {
    let mut bytes = [0; ADDRESS_LEN];
    bytes[0..2].copy_from_slice(&path.listener.to_le_bytes());
    bytes[4..6].copy_from_slice(&path.addr.port().to_le_bytes());
    match path.addr.ip() {
        IpAddr::V4(ip) => {
            bytes[2] = 4;
            bytes[8..12].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes[2] = 6;
            bytes[8..24].copy_from_slice(&ip.octets());
        }
    }
    bytes
}

/// `None` for a family that does not exist.
pub fn decode_address(bytes: &[u8; ADDRESS_LEN]) -> Option<PeerAddr> {
    let [l0, l1, family, _, p0, p1, _, _, ip @ ..] = *bytes;
    let ip = match family {
        4 => IpAddr::from([ip[0], ip[1], ip[2], ip[3]]),
        6 => IpAddr::from(ip),
        _ => return None,
    };
    let addr = SocketAddr::new(ip, u16::from_le_bytes([p0, p1]));
    Some(PeerAddr {
        listener: u16::from_le_bytes([l0, l1]),
        addr,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_ring() {
        for text in ["192.0.2.1:1194", "[2001:db8::5]:40000"] {
            let path = PeerAddr {
                listener: 513,
                addr: text.parse().expect("address"),
            };
            assert_eq!(decode_address(&encode_address(&path)), Some(path));
        }
        assert_eq!(decode_address(&[0; ADDRESS_LEN]), None);
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let path = PeerAddr {
            listener: 0x0102,
            addr: "1.2.3.4:772".parse().expect("address"),
        };
        let bytes = encode_address(&path);
        assert_eq!(bytes[..12], [2, 1, 4, 0, 4, 3, 0, 0, 1, 2, 3, 4]);
        assert_eq!(bytes[12..], [0; 12]);
    }
}

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a balancer says in front of a connection, about whom it stands for (PROXY protocol, versions 1 and 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The rest has not come.
    Incomplete,
    /// The client's address, and the length of the header.
    Client(SocketAddr, usize),
    /// It speaks for itself, or for somebody it does not name; the length of the header.
    Nobody(usize),
    /// No header, or one that contradicts itself.
    Malformed,
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// `PROXY`, two IPv6 addresses, two ports and the end of the line.
const LONGEST_LINE: usize = 107;
/// Of version 2, with whatever a balancer adds behind the addresses.
const LONGEST_BINARY: usize = 16 + 1024;

pub fn decode_proxy_header(bytes: &[u8]) -> ProxyHeader {
    if agrees(bytes, &SIGNATURE) {
        return decode_binary(bytes);
    }
    if agrees(bytes, b"PROXY ") {
        return decode_line(bytes);
    }
    ProxyHeader::Malformed
}

/// As far as both go.
fn agrees(bytes: &[u8], expected: &[u8]) -> bool {
    bytes.iter().zip(expected).all(|(a, b)| a == b)
}

fn decode_line(bytes: &[u8]) -> ProxyHeader {
    let line = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_LINE {
            ProxyHeader::Incomplete
        } else {
            ProxyHeader::Malformed
        };
    };
    let Ok(text) = std::str::from_utf8(&line[..end]) else {
        return ProxyHeader::Malformed;
    };
    let len = end + 2;
    let words: Vec<&str> = text.split(' ').collect();
    if words.get(1) == Some(&"UNKNOWN") {
        return ProxyHeader::Nobody(len);
    }
    let &[_, family, source, destination, port, other_port] = words.as_slice() else {
        return ProxyHeader::Malformed;
    };
    let (Ok(source), Ok(destination)) = (source.parse::<IpAddr>(), destination.parse::<IpAddr>())
    else {
        return ProxyHeader::Malformed;
    };
    let (Ok(port), Ok(_)) = (port.parse::<u16>(), other_port.parse::<u16>()) else {
        return ProxyHeader::Malformed;
    };
    let is_v4 = family == "TCP4";
    let known = is_v4 || family == "TCP6";
    if !known || source.is_ipv4() != is_v4 || destination.is_ipv4() != is_v4 {
        return ProxyHeader::Malformed;
    }
    ProxyHeader::Client(SocketAddr::new(source.to_canonical(), port), len)
}

fn decode_binary(bytes: &[u8]) -> ProxyHeader {
    let Some(head) = bytes.first_chunk::<16>() else {
        return ProxyHeader::Incomplete;
    };
    let len = 16 + usize::from(u16::from_be_bytes([head[14], head[15]]));
    let is_local = match head[12] {
        0x20 => true,
        0x21 => false,
        _ => return ProxyHeader::Malformed,
    };
    if len > LONGEST_BINARY {
        return ProxyHeader::Malformed;
    }
    let Some(addresses) = bytes.get(16..len) else {
        return ProxyHeader::Incomplete;
    };
    match head[13] {
        _ if is_local => ProxyHeader::Nobody(len),
        0x11 => addresses
            .first_chunk()
            .map_or(ProxyHeader::Malformed, |a: &[u8; 12]| {
                let ip = Ipv4Addr::new(a[0], a[1], a[2], a[3]);
                ProxyHeader::Client((ip, u16::from_be_bytes([a[8], a[9]])).into(), len)
            }),
        0x21 => addresses
            .first_chunk()
            .map_or(ProxyHeader::Malformed, |a: &[u8; 36]| {
                let mut ip = [0; 16];
                ip.copy_from_slice(&a[..16]);
                let ip = IpAddr::from(Ipv6Addr::from(ip)).to_canonical();
                ProxyHeader::Client((ip, u16::from_be_bytes([a[32], a[33]])).into(), len)
            }),
        0x00 => ProxyHeader::Nobody(len),
        _ => ProxyHeader::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let len = (addresses.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &len, addresses].concat()
    }

    #[test]
    fn both_versions_name_the_client() {
        let v4: SocketAddr = "192.0.2.7:4000".parse().expect("address");
        let v6: SocketAddr = "[2001:db8::7]:4000".parse().expect("address");
        let mut of_v6 = vec![0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        of_v6.extend([1; 16]);
        of_v6.extend([0x0f, 0xa0, 4, 0xaa]);
        let of_v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x0f, 0xa0, 4, 0xaa, 9, 9];
        for (bytes, client) in [
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 4000 1194\r\n".to_vec(), v4),
            (b"PROXY TCP6 2001:db8::7 ::1 4000 1194\r\n".to_vec(), v6),
            (binary(0x21, 0x11, &of_v4), v4),
            (binary(0x21, 0x21, &of_v6), v6),
        ] {
            for cut in 0..bytes.len() {
                assert_eq!(decode_proxy_header(&bytes[..cut]), ProxyHeader::Incomplete);
            }
            let len = bytes.len();
            let with_more = [&bytes[..], b"\0\x0e8"].concat();
            assert_eq!(
                decode_proxy_header(&with_more),
                ProxyHeader::Client(client, len)
            );
        }
    }

    #[test]
    fn a_balancer_may_speak_for_itself() {
        for bytes in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            binary(0x20, 0, &[]),
            binary(0x20, 0x11, &[0; 12]),
            binary(0x21, 0, &[]),
        ] {
            assert_eq!(
                decode_proxy_header(&bytes),
                ProxyHeader::Nobody(bytes.len())
            );
        }
    }

    #[test]
    fn contradictions_are_told() {
        for bytes in [
            b"\0\x0e8".to_vec(),
            b"PROXY TCP4 2001:db8::7 ::1 4000 1194\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 10.0.0.1 70000 1194\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.7 10.0.0.1 4000 1194\r\n".to_vec(),
            [b"PROXY ".to_vec(), vec![b'x'; 200]].concat(),
            binary(0x31, 0x11, &[0; 12]),
            binary(0x21, 0x11, &[0; 8]),
            binary(0x21, 0x31, &[0; 216]),
            binary(0x21, 0x11, &[0; 2000]),
        ] {
            assert_eq!(
                decode_proxy_header(&bytes),
                ProxyHeader::Malformed,
                "{bytes:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300), signed in any::<bool>()) {
            let bytes = if signed { [&SIGNATURE[..], &bytes].concat() } else { bytes };
            decode_proxy_header(&bytes);
        }
    }
}

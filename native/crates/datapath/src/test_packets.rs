//! Inner packets for tests and benches, built and checked by the definitions, without the crate's own checksum code.

#![allow(dead_code, reason = "each test target uses its own part")]

pub const ACK: u8 = 0x10;
pub const PSH: u8 = 0x08;
pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;

/// What a packet of a test is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub v6: bool,
    pub udp: bool,
    /// Source address is 10.8.0.`host` or fd00::`host`; the other end is 10.9.0.1 or fd01::1.
    pub host: u8,
    pub port: u16,
    pub ip_id: u16,
    pub dont_fragment: bool,
    pub sequence: u32,
    pub flags: u8,
    /// A multiple of four bytes.
    pub options: Vec<u8>,
}

impl Shape {
    pub fn tcp(v6: bool, host: u8) -> Shape {
        Shape {
            v6,
            udp: false,
            host,
            port: 5000,
            ip_id: 100,
            dont_fragment: true,
            sequence: 1000,
            flags: ACK,
            options: Vec::new(),
        }
    }

    pub fn udp(v6: bool, host: u8) -> Shape {
        Shape {
            udp: true,
            ..Shape::tcp(v6, host)
        }
    }

    /// The whole packet with good checksums.
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut l4 = self.l4_header(payload.len());
        l4.extend_from_slice(payload);
        let mut packet = if self.v6 {
            self.v6_header(l4.len())
        } else {
            self.v4_header(l4.len())
        };
        let at = packet.len();
        packet.extend_from_slice(&l4);
        let sum = !l4_sum(&packet, at);
        let field = at + if self.udp { 6 } else { 16 };
        let sum = if self.udp && sum == 0 { 0xffff } else { sum };
        packet[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    fn v4_header(&self, l4_len: usize) -> Vec<u8> {
        let mut header = vec![0x45, 0];
        header.extend_from_slice(&((20 + l4_len) as u16).to_be_bytes());
        header.extend_from_slice(&self.ip_id.to_be_bytes());
        header.extend_from_slice(&[
            if self.dont_fragment { 0x40 } else { 0 },
            0,
            64,
            self.protocol(),
            0,
            0,
        ]);
        header.extend_from_slice(&[10, 8, 0, self.host, 10, 9, 0, 1]);
        let sum = !naive(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn v6_header(&self, l4_len: usize) -> Vec<u8> {
        let mut header = vec![0x60, 0, 0, 0];
        header.extend_from_slice(&(l4_len as u16).to_be_bytes());
        header.extend_from_slice(&[self.protocol(), 64]);
        for (net, host) in [(0, self.host), (1, 1)] {
            header.extend_from_slice(&[0xfd, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
        }
        header
    }

    fn l4_header(&self, payload_len: usize) -> Vec<u8> {
        let mut header = self.port.to_be_bytes().to_vec();
        header.extend_from_slice(&80u16.to_be_bytes());
        if self.udp {
            header.extend_from_slice(&((8 + payload_len) as u16).to_be_bytes());
            header.extend_from_slice(&[0, 0]);
        } else {
            header.extend_from_slice(&self.sequence.to_be_bytes());
            header.extend_from_slice(&[
                0,
                0,
                0,
                9,
                ((20 + self.options.len()) as u8 / 4) << 4,
                self.flags,
            ]);
            header.extend_from_slice(&[1, 0, 0, 0, 0, 0]);
            header.extend_from_slice(&self.options);
        }
        header
    }

    fn protocol(&self) -> u8 {
        if self.udp { 17 } else { 6 }
    }
}

pub fn tcp_with_options(v6: bool, flags: u8, options: &[u8]) -> Vec<u8> {
    let shape = Shape {
        flags,
        options: options.to_vec(),
        ..Shape::tcp(v6, 2)
    };
    shape.packet(&[])
}

/// Bytes that no compression makes shorter, always the same ones.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Do the IP and the TCP or UDP checksum of a packet hold?
pub fn checksums_hold(packet: &[u8]) -> bool {
    let v4 = packet[0] >> 4 == 4;
    let at = if v4 {
        usize::from(packet[0] & 15) * 4
    } else {
        40
    };
    (!v4 || naive(&packet[..at]) == 0xffff) && l4_sum(packet, at) == 0xffff
}

/// Sum of pseudo header and L4 part, as it stands.
fn l4_sum(packet: &[u8], at: usize) -> u16 {
    let (addresses, protocol) = if packet[0] >> 4 == 4 {
        (&packet[12..20], packet[9])
    } else {
        (&packet[8..40], packet[6])
    };
    let mut whole = addresses.to_vec();
    whole.extend_from_slice(&((packet.len() - at) as u32).to_be_bytes());
    whole.extend_from_slice(&[0, 0, 0, protocol]);
    whole.extend_from_slice(&packet[at..]);
    naive(&whole)
}

fn naive(bytes: &[u8]) -> u16 {
    let mut total = 0u64;
    for pair in bytes.chunks(2) {
        total += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

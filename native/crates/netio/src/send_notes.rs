use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};

use crate::send_batch::Way;

/// Control messages of one sent message: segment size, traffic class, source address.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct SendNotes([u8; ROOM]);

/// UDP_SEGMENT and a class take 24 bytes each with their headers, IPV6_PKTINFO 40.
const ROOM: usize = 88;
/// `usize len | i32 level | i32 type`; `len` counts it.
const HEADER: usize = 16;

impl SendNotes {
    /// Writes what the message needs; the length, mostly 0. `segment`: 0 for a message of one datagram.
    pub fn write(&mut self, segment: u16, to: &SocketAddr, way: &Way) -> usize {
        let mut len = 0;
        if segment != 0 {
            let size = segment.to_ne_bytes();
            self.push(&mut len, (libc::SOL_UDP, libc::UDP_SEGMENT), &size);
        }
        if way.class != 0 {
            let kind = if to.is_ipv4() {
                (libc::IPPROTO_IP, libc::IP_TOS)
            } else {
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
            };
            self.push(&mut len, kind, &c_int::from(way.class).to_ne_bytes());
        }
        match way.source {
            None => {}
            Some((IpAddr::V4(ip), device)) => {
                let mut info = [0; 12];
                info[..4].copy_from_slice(&device.to_ne_bytes());
                info[4..8].copy_from_slice(&ip.octets());
                self.push(&mut len, (libc::IPPROTO_IP, libc::IP_PKTINFO), &info);
            }
            Some((IpAddr::V6(ip), device)) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&ip.octets());
                info[16..].copy_from_slice(&device.to_ne_bytes());
                self.push(&mut len, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), &info);
            }
        }
        len
    }

    fn push(&mut self, len: &mut usize, (level, kind): (c_int, c_int), data: &[u8]) {
        let note = &mut self.0[*len..];
        note[..8].copy_from_slice(&(HEADER + data.len()).to_ne_bytes());
        note[8..12].copy_from_slice(&level.to_ne_bytes());
        note[12..16].copy_from_slice(&kind.to_ne_bytes());
        note[HEADER..HEADER + data.len()].copy_from_slice(data);
        *len += (HEADER + data.len()).next_multiple_of(8);
    }
}

const _: () = assert!(size_of::<usize>() == 8 && size_of::<libc::cmsghdr>() == HEADER);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_laid_one_behind_the_other() {
        let mut notes = SendNotes([0xee; ROOM]);
        let to: SocketAddr = "[2001:db8::1]:1194".parse().expect("address");
        assert_eq!(notes.write(0, &to, &Way::default()), 0);
        let way = Way {
            source: Some(("2001:db8::2".parse().expect("address"), 3)),
            class: 0xb8,
        };
        assert_eq!(notes.write(1400, &to, &way), 88);
        let word = |at: usize| notes.0[at..at + 4].to_vec();
        assert_eq!(notes.0[..8], 18usize.to_ne_bytes());
        assert_eq!(word(24 + 16), 0xb8i32.to_ne_bytes());
        assert_eq!(notes.0[48..56], 36usize.to_ne_bytes());
        assert_eq!(notes.0[64..66], [0x20, 0x01]);
        assert_eq!(word(80), 3u32.to_ne_bytes());
    }
}

//! Whether a network device is there, up, and has been so all the time.

use std::ffi::CString;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::error::{IoError, last_errno};
use crate::fd::open_socket;
use crate::netlink::{Netlink, Request};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    Up,
    Down,
    Gone,
}

/// What a look at a device found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkNews {
    pub state: LinkState,
    /// It was down or gone at some moment since the last look: the kernel has taken routes and IPv6 addresses away.
    pub lost: bool,
    /// 0 of a device that is gone.
    pub mtu: u32,
}

/// A netlink socket that hears of every change of a device of the caller's namespace.
pub fn open_link_watch() -> Result<OwnedFd, IoError> {
    const ACTION: &str = "watch the network devices";
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK;
    let socket = open_socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE, ACTION)?;
    // SAFETY: integers only, for which all zero bits are valid.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = libc::RTMGRP_LINK as u32;
    // SAFETY: an initialised address of the given length that outlives the call.
    let rc = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_nl>() as libc::socklen_t,
        )
    };
    if rc == 0 {
        Ok(socket)
    } else {
        Err(IoError::last(ACTION))
    }
}

/// Takes what `watch` has heard of the device since the last look, and asks how it is now.
pub fn look_at_link(watch: RawFd, device: &str) -> Result<LinkNews, IoError> {
    let lost = hear_lost(watch, device)?;
    let link = query_link(device)?;
    let state = link.as_ref().map_or(LinkState::Gone, Link::state);
    Ok(LinkNews {
        state,
        lost: lost || state != LinkState::Up,
        mtu: link.map_or(0, |link| link.mtu),
    })
}

fn hear_lost(watch: RawFd, device: &str) -> Result<bool, IoError> {
    let mut buffer = vec![0u8; 32 * 1024];
    let mut lost = false;
    loop {
        // SAFETY: buffer.len() writable bytes; a descriptor that is none is EBADF.
        let got = unsafe { libc::recv(watch, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        match got {
            0.. => lost |= tells_loss(&buffer[..got as usize], device),
            _ => match last_errno() {
                libc::EAGAIN => return Ok(lost),
                libc::EINTR => {}
                // More news than the socket holds; this device's may be among the lost ones.
                libc::ENOBUFS => lost = true,
                errno => return Err(IoError::new(errno, format!("watch {device}"))),
            },
        }
    }
}

/// `nlmsghdr`: `u32 len, u16 type, u16 flags, u32 sequence, u32 port`, each message padded to 4.
fn tells_loss(mut messages: &[u8], device: &str) -> bool {
    while let Some(head) = messages.first_chunk::<HEADER_LEN>() {
        let len = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(body) = messages.get(HEADER_LEN..len) else {
            return false;
        };
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let link = decode_link(body).filter(|link| link.name == device.as_bytes());
        if link.is_some_and(|link| kind == libc::RTM_DELLINK || !link.up) {
            return true;
        }
        messages = messages.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// `None`: there is no such device.
fn query_link(device: &str) -> Result<Option<Link>, IoError> {
    let action = || format!("look at the device {device}");
    let name = CString::new(device).map_err(|_| IoError::invalid(action()))?;
    let request = Request::new(libc::RTM_GETLINK, 0, &[0; INFO_LEN])
        .attribute(libc::IFLA_IFNAME, name.as_bytes_with_nul());
    match Netlink::open()?.query(request) {
        Ok(answer) => Ok(decode_link(&answer)),
        Err(libc::ENODEV) => Ok(None),
        Err(errno) => Err(IoError::new(errno, action())),
    }
}

const HEADER_LEN: usize = 16;
const INFO_LEN: usize = 16;

struct Link {
    name: Vec<u8>,
    up: bool,
    mtu: u32,
}

impl Link {
    fn state(&self) -> LinkState {
        if self.up {
            LinkState::Up
        } else {
            LinkState::Down
        }
    }
}

/// `ifinfomsg`: `u8 family, u8, u16 type, i32 index, u32 flags, u32 mask`; then attributes `u16 len | u16 type | data`,
/// padded to 4; `len` counts its header of 4 bytes.
fn decode_link(body: &[u8]) -> Option<Link> {
    let flags = u32::from_ne_bytes(*body.get(8..)?.first_chunk()?);
    let mut link = Link {
        name: Vec::new(),
        up: flags & libc::IFF_UP as u32 != 0,
        mtu: 0,
    };
    let mut rest = body.get(INFO_LEN..)?;
    while let Some(head) = rest.first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        // A length below 4 gives no data; what is cut off ends the walk.
        let Some(data) = rest.get(4..len) else { break };
        match u16::from_ne_bytes([head[2], head[3]]) {
            libc::IFLA_IFNAME => link.name = data.split(|byte| *byte == 0).next()?.to_vec(),
            libc::IFLA_MTU => link.mtu = data.first_chunk().map_or(0, |m| u32::from_ne_bytes(*m)),
            _ => {}
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_gone() {
        let watch = open_link_watch().expect("watch");
        let news = look_at_link(watch.as_raw_fd(), "no-such-dev").expect("look");
        let gone = LinkNews {
            state: LinkState::Gone,
            lost: true,
            mtu: 0,
        };
        assert_eq!(news, gone);
    }

    #[test]
    fn cut_messages_tell_nothing() {
        let mut message = vec![0; HEADER_LEN + INFO_LEN];
        message[0] = 36;
        assert!(!tells_loss(&message, "tun0"));
        message.extend([8, 0, 3, 0, b't', b'u', b'n', b'0']);
        message[0] = 40;
        for len in 0..message.len() {
            assert!(!tells_loss(&message[..len], "tun0"), "{len}");
        }
        assert!(tells_loss(&message, "tun0"));
        assert!(!tells_loss(&message, "tun1"));
    }

    #[test]
    fn an_attribute_without_a_length_does_not_hang() {
        assert!(decode_link(&[0; INFO_LEN + 4]).is_some());
    }
}

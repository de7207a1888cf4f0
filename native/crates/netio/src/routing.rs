use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::IoError;
use crate::interface::{Cidr, family, interface_index, octets};
use crate::netlink::{Netlink, Request};

/// A kernel route into a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: Cidr,
    /// `None` = straight onto the link.
    pub via: Option<IpAddr>,
    pub metric: Option<u32>,
}

/// The way the kernel takes to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub device: String,
    /// `None`: the address is on the link.
    pub via: Option<IpAddr>,
}

/// Adds a route; one that is there already is EEXIST, so that nobody takes away later what was not theirs.
pub fn add_route(device: &str, route: &Route) -> Result<(), IoError> {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let request = route_request(libc::RTM_NEWROUTE, flags, interface_index(device)?, route);
    Netlink::open()?
        .execute(request)
        .map_err(|errno| IoError::new(errno, format!("route {} to {device}", route.destination)))
}

pub fn remove_route(device: &str, route: &Route) -> Result<(), IoError> {
    let request = route_request(libc::RTM_DELROUTE, 0, interface_index(device)?, route);
    Netlink::open()?.execute(request).map_err(|errno| {
        let action = format!("remove the route {} to {device}", route.destination);
        IoError::new(errno, action)
    })
}

/// How a packet to `address` would go now.
pub fn find_way(address: IpAddr) -> Result<Way, IoError> {
    let action = || format!("find the way to {address}");
    let prefix = if address.is_ipv4() { 32 } else { 128 };
    let mut body = [0; RTMSG_LEN];
    body[..2].copy_from_slice(&[family(&address), prefix]);
    let request =
        Request::new(libc::RTM_GETROUTE, 0, &body).attribute(libc::RTA_DST, &octets(&address));
    let answer = Netlink::open()?
        .query(request)
        .map_err(|errno| IoError::new(errno, action()))?;
    decode_way(&answer).ok_or_else(|| IoError::new(libc::ENETUNREACH, action()))
}

pub(crate) fn replace_route(netlink: &Netlink, index: u32, route: &Route) -> Result<(), i32> {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    netlink.execute(route_request(libc::RTM_NEWROUTE, flags, index, route))
}

const RTMSG_LEN: usize = 12;

/// `rtmsg`: `u8 family, u8 dst_len, u8 src_len, u8 tos, u8 table, u8 protocol, u8 scope, u8 type, u32 flags`.
fn route_request(kind: u16, flags: i32, index: u32, route: &Route) -> Request {
    let scope = match route.via {
        None if route.destination.ip.is_ipv4() => libc::RT_SCOPE_LINK,
        _ => libc::RT_SCOPE_UNIVERSE,
    };
    let mut body = [0; RTMSG_LEN];
    body[..2].copy_from_slice(&[family(&route.destination.ip), route.destination.prefix]);
    body[4..8].copy_from_slice(&[
        libc::RT_TABLE_MAIN,
        libc::RTPROT_BOOT,
        scope,
        libc::RTN_UNICAST,
    ]);
    let mut request = Request::new(kind, flags, &body)
        .attribute(libc::RTA_DST, &octets(&route.destination.ip))
        .attribute(libc::RTA_OIF, &index.to_ne_bytes());
    if let Some(via) = &route.via {
        request = request.attribute(libc::RTA_GATEWAY, &octets(via));
    }
    match route.metric {
        Some(metric) => request.attribute(libc::RTA_PRIORITY, &metric.to_ne_bytes()),
        None => request,
    }
}

/// Attributes: `u16 len | u16 type | data`, padded to 4; `len` counts its header of 4 bytes.
fn decode_way(answer: &[u8]) -> Option<Way> {
    let mut rest = answer.get(RTMSG_LEN..)?;
    let (mut index, mut via) = (None, None);
    while let Some(head) = rest.first_chunk::<4>() {
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        // A length below 4 gives no data and ends the walk.
        let data = rest.get(4..len)?;
        match u16::from_ne_bytes([head[2], head[3]]) {
            libc::RTA_OIF => index = data.first_chunk().map(|four| u32::from_ne_bytes(*four)),
            libc::RTA_GATEWAY => via = decode_ip(data),
            // A gateway of the other family: `u16 family`, then the address.
            libc::RTA_VIA => via = data.get(2..).and_then(decode_ip),
            _ => {}
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Way {
        device: interface_name(index?)?,
        via,
    })
}

fn decode_ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(|four| Ipv4Addr::from(four).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|sixteen| Ipv6Addr::from(sixteen).into());
    v4().or_else(|_| v6()).ok()
}

fn interface_name(index: u32) -> Option<String> {
    let mut name = [0u8; libc::IF_NAMESIZE];
    // SAFETY: IF_NAMESIZE writable bytes; the kernel's name ends with a zero.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    name.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_the_way_to_itself() {
        let way = find_way([127, 0, 0, 1].into()).expect("a way");
        assert_eq!((way.device.as_str(), way.via), ("lo", None));
    }

    #[test]
    fn a_cut_answer_is_no_way() {
        assert_eq!(decode_way(&[0; 11]), None);
        let mut answer = vec![0; RTMSG_LEN];
        answer.extend([200, 0, 4, 0, 1, 0, 0, 0]);
        assert_eq!(decode_way(&answer), None);
    }

    #[test]
    fn an_attribute_without_a_length_does_not_hang() {
        assert_eq!(decode_way(&[0; RTMSG_LEN + 4]), None);
    }
}

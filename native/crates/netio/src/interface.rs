use std::ffi::CString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::error::IoError;
use crate::netlink::{Netlink, Request};
use crate::routing::{Route, replace_route};

/// An address and the length of its network's prefix, `10.8.0.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub ip: IpAddr,
    pub prefix: u8,
}

/// What a network device is to look like.
#[derive(Clone, Debug)]
pub struct InterfacePlan {
    pub mtu: u32,
    pub transmit_queue_len: u32,
    pub addresses: Vec<Cidr>,
    pub routes: Vec<Route>,
}

/// Sets MTU and addresses, brings the device up, then adds the routes.
pub fn apply(name: &str, plan: &InterfacePlan) -> Result<(), IoError> {
    set_link(&Netlink::open()?, interface_index(name)?, plan)
        .map_err(|errno| IoError::new(errno, format!("bring {name} up")))?;
    set_networks(name, plan)
}

/// Sets the addresses and routes, which a device loses in part when it goes down; those that are there stay.
pub fn set_networks(name: &str, plan: &InterfacePlan) -> Result<(), IoError> {
    let netlink = Netlink::open()?;
    let index = interface_index(name)?;
    for address in &plan.addresses {
        add_address(&netlink, index, address)
            .map_err(|errno| IoError::new(errno, format!("give {name} the address {address}")))?;
    }
    for route in &plan.routes {
        replace_route(&netlink, index, route).map_err(|errno| {
            IoError::new(errno, format!("route {} to {name}", route.destination))
        })?;
    }
    Ok(())
}

/// Brings a device up without giving it an address, such as `lo` in a new namespace.
pub fn bring_up(name: &str) -> Result<(), IoError> {
    let body = link_body(interface_index(name)?);
    Netlink::open()?
        .execute(Request::new(libc::RTM_NEWLINK, 0, &body))
        .map_err(|errno| IoError::new(errno, format!("bring {name} up")))
}

/// Changes the MTU of a device.
pub fn set_mtu(name: &str, mtu: u32) -> Result<(), IoError> {
    let body = link_body(interface_index(name)?);
    Netlink::open()?
        .execute(
            Request::new(libc::RTM_NEWLINK, 0, &body).attribute(libc::IFLA_MTU, &mtu.to_ne_bytes()),
        )
        .map_err(|errno| IoError::new(errno, format!("give {name} the MTU {mtu}")))
}

/// Gives a device an address; `peer` is the other end of a point-to-point link.
pub fn set_address(name: &str, address: &Cidr, peer: Option<&IpAddr>) -> Result<(), IoError> {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    let request = address_request(
        libc::RTM_NEWADDR,
        flags,
        interface_index(name)?,
        address,
        peer,
    );
    Netlink::open()?
        .execute(request)
        .map_err(|errno| IoError::new(errno, format!("give {name} the address {address}")))
}

/// Takes an address from a device, and with it the routes that rest on it.
pub fn remove_address(name: &str, address: &Cidr, peer: Option<&IpAddr>) -> Result<(), IoError> {
    let request = address_request(libc::RTM_DELADDR, 0, interface_index(name)?, address, peer);
    Netlink::open()?
        .execute(request)
        .map_err(|errno| IoError::new(errno, format!("take the address {address} from {name}")))
}

pub fn interface_index(name: &str) -> Result<u32, IoError> {
    let action = || format!("find the network device {name}");
    let text = CString::new(name).map_err(|_| IoError::new(libc::EINVAL, action()))?;
    // SAFETY: a string with an end, alive during the call.
    match unsafe { libc::if_nametoindex(text.as_ptr()) } {
        0 => Err(IoError::last(action())),
        index => Ok(index),
    }
}

fn set_link(netlink: &Netlink, index: u32, plan: &InterfacePlan) -> Result<(), i32> {
    let request = Request::new(libc::RTM_NEWLINK, 0, &link_body(index))
        .attribute(libc::IFLA_MTU, &plan.mtu.to_ne_bytes())
        .attribute(libc::IFLA_TXQLEN, &plan.transmit_queue_len.to_ne_bytes());
    netlink.execute(request)
}

/// `ifinfomsg` that sets IFF_UP: `u8 family, u8, u16 type, i32 index, u32 flags, u32 mask`.
fn link_body(index: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
    body[12..16].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
    body
}

/// IPv6 skips duplicate address detection: nobody else is on the link, and the address must be usable at once.
fn add_address(netlink: &Netlink, index: u32, address: &Cidr) -> Result<(), i32> {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    netlink.execute(address_request(
        libc::RTM_NEWADDR,
        flags,
        index,
        address,
        None,
    ))
}

/// `ifaddrmsg`: `u8 family, u8 prefix_len, u8 flags, u8 scope, u32 index`.
fn address_request(
    kind: u16,
    flags: i32,
    index: u32,
    address: &Cidr,
    peer: Option<&IpAddr>,
) -> Request {
    let no_detection = if address.ip.is_ipv6() {
        libc::IFA_F_NODAD as u8
    } else {
        0
    };
    let mut body = [
        family(&address.ip),
        address.prefix,
        no_detection,
        0,
        0,
        0,
        0,
        0,
    ];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    let request = Request::new(kind, flags, &body)
        .attribute(libc::IFA_LOCAL, &octets(&address.ip))
        .attribute(libc::IFA_ADDRESS, &octets(peer.unwrap_or(&address.ip)));
    match address.broadcast() {
        Some(broadcast) if peer.is_none() => {
            request.attribute(libc::IFA_BROADCAST, &broadcast.octets())
        }
        _ => request,
    }
}

pub(crate) fn family(ip: &IpAddr) -> u8 {
    (if ip.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    }) as u8
}

pub(crate) fn octets(ip: &IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().into(),
        IpAddr::V6(v6) => v6.octets().into(),
    }
}

impl Cidr {
    /// The last address of an IPv4 network that has one to spare.
    fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 => {
                Some(Ipv4Addr::from(u32::from(ip) | (u32::MAX >> self.prefix)))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }
}

impl FromStr for Cidr {
    type Err = IoError;

    fn from_str(text: &str) -> Result<Cidr, IoError> {
        let parsed = text.split_once('/').and_then(|(ip, prefix)| {
            let cidr = Cidr {
                ip: ip.parse().ok()?,
                prefix: prefix.parse().ok()?,
            };
            (cidr.prefix <= if cidr.ip.is_ipv4() { 32 } else { 128 }).then_some(cidr)
        });
        parsed.ok_or_else(|| {
            IoError::new(
                libc::EINVAL,
                format!("read \"{text}\" as an address with a prefix length"),
            )
        })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_with_prefixes_and_nothing_else() {
        let cidr: Cidr = "10.8.0.1/24".parse().expect("cidr");
        assert_eq!(cidr.broadcast(), Some(Ipv4Addr::new(10, 8, 0, 255)));
        assert_eq!(
            "fd00::1/64".parse::<Cidr>().expect("cidr").to_string(),
            "fd00::1/64"
        );
        for text in [
            "10.8.0.1",
            "10.8.0.1/33",
            "fd00::1/129",
            "x/8",
            "10.8.0.1/",
            "",
        ] {
            assert_eq!(text.parse::<Cidr>().expect_err(text).code(), "EINVAL");
        }
    }

    #[test]
    fn a_host_network_has_no_broadcast_address() {
        assert_eq!(
            "10.8.0.1/0".parse::<Cidr>().expect("cidr").broadcast(),
            Some(Ipv4Addr::BROADCAST)
        );
        assert_eq!(
            "10.8.0.1/31".parse::<Cidr>().expect("cidr").broadcast(),
            None
        );
    }
}

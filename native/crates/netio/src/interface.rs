use std::ffi::CString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use crate::error::IoError;
use crate::netlink::{Netlink, Request};

/// An address and the length of its network's prefix, `10.8.0.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub ip: IpAddr,
    pub prefix: u8,
}

/// A kernel route into the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: Cidr,
    /// `None` = straight onto the link.
    pub via: Option<IpAddr>,
    pub metric: Option<u32>,
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
    let netlink = Netlink::open()?;
    let index = interface_index(name)?;
    set_link(&netlink, index, plan)
        .map_err(|errno| IoError::new(errno, format!("bring {name} up")))?;
    for address in &plan.addresses {
        add_address(&netlink, index, address)
            .map_err(|errno| IoError::new(errno, format!("give {name} the address {address}")))?;
    }
    for route in &plan.routes {
        add_route(&netlink, index, route).map_err(|errno| {
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
    let flags = if address.ip.is_ipv6() {
        libc::IFA_F_NODAD as u8
    } else {
        0
    };
    let mut body = [family(&address.ip), address.prefix, flags, 0, 0, 0, 0, 0];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    let ip = octets(&address.ip);
    let mut request = Request::new(
        libc::RTM_NEWADDR,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &body,
    )
    .attribute(libc::IFA_LOCAL, &ip)
    .attribute(libc::IFA_ADDRESS, &ip);
    if let Some(broadcast) = address.broadcast() {
        request = request.attribute(libc::IFA_BROADCAST, &broadcast.octets());
    }
    netlink.execute(request)
}

/// `rtmsg`: `u8 family, u8 dst_len, u8 src_len, u8 tos, u8 table, u8 protocol, u8 scope, u8 type, u32 flags`.
fn add_route(netlink: &Netlink, index: u32, route: &Route) -> Result<(), i32> {
    let scope = match route.via {
        None if route.destination.ip.is_ipv4() => libc::RT_SCOPE_LINK,
        _ => libc::RT_SCOPE_UNIVERSE,
    };
    let family = family(&route.destination.ip);
    let (table, protocol, kind) = (libc::RT_TABLE_MAIN, libc::RTPROT_BOOT, libc::RTN_UNICAST);
    let body = [
        family,
        route.destination.prefix,
        0,
        0,
        table,
        protocol,
        scope,
        kind,
        0,
        0,
        0,
        0,
    ];
    let mut request = Request::new(
        libc::RTM_NEWROUTE,
        libc::NLM_F_CREATE | libc::NLM_F_REPLACE,
        &body,
    )
    .attribute(libc::RTA_DST, &octets(&route.destination.ip))
    .attribute(libc::RTA_OIF, &index.to_ne_bytes());
    if let Some(via) = &route.via {
        request = request.attribute(libc::RTA_GATEWAY, &octets(via));
    }
    if let Some(metric) = route.metric {
        request = request.attribute(libc::RTA_PRIORITY, &metric.to_ne_bytes());
    }
    netlink.execute(request)
}

fn family(ip: &IpAddr) -> u8 {
    (if ip.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    }) as u8
}

fn octets(ip: &IpAddr) -> Vec<u8> {
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

use std::ffi::c_int;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use crate::error::IoError;
use crate::fd::set_option;
use crate::udp_socket::require;

/// What an administrator may want of a socket, whatever its protocol. To be applied before it is bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// For the rules of the machine's routing and firewall; 0 = none.
    pub mark: u32,
    /// The only network device, or VRF, that packets come and go by.
    pub device: Option<String>,
    /// `None` leaves what is usual for the protocol.
    pub mtu_discovery: Option<MtuDiscovery>,
    /// Have received datagrams say which address of the machine they were sent to.
    pub tell_local: bool,
}

/// Whether packets may be fragmented on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MtuDiscovery {
    /// Never: larger ones than the path takes are refused.
    Yes,
    /// As the route says.
    Maybe,
    /// They may.
    No,
}

/// Sets them on a socket of the family of `host`.
pub fn apply(socket: &OwnedFd, host: IpAddr, options: &SocketOptions) -> Result<(), IoError> {
    if options.mark != 0 {
        let mark = options.mark as c_int;
        require(
            socket,
            libc::SOL_SOCKET,
            libc::SO_MARK,
            mark,
            "mark a socket",
        )?;
    }
    if let Some(device) = &options.device {
        bind_to_device(socket, device)?;
    }
    if let Some(discovery) = options.mtu_discovery {
        discover_mtu(socket, host, discovery)?;
    }
    if options.tell_local {
        let (level, name) = match host {
            IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
            IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        };
        require(
            socket,
            level,
            name,
            1,
            "hear which address a datagram was sent to",
        )?;
    }
    Ok(())
}

/// Bytes of a device's name with its NUL.
const NAME_LEN: usize = libc::IFNAMSIZ;

fn bind_to_device(socket: &OwnedFd, device: &str) -> Result<(), IoError> {
    let action = format!("bind a socket to the device {device}");
    let mut name = [0u8; NAME_LEN];
    if device.is_empty() || device.len() >= NAME_LEN {
        return Err(IoError::new(libc::ENODEV, action));
    }
    name[..device.len()].copy_from_slice(device.as_bytes());
    set_option(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &name)
        .map_err(|errno| IoError::new(errno, action))
}

fn discover_mtu(socket: &OwnedFd, host: IpAddr, discovery: MtuDiscovery) -> Result<(), IoError> {
    let (level, name, values) = match host {
        IpAddr::V4(_) => (
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            [
                libc::IP_PMTUDISC_DO,
                libc::IP_PMTUDISC_WANT,
                libc::IP_PMTUDISC_DONT,
            ],
        ),
        IpAddr::V6(_) => (
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            [
                libc::IPV6_PMTUDISC_DO,
                libc::IPV6_PMTUDISC_WANT,
                libc::IPV6_PMTUDISC_DONT,
            ],
        ),
    };
    let value = match discovery {
        MtuDiscovery::Yes => values[0],
        MtuDiscovery::Maybe => values[1],
        MtuDiscovery::No => values[2],
    };
    require(
        socket,
        level,
        name,
        value,
        "set the path MTU discovery of a socket",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::int_option;
    use crate::udp_socket::udp_socket;

    fn option_of(host: &str, options: &SocketOptions, level: c_int, name: c_int) -> c_int {
        let host = host.parse().expect("address");
        let socket = udp_socket(host).expect("socket");
        apply(&socket, host, options).expect("options");
        int_option(&socket, level, name)
    }

    #[test]
    fn each_family_has_its_own_option() {
        let discovery = |mtu_discovery| SocketOptions {
            mtu_discovery: Some(mtu_discovery),
            ..SocketOptions::default()
        };
        for (wanted, value) in [
            (MtuDiscovery::Yes, libc::IP_PMTUDISC_DO),
            (MtuDiscovery::Maybe, libc::IP_PMTUDISC_WANT),
            (MtuDiscovery::No, libc::IP_PMTUDISC_DONT),
        ] {
            let options = discovery(wanted);
            let v4 = option_of(
                "127.0.0.1",
                &options,
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
            );
            let v6 = option_of("::1", &options, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER);
            assert_eq!((v4, v6), (value, value), "{wanted:?}");
        }
        let told = SocketOptions {
            tell_local: true,
            ..SocketOptions::default()
        };
        let v4 = option_of("127.0.0.1", &told, libc::IPPROTO_IP, libc::IP_PKTINFO);
        let v6 = option_of("::1", &told, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO);
        assert_eq!((v4, v6), (1, 1));
    }

    #[test]
    fn a_device_that_cannot_be_is_named() {
        let host = "127.0.0.1".parse().expect("address");
        for device in ["", "a-name-that-is-too-long", "none-of-these"] {
            let options = SocketOptions {
                device: Some(device.to_owned()),
                ..SocketOptions::default()
            };
            let socket = udp_socket(host).expect("socket");
            let error = apply(&socket, host, &options).expect_err("no such device");
            assert!(error.to_string().contains(device));
        }
    }
}

//! What every UDP socket of a tunnel needs, on either side.

use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::fd::{open_socket, set_option};
use crate::sockaddr::{RAW_ADDR_LEN, RawAddr};
use crate::socket_options::{self, SocketOptions};

/// Sets buffers (bytes; 0 = `DEFAULT_BUFFER` as far as permitted), fragmentation, `options`, ICMP, the loss counter and GRO; whether the
/// kernel has GRO.
pub(crate) fn prepare(
    socket: &OwnedFd,
    host: IpAddr,
    receive_buffer: u32,
    send_buffer: u32,
    options: &SocketOptions,
) -> Result<bool, IoError> {
    force_buffer(
        socket,
        libc::SO_RCVBUFFORCE,
        libc::SO_RCVBUF,
        receive_buffer,
    );
    force_buffer(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, send_buffer);
    allow_fragments(socket, host)?;
    socket_options::apply(socket, host, options)?;
    hear_icmp(socket, host)?;
    require(
        socket,
        libc::SOL_SOCKET,
        libc::SO_RXQ_OVFL,
        1,
        "count lost UDP datagrams",
    )?;
    Ok(set_option(socket, libc::SOL_UDP, libc::UDP_GRO, &(1 as c_int)).is_ok())
}

/// Wanted when the configuration does not say; overflow of this buffer is the main loss under several streams.
const DEFAULT_BUFFER: u32 = 8 << 20;

/// A non-blocking UDP socket of the family of `host`.
pub(crate) fn udp_socket(host: IpAddr) -> Result<OwnedFd, IoError> {
    let domain = if host.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let socket = open_socket(
        domain,
        libc::SOCK_DGRAM | libc::SOCK_NONBLOCK,
        0,
        "open a UDP socket",
    )?;
    if host.is_ipv6() {
        require(
            &socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_V6ONLY,
            1,
            "keep IPv4 off an IPv6 socket",
        )?;
    }
    Ok(socket)
}

/// Packets above the path's MTU may be fragmented on the way: a client's inner packet must arrive whatever its size.
fn allow_fragments(socket: &OwnedFd, host: IpAddr) -> Result<(), IoError> {
    let (level, name, value) = match host {
        IpAddr::V4(_) => (
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_DONT,
        ),
        IpAddr::V6(_) => (
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_DONT,
        ),
    };
    require(socket, level, name, value, "switch path MTU discovery off")
}

/// Without it an unconnected socket hears of no unreachable client, and nobody of a full queue of the device (ENOBUFS).
fn hear_icmp(socket: &OwnedFd, host: IpAddr) -> Result<(), IoError> {
    let (level, name) = match host {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    require(socket, level, name, 1, "hear of unreachable addresses")
}

fn force_buffer(socket: &OwnedFd, force: c_int, plain: c_int, wanted: u32) {
    let bytes =
        c_int::try_from(if wanted == 0 { DEFAULT_BUFFER } else { wanted }).unwrap_or(c_int::MAX);
    if set_option(socket, libc::SOL_SOCKET, force, &bytes).is_err() {
        // Without CAP_NET_ADMIN the system limit holds; the size granted is reported.
        let _ = set_option(socket, libc::SOL_SOCKET, plain, &bytes);
    }
}

pub(crate) fn require(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: c_int,
    action: &str,
) -> Result<(), IoError> {
    set_option(socket, level, name, &value).map_err(|errno| IoError::new(errno, action))
}

pub(crate) fn bind(socket: &OwnedFd, addr: SocketAddr) -> Result<(), IoError> {
    let (raw, len) = RawAddr::encode(&addr);
    // SAFETY: raw is an initialised address of len bytes that outlives the call.
    let rc = unsafe { libc::bind(socket.as_raw_fd(), raw.as_ptr(), len) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::new(last_errno(), format!("bind UDP {addr}")))
    }
}

pub(crate) fn local_addr(socket: &OwnedFd) -> Result<SocketAddr, IoError> {
    let mut raw = RawAddr::empty();
    let mut len = RAW_ADDR_LEN;
    // SAFETY: raw has room for len bytes and both outlive the call.
    let rc = unsafe {
        libc::getsockname(
            socket.as_raw_fd(),
            std::ptr::from_mut(&mut raw).cast(),
            &mut len,
        )
    };
    if rc != 0 {
        return Err(IoError::last("read the address of a UDP socket"));
    }
    raw.decode()
        .ok_or_else(|| IoError::new(libc::EINVAL, "read the address of a UDP socket"))
}

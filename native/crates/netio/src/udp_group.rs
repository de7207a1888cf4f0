use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::fd::{int_option, open_socket, set_option};
use crate::sockaddr::{RAW_ADDR_LEN, RawAddr};
use crate::steer_bpf;

/// Wanted when the configuration does not say; overflow of this buffer is the main loss under several streams.
const DEFAULT_BUFFER: u32 = 8 << 20;

pub struct UdpGroupOptions {
    pub host: IpAddr,
    /// 0 = any free port.
    pub port: u16,
    pub shards: u32,
    /// Bytes; 0 = `DEFAULT_BUFFER` as far as permitted.
    pub receive_buffer: u32,
    pub send_buffer: u32,
}

/// One UDP listener: a SO_REUSEPORT socket per shard, in shard order.
pub struct UdpGroup {
    pub sockets: Vec<OwnedFd>,
    pub port: u16,
    /// Bytes granted, the kernel's book-keeping overhead not counted.
    pub receive_buffer: u32,
    /// False: the kernel refused the program and spreads packets by address.
    pub steered: bool,
    pub gro: bool,
    pub gso: bool,
}

/// Opens the sockets of a listener and steers packets to the shard that owns them.
pub fn open_udp_group(options: &UdpGroupOptions) -> Result<UdpGroup, IoError> {
    let port = claim_port(options)?;
    let mut sockets = Vec::new();
    let mut gro = true;
    for _ in 0..options.shards {
        let socket = udp_socket(options.host)?;
        require(
            &socket,
            libc::SOL_SOCKET,
            libc::SO_REUSEPORT,
            1,
            "share the UDP port between shards",
        )?;
        force_buffer(
            &socket,
            libc::SO_RCVBUFFORCE,
            libc::SO_RCVBUF,
            options.receive_buffer,
        );
        force_buffer(
            &socket,
            libc::SO_SNDBUFFORCE,
            libc::SO_SNDBUF,
            options.send_buffer,
        );
        allow_fragments(&socket, options.host)?;
        require(
            &socket,
            libc::SOL_SOCKET,
            libc::SO_RXQ_OVFL,
            1,
            "count lost UDP datagrams",
        )?;
        gro &= set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, &1).is_ok();
        bind(&socket, SocketAddr::new(options.host, port))?;
        sockets.push(socket);
    }
    let first = sockets
        .first()
        .ok_or_else(|| IoError::new(libc::EINVAL, "open a UDP listener of no shards"))?;
    let steered = steer_bpf::attach(first, options.shards).is_ok();
    let receive_buffer = int_option(first, libc::SOL_SOCKET, libc::SO_RCVBUF) as u32 / 2;
    let gso = knows_gso(first);
    Ok(UdpGroup {
        port,
        receive_buffer,
        steered,
        gro,
        gso,
        sockets,
    })
}

/// Whether datagrams may be sent as superpackets. GSO is asked for per message; setting "no segmentation" tells whether
/// the kernel knows the option.
pub fn knows_gso(socket: &OwnedFd) -> bool {
    set_option(socket, libc::SOL_UDP, libc::UDP_SEGMENT, &(0 as c_int)).is_ok()
}

/// Whether the socket hands over several datagrams as one buffer.
pub fn has_gro(socket: &OwnedFd) -> bool {
    int_option(socket, libc::SOL_UDP, libc::UDP_GRO) != 0
}

/// A port that nobody has: SO_REUSEPORT would quietly share it with another process of the same user.
fn claim_port(options: &UdpGroupOptions) -> Result<u16, IoError> {
    let probe = udp_socket(options.host)?;
    bind(&probe, SocketAddr::new(options.host, options.port))?;
    local_port(&probe)
}

fn udp_socket(host: IpAddr) -> Result<OwnedFd, IoError> {
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

fn force_buffer(socket: &OwnedFd, force: c_int, plain: c_int, wanted: u32) {
    let bytes =
        c_int::try_from(if wanted == 0 { DEFAULT_BUFFER } else { wanted }).unwrap_or(c_int::MAX);
    if set_option(socket, libc::SOL_SOCKET, force, &bytes).is_err() {
        // Without CAP_NET_ADMIN the system limit holds; the size granted is reported.
        let _ = set_option(socket, libc::SOL_SOCKET, plain, &bytes);
    }
}

fn require(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: c_int,
    action: &str,
) -> Result<(), IoError> {
    set_option(socket, level, name, &value).map_err(|errno| IoError::new(errno, action))
}

fn bind(socket: &OwnedFd, addr: SocketAddr) -> Result<(), IoError> {
    let (raw, len) = RawAddr::encode(&addr);
    // SAFETY: raw is an initialised address of len bytes that outlives the call.
    let rc = unsafe { libc::bind(socket.as_raw_fd(), raw.as_ptr(), len) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::new(last_errno(), format!("bind UDP {addr}")))
    }
}

fn local_port(socket: &OwnedFd) -> Result<u16, IoError> {
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
        .map(|addr| addr.port())
        .ok_or_else(|| IoError::new(libc::EINVAL, "read the address of a UDP socket"))
}

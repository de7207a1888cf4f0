use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::fd::{open_socket, set_option};
use crate::sockaddr::RawAddr;
use crate::socket_options::{self, SocketOptions};
use crate::udp_socket::{local_addr, require};

pub struct TcpGroupOptions {
    pub host: IpAddr,
    /// 0 = any free port.
    pub port: u16,
    /// The port is this program's already, through other addresses of the same sockets' owner.
    pub shared: bool,
    pub shards: u32,
    /// Bytes, for each connection; 0 leaves it to the kernel, which adapts them.
    pub receive_buffer: u32,
    pub send_buffer: u32,
    pub options: SocketOptions,
}

/// One TCP listener: a SO_REUSEPORT socket per shard, in shard order. The kernel spreads connections over them.
pub struct TcpGroup {
    pub sockets: Vec<OwnedFd>,
    pub port: u16,
}

/// Connections that wait to be accepted, of each shard; the system's limit holds below.
const BACKLOG: c_int = 1024;

/// Opens the sockets of a listener.
pub fn open_tcp_group(options: &TcpGroupOptions) -> Result<TcpGroup, IoError> {
    let port = if options.shared {
        options.port
    } else {
        claim_port(options)?
    };
    let mut sockets = Vec::new();
    for _ in 0..options.shards {
        let socket = tcp_socket(options.host)?;
        let share = "share the TCP port between shards";
        require(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1, share)?;
        set_buffers(&socket, options.receive_buffer, options.send_buffer);
        socket_options::apply(&socket, options.host, &options.options)?;
        bind(&socket, SocketAddr::new(options.host, port))?;
        sockets.push(socket);
    }
    // All are bound before the first one listens: a connection never meets half a group.
    for socket in &sockets {
        // SAFETY: listen takes plain integers.
        if unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) } != 0 {
            return Err(IoError::last(format!("listen on TCP port {port}")));
        }
    }
    Ok(TcpGroup { sockets, port })
}

/// Whether this is a listening socket of streams, and not one of datagrams.
pub fn is_stream_listener(socket: &OwnedFd) -> bool {
    crate::fd::int_option(socket, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) != 0
}

/// A non-blocking TCP socket of the family of `host`. A port whose last connections have just ended can be had.
pub(crate) fn tcp_socket(host: IpAddr) -> Result<OwnedFd, IoError> {
    let domain = if host.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
    let socket = open_socket(domain, kind, 0, "open a TCP socket")?;
    let again = "take a TCP port again";
    require(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1, again)?;
    if host.is_ipv6() {
        let only = "keep IPv4 off an IPv6 socket";
        require(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1, only)?;
    }
    Ok(socket)
}

/// Sizes that were asked for; connections inherit them from their listener.
pub(crate) fn set_buffers(socket: &OwnedFd, receive: u32, send: u32) {
    let sizes = [
        (receive, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (send, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ];
    for (wanted, force, plain) in sizes {
        let bytes = c_int::try_from(wanted).unwrap_or(c_int::MAX);
        if bytes != 0 && set_option(socket, libc::SOL_SOCKET, force, &bytes).is_err() {
            // Without CAP_NET_ADMIN the system limit holds.
            let _ = set_option(socket, libc::SOL_SOCKET, plain, &bytes);
        }
    }
}

pub(crate) fn bind(socket: &OwnedFd, addr: SocketAddr) -> Result<(), IoError> {
    let (raw, len) = RawAddr::encode(&addr);
    // SAFETY: raw is an initialised address of len bytes that outlives the call.
    let rc = unsafe { libc::bind(socket.as_raw_fd(), raw.as_ptr(), len) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::new(last_errno(), format!("bind TCP {addr}")))
    }
}

/// A port that nobody listens on: SO_REUSEPORT would quietly share it with another process of the same user.
fn claim_port(options: &TcpGroupOptions) -> Result<u16, IoError> {
    let probe = tcp_socket(options.host)?;
    socket_options::apply(&probe, options.host, &options.options)?;
    bind(&probe, SocketAddr::new(options.host, options.port))?;
    Ok(local_addr(&probe)?.port())
}

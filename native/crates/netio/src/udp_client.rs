use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::sockaddr::RawAddr;
use crate::socket_options::SocketOptions;
use crate::udp_group::knows_gso;
use crate::udp_socket::{bind, local_addr, prepare, udp_socket};

pub struct UdpClientOptions {
    pub remote: SocketAddr,
    /// `None` = whichever the route to the server has.
    pub local_host: Option<IpAddr>,
    /// 0 = any free port.
    pub local_port: u16,
    /// Bytes; 0 = the default, as far as permitted.
    pub receive_buffer: u32,
    pub send_buffer: u32,
    pub options: SocketOptions,
}

/// The socket of a client. Connected: the kernel keeps strangers away and the source address stays.
pub struct UdpClient {
    pub socket: OwnedFd,
    pub local: SocketAddr,
    pub gro: bool,
    pub gso: bool,
}

/// Opens the socket of a client to one server.
pub fn open_udp_client(options: &UdpClientOptions) -> Result<UdpClient, IoError> {
    let remote = options.remote;
    let socket = udp_socket(remote.ip())?;
    let gro = prepare(
        &socket,
        remote.ip(),
        options.receive_buffer,
        options.send_buffer,
        &options.options,
    )?;
    let any: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let local_host = options.local_host.unwrap_or(any);
    bind(&socket, SocketAddr::new(local_host, options.local_port))?;
    connect(&socket, &remote)?;
    let local = local_addr(&socket)?;
    let gso = knows_gso(&socket);
    Ok(UdpClient {
        socket,
        local,
        gro,
        gso,
    })
}

fn connect(socket: &OwnedFd, remote: &SocketAddr) -> Result<(), IoError> {
    let (raw, len) = RawAddr::encode(remote);
    // SAFETY: raw is an initialised address of len bytes that outlives the call.
    let rc = unsafe { libc::connect(socket.as_raw_fd(), raw.as_ptr(), len) };
    if rc == 0 {
        Ok(())
    } else {
        Err(IoError::new(
            last_errno(),
            format!("find a way to {}", remote.ip()),
        ))
    }
}

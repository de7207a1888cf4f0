use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::error::{IoError, last_errno};
use crate::sockaddr::RawAddr;
use crate::socket_options;
use crate::tcp_group::{bind, set_buffers, tcp_socket};
use crate::tcp_stream::set_no_delay;
use crate::udp_client::UdpClientOptions;
use crate::udp_socket::local_addr;

/// Begins a connection to a server and does not wait for it. Until it is there, nothing can be read and nothing written;
/// when it fails, reading says so.
pub fn open_tcp_client(options: &UdpClientOptions) -> Result<(OwnedFd, SocketAddr), IoError> {
    let remote = options.remote;
    let socket = tcp_socket(remote.ip())?;
    set_buffers(&socket, options.receive_buffer, options.send_buffer);
    set_no_delay(&socket, true);
    socket_options::apply(&socket, remote.ip(), &options.options)?;
    let any: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let local_host = options.local_host.unwrap_or(any);
    if options.local_port != 0 || options.local_host.is_some() {
        bind(&socket, SocketAddr::new(local_host, options.local_port))?;
    }
    let (raw, len) = RawAddr::encode(&remote);
    // SAFETY: raw is an initialised address of len bytes that outlives the call.
    let rc = unsafe { libc::connect(socket.as_raw_fd(), raw.as_ptr(), len) };
    if rc != 0 && last_errno() != libc::EINPROGRESS {
        return Err(IoError::last(format!("find a way to {}", remote.ip())));
    }
    let local = local_addr(&socket)?;
    Ok((socket, local))
}

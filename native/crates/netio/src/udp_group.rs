use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use crate::error::IoError;
use crate::fd::{int_option, int_options, set_option};
use crate::socket_options::{self, SocketOptions};
use crate::steer_bpf;
use crate::udp_socket::{bind, local_addr, prepare, require, udp_socket};

pub struct UdpGroupOptions {
    pub host: IpAddr,
    /// 0 = any free port.
    pub port: u16,
    /// The port is this program's already, through other addresses of the same sockets' owner.
    pub shared: bool,
    pub shards: u32,
    /// Bytes; 0 = `DEFAULT_BUFFER` as far as permitted.
    pub receive_buffer: u32,
    pub send_buffer: u32,
    pub options: SocketOptions,
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
    let port = if options.shared {
        options.port
    } else {
        claim_port(options)?
    };
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
        gro &= prepare(
            &socket,
            options.host,
            options.receive_buffer,
            options.send_buffer,
            &options.options,
        )?;
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

/// Whether the descriptor is a socket of datagrams, and not of a connection or no socket at all.
pub fn is_datagram_socket(socket: &OwnedFd) -> bool {
    int_option(socket, libc::SOL_SOCKET, libc::SO_TYPE) == libc::SOCK_DGRAM
}

/// How many datagrams came to the socket and were not queued, as `Received::lost` says; 0 where the kernel does not say.
pub fn datagrams_gone(socket: &OwnedFd) -> u32 {
    let memory = int_options::<9>(socket, libc::SOL_SOCKET, libc::SO_MEMINFO);
    memory[8] as u32
}

/// Whether the socket hands over several datagrams as one buffer.
pub fn has_gro(socket: &OwnedFd) -> bool {
    int_option(socket, libc::SOL_UDP, libc::UDP_GRO) != 0
}

/// A port that nobody has: SO_REUSEPORT would quietly share it with another process of the same user.
fn claim_port(options: &UdpGroupOptions) -> Result<u16, IoError> {
    let probe = udp_socket(options.host)?;
    socket_options::apply(&probe, options.host, &options.options)?;
    bind(&probe, SocketAddr::new(options.host, options.port))?;
    Ok(local_addr(&probe)?.port())
}

use std::net::IpAddr;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

use napi_derive::napi;
use netio::IoError;
use netio::interface::{InterfacePlan, set_networks};
use netio::link_watch::{self, LinkState};
use netio::routing::Route;
use netio::socket_options::{self, MtuDiscovery};

use crate::error::{Result, invalid, to_js};

#[napi(object)]
pub struct UdpGroupOptions {
    pub host: String,
    pub port: u32,
    /// Absent: false.
    pub shared: Option<bool>,
    pub shards: u32,
    pub receive_buffer: u32,
    pub send_buffer: u32,
    /// Absent: nothing special.
    pub socket: Option<SocketOptions>,
}

#[napi(object, use_nullable = true)]
pub struct SocketOptions {
    pub mark: u32,
    pub device: Option<String>,
    pub mtu_discovery: Option<String>,
    pub tell_local: bool,
}

#[napi(object)]
pub struct UdpGroup {
    pub fds: Vec<i32>,
    pub port: u32,
    pub receive_buffer: u32,
    pub steering: String,
    pub gro: bool,
    pub gso: bool,
}

#[napi]
pub fn open_udp_group(options: UdpGroupOptions) -> Result<UdpGroup> {
    let host = parse_ip(&options.host).map_err(to_js)?;
    let port = u16::try_from(options.port)
        .map_err(|_| invalid(format!("use {} as a port", options.port)))?;
    let group = netio::udp_group::open_udp_group(&netio::udp_group::UdpGroupOptions {
        host,
        port,
        shared: options.shared.unwrap_or(false),
        shards: options.shards,
        receive_buffer: options.receive_buffer,
        send_buffer: options.send_buffer,
        options: plan_socket_options(options.socket.as_ref())?,
    })
    .map_err(to_js)?;
    Ok(UdpGroup {
        fds: give_away(group.sockets),
        port: u32::from(group.port),
        receive_buffer: group.receive_buffer,
        steering: if group.steered { "bpf" } else { "hash" }.to_owned(),
        gro: group.gro,
        gso: group.gso,
    })
}

#[napi(object)]
pub struct TcpGroup {
    pub fds: Vec<i32>,
    pub port: u32,
}

#[napi]
pub fn open_tcp_group(options: UdpGroupOptions) -> Result<TcpGroup> {
    let host = parse_ip(&options.host).map_err(to_js)?;
    let port = u16::try_from(options.port)
        .map_err(|_| invalid(format!("use {} as a port", options.port)))?;
    let group = netio::tcp_group::open_tcp_group(&netio::tcp_group::TcpGroupOptions {
        host,
        port,
        shared: options.shared.unwrap_or(false),
        shards: options.shards,
        receive_buffer: options.receive_buffer,
        send_buffer: options.send_buffer,
        // The kernel answers a connection from the address that it was made to.
        options: socket_options::SocketOptions {
            tell_local: false,
            ..plan_socket_options(options.socket.as_ref())?
        },
    })
    .map_err(to_js)?;
    Ok(TcpGroup {
        fds: give_away(group.sockets),
        port: u32::from(group.port),
    })
}

pub(crate) fn plan_socket_options(
    options: Option<&SocketOptions>,
) -> Result<socket_options::SocketOptions> {
    let Some(options) = options else {
        return Ok(socket_options::SocketOptions::default());
    };
    let mtu_discovery = match options.mtu_discovery.as_deref() {
        None => None,
        Some("yes") => Some(MtuDiscovery::Yes),
        Some("maybe") => Some(MtuDiscovery::Maybe),
        Some("no") => Some(MtuDiscovery::No),
        Some(other) => return Err(invalid(format!("discover the MTU by {other}"))),
    };
    Ok(socket_options::SocketOptions {
        mark: options.mark,
        device: options.device.clone(),
        mtu_discovery,
        tell_local: options.tell_local,
    })
}

#[napi(object, use_nullable = true)]
pub struct TunRoute {
    pub destination: String,
    pub via: Option<String>,
    pub metric: Option<u32>,
}

#[napi(object)]
pub struct TunOptions {
    pub name: String,
    pub queues: u32,
    pub mtu: u32,
    pub addresses: Vec<String>,
    pub routes: Vec<TunRoute>,
}

#[napi(object)]
pub struct Tun {
    pub name: String,
    pub fds: Vec<i32>,
    pub offloads: Vec<String>,
}

#[napi]
pub fn open_tun(options: TunOptions) -> Result<Tun> {
    let interface = plan_interface(&options).map_err(to_js)?;
    let tun = netio::tun::TunOptions {
        name: options.name,
        queues: options.queues,
        interface,
    };
    let tun = netio::tun::open_tun(&tun).map_err(to_js)?;
    let offloads = tun.offloads.into_iter().map(str::to_owned).collect();
    Ok(Tun {
        name: tun.name,
        fds: give_away(tun.queues),
        offloads,
    })
}

#[napi]
pub fn reopen_tun(fds: Vec<i32>, options: TunOptions) -> Result<()> {
    plan_interface(&options)
        .and_then(|plan| netio::tun::reopen_tun(&options.name, &fds, &plan))
        .map_err(to_js)
}

#[napi]
pub fn steer_tun(plane: u32, fd: i32) -> Result<()> {
    shard::registry::steer_tun(plane, fd).map_err(to_js)
}

#[napi]
pub fn restore_tun(options: TunOptions) -> Result<()> {
    plan_interface(&options)
        .and_then(|plan| set_networks(&options.name, &plan))
        .map_err(to_js)
}

#[napi(object)]
pub struct LinkNews {
    pub state: String,
    pub lost: bool,
    pub mtu: u32,
}

#[napi]
pub fn open_link_watch() -> Result<i32> {
    let watch = link_watch::open_link_watch().map_err(to_js)?;
    Ok(watch.into_raw_fd())
}

#[napi]
pub fn look_at_link(watch: i32, device: String) -> Result<LinkNews> {
    let news = link_watch::look_at_link(watch, &device).map_err(to_js)?;
    let state = match news.state {
        LinkState::Up => "up",
        LinkState::Down => "down",
        LinkState::Gone => "gone",
    };
    Ok(LinkNews {
        state: state.to_owned(),
        lost: news.lost,
        mtu: news.mtu,
    })
}

#[napi]
pub fn close_fds(fds: Vec<i32>) {
    netio::fd::close_all(&fds);
}

#[napi(object)]
pub struct HostCapabilities {
    pub tun: bool,
    pub udp_gro: bool,
    pub udp_gso: bool,
    pub reuseport_bpf: bool,
    pub ipv6: bool,
    pub cpu: String,
}

#[napi]
pub fn probe_host() -> HostCapabilities {
    let found = netio::caps::probe();
    HostCapabilities {
        tun: found.tun,
        udp_gro: found.udp_gro,
        udp_gso: found.udp_gso,
        reuseport_bpf: found.reuseport_bpf,
        ipv6: found.ipv6,
        cpu: found.cpu,
    }
}

#[napi]
pub fn parallelism() -> u32 {
    netio::caps::parallelism() as u32
}

/// Packets that wait in the device while a data thread is busy; the kernel's 500 overflow under several streams.
const TRANSMIT_QUEUE_LEN: u32 = 1000;

fn plan_interface(options: &TunOptions) -> std::result::Result<InterfacePlan, IoError> {
    let addresses = options
        .addresses
        .iter()
        .map(|text| text.parse())
        .collect::<std::result::Result<_, _>>()?;
    let routes = options
        .routes
        .iter()
        .map(plan_route)
        .collect::<std::result::Result<_, _>>()?;
    Ok(InterfacePlan {
        mtu: options.mtu,
        transmit_queue_len: TRANSMIT_QUEUE_LEN,
        addresses,
        routes,
    })
}

pub(crate) fn plan_route(route: &TunRoute) -> std::result::Result<Route, IoError> {
    let via = route.via.as_deref().map(parse_ip).transpose()?;
    Ok(Route {
        destination: route.destination.parse()?,
        via,
        metric: route.metric,
    })
}

pub(crate) fn parse_ip(text: &str) -> std::result::Result<IpAddr, IoError> {
    text.parse()
        .map_err(|_| IoError::invalid(format!("read \"{text}\" as a numeric address")))
}

/// From here on the descriptors are numbers that JavaScript owns.
fn give_away(fds: Vec<OwnedFd>) -> Vec<RawFd> {
    fds.into_iter().map(IntoRawFd::into_raw_fd).collect()
}

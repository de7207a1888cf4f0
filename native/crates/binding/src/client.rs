use std::net::SocketAddr;
use std::os::fd::IntoRawFd;

use napi_derive::napi;
use netio::{capabilities, interface, routing};

use crate::device::{SocketOptions, TunRoute, parse_ip, plan_route, plan_socket_options};
use crate::error::{Result, invalid, to_js};

#[napi(object, use_nullable = true)]
pub struct UdpClientOptions {
    pub host: String,
    pub port: u32,
    pub local_host: Option<String>,
    pub local_port: u32,
    pub receive_buffer: u32,
    pub send_buffer: u32,
    /// As in UdpGroupOptions.
    pub socket: Option<SocketOptions>,
}

#[napi(object)]
pub struct UdpClient {
    pub fd: i32,
    pub local_host: String,
    pub local_port: u32,
    pub gro: bool,
    pub gso: bool,
}

#[napi]
pub fn open_udp_client(options: UdpClientOptions) -> Result<UdpClient> {
    let options = plan_socket(&options)?;
    let client = netio::udp_client::open_udp_client(&options).map_err(to_js)?;
    Ok(UdpClient {
        fd: client.socket.into_raw_fd(),
        local_host: client.local.ip().to_string(),
        local_port: u32::from(client.local.port()),
        gro: client.gro,
        gso: client.gso,
    })
}

#[napi(object)]
pub struct TcpClient {
    pub fd: i32,
    pub local_host: String,
    pub local_port: u32,
}

#[napi]
pub fn open_tcp_client(options: UdpClientOptions) -> Result<TcpClient> {
    let options = plan_socket(&options)?;
    let (socket, local) = netio::tcp_client::open_tcp_client(&options).map_err(to_js)?;
    Ok(TcpClient {
        fd: socket.into_raw_fd(),
        local_host: local.ip().to_string(),
        local_port: u32::from(local.port()),
    })
}

fn plan_socket(options: &UdpClientOptions) -> Result<netio::udp_client::UdpClientOptions> {
    let port =
        |number: u32| u16::try_from(number).map_err(|_| invalid(format!("use {number} as a port")));
    let host = parse_ip(&options.host).map_err(to_js)?;
    let local_host = options.local_host.as_deref().map(parse_ip).transpose();
    Ok(netio::udp_client::UdpClientOptions {
        remote: SocketAddr::new(host, port(options.port)?),
        local_host: local_host.map_err(to_js)?,
        local_port: port(options.local_port)?,
        receive_buffer: options.receive_buffer,
        send_buffer: options.send_buffer,
        options: plan_socket_options(options.socket.as_ref())?,
    })
}

#[napi]
pub fn set_mtu(device: String, mtu: u32) -> Result<()> {
    interface::set_mtu(&device, mtu).map_err(to_js)
}

#[napi(object, use_nullable = true)]
pub struct DeviceAddress {
    pub address: String,
    pub peer: Option<String>,
}

#[napi]
pub fn add_address(device: String, address: DeviceAddress) -> Result<()> {
    change_address(&device, &address, interface::set_address)
}

#[napi]
pub fn remove_address(device: String, address: DeviceAddress) -> Result<()> {
    change_address(&device, &address, interface::remove_address)
}

#[napi]
pub fn add_route(device: String, route: TunRoute) -> Result<()> {
    plan_route(&route)
        .and_then(|route| routing::add_route(&device, &route))
        .map_err(to_js)
}

#[napi]
pub fn remove_route(device: String, route: TunRoute) -> Result<()> {
    plan_route(&route)
        .and_then(|route| routing::remove_route(&device, &route))
        .map_err(to_js)
}

#[napi(object, use_nullable = true)]
pub struct Way {
    pub device: String,
    pub via: Option<String>,
}

#[napi]
pub fn find_way(address: String) -> Result<Way> {
    let way = parse_ip(&address)
        .and_then(routing::find_way)
        .map_err(to_js)?;
    Ok(Way {
        device: way.device,
        via: way.via.map(|via| via.to_string()),
    })
}

#[napi]
pub fn keep_capabilities() -> Result<()> {
    capabilities::keep_capabilities().map_err(to_js)
}

#[napi]
pub fn keep_only_net_admin() -> Result<()> {
    capabilities::keep_only_net_admin().map_err(to_js)
}

type Change = fn(
    &str,
    &interface::Cidr,
    Option<&std::net::IpAddr>,
) -> std::result::Result<(), netio::IoError>;

fn change_address(device: &str, address: &DeviceAddress, change: Change) -> Result<()> {
    let peer = address
        .peer
        .as_deref()
        .map(parse_ip)
        .transpose()
        .map_err(to_js)?;
    address
        .address
        .parse()
        .and_then(|cidr| change(device, &cidr, peer.as_ref()))
        .map_err(to_js)
}

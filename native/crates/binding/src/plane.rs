use napi_derive::napi;
use shard::registry::{self, MssFix, PlaneSettings, Role};

use crate::error::{Result, invalid, to_js};
use crate::shared_view;

#[napi(object)]
pub struct PlaneOptions {
    /// `server` where it is absent.
    pub role: Option<String>,
    pub shards: u32,
    pub client_to_client: bool,
    pub mssfix: u32,
    /// `usual` where it is absent.
    pub mssfix_of: Option<String>,
    pub tun_mtu: u32,
    pub max_peers: u32,
}

#[napi]
pub fn create_plane(options: PlaneOptions) -> Result<u32> {
    let size = |value: u32, what: &str| {
        u16::try_from(value).map_err(|_| invalid(format!("use {value} as {what}")))
    };
    let role = match options.role.as_deref() {
        None | Some("server") => Role::Server,
        Some("client") => Role::Client,
        Some(other) => return Err(invalid(format!("make a plane for a {other}"))),
    };
    let size_of_mssfix = size(options.mssfix, "mssfix")?;
    let mssfix = match options.mssfix_of.as_deref() {
        _ if size_of_mssfix == 0 => MssFix::Off,
        None | Some("usual") => MssFix::Usual(size_of_mssfix),
        Some("outer") => MssFix::Outer(size_of_mssfix),
        Some("datagram") => MssFix::Datagram(size_of_mssfix),
        Some("packet") => MssFix::Packet(size_of_mssfix),
        Some(other) => return Err(invalid(format!("fit TCP to a {other}"))),
    };
    registry::create_plane(PlaneSettings {
        role,
        shards: options.shards as usize,
        client_to_client: options.client_to_client,
        mssfix,
        tun_mtu: size(options.tun_mtu, "tun-mtu")?,
        max_peers: options.max_peers as usize,
    })
    .map_err(to_js)
}

#[napi]
pub fn limit_streams(
    plane: u32,
    queue_limit: u32,
    opening_ms: u32,
    max_opening: u32,
) -> Result<()> {
    registry::limit_streams(plane, queue_limit, opening_ms, max_opening).map_err(to_js)
}

#[napi]
pub fn set_ways(plane: u32, by_device: bool, shows_class: bool) -> Result<()> {
    registry::set_ways(plane, by_device, shows_class).map_err(to_js)
}

#[napi]
pub fn filter_floods(plane: u32) -> Result<()> {
    registry::filter_floods(plane).map_err(to_js)
}

#[napi]
pub fn destroy_plane(plane: u32) {
    registry::destroy_plane(plane);
    shared_view::release(plane);
}

#[napi(object)]
pub struct BuildInfo {
    pub version: String,
    pub aead: String,
    pub profile: String,
}

#[napi]
pub fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        aead: AEAD.to_owned(),
        profile: env!("SHARDVPN_PROFILE").to_owned(),
    }
}

/// The crates that seal and open data packets: `ring` for all ciphers but the one it lacks.
const AEAD: &str = "ring, aes-gcm for AES-192-GCM";

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::tun;
use crate::udp_group::{UdpGroupOptions, open_udp_group};

/// What this host lets this process do, found by trying.
#[derive(Clone, Debug)]
pub struct Capabilities {
    pub tun: bool,
    pub udp_gro: bool,
    pub udp_gso: bool,
    pub reuseport_bpf: bool,
    pub ipv6: bool,
    /// Instruction sets that matter to the cipher, `aes vaes avx2`.
    pub cpu: String,
}

pub fn probe() -> Capabilities {
    let group = open_udp_group(&on_loopback(Ipv4Addr::LOCALHOST.into())).ok();
    Capabilities {
        tun: tun::can_open_tun(),
        udp_gro: group.as_ref().is_some_and(|group| group.gro),
        udp_gso: group.as_ref().is_some_and(|group| group.gso),
        reuseport_bpf: group.as_ref().is_some_and(|group| group.steered),
        ipv6: open_udp_group(&on_loopback(Ipv6Addr::LOCALHOST.into())).is_ok(),
        cpu: cpu_features(),
    }
}

/// CPUs this process may run on.
pub fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn on_loopback(host: IpAddr) -> UdpGroupOptions {
    UdpGroupOptions {
        options: crate::socket_options::SocketOptions::default(),
        host,
        port: 0,
        shared: false,
        shards: 1,
        receive_buffer: 65_536,
        send_buffer: 65_536,
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> String {
    let found = [
        ("aes", std::arch::is_x86_feature_detected!("aes")),
        (
            "pclmulqdq",
            std::arch::is_x86_feature_detected!("pclmulqdq"),
        ),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("vaes", std::arch::is_x86_feature_detected!("vaes")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    found
        .iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> String {
    std::env::consts::ARCH.to_owned()
}

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

use datapath::Millis;

use crate::port_share::PortShare;

/// First address and number of leading bits.
pub type Network = (IpAddr, u8);

/// Limits of the connections of a plane. They may change while it runs.
pub struct StreamSettings {
    queue_limit: AtomicU32,
    opening_ms: AtomicU32,
    max_opening: AtomicU32,
    /// Whose connections begin with a PROXY header.
    proxies: RwLock<Vec<Network>>,
    pub port_share: PortShare,
}

impl StreamSettings {
    /// `queue_limit`: packets that wait for a slow reader (`tcp-queue-limit`). `opening_ms`: how long a connection without a
    /// peer that is served through it may bring nothing for the worker. `max_opening`: connections of a shard in that state.
    pub fn set(&self, queue_limit: u32, opening_ms: u32, max_opening: u32) {
        self.queue_limit
            .store(queue_limit.max(1), Ordering::Relaxed);
        self.opening_ms.store(opening_ms, Ordering::Relaxed);
        self.max_opening
            .store(max_opening.max(1), Ordering::Relaxed);
    }

    /// For the connections from now on.
    pub fn set_proxies(&self, networks: Vec<Network>) {
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = networks;
    }

    /// Whether connections from there begin with a PROXY header.
    pub fn is_proxy(&self, ip: IpAddr) -> bool {
        let networks = self.proxies.read().unwrap_or_else(PoisonError::into_inner);
        networks.iter().any(|network| contains(*network, ip))
    }

    pub fn queue_limit(&self) -> usize {
        self.queue_limit.load(Ordering::Relaxed) as usize
    }

    pub fn opening(&self) -> Millis {
        Millis::from(self.opening_ms.load(Ordering::Relaxed))
    }

    pub fn max_opening(&self) -> usize {
        self.max_opening.load(Ordering::Relaxed) as usize
    }
}

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings {
            queue_limit: AtomicU32::new(64),
            opening_ms: AtomicU32::new(60_000),
            max_opening: AtomicU32::new(1024),
            proxies: RwLock::default(),
            port_share: PortShare::default(),
        }
    }
}

fn contains((first, bits): Network, ip: IpAddr) -> bool {
    let prefix = |value: u128, width: u32| {
        let spare = width.saturating_sub(u32::from(bits));
        if spare >= width { 0 } else { value >> spare }
    };
    match (first, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let value = |ip: std::net::Ipv4Addr| u128::from(ip.to_bits());
            prefix(value(a), 32) == prefix(value(b), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => prefix(a.to_bits(), 128) == prefix(b.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_begins_as_they_do() {
        let settings = StreamSettings::default();
        let network = |text: &str, bits| (text.parse::<IpAddr>().expect("address"), bits);
        settings.set_proxies(vec![network("10.1.0.0", 16), network("2001:db8::1", 128)]);
        for (text, expected) in [
            ("10.1.255.9", true),
            ("10.2.0.1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(
                settings.is_proxy(text.parse().expect("address")),
                expected,
                "{text}"
            );
        }
        settings.set_proxies(vec![network("0.0.0.0", 0)]);
        assert!(settings.is_proxy(IpAddr::from([8, 8, 8, 8])));
    }
}

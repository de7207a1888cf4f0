//! Who makes room when too many connections have no client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use datapath::Millis;

use super::{Connection, Stage, Streams};

/// A handshake is long over after this time, unless nobody means to end it.
const PATIENCE: Millis = 5_000;
/// Nobody with less than this part of the places has to make room.
const LARGE_SHARE: usize = 8;

impl Streams {
    /// The oldest one that has not brought a whole packet; else, where one address has a large share, the oldest of that
    /// address. So who keeps places by saying something now and then keeps nobody else out.
    pub(super) fn dispensable(&self, now: Millis) -> Option<usize> {
        self.oldest(|connection| !connection.has_spoken)
            .or_else(|| {
                let busiest = self.busiest()?;
                self.oldest(|connection| {
                    let age = now.saturating_sub(connection.since);
                    origin(connection) == busiest && age >= PATIENCE
                })
            })
    }

    fn busiest(&self) -> Option<IpAddr> {
        let mut counts = HashMap::new();
        for connection in self.slots.iter().flatten().filter(|c| is_opening(c)) {
            *counts.entry(origin(connection)).or_insert(0) += 1;
        }
        let (busiest, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        (count > self.opening / LARGE_SHARE).then_some(busiest)
    }

    fn oldest(&self, wanted: impl Fn(&Connection) -> bool) -> Option<usize> {
        let numbered = self.slots.iter().enumerate();
        numbered
            .filter_map(|(slot, connection)| {
                let connection = connection.as_ref()?;
                (is_opening(connection) && wanted(connection)).then_some((connection.since, slot))
            })
            .min()
            .map(|(_, slot)| slot)
    }
}

fn is_opening(connection: &Connection) -> bool {
    connection.stage == Stage::Opening
}

/// Whoever has one IPv6 address has a network of them.
fn origin(connection: &Connection) -> IpAddr {
    match connection.path.addr.ip() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

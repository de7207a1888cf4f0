//! Who makes room when too many connections have no client.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};

use datapath::Millis;

use super::{Connection, Stage, Streams};

/// A handshake is long over after this time, unless nobody means to end it.
const PATIENCE: Millis = 5_000;
/// A client's first packet is there after this time.
const GREETING: Millis = 2_000;
/// Nobody with less than this part of the places has to make room as long as others are late.
const LARGE_SHARE: usize = 8;
/// Those that are looked at when nobody is late: a sample costs the same however many there are.
const SAMPLE: usize = 16;
const LOOKS: usize = 8 * SAMPLE;
/// So long nobody looks for late ones again where there were none.
const LOOK_AGAIN: Millis = 100;

/// Chance, and what the last look has shown.
#[derive(Default)]
pub(super) struct Crowd {
    /// Unknown to those who would like to be spared.
    random: RandomState,
    draws: u64,
    nobody_late_until: Millis,
}

impl Crowd {
    fn draw(&mut self, below: usize) -> usize {
        self.draws += 1;
        (self.random.hash_one(self.draws) % below.max(1) as u64) as usize
    }
}

impl Streams {
    /// Someone who is late; else, when connections come faster than handshakes end, the one of a sample that has brought the
    /// fewest packets, and of such the oldest. Which ones are in the sample is chance, so that whoever opens
    /// connections from any number of addresses keeps out a part of the others and not all.
    pub(super) fn dispensable(&mut self, now: Millis) -> Option<usize> {
        if now >= self.crowd.nobody_late_until {
            if let Some(slot) = self.late(now) {
                return Some(slot);
            }
            self.crowd.nobody_late_until = now + LOOK_AGAIN;
        }
        self.least_of_a_sample()
    }

    /// In this order: the oldest one without a packet; where one address has a large share, the oldest of that address; the
    /// oldest of those with the fewest packets.
    fn late(&self, now: Millis) -> Option<usize> {
        let age = |connection: &Connection| now.saturating_sub(connection.since);
        self.least(|c| c.said == 0 && age(c) >= GREETING)
            .or_else(|| {
                let busiest = self.busiest()?;
                self.least(|c| origin(c) == busiest && age(c) >= PATIENCE)
            })
            .or_else(|| self.least(|c| age(c) >= PATIENCE))
    }

    fn least_of_a_sample(&mut self) -> Option<usize> {
        let mut sample = Vec::with_capacity(SAMPLE);
        for _ in 0..LOOKS {
            let slot = self.crowd.draw(self.slots.len());
            if let Some(connection) = self.slots.get(slot).and_then(Option::as_ref)
                && is_opening(connection)
            {
                sample.push((rank(connection), slot));
            }
            if sample.len() == SAMPLE {
                break;
            }
        }
        sample.into_iter().min().map(|(_, slot)| slot)
    }

    fn busiest(&self) -> Option<IpAddr> {
        let mut counts = HashMap::new();
        for connection in self.slots.iter().flatten().filter(|c| is_opening(c)) {
            *counts.entry(origin(connection)).or_insert(0) += 1;
        }
        let (busiest, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        (count > self.opening / LARGE_SHARE).then_some(busiest)
    }

    fn least(&self, wanted: impl Fn(&Connection) -> bool) -> Option<usize> {
        let numbered = self.slots.iter().enumerate();
        numbered
            .filter_map(|(slot, connection)| {
                let connection = connection.as_ref()?;
                (is_opening(connection) && wanted(connection)).then_some((rank(connection), slot))
            })
            .min()
            .map(|(_, slot)| slot)
    }
}

/// The lower, the sooner it goes. One that has brought nothing yet is only just there.
fn rank(connection: &Connection) -> (u32, Millis) {
    (connection.said.max(1), connection.since)
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

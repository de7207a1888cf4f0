use napi_derive::napi;
use shard::registry::{self, Millis, PeerSnapshot};

use crate::error::{Result, to_js};

#[napi(object)]
pub struct PeerCounters {
    pub peer_id: u32,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub packets_in: f64,
    pub packets_out: f64,
    pub idle_seconds: f64,
}

#[napi(object)]
pub struct NamedCounter {
    pub name: String,
    pub value: f64,
}

#[napi(object)]
pub struct ReasonCounter {
    pub reason: String,
    pub value: f64,
}

#[napi(object)]
pub struct ShardCounters {
    pub shard: u32,
    pub state: String,
    pub counters: Vec<NamedCounter>,
    pub drops: Vec<ReasonCounter>,
    pub hops: Vec<ReasonCounter>,
    pub peers: Vec<PeerCounters>,
}

#[napi]
pub fn shard_counters(plane: u32, shard: u32) -> Result<ShardCounters> {
    let snapshot = registry::shard_snapshot(plane, shard as usize).map_err(to_js)?;
    let reason = |(name, value): &(&str, u64)| ReasonCounter {
        reason: (*name).to_owned(),
        value: *value as f64,
    };
    Ok(ShardCounters {
        shard,
        state: snapshot.life.name().to_owned(),
        counters: snapshot.counters.iter().map(named).collect(),
        drops: snapshot.drops.iter().map(reason).collect(),
        hops: snapshot.hops.iter().map(reason).collect(),
        peers: snapshot
            .peers
            .iter()
            .map(|peer| peer_counters(peer, snapshot.now))
            .collect(),
    })
}

#[napi]
pub fn shard_io(plane: u32, shard: u32) -> Result<Vec<NamedCounter>> {
    let counters = registry::shard_io(plane, shard as usize).map_err(to_js)?;
    Ok(counters.iter().map(named).collect())
}

#[napi]
pub fn shard_state(plane: u32, shard: u32) -> Result<String> {
    let life = registry::shard_life(plane, shard as usize).map_err(to_js)?;
    Ok(life.name().to_owned())
}

#[napi(object)]
pub struct ShardPanics {
    pub count: f64,
    pub last: String,
}

#[napi]
pub fn shard_panics(plane: u32, shard: u32) -> Result<ShardPanics> {
    let (count, last) = registry::shard_panics(plane, shard as usize).map_err(to_js)?;
    Ok(ShardPanics {
        count: count as f64,
        last,
    })
}

fn named((name, value): &(&str, u64)) -> NamedCounter {
    NamedCounter {
        name: (*name).to_owned(),
        value: *value as f64,
    }
}

fn peer_counters(peer: &PeerSnapshot, now: Millis) -> PeerCounters {
    PeerCounters {
        peer_id: peer.peer.0,
        bytes_in: peer.bytes_in as f64,
        bytes_out: peer.bytes_out as f64,
        packets_in: peer.packets_in as f64,
        packets_out: peer.packets_out as f64,
        idle_seconds: now.saturating_sub(peer.last_heard) as f64 / 1000.0,
    }
}

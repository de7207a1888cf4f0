use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use shard::address_record::encode_address;
use shard::registry;

use crate::error::{Result, to_js};

#[napi(object)]
pub struct SessionSnapshot {
    pub peer_id: u32,
    pub bytes: Uint8Array,
}

#[napi(object, use_nullable = true)]
pub struct ShardPeer {
    pub peer_id: u32,
    pub path: Option<Uint8Array>,
}

#[napi]
pub fn store_snapshot(plane: u32, shard: u32, peer_id: u32, bytes: Uint8Array) -> Result<bool> {
    registry::store_snapshot(plane, shard as usize, peer_id, &bytes).map_err(to_js)
}

#[napi]
pub fn drop_snapshot(plane: u32, shard: u32, peer_id: u32) -> Result<()> {
    registry::drop_snapshot(plane, shard as usize, peer_id).map_err(to_js)
}

#[napi]
pub fn read_snapshots(plane: u32, shard: u32) -> Result<Vec<SessionSnapshot>> {
    let read = registry::read_snapshots(plane, shard as usize).map_err(to_js)?;
    Ok(read
        .iter()
        .map(|(peer_id, bytes)| SessionSnapshot {
            peer_id: *peer_id,
            bytes: Uint8Array::with_data_copied(bytes.as_slice()),
        })
        .collect())
}

#[napi]
pub fn shard_peers(plane: u32, shard: u32) -> Result<Vec<ShardPeer>> {
    let peers = registry::shard_peers(plane, shard as usize).map_err(to_js)?;
    Ok(peers
        .into_iter()
        .map(|(peer, path)| ShardPeer {
            peer_id: peer.0,
            path: path.map(|path| Uint8Array::with_data_copied(encode_address(&path))),
        })
        .collect())
}

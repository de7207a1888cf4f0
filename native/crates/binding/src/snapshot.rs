use std::sync::Arc;

use napi::bindgen_prelude::{ClassInstance, Uint8Array};
use napi_derive::napi;
use shard::address_record::encode_address;
use shard::registry;
use shard::snapshot_store::Companion;

use crate::error::{Result, to_js};
use crate::tls_server::{KeptTls, TlsServerSession};

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
pub fn store_snapshot(
    plane: u32,
    shard: u32,
    peer_id: u32,
    bytes: Uint8Array,
    tls: Option<ClassInstance<TlsServerSession>>,
) -> Result<bool> {
    let kept = tls.as_deref().and_then(KeptTls::of);
    let companion = kept.map(|kept| Arc::new(kept) as Companion);
    registry::store_snapshot(plane, shard as usize, peer_id, &bytes, companion).map_err(to_js)
}

#[napi]
pub fn resume_tls(plane: u32, shard: u32, peer_id: u32) -> Result<Option<TlsServerSession>> {
    let companion = registry::snapshot_companion(plane, shard as usize, peer_id).map_err(to_js)?;
    let kept = companion
        .as_ref()
        .and_then(|one| one.downcast_ref::<KeptTls>());
    Ok(kept.and_then(KeptTls::resume))
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

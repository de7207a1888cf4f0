//! `ring_peer` for JavaScript; test/interop/rings.test.ts is its only user.

use std::sync::{Arc, Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::Uint8Array;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use netio::mem::SharedMemory;

use crate::error::{Result, invalid, to_js};
use crate::ring_peer::{RingPeer, RingPeerOptions};

type WakeFunction = ThreadsafeFunction<(), napi::Unknown<'static>, (), Status, false, true, 1>;

/// INVARIANT: the views go on the JavaScript thread that has brought them, after the thread has ended.
static PEER: Mutex<Option<(RingPeer, [Arc<Uint8Array>; 2])>> = Mutex::new(None);

/// One at a time.
#[napi]
pub fn start_ring_peer(
    incoming: Uint8Array,
    outgoing: Uint8Array,
    seed: u32,
    receive: u32,
    send: u32,
    on_wake: WakeFunction,
) -> Result<()> {
    let views = [Arc::new(incoming), Arc::new(outgoing)];
    let [incoming, outgoing] = views
        .each_ref()
        .map(|view| SharedMemory::adopt(Arc::clone(view)));
    let call = move || {
        on_wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    };
    let peer = RingPeer::start(RingPeerOptions {
        incoming,
        outgoing,
        seed,
        receive,
        send,
        on_wake: Arc::new(call),
    })
    .map_err(to_js)?;
    let mut slot = PEER.lock().unwrap_or_else(PoisonError::into_inner);
    if slot.is_some() {
        return Err(invalid("start a second ring peer"));
    }
    *slot = Some((peer, views));
    Ok(())
}

#[napi]
pub fn wake_ring_peer() {
    let slot = PEER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((peer, _)) = &*slot {
        peer.wake();
    }
}

#[napi(object)]
pub struct RingPeerResult {
    pub received: u32,
    pub faults: u32,
    pub sent: u32,
    pub refused: u32,
    pub wakes: u32,
    pub sleeps: u32,
    pub lost_wakes: u32,
    pub corrupt: u32,
}

#[napi]
pub fn stop_ring_peer() -> Option<RingPeerResult> {
    let taken = PEER.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (peer, views) = taken?;
    let tally = peer.stop();
    drop(views);
    Some(RingPeerResult {
        received: tally.received,
        faults: tally.faults,
        sent: tally.sent,
        refused: tally.refused,
        wakes: tally.wakes,
        sleeps: tally.sleeps,
        lost_wakes: tally.lost_wakes,
        corrupt: tally.corrupt,
    })
}

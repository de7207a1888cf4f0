use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Uint8Array;
use netio::mem::SharedMemory;

use crate::error::{Result, invalid};

/// Views that the data threads of a plane work on; dropping one lets the JavaScript engine collect its memory.
static RETAINED: Mutex<BTreeMap<u32, Vec<Uint8Array>>> = Mutex::new(BTreeMap::new());

/// The memory behind a Uint8Array over a SharedArrayBuffer. `views` keeps it alive: see `retain`.
pub fn open(view: Uint8Array, views: &mut Vec<Uint8Array>) -> Result<SharedMemory> {
    let bytes: &[u8] = &view;
    let (base, len) = (NonNull::from(bytes).cast::<u8>(), bytes.len());
    if len == 0 {
        return Err(invalid("use an empty view as a ring"));
    }
    views.push(view);
    // SAFETY: the view was pushed to `views`, which outlives the data thread (`retain` until `release`, which comes
    // after the join), and a SharedArrayBuffer can be neither detached nor moved. No Rust reference to the bytes stays.
    Ok(unsafe { SharedMemory::from_raw(base, len) })
}

/// Keeps the views until the plane is released.
pub fn retain(plane: u32, views: Vec<Uint8Array>) {
    retained().entry(plane).or_default().extend(views);
}

/// After the plane's threads have been joined.
pub fn release(plane: u32) {
    let views = retained().remove(&plane);
    drop(views);
}

fn retained() -> MutexGuard<'static, BTreeMap<u32, Vec<Uint8Array>>> {
    RETAINED.lock().unwrap_or_else(PoisonError::into_inner)
}

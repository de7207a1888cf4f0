use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::Uint8Array;
use netio::mem::SharedMemory;

use crate::error::{Result, invalid};

/// Views that the data threads of a plane work on. INVARIANT: `release` drops the last clone of a view, and does so on the
/// JavaScript thread, because the data threads have ended before.
static RETAINED: Mutex<BTreeMap<u32, Vec<Arc<Uint8Array>>>> = Mutex::new(BTreeMap::new());

/// The memory behind a Uint8Array over a SharedArrayBuffer, which can be neither detached nor moved. See `retain`.
pub fn open(view: Uint8Array, views: &mut Vec<Arc<Uint8Array>>) -> Result<SharedMemory> {
    if view.is_empty() {
        return Err(invalid("use an empty view as a ring"));
    }
    let view = Arc::new(view);
    views.push(Arc::clone(&view));
    Ok(SharedMemory::adopt(view))
}

/// Keeps the views until the plane is released.
pub fn retain(plane: u32, views: Vec<Arc<Uint8Array>>) {
    retained().entry(plane).or_default().extend(views);
}

/// After the plane's threads have been joined.
pub fn release(plane: u32) {
    let views = retained().remove(&plane);
    drop(views);
}

fn retained() -> MutexGuard<'static, BTreeMap<u32, Vec<Arc<Uint8Array>>>> {
    RETAINED.lock().unwrap_or_else(PoisonError::into_inner)
}

use std::os::fd::IntoRawFd;
use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::Uint8Array;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use shard::registry;

use crate::device::parse_ip;
use crate::error::{Result, invalid, to_js};

#[napi(object)]
pub struct NetworkOptions {
    pub address: String,
    pub bits: u32,
}

#[napi]
pub fn trust_proxies(plane: u32, networks: Vec<NetworkOptions>) -> Result<()> {
    let networks = networks
        .iter()
        .map(|NetworkOptions { address, bits }| {
            let bits = u8::try_from(*bits).map_err(|_| invalid(format!("use {bits} bits")))?;
            Ok((parse_ip(address).map_err(to_js)?, bits))
        })
        .collect::<Result<Vec<_>>>()?;
    registry::trust_proxies(plane, networks).map_err(to_js)
}

/// A call that is still waiting to be made stands for any number of them.
type WakeFunction = ThreadsafeFunction<(), napi::Unknown<'static>, (), Status, false, true, 1>;

#[napi]
pub fn share_port(plane: u32, on_wake: WakeFunction) -> Result<()> {
    let call = move || {
        // Refused when a call is waiting or JavaScript is gone; both are fine.
        on_wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    };
    registry::share_port(plane, Some(Arc::new(call))).map_err(to_js)
}

#[napi]
pub fn unshare_port(plane: u32) -> Result<()> {
    registry::share_port(plane, None).map_err(to_js)
}

#[napi(object, object_from_js = false)]
pub struct ForeignStream {
    pub fd: i32,
    pub bytes: Uint8Array,
    pub host: String,
    pub port: u32,
}

#[napi]
pub fn take_foreign(plane: u32) -> Result<Option<ForeignStream>> {
    let stream = registry::take_foreign(plane).map_err(to_js)?;
    Ok(stream.map(|stream| ForeignStream {
        fd: stream.socket.into_raw_fd(),
        bytes: stream.bytes.into(),
        host: stream.from.ip().to_string(),
        port: u32::from(stream.from.port()),
    }))
}

use std::sync::Arc;

use napi::bindgen_prelude::Uint8Array;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use netio::IoError;
use netio::mem::SharedMemory;
use shard::registry::{self, ShardOptions};

use crate::error::{Result, to_js};
use crate::plane::destroy_plane;
use crate::shared_view;

#[napi(object, object_to_js = false, use_nullable = true)]
pub struct ShardFds {
    pub shard: u32,
    pub udp: Vec<Option<i32>>,
    pub tun: Option<i32>,
    pub to_data: Uint8Array,
    pub to_worker: Uint8Array,
    pub hop_in: Vec<Option<Uint8Array>>,
    pub hop_out: Vec<Option<Uint8Array>>,
}

#[napi]
pub fn start_shard(env: Env, plane: u32, options: ShardFds) -> Result<()> {
    set_up(env, plane, options, registry::start_shard)
}

#[napi]
pub fn prepare_shard(env: Env, plane: u32, options: ShardFds) -> Result<()> {
    set_up(env, plane, options, registry::prepare_shard)
}

fn set_up(
    env: Env,
    plane: u32,
    options: ShardFds,
    begin: fn(u32, ShardOptions) -> std::result::Result<(), IoError>,
) -> Result<()> {
    let mut views = Vec::new();
    let options = ShardOptions {
        shard: options.shard as usize,
        udp: options.udp,
        tun: options.tun,
        to_data: shared_view::open(options.to_data, &mut views)?,
        to_worker: shared_view::open(options.to_worker, &mut views)?,
        hop_in: open_hops(options.hop_in, &mut views)?,
        hop_out: open_hops(options.hop_out, &mut views)?,
    };
    begin(plane, options).map_err(to_js)?;
    shared_view::retain(plane, views);
    // The rings' memory goes with the environment that made it, so its data threads end first.
    let hook = env.add_env_cleanup_hook(plane, destroy_plane);
    hook.map(drop)
        .map_err(|error| crate::error::invalid(format!("watch the end of the process: {error}")))
}

#[napi]
pub fn open_listener(plane: u32, shard: u32, listener: u32, fd: i32) -> Result<()> {
    registry::open_listener(plane, shard as usize, listener as usize, fd).map_err(to_js)
}

#[napi]
pub fn close_listener(
    plane: u32,
    shard: u32,
    listener: u32,
    send_through: Option<i32>,
) -> Result<()> {
    registry::close_listener(plane, shard as usize, listener as usize, send_through).map_err(to_js)
}

/// A call that is still waiting to be made stands for any number of them: the worker drains the whole ring.
type WakeFunction = ThreadsafeFunction<(), napi::Unknown<'static>, (), Status, false, true, 1>;

#[napi]
pub fn attach_worker(plane: u32, shard: u32, on_wake: WakeFunction) -> Result<()> {
    let call = move || {
        // Refused when a call is waiting or the worker is gone; both are fine.
        on_wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    };
    registry::attach_worker(plane, shard as usize, Arc::new(call)).map_err(to_js)
}

#[napi]
pub fn detach_worker(plane: u32, shard: u32) -> Result<()> {
    registry::detach_worker(plane, shard as usize).map_err(to_js)
}

#[napi]
pub fn wake_shard(plane: u32, shard: u32) -> Result<()> {
    registry::wake_shard(plane, shard as usize).map_err(to_js)
}

#[napi]
pub fn inject_panic(plane: u32, shard: u32) -> Result<()> {
    registry::inject_panic(plane, shard as usize).map_err(to_js)
}

fn open_hops(
    rings: Vec<Option<Uint8Array>>,
    views: &mut Vec<Arc<Uint8Array>>,
) -> Result<Vec<Option<SharedMemory>>> {
    rings
        .into_iter()
        .map(|ring| ring.map(|view| shared_view::open(view, views)).transpose())
        .collect()
}

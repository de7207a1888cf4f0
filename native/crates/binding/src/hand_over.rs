use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi::{Env, Task};
use napi_derive::napi;
use netio::fd_channel::{self, Message};
use netio::tun_steering::SteeringFds;
use netio::{IoError, service_notice};
use shard::{hand_over, registry};
use zeroize::Zeroizing;

use crate::error::{Result, invalid, to_js};

#[napi(object)]
pub struct HandOverChannel {
    pub ours: i32,
    pub theirs: i32,
}

#[napi]
pub fn open_hand_over() -> Result<HandOverChannel> {
    let (ours, theirs) = fd_channel::channel().map_err(to_js)?;
    Ok(HandOverChannel {
        ours: ours.into_raw_fd(),
        theirs: theirs.into_raw_fd(),
    })
}

#[napi]
pub fn send_hand_over(channel: i32, bytes: Uint8Array, fds: Vec<i32>, limit_ms: u32) -> Result<()> {
    let channel = end_of(channel).map_err(to_js)?;
    fd_channel::send(&channel, &bytes, &fds, limit(limit_ms)).map_err(to_js)
}

#[napi(object)]
pub struct HandOverMessage {
    pub bytes: Uint8Array,
    pub fds: Vec<i32>,
}

/// Waits beside the event loop.
pub struct Receive {
    channel: OwnedFd,
    limit: Duration,
}

impl Task for Receive {
    type Output = Option<Message>;
    type JsValue = Option<HandOverMessage>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        fd_channel::receive(&self.channel, self.limit)
            .map_err(|error| napi::Error::from_reason(error.to_string()))
    }

    fn resolve(&mut self, _env: Env, message: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(message.map(|Message { bytes, fds }| HandOverMessage {
            bytes: bytes.into(),
            fds: fds.into_iter().map(IntoRawFd::into_raw_fd).collect(),
        }))
    }
}

#[napi(ts_return_type = "Promise<HandOverMessage | null>")]
pub fn receive_hand_over(channel: i32, limit_ms: u32) -> Result<AsyncTask<Receive>> {
    Ok(AsyncTask::new(Receive {
        channel: end_of(channel).map_err(to_js)?,
        limit: limit(limit_ms),
    }))
}

#[napi]
pub fn halt_plane(plane: u32) -> Result<()> {
    hand_over::halt_plane(plane).map_err(to_js)
}

#[napi]
pub fn send_sessions(plane: u32, channel: i32, limit_ms: u32) -> Result<()> {
    let send = || {
        let (streams, fds) = hand_over::encode_streams(plane)?;
        let sessions = hand_over::encode_plane(plane)?;
        let channel = end_of(channel)?;
        fd_channel::send(&channel, &streams, &fds, limit(limit_ms))?;
        fd_channel::send(&channel, &sessions, &[], limit(limit_ms))
    };
    send().map_err(to_js)
}

#[napi]
pub fn take_sessions(plane: u32, channel: i32, limit_ms: u32) -> Result<u32> {
    let take = || {
        let channel = end_of(channel)?;
        let next = || {
            let message = fd_channel::receive(&channel, limit(limit_ms))?;
            message.ok_or_else(|| IoError::invalid("take over from a process that is gone"))
        };
        let streams = next()?;
        let sessions = Zeroizing::new(next()?.bytes);
        hand_over::take_over_streams(plane, &streams.bytes, streams.fds)?;
        hand_over::take_over_plane(plane, &sessions)
    };
    take().map(|sessions| sessions as u32).map_err(to_js)
}

#[napi]
pub fn take_back_plane(plane: u32) -> Result<()> {
    hand_over::take_back_plane(plane).map_err(to_js)
}

#[napi]
pub fn steering_descriptors(plane: u32) -> Result<Vec<i32>> {
    let descriptors = registry::steering_descriptors(plane).map_err(to_js)?;
    Ok(descriptors.map_or_else(Vec::new, Vec::from))
}

#[napi]
pub fn adopt_steering(plane: u32, fd: i32, descriptors: Vec<i32>) -> Result<()> {
    let descriptors = <SteeringFds<i32>>::try_from(descriptors)
        .map_err(|_| invalid("adopt anything but four maps and a program"))?;
    registry::adopt_steering(plane, fd, descriptors).map_err(to_js)
}

#[napi]
pub fn notify_service(address: String, text: String) -> Result<()> {
    service_notice::notify_service(&address, &text).map_err(to_js)
}

/// A duplicate: the number may be closed in JavaScript while another thread still waits.
fn end_of(channel: i32) -> std::result::Result<OwnedFd, IoError> {
    netio::fd::duplicate(channel.as_raw_fd(), "the channel to the other process")
}

fn limit(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

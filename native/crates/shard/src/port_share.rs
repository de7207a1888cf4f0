use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::worker_port::WorkerPort;

/// A connection that speaks something else, with what it has said so far.
pub struct ForeignStream {
    pub socket: OwnedFd,
    pub bytes: Vec<u8>,
    pub from: SocketAddr,
}

/// Where data threads leave the connections that are not for them (`port-share`).
#[derive(Default)]
pub struct PortShare {
    is_on: AtomicBool,
    waiting: Mutex<VecDeque<ForeignStream>>,
    /// Whoever takes them.
    pub taker: WorkerPort,
}

/// Connections that wait to be taken; more are closed.
const MOST_WAITING: usize = 256;

impl PortShare {
    /// From now on, for connections that have not begun.
    pub fn turn(&self, on: bool) {
        self.is_on.store(on, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// False: too many wait; the connection is closed.
    pub fn give(&self, stream: ForeignStream) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST_WAITING {
            return false;
        }
        waiting.push_back(stream);
        drop(waiting);
        self.taker.wake();
        true
    }

    pub fn take(&self) -> Option<ForeignStream> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }
}

/// What the first bytes of a connection say about who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    Client,
    Foreign,
    /// Too little has come.
    Unknown,
}

const RESET_V2: u8 = 0x38;
const RESET_V3: u8 = 0x50;

/// A client begins with a reset, whose length says enough. [wire 1]
pub fn speaker_of(bytes: &[u8]) -> Speaker {
    let &[high, low, ref rest @ ..] = bytes else {
        return Speaker::Unknown;
    };
    let len = u16::from_be_bytes([high, low]);
    let is_client = match rest.first() {
        Some(&RESET_V2) => (14..=255).contains(&len),
        Some(&RESET_V3) => (336..1279).contains(&len),
        Some(_) => false,
        // Nothing foreign begins with such a length and is followed by nothing.
        None if (14..=255).contains(&len) || (336..1279).contains(&len) => return Speaker::Unknown,
        None => false,
    };
    if is_client {
        Speaker::Client
    } else {
        Speaker::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_a_client_and_all_else_is_not() {
        for (bytes, speaker) in [
            (&b""[..], Speaker::Unknown),
            (&[0], Speaker::Unknown),
            (&[0, 14], Speaker::Unknown),
            (&[0, 14, 0x38], Speaker::Client),
            (&[0, 13, 0x38], Speaker::Foreign),
            (&[1, 0, 0x38], Speaker::Foreign),
            (&[1, 0x50, 0x50], Speaker::Client),
            (&[4, 0xff, 0x50], Speaker::Foreign),
            (&[0, 54, 0x50], Speaker::Foreign),
            (&b"GE"[..], Speaker::Foreign),
            (&[0x16, 3, 1, 2, 0], Speaker::Foreign),
            (&b"SSH-2.0"[..], Speaker::Foreign),
        ] {
            assert_eq!(speaker_of(bytes), speaker, "{bytes:?}");
        }
    }
}

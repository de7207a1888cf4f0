use std::sync::Arc;

use datapath::{Plane, Role};

use crate::test_sink::{server, settings};

/// What another process has handed over. Sessions that are taken can be handed on, and come out the same.
pub fn run(input: &[u8]) {
    let fresh = || server(&Arc::new(Plane::new(settings(Role::Server, 1))), 0);
    let mut first = fresh();
    if first.decode_sessions(0, input).is_err() {
        return;
    }
    let encoded = first.encode_sessions(0);
    let mut second = fresh();
    assert_eq!(second.decode_sessions(0, &encoded), Ok(first.peer_count()));
    assert_eq!(second.encode_sessions(0).len(), encoded.len());
}

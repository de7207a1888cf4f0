use std::os::unix::net::UnixStream;

use datapath::Role;
use shard::hand_over::{
    encode_plane, encode_streams, halt_plane, take_over_plane, take_over_streams,
};
use shard::registry::{ShardOptions, create_plane, destroy_plane, prepare_shard};
use shard::ring;

use crate::bytes::Bytes;
use crate::test_sink::settings;

/// What another process, maybe of another version, has handed over of a plane: connections and sessions. A plane that takes
/// them runs, and hands as many sessions on.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let connections = bytes.sized();
    let descriptors = usize::from(bytes.u8() % 4);
    let sessions = bytes.rest();
    let plane = prepared();
    let fds = (0..descriptors).map(|_| UnixStream::pair().expect("sockets").0.into());
    let taken = take_over_streams(plane, connections, fds.collect())
        .and_then(|()| take_over_plane(plane, sessions));
    if let Ok(taken) = taken {
        halt_plane(plane).expect("a plane that runs");
        let (streams, fds) = encode_streams(plane).expect("a halted plane");
        let encoded = encode_plane(plane).expect("a halted plane");
        let next = prepared();
        let fds = fds
            .into_iter()
            .map(|fd| netio::fd::duplicate(fd, "a connection").expect("a descriptor"));
        take_over_streams(next, &streams, fds.collect()).expect("its own connections");
        assert_eq!(take_over_plane(next, &encoded).ok(), Some(taken));
        destroy_plane(next);
    }
    destroy_plane(plane);
}

/// A plane that waits for the sessions of another one.
fn prepared() -> u32 {
    let plane = create_plane(settings(Role::Server, 1)).expect("a plane");
    let options = ShardOptions {
        shard: 0,
        udp: Vec::new(),
        tun: None,
        to_data: ring::allocate(1 << 12),
        to_worker: ring::allocate(1 << 12),
        hop_in: vec![None],
        hop_out: vec![None],
    };
    prepare_shard(plane, options).expect("a shard");
    plane
}

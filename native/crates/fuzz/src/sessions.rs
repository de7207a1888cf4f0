use std::sync::Arc;

use datapath::{DataPath, Plane, Role};

use crate::test_packets::Shape;
use crate::test_sink::{RecordingSink, path, plain_frame, server, settings};

/// What another process has handed over. Sessions that are taken can be handed on, come out the same, and carry traffic.
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
    carry_traffic(&mut second);
}

/// Whatever the numbers in a record were.
fn carry_traffic(server: &mut DataPath) {
    let mut sink = RecordingSink::default();
    for now in [0, 15_000, 1 << 40] {
        server.handle_timeout(now, &mut sink);
        for host in 0..4 {
            let mut packet = Shape::udp(host & 1 != 0, 2).packet(&[7; 1400]);
            let (source, destination) = if host & 1 == 0 { (12, 16) } else { (8, 24) };
            let len = destination - source;
            packet.copy_within(source..source + len, destination);
            packet[destination + len - 1] = host;
            server.outbound(now, &mut plain_frame(&packet), &mut sink);
            let mut datagram = vec![1; 120];
            datagram[..4].copy_from_slice(&[9 << 3 | host & 1, 0, 0, host]);
            server.inbound(now, &path(4000), &mut datagram, &mut sink);
        }
        server.flush_inbound(&mut sink);
    }
    server.take_back();
    let _ = server.encode_sessions(1 << 40);
}

//! UDP batches and steering over the real loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use netio::interface::{InterfacePlan, apply};
use netio::receive_batch::ReceiveBatch;
use netio::send_batch::{SendBatch, SendCounters, Way};
use netio::sockaddr::{RAW_ADDR_LEN, RawAddr};
use netio::socket_options::{MtuDiscovery, SocketOptions};
use netio::udp_group::{UdpGroup, UdpGroupOptions, datagrams_gone, open_udp_group};
use netio::wake::Poller;

fn group(host: IpAddr, shards: u32) -> UdpGroup {
    group_with(host, shards, SocketOptions::default())
}

fn group_with(host: IpAddr, shards: u32, options: SocketOptions) -> UdpGroup {
    let options = UdpGroupOptions {
        options,
        host,
        port: 0,
        shared: false,
        shards,
        receive_buffer: 1 << 20,
        send_buffer: 1 << 20,
    };
    open_udp_group(&options).expect("UDP group")
}

/// Datagrams that wait in one socket when this many have come, in order, and how many buffers they came in.
fn drain(group: &UdpGroup, shard: usize, expected: usize) -> (Vec<Vec<u8>>, usize) {
    let mut batch = if group.gro {
        ReceiveBatch::for_gro()
    } else {
        ReceiveBatch::for_single_datagrams()
    };
    let (mut datagrams, mut buffers) = (Vec::new(), 0);
    loop {
        match batch.receive(&group.sockets[shard]).expect("receive") {
            0 if datagrams.len() >= expected => return (datagrams, buffers),
            0 => wait_for(&group.sockets[shard], libc::POLLIN),
            count => {
                buffers += count;
                let mut bytes = 0;
                for index in 0..count {
                    let received = batch.message(index).expect("message");
                    bytes += received.bytes.len();
                    datagrams.extend(received.bytes.chunks(received.segment).map(<[u8]>::to_vec));
                }
                assert_eq!(batch.bytes(), bytes);
            }
        }
    }
}

/// A busy kernel delivers a little later, and tells errors a little later.
fn wait_for(socket: &OwnedFd, event: libc::c_short) {
    let mut entry = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: event,
        revents: 0,
    };
    // SAFETY: one pollfd that outlives the call.
    while entry.revents & event == 0 && unsafe { libc::poll(&mut entry, 1, 60_000) } != 0 {}
    assert_ne!(entry.revents & event, 0, "nothing comes");
}

fn push(batch: &mut SendBatch, to: SocketAddr, datagram: &[u8]) {
    batch
        .reserve(datagram.len())
        .expect("room")
        .copy_from_slice(datagram);
    batch.commit(0, to);
}

fn data_v2(peer_id: u32, len: usize, mark: u8) -> Vec<u8> {
    let mut packet = vec![mark; len];
    packet[..4].copy_from_slice(&(9 << 27 | peer_id).to_be_bytes());
    packet
}

#[test]
fn superpackets_reach_the_shard_of_their_peer_id_whole_and_in_order() {
    for host in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        let (servers, client) = (group(host, 4), group(host, 1));
        assert!(
            servers.steered && servers.gro && servers.gso,
            "this kernel lacks an offload"
        );
        let to = SocketAddr::new(host, servers.port);
        let mut batch = SendBatch::new(true);
        for peer_id in 0..20 {
            for mark in 0..40 {
                push(
                    &mut batch,
                    to,
                    &data_v2(peer_id, if mark == 39 { 300 } else { 1200 }, mark),
                );
            }
            batch.flush(&client.sockets);
            let (datagrams, buffers) = drain(&servers, peer_id as usize % 4, 40);
            assert_eq!((datagrams.len(), buffers), (40, 1), "peer {peer_id}");
            for (mark, datagram) in (0..40).zip(datagrams) {
                let len = if mark == 39 { 300 } else { 1200 };
                assert_eq!(datagram, data_v2(peer_id, len, mark));
            }
        }
        assert_eq!(batch.counters.calls, 20, "one call per superpacket");
        assert_eq!(
            (
                batch.counters.datagrams,
                batch.counters.refused,
                batch.counters.no_room
            ),
            (800, 0, 0)
        );
    }
}

#[test]
fn no_run_is_so_long_that_the_device_has_it_cut() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (server, client) = (group(host, 1), group(host, 1));
    let to = SocketAddr::new(host, server.port);
    let mut batch = SendBatch::new(true);
    // 46 of 1424 bytes fit a UDP datagram, but not a device.
    for _ in 0..90 {
        push(&mut batch, to, &[7; 1424]);
    }
    batch.flush(&client.sockets);
    let (datagrams, buffers) = drain(&server, 0, 90);
    assert_eq!((datagrams.len(), buffers), (90, 2));
}

#[test]
fn one_call_carries_batches_for_many_addresses() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let receivers: Vec<UdpGroup> = (0..5).map(|_| group(host, 1)).collect();
    let client = group(host, 1);
    let mut batch = SendBatch::new(true);
    for round in 0..3u8 {
        for receiver in &receivers {
            for mark in 0..4u8 {
                push(
                    &mut batch,
                    SocketAddr::new(host, receiver.port),
                    &[round * 4 + mark; 100],
                );
            }
        }
    }
    batch.flush(&client.sockets);
    assert_eq!((batch.counters.calls, batch.counters.datagrams), (1, 60));
    for receiver in &receivers {
        let marks: Vec<u8> = drain(receiver, 0, 12)
            .0
            .iter()
            .map(|datagram| datagram[0])
            .collect();
        assert_eq!(marks, (0..12).collect::<Vec<u8>>());
    }
}

#[test]
fn a_slot_that_is_not_committed_is_taken_back_and_a_full_batch_says_so() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (receiver, client) = (group(host, 1), group(host, 1));
    let to = SocketAddr::new(host, receiver.port);
    let mut batch = SendBatch::new(true);
    assert!(batch.reserve(50).is_some());
    push(&mut batch, to, &[7; 60]);
    assert!(batch.reserve(65_508).is_none());
    let mut queued = 1;
    while batch.has_room(60_000) {
        push(&mut batch, to, &[queued; 60_000]);
        queued += 1;
    }
    assert!(batch.reserve(60_000).is_none());
    assert!((8..=9).contains(&queued));
    batch.flush(&client.sockets);
    assert!(batch.is_empty() && batch.has_room(60_000));
    assert_eq!(drain(&receiver, 0, 1).0[0], [7; 60]);
}

#[test]
fn without_gso_each_datagram_goes_alone() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (receiver, client) = (group(host, 1), group(host, 1));
    let mut batch = SendBatch::new(false);
    for mark in 0..10 {
        push(
            &mut batch,
            SocketAddr::new(host, receiver.port),
            &[mark; 500],
        );
    }
    batch.flush(&client.sockets);
    let (datagrams, buffers) = drain(&receiver, 0, 10);
    assert_eq!(
        (datagrams.len(), buffers, batch.counters.calls),
        (10, 10, 1)
    );
}

#[test]
fn what_nobody_can_route_is_counted_and_ends() {
    let client = group(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    let mut batch = SendBatch::new(true);
    push(
        &mut batch,
        "[2001:db8::1]:5".parse().expect("address"),
        &[1; 10],
    );
    push(
        &mut batch,
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), client.port),
        &[2; 10],
    );
    batch.flush(&client.sockets);
    assert_eq!((batch.counters.refused, batch.counters.datagrams), (1, 1));
    assert_eq!(drain(&client, 0, 1).0, [[2; 10]]);
}

/// ICMP "port unreachable" of one address comes back on the call for the next one, which has to go out all the same.
#[test]
fn a_vanished_client_takes_no_datagram_of_others() {
    for host in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        let (server, client) = (group(host, 1), group(host, 1));
        let vanished = SocketAddr::new(host, group(host, 1).port);
        let mut batch = SendBatch::new(true);
        for mark in 0..5 {
            push(&mut batch, vanished, &[9; 10]);
            batch.flush(&server.sockets);
            wait_for(&server.sockets[0], libc::POLLERR);
            push(&mut batch, SocketAddr::new(host, client.port), &[mark; 10]);
            batch.flush(&server.sockets);
        }
        let counters = batch.counters;
        assert_eq!((counters.datagrams, counters.refused), (10, 0), "{host}");
        assert_eq!(counters.unreachable, 5, "{host}");
        let marks: Vec<u8> = drain(&client, 0, 5)
            .0
            .iter()
            .map(|bytes| bytes[0])
            .collect();
        assert_eq!(marks, [0, 1, 2, 3, 4]);
    }
}

/// A full receive buffer has no room for the record of what ICMP told, and the error comes all the same.
#[test]
fn a_vanished_client_takes_no_datagram_of_others_where_its_record_is_lost() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (server, client) = (group(host, 1), group(host, 1));
    let vanished = SocketAddr::new(host, group(host, 1).port);
    let mut batch = SendBatch::new(true);
    let own = SocketAddr::new(host, server.port);
    for _ in 0..4096 {
        push(&mut batch, own, &[0; 1400]);
        batch.flush(&server.sockets);
    }
    let began = Instant::now();
    while datagrams_gone(&server.sockets[0]) == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "it is full");
        thread::sleep(Duration::from_millis(1));
    }
    for mark in 0..5 {
        push(&mut batch, vanished, &[9; 10]);
        batch.flush(&server.sockets);
        wait_for(&server.sockets[0], libc::POLLERR);
        push(&mut batch, SocketAddr::new(host, client.port), &[mark; 10]);
        batch.flush(&server.sockets);
    }
    let counters = batch.counters;
    assert_eq!((counters.datagrams, counters.refused), (4096 + 10, 0));
    assert_eq!(counters.unreachable, 0, "the records are lost");
    assert_eq!(
        counters.calls,
        4096 + 10 + 5,
        "five calls have met an error"
    );
    let marks: Vec<u8> = drain(&client, 0, 5)
        .0
        .iter()
        .map(|bytes| bytes[0])
        .collect();
    assert_eq!(marks, [0, 1, 2, 3, 4]);
}

/// The queue of one device is full; what goes through another one, later in the same call, has to go out all the same.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn a_full_device_takes_no_datagram_of_others() {
    const COMMANDS: [&str; 7] = [
        "ip link set lo up",
        "ip link add slow0 type veth peer name slow1",
        "ip addr add 192.0.2.1/24 dev slow0",
        "ip link set slow0 up",
        "ip link set slow1 up",
        "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev slow0",
        "tc qdisc add dev slow0 root tbf rate 200bit burst 2k limit 3k",
    ];
    let checked = in_own_namespace(|| {
        for command in COMMANDS {
            let mut words = command.split(' ');
            let program = words.next().expect("a program");
            let status = Command::new(program).args(words).status();
            assert!(status.expect("iproute2").success(), "{command}");
        }
        let (receiver, server) = (
            group(IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
            group(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1),
        );
        let slow = "192.0.2.2:9".parse().expect("address");
        let fast = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), receiver.port);
        let mut batch = SendBatch::new(true);
        for mark in 0..10 {
            push(&mut batch, slow, &[9; 1000]);
            push(&mut batch, fast, &[mark; 1000]);
        }
        batch.flush(&server.sockets);
        let (counters, arrived) = (batch.counters, drain(&receiver, 0, 10).0);
        let marks: Vec<u8> = arrived.iter().map(|bytes| bytes[0]).collect();
        assert_eq!(marks, (0..10).collect::<Vec<u8>>());
        assert!((5..10).contains(&counters.no_room), "{counters:?}");
        assert_eq!(
            (counters.datagrams + counters.no_room, counters.refused),
            (20, 0)
        );
    });
    if !checked {
        eprintln!("skipped: a network namespace needs root");
    }
}

#[test]
fn what_icmp_told_is_read_once_and_epoll_is_quiet() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let server = group(host, 1);
    let socket = &server.sockets[0];
    let mut poller = Poller::new(1).expect("epoll");
    poller.add(socket, 7).expect("add");
    let ready = |poller: &mut Poller| {
        let mut seen = 0;
        poller
            .wait(Some(Duration::ZERO), |_| seen += 1)
            .expect("wait");
        seen
    };
    let mut send = SendBatch::new(true);
    for _ in 0..3 {
        push(
            &mut send,
            SocketAddr::new(host, group(host, 1).port),
            &[1; 9],
        );
    }
    send.flush(&server.sockets);
    let mut receive = ReceiveBatch::for_gro();
    while receive.unreachable + send.counters.unreachable < 3 {
        wait_for(socket, libc::POLLERR);
        assert_eq!(ready(&mut poller), 1);
        assert_eq!(receive.receive(socket), Ok(0));
    }
    assert_eq!(receive.unreachable + send.counters.unreachable, 3);
    assert_eq!(ready(&mut poller), 0);
}

/// Gives the loopback of this namespace an MTU of 1400; its two addresses.
fn loopback_of_1400() -> [IpAddr; 2] {
    let plan = InterfacePlan {
        mtu: 1400,
        transmit_queue_len: 500,
        addresses: vec![],
        routes: vec![],
    };
    apply("lo", &plan).expect("loopback");
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

/// A segment above the path's MTU is refused as a superpacket; alone it is fragmented by the kernel.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn segments_above_the_mtu_still_arrive() {
    let checked = in_own_namespace(|| {
        for host in loopback_of_1400() {
            let (receiver, client) = (group(host, 1), group(host, 1));
            let mut batch = SendBatch::new(true);
            for mark in 0..10 {
                push(
                    &mut batch,
                    SocketAddr::new(host, receiver.port),
                    &[mark; 1500],
                );
            }
            batch.flush(&client.sockets);
            assert_eq!(
                (
                    batch.counters.datagrams,
                    batch.counters.bytes,
                    batch.counters.gso_refused,
                    batch.counters.gso_given_up
                ),
                (10, 15_000, 1, 0),
                "{host}"
            );
            let marks: Vec<u8> = drain(&receiver, 0, 10)
                .0
                .iter()
                .map(|datagram| datagram[0])
                .collect();
            assert_eq!(marks, (0..10).collect::<Vec<u8>>());
        }
    });
    if !checked {
        eprintln!("skipped: a network namespace needs root");
    }
}

/// What is too long is counted, the rest goes, and the batch ends.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn what_must_not_be_fragmented_and_is_too_long_is_lost_alone() {
    let checked = in_own_namespace(|| {
        for host in loopback_of_1400() {
            let discovering = SocketOptions {
                mtu_discovery: Some(MtuDiscovery::Yes),
                ..SocketOptions::default()
            };
            let (receiver, client) = (group(host, 1), group_with(host, 1, discovering));
            let to = SocketAddr::new(host, receiver.port);
            for gso in [false, true] {
                let mut batch = SendBatch::new(gso);
                for len in [1500, 1500, 800, 1500, 700, 700] {
                    push(&mut batch, to, &vec![1; len]);
                }
                batch.flush(&client.sockets);
                let lens: Vec<usize> = drain(&receiver, 0, 3).0.iter().map(Vec::len).collect();
                assert_eq!(lens, [800, 700, 700], "{host} {gso}");
                let SendCounters {
                    datagrams, refused, ..
                } = batch.counters;
                assert_eq!((datagrams, refused), (3, 3), "{host} {gso}");
            }
        }
    });
    if !checked {
        eprintln!("skipped: a network namespace needs root");
    }
}

/// A socket that sends no checksums is refused superpackets.
#[test]
fn a_refused_superpacket_goes_one_by_one() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (receiver, client) = (group(host, 1), group(host, 1));
    let to = SocketAddr::new(host, receiver.port);
    let mut batch = SendBatch::new(true);
    for refuse in [true, true, false] {
        set_no_check(&client, refuse);
        push(&mut batch, to, &[1; 900]);
        push(&mut batch, to, &[2; 900]);
        push(&mut batch, to, &[3; 70]);
        batch.flush(&client.sockets);
        assert_eq!(
            drain(&receiver, 0, 3).0,
            [vec![1; 900], vec![2; 900], vec![3; 70]]
        );
    }
    let expected = SendCounters {
        calls: 2 * 2 + 1,
        datagrams: 3 * 3,
        bytes: 3 * 1870,
        gso_refused: 2,
        ..SendCounters::default()
    };
    assert_eq!(batch.counters, expected);
}

/// Batches for single senders and whole superpackets: each comes from the address and has the class that was asked for.
#[test]
fn a_way_holds_for_every_segment_and_starts_a_message_of_its_own() {
    for (any, hit, other) in [("0.0.0.0", "127.0.0.2", "127.0.0.1"), ("::", "::1", "::1")] {
        let [any, hit, other]: [IpAddr; 3] =
            [any, hit, other].map(|ip| ip.parse().expect("address"));
        let tells = SocketOptions {
            tell_local: true,
            ..SocketOptions::default()
        };
        let server = group_with(any, 1, tells);
        let client = group(other, 1);
        let question = SocketAddr::new(hit, server.port);
        let mut batch = SendBatch::new(client.gso);
        for _ in 0..40 {
            push(&mut batch, question, &[7; 1000]);
        }
        batch.flush(&client.sockets);
        let mut receive = ReceiveBatch::for_gro();
        wait_for(&server.sockets[0], libc::POLLIN);
        assert!(receive.receive(&server.sockets[0]).expect("receive") > 0);
        let received = receive.message(0).expect("message");
        let (local, from) = (received.local.expect("local address"), received.from);
        assert_eq!(local.0, hit);
        assert_ne!(local.1, 0);

        want_class(&client, any.is_ipv4());
        let mut batch = SendBatch::new(server.gso);
        let ways = [
            Way {
                source: Some((hit, 0)),
                class: 0xb8,
            },
            Way {
                source: Some((hit, local.1)),
                class: 0,
            },
        ];
        for way in ways {
            for _ in 0..20 {
                batch.reserve(1200).expect("room").fill(9);
                batch.commit_by(0, from, way);
            }
        }
        batch.flush(&server.sockets);
        assert_eq!(batch.counters.datagrams, 40);
        for class in [[0xb8; 20], [0; 20]].concat() {
            wait_for(&client.sockets[0], libc::POLLIN);
            assert_eq!(next_class(&client), Some((hit, class)));
        }
        assert_eq!(next_class(&client), None);
    }
}

/// Has the only socket say the class of each datagram, and hand them over one by one.
fn want_class(group: &UdpGroup, v4: bool) {
    let wanted: libc::c_int = 1;
    let none: libc::c_int = 0;
    let class = if v4 {
        (libc::IPPROTO_IP, libc::IP_RECVTOS)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS)
    };
    for ((level, name), value) in [(class, &wanted), ((libc::SOL_UDP, libc::UDP_GRO), &none)] {
        // SAFETY: value is a live integer of the length that is given.
        let rc = unsafe {
            libc::setsockopt(
                group.sockets[0].as_raw_fd(),
                level,
                name,
                std::ptr::from_ref(value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert_eq!(rc, 0);
    }
}

/// Sender and class of the next datagram of the only socket; `None` when there is none.
fn next_class(group: &UdpGroup) -> Option<(IpAddr, u8)> {
    let mut from = RawAddr::empty();
    let (mut bytes, mut control) = ([0u8; 2048], [0u64; 16]);
    let mut vector = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: integers and pointers only, for which all zero bits are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = std::ptr::from_mut(&mut from).cast();
    header.msg_namelen = RAW_ADDR_LEN;
    header.msg_iov = &mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    // SAFETY: every pointer in the header is to live memory of the length beside it.
    let len = unsafe {
        libc::recvmsg(
            group.sockets[0].as_raw_fd(),
            &mut header,
            libc::MSG_DONTWAIT,
        )
    };
    if len < 0 {
        return None;
    }
    let mut class = None;
    // SAFETY: the header is the kernel's answer, and the messages are walked along only inside it.
    let mut note = unsafe { libc::CMSG_FIRSTHDR(&header) };
    while !note.is_null() {
        // SAFETY: a note inside the control buffer, whose data has at least a byte.
        let (kind, first) = unsafe { ((*note).cmsg_type, *libc::CMSG_DATA(note)) };
        if kind == libc::IP_TOS || kind == libc::IPV6_TCLASS {
            class = Some(first);
        }
        // SAFETY: as above.
        note = unsafe { libc::CMSG_NXTHDR(&header, note) };
    }
    Some((from.decode()?.ip(), class?))
}

fn set_no_check(group: &UdpGroup, on: bool) {
    let value = i32::from(on);
    // SAFETY: SO_NO_CHECK reads one int, which outlives the call.
    let rc = unsafe {
        libc::setsockopt(
            group.sockets[0].as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NO_CHECK,
            (&raw const value).cast(),
            size_of::<i32>() as _,
        )
    };
    assert_eq!(rc, 0);
}

#[test]
fn without_gro_datagrams_of_any_size_are_taken() {
    let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (receiver, client) = (group(host, 1), group(host, 1));
    let mut batch = SendBatch::new(false);
    for len in [9000, 65_507, 1] {
        push(
            &mut batch,
            SocketAddr::new(host, receiver.port),
            &vec![len as u8; len],
        );
        batch.flush(&client.sockets);
        let mut received = ReceiveBatch::for_single_datagrams();
        wait_for(&receiver.sockets[0], libc::POLLIN);
        assert_eq!(received.receive(&receiver.sockets[0]), Ok(1));
        let message = received.message(0).expect("a datagram that is not cut");
        assert_eq!((message.bytes.len(), message.segment), (len, len));
    }
}

/// Runs `test` on a thread with a network namespace of its own; false when that is not permitted.
fn in_own_namespace(test: impl FnOnce() + Send) -> bool {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: unshare takes a plain integer and changes only this thread's namespace.
            let permitted = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
            if permitted {
                test();
            }
            permitted
        });
        thread.join().expect("the test inside the namespace")
    })
}

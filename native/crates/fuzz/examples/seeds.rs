//! `cargo run -p fuzz --example seeds`: writes seeds that a fuzzer would take long to come upon into the corpus.
#![expect(clippy::unwrap_used, reason = "a tool that may fail")]

#[path = "../../datapath/src/test_packets.rs"]
mod test_packets;
#[path = "../../datapath/src/test_sink.rs"]
mod test_sink;

use std::fs;
use std::path::Path;

use datapath::vnet::GsoKind;
use datapath::{CbcCipher, Cipher, DataFormat, Digest, Framing, LayerOptions, Suite, VnetHeader};
use test_packets::{PSH, SYN, Shape, tcp_with_options};
use test_sink::{layered_pair, pair, sealed};

fn main() {
    for v6 in [false, true] {
        let family = if v6 { "v6" } else { "v4" };
        let syn = tcp_with_options(v6, SYN, &[2, 4, 5, 0xb4, 1, 1, 1, 0]);
        write(
            "inner",
            &format!("syn-{family}"),
            &[&[4, 0], &syn[..]].concat(),
        );
        let inbound = |kind: u8| [&[0, kind, 0, syn.len() as u8], &syn[..]].concat();
        write("inbound", &format!("syn-{family}"), &inbound(2));
        write(
            "outbound",
            &format!("tcp-{family}"),
            &superpacket(v6, false),
        );
        write("outbound", &format!("udp-{family}"), &superpacket(v6, true));
    }
    for (name, suite) in [
        ("one-peer", Suite::Aead(Cipher::Aes256Gcm)),
        ("epoch", Suite::Epoch(Cipher::ChaCha20Poly1305)),
        ("cbc", Suite::Cbc(CbcCipher::Aes128, Digest::Sha256)),
        ("open", Suite::Plain(Digest::None)),
    ] {
        let (server, _) = layered_pair(suite, DataFormat::V2, layers());
        write("sessions", name, &server.encode_sessions(0));
    }
    write_framings();
    write_headers();
    write_hand_over();
    write_sequences();
    write_floods();
}

fn layers() -> LayerOptions {
    LayerOptions {
        framing: Some(Framing::Lz4),
        compress: true,
        fragment: 700,
        fragment_counts_headers: false,
    }
}

/// What each framing makes of a packet that shrinks, and fragments of one that does not.
fn write_framings() {
    const OPEN: Suite = Suite::Plain(Digest::None);
    let packet = Shape::udp(false, 2).packet(&[7; 300]);
    for (index, framing) in Framing::ALL.into_iter().enumerate() {
        let layers = LayerOptions {
            framing: Some(framing),
            compress: true,
            ..LayerOptions::default()
        };
        let (_, mut client) = layered_pair(OPEN, DataFormat::V2, layers);
        let payload = &sealed(&mut client, &packet)[8..];
        let name = format!("{framing:?}").to_lowercase();
        write("framing", &name, &[&[index as u8, 6, 0], payload].concat());
        let len = (payload.len() as u16).to_be_bytes();
        let raw = [&[framing as u8 | 8, 0], &len[..], payload].concat();
        write("layers", &name, &raw);
    }
    let cut = [&[32 | 1, 1, 0, 2, 8, 2, 0][..], &[9; 512]].concat();
    write("layers", "cut", &cut);
}

/// PROXY headers of both versions before a reset.
fn write_headers() {
    let reset = [&[0, 14, 7 << 3][..], &[1; 13]].concat();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let binary = [
        &signature[..],
        &[0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 8, 0, 4, 0],
    ]
    .concat();
    let wide = [&signature[..], &[0x21, 0x21, 0, 36], &[0x20; 36]].concat();
    for (name, header) in [
        ("v1", &b"PROXY TCP4 192.0.2.9 10.0.0.1 4000 1194\r\n"[..]),
        ("v1-unknown", b"PROXY UNKNOWN\r\n"),
        ("v1-v6", b"PROXY TCP6 2001:db8::7 ::1 4000 1194\r\n"),
        ("v2", &binary),
        ("v2-v6", &wide),
        ("none", b""),
        ("http", b"GET / HTTP/1.1\r\n\r\n"),
    ] {
        let stream = [header, &reset].concat();
        write("stream-entry", name, &[&[6, 64], &stream[..]].concat());
        let said = [&[1, 0, stream.len() as u8], &stream[..]].concat();
        for form in 0..4u8 {
            let input = [
                &[form, 0, 0, 1],
                &said[1..],
                &[7, 0, 14, 0, 9, 0, 0, 3, 1, 2, 3, 7, 0, 11, 0],
            ]
            .concat();
            write("streams", &format!("{name}-{form}"), &input);
        }
    }
}

/// Orders that take their time to come upon in the right order.
fn write_sequences() {
    let mut packets = Vec::new();
    for _ in 0..9 {
        packets.extend([0, 0, 0, 1, 9]);
    }
    for pick in [8, 1, 1, 7] {
        packets.extend([2, pick]);
    }
    for (name, form) in [("gcm", 0), ("chacha", 3), ("wide", 28)] {
        let late = [
            &[form],
            &packets[..],
            &[7, 0, 135, 0, 2, 2, 0, 0, 0, 1, 9, 2, 9],
        ]
        .concat();
        write("epoch", &format!("late-{name}"), &late);
        let odd = [
            &[form],
            &packets[..],
            &[5, 3, 0, 20, 7, 6, 0, 0, 30, 0, 3],
            &[0; 27],
        ]
        .concat();
        write("epoch", &format!("odd-{name}"), &odd);
    }
    let known = [20, 2, 6, 255, 1, 30, 18, 2, 0, 1, 30, 18, 2, 0];
    write("control-gate", "known", &known);
    let peers = [
        5, 1, 5, 6, 6, 200, 63, 255, 18, 1, 0, 18, 6, 0, 0, 100, 7, 255, 10, 1, 3,
    ];
    write("control-gate", "peers", &peers);
    let cut = [
        0,
        0,
        0,
        1,
        0,
        0,
        5,
        0,
        14,
        4 << 3,
        1,
        2,
        7,
        0,
        14,
        0,
        1,
        0,
        0,
        11,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
    ];
    write("streams", "cut", &cut);
}

/// A plane with a client, a record that nobody has read, and something kept.
fn write_hand_over() {
    let (server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    let sessions = server.encode_sessions(0);
    let none = [0, 4, 0, 0, 0, 0, 0];
    let head = [
        &1u32.to_le_bytes()[..],
        &(sessions.len() as u64).to_le_bytes(),
    ]
    .concat();
    let rest = [
        &[1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 6][..],
        &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9],
    ]
    .concat();
    write(
        "hand-over",
        "one-client",
        &[&none[..], &head, &sessions, &rest].concat(),
    );
    let address = [&[0, 128, 4, 0, 160, 15, 0, 0, 192, 0, 2, 7][..], &[0; 12]].concat();
    let partial = [
        &1u32.to_le_bytes()[..],
        &[1, 1],
        &address,
        &[3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0],
        &[0, 20, 1],
        &[0, 2, 8, 8],
    ]
    .concat();
    let connections = [&(partial.len() as u16).to_be_bytes()[..], &partial, &[1]].concat();
    write(
        "hand-over",
        "one-connection",
        &[&connections[..], &head, &sessions, &rest].concat(),
    );
}

/// Clients before and after they are known, and resets that come again.
fn write_floods() {
    const NONE_STAY: [u8; 2] = [39, 0];
    for (family, host) in [("v4", 8), ("v6", 10), ("mapped", 11)] {
        let [soft_reset, data_v1] = [32, 35].map(|kind| [6, kind, host, 7, 3, 0, 0, 0]);
        let [no_peer, late_ack] = [&[6, 37, host, 7, 3][..], &[6, 34, host, 7, 3, 0, 0, 16]];
        let packets = [&soft_reset[..], &data_v1, no_peer, late_ack].concat();
        let is_here = [3, 0, host, 7];
        let elsewhere = [3, 0, host, 8];
        let seed = [
            &[4, 5, 6][..],
            &NONE_STAY,
            &elsewhere,
            &packets,
            &is_here,
            &packets,
            &is_here,
            &is_here,
            &packets,
        ];
        write("flood-filter", &format!("client-{family}"), &seed.concat());
    }
    let (peer, is_here) = ([6, 9, 0, 0, 3, 0, 5], [2, 0, 5]);
    let seed = [
        &NONE_STAY[..],
        &peer,
        &is_here,
        &peer,
        &is_here,
        &is_here,
        &peer,
    ];
    write("flood-filter", "peer", &seed.concat());
    let (plain, resets) = ([4, 1, 5], [7, 120, 2, 39, 0, 7, 9, 2]);
    let again = [&resets[..], &[0, 4], &resets, &[0, 24], &resets].concat();
    write("flood-filter", "resets", &[&plain[..], &again].concat());
    let some = &resets[3..];
    // At the edges of the time in which a packet comes again.
    let edges = [
        some,
        &[0, 16],
        some,
        &[0, 4],
        some,
        &[1, 6, 0, 12],
        some,
        &[0, 4],
        some,
        &[0, 20],
        some,
    ];
    write(
        "flood-filter",
        "edges",
        &[&plain[..], &edges.concat()].concat(),
    );
}

fn superpacket(v6: bool, udp: bool) -> Vec<u8> {
    let shape = Shape {
        flags: PSH,
        udp,
        ..Shape::tcp(v6, 2)
    };
    let ip = if v6 { 40 } else { 20 };
    let vnet = VnetHeader {
        needs_csum: true,
        gso: match (udp, v6) {
            (true, _) => GsoKind::Udp,
            (false, true) => GsoKind::Tcp6,
            (false, false) => GsoKind::Tcp4,
        },
        hdr_len: ip + if udp { 8 } else { 20 },
        gso_size: 50,
        csum_start: ip,
        csum_offset: if udp { 6 } else { 16 },
    };
    [&vnet.encode()[..], &shape.packet(&[7; 120])].concat()
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

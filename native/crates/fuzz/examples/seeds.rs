//! `cargo run -p fuzz --example seeds`: writes seeds that a fuzzer would take long to come upon into the corpus.
#![expect(clippy::unwrap_used, reason = "a tool that may fail")]

#[path = "../../datapath/src/test_packets.rs"]
mod test_packets;
#[path = "../../datapath/src/test_sink.rs"]
mod test_sink;

use std::fs;
use std::path::Path;

use datapath::vnet::GsoKind;
use datapath::{Cipher, DataFormat, VnetHeader};
use test_packets::{PSH, SYN, Shape, tcp_with_options};
use test_sink::pair;

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
    let (server, _) = pair(Cipher::Aes256Gcm, DataFormat::V2);
    write("sessions", "one-peer", &server.encode_sessions(0));
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

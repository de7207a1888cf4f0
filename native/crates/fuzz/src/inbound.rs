use datapath::{
    AdmissionOrder, CLIENT_KEYS_KEY_LEN, Cipher, DataFormat, Digest, STATIC_KEY_LEN, WrapKey,
};

use crate::bytes::Bytes;
use crate::test_sink::{RecordingSink, pair, path, plain_frame};

/// Datagrams to a server that serves one client: any bytes, damaged ones of the client's, and good ones with any content.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let form = bytes.u8();
    let cipher = if form & 1 == 0 {
        Cipher::Aes128Gcm
    } else {
        Cipher::ChaCha20Poly1305
    };
    let format = if form & 2 == 0 {
        DataFormat::V2
    } else {
        DataFormat::V1
    };
    let (mut server, mut client) = pair(cipher, format);
    server.admit_by(0, admission(form >> 2).as_ref());
    let mut sink = RecordingSink::default();
    let mut taken = 0;
    while !bytes.is_empty() {
        let (kind, content) = (bytes.u8(), bytes.sized());
        let mut datagram = match kind & 3 {
            0 => content.to_vec(),
            _ => sealed(&mut client, content),
        };
        taken += 1;
        if kind & 3 == 1 && !datagram.is_empty() {
            let at = usize::from(bytes.u16()) % datagram.len();
            datagram[at] ^= bytes.u8();
        }
        server.inbound(
            0,
            &path(4002 + u16::from(kind >> 7)),
            &mut datagram,
            &mut sink,
        );
    }
    server.flush_inbound(&mut sink);
    assert!(sink.tun.len() + sink.control.len() + sink.udp_hops.len() <= taken);
}

/// Unknown clients are left to the worker, or answered under one of the wrappings.
fn admission(form: u8) -> Option<AdmissionOrder> {
    let key = [7; STATIC_KEY_LEN];
    let wrap = match form & 3 {
        0 => return None,
        1 => WrapKey::None,
        2 => WrapKey::TlsCrypt { key },
        _ => WrapKey::TlsAuth {
            key,
            direction: None,
            digest: Digest::Sha256,
        },
    };
    Some(AdmissionOrder {
        wrap,
        client_keys: (form & 4 != 0).then_some([7; CLIENT_KEYS_KEY_LEN]),
        cookie_key: [7; 32],
        slot_seconds: 30,
        limit_count: 100,
        limit_seconds: 10,
        unix_seconds: 1_700_000_000,
    })
}

/// The client seals whatever it routes; what is no packet it drops.
fn sealed(client: &mut datapath::DataPath, content: &[u8]) -> Vec<u8> {
    let mut sink = RecordingSink::default();
    client.outbound(0, &mut plain_frame(content), &mut sink);
    sink.sent
        .pop()
        .map(|(_, datagram)| datagram)
        .unwrap_or_default()
}

//! A whole handshake with a client of rustls, both ends in memory.
#![expect(clippy::unwrap_used, reason = "helpers of a test end it as well")]

use rustls::NamedGroup;
use rustls::crypto::aws_lc_rs;
use std::io::Write;
use tls::{FailureKind, ServerSession};

mod lab;
use lab::{CLIENT, client_tls, connect, output, server_tls};

#[test]
fn a_client_that_has_it_is_given_the_post_quantum_hybrid() {
    use aws_lc_rs::kx_group::{X25519, X25519MLKEM768};
    for groups in [vec![X25519MLKEM768], vec![X25519MLKEM768, X25519]] {
        let (client, _, _) = connect(&client_tls(groups), &server_tls(None));
        let group = client
            .negotiated_key_exchange_group()
            .map(|group| group.name());
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
    }
    let (client, _, _) = connect(
        &client_tls(vec![X25519MLKEM768, X25519]),
        &server_tls(Some("X25519")),
    );
    let group = client
        .negotiated_key_exchange_group()
        .map(|group| group.name());
    assert_eq!(group, Some(NamedGroup::X25519));
}

#[test]
fn both_ends_export_the_same_keys_and_records_stay_apart() {
    let (mut client, mut server, established) = connect(
        &client_tls(vec![aws_lc_rs::kx_group::X25519]),
        &server_tls(None),
    );
    assert_eq!(established.version, "TLSv1.3");
    assert_eq!(established.certificates, [CLIENT.to_vec()]);
    let label = "EXPORTER-OpenVPN-datakeys";
    let keys = client
        .export_keying_material([0; 256], label.as_bytes(), None)
        .unwrap();
    assert_eq!(
        server.export_keying_material(label, 256).as_deref(),
        Some(&keys[..])
    );
    for text in [&b"one"[..], b"two"] {
        client.writer().write_all(text).unwrap();
    }
    let step = server.feed(&output(&mut client));
    assert_eq!(step.plaintexts, [b"one".to_vec(), b"two".to_vec()]);
    let closing = server.close();
    assert!(!closing.is_empty());
    assert_eq!(server.export_keying_material(label, 256), None);
    assert!(server.send(b"late").is_empty());
    assert!(server.feed(&closing).failure.is_none());
}

#[test]
fn bytes_that_are_no_tls_end_the_session_once() {
    let mut server = ServerSession::new(&server_tls(None)).unwrap();
    let failure = server.feed(&[0x41; 300]).failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Other);
    let after = server.feed(&[0x41; 300]);
    assert!(after.failure.is_none() && after.ciphertext.is_empty());
}

//! A whole handshake with a client of rustls, both ends in memory.
#![expect(clippy::unwrap_used, reason = "helpers of a test end it as well")]

use std::io::Write;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore};
use tls::{ClientCertificate, Established, FailureKind, ServerSession, ServerSettings, ServerTls};

const CA: &[u8] = include_bytes!("keys/ca.der");
const SERVER: &[u8] = include_bytes!("keys/server.der");
const SERVER_KEY: &[u8] = include_bytes!("keys/server.key.der");
const CLIENT: &[u8] = include_bytes!("keys/client.der");
const CLIENT_KEY: &[u8] = include_bytes!("keys/client.key.der");

#[test]
fn a_client_that_has_it_is_given_the_post_quantum_hybrid() {
    use aws_lc_rs::kx_group::{X25519, X25519MLKEM768};
    for groups in [vec![X25519MLKEM768], vec![X25519MLKEM768, X25519]] {
        let (client, _, _) = connect(None, groups);
        let group = client
            .negotiated_key_exchange_group()
            .map(|group| group.name());
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
    }
    let (client, _, _) = connect(Some("X25519"), vec![X25519MLKEM768, X25519]);
    let group = client
        .negotiated_key_exchange_group()
        .map(|group| group.name());
    assert_eq!(group, Some(NamedGroup::X25519));
}

#[test]
fn both_ends_export_the_same_keys_and_records_stay_apart() {
    let (mut client, mut server, established) = connect(None, vec![aws_lc_rs::kx_group::X25519]);
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
    let mut server = ServerSession::new(&tls(None)).unwrap();
    let failure = server.feed(&[0x41; 300]).failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Other);
    let after = server.feed(&[0x41; 300]);
    assert!(after.failure.is_none() && after.ciphertext.is_empty());
}

fn tls(groups: Option<&str>) -> ServerTls {
    ServerTls::new(ServerSettings {
        ca: vec![CA.to_vec()],
        chain: vec![SERVER.to_vec()],
        key: SERVER_KEY.to_vec(),
        crls: Vec::new(),
        tls12: true,
        tls13: true,
        cipher_list: None,
        cipher_suites: None,
        groups: groups.map(str::to_owned),
        client_certificate: ClientCertificate::Required,
    })
    .unwrap()
}

fn connect(
    server_groups: Option<&str>,
    kx_groups: Vec<&'static dyn SupportedKxGroup>,
) -> (ClientConnection, ServerSession, Established) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(CA)).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(CLIENT_KEY));
    let provider = CryptoProvider {
        kx_groups,
        ..aws_lc_rs::default_provider()
    };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![CertificateDer::from(CLIENT)], key)
        .unwrap();
    let name = ServerName::try_from("server.test").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerSession::new(&tls(server_groups)).unwrap();
    loop {
        let step = server.feed(&output(&mut client));
        assert_eq!(step.failure, None);
        let mut bytes = &step.ciphertext[..];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets().unwrap();
        }
        if let Some(established) = step.established {
            return (client, server, established);
        }
    }
}

fn output(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

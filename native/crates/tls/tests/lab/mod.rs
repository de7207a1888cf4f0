//! Both ends of a handshake, in memory, with the keys beside this file.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tls::{ClientCertificate, Established, ServerSession, ServerSettings, ServerTls};

const CA: &[u8] = include_bytes!("../keys/ca.der");
const SERVER: &[u8] = include_bytes!("../keys/server.der");
const SERVER_KEY: &[u8] = include_bytes!("../keys/server.key.der");
pub const CLIENT: &[u8] = include_bytes!("../keys/client.der");
const CLIENT_KEY: &[u8] = include_bytes!("../keys/client.key.der");

pub fn server_tls(groups: Option<&str>) -> ServerTls {
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

pub fn client_tls(kx_groups: Vec<&'static dyn SupportedKxGroup>) -> Arc<ClientConfig> {
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
    Arc::new(config)
}

pub fn connect(
    client: &Arc<ClientConfig>,
    server: &ServerTls,
) -> (ClientConnection, ServerSession, Established) {
    let name = ServerName::try_from("server.test").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerSession::new(server).unwrap();
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

pub fn output(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

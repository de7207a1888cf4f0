use tls::{ClientCertificate, ServerSettings, ServerTls};

use crate::bytes::Bytes;

const CA: &[u8] = include_bytes!("../../tls/tests/keys/ca.der");
const SERVER: &[u8] = include_bytes!("../../tls/tests/keys/server.der");
const SERVER_KEY: &[u8] = include_bytes!("../../tls/tests/keys/server.key.der");

/// Certificates, revocation lists and names of suites from files, each damaged in one place or anything at all.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let mut settings = good();
    match bytes.u8() % 8 {
        0 => settings.ca = vec![damaged(CA, &mut bytes)],
        1 => settings.chain = vec![damaged(SERVER, &mut bytes)],
        2 => settings.ca.push(bytes.rest().to_vec()),
        3 => settings.chain.push(bytes.rest().to_vec()),
        4 => settings.crls = vec![bytes.rest().to_vec()],
        5 => settings.cipher_list = text(&mut bytes),
        6 => settings.cipher_suites = text(&mut bytes),
        _ => settings.groups = text(&mut bytes),
    }
    let _ = ServerTls::new(settings).is_ok();
}

/// Settings that are taken.
pub fn good() -> ServerSettings {
    ServerSettings {
        ca: vec![CA.to_vec()],
        chain: vec![SERVER.to_vec()],
        key: SERVER_KEY.to_vec(),
        crls: Vec::new(),
        tls12: true,
        tls13: true,
        cipher_list: None,
        cipher_suites: None,
        groups: None,
        client_certificate: ClientCertificate::Required,
    }
}

fn damaged(der: &[u8], bytes: &mut Bytes) -> Vec<u8> {
    let at = usize::from(bytes.u16()) % der.len();
    let instead = bytes.rest();
    let end = (at + instead.len()).min(der.len());
    [&der[..at], instead, &der[end..]].concat()
}

fn text(bytes: &mut Bytes) -> Option<String> {
    Some(String::from_utf8_lossy(bytes.rest()).into_owned())
}

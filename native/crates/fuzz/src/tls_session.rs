use std::sync::LazyLock;

use tls::{ServerSession, ServerTls};

use crate::bytes::Bytes;
use crate::tls_material::good;

static TLS: LazyLock<ServerTls> = LazyLock::new(|| match ServerTls::new(good()) {
    Ok(tls) => tls,
    Err(reason) => panic!("{reason}"),
});

/// What a client sends before it is known, cut in any way. After a failure the session stays silent.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let Ok(mut session) = ServerSession::new(&TLS) else {
        return;
    };
    let mut failed = false;
    while !bytes.is_empty() {
        let step = session.feed(bytes.sized());
        assert!(step.established.is_none() && step.plaintexts.is_empty());
        assert!(!failed || (step.failure.is_none() && step.ciphertext.is_empty()));
        failed |= step.failure.is_some();
    }
    assert!(session.send(b"early").is_empty());
    assert!(session.export_keying_material("label", 32).is_none());
}

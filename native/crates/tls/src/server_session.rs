use std::io::{BufRead, Write};

use rustls::{Error, ServerConnection};

use crate::failure::{Failure, FailureKind};
use crate::server_config::ServerTls;
use crate::suites::name_of;

/// One handshake and what follows on it. After a failure it stays silent.
pub struct ServerSession {
    connection: ServerConnection,
    /// The outcome of the handshake has been told.
    told: bool,
    ended: bool,
    steps: u32,
}

/// What came of some bytes, in the order of the fields.
#[derive(Debug, Default)]
pub struct Step {
    /// For the peer.
    pub ciphertext: Vec<u8>,
    /// The handshake is done, told once.
    pub established: Option<Established>,
    /// One for each TLS record.
    pub plaintexts: Vec<Vec<u8>>,
    pub failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Established {
    /// `TLSv1.3`
    pub version: &'static str,
    /// OpenSSL's name.
    pub cipher: &'static str,
    /// DER, the peer's own first; none when it showed none.
    pub certificates: Vec<Vec<u8>>,
}

impl ServerSession {
    pub fn new(tls: &ServerTls) -> Result<Self, Error> {
        let connection = ServerConnection::new(tls.config.clone())?;
        Ok(Self {
            connection,
            told: false,
            ended: false,
            steps: 0,
        })
    }

    /// Bytes of the peer, cut in any way.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Step {
        let mut step = Step::default();
        self.steps += 1;
        while !bytes.is_empty() && !self.ended {
            if let Err(failure) = self.advance(&mut bytes, &mut step) {
                self.ended = true;
                step.failure = Some(failure);
            }
        }
        self.collect(&mut step.ciphertext);
        step
    }

    /// One record. Nothing before the handshake is done, and nothing after the end.
    pub fn send(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut ciphertext = Vec::new();
        self.steps += 1;
        if self.is_established() && self.connection.writer().write_all(plaintext).is_ok() {
            self.collect(&mut ciphertext);
        }
        ciphertext
    }

    /// RFC 5705 without context; None unless the session lives and its handshake is done.
    pub fn export_keying_material(&self, label: &str, length: usize) -> Option<Vec<u8>> {
        if !self.is_established() {
            return None;
        }
        let material =
            self.connection
                .export_keying_material(vec![0; length], label.as_bytes(), None);
        material.ok()
    }

    /// How often something was fed or sent: whoever has seen all of it may go on.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Ends the session; the close_notify for the peer.
    pub fn close(&mut self) -> Vec<u8> {
        let mut ciphertext = Vec::new();
        self.ended = true;
        self.connection.send_close_notify();
        self.collect(&mut ciphertext);
        ciphertext
    }

    pub fn is_established(&self) -> bool {
        !self.ended && !self.connection.is_handshaking()
    }

    fn advance(&mut self, bytes: &mut &[u8], step: &mut Step) -> Result<(), Failure> {
        let broken = |reason: String| Failure {
            kind: FailureKind::Other,
            reason,
        };
        self.connection
            .read_tls(bytes)
            .map_err(|error| broken(error.to_string()))?;
        let state = self
            .connection
            .process_new_packets()
            .map_err(|error| Failure::from(&error))?;
        if !self.told && !self.connection.is_handshaking() {
            self.told = true;
            step.established = Some(self.describe());
        }
        self.read_records(&mut step.plaintexts);
        if state.peer_has_closed() {
            return Err(broken("the peer closed its TLS session".to_owned()));
        }
        Ok(())
    }

    /// rustls keeps the plaintext of each record apart.
    fn read_records(&mut self, plaintexts: &mut Vec<Vec<u8>>) {
        let mut reader = self.connection.reader();
        while let Ok(record) = reader.fill_buf() {
            let length = record.len();
            if length == 0 {
                break;
            }
            plaintexts.push(record.to_vec());
            reader.consume(length);
        }
    }

    fn describe(&self) -> Established {
        let is_tls13 = self.connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
        Established {
            version: if is_tls13 { "TLSv1.3" } else { "TLSv1.2" },
            cipher: self
                .connection
                .negotiated_cipher_suite()
                .map_or("", name_of),
            certificates: self
                .connection
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|der| der.to_vec())
                .collect(),
        }
    }

    /// Writing to memory does not fail.
    fn collect(&mut self, ciphertext: &mut Vec<u8>) {
        while self.connection.wants_write() && self.connection.write_tls(ciphertext).is_ok() {}
    }
}

//! TLS of the control channel's server by rustls, without I/O: bytes in, bytes, plaintext or a failure out. And the ciphers
//! around it that rustls has its own from: those of tls-auth and tls-crypt.
//!
//! It accepts a client certificate only when webpki does, and refuses on top what OpenSSL refuses and webpki does not look at. What
//! it cannot judge it says so (`FailureKind::Unjudged`), and what it cannot be configured for as well (`Unsupported`): both are for
//! the engine beside it.

mod authorities;
mod certificate_facts;
mod client_verifier;
mod control_cipher;
mod doubt;
mod failure;
mod groups;
mod revocation;
mod server_config;
mod server_session;
mod suites;
mod tls_crypt;

pub use control_cipher::{aes256_ctr, hmac};
pub use failure::{Failure, FailureKind};
pub use server_config::{ClientCertificate, ServerSettings, ServerTls, Unsupported};
pub use server_session::{Established, ServerSession, Step};
pub use tls_crypt::{tls_crypt_open, tls_crypt_seal};

use std::fmt;
use std::sync::Arc;

use rustls::{CertificateError, Error, OtherError};

/// A verdict of the client verifier that rustls has no word for.
#[derive(Debug)]
pub enum Doubt {
    /// This side cannot tell whether the certificate is good; the text says what is odd about it.
    Unjudged(String),
    /// Refused; the name of OpenSSL's verdict.
    Refused(&'static str),
}

impl std::error::Error for Doubt {}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unjudged(what) => out.write_str(what),
            Self::Refused(verdict) => out.write_str(verdict),
        }
    }
}

impl From<Doubt> for Error {
    fn from(doubt: Doubt) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(doubt))))
    }
}

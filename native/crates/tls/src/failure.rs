use rustls::{CertificateError, Error, PeerIncompatible};

use crate::doubt::Doubt;

/// Why a session ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    /// Of `Certificate` the name of OpenSSL's verdict, otherwise words.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The client's certificate is refused.
    Certificate,
    /// The client's certificate has a form that this side cannot judge.
    Unjudged,
    /// The client offers nothing that this side can take.
    Incompatible,
    Other,
}

impl From<&Error> for Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a library's list, which grows"
    )]
    fn from(error: &Error) -> Self {
        let failure = |kind, reason: &str| Self {
            kind,
            reason: reason.to_owned(),
        };
        match error {
            Error::InvalidCertificate(CertificateError::Other(other)) => {
                match other.0.downcast_ref::<Doubt>() {
                    Some(Doubt::Refused(verdict)) => failure(FailureKind::Certificate, verdict),
                    Some(Doubt::Unjudged(what)) => failure(FailureKind::Unjudged, what),
                    None => failure(FailureKind::Unjudged, &other.to_string()),
                }
            }
            Error::InvalidCertificate(fault) => match certificate_verdict(fault) {
                Some(verdict) => failure(FailureKind::Certificate, verdict),
                None => failure(FailureKind::Unjudged, &error.to_string()),
            },
            Error::NoCertificatesPresented => {
                failure(FailureKind::Other, "the client sent no certificate")
            }
            Error::PeerIncompatible(what) => {
                failure(FailureKind::Incompatible, &incompatibility(what))
            }
            Error::AlertReceived(alert) => failure(
                FailureKind::Other,
                &format!(
                    "the client sent the TLS alert '{}'",
                    words(&format!("{alert:?}"))
                ),
            ),
            Error::General(what) => failure(FailureKind::Other, what),
            other => failure(FailureKind::Other, &other.to_string()),
        }
    }
}

/// What the verifier answers for a fault that webpki has found: a fault with a verdict in OpenSSL, or a doubt.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a library's list, which grows"
)]
pub fn verdict_of(error: webpki::Error) -> Error {
    use webpki::Error as Fault;
    let fault = match error {
        Fault::CertExpired { .. } => CertificateError::Expired,
        Fault::CertNotValidYet { .. } => CertificateError::NotValidYet,
        Fault::CertRevoked => CertificateError::Revoked,
        Fault::UnknownIssuer => CertificateError::UnknownIssuer,
        Fault::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Fault::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        Fault::PathLenConstraintViolated => return Doubt::Refused("PATH_LENGTH_EXCEEDED").into(),
        Fault::EndEntityUsedAsCa => return Doubt::Refused("INVALID_CA").into(),
        other => return Doubt::Unjudged(format!("webpki: {other}")).into(),
    };
    fault.into()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a library's list, which grows"
)]
fn certificate_verdict(fault: &CertificateError) -> Option<&'static str> {
    Some(match fault {
        CertificateError::Expired => "CERT_HAS_EXPIRED",
        CertificateError::NotValidYet => "CERT_NOT_YET_VALID",
        CertificateError::Revoked => "CERT_REVOKED",
        CertificateError::UnknownIssuer => "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE",
        CertificateError::InvalidPurpose => "INVALID_PURPOSE",
        _ => return None,
    })
}

/// In the words that OpenSSL has for it, as far as it has some.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a library's list, which grows"
)]
fn incompatibility(what: &PeerIncompatible) -> String {
    match what {
        PeerIncompatible::NoCipherSuitesInCommon => "no shared cipher".to_owned(),
        PeerIncompatible::NoKxGroupsInCommon => "no suitable key share".to_owned(),
        PeerIncompatible::NoSignatureSchemesInCommon => {
            "no suitable signature algorithm".to_owned()
        }
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "unsupported protocol version".to_owned()
        }
        other => words(&format!("{other:?}")),
    }
}

/// `UnknownCA` as `unknown ca`.
fn words(name: &str) -> String {
    let mut text = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_lower {
            text.push(' ');
        }
        after_lower = !letter.is_uppercase();
        text.extend(letter.to_lowercase());
    }
    text
}

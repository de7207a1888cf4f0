use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::authorities::Authorities;
use crate::certificate_facts::CertificateFacts;
use crate::doubt::Doubt;
use crate::failure::verdict_of;

/// Accepts what webpki and OpenSSL would both accept.
#[derive(Debug)]
pub struct ClientVerifier {
    pub authorities: Arc<Authorities>,
    pub algorithms: WebPkiSupportedAlgorithms,
    pub mandatory: bool,
}

const NETSCAPE_SSL_CLIENT: u8 = 0x80;

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.hints()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let facts = CertificateFacts::of(leaf).map_err(|error| {
            Doubt::Unjudged(format!("the certificate is not strict DER ({error})"))
        })?;
        if !facts.has_known_key {
            return Err(Doubt::Unjudged(
                "the certificate has a kind of key that rustls does not know".to_owned(),
            )
            .into());
        }
        self.verify_chain(leaf, sent, now, &facts)?;
        if may_be_client(&facts) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::InvalidPurpose.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms).map_err(|_| not_the_owner())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms).map_err(|_| not_the_owner())
    }

    /// One more than is known here: a client with such a key shows its certificate, and it is told from a client without any.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        schemes.push(SignatureScheme::ED448);
        schemes
    }
}

impl ClientVerifier {
    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
        facts: &CertificateFacts,
    ) -> Result<(), Error> {
        let leaf = EndEntityCert::try_from(leaf).map_err(verdict_of)?;
        let known = self.authorities.intermediates();
        let intermediates: Vec<CertificateDer<'_>> = known.iter().chain(sent).cloned().collect();
        let path = leaf.verify_for_usage(
            self.algorithms.all,
            self.authorities.anchors(),
            &intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            None,
        );
        match path {
            Ok(path) => {
                self.check_revocation(facts, now.as_secs())?;
                self.check_path(&path, now.as_secs())
            }
            Err(webpki::Error::UnknownIssuer)
                if self
                    .authorities
                    .has_variant_of(&facts.issuer, &facts.issuer_text) =>
            {
                Err(Doubt::Unjudged(
                    "the name of its issuer is written otherwise than in ca".to_owned(),
                )
                .into())
            }
            Err(error) => Err(verdict_of(error)),
        }
    }

    fn check_revocation(&self, facts: &CertificateFacts, now: u64) -> Result<(), Error> {
        match self.authorities.revocation_verdict(facts, now) {
            Some("CERT_REVOKED") => Err(CertificateError::Revoked.into()),
            Some(verdict) => Err(Doubt::Refused(verdict).into()),
            None => Ok(()),
        }
    }

    /// What webpki leaves aside: the root's validity and path length, and whether intermediates may sign.
    fn check_path(&self, path: &VerifiedPath<'_>, now: u64) -> Result<(), Error> {
        let mut length = 0;
        for intermediate in path.intermediate_certificates() {
            let facts = CertificateFacts::of(&intermediate.der()).map_err(|error| {
                Doubt::Unjudged(format!("an intermediate is not strict DER ({error})"))
            })?;
            if facts.netscape_type.is_some() || facts.limits_names {
                return Err(Doubt::Unjudged(
                    "an intermediate has an extension that rustls does not follow".to_owned(),
                )
                .into());
            }
            if facts.key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
                return Err(Doubt::Refused("INVALID_CA").into());
            }
            self.check_revocation(&facts, now)?;
            length += u8::from(!facts.is_self_issued());
        }
        let mut verdict = Err(CertificateError::UnknownIssuer.into());
        for root in self.authorities.roots_of(path.anchor()) {
            verdict = check_root(root, length, now);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }
}

/// `length`: the intermediates below it.
fn check_root(root: &CertificateFacts, length: u8, now: u64) -> Result<(), Error> {
    let constraints = root.basic_constraints.as_ref();
    let limit = constraints.and_then(|constraints| constraints.path_len_constraint);
    if limit.is_some_and(|limit| length > limit) {
        return Err(Doubt::Refused("PATH_LENGTH_EXCEEDED").into());
    }
    if root.not_after < now {
        return Err(CertificateError::Expired.into());
    }
    if root.not_before > now {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}

/// A key usage that is there has to allow signing or key agreement.
fn may_be_client(facts: &CertificateFacts) -> bool {
    let usage = facts
        .key_usage
        .is_none_or(|usage| usage.digital_signature() || usage.key_agreement());
    usage
        && facts
            .netscape_type
            .is_none_or(|bits| bits & NETSCAPE_SSL_CLIENT != 0)
}

fn not_the_owner() -> Error {
    Error::General("the client did not prove that it has the key of its certificate".to_owned())
}

use crate::certificate_facts::CertificateFacts;
use crate::revocation::RevocationList;
use crate::server_config::Unsupported;
use rustls::DistinguishedName;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor};

/// The certificates of `ca` and the lists of `crl-verify`, as far as they say nothing that webpki would pass over.
#[derive(Debug)]
pub struct Authorities {
    /// Self-signed ones, each with its facts. As with OpenSSL a chain ends at one of these, not at an intermediate of `ca`.
    roots: Vec<(TrustAnchor<'static>, CertificateFacts)>,
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    hints: Vec<DistinguishedName>,
    /// Facts of the intermediates.
    between: Vec<CertificateFacts>,
    crls: Vec<RevocationList>,
}

const NETSCAPE_SSL_CA: u8 = 0x04;

impl Authorities {
    /// DER certificates and lists.
    pub fn new(
        ca: &[Vec<u8>],
        crls: &[Vec<u8>],
        algorithms: &WebPkiSupportedAlgorithms,
        now: u64,
    ) -> Result<Self, Unsupported> {
        let mut authorities = Self {
            roots: Vec::new(),
            anchors: Vec::new(),
            intermediates: Vec::new(),
            hints: Vec::new(),
            between: Vec::new(),
            crls: Vec::new(),
        };
        for der in ca {
            authorities.add(der)?;
        }
        if authorities.roots.is_empty() {
            return Err(Unsupported::new("ca holds no self-signed certificate"));
        }
        for der in crls {
            authorities.add_crl(der, algorithms, now)?;
        }
        Ok(authorities)
    }

    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Several where a root has been issued again with the same name and key.
    pub fn roots_of(&self, anchor: &TrustAnchor<'_>) -> impl Iterator<Item = &CertificateFacts> {
        let same = self.roots.iter().filter(move |(known, _)| known == anchor);
        same.map(|(_, facts)| facts)
    }

    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.intermediates
    }

    /// What a client is told about the issuers that will do.
    pub fn hints(&self) -> &[DistinguishedName] {
        &self.hints
    }

    /// OpenSSL's verdict over a certificate, None when it is good or nobody asks. Every one below the root needs a list.
    pub fn revocation_verdict(&self, facts: &CertificateFacts, now: u64) -> Option<&'static str> {
        if self.crls.is_empty() {
            return None;
        }
        match self.crls.iter().find(|crl| crl.issuer() == facts.issuer) {
            Some(crl) => crl.verdict(&facts.serial, now),
            None => Some("UNABLE_TO_GET_CRL"),
        }
    }

    /// Whether a name is written otherwise in `ca`: the same to OpenSSL, another one to webpki.
    pub fn has_variant_of(&self, issuer: &[u8], issuer_text: &str) -> bool {
        let roots = self.roots.iter().map(|(_, facts)| facts);
        roots
            .chain(&self.between)
            .any(|facts| facts.subject != issuer && facts.subject_text == issuer_text)
    }

    fn add(&mut self, der: &[u8]) -> Result<(), Unsupported> {
        let facts = CertificateFacts::of(der).map_err(|error| {
            Unsupported::new(format!("a certificate of ca is not strict DER ({error})"))
        })?;
        if let Some(oddity) = oddity_of(&facts) {
            return Err(Unsupported::new(format!("a certificate of ca {oddity}")));
        }
        let certificate = CertificateDer::from(der.to_vec());
        self.hints
            .push(DistinguishedName::from(facts.subject.clone()));
        if !facts.is_self_issued() {
            self.intermediates.push(certificate);
            self.between.push(facts);
            return Ok(());
        }
        let anchor = webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|error| Unsupported::new(format!("a certificate of ca: {error}")))?
            .to_owned();
        self.anchors.push(anchor.clone());
        self.roots.push((anchor, facts));
        Ok(())
    }

    fn add_crl(
        &mut self,
        der: &[u8],
        algorithms: &WebPkiSupportedAlgorithms,
        now: u64,
    ) -> Result<(), Unsupported> {
        let facts = self
            .roots
            .iter()
            .map(|(_, facts)| facts)
            .chain(&self.between);
        let crl = RevocationList::new(der, facts, algorithms, now)?;
        if self.crls.iter().any(|other| other.issuer() == crl.issuer()) {
            return Err(Unsupported::new("there are several CRLs of one issuer"));
        }
        self.crls.push(crl);
        Ok(())
    }
}

/// What OpenSSL would look at in an authority and webpki would not, or the other way round.
fn oddity_of(facts: &CertificateFacts) -> Option<&'static str> {
    let may_sign = facts.key_usage.is_none_or(|usage| usage.key_cert_sign());
    let is_ca = facts
        .basic_constraints
        .as_ref()
        .is_some_and(|constraints| constraints.ca);
    if !is_ca || !may_sign {
        return Some("is not marked as an authority");
    }
    if !facts.has_known_key {
        return Some("has a kind of key that rustls does not know");
    }
    if facts.limits_names {
        return Some("has name constraints");
    }
    if facts.limits_extended_usage && facts.is_self_issued() {
        return Some("has an extended key usage");
    }
    if facts.odd_critical {
        return Some("has a critical extension that is not known");
    }
    facts
        .netscape_type
        .filter(|bits| bits & NETSCAPE_SSL_CA == 0)
        .map(|_| "is not marked as an authority")
}

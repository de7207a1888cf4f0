use std::collections::HashSet;

use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode, Error, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::certificate_facts::CertificateFacts;
use crate::server_config::Unsupported;

/// One list of `crl-verify`, whose signature has been verified. [RFC 5280 5]
#[derive(Debug)]
pub struct RevocationList {
    issuer: Vec<u8>,
    /// Unix seconds; none: for good.
    next_update: Option<u64>,
    serials: HashSet<Vec<u8>>,
}

impl RevocationList {
    /// A list in DER of one of `authorities`. Unsupported: one whose extensions limit what it says, and what OpenSSL would not accept.
    pub fn new<'a>(
        der: &[u8],
        authorities: impl IntoIterator<Item = &'a CertificateFacts>,
        algorithms: &WebPkiSupportedAlgorithms,
        now: u64,
    ) -> Result<Self, Unsupported> {
        let odd = |what: &str| Unsupported::new(format!("the CRL {what}"));
        let list = CertificateList::from_der(der).map_err(|_| odd("is not strict DER"))?;
        let content = &list.tbs_cert_list;
        let issuer = content
            .issuer
            .to_der()
            .map_err(|_| odd("has a damaged issuer"))?;
        if content.this_update.to_unix_duration().as_secs() > now {
            return Err(odd("is not yet valid"));
        }
        let entries = content.revoked_certificates.iter().flatten();
        let of_entries = entries
            .clone()
            .filter_map(|entry| entry.crl_entry_extensions.as_ref());
        let mut extensions = content.crl_extensions.iter().chain(of_entries).flatten();
        if extensions.any(|extension| extension.critical) {
            return Err(odd("has a critical extension"));
        }
        let mut signers = authorities
            .into_iter()
            .filter(|facts| facts.subject == issuer);
        if !signers.any(|facts| is_signed_by(der, &list, facts, algorithms)) {
            return Err(odd("is not signed by a certificate of ca that may"));
        }
        Ok(Self {
            issuer,
            next_update: content
                .next_update
                .map(|time| time.to_unix_duration().as_secs()),
            serials: entries
                .map(|entry| entry.serial_number.as_bytes().to_vec())
                .collect(),
        })
    }

    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// OpenSSL's verdict over a certificate of the issuer, None when it is good.
    pub fn verdict(&self, serial: &[u8], now: u64) -> Option<&'static str> {
        if self.next_update.is_some_and(|end| end < now) {
            return Some("CRL_HAS_EXPIRED");
        }
        self.serials.contains(serial).then_some("CERT_REVOKED")
    }
}

fn is_signed_by(
    der: &[u8],
    list: &CertificateList,
    signer: &CertificateFacts,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    let may_sign = signer.key_usage.is_none_or(|usage| usage.crl_sign());
    let (Ok(message), Some(signature)) = (signed_part(der), list.signature.as_bytes()) else {
        return false;
    };
    let signature_id = content_of(&list.signature_algorithm);
    let key_id = content_of(&signer.key.algorithm);
    may_sign
        && algorithms.all.iter().any(|algorithm| {
            signature_id.as_deref() == Some(algorithm.signature_alg_id().as_ref())
                && key_id.as_deref() == Some(algorithm.public_key_alg_id().as_ref())
                && algorithm
                    .verify_signature(
                        signer.key.subject_public_key.raw_bytes(),
                        message,
                        signature,
                    )
                    .is_ok()
        })
}

/// The bytes of `tbsCertList` as they are.
fn signed_part(der: &[u8]) -> Result<&[u8], Error> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|reader| {
        let message = reader.tlv_bytes()?;
        reader.tlv_bytes()?;
        reader.tlv_bytes()?;
        Ok(message)
    })
}

/// An algorithm without the SEQUENCE around it, as webpki's algorithms name themselves.
fn content_of(algorithm: &AlgorithmIdentifierOwned) -> Option<Vec<u8>> {
    let der = algorithm.to_der().ok()?;
    let mut reader = SliceReader::new(&der).ok()?;
    let header = x509_cert::der::Header::decode(&mut reader).ok()?;
    let length = usize::try_from(header.length).ok()?;
    reader
        .read_slice(header.length)
        .ok()
        .filter(|content| content.len() == length)
        .map(<[u8]>::to_vec)
}

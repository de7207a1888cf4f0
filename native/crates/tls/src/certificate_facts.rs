use x509_cert::Certificate;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, UintRef};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode, Error, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// What a certificate says beside what webpki shows of it. [RFC 5280 4.1, 4.2]
#[derive(Debug)]
pub struct CertificateFacts {
    pub serial: Vec<u8>,
    /// DER of the names.
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    /// The names as text in which neither case nor spaces nor string types count.
    pub issuer_text: String,
    pub subject_text: String,
    /// Unix seconds.
    pub not_before: u64,
    pub not_after: u64,
    /// None: the extension is absent.
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    /// The bits of `nsCertType`, an extension older than key usages that OpenSSL still looks at.
    pub netscape_type: Option<u8>,
    pub limits_extended_usage: bool,
    pub limits_names: bool,
    /// A critical extension that none of the fields stands for.
    pub odd_critical: bool,
    /// RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519.
    pub has_known_key: bool,
    pub key: SubjectPublicKeyInfoOwned,
}

const NETSCAPE_CERT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const CURVES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
    ObjectIdentifier::new_unwrap("1.3.132.0.34"),
    ObjectIdentifier::new_unwrap("1.3.132.0.35"),
];

impl CertificateFacts {
    /// Errors for what is no certificate in strict DER.
    pub fn of(der: &[u8]) -> Result<Self, Error> {
        let tbs = Certificate::from_der(der)?.tbs_certificate;
        let mut facts = Self {
            serial: tbs.serial_number.as_bytes().to_vec(),
            issuer: tbs.issuer.to_der()?,
            subject: tbs.subject.to_der()?,
            issuer_text: loose(&tbs.issuer.to_string()),
            subject_text: loose(&tbs.subject.to_string()),
            not_before: tbs.validity.not_before.to_unix_duration().as_secs(),
            not_after: tbs.validity.not_after.to_unix_duration().as_secs(),
            basic_constraints: None,
            key_usage: None,
            netscape_type: None,
            limits_extended_usage: false,
            limits_names: false,
            odd_critical: false,
            has_known_key: is_known_key(&tbs.subject_public_key_info),
            key: tbs.subject_public_key_info,
        };
        for extension in tbs.extensions.iter().flatten() {
            facts.note(
                extension.extn_id,
                extension.critical,
                extension.extn_value.as_bytes(),
            )?;
        }
        Ok(facts)
    }

    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    fn note(&mut self, oid: ObjectIdentifier, critical: bool, value: &[u8]) -> Result<(), Error> {
        match oid {
            BasicConstraints::OID => {
                self.basic_constraints = Some(BasicConstraints::from_der(value)?)
            }
            KeyUsage::OID => self.key_usage = Some(KeyUsage::from_der(value)?),
            ExtendedKeyUsage::OID => self.limits_extended_usage = true,
            NameConstraints::OID => self.limits_names = true,
            NETSCAPE_CERT_TYPE => {
                let bits = BitString::from_der(value)?;
                self.netscape_type = Some(bits.raw_bytes().first().copied().unwrap_or(0));
            }
            _ => self.odd_critical |= critical,
        }
        Ok(())
    }
}

/// OpenSSL compares names so; webpki wants the same bytes.
fn loose(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn is_known_key(key: &SubjectPublicKeyInfoOwned) -> bool {
    match key.algorithm.oid {
        RSA => rsa_bits(key.subject_public_key.raw_bytes())
            .is_ok_and(|bits| (2048..=8192).contains(&bits)),
        EC => key.algorithm.parameters.as_ref().is_some_and(|curve| {
            curve
                .decode_as::<ObjectIdentifier>()
                .is_ok_and(|oid| CURVES.contains(&oid))
        }),
        other => other == ED25519,
    }
}

fn rsa_bits(key: &[u8]) -> Result<u32, Error> {
    let mut reader = SliceReader::new(key)?;
    let modulus: UintRef<'_> = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader)?;
        Ok(modulus)
    })?;
    let bytes = modulus.as_bytes();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX / 8);
    Ok((length * 8).saturating_sub(bytes.first().map_or(0, |byte| byte.leading_zeros())))
}

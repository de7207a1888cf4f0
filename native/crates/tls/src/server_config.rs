use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SignatureAlgorithm, SupportedProtocolVersion};
use x509_cert::der::Encode;

use crate::authorities::Authorities;
use crate::certificate_facts::CertificateFacts;
use crate::client_verifier::ClientVerifier;
use crate::groups::select_groups;
use crate::suites::select_suites;

/// What a server's handshakes are made of. Certificates, key and lists are DER.
pub struct ServerSettings {
    pub ca: Vec<Vec<u8>>,
    /// The server's certificate, then its intermediates.
    pub chain: Vec<Vec<u8>>,
    /// PKCS #8.
    pub key: Vec<u8>,
    pub crls: Vec<Vec<u8>>,
    pub tls12: bool,
    pub tls13: bool,
    /// OpenSSL's names, separated by `:`; None leaves the default.
    pub cipher_list: Option<String>,
    pub cipher_suites: Option<String>,
    pub groups: Option<String>,
    pub client_certificate: ClientCertificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    Required,
    Optional,
    None,
}

/// The settings ask for something that rustls has not, or that webpki would check otherwise than OpenSSL.
#[derive(Debug, PartialEq, Eq)]
pub struct Unsupported(String);

impl Unsupported {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl std::error::Error for Unsupported {}

impl fmt::Display for Unsupported {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Settings that have been found usable; sessions share it.
#[derive(Clone)]
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    signs_slowly: bool,
}

impl ServerTls {
    pub fn new(settings: ServerSettings) -> Result<Self, Unsupported> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: select_suites(
                settings.cipher_suites.as_deref(),
                settings.cipher_list.as_deref(),
            )?,
            kx_groups: select_groups(settings.groups.as_deref())?,
            ..aws_lc_rs::default_provider()
        });
        // The first random number of a process takes tens of milliseconds, for which the first client would wait. A failure
        // comes again where it matters.
        let _ = provider.secure_random.fill(&mut [0; 1]);
        let authorities = Arc::new(Authorities::new(
            &settings.ca,
            &settings.crls,
            &provider.signature_verification_algorithms,
            UnixTime::now().as_secs(),
        )?);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(&settings))
            .map_err(|error| Unsupported::new(error.to_string()))?;
        let chain = complete_chain(settings.chain, &authorities);
        let verifier = match settings.client_certificate {
            ClientCertificate::None => WebPkiClientVerifier::no_client_auth(),
            asked @ (ClientCertificate::Required | ClientCertificate::Optional) => {
                Arc::new(ClientVerifier {
                    authorities,
                    algorithms: provider.signature_verification_algorithms,
                    mandatory: asked == ClientCertificate::Required,
                })
            }
        };
        let certified = certify(chain, settings.key, &provider)?;
        let signs_slowly = certified.key.algorithm() == SignatureAlgorithm::RSA;
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        // No resumption, as with the other engine. [wire 2]
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ignore_client_order = true;
        Ok(Self {
            config: Arc::new(config),
            signs_slowly,
        })
    }

    /// The first answer to a client takes a millisecond or more: the key of the server is an RSA one.
    pub fn signs_slowly(&self) -> bool {
        self.signs_slowly
    }
}

/// Any form of certificate will do for one's own, as with OpenSSL; it has to be the key's.
fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Unsupported> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| Unsupported::new(format!("the key of the server: {error}")))?;
    let own = chain.first().map(|der| CertificateFacts::of(der));
    let Some(Ok(own)) = own else {
        return Err(Unsupported::new(
            "the certificate of the server is not strict DER",
        ));
    };
    if key
        .public_key()
        .is_none_or(|public| own.key.to_der().ok().as_deref() != Some(public.as_ref()))
    {
        return Err(Unsupported::new(
            "the key of the server is not that of its certificate",
        ));
    }
    Ok(CertifiedKey::new(chain, key))
}

fn versions(settings: &ServerSettings) -> Vec<&'static SupportedProtocolVersion> {
    let wanted = [(settings.tls13, &TLS13), (settings.tls12, &TLS12)];
    wanted
        .into_iter()
        .filter_map(|(wanted, version)| wanted.then_some(version))
        .collect()
}

/// Intermediates of `ca` are sent along, up to the root, as OpenSSL does.
fn complete_chain(chain: Vec<Vec<u8>>, authorities: &Authorities) -> Vec<CertificateDer<'static>> {
    let mut chain: Vec<CertificateDer<'static>> =
        chain.into_iter().map(CertificateDer::from).collect();
    let mut left = authorities.intermediates().to_vec();
    while let Some(Ok(last)) = chain.last().map(|der| CertificateFacts::of(der)) {
        let issued = |der: &CertificateDer<'_>| {
            CertificateFacts::of(der).is_ok_and(|facts| facts.subject == last.issuer)
        };
        let Some(at) = left.iter().position(issued) else {
            break;
        };
        if last.is_self_issued() {
            break;
        }
        chain.push(left.swap_remove(at));
    }
    chain
}

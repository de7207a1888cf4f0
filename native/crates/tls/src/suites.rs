use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;

use crate::server_config::Unsupported;

/// In the order in which a server that may choose takes them, by OpenSSL's names.
static SUITES: [(&str, SupportedCipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// The suites of both lists, names separated by `:`, in their order; None is all of that version. What is not known is left out.
pub fn select_suites(
    tls13: Option<&str>,
    tls12: Option<&str>,
) -> Result<Vec<SupportedCipherSuite>, Unsupported> {
    if let Some(rule) = tls12.and_then(|list| list.split(':').find(|name| is_rule(name))) {
        return Err(Unsupported::new(format!(
            "tls-cipher has the rule '{rule}'"
        )));
    }
    let modern = pick(tls13, true);
    let older = pick(tls12, false);
    if modern.is_empty() {
        return Err(Unsupported::new(
            "no suite of tls-ciphersuites is known to rustls",
        ));
    }
    if older.is_empty() {
        return Err(Unsupported::new(
            "no cipher of tls-cipher is known to rustls",
        ));
    }
    Ok(modern.into_iter().chain(older).collect())
}

/// OpenSSL's name; '' for none of ours.
pub fn name_of(suite: SupportedCipherSuite) -> &'static str {
    SUITES
        .iter()
        .find(|(_, known)| *known == suite)
        .map_or("", |(name, _)| name)
}

fn pick(list: Option<&str>, tls13: bool) -> Vec<SupportedCipherSuite> {
    let known = SUITES
        .iter()
        .filter(|(_, suite)| suite.tls13().is_some() == tls13);
    let Some(list) = list else {
        return known.map(|(_, suite)| *suite).collect();
    };
    let find = |name: &str| {
        known
            .clone()
            .find(|(known, _)| *known == name)
            .map(|(_, suite)| *suite)
    };
    list.split(':').filter_map(find).collect()
}

/// A word that adds, removes or sorts instead of naming one suite.
fn is_rule(name: &str) -> bool {
    name.starts_with(['!', '-', '+', '@']) || name.contains(['+', '=']) || !name.contains('-')
}

use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group;

use crate::server_config::Unsupported;

type Group = &'static dyn SupportedKxGroup;

/// Strongest first; the hybrids of classical and post-quantum key exchange count as such.
static GROUPS: [(&[&str], Group); 5] = [
    (&["X25519MLKEM768"], kx_group::X25519MLKEM768),
    (&["X25519"], kx_group::X25519),
    (&["prime256v1", "secp256r1", "P-256"], kx_group::SECP256R1),
    (&["secp384r1", "P-384"], kx_group::SECP384R1),
    (&["SecP256r1MLKEM768"], kx_group::SECP256R1MLKEM768),
];

/// The groups of a list of names separated by `:`, in its order; None is all. What is not known is left out.
pub fn select_groups(list: Option<&str>) -> Result<Vec<Group>, Unsupported> {
    let Some(list) = list else {
        return Ok(GROUPS.iter().map(|(_, group)| *group).collect());
    };
    let find = |name: &str| {
        let is_it = |(names, _): &&(&[&str], Group)| {
            names.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        GROUPS.iter().find(is_it).map(|(_, group)| *group)
    };
    let groups: Vec<Group> = list.split(':').filter_map(find).collect();
    if groups.is_empty() {
        return Err(Unsupported::new(
            "no group of tls-groups is known to rustls",
        ));
    }
    Ok(groups)
}

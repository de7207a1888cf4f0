//! What the TLS sessions of idle clients take.
#![expect(clippy::unwrap_used, reason = "helpers of a test end it as well")]

use std::fs;

use rustls::crypto::aws_lc_rs::kx_group::{X25519, X25519MLKEM768};

mod lab;
use lab::{client_tls, connect, server_tls};

const SESSIONS: usize = 400;
/// Bytes of each session that is kept.
const MOST: usize = 25 * 1024;
const PAGE: usize = 4096;

/// Resident memory, because a part of the library takes its own beside Rust.
#[test]
fn an_idle_session_takes_less_than_25_kib() {
    let (client, server) = (client_tls(vec![X25519MLKEM768, X25519]), server_tls(None));
    let session = || connect(&client, &server).1;
    // The first ones leave what is shared, and room that later handshakes use again.
    let _first: Vec<_> = (0..40).map(|_| session()).collect();
    let before = resident();
    let kept: Vec<_> = (0..SESSIONS).map(|_| session()).collect();
    let each = resident().saturating_sub(before) / SESSIONS;
    assert!((1024..MOST).contains(&each), "{each} bytes a session");
    assert!(kept.iter().all(|session| session.is_established()));
}

fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE
}

use std::io::Write;

use aws_lc_rs::hmac;

use crate::peer_addr::PeerAddr;

/// Session ids that only a holder of the key can make, and check without having stored them, exactly as the worker's
/// `CookieJar` makes them. [wire 7]
pub(super) struct CookieJar(hmac::Key);

impl CookieJar {
    pub fn new(key: &[u8; 32]) -> CookieJar {
        CookieJar(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// For a client at the end of `path` that calls itself `client`. Never all zero.
    pub fn bake(&self, slot: u64, path: &PeerAddr, client: &[u8; 8]) -> [u8; 8] {
        let mut text = [0; MAX_TEXT];
        let len = write_text(&mut text, slot, path, client);
        let tag = hmac::sign(&self.0, &text[..len]);
        match tag.as_ref().first_chunk() {
            Some(id) if *id != [0; 8] => *id,
            _ => INSTEAD_OF_ZERO,
        }
    }
}

const INSTEAD_OF_ZERO: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// Slot and session id, and the longest path: two numbers of five digits and an IPv6 address of 39 characters.
const MAX_TEXT: usize = 4 + 5 + 1 + 39 + 1 + 5 + 8;

/// The slot, the path as text, the session id.
fn write_text(text: &mut [u8; MAX_TEXT], slot: u64, path: &PeerAddr, client: &[u8; 8]) -> usize {
    text[..4].copy_from_slice(&(slot as u32).to_be_bytes());
    let mut rest = &mut text[4..];
    // There is room for all of it.
    let _ = write!(
        rest,
        "{}|{}|{}",
        path.listener,
        path.addr.ip(),
        path.addr.port()
    );
    let _ = rest.write(client);
    MAX_TEXT - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worker's side of this is in packages/core/src/server/cookie.test.ts, with the same values.
    #[test]
    fn the_worker_bakes_the_same() {
        let jar = CookieJar::new(&[7; 32]);
        let known = KNOWN.map(|(listener, addr, _)| {
            let path = PeerAddr {
                listener,
                addr: addr.parse().expect("address"),
            };
            let cookie = jar.bake(56_666_666, &path, b"\x01\x02\x03\x04\x05\x06\x07\x08");
            cookie.map(|byte| format!("{byte:02x}")).concat()
        });
        assert_eq!(known, KNOWN.map(|(.., cookie)| cookie));
    }

    const KNOWN: [(u16, &str, &str); 6] = [
        (0, "192.0.2.9:5000", "fff86ff6bfb6648e"),
        (0x0102, "255.255.255.255:65535", "e672b8071c744b4c"),
        (1, "[2001:db8::5]:1", "e161cfa9b0ce97a1"),
        (1, "[::1]:1194", "62036169bd96d220"),
        (1, "[2001:0:0:1:0:0:0:1]:1194", "35d69daa99ca8d94"),
        (
            32767,
            "[2001:db81:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            "dae1cffa555226ec",
        ),
    ];
}

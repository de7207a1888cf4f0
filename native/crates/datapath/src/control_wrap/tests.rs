use super::*;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len(), 2 * N);
    std::array::from_fn(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex"))
}

fn lab_key() -> [u8; STATIC_KEY_LEN] {
    hex(
        "1dcd04faac42b3c7824944587c9aa5848525ec51e6b5a24b721a4bdb0507f386220482083b02df08828746a6d929f9e5
         17e40886ae0929df5a90aced7f7260c2df6a3b070c1135029bd1df10a9c98073161fd11aeb4c55b3b639cff680129eb5
         5c191090ae619c56335b99e3878f4a8e8febec3faff3551805222011280e6d5777d162b69af8c2b92279785c21f97ece
         ecae630a28ef675384ab137a6091822a5c90a9d0a51d8c2678460935ba2cd570338233704c4246b237f4ed254a189250
         4ddc5ad15c31f2148dbb0bc7651760d66863c8c82671fdbde1b41d0cc248c55aa7c7488262e7434a135ae63815b2bf40
         3380fb05f69e60c5d615e4cc5483f2c4",
    )
}

fn auth(direction: Option<Direction>, digest: Digest) -> ControlWrap {
    let key = WrapKey::TlsAuth {
        key: lab_key(),
        direction,
        digest,
    };
    ControlWrap::new(&key, Role::Server).expect("a digest")
}

fn crypt(role: Role) -> ControlWrap {
    ControlWrap::new(&WrapKey::TlsCrypt { key: lab_key() }, role).expect("a key")
}

/// What `wrap` makes of it.
fn wrapped(wrap: &ControlWrap, head: &[u8; 9], body: &[u8], replay: ReplayId) -> Vec<u8> {
    let mut into = [0; 200];
    let len = wrap.wrap(head, body, replay, &mut into).expect("room");
    into[..len].to_vec()
}

fn unwrapped(wrap: &ControlWrap, packet: &[u8]) -> Option<(Vec<u8>, ReplayId)> {
    let mut room = [0; 200];
    let opened = wrap.unwrap(packet, &mut room)?;
    Some((opened.body.to_vec(), opened.replay))
}

const REPLAY: ReplayId = ReplayId {
    counter: 1,
    time: 0x6b03_35c5,
};

#[test]
fn tls_auth_is_that_of_the_reference() {
    let packet: [u8; 42] = hex(
        "38 6c684d153fe51bd3 bebe951548695add73b07c88c1768fd667f83dbe 00000001 6b0335c5 00 00000000",
    );
    let client = auth(Some(Direction::Inverse), Digest::Sha1);
    let head = packet.first_chunk().expect("a head");
    assert_eq!(wrapped(&client, head, &[0; 5], REPLAY), packet);
    let server = auth(Some(Direction::Normal), Digest::Sha1);
    assert_eq!(unwrapped(&server, &packet), Some((vec![0; 5], REPLAY)));
    assert_eq!(unwrapped(&client, &packet), None);
    for at in 0..packet.len() {
        let mut changed = packet;
        changed[at] ^= 1;
        assert_eq!(unwrapped(&server, &changed), None, "{at}");
        assert_eq!(unwrapped(&server, &packet[..at]), None, "{at}");
    }
}

#[test]
fn tls_auth_has_every_digest_of_the_data_channel() {
    for digest in [
        Digest::Sha224,
        Digest::Sha256,
        Digest::Sha384,
        Digest::Sha512,
    ] {
        let wrap = auth(None, digest);
        let packet = wrapped(&wrap, &[7; 9], b"body", REPLAY);
        assert_eq!(packet.len(), 9 + digest.tag_len() + 8 + 4);
        assert_eq!(unwrapped(&wrap, &packet), Some((b"body".to_vec(), REPLAY)));
    }
}

#[test]
fn tls_crypt_is_that_of_the_reference() {
    let packet: [u8; 66] = hex("40c189f84b74854cb7 000000016b033577
         4943bb2e12200fc6c21b4275f2de62f2cbc7232eb671583a9dfd4af597ca4b08
         4b1eb766c07d961042828cdb66eb755ada");
    let body: [u8; 17] = hex("0100000000b1ce0371ef8bd7ce00000000");
    let replay = ReplayId {
        counter: 1,
        time: 0x6b03_3577,
    };
    let head = packet.first_chunk().expect("a head");
    assert_eq!(wrapped(&crypt(Role::Server), head, &body, replay), packet);
    let client = crypt(Role::Client);
    assert_eq!(unwrapped(&client, &packet), Some((body.to_vec(), replay)));
    assert_eq!(unwrapped(&crypt(Role::Server), &packet), None);
    for at in 0..packet.len() {
        let mut changed = packet;
        changed[at] ^= 1;
        assert_eq!(unwrapped(&client, &changed), None, "{at}");
        assert_eq!(unwrapped(&client, &packet[..at]), None, "{at}");
    }
}

#[test]
fn a_packet_without_room_is_not_opened_nor_made() {
    let packet = wrapped(&crypt(Role::Client), &[7; 9], &[1; 40], REPLAY);
    let server = crypt(Role::Server);
    assert!(server.unwrap(&packet, &mut [0; 39]).is_none());
    assert!(server.unwrap(&packet, &mut [0; 40]).is_some());
    let room = &mut [0; 88];
    assert_eq!(server.wrap(&[7; 9], &[1; 40], REPLAY, room), None);
}

/// A client's key as the reference has wrapped it, with the server key 00, 01, .. 7f. [wire 19, KAT 3]
pub(crate) fn wrapped_client_key() -> Vec<u8> {
    let key: [u8; CLIENT_KEYS_KEY_LEN] = std::array::from_fn(|i| i as u8);
    let client: [u8; STATIC_KEY_LEN] = std::array::from_fn(|i| i as u8);
    let tag: [u8; 32] = hex("177da5c074a94619b16be4acb71f1a6ccf24f33c6bbaf498459d5f06c369d495");
    let mut sealed = [&client[..], &[1, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let cipher = UnboundCipherKey::new(&AES_256, &key[..32]).expect("a key");
    let iv: &[u8; 16] = tag.first_chunk().expect("half a tag");
    EncryptingKey::ctr(cipher)
        .and_then(|key| key.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(iv.into())))
        .expect("a cipher");
    assert_eq!(sealed[..16], hex::<16>("2c78396efd93c2598f4771e068cafca3"));
    [&tag[..], &sealed, &[0x01, 0x2b]].concat()
}

#[test]
fn the_keys_of_clients_open_as_those_of_the_reference() {
    let keys = ClientKeys::new(&std::array::from_fn(|i| i as u8)).expect("a key");
    let client = WrapKey::TlsCrypt {
        key: std::array::from_fn(|i| i as u8),
    };
    let client = ControlWrap::new(&client, Role::Client).expect("a key");
    let mut packet = wrapped(&client, &[10 << 3; 9], b"body", REPLAY);
    let len = packet.len();
    packet.extend(wrapped_client_key());
    let (first, wrap) = keys.split(&packet, Role::Server).expect("a key of ours");
    assert_eq!(first.len(), len);
    assert_eq!(unwrapped(&wrap, first), Some((b"body".to_vec(), REPLAY)));
    for at in len..packet.len() {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        assert!(keys.split(&changed, Role::Server).is_none(), "{at}");
    }
    assert!(keys.split(&packet[len + 1..], Role::Server).is_none());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_unwrapped_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let keys = ClientKeys::new(&[1; 128]).expect("a key");
        assert!(keys.split(&bytes, Role::Server).is_none());
        assert!(unwrapped(&crypt(Role::Server), &bytes).is_none());
        assert!(unwrapped(&auth(None, Digest::Sha1), &bytes).is_none());
    }
}

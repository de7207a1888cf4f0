use super::*;
use crate::command::Digest;
use crate::control_wrap::tests::wrapped_client_key;
use crate::test_sink::path;

const CLIENT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn order() -> AdmissionOrder {
    order_with(WrapKey::None, None)
}

fn order_with(wrap: WrapKey, client_keys: Option<[u8; CLIENT_KEYS_KEY_LEN]>) -> AdmissionOrder {
    AdmissionOrder {
        wrap,
        client_keys,
        cookie_key: [7; 32],
        slot_seconds: 30,
        limit_count: 3,
        limit_seconds: 10,
        unix_seconds: 1_700_000_010,
    }
}

fn admission_of(now: Millis, order: &AdmissionOrder) -> Admission {
    Admission::new(now, order).expect("keys")
}

fn reset() -> Vec<u8> {
    [&[7 << 3][..], &CLIENT, &[0; 5]].concat()
}

/// What a client says next: acknowledgement of our reset, and a message of its own.
fn third(server: &[u8]) -> Vec<u8> {
    let ids = [&[1, 0, 0, 0, 0][..], server, &[0, 0, 0, 1]].concat();
    [&[4 << 3][..], &CLIENT, &ids, b"tls"].concat()
}

fn judge(
    admission: &mut Admission,
    now: Millis,
    port: u16,
    packet: &[u8],
) -> Result<Vec<u8>, Judgement> {
    let mut room = [0; ANSWER_LEN];
    match admission.judge(now, &path(port), packet, &mut room, || true) {
        Judgement::Answer(len) => Ok(room[..len].to_vec()),
        other @ (Judgement::OverLimit
        | Judgement::Crowded
        | Judgement::Proven
        | Judgement::Copy
        | Judgement::Refused
        | Judgement::Unknown) => Err(other),
    }
}

#[test]
fn a_reset_is_answered_and_its_echo_known() {
    let mut admission = admission_of(5, &order());
    let answer = judge(&mut admission, 5, 1, &reset()).expect("an answer");
    let cookie = &answer[1..9];
    assert_eq!(answer[0], 8 << 3);
    assert_eq!(
        answer[9..],
        [&[1, 0, 0, 0, 0][..], &CLIENT, &[0; 4]].concat()
    );
    let proven = Err(Judgement::Proven);
    assert_eq!(judge(&mut admission, 5, 1, &third(cookie)), proven);
    assert_eq!(judge(&mut admission, 60_004, 1, &third(cookie)), proven);
    let refused = Err(Judgement::Refused);
    assert_eq!(judge(&mut admission, 90_005, 1, &third(cookie)), refused);
    assert_eq!(judge(&mut admission, 5, 2, &third(cookie)), refused);
    let mut late = third(cookie);
    late[25] = 2;
    assert_eq!(judge(&mut admission, 5, 1, &late), refused);
}

#[test]
fn an_address_gets_so_many_answers_and_a_new_order_forgets_nothing() {
    let mut admission = admission_of(0, &order());
    let mut again = || judge(&mut admission, 0, 1, &reset()).is_ok();
    assert_eq!(
        [again(), again(), again(), again()],
        [true, true, true, false]
    );
    let mut admission = admission_of(0, &order()).succeed(admission);
    assert_eq!(
        judge(&mut admission, 0, 1, &reset()),
        Err(Judgement::OverLimit)
    );
    admission.refund(&path(1));
    assert!(judge(&mut admission, 0, 1, &reset()).is_ok());
    let mut wider = order();
    wider.limit_count = 4;
    let mut admission = admission_of(0, &wider).succeed(admission);
    assert!(judge(&mut admission, 0, 1, &reset()).is_ok());
}

#[test]
fn what_is_no_beginning_is_refused() {
    let mut admission = admission_of(0, &order());
    let changed = |at: usize, value: u8| {
        let mut packet = reset();
        packet[at] = value;
        packet
    };
    let packets = [
        changed(0, 7 << 3 | 1),
        changed(9, 9),
        changed(13, 1),
        reset()[..13].to_vec(),
        [&[7 << 3][..], &[0; 13]].concat(),
    ];
    for packet in packets {
        let judged = judge(&mut admission, 0, 1, &packet);
        assert_eq!(judged, Err(Judgement::Refused), "{packet:?}");
    }
}

/// The server's answer under a wrapping, and what the client sends then, opened and made with its own side of the key.
fn shakes_hands(order: &AdmissionOrder, client: &ControlWrap, opcodes: [u8; 2], brought: &[u8]) {
    let mut admission = admission_of(0, order);
    let head = |opcode: u8| {
        let mut head = [0; 9];
        head[0] = opcode << 3;
        head[1..].copy_from_slice(&CLIENT);
        head
    };
    let sent = |opcode, body: &[u8], counter| {
        let mut into = [0; 300];
        let replay = ReplayId { counter, time: 9 };
        let len = client.wrap(&head(opcode), body, replay, &mut into);
        [&into[..len.expect("room")], brought].concat()
    };
    let [first, second] = opcodes;
    let asks = sent(first, &[0; 5], EARLY_NEGOTIATION + 1);
    let answer = judge(&mut admission, 1500, 1, &asks).expect("an answer");
    assert!(
        answer.len() <= asks.len() + 12,
        "the wire has it so without a wrapping"
    );
    let mut room = [0; 300];
    let opened = client.unwrap(&answer, &mut room).expect("genuine");
    let acks = [&[1, 0, 0, 0, 0][..], &CLIENT, &[0; 4]].concat();
    assert_eq!(opened.body[..17], acks);
    let resend: &[u8] = if brought.is_empty() {
        &[]
    } else {
        &[0, 1, 0, 2, 0, 1]
    };
    assert_eq!(opened.body[17..], *resend);
    let replay = ReplayId {
        counter: 1,
        time: 1_700_000_011,
    };
    assert_eq!(opened.replay, replay);
    let echo = [&[1, 0, 0, 0, 0][..], &answer[1..9], &[0, 0, 0, 1], b"tls"].concat();
    let mut genuine = sent(second, &echo, EARLY_NEGOTIATION + 2);
    assert_eq!(
        judge(&mut admission, 1500, 1, &genuine),
        Err(Judgement::Proven)
    );
    genuine[20] ^= 1;
    assert_eq!(
        judge(&mut admission, 1500, 1, &genuine),
        Err(Judgement::Refused)
    );
}

const KEY: [u8; 256] = [0x5a; 256];

#[test]
fn a_handshake_begins_under_every_wrapping() {
    let wraps = || {
        [
            WrapKey::TlsCrypt { key: KEY },
            WrapKey::TlsAuth {
                key: KEY,
                direction: None,
                digest: Digest::Sha256,
            },
        ]
    };
    for wrap in wraps() {
        let client = ControlWrap::new(&wrap, Role::Client).expect("a key");
        let order = order_with(wrap, None);
        shakes_hands(&order, &client, [7, 4], &[]);
    }
    for wrap in [WrapKey::None, WrapKey::TlsCrypt { key: KEY }] {
        let client = WrapKey::TlsCrypt {
            key: std::array::from_fn(|i| i as u8),
        };
        let client = ControlWrap::new(&client, Role::Client).expect("a key");
        let order = order_with(wrap, Some(std::array::from_fn(|i| i as u8)));
        shakes_hands(&order, &client, [10, 11], &wrapped_client_key());
    }
}

#[test]
fn beside_keys_of_their_own_clients_need_a_wrapping() {
    let order = order_with(WrapKey::None, Some([1; 128]));
    let mut admission = admission_of(0, &order);
    assert_eq!(
        judge(&mut admission, 0, 1, &reset()),
        Err(Judgement::Refused)
    );
}

#[test]
fn a_client_that_cannot_send_its_key_again_is_the_workers() {
    let wrap = WrapKey::TlsCrypt {
        key: std::array::from_fn(|i| i as u8),
    };
    let client = ControlWrap::new(&wrap, Role::Client).expect("a key");
    let order = order_with(WrapKey::None, Some(std::array::from_fn(|i| i as u8)));
    let mut admission = admission_of(0, &order);
    let (mut into, mut head) = ([0; 300], [1; 9]);
    head[0] = 10 << 3;
    let replay = ReplayId {
        counter: 1,
        time: 9,
    };
    let len = client
        .wrap(&head, &[0; 5], replay, &mut into)
        .expect("room");
    let packet = [&into[..len], &wrapped_client_key()].concat();
    assert_eq!(
        judge(&mut admission, 0, 1, &packet),
        Err(Judgement::Unknown)
    );
}

#[test]
fn a_captured_packet_is_opened_once() {
    let wrap = WrapKey::TlsCrypt { key: KEY };
    let client = ControlWrap::new(&wrap, Role::Client).expect("a key");
    let order = order_with(wrap, None);
    let mut admission = admission_of(0, &order);
    let mut asks = [0; 100];
    let head: [u8; 9] = reset()[..9].try_into().expect("a head");
    let len = client.wrap(&head, &[0; 5], ReplayId::default(), &mut asks);
    let asks = &mut asks[..len.expect("room")];
    assert!(judge(&mut admission, 0, 1, asks).is_ok());
    assert!(judge(&mut admission, 999, 2, asks).is_ok());
    let mut admission = admission_of(1000, &order).succeed(admission);
    assert_eq!(judge(&mut admission, 1000, 2, asks), Err(Judgement::Copy));
    assert!(judge(&mut admission, 1000, 1, asks).is_ok(), "a resend");
    asks[60 - 9] ^= 1;
    for now in [0, 2000, 4000] {
        let forged = judge(&mut admission, now, 2, asks);
        assert_eq!(forged, Err(Judgement::Refused));
    }
}

#[test]
fn what_there_is_no_time_for_is_told_from_what_is_refused() {
    let mut admission = admission_of(0, &order());
    let mut judge = |packet: &[u8]| {
        let mut room = [0; ANSWER_LEN];
        admission.judge(0, &path(1), packet, &mut room, || false)
    };
    assert_eq!(judge(&reset()), Judgement::Crowded);
    assert_eq!(judge(&third(&[9; 8])), Judgement::Refused);
}

#[test]
fn cookies_of_an_earlier_hand_window_are_good() {
    let mut admission = admission_of(0, &order());
    let answer = judge(&mut admission, 0, 1, &reset()).expect("an answer");
    let mut wider = order();
    wider.slot_seconds = 77;
    let mut renewed = admission_of(0, &wider).succeed(admission);
    let goes_on = third(&answer[1..9]);
    assert_eq!(judge(&mut renewed, 0, 1, &goes_on), Err(Judgement::Proven));
    let mut again = admission_of(0, &wider).succeed(renewed);
    assert_eq!(judge(&mut again, 0, 1, &goes_on), Err(Judgement::Proven));
}

#[test]
fn a_key_that_only_the_worker_can_use_leaves_all_to_it() {
    let wrap = WrapKey::TlsAuth {
        key: KEY,
        direction: None,
        digest: Digest::None,
    };
    assert!(Admission::new(0, &order_with(wrap, None)).is_none());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_judged(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), opcode in 3..12u8) {
        let mut admission = admission_of(0, &order());
        if let Some(first) = bytes.first_mut() {
            *first = opcode << 3;
        }
        let _ = judge(&mut admission, 0, 1, &bytes);
    }
}

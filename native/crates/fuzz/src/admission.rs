use std::sync::LazyLock;

use datapath::admission::{ANSWER_LEN, Admission, AdmissionOrder, Judgement};
use datapath::control_wrap::{ControlWrap, ReplayId};
use datapath::{
    CLIENT_KEYS_KEY_LEN, Digest, Direction, PeerAddr, Role, STATIC_KEY_LEN, STREAM_BIT, WrapKey,
};
use netio::flood_filter::PacketShape;
use shard::socket_guard::encode_shapes;

use crate::bytes::Bytes;
use crate::flood_filter::Filter;

/// Two of each host; the last one is that of a connection.
const ADDRESSES: u8 = 4;
const CLIENTS: u8 = 3;
const RESET_V2: u8 = 7;
const SERVER_RESET: u8 = 8;
const RESET_V3: u8 = 10;
const CONTROL: u8 = 4;
const ACK: u8 = 5;
const CONTROL_WKC: u8 = 11;
const HEAD_LEN: usize = 9;
const REPLAY_LEN: usize = 8;
/// Of replay counters: the client can send its key again. [wire 7.1]
const EARLY_NEGOTIATION: u32 = 0x0f00_0000;
const UNIX_SECONDS: u64 = 1_700_000_010;
/// A cookie is good in its own slot of time and in so many after it.
const SLOTS_AFTER: u64 = 2;
/// What an answer may have on top of its question.
const MOST_GAIN: usize = 12;
const MOST_KEPT: usize = 32;

/// Packets of unknown clients, good ones, copies from elsewhere, damaged and made up ones, while the worker changes its orders.
/// Nobody is answered or believed who has not the key, or does not show that it is where it says; everybody else is.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let keys = Keys::new(bytes.u8());
    let terms = Terms(bytes.u8());
    let Some(admission) = Admission::new(0, &keys.order(terms, UNIX_SECONDS)) else {
        return;
    };
    let mut world = World {
        keys,
        terms,
        admission: Some(admission),
        now: 0,
        ordered: (0, UNIX_SECONDS),
        cookies: Vec::new(),
        sent: Vec::new(),
        used: [0; 2],
        period_end: 0,
        counter: 0,
        filter: Filter::default(),
    };
    while !bytes.is_empty() {
        world.step(&mut bytes);
    }
}

struct World {
    keys: Keys,
    terms: Terms,
    /// Always there.
    admission: Option<Admission>,
    now: u64,
    /// When the last order came, by both clocks.
    ordered: (u64, u64),
    cookies: Vec<Cookie>,
    sent: Vec<Sent>,
    /// Answers to each host, as far as its limit counts them.
    used: [u32; 2],
    period_end: u64,
    counter: u32,
    /// In the midst of a flood.
    filter: Filter,
}

/// What an address was answered.
#[derive(Clone, Copy)]
struct Cookie {
    address: u8,
    client: [u8; 8],
    value: [u8; 8],
    slot: u64,
}

/// A genuine packet.
struct Sent {
    packet: Vec<u8>,
    /// Where it proves something.
    proves: Option<u8>,
    /// Addresses that have sent it, as bits.
    from: u8,
}

impl World {
    fn step(&mut self, bytes: &mut Bytes) {
        let (order, argument) = (bytes.u8(), bytes.u8());
        let (kind, address) = (usize::from(order >> 3), argument % ADDRESSES);
        match order & 7 {
            0 => self.now += u64::from(argument) * 50,
            1 => self.now += u64::from(argument) * 1000,
            2 => self.ask(address, argument >> 2),
            3 => self.echo(kind, argument, bytes.u8()),
            4 => self.copy(kind, address),
            5 => self.damage(kind, address, bytes.u16(), bytes.u8()),
            6 => {
                let made_up = bytes.sized();
                let judged = self.judge(address, made_up);
                assert!(judged == Judgement::Refused || !self.is_sealed(made_up));
            }
            _ => self.rare(argument),
        }
        let old = self.cookies.len().saturating_sub(MOST_KEPT);
        self.cookies.drain(..old);
        let old = self.sent.len().saturating_sub(MOST_KEPT);
        self.sent.drain(..old);
    }

    /// A reset: answered, or over the limit; or the worker's, where the client could not send its key again.
    fn ask(&mut self, address: u8, form: u8) {
        let client = [form % CLIENTS + 1; 8];
        let (brings, resends) = (form & 4 != 0, form & 8 == 0);
        let opcode = if brings { RESET_V3 } else { RESET_V2 };
        let message = u8::from(form & 48 == 48);
        let Some(packet) = self.seal(opcode, client, &[0, 0, 0, 0, message], resends) else {
            return;
        };
        let judged = self.judge(address, &packet);
        let expected = if message > 0 || brings && !self.keys.takes_others {
            Judgement::Refused
        } else if brings && !resends {
            Judgement::Unknown
        } else if judged == Judgement::OverLimit {
            judged
        } else {
            Judgement::Answer(self.keys.answer_len(brings))
        };
        assert_eq!(judged, expected);
        self.keep(packet, address, None);
    }

    /// A client goes on with what it was answered, from where it is or from elsewhere, as the same client or another.
    fn echo(&mut self, kind: usize, pick: u8, how: u8) {
        if self.cookies.is_empty() {
            return;
        }
        let cookie = self.cookies[usize::from(pick) % self.cookies.len()];
        let opcode = [CONTROL, ACK, CONTROL_WKC][kind % 3];
        let (mut address, mut client, mut echoed) = (cookie.address, cookie.client, cookie.value);
        match how & 7 {
            5 => address = (address + 1) % ADDRESSES,
            6 => client[0] ^= 64,
            7 => echoed[usize::from(pick) % 8] ^= 1,
            _ => {}
        }
        let message = u32::from(how >> 6);
        let mut body = [&[1, 0, 0, 0, 0][..], &echoed].concat();
        if opcode != ACK {
            body.extend_from_slice(&message.to_be_bytes());
            body.extend_from_slice(b"tls");
        }
        let Some(packet) = self.seal(opcode, client, &body, true) else {
            return;
        };
        let judged = self.judge(address, &packet);
        let is_known = opcode != CONTROL_WKC || self.keys.takes_others;
        let is_early = opcode == ACK || message <= 1;
        let is_fresh = self.slot() <= cookie.slot + SLOTS_AFTER;
        let is_proven = how & 7 < 5 && is_known && is_early && is_fresh;
        let expected = if is_proven {
            Judgement::Proven
        } else {
            Judgement::Refused
        };
        assert_eq!(judged, expected);
        if is_proven {
            self.go_on(&cookie, opcode == CONTROL_WKC, how & 8 == 0);
        }
        let is_echo = how & 7 < 6;
        self.keep(packet, address, is_echo.then_some(cookie.address));
    }

    /// With the worker, which the filter hears nothing of: what is under the key of that client passes.
    fn go_on(&mut self, cookie: &Cookie, has_own_key: bool, resends: bool) {
        let from = address_of(cookie.address);
        let shapes = self.admission.as_ref().map(Admission::shapes);
        let shapes = encode_shapes(shapes.expect("keys that were good before"));
        let acknowledged = [&[1, 0, 0, 0, 0][..], &cookie.value].concat();
        for (opcode, body) in [
            (ACK, acknowledged),
            (CONTROL, vec![0, 0, 0, 0, 2, 22, 3, 1]),
        ] {
            let head = head(opcode, cookie.client);
            let replay = self.next_replay(resends);
            let mut into = [0; 256];
            let wrap = self.keys.client(has_own_key).expect("a key of that client");
            let len = wrap.wrap(&head, &body, replay, &mut into).expect("room");
            assert!(!self.drops_as_nobodys(&from, &into[..len], shapes));
        }
    }

    /// The same bytes once more, maybe from elsewhere, where they prove nothing.
    fn copy(&mut self, pick: usize, address: u8) {
        if self.sent.is_empty() {
            return;
        }
        let at = pick % self.sent.len();
        let packet = self.sent[at].packet.clone();
        let judged = self.judge(address, &packet);
        let sent = &mut self.sent[at];
        assert!(judged != Judgement::Proven || sent.proves == Some(address));
        assert!(judged != Judgement::Copy || sent.from & !(1 << address) != 0);
        sent.from |= 1 << address;
    }

    /// One byte of it is another, or it is cut: it is nobody's, or a copy of what it nearly is.
    fn damage(&mut self, pick: usize, address: u8, at: u16, change: u8) {
        if self.sent.is_empty() {
            return;
        }
        let original = &self.sent[pick % self.sent.len()].packet;
        let mut packet = original.clone();
        let at = usize::from(at) % packet.len();
        match change {
            0 => packet.truncate(at),
            _ => packet[at] ^= change,
        }
        let is_sealed = self.is_sealed(original) && self.is_sealed(&packet);
        if let (Some(key), CONTROL | ACK | RESET_V2) =
            (self.keys.crypt_key(false), original[0] >> 3)
        {
            let opened = tls::tls_crypt_open(&key, HEAD_LEN + REPLAY_LEN, &mut packet.clone());
            assert!(!opened, "byte {at}");
        }
        let judged = self.judge(address, &packet);
        let is_nobodys = matches!(judged, Judgement::Refused | Judgement::Copy);
        assert!(is_nobodys || !is_sealed, "{judged:?}, byte {at}");
    }

    fn rare(&mut self, argument: u8) {
        if argument & 1 == 0 {
            let address = argument / 2 % ADDRESSES;
            if let Some(admission) = &mut self.admission {
                admission.refund(&address_of(address));
            }
            let used = &mut self.used[host_of(address)];
            *used = used.saturating_sub(1);
            return;
        }
        self.ordered = (self.now, self.unix_seconds());
        let (before, next) = (self.terms, Terms(argument));
        if (before.count(), before.period()) != (next.count(), next.period()) {
            self.period_end = 0;
        }
        if before.slot_seconds() != next.slot_seconds() {
            // Some of them are good for a while; which ones is the business of tests.
            self.cookies.clear();
            self.sent.clear();
        }
        self.terms = next;
        let renewed = Admission::new(self.now, &self.keys.order(next, self.unix_seconds()));
        self.admission = renewed
            .zip(self.admission.take())
            .map(|(next, before)| next.succeed(before));
    }

    fn judge(&mut self, address: u8, packet: &[u8]) -> Judgement {
        let mut room = [0; ANSWER_LEN];
        let from = address_of(address);
        let admission = self.admission.as_mut().expect("keys that were good before");
        let judged = admission.judge(self.now, &from, packet, &mut room, || true);
        let shapes = encode_shapes(admission.shapes());
        let is_nobodys = matches!(judged, Judgement::Refused | Judgement::Copy);
        assert!(is_nobodys || !self.drops_as_nobodys(&from, packet, shapes));
        let is_counted = matches!(judged, Judgement::Answer(_) | Judgement::OverLimit);
        if is_counted && self.now >= self.period_end {
            self.period_end = self.now + self.terms.period();
            self.used = [0; 2];
        }
        if let Judgement::Answer(len) = judged {
            self.take_answer(address, packet, &room[..len]);
        } else if judged == Judgement::OverLimit {
            // Hosts may share a place in the table.
            assert!(self.used.iter().sum::<u32>() >= self.terms.count());
        }
        judged
    }

    /// Whether the filter on the sockets does not let it come so far.
    fn drops_as_nobodys(
        &mut self,
        from: &PeerAddr,
        packet: &[u8],
        shapes: [PacketShape; 2],
    ) -> bool {
        self.filter.expect(0, shapes);
        self.filter.use_up(0);
        let before = self.filter.drops(0);
        let stays = self.filter.stays(0, &from.addr, packet, 0);
        let [nobodys, resets] = self.filter.drops(0);
        assert_eq!(
            nobodys + resets + u64::from(stays),
            before[0] + before[1] + 1
        );
        nobodys > before[0]
    }

    /// It is small, sealed for whoever asked, and not the first too many.
    fn take_answer(&mut self, address: u8, packet: &[u8], answer: &[u8]) {
        let used = &mut self.used[host_of(address)];
        *used += 1;
        assert!(*used <= self.terms.count(), "{used} answers");
        assert!(answer.len() <= packet.len() + MOST_GAIN);
        let brought = packet[0] == RESET_V3 << 3;
        assert!(brought || packet[0] == RESET_V2 << 3);
        let mut room = [0; 256];
        let opened = self
            .keys
            .client(brought)
            .and_then(|wrap| wrap.unwrap(answer, &mut room));
        let body = opened.expect("a genuine answer").body;
        assert_eq!(answer[0], SERVER_RESET << 3);
        let client: [u8; 8] = packet[1..HEAD_LEN].try_into().expect("a session id");
        assert_eq!(
            body[..17],
            [&[1, 0, 0, 0, 0][..], &client, &[0; 4]].concat()
        );
        assert_eq!(body[17..].len(), if brought { 6 } else { 0 });
        let value: [u8; 8] = answer[1..HEAD_LEN].try_into().expect("a session id");
        let slot = self.slot();
        self.cookies.push(Cookie {
            address,
            client,
            value,
            slot,
        });
    }

    /// None: such a client has nothing to seal with. Two implementations agree about tls-crypt.
    fn seal(&mut self, opcode: u8, client: [u8; 8], body: &[u8], resends: bool) -> Option<Vec<u8>> {
        let brings = opcode == RESET_V3 || opcode == CONTROL_WKC;
        let (head, replay) = (head(opcode, client), self.next_replay(resends));
        let mut into = [0; 256];
        let len = self
            .keys
            .client(brings)?
            .wrap(&head, body, replay, &mut into)?;
        let mut packet = into[..len].to_vec();
        if let Some(key) = self.keys.crypt_key(brings) {
            let mut opened = packet.clone();
            assert!(tls::tls_crypt_open(
                &key,
                HEAD_LEN + REPLAY_LEN,
                &mut opened
            ));
            assert!(opened.ends_with(body));
            assert!(tls::tls_crypt_seal(
                &key,
                HEAD_LEN + REPLAY_LEN,
                &mut opened
            ));
            assert_eq!(opened, packet);
        }
        if brings {
            packet.extend_from_slice(&WRAPPED_KEY);
        }
        Some(packet)
    }

    fn next_replay(&mut self, resends: bool) -> ReplayId {
        self.counter += 1;
        let early = if resends { EARLY_NEGOTIATION } else { 0 };
        ReplayId {
            counter: early + self.counter,
            time: 9,
        }
    }

    fn keep(&mut self, packet: Vec<u8>, address: u8, proves: Option<u8>) {
        let from = 1 << address;
        self.sent.push(Sent {
            packet,
            proves,
            from,
        });
    }

    /// Whether nobody without a key can say such a thing.
    fn is_sealed(&self, packet: &[u8]) -> bool {
        let brings = matches!(
            packet.first().map_or(0, |first| first >> 3),
            RESET_V3 | CONTROL_WKC
        );
        brings || !matches!(self.keys.shared, Some(ControlWrap::Plain))
    }

    fn slot(&self) -> u64 {
        self.unix_seconds() / u64::from(self.terms.slot_seconds())
    }

    fn unix_seconds(&self) -> u64 {
        let (at, unix_seconds) = self.ordered;
        unix_seconds + (self.now - at) / 1000
    }
}

/// What an order may say anew at any time.
#[derive(Clone, Copy)]
struct Terms(u8);

impl Terms {
    fn slot_seconds(self) -> u32 {
        [30, 5, 77, 30][usize::from(self.0 >> 1 & 3)]
    }

    fn count(self) -> u32 {
        u32::from(self.0 >> 3 & 7)
    }

    /// In milliseconds.
    fn period(self) -> u64 {
        [10_000, 1000, 0, 10_000][usize::from(self.0 >> 6)]
    }
}

struct Keys {
    wrap: u8,
    takes_others: bool,
    /// How clients without a key of their own seal; none: nobody hears them.
    shared: Option<ControlWrap>,
    /// How one with a key of its own seals.
    own: ControlWrap,
}

impl Keys {
    fn new(form: u8) -> Keys {
        let (wrap, takes_others) = (form % 5, form & 128 != 0);
        let is_shared = wrap > 0 || !takes_others;
        let client = |key| ControlWrap::new(&key, Role::Client).expect("a good key");
        Keys {
            wrap,
            takes_others,
            shared: is_shared.then(|| client(wrap_key(wrap, Role::Client))),
            own: client(WrapKey::TlsCrypt { key: OWN_KEY }),
        }
    }

    fn order(&self, terms: Terms, unix_seconds: u64) -> AdmissionOrder {
        AdmissionOrder {
            wrap: wrap_key(self.wrap, Role::Server),
            client_keys: self.takes_others.then_some(CLIENT_KEYS_KEY),
            cookie_key: [7; 32],
            slot_seconds: terms.slot_seconds(),
            limit_count: terms.count(),
            limit_seconds: (terms.period() / 1000) as u32,
            unix_seconds: unix_seconds as u32,
        }
    }

    fn client(&self, brings: bool) -> Option<&ControlWrap> {
        if brings {
            Some(&self.own)
        } else {
            self.shared.as_ref()
        }
    }

    /// The halves for AES and HMAC with which a client seals, under tls-crypt.
    fn crypt_key(&self, brings: bool) -> Option<Vec<u8>> {
        let key = match brings {
            true => &OWN_KEY,
            false if self.wrap == 4 => &KEY,
            false => return None,
        };
        Some([&key[128..160], &key[192..224]].concat())
    }

    fn answer_len(&self, brings: bool) -> usize {
        let overhead = match self.wrap {
            // With a request for its key.
            _ if brings => 40 + 6,
            1 => 28,
            2 => 40,
            3 => 72,
            4 => 40,
            _ => 0,
        };
        HEAD_LEN + overhead + 17
    }
}

const KEY: [u8; STATIC_KEY_LEN] = counted(3);
const OWN_KEY: [u8; STATIC_KEY_LEN] = counted(11);
const CLIENT_KEYS_KEY: [u8; CLIENT_KEYS_KEY_LEN] = counted(5);

/// The client's key as the server's key wraps it. [wire 8]
static WRAPPED_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let len = ((32 + STATIC_KEY_LEN + 2) as u16).to_be_bytes();
    let mut tag = [0; 32];
    let text = [&len[..], &OWN_KEY].concat();
    assert!(tls::hmac(&CLIENT_KEYS_KEY[64..96], &text, &mut tag));
    let mut sealed = OWN_KEY;
    assert!(tls::aes256_ctr(
        &CLIENT_KEYS_KEY[..32],
        &tag[..16],
        &mut sealed
    ));
    [&tag[..], &sealed, &len].concat()
});

const fn counted<const N: usize>(step: usize) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = (at * step + step) as u8;
        at += 1;
    }
    bytes
}

fn wrap_key(wrap: u8, role: Role) -> WrapKey {
    let auth = |digest, direction| WrapKey::TlsAuth {
        key: KEY,
        direction,
        digest,
    };
    let [here, there] = match role {
        Role::Server => [Direction::Normal, Direction::Inverse],
        Role::Client => [Direction::Inverse, Direction::Normal],
    };
    match wrap {
        0 => WrapKey::None,
        1 => auth(Digest::Sha1, Some(here)),
        2 => auth(Digest::Sha256, None),
        3 => auth(Digest::Sha512, Some(there)),
        _ => WrapKey::TlsCrypt { key: KEY },
    }
}

fn head(opcode: u8, client: [u8; 8]) -> [u8; HEAD_LEN] {
    let mut head = [opcode << 3; HEAD_LEN];
    head[1..].copy_from_slice(&client);
    head
}

fn host_of(address: u8) -> usize {
    usize::from(address / 2)
}

fn address_of(address: u8) -> PeerAddr {
    let host = [192, 0, 2, 1 + address / 2];
    PeerAddr {
        listener: if address == ADDRESSES - 1 {
            STREAM_BIT
        } else {
            0
        },
        addr: (host, 4000 + u16::from(address)).into(),
    }
}

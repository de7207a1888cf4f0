use std::hash::BuildHasher;

// Places are taken from the low bits, which the fast kind fills badly for addresses that differ little.
use foldhash::quality::RandomState;

use crate::Millis;
use crate::bucket::{Bucket, Rate};
use crate::marks::Marks;
use crate::peer_addr::PeerAddr;
use crate::wire;

/// Decides which control packets a worker gets to see when more come than it can look at. Those of clients that have
/// shown to be where they say go first, each with a share of its own; then whoever was answered; then whoever asks
/// again, as a client does whose first packet is lost; the rest shares what is left. It knows no keys and keeps nothing
/// but fingerprints, in tables that never grow.
pub struct ControlGate {
    hash: RandomState,
    known: Box<[Known]>,
    /// A byte of each address in `known`. A flood looks up addresses that are not there, and this is small enough for a
    /// processor's first cache.
    tags: Box<[u8]>,
    /// Addresses that were sent the answer to a reset.
    answered: Marks,
    /// Resets that were turned away, or not answered.
    asked: Marks,
    strangers: Bucket,
    answers: Bucket,
    repeats: Bucket,
    refused: Bucket,
    moved: Bucket,
    first_answers: Bucket,
    repeated_answers: Bucket,
}

/// Packets per second that a worker is given at most, of each kind.
const STRANGERS: Rate = Rate::per_second(500);
const ANSWERS: Rate = Rate::per_second(2000);
const REPEATS: Rate = Rate::per_second(2000);
/// What nothing can come of but a line in the log, which has few of them a minute. As many at once as that takes when the clients of
/// a large server begin anew, of which some are taken for strangers.
const REFUSED: Rate = Rate {
    per_second: 10,
    at_once: 500,
};
/// To all other shards together: more than their workers are given, and little for a ring.
const MOVED: Rate = Rate::per_second(4000);
/// Resets that are answered without the worker, whoever they come from: more than any worker has time to go on with. In a flood of more,
/// which would be an echo of its own to whoever is named as its sender, each costs as much as several that are dropped.
const FIRST_ANSWERS: Rate = Rate::per_second(5000);
/// The same for those that come again.
const REPEATED_ANSWERS: Rate = Rate::per_second(25_000);
/// Of one client. A handshake with long certificates takes some hundred.
const KNOWN: Rate = Rate::per_second(500);

/// Bytes that may wait for the worker before it gets no more of strangers, and of those between them and the known. A worker that
/// the machine does not let run would otherwise have a queue of many seconds before it.
const STRANGERS_BACKLOG: usize = 32 * 1024;
const BACKLOG: usize = 128 * 1024;
/// The same for connections that no client is served through.
const STREAMS_BACKLOG: usize = 256 * 1024;

const KNOWN_SLOTS: usize = 1 << 13;
const ANSWERED_SLOTS: usize = 1 << 16;
/// What a flood of 100,000 resets a second leaves of a client's first one when it comes again after 2 s: five of six.
/// A fuzzer makes a table for every input, and floods less.
const ASKED_SLOTS: usize = 1 << if cfg!(fuzzing) { 14 } else { 20 };

/// A client that has not been written to for so long has to show again where it is, unless it is connected.
const KNOWN_FOR: Millis = 180_000;
/// A client answers at once; resends of its answer follow within this time.
const ANSWERED_FOR: Millis = 30_000;
/// A client resends its reset after a second or more. A packet that is replayed faster than this is no resend.
const ASKS_AGAIN_AFTER: Millis = 700;
const ASKS_AGAIN_WITHIN: Millis = 30_000;

impl Default for ControlGate {
    fn default() -> ControlGate {
        ControlGate::new()
    }
}

impl ControlGate {
    pub fn new() -> ControlGate {
        ControlGate {
            hash: RandomState::default(),
            known: vec![Known::NOBODY; KNOWN_SLOTS].into(),
            tags: vec![0; KNOWN_SLOTS].into(),
            answered: Marks::new(ANSWERED_SLOTS),
            asked: Marks::new(ASKED_SLOTS),
            strangers: Bucket::full(STRANGERS),
            answers: Bucket::full(ANSWERS),
            repeats: Bucket::full(REPEATS),
            refused: Bucket::full(REFUSED),
            moved: Bucket::full(MOVED),
            first_answers: Bucket::full(FIRST_ANSWERS),
            repeated_answers: Bucket::full(REPEATED_ANSWERS),
        }
    }

    /// Whether the worker gets this control packet. `backlog`: bytes that wait for it. `is_peer`: whether a connected client has
    /// this address.
    pub fn admits(
        &mut self,
        now: Millis,
        from: &PeerAddr,
        packet: &[u8],
        backlog: usize,
        is_peer: impl FnOnce() -> bool,
    ) -> bool {
        if from.is_stream() {
            // Nobody connects under a false name, so floods of datagrams do not hold connections up.
            let known = self.note_known(now, self.hash.hash_one(from));
            return known.share.take(now, KNOWN) && (backlog < STREAMS_BACKLOG || is_peer());
        }
        if self.knows(now, from, is_peer) {
            let place = place_of(self.hash.hash_one(from));
            return self.known[place].share.take(now, KNOWN);
        }
        if backlog < STRANGERS_BACKLOG && self.strangers.take(now, STRANGERS) {
            return true;
        }
        let is_busy = backlog >= BACKLOG;
        if wire::is_client_reset(packet) {
            self.asks_again(now, from, packet) && !is_busy && self.repeats.take(now, REPEATS)
        } else {
            !is_busy && self.has_answered(now, from) && self.answers.take(now, ANSWERS)
        }
    }

    /// The same for a packet that is nobody's first one, as far as can be told without the worker.
    pub fn admits_refused(&mut self, now: Millis, backlog: usize) -> bool {
        backlog < STRANGERS_BACKLOG && self.refused.take(now, REFUSED)
    }

    /// Whether there is time to answer this reset, which the worker will not hear of.
    pub fn may_answer(&mut self, now: Millis, from: &PeerAddr, packet: &[u8]) -> bool {
        self.first_answers.take(now, FIRST_ANSWERS)
            || (self.asks_again(now, from, packet)
                && self.repeated_answers.take(now, REPEATED_ANSWERS))
    }

    /// Whether the worker has answered a reset from there, and the client may go on.
    pub fn has_answered(&self, now: Millis, to: &PeerAddr) -> bool {
        self.answered
            .age(self.hash.hash_one(to), now)
            .is_some_and(|age| age < ANSWERED_FOR)
    }

    /// Whether somebody is there who has shown it; always for a connection. `is_peer`: whether a connected client has this address.
    pub fn knows(&mut self, now: Millis, from: &PeerAddr, is_peer: impl FnOnce() -> bool) -> bool {
        if from.is_stream() {
            return true;
        }
        let address = self.hash.hash_one(from);
        let place = place_of(address);
        if self.tags[place] == tag_of(address) && self.known[place].is(address, now) {
            return true;
        }
        let is_peer = is_peer();
        if is_peer {
            self.note_known(now, address);
        }
        is_peer
    }

    /// The client has shown that it is there.
    pub fn note_proven(&mut self, now: Millis, from: &PeerAddr) {
        self.note_known(now, self.hash.hash_one(from));
    }

    /// What the worker sends: an answer to a reset, which anybody gets, or to a client that has shown where it is.
    pub fn note_sent(&mut self, now: Millis, to: &PeerAddr, packet: &[u8]) {
        if wire::is_server_reset(packet) {
            return self.answered.set(self.hash.hash_one(to), now);
        }
        self.note_known(now, self.hash.hash_one(to));
    }

    /// Whether one more packet is handed to the shard that it belongs to. `is_peer`: because a connected client has its address. Who is
    /// flooded under its own name does not keep others from moving.
    pub fn may_move(&mut self, now: Millis, from: &PeerAddr, is_peer: bool) -> bool {
        let place = place_of(self.hash.hash_one(from));
        (!is_peer || self.known[place].share.take(now, KNOWN)) && self.moved.take(now, MOVED)
    }

    fn note_known(&mut self, now: Millis, address: u64) -> &mut Known {
        let place = place_of(address);
        self.tags[place] = tag_of(address);
        let known = &mut self.known[place];
        known.become_of(address, now);
        known
    }

    /// It counts as heard then, whether or not there is room for it.
    fn asks_again(&mut self, now: Millis, from: &PeerAddr, packet: &[u8]) -> bool {
        let session = packet.first_chunk::<{ wire::CONTROL_HEAD_LEN }>();
        let print = self.hash.hash_one((from, session));
        let age = self.asked.age(print, now);
        if age.is_none_or(|age| age >= ASKS_AGAIN_AFTER) {
            self.asked.set(print, now);
        }
        age.is_some_and(|age| (ASKS_AGAIN_AFTER..ASKS_AGAIN_WITHIN).contains(&age))
    }
}

fn place_of(address: u64) -> usize {
    address as usize % KNOWN_SLOTS
}

/// Other bits than those of the place.
fn tag_of(address: u64) -> u8 {
    (address >> 56) as u8
}

/// A client that has shown where it is, and its share.
#[derive(Clone, Copy)]
struct Known {
    /// 0: nobody.
    address: u64,
    at: Millis,
    share: Bucket,
}

impl Known {
    const NOBODY: Known = Known {
        address: 0,
        at: 0,
        share: Bucket::full(KNOWN),
    };

    /// The share is that of the place: who alternates with another one gets no more than one of them would.
    fn become_of(&mut self, address: u64, now: Millis) {
        self.address = address;
        self.at = now;
    }

    fn is(&self, address: u64, now: Millis) -> bool {
        self.address == address && address != 0 && now.saturating_sub(self.at) < KNOWN_FOR
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::test_sink::path;

    const SECOND: Millis = 1000;

    fn reset(session: u64) -> Vec<u8> {
        [&[7 << 3][..], &session.to_be_bytes(), &[0; 5]].concat()
    }

    fn stranger(n: u32) -> PeerAddr {
        let [_, b, c, d] = n.to_be_bytes();
        PeerAddr {
            listener: 0,
            addr: ([198, b, c, d], 5000).into(),
        }
    }

    /// A second of a flood of resets, none like another, from `first` on; how many went through.
    fn flood(gate: &mut ControlGate, second: Millis, count: u32) -> usize {
        let one = |n: u32| {
            let (at, n) = (
                second * SECOND + u64::from(n) * SECOND / u64::from(count),
                n + second as u32 * count,
            );
            gate.admits(at, &stranger(n), &reset(u64::from(n)), 0, || false)
        };
        (0..count).map(one).filter(|taken| *taken).count()
    }

    #[test]
    fn addresses_that_differ_little_have_places_of_their_own() {
        // Each has a seed of its own.
        for _ in 0..20 {
            let gate = ControlGate::new();
            let place = |address| gate.hash.hash_one(address) as usize % KNOWN_SLOTS;
            let by_port: HashSet<_> = (0..1000).map(|n| place(path(4000 + n))).collect();
            let by_host: HashSet<_> = (0..1000).map(|n| place(stranger(1 << 16 | n))).collect();
            // 941 are to be expected.
            for places in [by_port.len(), by_host.len()] {
                assert!(places > 900, "{places}");
            }
        }
    }

    #[test]
    fn a_flood_gets_its_share_and_no_more() {
        let mut gate = ControlGate::new();
        assert_eq!(flood(&mut gate, 10, 400), 400);
        for second in 11..14 {
            let taken = flood(&mut gate, second, 100_000);
            assert!((400..=1100).contains(&taken), "{taken}");
        }
    }

    #[test]
    fn of_what_is_refused_the_worker_sees_a_few() {
        let mut gate = ControlGate::new();
        let seen = |gate: &mut ControlGate, at, backlog| {
            let one = |_: &u32| gate.admits_refused(at, backlog);
            (0..5000).filter(one).count()
        };
        assert_eq!(seen(&mut gate, SECOND, STRANGERS_BACKLOG), 0);
        assert_eq!(seen(&mut gate, SECOND, 0), 500);
        assert_eq!(seen(&mut gate, 3 * SECOND, 0), 20);
        assert_eq!(seen(&mut gate, 300 * SECOND, 0), 500);
    }

    #[test]
    fn in_a_flood_resets_are_answered_when_they_come_again() {
        let mut gate = ControlGate::new();
        let flood = |gate: &mut ControlGate, second: Millis| {
            let one = |n: u32| {
                let at = second * SECOND + Millis::from(n) / 50;
                let n = second as u32 * 50_000 + n;
                gate.may_answer(at, &stranger(n), &reset(u64::from(n)))
            };
            (0..50_000).map(one).filter(|answered| *answered).count()
        };
        let ask = |gate: &mut ControlGate, at| {
            let one = |port| gate.may_answer(at, &path(port), &reset(77));
            (0..60).map(one).filter(|answered| *answered).count()
        };
        flood(&mut gate, 10);
        assert_eq!(ask(&mut gate, 11 * SECOND - 1), 0, "the first ones");
        for second in 11..13 {
            let answered = flood(&mut gate, second);
            assert!((4900..=5300).contains(&answered), "{answered}");
        }
        let answered = ask(&mut gate, 13 * SECOND - 1);
        assert!(answered >= 40, "{answered} of 60");
    }

    #[test]
    fn who_asks_again_is_heard_in_a_flood() {
        let mut gate = ControlGate::new();
        let ask = |gate: &mut ControlGate, at| {
            let one = |port| gate.admits(at, &path(port), &reset(77), 0, || false);
            (0..60).map(one).filter(|heard| *heard).count()
        };
        flood(&mut gate, 10, 100_000);
        assert_eq!(ask(&mut gate, 11 * SECOND - 1), 0, "the first ones");
        assert_eq!(ask(&mut gate, 11 * SECOND - 1), 0, "replays");
        flood(&mut gate, 11, 100_000);
        flood(&mut gate, 12, 100_000);
        // What is left of them is a matter of chance: 45 or so, and less than 30 once in ten thousand runs.
        let heard = ask(&mut gate, 13 * SECOND - 1);
        assert!(heard >= 30, "{heard} of 60");
    }

    #[test]
    fn who_was_answered_may_go_on_and_who_has_gone_on_is_known() {
        let mut gate = ControlGate::new();
        let control = [&[4 << 3][..], &[1; 20]].concat();
        let goes_on =
            |gate: &mut ControlGate, now| gate.admits(now, &path(1), &control, 0, || false);
        flood(&mut gate, 10, 100_000);
        assert!(!goes_on(&mut gate, 11 * SECOND - 1));
        gate.note_sent(11 * SECOND - 1, &path(1), &[8 << 3]);
        assert!(goes_on(&mut gate, 11 * SECOND - 1));
        flood(&mut gate, 11, 100_000);
        gate.note_sent(12 * SECOND - 1, &path(2), &[4 << 3]);
        assert!(gate.admits(12 * SECOND - 1, &path(2), &control, 0, || false));
        assert!(!gate.admits(12 * SECOND - 1, &path(3), &control, 0, || false));
    }

    #[test]
    fn a_known_address_has_a_share_too() {
        let mut gate = ControlGate::new();
        let one = |_: &u32| gate.admits(11 * SECOND, &path(1), &[4 << 3], 0, || true);
        assert_eq!((0..5000).filter(one).count(), 500);
    }

    #[test]
    fn a_worker_that_is_behind_gets_the_known_only() {
        let mut gate = ControlGate::new();
        let control = [4 << 3];
        gate.note_sent(SECOND, &path(1), &[4 << 3]);
        gate.note_sent(SECOND, &path(2), &[8 << 3]);
        let heard = |gate: &mut ControlGate, backlog| {
            [1, 2, 3].map(|port| gate.admits(SECOND, &path(port), &control, backlog, || false))
        };
        assert_eq!(heard(&mut gate, 0), [true, true, true]);
        assert_eq!(heard(&mut gate, STRANGERS_BACKLOG), [true, true, false]);
        assert_eq!(heard(&mut gate, BACKLOG), [true, false, false]);
    }

    fn connection(n: u32) -> PeerAddr {
        PeerAddr {
            listener: crate::peer_addr::STREAM_BIT,
            ..stranger(n)
        }
    }

    #[test]
    fn a_flood_of_datagrams_does_not_hold_connections_up() {
        let mut gate = ControlGate::new();
        flood(&mut gate, 10, 100_000);
        let from = connection(1);
        assert!(gate.admits(11 * SECOND - 1, &from, &reset(5), BACKLOG, || false));
    }

    #[test]
    fn a_connection_has_a_share_and_those_of_clients_go_before_others() {
        let mut gate = ControlGate::new();
        let one = |_: &u32| gate.admits(11 * SECOND, &connection(1), &[4 << 3], 0, || false);
        assert_eq!((0..5000).filter(one).count(), 500);
        let control = [4 << 3];
        assert!(!gate.admits(SECOND, &connection(2), &control, STREAMS_BACKLOG, || false));
        assert!(gate.admits(SECOND, &connection(3), &control, STREAMS_BACKLOG, || true));
    }

    #[test]
    fn who_meets_another_one_has_no_more_than_one_of_them() {
        let mut gate = ControlGate::new();
        let hash = &gate.hash;
        let place = |n| hash.hash_one(connection(n)) as usize % KNOWN_SLOTS;
        let other = (2..).find(|n| place(*n) == place(1)).expect("another one");
        let one = |n: &u32| {
            let from = connection(if n.is_multiple_of(2) { 1 } else { other });
            gate.admits(11 * SECOND, &from, &[4 << 3], 0, || true)
        };
        assert_eq!((0..5000).filter(one).count(), 500);
    }

    #[test]
    fn nobody_is_known_for_ever() {
        let mut gate = ControlGate::new();
        gate.note_sent(SECOND, &path(1), &[4 << 3]);
        flood(&mut gate, 200, 100_000);
        assert!(!gate.admits(201 * SECOND - 1, &path(1), &[4 << 3], 0, || false));
    }
}

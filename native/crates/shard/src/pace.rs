//! How long a data thread waits before it looks for packets again.
//!
//! A wake-up costs more than a packet, for whoever sends it and for whoever gets it. While packets come one by one and
//! fast, the thread therefore naps between turns: nobody has to wake it, and the next turn finds several of them, which
//! become one write to the TUN. It pays only if they do come meanwhile; two programs that take turns in talking would
//! just wait for each other, so naps that bring nothing are given up for a while.

use std::time::{Duration, Instant};

/// Longer than network cards wait before they interrupt, because a wake-up of a thread costs more than an interrupt; far
/// below what anybody notices.
pub const NAP: Duration = Duration::from_micros(300);
/// Turns further apart than this are no stream of packets.
const STREAM_GAP: Duration = Duration::from_micros(1000);
/// Turns of a stream before the first nap, and after naps were given up.
const TURNS_FIRST: u32 = 4;
const TURNS_AFTER_GIVING_UP: u32 = 64;
/// A nap brought nothing when no more packets than this came during it.
const FRUITLESS_PACKETS: usize = 2;
const FRUITLESS_NAPS: u32 = 8;
/// A turn this large gains nothing from waiting for more.
const LARGE_TURN: usize = 128;

/// A sleeper is 47 us away, so a thread that was busy just now looks around a little longer. An urgent one does not: it is
/// woken before all others, and those that it waits for could not run while it looks around.
const LOOK_AROUND: Duration = Duration::from_micros(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Look again at once.
    Look,
    /// Look again, but let others on this CPU go first.
    Yield,
    /// Look again after `NAP`; nobody needs to wake the thread meanwhile.
    Nap,
    /// Until something comes.
    Sleep,
}

/// What a turn has done.
#[derive(Clone, Copy, Default)]
pub struct Work {
    pub commands: bool,
    pub packets: usize,
    /// A source was left before it was empty.
    pub more: bool,
}

pub struct Pace {
    worked_at: Instant,
    /// Turns in a row that followed each other closely.
    turns: u32,
    turns_needed: u32,
    fruitless_naps: u32,
    napped: bool,
}

impl Pace {
    pub fn new(now: Instant) -> Pace {
        Pace {
            worked_at: now,
            turns: 0,
            turns_needed: TURNS_FIRST,
            fruitless_naps: 0,
            napped: false,
        }
    }

    /// After a turn.
    pub fn rest(&mut self, work: &Work, urgent: bool, now: Instant) -> Rest {
        let packets = work.packets;
        if packets == 0 && !work.commands {
            return self.rest_after_nothing(urgent, now);
        }
        self.judge_nap(packets);
        let gap = now.saturating_duration_since(self.worked_at);
        self.turns = if gap < STREAM_GAP {
            self.turns.saturating_add(1)
        } else {
            0
        };
        self.worked_at = now;
        self.napped =
            self.turns >= self.turns_needed && !work.more && (1..LARGE_TURN).contains(&packets);
        if self.napped { Rest::Nap } else { Rest::Look }
    }

    fn rest_after_nothing(&mut self, urgent: bool, now: Instant) -> Rest {
        self.judge_nap(0);
        if !urgent && now.saturating_duration_since(self.worked_at) < LOOK_AROUND {
            Rest::Yield
        } else {
            Rest::Sleep
        }
    }

    fn judge_nap(&mut self, packets: usize) {
        if !std::mem::take(&mut self.napped) {
            return;
        }
        if packets > FRUITLESS_PACKETS {
            self.fruitless_naps = 0;
            self.turns_needed = TURNS_FIRST;
            return;
        }
        self.fruitless_naps += 1;
        if self.fruitless_naps >= FRUITLESS_NAPS {
            self.fruitless_naps = 0;
            self.turns = 0;
            self.turns_needed = TURNS_AFTER_GIVING_UP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of so many packets, so far apart; how many of them ended in a nap.
    fn naps(pace: &mut Pace, clock: &mut Instant, turns: u32, gap_us: u64, packets: usize) -> u32 {
        let mut naps = 0;
        for _ in 0..turns {
            *clock += Duration::from_micros(gap_us);
            naps += u32::from(pace.rest(&turn_of(packets), false, *clock) == Rest::Nap);
        }
        naps
    }

    fn turn_of(packets: usize) -> Work {
        Work {
            packets,
            ..Work::default()
        }
    }

    #[test]
    fn nobody_naps_while_packets_wait() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        let work = Work {
            more: true,
            ..turn_of(16)
        };
        for _ in 0..100 {
            clock += Duration::from_micros(50);
            assert_eq!(pace.rest(&work, false, clock), Rest::Look);
        }
    }

    #[test]
    fn a_stream_of_small_turns_is_taken_in_naps() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        assert_eq!(naps(&mut pace, &mut clock, 100, 150, 5), 97);
    }

    #[test]
    fn slow_packets_are_never_kept_waiting() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        assert_eq!(naps(&mut pace, &mut clock, 100, 1200, 5), 0);
    }

    #[test]
    fn large_turns_go_on_at_once() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        assert_eq!(naps(&mut pace, &mut clock, 100, 150, 300), 0);
    }

    #[test]
    fn naps_that_bring_nothing_are_given_up_for_a_while_and_come_back_when_they_pay() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        // 8 naps, then 64 turns without one, and so on.
        let alone = naps(&mut pace, &mut clock, 720, 100, 1);
        assert!((72..=88).contains(&alone), "{alone} naps");
        assert!(naps(&mut pace, &mut clock, 200, 150, 5) > 130);
        assert_eq!(naps(&mut pace, &mut clock, 100, 150, 5), 100);
    }

    #[test]
    fn it_looks_around_before_it_sleeps_but_not_when_it_is_urgent() {
        let mut clock = Instant::now();
        let mut pace = Pace::new(clock);
        pace.rest(&turn_of(1), false, clock);
        clock += Duration::from_micros(20);
        assert_eq!(pace.rest(&turn_of(0), false, clock), Rest::Yield);
        assert_eq!(pace.rest(&turn_of(0), true, clock), Rest::Sleep);
        clock += Duration::from_micros(20);
        assert_eq!(pace.rest(&turn_of(0), false, clock), Rest::Sleep);
    }
}

//! The place of the calling thread among the others that want its CPU.

use std::mem::zeroed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::last_errno;

/// The lowest real-time priority: before every ordinary thread, behind everything that was made real-time on purpose.
const URGENT: i32 = 1;

/// Whether the administrator left the choice to this thread: no policy of theirs, and no `nice` that puts it behind others.
pub fn is_ordinary() -> bool {
    policy() == libc::SCHED_OTHER && niceness() <= 0
}

/// Goes before all ordinary threads, or back among them; the errno when that is not permitted. Nothing of it is passed on
/// to programs that the process starts: neither the priority, nor, but for the moment of the call, the limit.
pub fn set_urgent(urgent: bool) -> Result<(), i32> {
    if !urgent {
        return set_policy(libc::SCHED_OTHER, 0);
    }
    match set_policy(libc::SCHED_RR, URGENT) {
        Err(libc::EPERM) => with_limit(|| set_policy(libc::SCHED_RR, URGENT)),
        result => result,
    }
}

fn set_policy(policy: i32, priority: i32) -> Result<(), i32> {
    let parameter = libc::sched_param {
        sched_priority: priority,
    };
    // Only who may do anything may take that flag back, so ordinary threads keep it.
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: sched_setscheduler reads one sched_param; 0 is the calling thread.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            policy,
            std::ptr::from_ref(&parameter),
        )
    };
    if rc == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Lets threads of this process become urgent after it has given up its rights, as far as it has the right to allow that.
pub fn permit_urgent_later() {
    let limit = limit();
    if limit.rlim_max < WANTED {
        set_limit(libc::rlimit {
            rlim_max: WANTED,
            ..limit
        });
    }
}

/// Makes the call with as much of the limit as is needed. The limit is the process's, and so is the lock.
fn with_limit(call: impl FnOnce() -> Result<(), i32>) -> Result<(), i32> {
    static LIMIT: Mutex<()> = Mutex::new(());
    let _held = LIMIT.lock().unwrap_or_else(PoisonError::into_inner);
    let before = limit();
    if before.rlim_cur >= WANTED || before.rlim_max < WANTED {
        return call();
    }
    set_limit(libc::rlimit {
        rlim_cur: WANTED,
        ..before
    });
    let result = call();
    set_limit(before);
    result
}

const WANTED: libc::rlim_t = URGENT as libc::rlim_t;

fn limit() -> libc::rlimit {
    // SAFETY: integers, for which all zero bits are valid.
    let mut limit: libc::rlimit = unsafe { zeroed() };
    // SAFETY: getrlimit fills one rlimit; a refusal leaves zeroes, the limit of who may do nothing.
    unsafe { libc::getrlimit(libc::RLIMIT_RTPRIO, &mut limit) };
    limit
}

/// Without the right to, nothing changes.
fn set_limit(limit: libc::rlimit) {
    // SAFETY: setrlimit reads one rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_RTPRIO, &limit) };
}

/// CPU time of the calling thread since it started.
pub fn cpu_time() -> Duration {
    // SAFETY: integers, for which all zero bits are valid.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: clock_gettime fills one timespec; the clock of the calling thread always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn policy() -> i32 {
    // SAFETY: sched_getscheduler takes a plain integer; 0 is the calling thread.
    let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
    policy as i32 & !libc::SCHED_RESET_ON_FORK
}

fn niceness() -> i32 {
    // SAFETY: getpriority takes plain integers; 0 is the calling thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    #[test]
    fn a_thread_becomes_urgent_and_ordinary_again() {
        assert!(is_ordinary());
        if let Err(errno) = set_urgent(true) {
            eprintln!("skipped: no right to a real-time priority (errno {errno})");
            return;
        }
        assert_eq!(policy(), libc::SCHED_RR);
        assert!(!is_ordinary());
        set_urgent(false).expect("ordinary");
        assert!(is_ordinary());
    }

    /// In a thread of its own, which gives up its rights as after `user`.
    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    #[test]
    fn programs_that_are_started_inherit_nothing() {
        let thread = std::thread::spawn(|| {
            permit_urgent_later();
            if limit().rlim_max < WANTED || crate::capabilities::keep_only_net_admin().is_err() {
                eprintln!("skipped: no right to raise the limit");
                return;
            }
            assert_eq!(
                limit().rlim_cur,
                0,
                "this test was started with a limit of its own"
            );
            set_urgent(true).expect("urgent by the limit");
            assert_eq!((policy(), limit().rlim_cur), (libc::SCHED_RR, 0));
            let child = std::process::Command::new("cat")
                .args(["/proc/self/stat", "/proc/self/limits"])
                .output()
                .expect("cat");
            let text = String::from_utf8(child.stdout).expect("text");
            let (stat, limits) = text.split_once('\n').expect("two files");
            let policy_of_child = stat.split(' ').nth(40).expect("field 41");
            assert_eq!(policy_of_child, "0", "{stat}");
            let line = limits
                .lines()
                .find(|line| line.contains("realtime priority"));
            let words: Vec<_> = line.expect("a limit").split_whitespace().collect();
            assert_eq!(words[3], "0", "{words:?}");
            set_urgent(false).expect("ordinary again");
            set_urgent(true).expect("urgent again");
        });
        thread.join().expect("the thread");
    }

    #[test]
    fn a_thread_that_was_put_behind_others_is_not_ordinary() {
        // SAFETY: setpriority takes plain integers; the thread of this test ends after it.
        assert_eq!(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) }, 0);
        assert!(!is_ordinary());
    }

    #[test]
    fn cpu_time_counts_work() {
        let (before, began) = (cpu_time(), Instant::now());
        while cpu_time() - before < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(20));
        // The sleep does not count, whatever the rest has cost.
        let worked = cpu_time() - before;
        assert!(worked + Duration::from_millis(15) < began.elapsed());
    }
}

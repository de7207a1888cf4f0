//! The place of the calling thread among the others that want its CPU.

use std::mem::zeroed;
use std::time::Duration;

use crate::error::last_errno;

/// The lowest real-time priority: before every ordinary thread, behind everything that was made real-time on purpose.
const URGENT: i32 = 1;

/// Whether the administrator left the choice to this thread: no policy of theirs, and no `nice` that puts it behind others.
pub fn is_ordinary() -> bool {
    policy() == libc::SCHED_OTHER && niceness() <= 0
}

/// Goes before all ordinary threads, or back among them; the errno when that is not permitted.
pub fn set_urgent(urgent: bool) -> Result<(), i32> {
    let (policy, priority) = if urgent {
        (libc::SCHED_RR, URGENT)
    } else {
        (libc::SCHED_OTHER, 0)
    };
    let parameter = libc::sched_param {
        sched_priority: priority,
    };
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
    let wanted = URGENT as libc::rlim_t;
    // SAFETY: integers, for which all zero bits are valid.
    let mut limit: libc::rlimit = unsafe { zeroed() };
    // SAFETY: getrlimit fills one rlimit, setrlimit reads one.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_RTPRIO, &mut limit) == 0 && limit.rlim_cur < wanted {
            limit.rlim_cur = wanted;
            limit.rlim_max = limit.rlim_max.max(wanted);
            libc::setrlimit(libc::RLIMIT_RTPRIO, &limit);
        }
    }
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
    policy as i32
}

fn niceness() -> i32 {
    // SAFETY: getpriority takes plain integers; 0 is the calling thread.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_thread_that_was_put_behind_others_is_not_ordinary() {
        // SAFETY: setpriority takes plain integers; the thread of this test ends after it.
        assert_eq!(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) }, 0);
        assert!(!is_ordinary());
    }

    #[test]
    fn cpu_time_counts_work() {
        let before = cpu_time();
        while cpu_time() - before < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(20));
        assert!(cpu_time() - before < Duration::from_millis(20));
    }
}

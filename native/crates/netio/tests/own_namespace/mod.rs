use std::thread;

/// Runs `test` on a thread with a network namespace of its own; says so when that is not permitted.
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
pub fn in_own_namespace(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: unshare takes a plain integer and changes only this thread's namespace.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0 {
                test();
            } else {
                eprintln!("skipped: a network namespace needs root");
            }
        });
        thread.join().expect("the test inside the namespace");
    });
}

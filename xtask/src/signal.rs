//! Ctrl-C and SIGTERM: noted, so that the command can stop what it started before it ends.

use std::sync::atomic::{AtomicI32, Ordering};

static RECEIVED: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: libc::c_int) {
    RECEIVED.store(signal, Ordering::SeqCst);
}

/// From here on the first SIGINT, SIGTERM or SIGHUP is noted instead of ending the process.
#[expect(unsafe_code, reason = "std has no signal handlers; the handler only stores to an atomic")]
pub(crate) fn install() {
    let handler: extern "C" fn(libc::c_int) = note;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: `note` is async-signal-safe, and `signal` is one that may be handled.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

/// Whether a signal came: whoever waits for something gives up then.
pub(crate) fn interrupted() -> bool {
    RECEIVED.load(Ordering::SeqCst) != 0
}

/// Sends `signal` to a process, or to a whole process group if `pid` is negative.
#[expect(unsafe_code, reason = "std can only kill its own children, and only with SIGKILL")]
pub(crate) fn send(pid: i32, signal: libc::c_int) {
    // SAFETY: kill has no memory effects; the caller made sure whose pid this is.
    unsafe { libc::kill(pid, signal) };
}

/// Whether this process runs as root.
#[expect(unsafe_code, reason = "std does not tell the user id")]
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid always succeeds and touches nothing.
    unsafe { libc::geteuid() == 0 }
}

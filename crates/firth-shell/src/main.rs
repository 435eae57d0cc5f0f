//! The `firth` program.

use std::process::ExitCode;

/// Arrow's many small allocations, from many threads, are what this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long memory that was freed is kept for the next use before the system gets it back, in ms.
///
/// With the default of a second, a query's buffers are handed back between two queries and cleared by
/// the system when they are taken again: a fifth of the time of TPC-H over local files (ADR 30).
const MEMORY_IS_KEPT: std::ffi::c_long = 10_000;

/// mimalloc's `mi_option_purge_delay`, which its bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

#[expect(unsafe_code, reason = "mimalloc's options are set in C, before any thread is started")]
fn keep_memory() {
    // SAFETY: a number of the option's own type; not thread-safe, and there is one thread yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, MEMORY_IS_KEPT) }
}

fn main() -> ExitCode {
    keep_memory();
    firth_shell::run(std::env::args_os())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "mimalloc's options are read in C")]
    fn the_number_is_that_of_the_purge_delay() {
        // SAFETY: reads a number.
        let delay = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay, 1000, "mimalloc's own default; another number says another option");
    }
}

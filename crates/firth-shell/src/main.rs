//! The `firth` program.

use std::process::ExitCode;

/// Arrow's many small allocations, from many threads, are what this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    firth_shell::run(std::env::args_os())
}

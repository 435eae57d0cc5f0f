//! The firth program: shell, batch files, output formats.
//!
//! The command line is a contract: scripts depend on the flags (`cli`), on the exit codes (`exit`), on
//! how values are printed (`value`, `format`) and on the line that `--stats json` writes (`stats`).
//! Data goes to standard output, everything else to standard error.
//!
//! A run is: read the command line, read the scripts, then statement by statement through `runner`,
//! which writes the rows and reports what went wrong. The interactive shell (`shell`) feeds the same
//! runner.

mod batch;
mod cli;
mod config;
mod doctor;
mod execution;
mod exit;
mod format;
mod format_files;
mod home;
mod interrupt;
mod junit;
mod lint_files;
mod logging;
mod memory;
mod output;
mod panic;
mod parameter;
mod pending_file;
mod progress;
mod reporter;
mod runner;
mod screen;
mod script;
mod shell;
mod stats;
mod stdin;
mod traces;
mod verify;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

pub use exit::Exit;

/// Runs the program with these arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let exit = match cli::parse(&arguments) {
        Ok(cli::Asked::Run(request)) => batch::run(*request),
        Ok(cli::Asked::Answer(text)) => {
            // Whoever asks for help and closes the pipe has read enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Exit::Fine
        }
        Err(usage) => {
            let _ = std::io::stderr().write_all(usage.as_bytes());
            Exit::Usage
        }
    };
    exit.into()
}

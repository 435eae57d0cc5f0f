//! `cargo xtask …`: what a contributor runs, and what CI runs.
//!
//! It is compiled before everything else, so it depends on next to nothing: what needs a client of a
//! server (creating a bucket, a signed request) is a small program of `firth-testkit` that it starts.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod arguments;
mod bench;
mod command;
mod demo;
mod docs;
mod error;
mod package;
mod server;
mod servers;
mod signal;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use arguments::Arguments;
use error::Result;

struct Subcommand {
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    run: fn(Arguments) -> Result<()>,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "demo",
        usage: "demo [--release] [--bins DIR]",
        doc: "run queries/quickstart.sql over TPC-H data spread over six systems",
        run: demo::run,
    },
    Subcommand {
        name: "test",
        usage: "test [--fast]",
        doc: "everything that must hold before a change lands; --fast leaves out what needs a server",
        run: test::run,
    },
    Subcommand {
        name: "servers",
        usage: "servers up|down|status [NAMES…] [--state DIR] [--bins DIR]",
        doc: "start and stop the local servers that tests talk to",
        run: servers::run,
    },
    Subcommand {
        name: "bench",
        usage: "bench [SUITES…] [--scale N] [--repeats N] [--cold-repeats N] [--only CASES] [--engines NAMES] [--out DIR]\n        \
                [--baseline FILE [--threshold PERCENT]] [--data DIR] [--firth FILE] [--bins DIR] [--quick] [--running-servers] [--strict]\n  \
                bench micro [--bins DIR] [--quick]",
        doc: "measure Firth against other engines; the report says how",
        run: bench::run,
    },
    Subcommand {
        name: "package",
        usage: "package [--target TRIPLE] [--program FILE] [--out DIR] [--url URL]",
        doc: "build the release and pack it: .tar.gz, .deb, checksums; with --url, where they will lie, a Homebrew formula",
        run: package::run,
    },
    Subcommand {
        name: "docs",
        usage: "docs [--check]",
        doc: "write the generated pages under docs/reference; --check only compares",
        run: docs::run,
    },
    Subcommand {
        name: "tidy",
        usage: "tidy",
        doc: "check the layout, the dependencies and the text",
        run: tidy::run,
    },
];

fn main() -> ExitCode {
    signal::install();
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let Some(subcommand) = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) else {
        print_usage();
        return ExitCode::from(if matches!(name.as_str(), "help" | "--help" | "-h") { 0 } else { 2 });
    };
    match (subcommand.run)(Arguments::new(words.collect())) {
        Ok(()) if signal::interrupted() => ExitCode::from(130),
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(if signal::interrupted() { 130 } else { 1 })
        }
    }
}

fn print_usage() {
    eprintln!("usage: cargo xtask COMMAND\n");
    for subcommand in SUBCOMMANDS {
        eprintln!("  {}\n      {}", subcommand.usage, subcommand.doc);
    }
}

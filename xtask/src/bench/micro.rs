//! `cargo xtask bench micro`: instructions that small pieces of work take, counted by callgrind.
//!
//! Instructions are the same on a busy machine and an idle one, so that a change of a few percent is seen
//! that no clock would show. They are not time: what waits for memory counts as much as what does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::command::{self, run_quietly};
use crate::error::{Context, Result};
use crate::servers::fresh_state;
use crate::workspace;

/// The name on the command line and of nothing else: it is no suite of the harness.
pub(super) const NAME: &str = "micro";

const PROGRAM: &str = "firth-micro";

/// How often each piece of work is done, first and then again. The difference holds neither the start of
/// the program nor what the first time costs alone.
const TIMES: (u64, u64) = (2, 6);

/// Prints what each piece of work takes.
pub(super) fn run(mut arguments: Arguments) -> Result<()> {
    let programs = arguments.take_value("--bins")?.map(PathBuf::from);
    let profile = if arguments.take_flag("--quick") { "quick" } else { "release" };
    arguments.finish()?;
    let valgrind = command::find("valgrind")
        .ok_or("valgrind is not installed; it counts the instructions (Debian: apt-get install valgrind)")?;
    let programs = programs.map_or_else(|| build(profile), Ok)?;
    let program = programs.join(PROGRAM);
    let folder = fresh_state("bench-micro");
    fs::create_dir_all(&folder).context(folder.display())?;
    let counted = print(&valgrind, &program, &folder.join("counts"));
    let _ = fs::remove_dir_all(&folder);
    counted
}

fn build(profile: &str) -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--profile", profile, "--bins", "--package", PROGRAM]);
    // With the packages that the other suites build: alone it would have its dependencies compiled anew.
    cargo.args(["--package", "firth-shell", "--package", "firth-benches", "--package", "firth-testkit"]);
    command::run(&mut cargo)?;
    Ok(workspace::target().join(profile))
}

fn print(valgrind: &Path, program: &Path, counts: &Path) -> Result<()> {
    let pieces = run_quietly(&mut Command::new(program))?;
    println!("| work | of | instructions |\n| --- | --- | --- |");
    for (name, of) in pieces.lines().filter_map(|line| line.split_once('\t')) {
        let count = |times: u64| {
            let mut command = Command::new(valgrind);
            command.args(["--quiet", "--tool=callgrind"]);
            command.arg(format!("--callgrind-out-file={}", counts.display()));
            run_quietly(command.arg(program).args([name, &times.to_string()]))?;
            instructions(&fs::read_to_string(counts).context(counts.display())?)
        };
        let difference = count(TIMES.1)?.saturating_sub(count(TIMES.0)?);
        println!("| {name} | {of} | {} |", difference / (TIMES.1 - TIMES.0));
    }
    Ok(())
}

/// The sum in what callgrind has written.
fn instructions(text: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("summary:"));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    count.ok_or_else(|| "callgrind has written no sum".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_among_other_lines() {
        assert_eq!(instructions("events: Ir\nsummary: 1234\n\nfn=(1) main\n").unwrap(), 1234);
        assert!(instructions("events: Ir\nfn=(1) main\n1 2\n").is_err());
    }
}

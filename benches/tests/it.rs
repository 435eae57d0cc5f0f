//! The harness from outside. (That there is a test from outside also makes `cargo test` build the
//! program, which `cargo xtask test` runs.)

use std::process::{Command, Output};

fn harness(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firth-benches")).args(arguments).output().expect("started")
}

#[test]
fn a_suite_names_the_servers_it_needs() {
    let needed = |suites: &str| {
        let output = harness(&["needs", suites]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(needed("tpch-local").is_empty());
    assert_eq!(needed("postgres"), ["postgres"]);
    assert_eq!(needed("tpch-s3"), ["s3"]);
}

#[test]
fn what_cannot_be_understood_is_said_before_anything_is_made() {
    for (arguments, expected) in [
        (&["--suites", "tpch-moon"][..], "tpch-moon"),
        (&["--speed", "9"], "unknown argument \"--speed\""),
        (&["--scale"], "--scale needs a value"),
        (&["--suites", "postgres"], "give --suites and at least one --engine"),
    ] {
        let output = harness(arguments);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {error}");
    }
}

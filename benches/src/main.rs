//! The benchmark harness: the same work given to several engines in turn, and what it cost each.
//!
//! `cargo xtask bench` builds the programs, starts the servers, installs the other engines and then
//! runs this. A *suite* is a placement of TPC-H's tables and a list of *cases*; an *engine* is a program
//! kept open at the other end of a pipe. Before a case is timed its rows are written by every engine and
//! compared: an engine that answers differently has no times. Then the engines take turns, so that
//! whatever else the machine does meets all of them.
//!
//! What is measured is in `measure`, how it is read from the operating system in `process`, what is made
//! of it in `report`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod arguments;
mod case;
mod clients;
mod compare;
mod csv;
mod data;
mod engine;
mod figures;
mod machine;
mod measure;
mod place;
mod process;
mod report;
mod suite;

use std::{fs, process::ExitCode};

use arguments::Arguments;
use engine::EngineSpec;
use place::At;
use report::Report;

/// The result of a step: one line for a person if it failed.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, suites] = words.as_slice()
        && word == "needs"
    {
        return needs(suites);
    }
    match Arguments::parse(words.into_iter()).and_then(|arguments| run(&arguments)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let servers = firth_testkit::servers::Servers::from_env();
    let data = data::Data::make(&arguments.data, arguments.scale, &arguments.suites, &servers)?;
    let engines = arguments.engines.iter().map(EngineSpec::open).collect::<Result<Vec<_>>>()?;
    let mut report = Report::begin(arguments, &engines);
    fs::create_dir_all(&arguments.out).map_err(|error| format!("{}: {error}", arguments.out.display()))?;
    for suite in &arguments.suites {
        eprintln!("== {}: {}", suite.name, suite.doc);
        let measured = measure::suite(suite, &engines, &data, arguments)?;
        report.suites.push(measured);
        // After each suite, so that an interrupted run has told what it knew.
        report.write(&arguments.out)?;
    }
    println!("{}", arguments.out.join("report.md").display());
    if arguments.strict {
        report.every_case_has_times()?;
    }
    match &arguments.baseline {
        None => Ok(ExitCode::SUCCESS),
        Some(path) => report.compare(path, arguments.threshold),
    }
}

/// `needs SUITES`: the servers that must run for these suites, one a line.
fn needs(suites: &str) -> ExitCode {
    let suites = match arguments::suites(suites) {
        Ok(suites) => suites,
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::FAILURE;
        }
    };
    for (server, at) in [("s3", At::S3), ("postgres", At::Postgres)] {
        if suites.iter().any(|suite| suite.uses(at)) {
            println!("{server}");
        }
    }
    ExitCode::SUCCESS
}

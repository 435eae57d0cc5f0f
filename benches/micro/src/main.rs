//! Small pieces of work, each done a number of times: what `cargo xtask bench micro` counts the instructions of.
//!
//! Without arguments it lists them; `firth-micro NAME TIMES` does one. What once costs is the difference between two
//! numbers of times, divided by theirs: starting the program and reading the queries is in both.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

use std::{fs, hint::black_box, process::ExitCode};

use firth_sql::{Parameters, Query, Statement};

/// What is done each time.
type Work = fn(&Queries);

/// By name.
const WORK: &[(&str, Work)] = &[
    ("lex", |queries| queries.each_text(|text| drop(black_box(firth_sql::lex(text))))),
    ("parse", |queries| queries.each_text(|text| drop(black_box(firth_sql::parse(text))))),
    ("rewrite", |queries| {
        queries.each_query(|query| drop(black_box(firth_sql::rewrite(query, &queries.parameters))));
    }),
    ("format", |queries| queries.each_text(|text| drop(black_box(firth_sql::format(text))))),
];

/// The 22 queries of TPC-H.
struct Queries {
    texts: Vec<String>,
    parsed: Vec<Statement>,
    parameters: Parameters,
}

impl Queries {
    fn read() -> Result<Queries, String> {
        let mut queries =
            Queries { texts: Vec::new(), parsed: Vec::new(), parameters: Parameters::default() };
        for number in 1..=22 {
            let path = format!("{}/../../queries/tpch/q{number:02}.sql", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
            let parsed = firth_sql::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            queries.parsed.push(parsed);
            queries.texts.push(text);
        }
        Ok(queries)
    }

    fn each_text(&self, work: impl Fn(&str)) {
        self.texts.iter().for_each(|text| work(text));
    }

    fn each_query(&self, work: impl Fn(&Query)) {
        for statement in &self.parsed {
            if let Statement::Query(query) = statement {
                work(query);
            }
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        WORK.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let [name, times] = words else {
        return Err("give a name and a number of times, or nothing".to_string());
    };
    let work = WORK.iter().find(|(known, _)| known == name);
    let (_, work) = work.ok_or_else(|| format!("there is no work {name:?}"))?;
    let times: u32 = times.parse().map_err(|_| format!("{times:?} is no number"))?;
    let queries = Queries::read()?;
    (0..times).for_each(|_| work(&queries));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_of_work_is_that_of_an_error() {
        let queries = Queries::read().unwrap();
        assert!(queries.parsed.iter().all(|statement| matches!(statement, Statement::Query(_))));
        queries.each_text(|text| assert!(firth_sql::format(text).is_ok()));
        queries.each_query(|query| assert!(firth_sql::rewrite(query, &queries.parameters).is_ok()));
    }

    #[test]
    fn names_and_numbers_are_checked() {
        let run = |words: &[&str]| run(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        assert_eq!(run(&["lex", "2"]), Ok(()));
        assert_eq!(run(&["lexx", "2"]), Err("there is no work \"lexx\"".to_string()));
        assert_eq!(run(&["lex", "two"]), Err("\"two\" is no number".to_string()));
    }
}

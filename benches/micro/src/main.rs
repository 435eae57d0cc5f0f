//! Small pieces of work, each done a number of times: what `cargo xtask bench micro` counts the instructions of.
//!
//! Without arguments it lists them; `firth-micro NAME TIMES` does one. What once costs is the difference between two
//! numbers of times, divided by theirs: starting the program and making what the work is done on is in both.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

use std::{hint::black_box, process::ExitCode};

use self::{queries::Queries, rows::Rows};

mod queries;
mod rows;

/// What is done each time, on what was made before.
type Work = Box<dyn Fn()>;

/// A piece of work.
struct Piece {
    name: &'static str,
    /// What of, once.
    of: &'static str,
    prepare: fn() -> Result<Work, String>,
}

const TPCH: &str = "TPC-H's 22 queries";

const PIECES: &[Piece] = &[
    Piece { name: "lex", of: TPCH, prepare: || over_texts(|text| drop(black_box(firth_sql::lex(text)))) },
    Piece { name: "parse", of: TPCH, prepare: || over_texts(|text| drop(black_box(firth_sql::parse(text)))) },
    Piece {
        name: "rewrite",
        of: TPCH,
        prepare: || {
            let queries = Queries::read()?;
            Ok(Box::new(move || {
                queries.each_query(|query, given| drop(black_box(firth_sql::rewrite(query, given))));
            }))
        },
    },
    Piece {
        name: "format",
        of: TPCH,
        prepare: || over_texts(|text| drop(black_box(firth_sql::format(text)))),
    },
    Piece {
        name: "copy-decode",
        of: "1000 rows of lineitem's 16 columns",
        prepare: || over_rows(|rows| drop(black_box(rows.decode()))),
    },
    Piece {
        name: "copy-encode",
        of: "1000 rows of lineitem's 16 columns",
        prepare: || over_rows(|rows| drop(black_box(rows.encode()))),
    },
    Piece {
        name: "footer",
        of: "a Parquet file of 20 row groups and 16 columns",
        prepare: || over_rows(|rows| drop(black_box(rows.footer()))),
    },
];

fn over_texts(work: fn(&str)) -> Result<Work, String> {
    let queries = Queries::read()?;
    Ok(Box::new(move || queries.each_text(work)))
}

fn over_rows(work: fn(&Rows)) -> Result<Work, String> {
    let rows = Rows::make()?;
    Ok(Box::new(move || work(&rows)))
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        PIECES.iter().for_each(|piece| println!("{}\t{}", piece.name, piece.of));
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
    let piece = PIECES.iter().find(|piece| piece.name == name);
    let piece = piece.ok_or_else(|| format!("there is no work {name:?}"))?;
    let times: u32 = times.parse().map_err(|_| format!("{times:?} is no number"))?;
    let work = (piece.prepare)()?;
    (0..times).for_each(|_| work());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_checked() {
        let run = |words: &[&str]| run(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        for piece in PIECES {
            assert_eq!(run(&[piece.name, "2"]), Ok(()), "{}", piece.name);
        }
        assert_eq!(run(&["lexx", "2"]), Err("there is no work \"lexx\"".to_string()));
        assert_eq!(run(&["lex", "two"]), Err("\"two\" is no number".to_string()));
    }
}

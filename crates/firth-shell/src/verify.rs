//! `firth verify FILE…`: every query with pushdown and without it must give the same rows.
//!
//! Statements that answer no rows of sources run once, so that a file may set up what it asks. The two runs of
//! a query are two moments: rows that change in between are told as a difference.

use std::cmp::Ordering;

use arrow::datatypes::DataType;
use firth_connector::Canceller;
use firth_diagnostic::{Code, Diagnostic, Result, Span};
use firth_engine::{Session, value::Values};
use firth_sql::{Statement, TokenKind};
use futures::StreamExt as _;

use crate::{
    Exit,
    cli::Request,
    interrupt::{Interrupt, Listen},
    reporter::Reporter,
    runner::session,
    script::Script,
};

/// How far apart two FLOAT64 may be, in relation to their size: sums are added up in another order.
const TOLERANCE: f64 = 1e-12;

/// Verifies the scripts one after the other, up to the first difference or failure.
pub(crate) async fn run(request: &Request, reporter: Reporter, scripts: &[Script]) -> Exit {
    let mut interrupt = match Interrupt::listen(Listen::Batch) {
        Ok(interrupt) => interrupt,
        Err(error) => {
            reporter.error(&crate::batch::no_runtime(&error), None);
            return Exit::Failed;
        }
    };
    let session = session(request);
    let exit = tokio::select! {
        biased;
        () = interrupt.wait() => Exit::Interrupted,
        exit = verify(request, &session, reporter, scripts) => exit,
    };
    drop(session);
    Canceller::drained().await;
    exit
}

async fn verify(request: &Request, session: &Session, reporter: Reporter, scripts: &[Script]) -> Exit {
    let mut exit = Exit::Fine;
    for script in scripts {
        for span in script.statements() {
            match statement(session, &script.text[span.start..span.end]).await {
                Ok(None) => {}
                Ok(Some(note)) => {
                    let line = script.text[..span.start].matches('\n').count() + 1;
                    reporter.note(&format!("{}:{line}: {note}", script.name));
                }
                Err(error) => {
                    let error = error.or_at(Span::new(0, 1)).shifted(span.start);
                    reporter.error(&error, Some(script.source()));
                    if !request.continue_on_error {
                        return Exit::Failed;
                    }
                    exit = Exit::Failed;
                }
            }
        }
    }
    exit
}

/// Verifies a query, or runs another statement once.
async fn statement(session: &Session, text: &str) -> Result<Option<String>> {
    let parsed = firth_sql::parse(text)?;
    if !matches!(parsed, Statement::Query(_)) {
        answer(session, &parsed).await?;
        return Ok(None);
    }
    let asked = session.settings().text("pushdown").to_owned();
    let with = if asked == "off" { "on" } else { &asked };
    session.change_settings(|settings| settings.set("pushdown", with))?;
    let pushed = answer(session, &parsed).await;
    session.change_settings(|settings| settings.set("pushdown", "off"))?;
    let local = answer(session, &parsed).await;
    session.change_settings(|settings| settings.set("pushdown", &asked))?;
    let (pushed, local) = match (pushed, local) {
        (Ok(pushed), Ok(local)) => (pushed, local),
        (Err(error), Err(_)) => return Err(error),
        (Err(error), Ok(_)) => return Err(differs("fails with pushdown only", error.to_string())),
        (Ok(_), Err(error)) => return Err(differs("fails without pushdown only", error.to_string())),
    };
    if let Some(difference) = difference(&pushed, &local) {
        // A limit may take other rows of the same right ones, unless ORDER BY decides every row.
        let limited = firth_sql::lex(text).into_iter().any(|token| {
            token.kind == TokenKind::Word
                && text[token.span.start..token.span.end].eq_ignore_ascii_case("LIMIT")
        });
        if limited && pushed.rows.len() == local.rows.len() {
            return Ok(Some(format!(
                "{} rows, other ones, which LIMIT may allow: {difference}",
                local.rows.len()
            )));
        }
        return Err(differs("gives other rows with pushdown", difference));
    }
    Ok(Some(format!("{} rows, the same with and without pushdown", local.rows.len())))
}

fn differs(how: &str, detail: String) -> Diagnostic {
    Diagnostic::error(Code::Internal, format!("the query {how}"))
        .detail(detail)
        .hint("SET pushdown = 'off' gives the right rows; EXPLAIN (PUSHDOWN) shows what is sent.")
}

/// The rows of a statement, as texts. `None` is NULL.
struct Answer {
    /// Which columns are FLOAT64.
    floats: Vec<bool>,
    rows: Vec<Vec<Option<String>>>,
}

async fn answer(session: &Session, statement: &Statement) -> Result<Answer> {
    let remotes = session.remotes();
    let Some(mut answered) = session.execute(statement, &remotes).await?.rows else {
        return Ok(Answer { floats: Vec::new(), rows: Vec::new() });
    };
    let fields = answered.schema.fields().clone();
    let mut rows = Vec::new();
    while let Some(batch) = answered.stream.next().await {
        let batch = batch.map_err(firth_engine::diagnostic)?;
        let columns = fields
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| Values::try_new(field, column))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| Diagnostic::internal(format!("a value has no text: {error}")))?;
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.text(row)).collect()));
    }
    let floats = fields.iter().map(|field| *field.data_type() == DataType::Float64).collect();
    Ok(Answer { floats, rows })
}

/// The first row that one has and the other has not, in no order.
fn difference(pushed: &Answer, local: &Answer) -> Option<String> {
    let sorted = |answer: &Answer| {
        let mut rows = answer.rows.clone();
        rows.sort_by(|one, other| order(&answer.floats, one, other));
        rows
    };
    let (pushed_rows, local_rows) = (sorted(pushed), sorted(local));
    let row = |row: &[Option<String>]| {
        row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
    };
    for (one, other) in pushed_rows.iter().zip(&local_rows) {
        let equal = one.len() == other.len()
            && one.iter().zip(other).zip(&local.floats).all(|((one, other), float)| {
                one == other || *float && close(one.as_deref(), other.as_deref())
            });
        if !equal {
            return Some(format!("with pushdown ({}), without ({})", row(one), row(other)));
        }
    }
    match pushed_rows.len().cmp(&local_rows.len()) {
        Ordering::Equal => None,
        Ordering::Less => {
            Some(format!("without pushdown there is also ({})", row(&local_rows[pushed_rows.len()])))
        }
        Ordering::Greater => {
            Some(format!("with pushdown there is also ({})", row(&pushed_rows[local_rows.len()])))
        }
    }
}

/// Exact values first, so that two sums that differ in their last digit stay at the same place.
fn order(floats: &[bool], one: &[Option<String>], other: &[Option<String>]) -> Ordering {
    let exact = |row: &[Option<String>]| -> Vec<Option<String>> {
        row.iter().zip(floats).filter(|(_, float)| !**float).map(|(value, _)| value.clone()).collect()
    };
    let number = |row: &[Option<String>]| -> Vec<f64> {
        let float = |value: &Option<String>| value.as_deref().and_then(|text| text.parse().ok());
        let floats = row.iter().zip(floats).filter(|(_, float)| **float);
        floats.map(|(value, _)| float(value).unwrap_or(f64::NEG_INFINITY)).collect()
    };
    let numbers = || {
        let (one, other) = (number(one), number(other));
        let unequal = one.iter().zip(&other).map(|(one, other)| one.total_cmp(other));
        unequal.into_iter().find(|ordering| *ordering != Ordering::Equal).unwrap_or(Ordering::Equal)
    };
    exact(one).cmp(&exact(other)).then_with(numbers)
}

fn close(one: Option<&str>, other: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    match (number(one), number(other)) {
        (Some(one), Some(other)) => {
            one == other
                || one.is_nan() && other.is_nan()
                || (one - other).abs() <= TOLERANCE * one.abs().max(other.abs())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(floats: &[bool], rows: &[&[&str]]) -> Answer {
        let value = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
        let rows = rows.iter().map(|row| row.iter().map(value).collect()).collect();
        Answer { floats: floats.to_vec(), rows }
    }

    #[test]
    fn rows_are_compared_as_bags() {
        let exact = |rows: &[&[&str]]| answer(&[false, false], rows);
        let same = difference(&exact(&[&["1", "a"], &["2", "NULL"]]), &exact(&[&["2", "NULL"], &["1", "a"]]));
        assert_eq!(same, None);
        let twice = difference(&exact(&[&["1", "a"]]), &exact(&[&["1", "a"], &["1", "a"]]));
        assert_eq!(twice.as_deref(), Some("without pushdown there is also (1, a)"));
        let other = difference(&exact(&[&["1", "a"]]), &exact(&[&["1", "NULL"]]));
        assert_eq!(other.as_deref(), Some("with pushdown (1, a), without (1, NULL)"));
    }

    #[test]
    fn the_last_digits_of_floats_do_not_count() {
        let float = |text: &str| answer(&[true], &[&[text]]);
        assert_eq!(difference(&float("0.30000000000000004"), &float("0.3")), None);
        assert_eq!(difference(&float("NaN"), &float("NaN")), None);
        assert!(difference(&float("0.3000001"), &float("0.3")).is_some());
        assert!(difference(&float("NULL"), &float("0")).is_some());
    }
}

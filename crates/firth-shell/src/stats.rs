//! `--stats json`: one line of figures for each statement.

use std::time::Duration;

use firth_connector::{SourceReport, StatementId};
use firth_diagnostic::Code;
use firth_engine::{Exported, RejectedReport, RejectedRow};
use serde::Serialize;

/// What one statement did.
pub(crate) struct StatementStats {
    /// Which of the run, from one.
    pub(crate) statement: u64,
    /// What sources know it by.
    pub(crate) id: StatementId,
    /// BigQuery's statementType; `None` if the text is no statement.
    pub(crate) kind: Option<&'static str>,
    /// Rows written.
    pub(crate) rows: u64,
    /// From parsing to the last byte written.
    pub(crate) elapsed: Duration,
    /// What was asked of each source.
    pub(crate) sources: Vec<SourceReport>,
    /// What was exported.
    pub(crate) exported: Option<Exported>,
    /// The rows of files that were left out, if any may be.
    pub(crate) rejected: Option<RejectedReport>,
    /// Why it failed.
    pub(crate) error: Option<Code>,
}

/// The line, in the order in which it is documented.
#[derive(Serialize)]
struct Line<'a> {
    statement: u64,
    statement_id: String,
    kind: Option<&'static str>,
    rows: u64,
    elapsed_ms: f64,
    bytes_read: u64,
    cache_bytes: u64,
    peak_memory_bytes: Option<u64>,
    sources: Vec<SourceLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exported: Option<ExportedLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<RejectedLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

#[derive(Serialize)]
struct ExportedLine {
    files: u64,
    rows: u64,
    bytes: u64,
    requests: u64,
}

#[derive(Serialize)]
struct RejectedLine<'a> {
    rows: u64,
    first: Vec<RejectedRowLine<'a>>,
}

#[derive(Serialize)]
struct RejectedRowLine<'a> {
    file: &'a str,
    line: Option<u64>,
    column: Option<&'a str>,
    reason: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct SourceLine<'a> {
    connection: Option<&'a str>,
    kind: &'a str,
    remote_sql: &'a [String],
    rows: u64,
    bytes: u64,
    requests: u64,
    lists: u64,
    elapsed_ms: f64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

impl StatementStats {
    /// The line, without its end.
    pub(crate) fn json(&self, peak_memory_bytes: Option<u64>) -> String {
        let sources = self.sources.iter().map(|source| SourceLine {
            connection: source.connection.as_deref(),
            kind: &source.kind,
            remote_sql: &source.remote_sql,
            rows: source.rows,
            bytes: source.bytes,
            requests: source.requests,
            lists: source.lists,
            elapsed_ms: rounded(source.elapsed_ms),
            notes: &source.notes,
        });
        let line = Line {
            statement: self.statement,
            statement_id: self.id.to_string(),
            kind: self.kind,
            rows: self.rows,
            elapsed_ms: rounded(self.elapsed.as_secs_f64() * 1e3),
            bytes_read: self.sources.iter().map(|source| source.bytes).sum(),
            cache_bytes: self.sources.iter().map(|source| source.cache_bytes).sum(),
            peak_memory_bytes,
            sources: sources.collect(),
            exported: self.exported.map(|Exported { files, rows, bytes, requests }| ExportedLine {
                files,
                rows,
                bytes,
                requests,
            }),
            rejected: self.rejected.as_ref().map(|rejected| RejectedLine {
                rows: rejected.count,
                first: rejected.first.iter().map(rejected_row).collect(),
            }),
            error: self.error.map(Code::word),
        };
        serde_json::to_string(&line).expect("texts and finite numbers are JSON")
    }

    /// The figures for a person.
    pub(crate) fn summary(&self) -> String {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let mut text = format!(
            "statement {}: {}, {} row{} in {:.3} s",
            self.statement,
            self.kind.unwrap_or("not understood"),
            self.rows,
            plural(self.rows),
            self.elapsed.as_secs_f64()
        );
        if let Some(rejected) = &self.rejected {
            text.push_str(&format!("; {} row{} left out", rejected.count, plural(rejected.count)));
        }
        for source in &self.sources {
            text.push_str(&format!(
                "\n  {} ({}): {} row{}, {} byte{}, {} request{}",
                source.connection.as_deref().unwrap_or("local files"),
                source.kind,
                source.rows,
                plural(source.rows),
                source.bytes,
                plural(source.bytes),
                source.requests,
                plural(source.requests)
            ));
            for line in source.remote_sql.iter().chain(&source.notes) {
                text.push_str(&format!("\n    {line}"));
            }
        }
        text
    }
}

fn rejected_row(row: &RejectedRow) -> RejectedRowLine<'_> {
    RejectedRowLine {
        file: &row.file,
        line: row.line,
        column: row.column.as_deref(),
        reason: &row.reason,
        text: &row.text,
    }
}

/// Microseconds are fine enough, and short to read.
fn rounded(millis: f64) -> f64 {
    (millis * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn stats(error: Option<Code>) -> StatementStats {
        StatementStats {
            statement: 1,
            id: StatementId::random(),
            kind: Some("SELECT"),
            rows: 3,
            elapsed: Duration::from_nanos(12_345_678),
            sources: vec![
                SourceReport { kind: "LOCAL".into(), bytes: 7, requests: 1, ..SourceReport::default() },
                SourceReport {
                    connection: Some("us.shop".into()),
                    kind: "POSTGRES".into(),
                    remote_sql: vec!["SELECT \"id\" FROM t".into()],
                    rows: 3,
                    bytes: 40,
                    cache_bytes: 5,
                    requests: 2,
                    lists: 0,
                    notes: vec!["read by one backend".into()],
                    elapsed_ms: 1.5,
                    ..SourceReport::default()
                },
            ],
            exported: None,
            rejected: None,
            error,
        }
    }

    #[test]
    fn the_line_has_the_documented_keys_in_order() {
        let stats = stats(None);
        let line = stats.json(Some(1024)).replace(&stats.id.to_string(), "ID");
        assert_snapshot!(line, @r#"{"statement":1,"statement_id":"ID","kind":"SELECT","rows":3,"elapsed_ms":12.346,"bytes_read":47,"cache_bytes":5,"peak_memory_bytes":1024,"sources":[{"connection":null,"kind":"LOCAL","remote_sql":[],"rows":0,"bytes":7,"requests":1,"lists":0,"elapsed_ms":0.0},{"connection":"us.shop","kind":"POSTGRES","remote_sql":["SELECT \"id\" FROM t"],"rows":3,"bytes":40,"requests":2,"lists":0,"elapsed_ms":1.5,"notes":["read by one backend"]}]}"#);
    }

    #[test]
    fn an_export_says_what_it_wrote() {
        let exported = Some(Exported { files: 2, rows: 5, bytes: 70, requests: 9 });
        let line = StatementStats { exported, ..stats(None) }.json(None);
        assert!(line.ends_with(r#","exported":{"files":2,"rows":5,"bytes":70,"requests":9}}"#), "{line}");
    }

    #[test]
    fn rows_that_were_left_out_are_told_with_their_reasons() {
        let row = RejectedRow {
            file: "file:///a.csv".into(),
            line: Some(3),
            column: Some("a".into()),
            reason: "column \"a\" is INT64, and \"x\" is not".into(),
            text: "x,1".into(),
        };
        let rejected = Some(RejectedReport { count: 1, first: vec![row] });
        let stats = StatementStats { rejected, ..stats(None) };
        let line = stats.json(None);
        let told = r#","rejected":{"rows":1,"first":[{"file":"file:///a.csv","line":3,"column":"a","reason":"column \"a\" is INT64, and \"x\" is not","text":"x,1"}]}}"#;
        assert!(line.ends_with(told), "{line}");
        assert!(stats.summary().starts_with("statement 1: SELECT, 3 rows in 0.012 s; 1 row left out\n"));
    }

    #[test]
    fn a_failed_statement_names_the_code() {
        assert!(stats(Some(Code::NotFound)).json(None).ends_with(r#","error":"not_found"}"#));
    }

    #[test]
    fn the_summary_shows_what_was_sent() {
        assert_snapshot!(stats(None).summary(), @r#"
        statement 1: SELECT, 3 rows in 0.012 s
          local files (LOCAL): 0 rows, 7 bytes, 1 request
          us.shop (POSTGRES): 3 rows, 40 bytes, 2 requests
            SELECT "id" FROM t
            read by one backend
        "#);
    }
}

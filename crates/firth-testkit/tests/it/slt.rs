//! The slt runner, over an executor that knows four statements.

use std::fs;

use async_trait::async_trait;
use firth_testkit::slt::{Answer, ColumnType, Executor, Suite};
use futures::FutureExt;

/// `echo A B|C D` answers rows, `do` nothing, anything else is an error.
struct Echo;

#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error[syntax]: no statement begins so: {}", self.0)
    }
}

impl std::error::Error for Refused {}

#[async_trait]
impl Executor for Echo {
    type Error = Refused;

    async fn run(&mut self, sql: &str) -> Result<Answer, Refused> {
        if sql == "do" {
            return Ok(Answer::Done(1));
        }
        let Some(text) = sql.strip_prefix("echo ") else { return Err(Refused(sql.to_string())) };
        let value = |word: &str| word.replace('_', "").replace('/', "\n");
        let rows: Vec<Vec<String>> = text.split('|').map(|row| row.split(' ').map(value).collect()).collect();
        Ok(Answer::Rows { types: vec![ColumnType::Text; rows[0].len()], rows })
    }
}

/// What the runner says to one file of that text, or to two with `second`; empty if it is content.
async fn outcome(files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.slt")), text).unwrap();
    }
    let suite = Suite::below(folder.path()).with_variable("WORD", "hello");
    let run = std::panic::AssertUnwindSafe(suite.run(2, |_| async { Ok(Echo) }));
    let Err(panic) = run.catch_unwind().await else { return String::new() };
    let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    message.replace(&folder.path().display().to_string(), "FOLDER")
}

#[tokio::test]
async fn a_file_that_holds_is_quiet() {
    let text = "\
statement ok
do

query TT
echo ${WORD} _|b c/d
----
hello (empty)
b c\\nd

query T rowsort
echo b|a
----
a
b

statement error error\\[syntax\\].*: halt
halt
";
    assert_eq!(outcome(&[text]).await, "");
}

#[tokio::test]
async fn every_failing_file_is_named() {
    let wrong = "query T\necho a\n----\nb\n";
    let message = outcome(&[wrong, "statement ok\ndo\n", wrong]).await;
    assert!(message.starts_with("2 of 3 files failed"), "{message}");
    assert!(message.contains("at FOLDER/0.slt:1"), "{message}");
    assert!(message.contains("at FOLDER/2.slt:1"), "{message}");
}

#[tokio::test]
async fn the_number_and_types_of_columns_count() {
    assert!(outcome(&["query T\necho a b\n----\na b\n"]).await.contains("columns"));
    assert!(outcome(&["query I\necho 1\n----\n1\n"]).await.contains("columns"));
    assert_eq!(outcome(&["query ?\necho 1\n----\n1\n"]).await, "");
}

#[tokio::test]
async fn an_error_must_match_its_pattern() {
    assert!(outcome(&["statement error not_found\nhalt\n"]).await.contains("error[syntax]"));
    assert!(outcome(&["statement ok\nhalt\n"]).await.contains("error[syntax]"));
    assert!(outcome(&["statement error\ndo\n"]).await.contains("0.slt:1"));
}

#[tokio::test]
async fn a_variable_without_a_value_is_an_error() {
    assert_eq!(
        outcome(&["statement ok\necho ${WROD}\n"]).await,
        "1 of 1 files failed\n\nFOLDER/0.slt:2: nobody gave ${WROD} a value"
    );
}

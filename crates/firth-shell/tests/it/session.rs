//! A session as tests use it: text in, text out.

use std::{fmt, path::Path};

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use firth_diagnostic::{Diagnostic, Source};
use firth_engine::{Session, SessionOptions, Settings, value::Values};
use firth_sql::{Parameter, Parameters};
use firth_testkit::slt::{Answer, ColumnType, Executor};
use futures::StreamExt as _;

/// A session over every connector.
pub(crate) struct TestSession {
    session: Session,
    /// How often a query is asked before its answer counts: from the second time on columns of files come from memory.
    asked_before: u32,
}

/// What a statement answered, in the texts of the CSV contract. `None` is NULL.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The columns.
    pub(crate) schema: SchemaRef,
    /// The rows, in their order.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// The report of a failed statement, as a person sees it.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl std::error::Error for Failure {}

impl TestSession {
    /// A session over the catalog in `home`, with the parameters `@n` = 41, `@nothing` = NULL,
    /// `@text` = 'it''s' and `@day` = '2026-01-02'.
    pub(crate) fn new(home: &Path) -> TestSession {
        let parameters = Parameters::from([
            ("n".to_owned(), Parameter::Int64(41)),
            ("nothing".to_owned(), Parameter::Null),
            ("text".to_owned(), Parameter::String("it's".to_owned())),
            ("day".to_owned(), Parameter::String("2026-01-02".to_owned())),
        ]);
        let session = Session::new(SessionOptions {
            home: home.to_owned(),
            connectors: firth_connectors::all(),
            principal: "tester".to_owned(),
            parameters,
            settings: Settings::default(),
            rehearsal: false,
            prompt: None,
        });
        TestSession { session, asked_before: 0 }
    }

    /// The same, which asks a query so often before its answer counts.
    pub(crate) fn having_asked(mut self, times: u32) -> TestSession {
        self.asked_before = times;
        self
    }

    /// Tells `observer` where each export is.
    pub(crate) fn observe_exports(&self, observer: firth_engine::Observer) {
        self.session.observe_exports(observer);
    }

    /// Runs one statement; `None` if it answers no rows.
    pub(crate) async fn execute(&self, sql: &str) -> Result<Option<Answered>, Failure> {
        let place = firth_sql::split(sql).first().copied();
        let sql = place.map_or(sql, |place| &sql[place.start..place.end]);
        self.answered(sql).await.map_err(|diagnostic| {
            Failure(diagnostic.render(Some(Source { name: "test.sql", text: sql }), false))
        })
    }

    /// Runs a script; the rows of its last statement are left unread.
    pub(crate) async fn run_script(&self, script: &str) -> Result<(), Failure> {
        for place in firth_sql::split(script) {
            self.execute(&script[place.start..place.end]).await?;
        }
        Ok(())
    }

    async fn answered(&self, sql: &str) -> Result<Option<Answered>, Diagnostic> {
        let statement = firth_sql::parse(sql)?;
        let remotes = self.session.remotes();
        let Some(mut answer) = self.session.execute(&statement, &remotes).await?.rows else {
            return Ok(None);
        };
        let mut rows = Vec::new();
        while let Some(batch) = answer.stream.next().await {
            let batch = batch.map_err(firth_engine::diagnostic)?;
            let columns: Vec<Values> = answer
                .schema
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| {
                    Values::try_new(field, column).expect("a column of an answer has a text")
                })
                .collect();
            rows.extend(
                (0..batch.num_rows())
                    .map(|row| columns.iter().map(|column| column.text(row)).collect::<Vec<_>>()),
            );
        }
        Ok(Some(Answered { schema: answer.schema, rows }))
    }
}

/// `I` for integers, `R` for NUMERIC and FLOAT64, `T` for everything else.
fn letter(data_type: &DataType) -> ColumnType {
    match data_type {
        integer if integer.is_integer() => ColumnType::Integer,
        number if number.is_numeric() => ColumnType::FloatingPoint,
        _ => ColumnType::Text,
    }
}

#[async_trait]
impl Executor for TestSession {
    type Error = Failure;

    async fn run(&mut self, sql: &str) -> Result<Answer, Failure> {
        if matches!(firth_sql::parse(sql), Ok(firth_sql::Statement::Query(_))) {
            for _ in 0..self.asked_before {
                self.execute(sql).await?;
            }
        }
        Ok(match self.execute(sql).await? {
            None => Answer::Done(0),
            Some(Answered { schema, rows }) => Answer::Rows {
                types: schema.fields().iter().map(|field| letter(field.data_type())).collect(),
                rows: rows
                    .into_iter()
                    .map(|row| row.into_iter().map(|value| value.unwrap_or("NULL".to_owned())).collect())
                    .collect(),
            },
        })
    }
}

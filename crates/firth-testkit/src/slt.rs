//! Runs `.slt` files: SQL and its expected answers, as text.
//!
//! The format is sqllogictest's. A `${NAME}` in a file is replaced before it is read: by a variable
//! given to [`Suite`], by a server's coordinate (`${S3_ENDPOINT}` is `FIRTH_TEST_S3_ENDPOINT`), or by
//! `${UNIQUE}`, a word that no other run of any file has, for the names of what a file makes. A file
//! that asks for a server which does not run is skipped, visibly; in CI that is a failure.
//!
//! Results are written out in full, never as a hash. A value with line breaks appears with `\n` in
//! their place, an empty one as `(empty)`.

mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::{StreamExt, stream};
pub use sqllogictest::DefaultColumnType as ColumnType;
use sqllogictest::{AsyncDB, DBOutput, Runner};

use crate::servers::require;
use script::{Script, Unprepared};

/// What runs the statements: one session.
#[async_trait]
pub trait Executor: Send {
    /// What a statement fails with. Its `Display` is what `statement error` patterns see.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Runs one statement.
    async fn run(&mut self, sql: &str) -> Result<Answer, Self::Error>;
}

/// What a statement answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Rows, each value in the text that the file is to show.
    Rows {
        /// One per column: the letters after `query`.
        types: Vec<ColumnType>,
        /// The rows, in their order.
        rows: Vec<Vec<String>>,
    },
    /// No rows, but maybe a number of them that were written.
    Done(u64),
}

/// A set of `.slt` files and the variables that they use.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    files: Vec<PathBuf>,
    variables: BTreeMap<String, String>,
}

impl Suite {
    /// All `.slt` files below `folder`, in the order of their paths.
    ///
    /// # Panics
    ///
    /// If there is none: a suite that runs nothing proves nothing.
    pub fn below(folder: impl AsRef<Path>) -> Suite {
        let mut files = Vec::new();
        collect(folder.as_ref(), &mut files);
        files.sort();
        assert!(!files.is_empty(), "there is no .slt file below {}", folder.as_ref().display());
        Suite { files, variables: BTreeMap::new() }
    }

    /// Replaces `${name}` by `value` in every file.
    pub fn with_variable(mut self, name: &str, value: impl Into<String>) -> Suite {
        self.variables.insert(name.to_string(), value.into());
        self
    }

    /// Runs all files, `jobs` at a time, each in sessions of its own: `connect` makes one for a file,
    /// and one more for each name in a `connection` line.
    ///
    /// # Panics
    ///
    /// If a file fails; the message has the failures of all files.
    pub async fn run<E, F, C>(&self, jobs: usize, connect: F)
    where
        E: Executor,
        F: Fn(PathBuf) -> C,
        C: Future<Output = Result<E, E::Error>>,
    {
        let outcomes =
            stream::iter(&self.files).map(|file| self.run_file(file, &connect)).buffered(jobs.max(1));
        let failures: Vec<String> =
            outcomes.filter_map(|outcome| std::future::ready(outcome.err())).collect().await;
        let (failed, all) = (failures.len(), self.files.len());
        assert!(failures.is_empty(), "{failed} of {all} files failed\n\n{}", failures.join("\n\n"));
    }

    async fn run_file<E, F, C>(&self, file: &Path, connect: &F) -> Result<(), String>
    where
        E: Executor,
        F: Fn(PathBuf) -> C,
        C: Future<Output = Result<E, E::Error>>,
    {
        let name = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
        let script = match Script::prepare(&text, &self.variables) {
            Ok(script) => script,
            Err(Unprepared::Server(server)) => {
                require::<()>(server, &name, None);
                return Ok(());
            }
            Err(Unprepared::Variable { line, name: variable }) => {
                return Err(format!("{name}:{line}: nobody gave ${{{variable}}} a value"));
            }
        };
        let records = sqllogictest::parse_with_name::<ColumnType>(&script.text, name.as_str())
            .map_err(|error| error.to_string())?;
        let mut runner = Runner::new(|| {
            let connected = connect(file.to_path_buf());
            async { connected.await.map(Session) }
        });
        runner.with_column_validator(same_types);
        let outcome = runner.run_multi_async(records).await;
        runner.shutdown_async().await;
        outcome.map_err(|error| error.to_string())
    }
}

/// An [`Executor`], as the sqllogictest crate wants it.
struct Session<E>(E);

#[async_trait]
impl<E: Executor> AsyncDB for Session<E> {
    type Error = E::Error;
    type ColumnType = ColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<ColumnType>, E::Error> {
        Ok(match self.0.run(sql).await? {
            Answer::Done(count) => DBOutput::StatementComplete(count),
            Answer::Rows { types, mut rows } => {
                for value in rows.iter_mut().flatten() {
                    *value =
                        if value.is_empty() { "(empty)".to_string() } else { value.replace('\n', "\\n") };
                }
                DBOutput::Rows { types, rows }
            }
        })
    }

    async fn shutdown(&mut self) {}
}

/// As many columns as the file says, and of those types; `?` is any type.
#[expect(clippy::ptr_arg, reason = "the signature is sqllogictest's")]
fn same_types(actual: &Vec<ColumnType>, expected: &Vec<ColumnType>) -> bool {
    actual.len() == expected.len()
        && actual
            .iter()
            .zip(expected)
            .all(|(actual, expected)| *expected == ColumnType::Any || actual == expected)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

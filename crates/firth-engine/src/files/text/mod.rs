//! CSV and newline-delimited JSON: bytes of files become batches.
//!
//! A file, or a part of one, goes through these steps:
//!
//! 1. `input`: bytes as the store gives them, of the lines that begin in the part; decompressed.
//! 2. `encoding`: UTF-8.
//! 3. A `Decoder`, which is `csv` (over `records`) or `json`: rows are appended to `column`s, a batch when
//!    there are enough. Values are read by `value` and `moments`.
//! 4. `source`: DataFusion's side of it, and what is said about rows that cannot be read.
//!
//! `spec` has the options, `infer` the schema of files that do not say it. Nothing here knows of tables.

mod column;
mod csv;
mod encoding;
mod infer;
mod input;
mod json;
mod json_text;
mod moments;
mod reading;
mod records;
mod snappy;
mod source;
mod spec;
mod value;

use arrow::{array::RecordBatch, error::ArrowError};

pub(crate) use infer::CsvHeader;
pub(crate) use input::Compression;
pub(crate) use source::TextSource;
pub(crate) use spec::{CsvSpec, JsonSpec, TextFormat};

/// Reads rows from text.
trait Decoder: Send {
    /// Reads rows from the beginning of `text` and returns how many bytes they were; none if there is no whole
    /// row. `at_end` says that nothing follows the text. Stops when the batch is full.
    ///
    /// A row that cannot be read is given to `bad`, and left out if that allows it.
    fn decode(
        &mut self,
        text: &[u8],
        at_end: bool,
        bad: &mut dyn FnMut(RowProblem) -> Result<(), RowProblem>,
    ) -> Result<usize, RowProblem>;

    /// Whether the batch is to be taken before more is decoded.
    fn is_full(&self) -> bool;

    /// The rows so far, if there are any.
    fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError>;

    /// What is wrong if the text ends here although the file goes on.
    fn unfinished(&self) -> Option<Problem>;
}

/// Why a row cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    reason: String,
    /// The column whose value it is about.
    column: Option<String>,
    hint: Option<&'static str>,
}

impl Problem {
    fn new(reason: String) -> Self {
        Problem { reason, column: None, hint: None }
    }

    fn of_column(self, column: &str) -> Self {
        Problem { column: Some(column.to_owned()), ..self }
    }

    fn with_hint(self, hint: &'static str) -> Self {
        Problem { hint: Some(hint), ..self }
    }

    /// A value that is not of its column's type.
    fn value(column: &str, type_name: &str, value: &str) -> Self {
        let more = if value.chars().count() > 60 { "…" } else { "" };
        let shown: String = value.chars().take(60).collect();
        Problem::new(format!("column {column:?} is {type_name}, and \"{}{more}\" is not", shown.escape_debug()))
            .of_column(column)
            .with_hint("Mend the file, or declare the column as STRING; max_bad_records = n leaves out up to n such rows.")
    }
}

/// A problem, and the row that has it.
#[derive(Debug)]
struct RowProblem {
    /// Which of the rows that were decoded.
    row: usize,
    /// Where it begins in the text.
    offset: usize,
    /// How long it is, without its line end.
    length: usize,
    problem: Problem,
}

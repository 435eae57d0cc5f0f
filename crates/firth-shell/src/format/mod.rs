//! Output formats: one list, one file each.
//!
//! A format writes one result set at a time, batch by batch. What stands between two result sets is
//! the format's too: an empty line, nothing, or a refusal.

mod arrow;
mod csv;
mod fitted;
mod frame;
mod json;
mod markdown;
mod ndjson;
mod null;
mod parquet;
mod table;
mod text;
mod tsv;
mod vertical;

#[cfg(test)]
mod tests;

use std::{collections::HashSet, io, sync::Arc};

use ::arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
};
use firth_diagnostic::{Code, Diagnostic};

/// Where a result set goes.
pub(crate) type Sink<'a> = &'a mut (dyn io::Write + Send);

/// A result set on its way out.
pub(crate) trait ResultWriter {
    /// Writes a batch. Formats that need not see ahead have passed it on when this returns.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError>;

    /// Writes what belongs after the last row. Not called for a result set that failed, which then
    /// does not look whole where the format can tell.
    fn finish(&mut self) -> Result<(), WriteError>;
}

/// An output format.
pub(crate) struct Format {
    /// As `--format` and `.mode` take it.
    pub(crate) name: &'static str,
    /// The extensions of `-o` files that choose it.
    pub(crate) extensions: &'static [&'static str],
    /// What stands between two result sets.
    pub(crate) between: Between,
    /// Whether it is text that a terminal can show.
    pub(crate) is_text: bool,
    /// Begins a result set.
    pub(crate) open: for<'a> fn(&SchemaRef, Sink<'a>, Style) -> Opened<'a>,
}

/// A result set that was begun, or why it was not.
pub(crate) type Opened<'a> = Result<Box<dyn ResultWriter + 'a>, WriteError>;

/// What stands between two result sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// One empty line.
    EmptyLine,
    /// Nothing: each tells where it ends.
    Nothing,
    /// A file holds one result set, and is a file.
    OnlyOneInAFile,
}

/// How text is dressed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Whether ANSI escapes may be used.
    pub(crate) color: bool,
    /// Into what a table must fit; `None` where it may be as large as it is.
    pub(crate) fit: Option<Fit>,
}

/// What a person can look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    /// Columns of the terminal.
    pub(crate) columns: usize,
    /// Rows of a result that are shown.
    pub(crate) rows: usize,
}

/// Every format.
pub(crate) const FORMATS: &[Format] = &[
    table::FORMAT,
    csv::FORMAT,
    tsv::FORMAT,
    json::FORMAT,
    ndjson::FORMAT,
    markdown::FORMAT,
    vertical::FORMAT,
    parquet::FORMAT,
    arrow::FORMAT,
    null::FORMAT,
];

impl Format {
    /// The format with this name.
    pub(crate) fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name.eq_ignore_ascii_case(name))
    }

    /// The format that a file's extension means.
    pub(crate) fn of_extension(extension: &str) -> Option<&'static Format> {
        let extension = extension.to_ascii_lowercase();
        FORMATS.iter().find(|format| format.extensions.contains(&extension.as_str()))
    }

    /// Every name, for messages.
    pub(crate) fn names() -> String {
        FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
    }
}

/// Why a result set was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The reader has gone: not an error to anyone.
    ClosedPipe,
    /// Anything else.
    Failed(Diagnostic),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => WriteError::ClosedPipe,
            io::ErrorKind::StorageFull => WriteError::Failed(
                Diagnostic::error(Code::Exhausted, "the disk is full while the result is written")
                    .hint("Free some space, or write to another place with `-o`."),
            ),
            _ => WriteError::Failed(
                Diagnostic::error(Code::Io, "could not write the result").detail(error.to_string()),
            ),
        }
    }
}

impl From<ArrowError> for WriteError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => error.into(),
            other => unsupported(&other),
        }
    }
}

impl From<::parquet::errors::ParquetError> for WriteError {
    fn from(error: ::parquet::errors::ParquetError) -> Self {
        match error {
            ::parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(error) => (*error).into(),
                Err(other) => unsupported(&other),
            },
            other => unsupported(&other),
        }
    }
}

fn unsupported(error: &dyn std::fmt::Display) -> WriteError {
    WriteError::Failed(
        Diagnostic::error(Code::Unsupported, "the result cannot be written in this format")
            .detail(error.to_string())
            .hint("Cast the column in the query, or choose another `--format`."),
    )
}

/// The columns' names, made different where a query repeats one: `a`, `a_1`. For formats whose readers
/// look columns up by name.
fn distinct_names(schema: &Schema) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut count = 0;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{}_{count}", field.name());
        }
        names.push(name);
    }
    names
}

/// The same columns under `distinct_names`.
fn with_distinct_names(schema: &SchemaRef) -> SchemaRef {
    let named = schema.fields().iter().zip(distinct_names(schema));
    let fields = named.map(|(field, name)| field.as_ref().clone().with_name(name)).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

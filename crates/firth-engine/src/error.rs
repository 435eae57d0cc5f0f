//! DataFusion's errors as messages for a person.

use std::error::Error as StdError;

use arrow::{
    datatypes::{DataType, Field},
    error::ArrowError,
};
use datafusion::{common::SchemaError, error::DataFusionError, parquet::errors::ParquetError};
use firth_connector::object_error;
use firth_diagnostic::{Code, Diagnostic, did_you_mean};
use tokio::task::JoinError;

use crate::{files::sql_type, store::ChangedWhileReading};

/// The message in an error from planning or running a query.
///
/// A diagnostic that a connector put there comes out as it went in, from however deep; the rest is put
/// into words here. Nothing that an engine or a client library says is passed on where it might hold
/// a secret: those texts were made safe where they arose.
pub fn diagnostic(error: DataFusionError) -> Diagnostic {
    from_datafusion(error)
}

pub(crate) fn from_datafusion(error: DataFusionError) -> Diagnostic {
    if let Some(found) = find_diagnostic(&error) {
        return found.clone();
    }
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_datafusion(*inner),
        DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
            Ok(inner) => from_datafusion(inner),
            Err(shared) => from_borrowed(&shared),
        },
        DataFusionError::Collection(mut errors) if !errors.is_empty() => {
            from_datafusion(errors.swap_remove(0))
        }
        other => from_borrowed(&other),
    }
}

fn from_borrowed(error: &DataFusionError) -> Diagnostic {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => from_schema(schema),
        DataFusionError::ObjectStore(error) => from_object_store(error),
        DataFusionError::ArrowError(error, _) => from_arrow(error),
        DataFusionError::ParquetError(error) => from_parquet(error),
        DataFusionError::ResourcesExhausted(text) => Diagnostic::error(Code::Exhausted, "memory ran out")
            .detail(first_line(text))
            .hint("Raise it with `SET memory_limit = '8G'` or --memory-limit, or ask for fewer rows."),
        DataFusionError::NotImplemented(text) => {
            Diagnostic::error(Code::Unsupported, "this is not in this version").detail(first_line(text))
        }
        DataFusionError::Plan(text) => from_plan(text),
        DataFusionError::SQL(error, _) => {
            Diagnostic::error(Code::Syntax, "this is not a query").detail(error.to_string())
        }
        DataFusionError::Execution(text) => {
            Diagnostic::error(Code::BadData, "the query could not be run to its end").detail(first_line(text))
        }
        DataFusionError::IoError(error) => from_io(error),
        DataFusionError::ExecutionJoin(error) if error.is_cancelled() => cancelled(),
        DataFusionError::External(error) => match downcast_chain(error.as_ref()) {
            Some(diagnostic) => diagnostic,
            None => Diagnostic::error(Code::BadData, "the query could not be run to its end")
                .detail(error.to_string()),
        },
        other => Diagnostic::internal(first_line(&other.strip_backtrace())),
    }
}

/// The message for a statement that the user or a limit ended.
pub(crate) fn cancelled() -> Diagnostic {
    Diagnostic::error(Code::Cancelled, "the statement was cancelled")
}

/// The message for a task that did not come to its end. One that panicked was not cancelled.
pub(crate) fn not_joined(error: JoinError) -> Diagnostic {
    let Ok(panic) = error.try_into_panic() else { return cancelled() };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it said nothing");
    Diagnostic::internal(format!("a task panicked: {text}"))
}

/// A diagnostic anywhere in the chain of causes.
fn find_diagnostic<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Diagnostic> {
    let mut next: Option<&'a (dyn StdError + 'static)> = Some(error);
    let mut depth = 0;
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Diagnostic>() {
            return Some(found);
        }
        if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
            && let Some(found) = inner.downcast_ref::<Diagnostic>()
        {
            return Some(found);
        }
        if let Some(ArrowError::ExternalError(inner)) = error.downcast_ref::<ArrowError>() {
            if let Some(found) = inner.downcast_ref::<Diagnostic>() {
                return Some(found);
            }
            next = Some(inner.as_ref());
        } else {
            next = error.source();
        }
        depth += 1;
        if depth > 32 {
            break;
        }
    }
    None
}

/// What a foreign error is at heart, if it is something we have words for.
fn downcast_chain(error: &(dyn StdError + 'static)) -> Option<Diagnostic> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            return Some(from_object_store(error));
        }
        if let Some(error) = error.downcast_ref::<ParquetError>() {
            return Some(from_parquet(error));
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(from_io(error));
        }
        next = error.source();
    }
    None
}

fn from_schema(error: &SchemaError) -> Diagnostic {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let shown = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => field.name.clone(),
            };
            let names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            let hint = match did_you_mean(&field.name, names.iter().copied()) {
                Some(near) => Some(format!("Did you mean {near:?}?")),
                None if names.is_empty() => None,
                None => {
                    let mut names = names;
                    names.dedup();
                    let more = if names.len() > 20 { ", …" } else { "" };
                    names.truncate(20);
                    Some(format!("The columns here are {}{more}.", names.join(", ")))
                }
            };
            Diagnostic::error(Code::NotFound, format!("column {shown:?} does not exist")).hint_if(hint)
        }
        SchemaError::AmbiguousReference { field } => {
            Diagnostic::error(Code::Invalid, format!("column {:?} is ambiguous", field.name))
                .hint("Write the table before it: `t.column`.")
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Diagnostic::error(Code::Invalid, format!("column {name:?} is there twice"))
                .hint("Give one of them an alias: `… AS name`.")
        }
    }
}

fn from_plan(text: &str) -> Diagnostic {
    let line = first_line(text);
    if let Some(error) = wrong_arguments(&line).or_else(|| not_grouped(&line)).or_else(|| not_compared(&line))
    {
        return error;
    }
    if let Some(rest) = line.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or_default();
        let upper = name.to_uppercase();
        // A call that the rewriting has passed by is one with other arguments.
        if firth_sql::rewritten_functions().any(|rewritten| rewritten == upper) {
            return Diagnostic::error(
                Code::Unsupported,
                format!("{upper} with these arguments is not in this version"),
            );
        }
        let near = did_you_mean(name, crate::function_names().iter().map(String::as_str));
        return Diagnostic::error(Code::NotFound, format!("function {name:?} does not exist"))
            .hint_if(near.map(|near| format!("Did you mean {near:?}?")));
    }
    let mut letters = line.chars();
    let lower: String =
        letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    Diagnostic::error(Code::Invalid, lower.trim_end_matches('.'))
}

/// DataFusion's words for a function that does not take these arguments: it lists all that it takes.
fn wrong_arguments(line: &str) -> Option<Diagnostic> {
    let (before, after) = line.split_once("' failed to match any signature")?;
    let name = before.rsplit('\'').next()?;
    let error =
        Diagnostic::error(Code::Invalid, format!("function {name:?} does not take arguments of these types"));
    let received = after.split_once("but received ").and_then(|(_, rest)| rest.split(" (").next());
    Some(error.hint(match received {
        Some(received) => {
            format!("It is given {}: CAST the argument to another type.", received.to_uppercase())
        }
        None => "CAST the arguments to other types.".to_owned(),
    }))
}

/// DataFusion's words for values of two types that have none in common.
fn not_compared(line: &str) -> Option<Diagnostic> {
    let operands = line.strip_prefix("Cannot infer common argument type for comparison operation ")?;
    const OPERATORS: [&str; 8] =
        [" IS NOT DISTINCT FROM ", " IS DISTINCT FROM ", " != ", " <= ", " >= ", " = ", " < ", " > "];
    let (left, right) = OPERATORS.iter().find_map(|operator| operands.split_once(operator))?;
    let called = |text: &str| match text.parse::<DataType>() {
        Ok(data_type) => sql_type(&Field::new("", data_type, true)),
        Err(_) => text.to_owned(),
    };
    let (left, right) = (called(left), called(right));
    Some(
        Diagnostic::error(Code::Invalid, format!("{left} and {right} cannot be compared"))
            .hint("CAST one of them to the other's type."),
    )
}

/// DataFusion's words for a column that is not one value for each group.
fn not_grouped(line: &str) -> Option<Diagnostic> {
    let (_, after) = line.split_once("must be in GROUP BY or an aggregate function")?;
    let column = after.split_once("column \"")?.1.split('"').next()?;
    let name = column.rsplit('.').next()?;
    Some(
        Diagnostic::error(
            Code::Invalid,
            format!("column {name:?} is neither in GROUP BY nor in an aggregate function"),
        )
        .hint("Add it to GROUP BY, or put it in an aggregate function."),
    )
}

fn from_arrow(error: &ArrowError) -> Diagnostic {
    match error {
        ArrowError::DivideByZero => {
            Diagnostic::error(Code::BadData, "division by zero").hint("SAFE_DIVIDE(a, b) gives NULL instead.")
        }
        ArrowError::ArithmeticOverflow(text) => Diagnostic::error(Code::BadData, "a number is out of range")
            .detail(text)
            .hint("A wider type holds it: CAST one side to NUMERIC or FLOAT64."),
        ArrowError::CastError(text) => Diagnostic::error(Code::BadData, "a value does not fit its type")
            .detail(text)
            .hint("SAFE_CAST gives NULL instead."),
        ArrowError::ParseError(text) | ArrowError::InvalidArgumentError(text) => {
            Diagnostic::error(Code::BadData, "a value does not fit its type").detail(text)
        }
        ArrowError::CsvError(text) => {
            Diagnostic::error(Code::BadData, "a row is not CSV of this table").detail(text)
        }
        ArrowError::JsonError(text) => Diagnostic::error(Code::BadData, "a line is not JSON of this table")
            .detail(text)
            .hint("Each line of the files must be one JSON object whose fields fit the table's columns."),
        ArrowError::ParquetError(text) => broken_parquet(text),
        ArrowError::IoError(text, error) => from_io(error).detail(text),
        ArrowError::ExternalError(error) => match downcast_chain(error.as_ref()) {
            Some(diagnostic) => diagnostic,
            None => Diagnostic::error(Code::BadData, "the data could not be read").detail(error.to_string()),
        },
        other => Diagnostic::error(Code::BadData, "the data could not be read").detail(other.to_string()),
    }
}

fn from_parquet(error: &ParquetError) -> Diagnostic {
    if let ParquetError::External(inner) = error
        && let Some(diagnostic) = downcast_chain(inner.as_ref())
    {
        return diagnostic;
    }
    broken_parquet(&error.to_string())
}

fn broken_parquet(text: &str) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("{SOME_FILE} is not readable as Parquet"))
        .detail(text.trim_start_matches("Parquet error: "))
        .hint("The file may be cut short or of another format; the other files are not affected.")
}

fn from_object_store(error: &object_store::Error) -> Diagnostic {
    if let object_store::Error::Precondition { path, source } = error
        && source.downcast_ref::<ChangedWhileReading>().is_some()
    {
        return Diagnostic::error(Code::Conflict, format!("{path:?} was replaced while the query read it"))
            .hint("Nothing was mixed: run the query again to read the new file.");
    }
    object_error(error, "")
}

pub(crate) fn from_io(error: &std::io::Error) -> Diagnostic {
    use std::io::ErrorKind;
    let (code, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Code::Exhausted, Some("Free some space and try again."))
        }
        ErrorKind::PermissionDenied => (Code::PermissionDenied, None),
        ErrorKind::NotFound => (Code::NotFound, None),
        // The words of the decompressors.
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            (Code::BadData, Some("Write the file anew, or leave it out of the uris."))
        }
        _ => (Code::Io, None),
    };
    let message = match code {
        Code::Exhausted => "the disk is full".to_owned(),
        Code::BadData => format!("{SOME_FILE} is cut short, or not compressed as its name says"),
        _ => "a local file could not be read or written".to_owned(),
    };
    Diagnostic::error(code, message).detail(error.to_string()).hint_if(hint.map(str::to_owned))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// How a message begins before it is known which file it is about.
const SOME_FILE: &str = "a file";

/// Names the file that an error is about.
pub(crate) trait InFile {
    /// The same message, with the file in it.
    fn in_file(self, uri: &str) -> Self;
}

impl InFile for Diagnostic {
    fn in_file(self, uri: &str) -> Self {
        if self.to_string().contains(uri) {
            return self;
        }
        if let Some(rest) = self.message().strip_prefix(SOME_FILE) {
            let message = format!("file {uri:?}{rest}");
            return self.reworded(message);
        }
        let detail = match self.detail_text() {
            Some(detail) => format!("{uri}: {detail}"),
            None => uri.to_owned(),
        };
        self.detail(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panicked_was_not_cancelled() {
        let panicked = tokio::spawn(async { panic!("row {}", 7) }).await.expect_err("it panicked");
        assert_eq!(not_joined(panicked).message(), Diagnostic::internal("a task panicked: row 7").message());
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        assert_eq!(not_joined(task.await.expect_err("it was aborted")).code(), Code::Cancelled);
    }
}

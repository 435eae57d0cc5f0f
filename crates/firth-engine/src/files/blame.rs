//! Finds the row that a CSV reader stumbled over.
//!
//! The reader works on slices of files in parallel and cannot say where it is. When it has failed,
//! the files are read once more from the start, as text and then value by value, until the first row
//! that does not fit. Costs a second read, but only of a query that failed.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    csv::{ReaderBuilder, reader::Format},
    datatypes::{DataType, Field, Schema},
};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use firth_diagnostic::{Code, Diagnostic};
use futures::{StreamExt, TryStreamExt};
use object_store::{GetResult, ObjectStoreExt};

use super::{ExternalFiles, FileKind, TableFormat, sql_type};
use crate::error::InFile as _;

/// The message with the uri of the file that it is about, if it names one as plans do: by its key.
pub(crate) fn name_file(error: Diagnostic, tables: &[Arc<ExternalFiles>]) -> Diagnostic {
    let Some(text) = error.detail_text() else { return error };
    for listed in tables.iter().flat_map(|table| table.listed()) {
        for file in &listed.files {
            if let Some((_, words)) = text.split_once(&format!("/{}: ", file.location)) {
                let words = words.trim_start_matches("Parquet error: ").to_owned();
                return error.detail(words).in_file(&listed.uri(file));
            }
        }
    }
    error
}

/// The first row of a CSV table that does not fit its columns: file, line, column and value.
/// `None` if every row fits, or the files cannot be read now.
pub(crate) async fn blame_csv(table: &ExternalFiles) -> Option<Diagnostic> {
    if table.format().kind != FileKind::Csv {
        return None;
    }
    for listed in table.listed() {
        for file in &listed.files {
            let result = listed.handle.store.get(&listed.handle.store.outer(&file.location)).await.ok()?;
            let text = whole_text(table.format(), result, file.location.as_ref()).await.ok()?;
            if let Some(found) = blame_text(table, &text, &listed.uri(file)) {
                return Some(found);
            }
        }
    }
    None
}

fn blame_text(table: &ExternalFiles, text: &[u8], uri: &str) -> Option<Diagnostic> {
    let schema = table.file_schema();
    let format = csv_format(table.format());
    let columns = schema.fields().len();
    let rows = Rows::new(table.format(), text);
    for (line, row) in rows.skip(usize::from(table.format().header.unwrap_or(false))) {
        let values = match one_row(&format, columns, row) {
            Ok(values) => values,
            Err(reason) => {
                return Some(
                    bad_row(uri, line, &reason)
                        .detail(format!("the row is {:?}", lossy(row)))
                        .hint("Mend the file, or give the table the columns that the file has."),
                );
            }
        };
        let typed = ReaderBuilder::new(Arc::clone(schema)).with_format(format.clone()).build(row);
        let fits = typed.ok().and_then(|mut reader| reader.next()).is_some_and(|batch| batch.is_ok());
        if fits {
            continue;
        }
        for (field, value) in schema.fields().iter().zip(&values) {
            if !value_fits(&format, field, value) {
                let shown: String = value.chars().take(60).collect();
                return Some(
                    bad_row(
                        uri,
                        line,
                        &format!("column {:?} is {}, and {shown:?} is not", field.name(), sql_type(field)),
                    )
                    .hint("Mend the file, or declare the column as STRING."),
                );
            }
        }
        return Some(bad_row(uri, line, "it does not fit the columns of the table"));
    }
    None
}

fn bad_row(uri: &str, line: usize, reason: &str) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("{uri}, line {line}: {reason}"))
}

fn lossy(row: &[u8]) -> String {
    String::from_utf8_lossy(row).trim_end().chars().take(120).collect()
}

/// One row's values as text.
fn one_row(format: &Format, columns: usize, row: &[u8]) -> Result<Vec<String>, String> {
    if std::str::from_utf8(row).is_err() {
        return Err("it is not UTF-8".to_owned());
    }
    let fields: Vec<Field> =
        (0..columns).map(|i| Field::new(format!("c{i}"), DataType::Utf8, true)).collect();
    let reader = ReaderBuilder::new(Arc::new(Schema::new(fields))).with_format(format.clone()).build(row);
    let batch: RecordBatch = match reader.map_err(|error| error.to_string())?.next() {
        Some(Ok(batch)) => batch,
        Some(Err(_)) | None => {
            return Err(format!("it does not have the table's {columns} fields"));
        }
    };
    Ok(batch
        .columns()
        .iter()
        .map(|column| {
            let texts = column.as_string::<i32>();
            if texts.is_empty() || texts.is_null(0) { String::new() } else { texts.value(0).to_owned() }
        })
        .collect())
}

fn value_fits(format: &Format, field: &Field, value: &str) -> bool {
    if value.is_empty() || *field.data_type() == DataType::Utf8 {
        return true;
    }
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let quoted = format!("\"{}\"\n", value.replace('"', "\"\""));
    let format = format.clone().with_quote(b'"');
    let reader = ReaderBuilder::new(schema).with_format(format).build(quoted.as_bytes());
    reader.ok().and_then(|mut reader| reader.next()).is_some_and(|batch| batch.is_ok())
}

fn csv_format(format: &TableFormat) -> Format {
    let csv = format.csv();
    Format::default()
        .with_delimiter(csv.delimiter)
        .with_quote(csv.quote)
        .with_header(false)
        .with_truncated_rows(csv.truncated_rows.unwrap_or(false))
}

/// The rows of a text with the number of the line each begins on. Quoted fields may hold line ends.
struct Rows<'a> {
    text: &'a [u8],
    quote: u8,
    line: usize,
}

impl<'a> Rows<'a> {
    fn new(format: &TableFormat, text: &'a [u8]) -> Self {
        Rows { text, quote: format.csv().quote, line: 1 }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.text.is_empty() {
                return None;
            }
            let mut quoted = false;
            let mut lines = 0;
            let mut end = self.text.len();
            for (at, byte) in self.text.iter().enumerate() {
                if *byte == self.quote {
                    quoted = !quoted;
                } else if *byte == b'\n' {
                    lines += 1;
                    if !quoted {
                        end = at + 1;
                        break;
                    }
                }
            }
            let (row, rest) = self.text.split_at(end);
            let line = self.line;
            self.text = rest;
            self.line += lines;
            if row.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Some((line, row));
            }
        }
    }
}

/// The first rows of a file as texts: for finding out whether the first is a header.
pub(crate) async fn first_rows(
    format: &TableFormat,
    result: GetResult,
    key: &str,
    count: usize,
) -> Option<Vec<Vec<String>>> {
    let compression = FileCompressionType::from(format.compression_of(key));
    let bytes = result
        .into_stream()
        .map_err(|error| datafusion::error::DataFusionError::ObjectStore(Box::new(error)));
    let mut stream = compression.convert_stream(bytes.boxed()).ok()?;
    let mut text = Vec::new();
    // A mebibyte holds 500 rows of any table that has a header worth finding.
    while text.len() < 1 << 20 {
        match stream.next().await {
            Some(Ok(bytes)) => text.extend_from_slice(&bytes),
            _ => break,
        }
    }
    let csv = csv_format(format);
    let rows = Rows::new(format, &text).take(count);
    Some(rows.filter_map(|(_, row)| split_fields(&csv, format, row)).collect())
}

fn split_fields(csv: &Format, format: &TableFormat, row: &[u8]) -> Option<Vec<String>> {
    let delimiters = row.iter().filter(|byte| **byte == format.csv().delimiter).count();
    // The number of fields is not known yet: quoted delimiters make it fewer.
    (1..=delimiters + 1).rev().find_map(|columns| one_row(csv, columns, row).ok())
}

async fn whole_text(
    format: &TableFormat,
    result: GetResult,
    key: &str,
) -> datafusion::error::Result<Vec<u8>> {
    let compression = FileCompressionType::from(format.compression_of(key));
    let bytes = result
        .into_stream()
        .map_err(|error| datafusion::error::DataFusionError::ObjectStore(Box::new(error)));
    let mut stream = compression.convert_stream(bytes.boxed())?;
    let mut text = Vec::new();
    while let Some(bytes) = stream.try_next().await? {
        text.extend_from_slice(&bytes);
    }
    Ok(text)
}

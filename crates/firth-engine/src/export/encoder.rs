//! Rows as bytes of a file.

use std::io::Write;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Schema, SchemaRef},
};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};
use flate2::{Compression as GzipLevel, write::GzEncoder};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, GzipLevel as ParquetGzip, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::{
    files::sql_type,
    value::{Values, push_json_string},
};

/// Rows of a Parquet row group: what DuckDB writes too, and small enough to buffer.
const ROW_GROUP_ROWS: usize = 122_880;
/// Bytes of an unfinished row group that are enough.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// What an export writes, validated.
#[derive(Clone, Debug)]
pub(crate) enum ExportFormat {
    Parquet(Compression),
    Csv { gzip: bool, header: bool, delimiter: char },
    Json { gzip: bool },
}

impl ExportFormat {
    /// Reads validated options; fails on a combination that BigQuery refuses too.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let format = options.string("format").unwrap_or_default();
        let compression = options.string("compression");
        let refused = |compression: &str| {
            Diagnostic::error(Code::Invalid, format!("format {format} has no compression {compression}"))
                .hint("PARQUET has SNAPPY, GZIP and ZSTD; CSV and JSON have GZIP.")
        };
        if format != "CSV" {
            for name in ["header", "field_delimiter"] {
                if options.is_given(name) {
                    return Err(Diagnostic::error(
                        Code::Invalid,
                        format!("option {name:?} does not apply to format {format}"),
                    )
                    .hint("Leave it out."));
                }
            }
        }
        let gzip = match compression {
            None | Some("NONE") => false,
            Some("GZIP") => true,
            Some(other) if format != "PARQUET" => return Err(refused(other)),
            Some(_) => false,
        };
        Ok(match format {
            "PARQUET" => ExportFormat::Parquet(match compression {
                Some("NONE") => Compression::UNCOMPRESSED,
                Some("GZIP") => Compression::GZIP(ParquetGzip::default()),
                Some("ZSTD") => Compression::ZSTD(ZstdLevel::default()),
                _ => Compression::SNAPPY,
            }),
            "CSV" => ExportFormat::Csv {
                gzip,
                header: options.bool("header").unwrap_or(false),
                delimiter: delimiter(options.string("field_delimiter").unwrap_or(","))?,
            },
            _ => ExportFormat::Json { gzip },
        })
    }

    /// Fails on columns that the format cannot hold.
    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        let mut names: Vec<String> =
            schema.fields().iter().map(|field| field.name().to_lowercase()).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("the query has two columns named {:?}", pair[0]),
            )
            .hint("Give one of them an alias: `… AS name`."));
        }
        if let ExportFormat::Csv { .. } = self
            && let Some(field) = schema.fields().iter().find(|field| field.data_type().is_nested())
        {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is {}, which CSV cannot hold", field.name(), sql_type(field)),
            )
            .hint("Export JSON or PARQUET, or turn it into a STRING."));
        }
        if let ExportFormat::Parquet(_) = self
            && let Some(field) =
                schema.fields().iter().find(|field| matches!(field.data_type(), DataType::Interval(_)))
        {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is INTERVAL, which PARQUET cannot hold", field.name()),
            )
            .hint("CAST(… AS STRING) can be exported."));
        }
        Ok(())
    }

    /// A writer for one file.
    pub(crate) fn encoder(&self, schema: &SchemaRef) -> Result<Encoder> {
        Ok(match self {
            ExportFormat::Parquet(compression) => {
                let properties = WriterProperties::builder()
                    .set_compression(*compression)
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .set_created_by(concat!("firth ", env!("CARGO_PKG_VERSION")).to_owned())
                    .build();
                let writer =
                    ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).map_err(internal)?;
                Encoder::Parquet(Box::new(writer))
            }
            ExportFormat::Csv { gzip, header, delimiter } => {
                let mut text = Text::new(*gzip);
                if *header {
                    let mut line = String::new();
                    for (index, field) in schema.fields().iter().enumerate() {
                        if index > 0 {
                            line.push(*delimiter);
                        }
                        push_csv(field.name(), *delimiter, &mut line);
                    }
                    line.push('\n');
                    text.push(&line)?;
                }
                Encoder::Csv(text, *delimiter)
            }
            ExportFormat::Json { gzip } => Encoder::Json(Text::new(*gzip)),
        })
    }
}

/// A file under way. Bytes that are ready are taken out by [`Encoder::take`].
pub(crate) enum Encoder {
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Csv(Text, char),
    Json(Text),
}

impl Encoder {
    /// Adds rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Encoder::Parquet(writer) => {
                writer.write(batch).map_err(internal)?;
                if writer.in_progress_size() >= ROW_GROUP_BYTES {
                    writer.flush().map_err(internal)?;
                }
                Ok(())
            }
            Encoder::Csv(text, delimiter) => write_csv(batch, *delimiter, text),
            Encoder::Json(text) => write_json(batch, text),
        }
    }

    /// The bytes that are ready, out of the encoder.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match self {
            Encoder::Parquet(writer) => std::mem::take(writer.inner_mut()),
            Encoder::Csv(text, _) | Encoder::Json(text) => text.take(),
        }
    }

    /// The last bytes of the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        match self {
            Encoder::Parquet(writer) => writer.into_inner().map_err(internal),
            Encoder::Csv(text, _) | Encoder::Json(text) => text.finish(),
        }
    }
}

/// Text, gzipped or not, in memory.
pub(crate) enum Text {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl Text {
    fn new(gzip: bool) -> Self {
        if gzip {
            Text::Gzip(Box::new(GzEncoder::new(Vec::new(), GzipLevel::default())))
        } else {
            Text::Plain(Vec::new())
        }
    }

    fn push(&mut self, text: &str) -> Result<()> {
        match self {
            Text::Plain(bytes) => {
                bytes.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Text::Gzip(encoder) => encoder.write_all(text.as_bytes()).map_err(internal),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Text::Plain(bytes) => std::mem::take(bytes),
            Text::Gzip(encoder) => std::mem::take(encoder.get_mut()),
        }
    }

    fn finish(self) -> Result<Vec<u8>> {
        match self {
            Text::Plain(bytes) => Ok(bytes),
            Text::Gzip(encoder) => encoder.finish().map_err(internal),
        }
    }
}

fn columns(batch: &RecordBatch) -> Result<Vec<Values>> {
    let schema = batch.schema();
    schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| Values::try_new(field, column).map_err(internal))
        .collect()
}

/// CSV as the shell writes it: NULL is the empty field, the empty string is `""`.
fn write_csv(batch: &RecordBatch, delimiter: char, text: &mut Text) -> Result<()> {
    let columns = columns(batch)?;
    let (mut lines, mut field) = (String::new(), String::new());
    for row in 0..batch.num_rows() {
        for (index, values) in columns.iter().enumerate() {
            if index > 0 {
                lines.push(delimiter);
            }
            if !values.is_null(row) {
                field.clear();
                values.push_text(row, &mut field);
                push_csv(&field, delimiter, &mut lines);
            }
        }
        lines.push('\n');
    }
    text.push(&lines)
}

fn push_csv(text: &str, delimiter: char, out: &mut String) {
    if !text.is_empty() && !text.contains([delimiter, '"', '\n', '\r']) {
        return out.push_str(text);
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

/// One object a line. As BigQuery exports them: INT64 as strings, and `<`, `>`, `&` escaped.
fn write_json(batch: &RecordBatch, text: &mut Text) -> Result<()> {
    let columns = columns(batch)?;
    let schema = batch.schema();
    let keys: Vec<(String, bool)> = schema
        .fields()
        .iter()
        .map(|field| {
            let mut key = String::new();
            push_json_string(field.name(), &mut key);
            (key, field.data_type().is_integer())
        })
        .collect();
    let (mut lines, mut value) = (String::new(), String::new());
    for row in 0..batch.num_rows() {
        let mut before = '{';
        for ((key, integer), values) in keys.iter().zip(&columns) {
            // BigQuery leaves a NULL out; so do we, and it reads back as NULL.
            if values.is_null(row) {
                continue;
            }
            lines.push(before);
            before = ',';
            lines.push_str(key);
            lines.push(':');
            value.clear();
            values.push_json(row, &mut value);
            let quote = if *integer { "\"" } else { "" };
            lines.push_str(quote);
            for letter in value.chars() {
                match letter {
                    '<' => lines.push_str("\\u003c"),
                    '>' => lines.push_str("\\u003e"),
                    '&' => lines.push_str("\\u0026"),
                    other => lines.push(other),
                }
            }
            lines.push_str(quote);
        }
        if before == '{' {
            lines.push('{');
        }
        lines.push_str("}\n");
    }
    text.push(&lines)
}

fn delimiter(text: &str) -> Result<char> {
    let mut letters = text.chars();
    match (text, letters.next(), letters.next()) {
        ("\\t" | "tab", _, _) => Ok('\t'),
        (_, Some(letter), None) if letter.is_ascii() && !matches!(letter, '"' | '\n' | '\r') => Ok(letter),
        _ => Err(Diagnostic::error(
            Code::Invalid,
            format!("option \"field_delimiter\" takes one byte, not {text:?}"),
        )),
    }
}

fn internal(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::internal(format!("a file could not be encoded: {error}"))
}

//! Rows as bytes of a file.
//!
//! Rows are encoded in chunks, several at once and apart from any file; a file is a body that chunks are
//! appended to, in order.

mod arrow;
mod avro;
mod dictionary;
mod parquet;
mod text;

use std::sync::Arc;

use ::arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::cast,
    datatypes::{DataType, Schema, SchemaRef},
};
use ::parquet::{
    arrow::arrow_writer::ArrowColumnChunk,
    basic::{Compression, GzipLevel, ZstdLevel},
};
use arrow_avro::compression::CompressionCodec;
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

use self::{
    arrow::ArrowBody,
    avro::AvroBody,
    parquet::RowGroups,
    text::{Lines, TextFormat},
};
use super::Bounds;
use crate::files::sql_type;

/// Rows of a Parquet row group: what DuckDB writes too, and small enough to buffer.
const ROW_GROUP_ROWS: usize = 122_880;
/// Bytes in memory of the rows of a chunk that are enough.
const CHUNK_BYTES: usize = 64 << 20;
/// Rows of a chunk of lines.
const TEXT_ROWS: usize = 16_384;

/// What an export writes, validated.
#[derive(Clone, Debug)]
pub(crate) enum ExportFormat {
    Parquet { compression: Compression, row_group_rows: usize },
    Text(TextFormat),
    Arrow,
    Avro { compression: Option<CompressionCodec> },
}

/// Rows, encoded apart from their file.
pub(crate) enum Chunk {
    /// Lines.
    Text(Vec<u8>),
    /// The columns of a Parquet row group.
    RowGroup(Vec<ArrowColumnChunk>),
    /// Rows that are encoded when they are appended.
    Batches(Vec<RecordBatch>),
}

/// A file in the making. Every call answers the bytes that are ready.
pub(crate) trait FileBody: Send {
    /// What stands before the first chunk.
    fn begin(&mut self) -> Result<Vec<u8>>;

    /// Adds a chunk.
    fn append(&mut self, chunk: Chunk) -> Result<Vec<u8>>;

    /// The last bytes.
    fn finish(self: Box<Self>) -> Result<Vec<u8>>;
}

impl ExportFormat {
    /// Reads validated options; fails on a combination that BigQuery refuses too.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let format = options.string("format").unwrap_or_default();
        let compression = options.string("compression");
        let refused = |compression: &str| {
            Diagnostic::error(Code::Invalid, format!("format {format} has no compression {compression}"))
                .hint(
                    "PARQUET has SNAPPY, GZIP and ZSTD; AVRO has DEFLATE and SNAPPY; CSV and JSON have GZIP.",
                )
        };
        for (names, of) in [
            (&["header", "field_delimiter"][..], "CSV"),
            (&["int64_as_string"][..], "JSON"),
            (&["row_group_size"][..], "PARQUET"),
        ] {
            if let Some(name) = names.iter().find(|name| format != of && options.is_given(name)) {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("option {name:?} does not apply to format {format}"),
                )
                .hint("Leave it out."));
            }
        }
        let gzip = match compression {
            None | Some("NONE") => false,
            Some("DEFLATE" | "SNAPPY") if format == "AVRO" => false,
            Some("GZIP") if !matches!(format, "ARROW" | "AVRO") => true,
            Some("DEFLATE") => return Err(refused("DEFLATE")),
            Some(other) if format != "PARQUET" => return Err(refused(other)),
            Some(_) => false,
        };
        Ok(match format {
            "PARQUET" => ExportFormat::Parquet {
                compression: match compression {
                    Some("NONE") => Compression::UNCOMPRESSED,
                    Some("GZIP") => Compression::GZIP(GzipLevel::default()),
                    Some("ZSTD") => Compression::ZSTD(ZstdLevel::default()),
                    _ => Compression::SNAPPY,
                },
                row_group_rows: super::options::positive(options, "row_group_size")?
                    .and_then(|rows| usize::try_from(rows).ok())
                    .unwrap_or(ROW_GROUP_ROWS),
            },
            "CSV" => {
                let delimiter = delimiter(options.string("field_delimiter").unwrap_or(","))?;
                let header = options.bool("header").unwrap_or(false);
                ExportFormat::Text(TextFormat { lines: Lines::Csv { delimiter, header }, gzip })
            }
            "ARROW" => ExportFormat::Arrow,
            "AVRO" => ExportFormat::Avro {
                compression: match compression {
                    Some("DEFLATE") => Some(CompressionCodec::Deflate),
                    Some("SNAPPY") => Some(CompressionCodec::Snappy),
                    _ => None,
                },
            },
            _ => {
                let int64_as_string = options.bool("int64_as_string").unwrap_or(true);
                ExportFormat::Text(TextFormat { lines: Lines::Json { int64_as_string }, gzip })
            }
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
        if let ExportFormat::Text(TextFormat { lines: Lines::Csv { .. }, .. }) = self
            && let Some(field) = schema.fields().iter().find(|field| field.data_type().is_nested())
        {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is {}, which CSV cannot hold", field.name(), sql_type(field)),
            )
            .hint("Export JSON or PARQUET, or turn it into a STRING."));
        }
        let format = match self {
            ExportFormat::Parquet { .. } => Some("PARQUET"),
            ExportFormat::Avro { .. } => Some("AVRO"),
            ExportFormat::Text(_) | ExportFormat::Arrow => None,
        };
        if let Some(format) = format
            && let Some(field) =
                schema.fields().iter().find(|field| matches!(field.data_type(), DataType::Interval(_)))
        {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("column {:?} is INTERVAL, which {format} cannot hold", field.name()),
            )
            .hint("CAST(… AS STRING) can be exported."));
        }
        Ok(())
    }

    /// The encoder of files of `schema`. Rows may hold strings and bytes in another layout.
    pub(crate) fn encoder(&self, schema: &SchemaRef) -> Result<ChunkEncoder> {
        let encoder = match self {
            ExportFormat::Parquet { compression, .. } => {
                Encoder::Parquet(Arc::new(RowGroups::try_new(schema, *compression)?))
            }
            ExportFormat::Text(text) => Encoder::Text(text.clone()),
            ExportFormat::Arrow => Encoder::Arrow,
            ExportFormat::Avro { compression } => Encoder::Avro(*compression),
        };
        Ok(ChunkEncoder { schema: Arc::clone(schema), encoder })
    }

    /// Whether rows of this number and size in memory are enough for a chunk.
    pub(crate) fn is_enough(&self, rows: usize, bytes: usize) -> bool {
        let most = match self {
            ExportFormat::Parquet { row_group_rows, .. } => *row_group_rows,
            ExportFormat::Text(_) | ExportFormat::Arrow | ExportFormat::Avro { .. } => TEXT_ROWS,
        };
        rows >= most || bytes >= CHUNK_BYTES
    }

    /// The most rows of a chunk, if more must not be in one.
    pub(crate) fn most_rows(&self) -> usize {
        match self {
            ExportFormat::Parquet { row_group_rows, .. } => *row_group_rows,
            ExportFormat::Text(_) | ExportFormat::Arrow | ExportFormat::Avro { .. } => usize::MAX,
        }
    }
}

/// Encodes chunks, on any thread.
#[derive(Clone)]
pub(crate) struct ChunkEncoder {
    schema: SchemaRef,
    encoder: Encoder,
}

#[derive(Clone)]
enum Encoder {
    Parquet(Arc<RowGroups>),
    Text(TextFormat),
    Arrow,
    Avro(Option<CompressionCodec>),
}

impl ChunkEncoder {
    /// Encodes rows, on the threads that read them: what one has freed it takes again, where threads that only encode would
    /// each hold memory of their own. It lets others go on in between.
    pub(crate) async fn encode(&self, batches: Vec<RecordBatch>) -> Result<Chunk> {
        Ok(match &self.encoder {
            // These two take strings in whatever layout they have.
            Encoder::Parquet(groups) => Chunk::RowGroup(groups.encode(batches).await?),
            Encoder::Text(text) => Chunk::Text(text.encode(&self.schema, &batches)?),
            Encoder::Arrow | Encoder::Avro(_) => {
                let batches = batches.iter().map(|batch| self.in_file_layout(batch));
                Chunk::Batches(batches.collect::<Result<_>>()?)
            }
        })
    }

    /// Encodes rows, and says what lies around them.
    pub(crate) async fn encode_with_bounds(&self, batches: Vec<RecordBatch>) -> Result<(Chunk, Bounds)> {
        let Encoder::Parquet(groups) = &self.encoder else {
            let bounds = Bounds::of(&self.schema, &batches);
            return Ok((self.encode(batches).await?, bounds));
        };
        let mut bounds = Bounds::without_texts(&self.schema, &batches);
        let columns = groups.encode(batches).await?;
        for column in &columns {
            bounds.set_text(&self.schema, &column.close().metadata);
        }
        Ok((Chunk::RowGroup(columns), bounds))
    }

    /// The rows in exactly the file's types.
    fn in_file_layout(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>().map_err(encoding)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(encoding)
    }

    /// An empty file.
    pub(crate) fn begin(&self) -> Result<Box<dyn FileBody>> {
        Ok(match &self.encoder {
            Encoder::Parquet(groups) => Box::new(groups.begin()?),
            Encoder::Text(text) => Box::new(text.begin(&self.schema)?),
            Encoder::Arrow => Box::new(ArrowBody::try_new(&self.schema)?),
            Encoder::Avro(compression) => Box::new(AvroBody::try_new(&self.schema, *compression)?),
        })
    }
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

fn encoding(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::internal(format!("a file could not be encoded: {error}"))
}

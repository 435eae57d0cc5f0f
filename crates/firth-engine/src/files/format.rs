//! A table's file format: BigQuery's options turned into DataFusion's readers.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::parsers::CompressionTypeVariant,
    config::{ConfigOptions, CsvOptions, JsonOptions, TableParquetOptions},
    datasource::file_format::{FileFormat, csv::CsvFormat, json::JsonFormat, parquet::ParquetFormat},
};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

/// How many rows a schema is read from, as in BigQuery.
const ROWS_TO_INFER: usize = 500;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Parquet,
    Csv,
    Json,
}

/// A format with its options.
#[derive(Clone, Debug)]
pub(crate) struct TableFormat {
    pub(crate) kind: FileKind,
    csv: CsvOptions,
    compression: Option<CompressionTypeVariant>,
    /// Whether the first row of a CSV file is a header. `None`: to be detected.
    pub(crate) header: Option<bool>,
}

impl TableFormat {
    /// Reads validated options; fails on one that the format does not have.
    pub(crate) fn try_new(options: &Options, columns_are_listed: bool) -> Result<Self> {
        let kind = match options.string("format") {
            Some("PARQUET") => FileKind::Parquet,
            Some("CSV") => FileKind::Csv,
            _ => FileKind::Json,
        };
        for (name, _) in options.given() {
            let applies = match name {
                "format" | "uris" | "description" | "max_staleness" | "metadata_cache_mode" => true,
                "compression" => kind != FileKind::Parquet,
                _ => kind == FileKind::Csv,
            };
            if !applies {
                let format = options.string("format").unwrap_or_default();
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("option {name:?} does not apply to format {format}"),
                )
                .hint("Leave it out."));
            }
        }
        let compression = options.string("compression").map(|word| match word {
            "GZIP" => CompressionTypeVariant::GZIP,
            "ZSTD" => CompressionTypeVariant::ZSTD,
            "BZIP2" => CompressionTypeVariant::BZIP2,
            "XZ" => CompressionTypeVariant::XZ,
            _ => CompressionTypeVariant::UNCOMPRESSED,
        });
        let header = match options.int64("skip_leading_rows") {
            None if columns_are_listed => Some(false),
            None => None,
            Some(0) => Some(false),
            Some(1) => Some(true),
            Some(rows) => {
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("skip_leading_rows = {rows} is not in this version"),
                )
                .hint("0 and 1 are."));
            }
        };
        let csv = CsvOptions {
            delimiter: one_byte(options, "field_delimiter")?.unwrap_or(b','),
            // A byte that valid UTF-8 never holds stands for "no quote".
            quote: one_byte(options, "quote")?.unwrap_or(0xff),
            double_quote: Some(true),
            newlines_in_values: options.bool("allow_quoted_newlines"),
            truncated_rows: options.bool("allow_jagged_rows"),
            schema_infer_max_rec: Some(ROWS_TO_INFER),
            ..CsvOptions::default()
        };
        Ok(TableFormat { kind, csv, compression, header })
    }

    /// The reader for a file of this name.
    pub(crate) fn reader(&self, key: &str) -> Arc<dyn FileFormat> {
        let compression = self.compression_of(key);
        match self.kind {
            FileKind::Parquet => Arc::new(ParquetFormat::default()),
            FileKind::Csv => {
                let header = self.header.unwrap_or(false);
                let options = CsvOptions { compression, has_header: Some(header), ..self.csv.clone() };
                Arc::new(CsvFormat::default().with_options(options))
            }
            FileKind::Json => Arc::new(JsonFormat::default().with_options(JsonOptions {
                compression,
                schema_infer_max_rec: Some(ROWS_TO_INFER),
                ..JsonOptions::default()
            })),
        }
    }

    /// How Parquet files are read.
    pub(crate) fn parquet(session: &ConfigOptions) -> TableParquetOptions {
        let mut options = TableParquetOptions {
            global: session.execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        options.global.schema_force_view_types = false;
        options.global.skip_metadata = true;
        options
    }

    /// The CSV options, for finding a bad row.
    pub(crate) fn csv(&self) -> &CsvOptions {
        &self.csv
    }

    /// How a file of this name is compressed: by option, else by its ending.
    pub(crate) fn compression_of(&self, key: &str) -> CompressionTypeVariant {
        if let Some(compression) = self.compression {
            return compression;
        }
        match key.rsplit('.').next() {
            Some("gz" | "gzip") => CompressionTypeVariant::GZIP,
            Some("zst") => CompressionTypeVariant::ZSTD,
            Some("bz2") => CompressionTypeVariant::BZIP2,
            Some("xz") => CompressionTypeVariant::XZ,
            _ => CompressionTypeVariant::UNCOMPRESSED,
        }
    }

    /// Whether a declared column can be read from this format.
    pub(crate) fn can_hold(&self, data_type: &DataType) -> bool {
        self.kind != FileKind::Csv || !data_type.is_nested()
    }
}

fn one_byte(options: &Options, name: &str) -> Result<Option<u8>> {
    match options.string(name).unwrap_or_default() {
        "" => Ok(None),
        "\\t" | "tab" => Ok(Some(b'\t')),
        text if text.len() == 1 => Ok(text.bytes().next()),
        text => {
            Err(Diagnostic::error(Code::Invalid, format!("option {name:?} takes one byte, not {text:?}")))
        }
    }
}

//! A table's file format and its options.

use arrow::datatypes::DataType;
use datafusion::config::{ConfigOptions, TableParquetOptions};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{
    options::applies,
    text::{Compression, CsvHeader, CsvSpec, JsonSpec, TextFormat},
};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Parquet,
    Csv,
    Json,
}

/// A format with its options.
#[derive(Clone, Debug)]
pub(crate) enum TableFormat {
    Parquet,
    Text(TextFormat),
}

impl FileKind {
    /// The format that the option `format` names.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "PARQUET" => FileKind::Parquet,
            "CSV" => FileKind::Csv,
            _ => FileKind::Json,
        }
    }
}

impl TableFormat {
    /// Reads validated options; fails on one that the format does not have.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        let name = options.string("format").unwrap_or_default();
        let kind = FileKind::named(name);
        if let Some((option, _)) = options.given().find(|(option, _)| !applies(option, kind)) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("option {option:?} does not apply to format {name}"),
            )
            .hint("Leave it out."));
        }
        Ok(match kind {
            FileKind::Parquet => TableFormat::Parquet,
            FileKind::Csv => TableFormat::Text(TextFormat::Csv(CsvSpec::try_new(options)?)),
            FileKind::Json => TableFormat::Text(TextFormat::Json(JsonSpec::try_new(options)?)),
        })
    }

    /// Which format it is.
    pub(crate) fn kind(&self) -> FileKind {
        match self {
            TableFormat::Parquet => FileKind::Parquet,
            TableFormat::Text(TextFormat::Csv(_)) => FileKind::Csv,
            TableFormat::Text(TextFormat::Json(_)) => FileKind::Json,
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

    /// How a file of this name is compressed as a whole: by option, else by its ending.
    pub(crate) fn compression_of(&self, key: &str) -> Compression {
        match self {
            TableFormat::Parquet => Compression::None,
            TableFormat::Text(text) => text.text().compression.unwrap_or_else(|| Compression::of_name(key)),
        }
    }

    /// Whether a declared column can be read from this format.
    pub(crate) fn can_hold(&self, data_type: &DataType) -> bool {
        self.kind() != FileKind::Csv || !data_type.is_nested()
    }
}

/// What the options say about the header of CSV files whose columns are not listed.
pub(crate) fn csv_header(options: &Options) -> CsvHeader {
    match options.int64("skip_leading_rows") {
        None => CsvHeader::Unknown,
        Some(0) => CsvHeader::None,
        Some(_) => CsvHeader::LastSkipped,
    }
}

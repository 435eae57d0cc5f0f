//! A table's file format and its options.

use arrow::datatypes::DataType;
use datafusion::config::{ConfigOptions, TableParquetOptions};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{
    options::applies,
    text::{Compression, CsvHeader, CsvSpec, JsonSpec, TextFormat},
    whole::{AvroSpec, WholeFormat},
};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Parquet,
    Csv,
    Json,
    Avro,
    Orc,
    ArrowIpc,
    Iceberg,
    DeltaLake,
}

/// A format with its options.
#[derive(Clone, Debug)]
pub(crate) enum TableFormat {
    Parquet {
        /// Whether values of type ENUM are text, rather than bytes.
        enum_as_string: bool,
    },
    Text(TextFormat),
    Whole(WholeFormat),
}

impl FileKind {
    /// The format that the option `format` names.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "PARQUET" => FileKind::Parquet,
            "CSV" => FileKind::Csv,
            "AVRO" => FileKind::Avro,
            "ORC" => FileKind::Orc,
            "ARROW" => FileKind::ArrowIpc,
            "ICEBERG" => FileKind::Iceberg,
            "DELTA_LAKE" => FileKind::DeltaLake,
            _ => FileKind::Json,
        }
    }

    /// Whether it is a table with a log of its files, rather than files.
    pub(super) fn is_versioned(self) -> bool {
        matches!(self, FileKind::Iceberg | FileKind::DeltaLake)
    }
}

/// Which format options are of; fails on one that the format does not have.
pub(crate) fn check_options(options: &Options) -> Result<FileKind> {
    let name = options.string("format").unwrap_or_default();
    let kind = FileKind::named(name);
    if let Some((option, _)) = options.given().find(|(option, _)| !applies(option, kind)) {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("option {option:?} does not apply to format {name}"),
        )
        .hint("Leave it out."));
    }
    Ok(kind)
}

impl TableFormat {
    /// Reads validated options; fails on one that the format does not have.
    pub(crate) fn try_new(options: &Options) -> Result<Self> {
        Ok(match check_options(options)? {
            FileKind::Parquet => {
                if options.bool("enable_list_inference") == Some(false) {
                    return Err(Diagnostic::error(
                        Code::Unsupported,
                        "enable_list_inference = FALSE is not in this version",
                    )
                    .hint("Lists are arrays; leave it out."));
                }
                let enum_as_string = options.bool("enum_as_string").unwrap_or(false);
                TableFormat::Parquet { enum_as_string }
            }
            FileKind::Avro => TableFormat::Whole(WholeFormat::Avro(AvroSpec::new(options))),
            FileKind::Orc => TableFormat::Whole(WholeFormat::Orc),
            FileKind::ArrowIpc => TableFormat::Whole(WholeFormat::ArrowIpc),
            FileKind::Csv => TableFormat::Text(TextFormat::Csv(CsvSpec::try_new(options)?)),
            FileKind::Iceberg | FileKind::DeltaLake => {
                let name = options.string("format").unwrap_or_default();
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("format {name} is one of tables, not of files"),
                )
                .hint("CREATE EXTERNAL TABLE makes it a table, which INSERT INTO … SELECT reads."));
            }
            FileKind::Json => TableFormat::Text(TextFormat::Json(JsonSpec::try_new(options)?)),
        })
    }

    /// Which format it is.
    pub(crate) fn kind(&self) -> FileKind {
        match self {
            TableFormat::Parquet { .. } => FileKind::Parquet,
            TableFormat::Text(TextFormat::Csv(_)) => FileKind::Csv,
            TableFormat::Text(TextFormat::Json(_)) => FileKind::Json,
            TableFormat::Whole(WholeFormat::Avro(_)) => FileKind::Avro,
            TableFormat::Whole(WholeFormat::Orc) => FileKind::Orc,
            TableFormat::Whole(WholeFormat::ArrowIpc) => FileKind::ArrowIpc,
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
            TableFormat::Parquet { .. } | TableFormat::Whole(_) => Compression::None,
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

//! The options of EXPORT DATA.

use firth_connector::{OptionSpec, Options};
use firth_diagnostic::{Code, Diagnostic, Result};

/// BigQuery's options for object stores, with its defaults (the manual's page on EXPORT DATA), and ours.
pub const EXPORT_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("uri")
        .required()
        .doc("Where the files go: one * in the last part of the path, which becomes the file's number."),
    OptionSpec::string("format")
        .required()
        .choice(&["PARQUET", "CSV", "JSON", "AVRO", "ARROW"])
        .doc("The files' format. ARROW is Arrow's file format (IPC)."),
    OptionSpec::bool("overwrite")
        .default("false")
        .doc("Whether an earlier export is replaced; without it, any file there is an error."),
    OptionSpec::string("compression")
        .choice(&["NONE", "GZIP", "SNAPPY", "ZSTD", "DEFLATE"])
        .doc("CSV and JSON: GZIP. PARQUET: SNAPPY (the default), GZIP, ZSTD. AVRO: DEFLATE, SNAPPY."),
    OptionSpec::bool("header").default("false").doc("CSV: whether the first line names the columns."),
    OptionSpec::string("field_delimiter")
        .default(",")
        .doc("CSV: what stands between fields: one byte, or \\t."),
    OptionSpec::bool("int64_as_string").default("true").doc(
        "JSON: whether INT64 is written as strings, as BigQuery does, in ARRAY and STRUCT too; as numbers otherwise.",
    ),
    OptionSpec::bool("atomic").doc(
        "TRUE: an error where the files cannot become visible together. FALSE: each file by itself, without a manifest. \
         Default: together where the store can.",
    ),
    OptionSpec::bool("manifest").doc(
        "Whether a manifest is written. TRUE is an error with atomic = FALSE, and FALSE without it: the manifest is the commit.",
    ),
    OptionSpec::string("naming")
        .choice(&["number", "run"])
        .default("number")
        .doc("run: names that no other export uses (x-<run>-000000000000.csv), so that no reader sees a mixture."),
    OptionSpec::bool("delete_stale")
        .default("true")
        .doc("With overwrite: whether files of the earlier export that have no successor are deleted. BigQuery never does."),
    OptionSpec::bool("success_marker").default("false").doc(
        "Whether an empty file _SUCCESS stands in the folder once all files do. It goes before an export replaces them.",
    ),
    OptionSpec::string("idempotency_key")
        .doc("A name for this export: if the export that is there has it, nothing is done, and its files are the answer."),
    OptionSpec::int64("file_size").doc("Bytes of a file after which the next begins. Default: 1 GB of rows before encoding."),
    OptionSpec::int64("max_files").doc("The most files: the last one takes the rest."),
    OptionSpec::int64("row_group_size").doc("PARQUET: the most rows of a row group. Default: 122880."),
    OptionSpec::strings("partition_by")
        .doc("Columns that become folders, column=value/, and are not in the files."),
];

/// The options of exports to a table of a database.
pub const DATABASE_EXPORT_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("format")
        .required()
        .choice(&["ALLOYDB", "POSTGRESQL"])
        .doc("The kind of database. Both are written in the same way; POSTGRESQL is not BigQuery's."),
    OptionSpec::string("alloydb_options").required().doc(
        "JSON: table (required), schema (default: the connection's first), max_parallel_connections (read, without effect: \
         all rows are one transaction).",
    ),
    OptionSpec::string("uri").doc("As BigQuery has it. The connection says where the database is."),
];

/// An option that is a number from one on.
pub(crate) fn positive(options: &Options, name: &str) -> Result<Option<u64>> {
    match options.int64(name) {
        None => Ok(None),
        Some(number) => match u64::try_from(number) {
            Ok(number) if number > 0 => Ok(Some(number)),
            Ok(_) | Err(_) => Err(Diagnostic::error(
                Code::Invalid,
                format!("option {name:?} takes a number from 1 on, not {number}"),
            )),
        },
    }
}

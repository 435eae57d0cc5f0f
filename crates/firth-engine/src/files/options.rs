//! The options of CREATE EXTERNAL TABLE.

use firth_connector::OptionSpec;

/// BigQuery's options that apply to files, as far as this version reads them.
/// Source of names, types and defaults: BigQuery's data definition language reference.
pub const EXTERNAL_TABLE_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("format")
        .required()
        .choice(&["PARQUET", "CSV", "JSON", "NEWLINE_DELIMITED_JSON"])
        .doc("The files' format; JSON is one object a line."),
    OptionSpec::strings("uris")
        .required()
        .doc("Where the files are, with at most one * in each, which also matches slashes."),
    OptionSpec::string("compression")
        .choice(&["NONE", "GZIP", "ZSTD", "BZIP2", "XZ"])
        .doc("How CSV and JSON files are compressed; by default their names' ending says."),
    OptionSpec::interval("max_staleness")
        .doc("How old the list of files may be that a query reads, 0 or from 30 minutes to 7 days; by default every query lists them."),
    OptionSpec::string("metadata_cache_mode")
        .choice(&["AUTOMATIC", "MANUAL"])
        .doc("Read for BigQuery's sake, with max_staleness; a list that is too old is always made anew."),
    OptionSpec::string("description").doc("A sentence about the table."),
    OptionSpec::string("field_delimiter")
        .default(",")
        .doc("CSV: what stands between fields: one byte, or \\t."),
    OptionSpec::int64("skip_leading_rows").doc(
        "CSV: header rows to skip, 0 or 1; without a column list and without this, a header is detected.",
    ),
    OptionSpec::string("quote").default("\"").doc("CSV: the quote, one byte; '' for none."),
    OptionSpec::bool("allow_quoted_newlines")
        .default("false")
        .doc("CSV: whether quoted fields may hold line ends."),
    OptionSpec::bool("allow_jagged_rows")
        .default("false")
        .doc("CSV: whether rows may lack trailing fields, which are then NULL."),
];

/// Options of BigQuery that a later version will read: a clear refusal rather than "no such option".
pub(crate) const NOT_YET: &[&str] = &[
    "bigtable_options",
    "date_format",
    "datetime_format",
    "decimal_target_types",
    "enable_list_inference",
    "enable_logical_types",
    "encoding",
    "enum_as_string",
    "expiration_timestamp",
    "file_set_spec_type",
    "hive_partition_uri_prefix",
    "ignore_unknown_values",
    "json_extension",
    "max_bad_records",
    "null_marker",
    "null_markers",
    "object_metadata",
    "preserve_ascii_control_characters",
    "projection_fields",
    "reference_file_schema_uri",
    "require_hive_partition_filter",
    "require_partition_filter",
    "sheet_range",
    "source_column_match",
    "tags",
    "time_format",
    "time_zone",
    "timestamp_format",
];

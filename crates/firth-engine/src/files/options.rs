//! The options of CREATE EXTERNAL TABLE, and of whatever else reads files.

use firth_connector::OptionSpec;

use super::FileKind;

/// BigQuery's options that apply to files, as far as this version reads them.
/// Source of names, types and defaults: BigQuery's data definition language reference.
pub const EXTERNAL_TABLE_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("format")
        .required()
        .choice(&["PARQUET", "CSV", "JSON", "NEWLINE_DELIMITED_JSON", "AVRO", "ORC", "ARROW", "ICEBERG", "DELTA_LAKE"])
        .doc("The files' format; JSON is one object a line, ARROW is Arrow's IPC, as a file or a stream; ICEBERG and DELTA_LAKE are tables with a log of their own."),
    OptionSpec::strings("uris")
        .required()
        .doc("Where the files are, with at most one * in each, which also matches slashes; of an Iceberg table its metadata/….metadata.json or its folder, of a Delta Lake table its folder."),
    OptionSpec::string("compression")
        .choice(&["NONE", "GZIP", "ZSTD", "BZIP2", "XZ", "SNAPPY"])
        .doc("How CSV and JSON files are compressed; by default their names' ending says."),
    OptionSpec::interval("max_staleness")
        .doc("How old the list of files may be that a query reads, 0 or from 30 minutes to 7 days; by default every query lists them."),
    OptionSpec::string("metadata_cache_mode")
        .choice(&["AUTOMATIC", "MANUAL"])
        .doc("Read for BigQuery's sake, with max_staleness; a list that is too old is always made anew."),
    OptionSpec::string("description").doc("A sentence about the table."),
    OptionSpec::string("file_set_spec_type")
        .choice(&["FILE_SYSTEM_MATCH", "NEW_LINE_DELIMITED_MANIFEST"])
        .doc("NEW_LINE_DELIMITED_MANIFEST: the uris are of files that list the table's files, one uri a line, without *."),
    OptionSpec::string("hive_partition_uri_prefix")
        .doc("With WITH PARTITION COLUMNS: where paths begin before the first key; by default every key=value folder is one."),
    OptionSpec::bool("require_hive_partition_filter")
        .default("false")
        .doc("Whether a query must have a filter over partition columns and nothing else."),
    OptionSpec::bool("require_partition_filter")
        .default("false")
        .doc("Iceberg, Delta Lake: whether a query must have a filter over a column that the table is partitioned by."),
    OptionSpec::bool("allow_moved_paths")
        .default("false")
        .doc("Iceberg: whether files that the metadata name below the table's old place are read below its new one, that of the metadata in uris."),
    OptionSpec::string("reference_file_schema_uri")
        .doc("Parquet, Avro, ORC: the file whose schema is the table's; by default all files' schemas are merged."),
    OptionSpec::strings("decimal_target_types")
        .doc("Parquet, Avro, ORC: NUMERIC, BIGNUMERIC, STRING: the first of them in this order that holds a decimal of the files is its type; by default its own precision and scale."),
    OptionSpec::bool("enable_logical_types")
        .default("false")
        .doc("Avro: whether dates and times are DATE, TIME, TIMESTAMP and DATETIME, rather than INT64."),
    OptionSpec::bool("enum_as_string")
        .default("false")
        .doc("Parquet: whether values of type ENUM are STRING, rather than BYTES."),
    OptionSpec::bool("enable_list_inference")
        .doc("Parquet: only TRUE; lists are always arrays."),
    OptionSpec::string("encoding")
        .default("UTF-8")
        .choice(&[
            "UTF-8", "ISO-8859-1", "UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE", "UTF8", "UTF_8", "ISO_8859_1",
            "UTF_16BE", "UTF_16LE", "UTF_32BE", "UTF_32LE",
        ])
        .doc("CSV and JSON: how the files' bytes are characters."),
    OptionSpec::int64("max_bad_records")
        .default("0")
        .doc("CSV and JSON: how many rows a query may leave out because they cannot be read."),
    OptionSpec::bool("ignore_unknown_values")
        .default("false")
        .doc("CSV and JSON: whether fields and keys without a column are left out rather than an error."),
    OptionSpec::string("date_format")
        .doc("CSV and JSON: how dates are written, such as DD/MM/YYYY, and not otherwise; by default YYYY-MM-DD."),
    OptionSpec::string("time_format").doc("CSV and JSON: the same for times, such as HH24:MI."),
    OptionSpec::string("datetime_format")
        .doc("CSV and JSON: the same for datetimes, such as DD/MM/YYYY HH24:MI:SS."),
    OptionSpec::string("timestamp_format")
        .doc("CSV and JSON: the same for timestamps, such as YYYY-MM-DD HH24:MI:SS TZH."),
    OptionSpec::string("time_zone")
        .default("UTC")
        .doc("CSV and JSON: where timestamps are that do not say it, such as Europe/Berlin."),
    OptionSpec::string("json_extension")
        .choice(&["GEOJSON"])
        .doc("JSON: each line is a GeoJSON Feature; its properties are columns, and geometry is one, of type JSON."),
    OptionSpec::string("field_delimiter")
        .default(",")
        .doc("CSV: what stands between fields: one byte, or \\t; without a column list and without this, comma, pipe or tab is detected."),
    OptionSpec::int64("skip_leading_rows").doc(
        "CSV: rows to skip; without a column list the last of them has the columns' names, and without this, a header is detected.",
    ),
    OptionSpec::string("quote").default("\"").doc("CSV: the quote, one byte; '' for none."),
    OptionSpec::bool("allow_quoted_newlines")
        .default("false")
        .doc("CSV: whether quoted fields may hold line ends; such files are read by one thread each."),
    OptionSpec::bool("allow_jagged_rows")
        .default("false")
        .doc("CSV: whether rows may lack trailing fields, which are then NULL."),
    OptionSpec::string("null_marker")
        .doc("CSV: what stands for NULL where it is not quoted; by default the empty field."),
    OptionSpec::strings("null_markers").doc("CSV: several such texts."),
    OptionSpec::bool("preserve_ascii_control_characters")
        .default("false")
        .doc("CSV: whether the character NUL is read as it is rather than an error."),
    OptionSpec::string("source_column_match")
        .choice(&["POSITION", "NAME"])
        .doc("CSV: whether columns are found by their place or by the names in each file's header; NAME where columns are not listed and there is a header, else POSITION."),
];

/// Whether an option means something for files of this format.
pub(super) fn applies(option: &str, kind: FileKind) -> bool {
    if kind.is_versioned() {
        return match option {
            "format" | "uris" | "description" | "require_partition_filter" => true,
            // Delta Lake's paths begin at the table.
            "allow_moved_paths" => kind == FileKind::Iceberg,
            _ => false,
        };
    }
    match option {
        "require_partition_filter" | "allow_moved_paths" => false,
        "format"
        | "uris"
        | "description"
        | "max_staleness"
        | "metadata_cache_mode"
        | "file_set_spec_type"
        | "hive_partition_uri_prefix"
        | "require_hive_partition_filter" => true,
        "reference_file_schema_uri" | "decimal_target_types" => {
            matches!(kind, FileKind::Parquet | FileKind::Avro | FileKind::Orc)
        }
        "enum_as_string" | "enable_list_inference" => kind == FileKind::Parquet,
        "enable_logical_types" => kind == FileKind::Avro,
        "compression"
        | "encoding"
        | "max_bad_records"
        | "ignore_unknown_values"
        | "date_format"
        | "time_format"
        | "datetime_format"
        | "timestamp_format"
        | "time_zone" => {
            matches!(kind, FileKind::Csv | FileKind::Json)
        }
        "json_extension" => kind == FileKind::Json,
        _ => kind == FileKind::Csv,
    }
}

/// Options of BigQuery that a later version will read: a clear refusal rather than "no such option".
pub(crate) const NOT_YET: &[&str] =
    &["bigtable_options", "expiration_timestamp", "projection_fields", "sheet_range", "tags"];

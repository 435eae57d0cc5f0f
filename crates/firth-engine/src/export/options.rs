//! The options of EXPORT DATA.

use firth_connector::OptionSpec;

/// BigQuery's options for object stores, with its defaults (the manual's page on EXPORT DATA).
pub const EXPORT_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("uri")
        .required()
        .doc("Where the files go: one * in the last part of the path, which becomes the file's number."),
    OptionSpec::string("format").required().choice(&["PARQUET", "CSV", "JSON"]).doc("The files' format."),
    OptionSpec::bool("overwrite")
        .default("false")
        .doc("Whether files of the same names are replaced; without it, any file there is an error."),
    OptionSpec::string("compression")
        .choice(&["NONE", "GZIP", "SNAPPY", "ZSTD"])
        .doc("CSV and JSON: GZIP. PARQUET: SNAPPY (the default), GZIP, ZSTD."),
    OptionSpec::bool("header").default("false").doc("CSV: whether the first line names the columns."),
    OptionSpec::string("field_delimiter")
        .default(",")
        .doc("CSV: what stands between fields: one byte, or \\t."),
];

//! External tables over files: their options, which files they are, their schema, and how they are read.

mod blame;
mod coarser;
mod decimals;
mod file_set;
mod folder_walk;
mod format;
mod hive;
mod late_listing;
mod listing;
mod options;
mod parquet;
mod progress;
mod provider;
mod pruning;
mod scan_settings;
mod schema;
mod staleness;
mod text;
mod whole;
mod widened;

pub(crate) use blame::name_file;
pub(crate) use coarser::compared_in_file_units;
pub(crate) use decimals::DecimalTargets;
pub(crate) use file_set::{file_set, partition_prefix};
pub(crate) use format::{FileKind, TableFormat, check_options, csv_header};
pub(crate) use hive::HiveLayout;
pub(crate) use late_listing::list_partitioned;
pub(crate) use listing::{ListedFiles, list_files, objects_of, refresh_listing};
pub use options::EXTERNAL_TABLE_OPTIONS;
pub(crate) use options::NOT_YET;
pub(crate) use parquet::{Footer, footer, parquet_source};
pub(crate) use progress::leaf_progress;
pub(crate) use provider::{
    ExternalFiles, FILES_WITH_STATISTICS, FOOTERS_AT_ONCE, Unlisted, renamed, statistics_of,
    unreadable_column, viewed,
};
pub(crate) use pruning::kept as kept_by_constants;
pub(crate) use scan_settings::tune_scans;
pub use schema::sql_type;
pub(crate) use schema::{
    TYPE_METADATA, arrow_type, column_type, declared_field, describe_files, normalized_field,
};
pub(crate) use staleness::{Staleness, interval_length};
pub(crate) use text::TextFormat;
pub(crate) use whole::open_avro;
pub(crate) use widened::unmoved_cast;

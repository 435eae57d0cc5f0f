//! Tables that other programs write as files and a log of them: which files there are, and which of their rows are
//! gone, is in metadata that the table has itself.
//!
//! While a statement is resolved the metadata are read, as [`table::TableVersion`]; a scan then is DataFusion's scan of
//! Parquet ([`provider`]) whose columns are found by number ([`adapter`]), over the files that filters leave ([`pruning`]).
//! Rows that are gone by their place are not read at all; those that are gone by their values are taken out by an anti
//! join ([`deleted_values`]).

mod adapter;
mod bitmap;
mod bucket;
mod deleted_values;
mod delta;
mod filter_rule;
mod iceberg;
mod place;
mod provider;
mod pruning;
mod reshape;
mod table;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use firth_connector::{OpenedRemote, Options};
use firth_diagnostic::{Code, Diagnostic, Result};

pub(crate) use self::adapter::ColumnFinder;
use self::{filter_rule::FilterRule, place::TablePlace, table::TableVersion};
use crate::store::StatementStores;

/// A format of tables, with the options that say how one is read.
#[derive(Clone, Debug)]
pub(crate) struct VersionedFormat {
    kind: Kind,
    uri: String,
    allow_moved_paths: bool,
    requires_filter: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Iceberg,
    DeltaLake,
}

impl VersionedFormat {
    /// Reads validated options; `None` if they are of files.
    pub(crate) fn try_new(options: &Options) -> Result<Option<Self>> {
        let kind = match options.string("format") {
            Some("ICEBERG") => Kind::Iceberg,
            Some("DELTA_LAKE") => Kind::DeltaLake,
            _ => return Ok(None),
        };
        crate::files::check_options(options)?;
        let uris = options.strings("uris").unwrap_or_default();
        let [uri] = uris else {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("option \"uris\" has {} uris, and a table of this format is at one", uris.len()),
            ));
        };
        if uri.contains('*') {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("{uri:?} has a *, which a table of this format cannot have"),
            ));
        }
        Ok(Some(VersionedFormat {
            kind,
            uri: uri.clone(),
            allow_moved_paths: options.bool("allow_moved_paths").unwrap_or(false),
            requires_filter: options.bool("require_partition_filter").unwrap_or(false),
        }))
    }

    /// The table's columns, as they are now.
    pub(crate) async fn describe(
        &self,
        stores: &StatementStores,
        remote: &OpenedRemote,
    ) -> Result<SchemaRef> {
        let (version, partitioned_by) = self.read(stores, remote, None).await?;
        if self.requires_filter && partitioned_by.is_empty() {
            return Err(Diagnostic::error(
                Code::Invalid,
                "option \"require_partition_filter\" needs a table that is partitioned",
            ));
        }
        let fields = version.columns.iter().map(|column| crate::files::normalized_field(&column.field));
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    /// The table that plans see, now or as it was at a time. `table` is its name, for messages.
    pub(crate) async fn provider(
        &self,
        stores: &StatementStores,
        remote: &OpenedRemote,
        time: Option<DateTime<Utc>>,
        file_name: bool,
        table: &str,
    ) -> Result<Arc<dyn TableProvider>> {
        let (version, partitioned_by) = self.read(stores, remote, time).await?;
        let rule = self.requires_filter.then(|| FilterRule {
            table: table.to_owned(),
            columns: partitioned_by.iter().map(|name| name.to_lowercase()).collect(),
        });
        deleted_values::provider(version, file_name, rule).await
    }

    async fn read(
        &self,
        stores: &StatementStores,
        remote: &OpenedRemote,
        time: Option<DateTime<Utc>>,
    ) -> Result<(TableVersion, Vec<String>)> {
        let place = TablePlace::try_new(stores, remote)?;
        match self.kind {
            Kind::Iceberg => {
                let table = iceberg::read(place, &self.uri, self.allow_moved_paths, time).await?;
                Ok((table.version, table.partitioned_by))
            }
            Kind::DeltaLake => delta::read(place, &self.uri, time).await,
        }
    }
}

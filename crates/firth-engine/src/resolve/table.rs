//! Tables: from a name in FROM to a provider.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Utc};
use datafusion::{catalog::TableProvider, datasource::ViewTable};
use firth_catalog::{DatasetKind, DatasetName, DatasetRecord, ExternalTable, TableKind, TableName};
use firth_connector::{OptionValue, Options, Relation, TableSpec};
use firth_diagnostic::{Code, Diagnostic, Name, Result, did_you_mean};
use firth_pushdown::RemoteTable;
use firth_sql::{PseudoColumns, Statement};

use super::Resolver;
use crate::{
    files::{
        EXTERNAL_TABLE_OPTIONS, ExternalFiles, HiveLayout, Staleness, TableFormat, Unlisted, file_set,
        list_files, partition_prefix,
    },
    object_table::{OBJECT_METADATA, ObjectTable},
    versioned::VersionedFormat,
};

/// Views within views, at most: more is a circle.
const DEEPEST_VIEW: usize = 32;

/// Whether it is a table of objects, rather than of the rows in them.
pub(crate) fn is_of_objects(table: &ExternalTable) -> bool {
    table.options.contains_key(OBJECT_METADATA)
}

/// The options of a stored external table, as they were validated.
pub(crate) fn external_table_options(table: &ExternalTable) -> Options {
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Bool(value) => Some(OptionValue::Bool(*value)),
        serde_json::Value::Number(number) => number.as_i64().map(OptionValue::Int64),
        serde_json::Value::String(text) => Some(OptionValue::String(text.clone())),
        serde_json::Value::Array(items) => Some(OptionValue::Strings(
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        )),
        _ => None,
    };
    let stored = table.options.iter().filter_map(|(name, json)| Some((name.clone(), value(json)?)));
    Options::from_stored(EXTERNAL_TABLE_OPTIONS, stored)
}

impl Resolver<'_> {
    /// The table of this name. `depth` counts the views around it.
    pub(crate) async fn table(&self, name: &Name, depth: usize) -> Result<Arc<dyn TableProvider>> {
        self.table_with(name, depth, PseudoColumns::default()).await
    }

    /// The same, with the columns of `pseudo` that this kind of table has.
    pub(super) async fn table_with(
        &self,
        name: &Name,
        depth: usize,
        pseudo: PseudoColumns,
    ) -> Result<Arc<dyn TableProvider>> {
        if let Some(provider) = self.own_table(name) {
            return Ok(provider);
        }
        if let Some(provider) = self.information_schema(name).await? {
            return Ok(provider);
        }
        let home = self.home_within(name, depth)?;
        if home.is_temporary {
            return self.native_table(&home).await;
        }
        let table = home.name.clone();
        let dataset = self.dataset(&table.dataset_name())?;
        match &dataset.kind {
            DatasetKind::External { connection, schema, .. } => {
                let remote = self.open_named(connection, None)?;
                let spec = TableSpec { schema: schema.schema.clone(), name: table.table.clone() };
                self.remote_table(&remote, &spec, &table, schema).await
            }
            DatasetKind::Native => {
                let Some(record) = self.session.catalog()?.table(&table)? else {
                    let tables = self.session.catalog()?.tables(&dataset.name)?;
                    return Err(no_table(&table, tables.iter().map(|table| table.name.table.as_str())));
                };
                match &record.kind {
                    TableKind::Native(_) => self.native_table(&home).await,
                    TableKind::External(external) if is_of_objects(external) => {
                        let connection = external.connection.as_ref().map(|name| (name, None));
                        let remote = self.open_for_files(connection, &external.uris)?;
                        Ok(Arc::new(ObjectTable::try_new(
                            &self.stores,
                            &remote,
                            &external.uris,
                            pseudo.data,
                        )?))
                    }
                    TableKind::External(external) => {
                        let file_name = pseudo.file_name;
                        match VersionedFormat::try_new(&external_table_options(external))? {
                            Some(format) => self.versioned(&format, &table, external, None, file_name).await,
                            None => Ok(self.external_files(&table, external, file_name).await?),
                        }
                    }
                    TableKind::View(view) => {
                        self.view(&table, "view", &view.sql, view.columns.as_deref(), depth).await
                    }
                    TableKind::Materialized(view) => self.materialized_view(&table, view, depth).await,
                }
            }
        }
    }

    /// The rows that the query of a view has now. `kind` is what messages call it.
    pub(super) async fn view(
        &self,
        name: &TableName,
        kind: &str,
        sql: &str,
        columns: Option<&[String]>,
        depth: usize,
    ) -> Result<Arc<dyn TableProvider>> {
        if depth >= DEEPEST_VIEW {
            return Err(Diagnostic::error(Code::Invalid, format!("{kind} {name} contains itself"))
                .hint("Make one of the views in the circle anew without it."));
        }
        let in_view = |error: Diagnostic| {
            let message = format!("{kind} {name} cannot be read: {}", error.message());
            error.reworded(message)
        };
        let Statement::Query(query) = firth_sql::parse(sql).map_err(in_view)? else {
            return Err(Diagnostic::internal(format!("{kind} {name} is not a query")));
        };
        let planned = self.plan_view(&query, depth + 1).await.map_err(in_view)?;
        Ok(Arc::new(ViewTable::new(planned.named(columns)?, None)))
    }

    /// The dataset of this name, or an error that offers the nearest.
    pub(crate) fn dataset(&self, name: &DatasetName) -> Result<DatasetRecord> {
        let catalog = self.session.catalog()?;
        if let Some(record) = catalog.dataset(name)? {
            return Ok(record);
        }
        let known: Vec<String> = catalog.datasets()?.iter().map(|record| record.name.to_string()).collect();
        let hint = match did_you_mean(&name.to_string(), known.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean {near:?}? `SHOW SCHEMAS` lists all."),
            None => "`SHOW SCHEMAS` lists those there are; `CREATE SCHEMA` makes one.".to_owned(),
        };
        Err(Diagnostic::error(Code::NotFound, format!("dataset \"{name}\" does not exist")).hint(hint))
    }

    async fn remote_table(
        &self,
        remote: &Arc<firth_connector::OpenedRemote>,
        spec: &TableSpec,
        name: &TableName,
        schema: &firth_connector::SchemaSpec,
    ) -> Result<Arc<dyn TableProvider>> {
        let sql = Arc::clone(&remote.remote)
            .sql()
            .ok_or_else(|| Diagnostic::internal(format!("connection {} has no SQL side", remote.id)))?;
        let description = match remote.remote.describe(spec).await {
            Ok(description) => description,
            Err(error) if error.code() == Code::NotFound => {
                // The list costs a round trip, but only where the answer is an error already.
                let known = remote.remote.list(schema).await.unwrap_or_default();
                return Err(no_table(name, known.iter().map(|table| table.name.as_str())));
            }
            Err(error) => return Err(error),
        };
        let pushdown = self.session.settings().pushdown();
        let relation = Relation::Table(spec.clone());
        let table = RemoteTable::try_new(remote.id.clone(), sql, relation, description, pushdown)?;
        Ok(Arc::new(table))
    }

    /// An external table that has a log of its files, now or as it was at a time.
    pub(super) async fn versioned(
        &self,
        format: &VersionedFormat,
        name: &TableName,
        table: &ExternalTable,
        time: Option<DateTime<Utc>>,
        file_name: bool,
    ) -> Result<Arc<dyn TableProvider>> {
        let connection = table.connection.as_ref().map(|name| (name, None));
        let remote = self.open_for_files(connection, &table.uris)?;
        format.provider(&self.stores, &remote, time, file_name, &name.to_string()).await
    }

    /// The files of an external table, listed now or, if a query's filters may leave out folders, when they are known.
    pub(crate) async fn external_files(
        &self,
        name: &TableName,
        table: &ExternalTable,
        file_name: bool,
    ) -> Result<Arc<ExternalFiles>> {
        let connection = table.connection.as_ref().map(|name| (name, None));
        let remote = self.open_for_files(connection, &table.uris)?;
        let options = external_table_options(table);
        let format = TableFormat::try_new(&options)?;
        let uris = file_set(&self.stores, &remote, &table.uris, &options).await?;
        let staleness = Staleness::try_new(&options)?;
        let layout = if table.partitioned {
            let prefix = partition_prefix(&remote, &options)?;
            Some(HiveLayout::stored(&table.partition_columns, prefix)?)
        } else {
            None
        };
        let columns = Arc::clone(&table.columns);
        let files = match layout {
            // A listing that is kept for later statements has to be whole.
            Some(layout) if staleness == Staleness::default() => {
                let unlisted = Unlisted { stores: Arc::clone(&self.stores), remote, uris };
                ExternalFiles::try_new_unlisted(format, columns, layout, unlisted)?
            }
            layout => {
                let listed = list_files(&self.stores, &remote, &uris, staleness).await?;
                ExternalFiles::try_new(format, columns, layout, listed).await?
            }
        };
        let files = if file_name { files.with_file_name() } else { files };
        let files = match options.bool("require_hive_partition_filter") {
            Some(true) => files.requiring_filter(name.to_string()),
            Some(false) | None => files,
        };
        let files = Arc::new(files);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&files));
        Ok(files)
    }
}

pub(crate) fn no_table<'a>(name: &TableName, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let hint = match did_you_mean(&name.table, known.iter().copied()) {
        Some(near) => format!("Did you mean {:?}?", TableName::new(&name.dataset_name(), near).to_string()),
        None => format!("`SHOW TABLES FROM {}` lists those there are.", name.dataset_name()),
    };
    Diagnostic::error(Code::NotFound, format!("table \"{name}\" does not exist")).hint(hint)
}

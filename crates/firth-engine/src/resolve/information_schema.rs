//! INFORMATION_SCHEMA: SCHEMATA, TABLES and COLUMNS, made from the catalog when asked for.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::{catalog::TableProvider, datasource::MemTable};
use firth_catalog::{DatasetKind, DatasetName, DatasetRecord, TableKind, TableKindName, TableRecord};
use firth_connector::TableSpec;
use firth_diagnostic::{Code, Diagnostic, Name, Result, did_you_mean};

use super::{Resolver, columns::ShownColumn};
use crate::{error::from_datafusion, files::sql_type, report::Report, statement::table_ddl};

const VIEWS: [&str; 3] = ["COLUMNS", "SCHEMATA", "TABLES"];

impl Resolver<'_> {
    /// `[[project.]dataset.]INFORMATION_SCHEMA.view`, or `None` if the name is another one.
    pub(super) async fn information_schema(&self, name: &Name) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(at) = name.0.iter().position(|part| part.eq_ignore_ascii_case("INFORMATION_SCHEMA")) else {
            return Ok(None);
        };
        let [view] = &name.0[at + 1..] else { return Ok(None) };
        let datasets = match &name.0[..at] {
            [] => self.session.catalog()?.datasets()?,
            parts => vec![
                self.dataset(&DatasetName::try_from_name(&Name::new(parts.iter().map(String::as_str)))?)?,
            ],
        };
        // A whole catalog is listed without asking sources; a named external dataset asks its source.
        let ask = at > 0;
        let batch = match view.to_ascii_uppercase().as_str() {
            "SCHEMATA" => schemata(&datasets),
            "TABLES" => self.tables_view(&datasets, ask).await?,
            "COLUMNS" => self.columns_view(&datasets, ask).await?,
            _ => {
                let hint = match did_you_mean(view, VIEWS) {
                    Some(near) => format!("Did you mean {near:?}?"),
                    None => format!("Its views are {}.", VIEWS.join(", ")),
                };
                return Err(Diagnostic::error(
                    Code::NotFound,
                    format!("INFORMATION_SCHEMA has no view {view:?}"),
                )
                .hint(hint));
            }
        };
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(from_datafusion)?;
        Ok(Some(Arc::new(table)))
    }

    async fn tables_view(&self, datasets: &[DatasetRecord], ask: bool) -> Result<RecordBatch> {
        let mut rows: Vec<(DatasetName, String, &'static str, Option<String>)> = Vec::new();
        for dataset in datasets {
            match &dataset.kind {
                DatasetKind::Native => {
                    for table in self.session.catalog()?.tables(&dataset.name)? {
                        let ddl = table_ddl(self.session.catalog()?, &table)?;
                        rows.push((
                            dataset.name.clone(),
                            table.name.table.clone(),
                            table_type(&table),
                            Some(ddl),
                        ));
                    }
                }
                DatasetKind::External { connection, schema, .. } if ask => {
                    let remote = self.open_named(connection, None)?;
                    for table in remote.remote.list(schema).await? {
                        rows.push((dataset.name.clone(), table.name, TableKindName::External.word(), None));
                    }
                }
                DatasetKind::External { .. } => {}
            }
        }
        Ok(Report::new()
            .texts("table_catalog", rows.iter().map(|row| &row.0.project))
            .texts("table_schema", rows.iter().map(|row| &row.0.dataset))
            .texts("table_name", rows.iter().map(|row| &row.1))
            .texts("table_type", rows.iter().map(|row| row.2))
            .texts("is_insertable_into", rows.iter().map(|row| insertable(row.2)))
            .strings("ddl", rows.iter().map(|row| row.3.as_ref()))
            .batch())
    }

    async fn columns_view(&self, datasets: &[DatasetRecord], ask: bool) -> Result<RecordBatch> {
        let mut rows: Vec<(DatasetName, String, String, i64, bool, String, bool)> = Vec::new();
        for dataset in datasets {
            let tables: Vec<(String, Vec<String>)> = match &dataset.kind {
                DatasetKind::Native => self
                    .session
                    .catalog()?
                    .tables(&dataset.name)?
                    .into_iter()
                    .map(|table| (table.name.table.clone(), partition_columns(&table)))
                    .collect(),
                DatasetKind::External { connection, schema, .. } if ask => {
                    let remote = self.open_named(connection, None)?;
                    for table in remote.remote.list(schema).await? {
                        let spec = TableSpec { schema: schema.schema.clone(), name: table.name.clone() };
                        let description = remote.remote.describe(&spec).await?;
                        for (field, position) in description.schema.fields().iter().zip(1..) {
                            rows.push((
                                dataset.name.clone(),
                                table.name.clone(),
                                field.name().clone(),
                                position,
                                field.is_nullable(),
                                sql_type(field),
                                false,
                            ));
                        }
                    }
                    continue;
                }
                DatasetKind::External { .. } => continue,
            };
            for (table, keys) in tables {
                let record =
                    self.session.catalog()?.table(&firth_catalog::TableName::new(&dataset.name, &table))?;
                let Some(record) = record else { continue };
                // A view that can no longer be planned has no columns: it must not hide the other tables.
                let columns = Box::pin(self.stored_columns(&record)).await.unwrap_or_default();
                for (column, position) in columns.into_iter().zip(1..) {
                    let key = keys.contains(&column.name);
                    let ShownColumn { name, nullable, type_name } = column;
                    rows.push((
                        dataset.name.clone(),
                        table.clone(),
                        name,
                        position,
                        nullable,
                        type_name,
                        key,
                    ));
                }
            }
        }
        let yes_or_no = |yes: bool| if yes { "YES" } else { "NO" };
        Ok(Report::new()
            .texts("table_catalog", rows.iter().map(|row| &row.0.project))
            .texts("table_schema", rows.iter().map(|row| &row.0.dataset))
            .texts("table_name", rows.iter().map(|row| &row.1))
            .texts("column_name", rows.iter().map(|row| &row.2))
            .integers("ordinal_position", rows.iter().map(|row| row.3))
            .texts("is_nullable", rows.iter().map(|row| yes_or_no(row.4)))
            .texts("data_type", rows.iter().map(|row| &row.5))
            .texts("is_partitioning_column", rows.iter().map(|row| yes_or_no(row.6)))
            .batch())
    }
}

fn schemata(datasets: &[DatasetRecord]) -> RecordBatch {
    Report::new()
        .texts("catalog_name", datasets.iter().map(|dataset| &dataset.name.project))
        .texts("schema_name", datasets.iter().map(|dataset| &dataset.name.dataset))
        .timestamps("creation_time", datasets.iter().map(|dataset| dataset.created_at))
        .batch()
}

fn table_type(table: &TableRecord) -> &'static str {
    table.kind.name().word()
}

fn insertable(table_type: &str) -> &'static str {
    if table_type == TableKindName::Native.word() { "YES" } else { "NO" }
}

fn partition_columns(table: &TableRecord) -> Vec<String> {
    match &table.kind {
        TableKind::External(table) => table.partition_columns.iter().map(|(name, _)| name.clone()).collect(),
        TableKind::Native(_) | TableKind::View(_) | TableKind::Materialized(_) => Vec::new(),
    }
}

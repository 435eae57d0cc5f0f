//! The columns of a table as DESCRIBE and INFORMATION_SCHEMA show them.

use arrow::datatypes::Schema;
use firth_catalog::{AsOf, DatasetKind, TableKind, TableName, TableRecord};
use firth_diagnostic::{Name, Result};
use firth_pushdown::NAME_METADATA;

use super::Resolver;
use crate::{error::from_datafusion, files::sql_type};

/// One column, spelled as its source spells it.
pub(crate) struct ShownColumn {
    pub(crate) name: String,
    pub(crate) nullable: bool,
    pub(crate) type_name: String,
}

impl Resolver<'_> {
    /// The columns of the table of this name. Asks a source only for tables that are not stored.
    pub(crate) async fn columns(&self, name: &Name) -> Result<Vec<ShownColumn>> {
        if !self.home_of(name, false)?.is_temporary
            && let Ok(table) = TableName::try_from_name(name)
            && let Some(dataset) = self.session.catalog()?.dataset(&table.dataset_name())?
            && matches!(dataset.kind, DatasetKind::Native)
            && let Some(record) = self.session.catalog()?.table(&table)?
        {
            return self.stored_columns(&record).await;
        }
        Ok(shown(&self.table(name, 0).await?.schema()))
    }

    /// The columns of a stored table: of an external one as they were stored, of a view as it is now.
    pub(super) async fn stored_columns(&self, record: &TableRecord) -> Result<Vec<ShownColumn>> {
        match &record.kind {
            TableKind::Native(_) | TableKind::Materialized(_) => {
                let state = self.session.catalog()?.native_table(&record.name, AsOf::Now)?;
                Ok(state.map(|state| shown(&state.columns)).unwrap_or_default())
            }
            TableKind::External(table) => {
                let keys = table.partition_columns.iter().map(|(name, type_name)| ShownColumn {
                    name: name.clone(),
                    nullable: true,
                    type_name: type_name.clone(),
                });
                Ok(shown(&table.columns).into_iter().chain(keys).collect())
            }
            TableKind::View(_) => {
                let name = &record.name;
                let parts = [&name.project, &name.dataset, &name.table].map(String::as_str);
                let table = self.table(&Name::new(parts), 0).await?;
                match table.get_logical_plan() {
                    Some(plan) => {
                        let rows = self.analyzed(plan.into_owned()).map_err(from_datafusion)?;
                        Ok(shown(&rows))
                    }
                    None => Ok(shown(&table.schema())),
                }
            }
        }
    }
}

fn shown(schema: &Schema) -> Vec<ShownColumn> {
    let columns = schema.fields().iter().map(|field| ShownColumn {
        name: field.metadata().get(NAME_METADATA).unwrap_or_else(|| field.name()).clone(),
        nullable: field.is_nullable(),
        type_name: sql_type(field),
    });
    columns.collect()
}

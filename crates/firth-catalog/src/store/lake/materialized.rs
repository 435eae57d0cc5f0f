//! Materialized views: a query's text in the catalog, and its rows in a table of the lake.

use chrono::{DateTime, Utc};
use firth_diagnostic::Result;

use super::{make_change, still_holds};
use crate::{
    Actor, Catalog, Commit, Created, MaterializedView, NativeChange, NativeDefinition, OnExisting, TableKind,
    TableKindName,
    store::{audit, tables},
};

impl Catalog {
    /// Makes a materialized view, with the rows of its files. Its name may be another one's, which is replaced.
    ///
    /// `sql` is its query, which began to read at `refreshed_at`.
    pub fn create_materialized_view(
        &self,
        actor: Actor<'_>,
        definition: &NativeDefinition,
        sql: &str,
        refreshed_at: DateTime<Utc>,
        on_existing: OnExisting,
    ) -> Result<Created> {
        let kind = |table_id| {
            TableKind::Materialized(MaterializedView {
                table_id,
                sql: sql.to_owned(),
                partition_by: definition.partition_by.clone(),
                cluster_by: definition.cluster_by.clone(),
                options: definition.options.clone(),
                refreshed_at,
            })
        };
        let (method, expect) = ("CREATE_MATERIALIZED_VIEW", TableKindName::Materialized);
        self.create_in_lake(actor, method, definition, on_existing, expect, kind)
    }

    /// Puts the rows that a materialized view has now in the place of its earlier ones, unless it was dropped,
    /// replaced or refreshed since `change.base`: then nothing happens.
    pub fn refresh_materialized_view(
        &self,
        actor: Actor<'_>,
        change: &NativeChange,
        refreshed_at: DateTime<Utc>,
    ) -> Result<Commit> {
        let data_path = self.data_path();
        self.write(|transaction| {
            let Some(existing) = tables::find(transaction, &change.name)? else {
                return Ok(Commit::Conflict);
            };
            let TableKind::Materialized(view) = existing.kind else { return Ok(Commit::Conflict) };
            if view.table_id != change.table_id || !still_holds(transaction, change)? {
                return Ok(Commit::Conflict);
            }
            // No rows before and none now: that is no snapshot, but a refresh.
            let id = match change.add.is_empty() && change.remove.is_empty() {
                true => change.base,
                false => make_change(transaction, &data_path, actor, change)?,
            };
            let refreshed = MaterializedView { refreshed_at, ..view };
            let (kind, description) = (TableKind::Materialized(refreshed), existing.description.as_deref());
            tables::change(transaction, existing.uuid, &change.name, &kind, description)?;
            audit::succeeded(transaction, actor, "REFRESH_MATERIALIZED_VIEW", &change.name)?;
            Ok(Commit::Done(id))
        })
    }
}

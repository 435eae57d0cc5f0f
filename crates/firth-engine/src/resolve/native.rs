//! Native tables: which snapshot a statement reads, and what it reads there.

use std::sync::{Arc, PoisonError};

use arrow::{
    array::{Array as _, AsArray},
    compute::cast,
    datatypes::{DataType, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, Utc};
use datafusion::{
    catalog::TableProvider,
    sql::{parser, sqlparser::ast},
};
use firth_catalog::{AsOf, Catalog, NativeState, TableKind, TableName};
use firth_diagnostic::{Code, Diagnostic, Name, Result};
use futures::TryStreamExt as _;

use super::{PlannedQuery, Resolver, TableHome, no_table, table::external_table_options};
use crate::{error::from_datafusion, native::NativeFiles, versioned::VersionedFormat};

/// What local files are opened by.
const LOCAL_FILES: &str = "file:///";

impl Resolver<'_> {
    /// All native tables of this statement are read at this snapshot. The first call counts.
    pub(crate) fn pin(&self, snapshot: i64) {
        let _ = self.snapshot.set(snapshot);
    }

    /// A native table that the catalog has, as the statement sees it.
    pub(super) async fn native_table(&self, home: &TableHome<'_>) -> Result<Arc<dyn TableProvider>> {
        if home.is_temporary {
            let state = self.native_state(home)?;
            self.reads_table(&home.name, &state);
            return Ok(Arc::new(self.native_files(home.catalog, &state, false).await?));
        }
        let as_of = self.snapshot.get().map_or(AsOf::Now, |snapshot| AsOf::Snapshot(*snapshot));
        let Some(state) = home.catalog.native_table(&home.name, as_of)? else {
            return Err(no_table(&home.name, std::iter::empty()));
        };
        self.pin(state.snapshot);
        self.reads_table(&home.name, &state);
        Ok(Arc::new(self.native_files(home.catalog, &state, false).await?))
    }

    /// Notes what is read of a native table.
    pub(super) fn reads_table(&self, name: &TableName, state: &NativeState) {
        let mut read = self.tables_read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert((name.to_string(), state.snapshot));
    }

    /// The native tables that the statement has read, each with its snapshot.
    pub(crate) fn tables_read(&self) -> Vec<(String, i64)> {
        self.tables_read.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The files of a native table. `with_place`: with the columns that say where a row is.
    pub(crate) async fn native_files(
        &self,
        catalog: &Catalog,
        state: &NativeState,
        with_place: bool,
    ) -> Result<NativeFiles> {
        let remote = self.open_without_connection(LOCAL_FILES)?;
        NativeFiles::try_new(catalog, state, &self.stores, &remote, with_place).await
    }

    /// FOR SYSTEM_TIME AS OF: a native table as it was at the time that `time` gives.
    pub(super) async fn table_as_of(
        &self,
        name: &Name,
        time: &ast::Query,
        depth: usize,
    ) -> Result<Arc<dyn TableProvider>> {
        let home = self.home_within(name, depth)?;
        if !home.is_temporary {
            self.dataset(&home.name.dataset_name())?;
        }
        let time = self.moment(time).await?;
        if !home.is_temporary
            && let Some(record) = home.catalog.table(&home.name)?
            && let TableKind::External(external) = &record.kind
            && let Some(format) = VersionedFormat::try_new(&external_table_options(external))?
        {
            return self.versioned(&format, &home.name, external, Some(time), false).await;
        }
        if !home.is_temporary
            && let Some(record) = home.catalog.table(&home.name)?
            && let TableKind::Materialized(_) = &record.kind
        {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("FOR SYSTEM_TIME AS OF does not read materialized view {}", home.name),
            )
            .hint("Its earlier rows were not those of its sources at that time. CREATE TABLE … AS SELECT keeps them."));
        }
        let Some(state) = home.catalog.native_table(&home.name, AsOf::Time(time))? else {
            return Err(Diagnostic::error(
                Code::NotFound,
                format!("there was no table {} at {time}", home.name),
            )
            .hint("FOR SYSTEM_TIME AS OF reads Firth's own tables, Iceberg's and Delta Lake's, as far back as their snapshots go."));
        };
        self.reads_table(&home.name, &state);
        Ok(Arc::new(self.native_files(home.catalog, &state, false).await?))
    }

    /// The one value of a query, as a time.
    async fn moment(&self, query: &ast::Query) -> Result<DateTime<Utc>> {
        let statement =
            parser::Statement::Statement(Box::new(ast::Statement::Query(Box::new(query.clone()))));
        let plan = self.context.state().statement_to_plan(statement).await.map_err(from_datafusion)?;
        let headers = vec!["time".to_owned()];
        let batches: Vec<_> =
            self.run(PlannedQuery { plan, headers }).await?.try_collect().await.map_err(from_datafusion)?;
        let value = batches.iter().find(|batch| batch.num_rows() > 0).map(|batch| batch.column(0));
        let value = value.filter(|value| {
            matches!(value.data_type(), DataType::Timestamp(..) | DataType::Utf8 | DataType::Utf8View)
        });
        let moment = value
            .and_then(|value| {
                cast(value, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))).ok()
            })
            .filter(|value| !value.is_null(0))
            .map(|value| value.as_primitive::<TimestampMicrosecondType>().value(0))
            .and_then(DateTime::from_timestamp_micros);
        moment.ok_or_else(|| {
            Diagnostic::error(Code::Invalid, "what stands after FOR SYSTEM_TIME AS OF is not a TIMESTAMP")
        })
    }

    /// A table of the statement alone, under a name that no other table has.
    pub(crate) fn put_own_table(&self, name: &str, table: Arc<dyn TableProvider>) {
        self.own_tables.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), table);
    }

    /// The statement's own table of this name.
    pub(super) fn own_table(&self, name: &Name) -> Option<Arc<dyn TableProvider>> {
        let [single] = name.0.as_slice() else { return None };
        self.own_tables.lock().unwrap_or_else(PoisonError::into_inner).get(single).cloned()
    }
}

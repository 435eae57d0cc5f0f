//! Where INSERT and CREATE TABLE … AS SELECT put rows: one trait, and who implements it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use firth_catalog::{AsOf, Commit, DatasetKind, NativeChange, NativeState, TableKind, TableName};
use firth_diagnostic::{Code, Diagnostic, Name, Result};

use crate::{
    native::{TablePlace, plain_columns, write_rows},
    resolve::{Resolver, TableHome, no_table},
};

/// A table that takes rows.
#[async_trait]
pub(crate) trait RowSink: Send + Sync {
    /// Its columns, in its order and spelling.
    fn columns(&self) -> SchemaRef;

    /// Columns that have a value in rows which name none, which is not known here: they are given, or nothing is written.
    fn defaulted(&self) -> &[String] {
        &[]
    }

    /// Takes the columns at these places only, in this order, if the table itself knows what the others hold;
    /// answers whether it does. [`Self::columns`] are then those.
    fn take_only(&mut self, _places: &[usize]) -> Result<bool> {
        Ok(false)
    }

    /// Fails unless NULL is what the word DEFAULT stands for.
    fn refuse_default(&self) -> Result<()> {
        match self.defaulted().first() {
            Some(column) => Err(unknown_default(column)),
            None => Ok(()),
        }
    }

    /// Takes all rows, whose columns are exactly [`Self::columns`], or none; answers how many there were.
    ///
    /// The rows are read once. A failure before the rows are committed leaves nothing behind.
    async fn write(&self, rows: SendableRecordBatchStream) -> Result<u64>;
}

impl<'a> Resolver<'a> {
    /// The table of this name, to put rows into.
    pub(crate) async fn sink(&'a self, name: &Name) -> Result<Box<dyn RowSink + 'a>> {
        let home = self.home_of(name, false)?;
        if home.is_temporary {
            return Ok(Box::new(self.native_sink(home)?));
        }
        let table = &home.name;
        let dataset = self.dataset(&table.dataset_name())?;
        match &dataset.kind {
            DatasetKind::External { connection, schema, .. } => {
                Ok(Box::new(self.remote_sink(connection, schema, table).await?))
            }
            DatasetKind::Native => Ok(Box::new(self.native_sink(home)?)),
        }
    }

    /// The native table of this name as it is now, or an error that says what the name is.
    pub(crate) fn native_state(&self, home: &TableHome<'_>) -> Result<NativeState> {
        let (catalog, table) = (home.catalog, &home.name);
        let Some(record) = catalog.table(table)? else {
            let tables = catalog.tables(&table.dataset_name())?;
            return Err(no_table(table, tables.iter().map(|table| table.name.table.as_str())));
        };
        match &record.kind {
            TableKind::Native(_) => {}
            TableKind::Materialized(_) => {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("{table} is a materialized view: its rows are those of its query"),
                )
                .hint("REFRESH MATERIALIZED VIEW reads them anew."));
            }
            TableKind::External(_) | TableKind::View(_) => {
                let kind = record.kind.name().with_article();
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("{table} is {kind}: its rows cannot be changed"),
                )
                .hint("CREATE TABLE … AS SELECT makes a table of them that can."));
            }
        }
        // A table that was dropped meanwhile is not there.
        catalog.native_table(table, AsOf::Now)?.ok_or_else(|| no_table(table, std::iter::empty()))
    }

    fn native_sink(&'a self, home: TableHome<'a>) -> Result<NativeSink<'a>> {
        let state = self.native_state(&home)?;
        let columns = plain_columns(&state.columns);
        Ok(NativeSink { resolver: self, home, state, columns })
    }
}

/// A native table.
struct NativeSink<'a> {
    resolver: &'a Resolver<'a>,
    home: TableHome<'a>,
    state: NativeState,
    columns: SchemaRef,
}

#[async_trait]
impl RowSink for NativeSink<'_> {
    fn columns(&self) -> SchemaRef {
        Arc::clone(&self.columns)
    }

    fn defaulted(&self) -> &[String] {
        &self.state.defaulted
    }

    async fn write(&self, rows: SendableRecordBatchStream) -> Result<u64> {
        let session = self.resolver.session;
        let catalog = self.home.catalog;
        let place = TablePlace::new(catalog, &self.state.folder)?;
        let threads = self.resolver.context.state().config().target_partitions();
        let files = write_rows(&place, &self.state.columns, rows, threads).await?;
        session.checkpoints.reach("rows_written");
        if files.is_empty() {
            return Ok(0);
        }
        let count = files.iter().map(|file| file.rows).sum();
        let change = NativeChange {
            name: self.home.name.clone(),
            table_id: self.state.table_id,
            base: self.state.snapshot,
            add: files,
            delete: Vec::new(),
            remove: Vec::new(),
        };
        let committed = catalog.change_native_table(session.actor(), "INSERT", &change);
        let discard = || place.discard(change.add.iter().map(|file| file.name.as_str()));
        match committed.inspect_err(|_| discard())? {
            Commit::Done(_) => {
                session.checkpoints.reach("rows_committed");
                Ok(count)
            }
            Commit::Conflict => {
                discard();
                Err(changed_meanwhile(&self.home.name))
            }
        }
    }
}

/// Fails if rows that have these columns of the sink only would lack one whose DEFAULT is another program's.
pub(crate) fn refuse_omitted(sink: &dyn RowSink, places: &[usize]) -> Result<()> {
    let columns = sink.columns();
    let given = |name: &String| places.iter().any(|place| columns.field(*place).name() == name);
    match sink.defaulted().iter().find(|name| !given(name)) {
        Some(column) => Err(unknown_default(column)),
        None => Ok(()),
    }
}

/// The error for a column that is left to a DEFAULT that another program gave it.
pub(crate) fn unknown_default(column: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Unsupported,
        format!("column {column:?} has a DEFAULT of another program's, which is not read here"),
    )
    .hint("Give the column a value; NULL is one.")
}

/// The error for a table that another statement changed while this one ran.
pub(crate) fn changed_meanwhile(name: &TableName) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("table {name} was changed by another statement"))
        .hint("Nothing was changed by this one. Run it again.")
}

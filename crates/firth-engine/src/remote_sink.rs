//! Tables of external schemas as sinks: rows go to their source, all or none.

use std::{any::Any, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use firth_catalog::{ConnectionName, TableName};
use firth_connector::{RemoteWrite, RemoteWriter, SchemaSpec, TableSpec, WritePoints};
use firth_diagnostic::{Code, Diagnostic, Result};

use crate::{
    native::plain_columns,
    resolve::{Resolver, no_table},
    sink::RowSink,
};

/// A table at a source, or one that is to be made there.
pub(crate) struct RemoteSink {
    writer: Arc<dyn RemoteWriter>,
    write: RemoteWrite,
    /// From before its rows are asked for: some plans read ahead.
    _announced: Box<dyn Any + Send + Sync>,
}

impl Resolver<'_> {
    /// A table of an external schema, as it is now.
    pub(crate) async fn remote_sink(
        &self,
        connection: &ConnectionName,
        schema: &SchemaSpec,
        name: &TableName,
    ) -> Result<RemoteSink> {
        let missing = |known: &[TableSpec]| no_table(name, known.iter().map(|table| table.name.as_str()));
        self.sink_at(connection, schema, spec(schema, name), missing).await
    }

    /// A table at a source, as it is now. `missing` makes the error of one that is not among the known ones.
    pub(crate) async fn sink_at(
        &self,
        connection: &ConnectionName,
        schema: &SchemaSpec,
        table: TableSpec,
        missing: impl Fn(&[TableSpec]) -> Diagnostic,
    ) -> Result<RemoteSink> {
        let writer = self.writer(connection, &table.name)?;
        let remote = self.open_named(connection, None)?;
        let description = match remote.remote.describe(&table).await {
            Ok(description) => description,
            Err(error) if error.code() == Code::NotFound => {
                return Err(missing(&remote.remote.list(schema).await.unwrap_or_default()));
            }
            Err(error) => return Err(error),
        };
        let columns = plain_columns(&description.schema);
        let write = RemoteWrite {
            table,
            columns,
            create: false,
            statement: self.remotes.statement(),
            points: self.write_points(),
        };
        Ok(RemoteSink::new(writer, write).await)
    }

    /// A table that is to be made in an external schema, with its rows.
    pub(crate) async fn new_remote_table(
        &self,
        connection: &ConnectionName,
        schema: &SchemaSpec,
        name: &TableName,
        columns: &Schema,
    ) -> Result<RemoteSink> {
        let writer = self.writer(connection, name)?;
        let (table, columns) = (spec(schema, name), plain_columns(columns));
        let write = RemoteWrite {
            table,
            columns,
            create: true,
            statement: self.remotes.statement(),
            points: self.write_points(),
        };
        Ok(RemoteSink::new(writer, write).await)
    }

    /// Whether an external schema has a table of this name.
    pub(crate) async fn has_remote_table(
        &self,
        connection: &ConnectionName,
        schema: &SchemaSpec,
        name: &TableName,
    ) -> Result<bool> {
        let remote = self.open_named(connection, None)?;
        match remote.remote.describe(&spec(schema, name)).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write_points(&self) -> WritePoints {
        WritePoints::new(self.session.checkpoints.observer())
    }

    fn writer(
        &self,
        connection: &ConnectionName,
        name: &impl std::fmt::Display,
    ) -> Result<Arc<dyn RemoteWriter>> {
        let remote = self.open_named(connection, None)?;
        Arc::clone(&remote.remote).sql().and_then(|sql| sql.writer()).ok_or_else(|| {
            Diagnostic::error(Code::Unsupported, format!("table \"{name}\" cannot be written"))
                .detail(format!("connections of type {} only read", remote.id.kind))
        })
    }
}

impl RemoteSink {
    async fn new(writer: Arc<dyn RemoteWriter>, write: RemoteWrite) -> Self {
        let announced = writer.announce(write.statement).await;
        RemoteSink { writer, write, _announced: announced }
    }
}

fn spec(schema: &SchemaSpec, name: &TableName) -> TableSpec {
    TableSpec { schema: schema.schema.clone(), name: name.table.clone() }
}

#[async_trait]
impl RowSink for RemoteSink {
    fn columns(&self) -> SchemaRef {
        Arc::clone(&self.write.columns)
    }

    /// The source decides what the other columns hold, by their defaults.
    fn take_only(&mut self, places: &[usize]) -> Result<bool> {
        let columns = self.write.columns.project(places).map_err(Diagnostic::internal)?;
        self.write.columns = Arc::new(columns);
        Ok(true)
    }

    fn refuse_default(&self) -> Result<()> {
        Err(Diagnostic::error(Code::Unsupported, "DEFAULT stands for no value of a table of a database")
            .hint("List the other columns after the table's name: those that are not listed get what the table says."))
    }

    async fn write(&self, rows: SendableRecordBatchStream) -> Result<u64> {
        self.writer.write(&self.write, rows).await
    }
}

//! Rows into a table: a binary `COPY … FROM STDIN`, in one transaction, by way of `staging` where types need it.

use std::{any::Any, pin::pin, sync::Arc};

use arrow::{
    array::RecordBatch,
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Schema, SchemaRef},
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use datafusion::{error::DataFusionError, execution::SendableRecordBatchStream};
use firth_connector::{RemoteDialect, RemoteWrite, RemoteWriter, StatementId, TableSpec};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{SinkExt, StreamExt};

use tokio_postgres::error::{DbError, Severity};

use super::{
    dialect::Dialect,
    encode::{self, Encoder, HEADER, TRAILER},
    error,
    members::{FORGET, known_as},
    pool::{Lease, Pool},
    staging::{self, Cast, Staging},
    types::{BIGNUMERIC, NUMERIC},
};

/// How many bytes of rows are put together before they are sent.
const PIECE: usize = 1 << 18;

/// Writes to the tables of one connection.
pub(super) struct Writer {
    pub(super) pool: Arc<Pool>,
}

#[async_trait]
impl RemoteWriter for Writer {
    async fn write(&self, write: &RemoteWrite, rows: SendableRecordBatchStream) -> Result<u64> {
        let lease = self.pool.lease().await?;
        let written = copy(&lease, write, rows).await;
        let failed = written.is_err();
        // Whatever was begun is over: rolled back, or committed.
        if !failed || lease.client().batch_execute("ROLLBACK").await.is_ok() {
            lease.release();
        }
        written
    }

    async fn announce(&self, statement: StatementId) -> Box<dyn Any + Send + Sync> {
        Box::new(self.pool.writing(statement).await)
    }
}

async fn copy(lease: &Lease, write: &RemoteWrite, mut rows: SendableRecordBatchStream) -> Result<u64> {
    let client = lease.client();
    let failed = |failure| error::request(lease.settings(), &failure, None);
    client.batch_execute(&begin(lease, write)?).await.map_err(failed)?;

    let names: Vec<String> =
        write.columns.fields().iter().map(|field| Dialect.identifier(field.name())).collect();
    let (table, names) = (qualified(&write.table), names.join(", "));
    let statement = client.prepare(&format!("SELECT {names} FROM {table}")).await.map_err(failed)?;
    lease.backend().has_described(statement.columns());
    let mut encoders = Vec::with_capacity(write.columns.fields().len());
    let mut columns = Vec::with_capacity(write.columns.fields().len());
    for (field, column) in write.columns.fields().iter().zip(statement.columns()) {
        let name = Dialect.identifier(field.name());
        if let Some(encoder) = Encoder::new(field.data_type(), column.type_(), Some(column.type_modifier())) {
            encoders.push(encoder);
            columns.push((name, None));
            continue;
        }
        let cast = Cast::new(field.data_type(), column.type_());
        let cast = cast.ok_or_else(|| not_written(field.name(), column.type_().name()))?;
        encoders.push(cast.encoder.clone());
        columns.push((name, Some(cast)));
    }
    let staging = Staging { table: &table, columns: &columns };
    let is_staged = columns.iter().any(|(_, cast)| cast.is_some());
    let copy = if is_staged {
        client.batch_execute(&staging.create()).await.map_err(failed)?;
        format!("COPY {} FROM STDIN (FORMAT binary)", staging::TABLE)
    } else {
        format!("COPY {table} ({names}) FROM STDIN (FORMAT binary)")
    };
    let mut sink = pin!(client.copy_in::<_, Bytes>(&copy).await.map_err(failed)?);
    let mut buffer = BytesMut::from(HEADER);
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(reading)?;
        encode::rows(&conformed(&batch, &write.columns)?, &encoders, &mut buffer)?;
        if buffer.len() >= PIECE {
            sink.feed(buffer.split().freeze()).await.map_err(failed)?;
        }
    }
    buffer.extend_from_slice(TRAILER);
    sink.feed(buffer.freeze()).await.map_err(failed)?;
    let mut count = sink.finish().await.map_err(failed)?;
    if is_staged {
        staging.check(client, write.columns.fields(), failed).await?;
        count = client.execute(&staging.insert(), &[]).await.map_err(failed)?;
    }
    write.points.reach("rows_sent");
    client.batch_execute("COMMIT").await.map_err(|failure| match failure.as_db_error() {
        // A backend that is ended may have committed before: one that waits for a standby has.
        Some(refused) if !is_fatal(refused) => failed(failure),
        Some(_) | None => {
            let server = lease.settings().server();
            Diagnostic::error(
                Code::Unreachable,
                format!("lost the connection to {server} while it committed"),
            )
            .detail(failure.to_string())
            .hint("Whether the rows are there is not known: look, before you run the statement again.")
        }
    })?;
    write.points.reach("remote_committed");
    Ok(count)
}

/// Whether the error is the backend's last word.
fn is_fatal(error: &DbError) -> bool {
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

/// Begins a transaction that writes, and makes the table if it is to be made.
fn begin(lease: &Lease, write: &RemoteWrite) -> Result<String> {
    let mut text = "BEGIN TRANSACTION READ WRITE".to_owned();
    text.push_str(&known_as(write.statement));
    if lease.backend().pooled {
        text.push_str(FORGET);
    }
    text.push_str("; SET LOCAL idle_in_transaction_session_timeout = 0");
    if let Some(timeout) = lease.settings().statement_timeout {
        text.push_str(&format!("; SET LOCAL statement_timeout = {}", timeout.as_millis()));
    }
    if write.create {
        text.push_str(&format!(
            "; CREATE TABLE {} ({})",
            qualified(&write.table),
            definitions(&write.columns)?
        ));
    }
    Ok(text)
}

fn qualified(table: &TableSpec) -> String {
    let schema = if table.schema.is_empty() { "public" } else { &table.schema };
    format!("{}.{}", Dialect.identifier(schema), Dialect.identifier(&table.name))
}

/// The columns of a new table.
fn definitions(columns: &Schema) -> Result<String> {
    let definition = |field: &Arc<arrow::datatypes::Field>| {
        let type_ = type_name(field.data_type()).ok_or_else(|| {
            let message = format!("column {:?} is of a type that PostgreSQL has no like of", field.name());
            Diagnostic::error(Code::Unsupported, message)
                .hint("Make the table there, with a composite type, and use INSERT; or select its fields.")
        })?;
        let never_null = if field.is_nullable() { "" } else { " NOT NULL" };
        Ok(format!("{} {type_}{never_null}", Dialect.identifier(field.name())))
    };
    Ok(columns.fields().iter().map(definition).collect::<Result<Vec<_>>>()?.join(", "))
}

fn type_name(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        // What promises nothing beyond GoogleSQL's own limits promises nothing there.
        DataType::Decimal128(precision, scale) if (*precision, *scale) == NUMERIC => "numeric".to_owned(),
        DataType::Decimal256(precision, scale) if (*precision, *scale) == BIGNUMERIC => "numeric".to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("numeric({precision},{scale})")
        }
        DataType::Utf8 => "text".to_owned(),
        DataType::Binary => "bytea".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Interval(_) => "interval".to_owned(),
        DataType::List(item) => format!("{}[]", type_name(item.data_type())?),
        _ => return None,
    })
}

/// The rows in exactly the types that they are written as: texts may be views, times of another unit.
fn conformed(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |(values, field): (&arrow::array::ArrayRef, &Arc<arrow::datatypes::Field>)| {
        cast_with_options(values, field.data_type(), &strict).map_err(|failure| {
            Diagnostic::error(
                Code::BadData,
                format!("what is written to column {:?} does not fit", field.name()),
            )
            .detail(failure.to_string())
        })
    };
    let values = batch.columns().iter().zip(columns.fields()).map(cast).collect::<Result<Vec<_>>>()?;
    let nullable = columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    RecordBatch::try_new(Arc::new(Schema::new(nullable.collect::<Vec<_>>())), values)
        .map_err(Diagnostic::internal)
}

fn not_written(column: &str, type_: &str) -> Diagnostic {
    Diagnostic::error(
        Code::Unsupported,
        format!("column {column:?} is of type {type_}, which is not written"),
    )
    .hint("Leave it out: list the other columns after the table's name.")
}

/// What went wrong where the rows come from, as it was said there.
fn reading(failure: DataFusionError) -> Diagnostic {
    match failure {
        DataFusionError::External(cause) => match cause.downcast::<Diagnostic>() {
            Ok(diagnostic) => *diagnostic,
            Err(other) => Diagnostic::error(Code::Remote, other.to_string()),
        },
        other => Diagnostic::error(Code::Invalid, other.strip_backtrace()),
    }
}

//! An opened connection: check, list, describe, and the SQL side.

use std::{collections::HashSet, sync::Arc, time::Instant};

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use firth_connector::{
    CheckReport, ColumnDescription, DecimalType, ReadScope, Relation, Remote, RemoteDialect, RemoteSql,
    SchemaSpec, StatementId, TableDescription, TableSpec,
};
use firth_diagnostic::{Code, Diagnostic, Result, did_you_mean};

use super::{
    client::{SpannerClient, SpannerCode},
    column::SpannerType,
    dialect::SpannerDialect,
    error::diagnostic,
    external_source::{self, DatabasePath},
    query_text,
    scope::SpannerScope,
};

/// A database behind a client.
pub(super) struct SpannerRemote {
    database: Option<DatabasePath>,
    client: Arc<dyn SpannerClient>,
}

impl SpannerRemote {
    /// Nothing is sent yet.
    pub(super) fn new(database: Option<DatabasePath>, client: Arc<dyn SpannerClient>) -> Self {
        SpannerRemote { database, client }
    }
}

#[async_trait]
impl Remote for SpannerRemote {
    async fn check(&self) -> Result<CheckReport> {
        let began = Instant::now();
        let server_version = self.client.version().await.map_err(diagnostic)?;
        Ok(CheckReport {
            latency: began.elapsed(),
            server_version,
            // The stand-in database lives in this process.
            tls: "none".to_owned(),
            identity: String::new(),
            warnings: Vec::new(),
        })
    }

    fn schema_spec(&self, external_source: &str) -> Result<SchemaSpec> {
        let named = external_source::parse(external_source)?;
        if let Some(database) = self.database.as_ref().filter(|database| **database != named) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("external source {external_source:?} is another database than the connection's"),
            )
            .hint(format!("The connection leads to {database}.")));
        }
        // Named schemas exist, but an external schema shows the default one, as in BigQuery.
        Ok(SchemaSpec { source: external_source.to_owned(), schema: String::new() })
    }

    async fn list(&self, schema: &SchemaSpec) -> Result<Vec<TableSpec>> {
        self.schema_spec(&schema.source)?;
        let names = self.client.list_tables().await.map_err(diagnostic)?;
        Ok(names.into_iter().map(|name| TableSpec { schema: String::new(), name }).collect())
    }

    async fn describe(&self, table: &TableSpec) -> Result<TableDescription> {
        if !table.schema.is_empty() {
            return Err(Diagnostic::error(
                Code::NotFound,
                format!("the Spanner database has no schema {:?}", table.schema),
            )
            .hint("Name the table alone: its schema is the default one."));
        }
        let described = match self.client.describe_table(&table.name).await {
            Ok(described) => described,
            Err(error) if error.code == SpannerCode::NotFound => {
                return Err(self.no_table(&table.name).await);
            }
            Err(error) => return Err(diagnostic(error)),
        };
        let field = |(name, kind): &(String, SpannerType)| Field::new(name, kind.arrow(), true);
        let column = |(_, kind): &(String, SpannerType)| ColumnDescription::of_type(kind.sql());
        Ok(TableDescription {
            table: TableSpec { schema: String::new(), name: described.name },
            schema: Arc::new(Schema::new(described.columns.iter().map(field).collect::<Vec<_>>())),
            columns: described.columns.iter().map(column).collect(),
            primary_key: Vec::new(),
            row_count: described.row_count,
            total_bytes: None,
            max_splits: self.client.max_partitions(),
        })
    }

    fn sql(self: Arc<Self>) -> Option<Arc<dyn RemoteSql>> {
        Some(self)
    }
}

impl SpannerRemote {
    async fn no_table(&self, name: &str) -> Diagnostic {
        let known = self.client.list_tables().await.unwrap_or_default();
        let near = did_you_mean(name, known.iter().map(String::as_str));
        Diagnostic::error(Code::NotFound, format!("the Spanner database has no table {name:?}"))
            .hint_if(near.map(|near| format!("Did you mean {near:?}?")))
    }
}

#[async_trait]
impl RemoteSql for SpannerRemote {
    fn dialect(&self) -> &dyn RemoteDialect {
        &SpannerDialect
    }

    /// Its NUMERIC is ours, whatever is asked for.
    async fn describe_query(
        &self,
        sql: &str,
        _decimals: Option<DecimalType>,
    ) -> Result<(Relation, TableDescription)> {
        let sql = query_text::single_select(sql)?;
        let schema = self.client.query_schema(sql).await.map_err(diagnostic)?;
        require_names(&schema)?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| SpannerType::holding(field.data_type()).map_or("", SpannerType::sql))
            .map(ColumnDescription::of_type)
            .collect();
        let description = TableDescription {
            table: TableSpec { schema: String::new(), name: String::new() },
            schema,
            columns,
            primary_key: Vec::new(),
            row_count: None,
            total_bytes: None,
            max_splits: self.client.max_partitions(),
        };
        Ok((Relation::Query(sql.to_owned()), description))
    }

    async fn begin(&self, _statement: StatementId, _scans: Option<usize>) -> Result<Arc<dyn ReadScope>> {
        let at = self.client.begin_read().await.map_err(diagnostic)?;
        Ok(Arc::new(SpannerScope::new(Arc::clone(&self.client), at)))
    }
}

/// A query in parentheses is read by its columns' names, so each needs one of its own.
fn require_names(schema: &SchemaRef) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, field) in schema.fields().iter().enumerate() {
        let message = match field.name().as_str() {
            "" => format!("column {} of the query has no name", index + 1),
            name if !seen.insert(name.to_ascii_lowercase()) => {
                format!("two columns of the query are named {name:?}")
            }
            _ => continue,
        };
        return Err(Diagnostic::error(Code::Invalid, message)
            .hint("Give each column of the inner query a name of its own with AS."));
    }
    Ok(())
}

//! An opened PostgreSQL connection.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use firth_connector::{
    CheckReport, DecimalType, ReadScope, Relation, Remote, RemoteDialect, RemoteScan, RemoteSql,
    RemoteWriter, SchemaSpec, StatementId, TableDescription, TableSpec,
};
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{
    backend::Server,
    catalog,
    dialect::Dialect,
    error,
    options::{Settings, TlsMode},
    pool::Pool,
    query,
    scope::Scope,
    splits,
    write::Writer,
};

/// An opened connection. Sends nothing until asked.
pub(super) struct PostgresRemote {
    pool: Arc<Pool>,
}

impl PostgresRemote {
    pub(super) fn new(settings: Settings) -> Self {
        PostgresRemote { pool: Pool::new(Server::new(settings)) }
    }

    fn settings(&self) -> &Settings {
        &self.pool.server.settings
    }
}

#[async_trait]
impl Remote for PostgresRemote {
    async fn check(&self) -> Result<CheckReport> {
        let before = Instant::now();
        let lease = self.pool.lease_new().await?;
        let sql =
            "SELECT pg_catalog.current_setting('server_version'), session_user::text, current_user::text";
        let answer = lease.client().query_typed(sql, &[]).await;
        let row = match answer.as_deref() {
            Ok([row]) => row,
            Ok(_) => return Err(Diagnostic::internal("one row was asked for")),
            Err(failure) => return Err(error::request(self.settings(), failure, None)),
        };
        let (version, session, current): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let report = CheckReport {
            latency: before.elapsed(),
            server_version: format!("PostgreSQL {version}"),
            tls: lease.backend().tls_version.to_owned(),
            identity: if session == current { session } else { format!("{session} as {current}") },
            warnings: self.settings().tls.warning().map(str::to_owned).into_iter().collect(),
        };
        lease.release();
        Ok(report)
    }

    fn schema_spec(&self, external_source: &str) -> Result<SchemaSpec> {
        let wrong = |message: String| {
            let hint = format!("Write 'postgres://{}/schema'.", self.settings().database);
            Diagnostic::error(Code::Invalid, message).hint(hint)
        };
        let path =
            ["postgres://", "postgresql://"].iter().find_map(|scheme| external_source.strip_prefix(scheme));
        let Some(path) = path else {
            return Err(wrong(format!(
                "external_source {external_source:?} does not begin with postgres://"
            )));
        };
        let (database, schema) = path.split_once('/').unwrap_or((path, ""));
        if schema.contains('/') {
            return Err(wrong(format!(
                "external_source {external_source:?} has more than a database and a schema"
            )));
        }
        if path.contains('@') {
            return Err(wrong("external_source holds a user name or password".to_owned()));
        }
        if !database.is_empty() && database != self.settings().database {
            let ours = &self.settings().database;
            return Err(wrong(format!(
                "external_source names database {database:?}, the connection {ours:?}"
            )));
        }
        let schema = if schema.is_empty() { "public" } else { schema };
        Ok(SchemaSpec { source: external_source.to_owned(), schema: schema.to_owned() })
    }

    async fn list(&self, schema: &SchemaSpec) -> Result<Vec<TableSpec>> {
        catalog::list(&self.pool, schema).await
    }

    async fn describe(&self, table: &TableSpec) -> Result<TableDescription> {
        catalog::describe(&self.pool, table).await
    }

    fn sql(self: Arc<Self>) -> Option<Arc<dyn RemoteSql>> {
        Some(self)
    }
}

#[async_trait]
impl RemoteSql for PostgresRemote {
    fn dialect(&self) -> &dyn RemoteDialect {
        &Dialect
    }

    async fn describe_query(
        &self,
        sql: &str,
        decimals: Option<DecimalType>,
    ) -> Result<(Relation, TableDescription)> {
        query::describe(&self.pool, sql, decimals).await
    }

    fn reading(&self, scan: &RemoteScan) -> Option<String> {
        Some(splits::foreseen(scan).to_owned())
    }

    fn writer(&self) -> Option<Arc<dyn RemoteWriter>> {
        Some(Arc::new(Writer { pool: Arc::clone(&self.pool) }))
    }

    async fn begin(&self, statement: StatementId, scans: Option<usize>) -> Result<Arc<dyn ReadScope>> {
        Ok(Arc::new(Scope::new(Arc::clone(&self.pool), statement, scans)))
    }
}

impl TlsMode {
    /// What to know about a mode that proves less than `verify-full`.
    fn warning(self) -> Option<&'static str> {
        match self {
            TlsMode::Disable => {
                Some("sslmode = 'disable': everything but the password crosses the network in the clear.")
            }
            TlsMode::Require => {
                Some("sslmode = 'require' takes any certificate: whoever answers could be someone else.")
            }
            TlsMode::VerifyCa => {
                Some("sslmode = 'verify-ca' does not look at the name in the server's certificate.")
            }
            TlsMode::VerifyFull => None,
        }
    }
}

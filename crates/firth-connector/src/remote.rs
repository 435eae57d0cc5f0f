//! An opened connection.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use firth_diagnostic::{Code, Diagnostic, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Objects, RemoteSql, SchemaSpec, TableDescription, TableSpec};

/// Which connection a plan means: its identity, and what to call it.
///
/// `uuid` is made with the connection and dies with it: a connection dropped and made again under the
/// same name is another one. Equality is by `uuid` alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoteId {
    /// The identity.
    pub uuid: Uuid,
    /// The printed name, such as `us.shop`; empty where there is no connection (local files).
    pub name: String,
    /// The connection type, such as `POSTGRES`.
    pub kind: String,
}

impl PartialEq for RemoteId {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl Eq for RemoteId {}

impl std::hash::Hash for RemoteId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Which statement of which session: sent to sources that can note it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatementId(pub Uuid);

impl StatementId {
    /// A fresh one.
    pub fn random() -> Self {
        StatementId(Uuid::new_v4())
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// What CHECK CONNECTION found in its one round trip. Empty texts mean "the source does not say".
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// From the first byte sent to the answer, including the TLS handshake.
    pub latency: Duration,
    /// The server's name and version.
    pub server_version: String,
    /// `TLSv1.3`, `none` …
    pub tls: String,
    /// Whom the source takes us for.
    pub identity: String,
    /// Sentences about settings that work but should not stay, such as TLS without verification.
    pub warnings: Vec<String>,
}

/// An opened connection. Cheap to keep: sends nothing until asked.
///
/// Messages from here have no span; the engine adds the place where the connection was named.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Proves reachability and credentials in one cheap round trip.
    async fn check(&self) -> Result<CheckReport>;

    /// Validates the `external_source` of CREATE EXTERNAL SCHEMA. Sends nothing.
    fn schema_spec(&self, external_source: &str) -> Result<SchemaSpec> {
        let _ = external_source;
        Err(Diagnostic::error(Code::Unsupported, "this connection has no schemas of tables")
            .hint("`CREATE EXTERNAL TABLE … WITH CONNECTION` reads files from it."))
    }

    /// The tables of a schema, in name order, without describing them.
    async fn list(&self, schema: &SchemaSpec) -> Result<Vec<TableSpec>> {
        self.schema_spec(&schema.source).map(|_| Vec::new())
    }

    /// A table's columns, key and statistics. `NotFound` if there is none of that name.
    async fn describe(&self, table: &TableSpec) -> Result<TableDescription> {
        Err(Diagnostic::error(Code::NotFound, format!("this connection has no table {:?}", table.name)))
    }

    /// The SQL side, for EXTERNAL_QUERY and scans.
    fn sql(self: Arc<Self>) -> Option<Arc<dyn RemoteSql>> {
        None
    }

    /// The object-store side, for files.
    fn objects(self: Arc<Self>) -> Option<Arc<dyn Objects>> {
        None
    }
}

//! PostgreSQL, under three names: POSTGRES, CLOUD_SQL with `type = 'POSTGRES'`, and ALLOYDB.
//!
//! All three speak one protocol and share all the code; they differ in their option tables only.
//! Rows come as `COPY (…) TO STDOUT (FORMAT binary)` and are decoded straight into Arrow builders.
//!
//! ```text
//! options    what a connection is made of      tls, certificate   who the server is
//! backend    one server process of ours        password_guard     no password in the clear
//! pool       at most `max_backends` of them    error              the server's words, for a person
//! remote     check, list, describe             query, query_text  EXTERNAL_QUERY's text
//! scope      one statement's reads             members            its backends, in one snapshot
//! budget     how much it may read
//! splits     a table in parts, by places        ranges             by a column's values
//! reading    a read's bytes, and its end
//! mapping    what becomes of which type        type_tree          types that a database made itself
//! types      how each is sent                  copy, column, nested, numeric   bytes into Arrow
//! write      rows into a table                  encode             Arrow into bytes
//! dialect    what may be pushed, and how it is written
//! counted    a COPY without a server, for benchmarks
//! ```

mod backend;
mod budget;
mod calendar;
mod catalog;
mod certificate;
mod column;
mod copy;
pub(crate) mod counted;
mod dialect;
mod encode;
mod error;
mod mapping;
mod members;
mod nested;
mod numeric;
mod options;
mod password_guard;
mod pool;
mod query;
mod query_text;
mod ranges;
mod reading;
mod remote;
mod scope;
mod splits;
mod staging;
mod tls;
mod type_tree;
mod types;
mod write;

use std::sync::Arc;

use firth_connector::{ConnectionType, Connector, Options, Remote, RemoteId};
use firth_diagnostic::Result;

use self::{options::Settings, remote::PostgresRemote};

/// The PostgreSQL connector.
#[derive(Debug)]
pub(crate) struct Postgres;

static TYPES: [ConnectionType; 3] = [
    ConnectionType {
        name: "POSTGRES",
        when: None,
        options: options::POSTGRES,
        schemes: &[],
        endpoint: options::endpoint,
        doc: "Tables of a PostgreSQL server.",
    },
    ConnectionType {
        name: "CLOUD_SQL",
        when: Some(("type", "POSTGRES")),
        options: options::CLOUD_SQL,
        schemes: &[],
        endpoint: options::endpoint,
        doc: "Tables of a Cloud SQL instance of PostgreSQL.",
    },
    ConnectionType {
        name: "ALLOYDB",
        when: None,
        options: options::ALLOYDB,
        schemes: &[],
        endpoint: options::endpoint,
        doc: "Tables of an AlloyDB instance.",
    },
];

impl Connector for Postgres {
    fn connection_types(&self) -> &'static [ConnectionType] {
        &TYPES
    }

    fn open(
        &self,
        _id: RemoteId,
        connection_type: &'static ConnectionType,
        options: Options,
    ) -> Result<Arc<dyn Remote>> {
        let settings = Settings::try_new(connection_type.name, &options)?;
        Ok(Arc::new(PostgresRemote::new(settings)))
    }
}

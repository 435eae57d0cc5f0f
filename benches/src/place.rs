//! What engines are told before a suite: which tables there are, where, and how to get there.

use std::path::Path;

use firth_testkit::{servers::Servers, tpch::Table};
use serde::Serialize;

use crate::{data::Data, suite::Suite};

/// Where a table lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum At {
    /// In Parquet files of a local folder.
    Local,
    /// In Parquet files of a bucket.
    S3,
    /// In a PostgreSQL table.
    Postgres,
}

/// All that an engine needs to know of a suite's sources. It goes to the engines' programs as JSON.
///
/// A PostgreSQL server is to be seen as `shop`, with its tables; every table of `tables` as `tpch.NAME`.
#[derive(Serialize)]
pub(crate) struct SetUp {
    pub(crate) tables: Vec<TableAt>,
    pub(crate) s3: Option<S3At>,
    pub(crate) postgres: Option<PostgresAt>,
    /// How many threads each engine may use.
    pub(crate) threads: usize,
}

/// A table and where it lies.
#[derive(Serialize)]
pub(crate) struct TableAt {
    pub(crate) name: String,
    pub(crate) at: At,
    /// Its files, with a `*`; empty for a table in a database.
    pub(crate) uri: String,
}

/// An S3 server.
#[derive(Serialize)]
pub(crate) struct S3At {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
}

/// A PostgreSQL server.
#[derive(Serialize)]
pub(crate) struct PostgresAt {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) ca: String,
    pub(crate) psql: String,
}

impl SetUp {
    /// What a suite needs.
    pub(crate) fn of(suite: &Suite, data: &Data, servers: &Servers, threads: usize) -> SetUp {
        let mut tables: Vec<TableAt> = Table::ALL
            .iter()
            .map(|table| {
                let at = (suite.place)(table.name());
                TableAt { name: table.name().to_string(), at, uri: uri(at, table.name(), data) }
            })
            .collect();
        let keys = data.keys_folder();
        tables.push(TableAt { name: "wanted_keys".to_string(), at: At::Local, uri: local(&keys) });
        let s3 = servers.s3.as_ref().filter(|_| suite.uses(At::S3)).map(|s3| S3At {
            endpoint: s3.endpoint.clone(),
            region: s3.region.clone(),
            bucket: s3.bucket.clone(),
            key_id: s3.access_key_id.clone(),
            secret: s3.secret_access_key.clone(),
        });
        let postgres =
            servers.postgres.as_ref().filter(|_| suite.uses(At::Postgres)).map(|postgres| PostgresAt {
                host: postgres.host.clone(),
                port: postgres.port,
                database: postgres.database.clone(),
                user: postgres.user.clone(),
                password: postgres.password.clone(),
                ca: postgres.ca.clone(),
                psql: postgres.psql.clone(),
            });
        SetUp { tables, s3, postgres, threads }
    }
}

fn uri(at: At, table: &str, data: &Data) -> String {
    match at {
        At::Local => local(&data.folder.join(table)),
        At::S3 => format!("s3://{}/{}/{table}/*.parquet", data.bucket, data.prefix()),
        At::Postgres => String::new(),
    }
}

fn local(folder: &Path) -> String {
    format!("{}/*.parquet", folder.display())
}

//! Datasets: native ones, which hold tables, and external ones, which show a remote's.

use chrono::{DateTime, Utc};
use firth_connector::SchemaSpec;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ConnectionName, DatasetName};

/// What CREATE SCHEMA or CREATE EXTERNAL SCHEMA asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetDefinition {
    /// The name.
    pub name: DatasetName,
    /// Native or external.
    pub kind: DatasetKind,
    /// The option `description`.
    pub description: Option<String>,
}

/// Where a dataset's tables are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DatasetKind {
    /// In this catalog.
    Native,
    /// At a remote, listed and described on demand. Nothing can be created in it from here.
    External {
        /// The connection, bound by name.
        connection: ConnectionName,
        /// Which tables of it.
        schema: SchemaSpec,
        /// The `external_source` as written.
        external_source: String,
    },
}

impl DatasetKind {
    /// The connection that its tables need.
    pub fn connection(&self) -> Option<&ConnectionName> {
        match self {
            DatasetKind::Native => None,
            DatasetKind::External { connection, .. } => Some(connection),
        }
    }
}

/// A dataset as it was recorded when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetRecord {
    /// The identity.
    pub uuid: Uuid,
    /// The name.
    pub name: DatasetName,
    /// Native or external.
    pub kind: DatasetKind,
    /// The option `description`.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

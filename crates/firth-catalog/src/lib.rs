//! Connections, datasets, tables and the audit trail: definitions, sealing, the SQLite store.
//!
//! A [`Catalog`] is a folder with a SQLite database in it. It is what Firth knows between two starts:
//! named connections with their options, whose secrets are sealed; datasets; tables and views; which
//! files are a native table's at which snapshot; and who changed what. It plans nothing and reaches no network.
//!
//! - Every management method is one transaction, and its audit row is part of it: both are there
//!   after a crash, or neither is.
//! - Nothing is cached in the process but the sealing key, so several shells at once see each other's
//!   changes.
//! - A plaintext secret enters through [`firth_connector::Options`] and leaves through
//!   [`Catalog::unseal`]; the files hold ciphertext only.

mod audit;
mod catalog;
mod connection;
mod dataset;
mod error;
mod export_run;
mod home;
mod name;
mod native;
mod sealing;
mod store;
mod table;

#[cfg(test)]
mod tests;

pub use audit::{Actor, AuditRecord};
pub use catalog::{Catalog, Created, DropBehavior, OnExisting};
pub use connection::{ConnectionDefinition, ConnectionRecord};
pub use dataset::{DatasetDefinition, DatasetKind, DatasetRecord};
pub use export_run::{ExportLock, ExportRun, ExportUpload};
pub use name::{ConnectionName, DatasetName, TableName};
pub use native::{
    AsOf, COLUMN_ID, ColumnStatistics, Commit, DataFile, DeleteFile, NativeChange, NativeDefinition,
    NativeShape, NativeState, NativeTable, NewDataFile, NewDeleteFile,
};
pub use sealing::{CatalogOptions, KeySource};
pub use store::lake::{Expired, numbered_columns};
pub use table::{
    ExternalTable, MaterializedView, TableDefinition, TableKind, TableKindName, TableRecord, View,
};

//! Resolve: from names to tables, before planning. The only I/O on the way to a plan.

mod columns;
mod connection;
mod external_query;
mod file_read;
mod information_schema;
mod materialized;
mod native;
mod query;
mod table;
mod temporary;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use datafusion::{catalog::TableProvider, prelude::SessionContext};
use firth_connector::Remotes;
use firth_diagnostic::Result;

use crate::{
    Session, context::statement_context, error::from_datafusion, files::ExternalFiles,
    materialized::Materialized, rejected::RejectedRows, store::StatementStores,
};

pub(crate) use connection::{RemotePool, connection_reference, stored_type};
pub(crate) use query::{PlannedQuery, headed_schema};
pub(crate) use table::{external_table_options, is_of_objects, no_table};
pub(crate) use temporary::{TableHome, TemporaryCatalog};

/// One statement's resolver: its stores, its remotes, and DataFusion's context with its tables.
pub(crate) struct Resolver<'a> {
    pub(crate) session: &'a Session,
    pub(crate) remotes: Arc<Remotes>,
    pub(crate) stores: Arc<StatementStores>,
    pub(crate) context: SessionContext,
    /// The file tables of the statement, to be searched for the row that a reader stumbled over.
    pub(crate) files: std::sync::Mutex<Vec<Arc<ExternalFiles>>>,
    /// The snapshot at which all native tables of the statement are read, once one was.
    snapshot: std::sync::OnceLock<i64>,
    /// The native tables that the statement reads, each with its snapshot.
    tables_read: std::sync::Mutex<BTreeSet<(String, i64)>>,
    /// Tables of the statement alone, by a name that no other table has.
    own_tables: std::sync::Mutex<HashMap<String, Arc<dyn TableProvider>>>,
    /// Which rows of materialized views the statement reads.
    pub(crate) materialized: Materialized,
}

impl<'a> Resolver<'a> {
    pub(crate) fn try_new(session: &'a Session, remotes: Arc<Remotes>) -> Result<Self> {
        let stores = Arc::new(StatementStores::new(Arc::clone(&session.caches)));
        let context = statement_context(
            &session.settings(),
            session.memory(),
            Arc::clone(&stores),
            Arc::clone(&remotes),
        )
        .map_err(from_datafusion)?;
        Ok(Resolver {
            session,
            remotes,
            stores,
            context,
            files: std::sync::Mutex::default(),
            snapshot: std::sync::OnceLock::new(),
            tables_read: std::sync::Mutex::default(),
            own_tables: std::sync::Mutex::default(),
            materialized: Materialized::default(),
        })
    }

    /// The rows of files that the statement leaves out.
    pub(crate) fn rejected_rows(&self) -> Arc<RejectedRows> {
        self.context.state().config().get_extension().unwrap_or_default()
    }
}

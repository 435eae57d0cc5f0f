//! Materialized views: a query whose rows are kept, and read while they are young enough. docs/adr/0045.
//!
//! `freshness` has the rule which rows a read gets, `refresh` puts new ones in the place of the old, one at a time
//! (`turn`). A statement decides once for each view that it names: `Materialized` is what it has decided.

mod freshness;
mod refresh;
mod turn;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use firth_catalog::{Catalog, MaterializedView, NativeState, TableKind, TableName};
use firth_connector::OptionSpec;
use firth_diagnostic::{Code, Diagnostic, Result};

use crate::resolve::no_table;

pub(crate) use freshness::{Freshness, Reading};
pub(crate) use refresh::{Refreshed, query_of, refresh};
pub(crate) use turn::LOCK;

/// The options of CREATE MATERIALIZED VIEW.
pub const MATERIALIZED_VIEW_OPTIONS: &[OptionSpec] = &[
    OptionSpec::interval("max_staleness").doc(
        "How old the rows may be that a read gets, from 0; by default 0: every read asks the sources.",
    ),
    OptionSpec::int64("refresh_interval_minutes").doc(
        "After how many minutes a read refreshes the view, from 1 to 10080, if that is earlier than max_staleness.",
    ),
    OptionSpec::bool("enable_refresh")
        .default("TRUE")
        .doc("Whether a read refreshes the view when its rows are too old; else it asks the sources."),
    OptionSpec::bool("allow_non_incremental_definition")
        .doc("Read for BigQuery's sake: no view is refreshed in part."),
    OptionSpec::string("description").doc("A sentence about the view."),
    OptionSpec::string("friendly_name").doc("Read for BigQuery's sake, and shown again."),
];

/// What a statement does about the materialized views that it reads.
#[derive(Default)]
pub(crate) struct Materialized {
    /// The views that are being refreshed around this: to read one of them would be a circle.
    around: Vec<TableName>,
    /// Whether nothing is refreshed, for the statement only tells what it would do.
    only_told: AtomicBool,
    decided: tokio::sync::Mutex<HashMap<TableName, Decided>>,
}

/// Which rows of a view the statement reads, and the reason in words.
#[derive(Clone)]
pub(crate) struct Decided {
    pub(crate) rows: ReadRows,
    pub(crate) reason: String,
}

/// The rows of a materialized view that a statement reads.
#[derive(Clone)]
pub(crate) enum ReadRows {
    /// Those that are kept.
    Kept(NativeState),
    /// Those that its query has now.
    Current,
}

impl Materialized {
    /// What a view's own query does that reads views, below those that are being refreshed.
    pub(crate) fn below(&self, name: &TableName) -> Self {
        let around = self.around.iter().cloned().chain([name.clone()]).collect();
        Materialized { around, ..Materialized::default() }
    }

    /// Whether the query is a view's that is kept.
    pub(crate) fn is_of_view(&self) -> bool {
        !self.around.is_empty()
    }

    /// Whether this view is being refreshed around the query.
    pub(crate) fn is_around(&self, name: &TableName) -> bool {
        self.around.contains(name)
    }

    /// From now on nothing is refreshed.
    pub(crate) fn only_tell(&self) {
        self.only_told.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_only_told(&self) -> bool {
        self.only_told.load(Ordering::Relaxed)
    }

    /// What was decided about a view, or is by `decide` now. One decision is made at a time.
    pub(crate) async fn decided(
        &self,
        name: &TableName,
        decide: impl Future<Output = Result<Decided>>,
    ) -> Result<ReadRows> {
        let mut decided = self.decided.lock().await;
        if let Some(known) = decided.get(name) {
            return Ok(known.rows.clone());
        }
        let new = decide.await?;
        let rows = new.rows.clone();
        decided.insert(name.clone(), new);
        Ok(rows)
    }

    /// The views that were read and why so, in the order of their names.
    pub(crate) async fn reasons(&self) -> Vec<(String, String)> {
        let decided = self.decided.lock().await;
        let mut reasons: Vec<_> =
            decided.iter().map(|(name, decided)| (name.to_string(), decided.reason.clone())).collect();
        reasons.sort();
        reasons
    }
}

/// The materialized view of this name, or an error that says what the name is.
pub(crate) fn known_view(catalog: &Catalog, name: &TableName) -> Result<MaterializedView> {
    let Some(record) = catalog.table(name)? else {
        let tables = catalog.tables(&name.dataset_name())?;
        return Err(no_table(name, tables.iter().map(|table| table.name.table.as_str())));
    };
    match record.kind {
        TableKind::Materialized(view) => Ok(view),
        kind @ (TableKind::Native(_) | TableKind::External(_) | TableKind::View(_)) => {
            let is = kind.name().with_article();
            Err(Diagnostic::error(Code::Invalid, format!("{name} is {is}, and no materialized view"))
                .hint("`SHOW MATERIALIZED VIEWS` lists those there are."))
        }
    }
}

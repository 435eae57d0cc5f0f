//! Materialized views in FROM: which of their rows the statement reads.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use firth_catalog::{AsOf, MaterializedView, TableName};
use firth_diagnostic::{Code, Diagnostic, Result};

use super::{Resolver, no_table};
use crate::materialized::{Decided, Freshness, ReadRows, Reading, known_view, refresh};

impl<'a> Resolver<'a> {
    /// A resolver for the query of a materialized view: with tables, reads and a snapshot of its own. Neither
    /// parameters nor temporary tables are the query's.
    pub(crate) fn for_view(&self, name: &TableName) -> Result<Resolver<'a>> {
        let mut own = Resolver::try_new(self.session, self.remotes.apart())?;
        own.materialized = self.materialized.below(name);
        Ok(own)
    }

    /// A materialized view as the statement sees it.
    pub(super) async fn materialized_view(
        &self,
        name: &TableName,
        view: &MaterializedView,
        depth: usize,
    ) -> Result<Arc<dyn TableProvider>> {
        if self.materialized.is_around(name) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("materialized view {name} contains itself"),
            )
            .hint("Make one of the views in the circle anew without it."));
        }
        match self.materialized.decided(name, self.decide(name)).await? {
            ReadRows::Kept(state) => {
                let catalog = self.session.catalog()?;
                self.reads_table(name, &state);
                Ok(Arc::new(self.native_files(catalog, &state, false).await?))
            }
            ReadRows::Current => self.view(name, "materialized view", &view.sql, None, depth).await,
        }
    }

    async fn decide(&self, name: &TableName) -> Result<Decided> {
        let catalog = self.session.catalog()?;
        let reading = Freshness::of(&known_view(catalog, name)?)?;
        let reason = reading.in_words().to_owned();
        match reading {
            Reading::Kept => {}
            Reading::NoneAllowed | Reading::NoRefresh => {
                return Ok(Decided { rows: ReadRows::Current, reason });
            }
            // What a rehearsal tells is what would be asked of the sources.
            Reading::RefreshFirst if self.session.options.rehearsal => {
                return Ok(Decided { rows: ReadRows::Current, reason });
            }
            Reading::RefreshFirst if self.materialized.is_only_told() => {}
            Reading::RefreshFirst => {
                let is_due = |view: &MaterializedView| Ok(Freshness::of(view)? == Reading::RefreshFirst);
                refresh(self, name, is_due).await?;
            }
        }
        // Not at the statement's snapshot: the rows are of an earlier moment anyway, or of a later one that it waited for.
        let Some(state) = catalog.native_table(name, AsOf::Now)? else {
            return Err(no_table(name, std::iter::empty()));
        };
        Ok(Decided { rows: ReadRows::Kept(state), reason })
    }
}

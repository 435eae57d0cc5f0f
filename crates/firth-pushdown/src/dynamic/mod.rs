//! Filters that operators above make while they run, as conditions for the source.
//!
//! A hash join knows its keys when its build side is read, a top-k the worst row it still wants. Both
//! are told to the scan as expressions that change. What is sent of them is always a superset: the
//! operators above filter again, so what cannot be said in the source's SQL is left out.
//!
//! ```text
//! CASE hash(k) % 2 WHEN 0 THEN k >= 1 AND k <= 5 AND k IN (1, 5) WHEN 1 THEN … k IN (2, 3) ELSE false
//!   wanted: k ∈ {1, 2, 3, 5}                                  the union over the join's partitions
//!   sent:   "k" = ANY ('{1,2,3,5}'::bigint[])
//! ```

mod wanted;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use datafusion::{
    physical_expr::{PhysicalExpr, expressions::DynamicFilterPhysicalExpr},
    physical_expr_common::physical_expr::snapshot_generation,
};
use firth_connector::RemoteDialect;

use self::wanted::wanted;
use crate::render::{Renderer, Scope};

/// The filters that operators above have told one scan of.
///
/// A plan that runs again from its start is told of new ones: see `RemoteScanExec::reset_state`.
#[derive(Clone, Debug, Default)]
pub(crate) struct DynamicFilters {
    filters: Vec<Arc<dyn PhysicalExpr>>,
    /// The last answer, and the state of the filters that it was given for.
    answer: Arc<Mutex<Option<(u64, Narrowed)>>>,
}

/// What the filters say at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Narrowed {
    /// Nothing that the source can be told.
    All,
    /// No row is wanted.
    Nothing,
    /// Rows that meet this condition, in the source's SQL.
    Where(Arc<str>),
}

impl DynamicFilters {
    /// These, and one more.
    pub(crate) fn with(&self, filters: impl IntoIterator<Item = Arc<dyn PhysicalExpr>>) -> Self {
        let mut all = self.filters.clone();
        all.extend(filters);
        DynamicFilters { filters: all, answer: Arc::default() }
    }

    /// The filters, for those who look whether anybody uses theirs.
    pub(crate) fn expressions(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.filters
    }

    /// What they say now. `scope` has the scan's columns, by the names they have here.
    ///
    /// Waits for nothing: a filter that has not arrived says nothing. Later answers only get narrower.
    pub(crate) fn narrowed(&self, dialect: &dyn RemoteDialect, scope: &Scope) -> Narrowed {
        if self.filters.is_empty() {
            return Narrowed::All;
        }
        let generation =
            self.filters.iter().fold(0_u64, |sum, filter| sum.wrapping_add(snapshot_generation(filter)));
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.as_ref() {
            Some((known, narrowed)) if *known == generation => narrowed.clone(),
            _ => {
                let narrowed = self.asked(&Renderer::new(dialect, scope));
                *answer = Some((generation, narrowed.clone()));
                narrowed
            }
        }
    }

    /// The last answer, if one was given.
    pub(crate) fn last(&self) -> Option<Narrowed> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.as_ref().map(|(_, narrowed)| narrowed.clone())
    }

    fn asked(&self, renderer: &Renderer<'_>) -> Narrowed {
        let mut conditions = Vec::new();
        for filter in &self.filters {
            match wanted(filter).rendered(renderer) {
                Narrowed::All => {}
                Narrowed::Nothing => return Narrowed::Nothing,
                Narrowed::Where(condition) => conditions.push(condition),
            }
        }
        match conditions.len() {
            0 => Narrowed::All,
            1 => Narrowed::Where(conditions.remove(0)),
            _ => Narrowed::Where(conditions.join(" AND ").into()),
        }
    }
}

/// Whether a filter changes while its plan runs.
pub(crate) fn is_dynamic(filter: &Arc<dyn PhysicalExpr>) -> bool {
    filter.is::<DynamicFilterPhysicalExpr>() || filter.children().into_iter().any(is_dynamic)
}

/// How many filters there are, and what became of them.
impl fmt::Display for DynamicFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.filters.len())?;
        match self.last() {
            None => Ok(()),
            Some(Narrowed::All) => {
                f.write_str(" (not sent: nothing had arrived that the source can be told)")
            }
            Some(Narrowed::Nothing) => f.write_str(" (not sent: no row was wanted, so none was asked for)"),
            Some(Narrowed::Where(condition)) => {
                write!(f, " (sent: {})", shortened(&condition))
            }
        }
    }
}

/// A condition for people: long lists of keys are cut.
fn shortened(condition: &str) -> String {
    const SHOWN: usize = 200;
    match condition.char_indices().nth(SHOWN) {
        None => condition.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", &condition[..end], condition.len()),
    }
}

#[cfg(test)]
mod tests;

//! Which folders of a partitioned table are listed: those that a query's filters leave, found level by level.
//!
//! A folder whose objects fit into one page is listed whole: that takes one request. Of a larger one the folders
//! below are listed, those that filters leave out are dropped, and the rest is walked in the same way:
//!
//! ```text
//! WHERE day = '2026-03-02' AND hour < 2
//! clicks/                 a full page, and its folders       2 requests
//!   day=2026-03-01/       left out
//!   day=2026-03-02/       a full page, and its folders       2 requests
//!     hour=0/  hour=1/    listed                             2 requests
//!     hour=2/ …           left out
//! ```
//!
//! Folders are found and not guessed: one value can be spelled in several ways (`month=1`, `month=01`, `a%20b`).

use std::collections::HashSet;

use datafusion::{
    arrow::datatypes::FieldRef, catalog::Session, common::ScalarValue, error::Result as DataFusionResult,
    logical_expr::Expr,
};
use firth_connector::object_error;
use firth_diagnostic::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectMeta, ObjectStore as _, path::Path};

use super::{HiveLayout, pruning};
use crate::{
    error::from_datafusion,
    store::{LIST_PAGE as PAGE, StoreHandle},
};

/// Folders listed at once.
const AT_ONCE: usize = 16;

/// What filters say of folders.
pub(super) struct FolderFilter<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) layout: &'a HiveLayout,
    /// The keys as columns, as plans call them.
    pub(super) keys: &'a [FieldRef],
    /// For each scan of the table its filters: what one of the scans may need is kept.
    pub(super) scans: &'a [Vec<Expr>],
}

/// What a walk came upon.
#[derive(Default)]
pub(super) struct Walked {
    /// All objects of the folders that are left; of others some may be among them.
    pub(super) objects: Vec<ObjectMeta>,
    /// The folders that filters left out.
    left_out: HashSet<Path>,
}

/// A folder, looked at.
struct Step {
    objects: Vec<ObjectMeta>,
    next: Vec<Path>,
    left_out: Vec<Path>,
}

impl Walked {
    /// Whether a filter left out any folder.
    pub(super) fn is_partial(&self) -> bool {
        !self.left_out.is_empty()
    }

    /// Whether a key lies in a folder that was left out.
    pub(super) fn leaves_out(&self, key: &Path) -> bool {
        let text = key.as_ref();
        self.is_partial()
            && text
                .match_indices('/')
                .filter_map(|(at, _)| Path::parse(&text[..at]).ok())
                .any(|folder| self.left_out.contains(&folder))
    }
}

impl FolderFilter<'_> {
    /// Lists what lies below `folder` and begins with `before`, but for folders that filters leave out.
    pub(super) async fn walk(
        &self,
        handle: &StoreHandle,
        folder: Path,
        before: &str,
        uri: &str,
    ) -> Result<Walked> {
        let mut walked = Walked::default();
        let mut level = vec![folder];
        while !level.is_empty() {
            let steps = level.into_iter().map(|folder| self.step(handle, folder, before, uri));
            let steps: Vec<Step> = stream::iter(steps).buffered(AT_ONCE).try_collect().await?;
            level = Vec::new();
            for step in steps {
                walked.objects.extend(step.objects);
                walked.left_out.extend(step.left_out);
                level.extend(step.next);
            }
        }
        Ok(walked)
    }

    async fn step(&self, handle: &StoreHandle, folder: Path, before: &str, uri: &str) -> Result<Step> {
        let store = &handle.store;
        let failed = |error| object_error(error, uri);
        let inner = |meta: ObjectMeta| ObjectMeta { location: store.inner_path(&meta.location), ..meta };
        let place = store.outer(&folder);
        let mut listing = store.list(Some(&place)).map_ok(inner);
        let page: Vec<ObjectMeta> = listing.by_ref().take(PAGE).try_collect().await.map_err(failed)?;
        let whole = |objects| Step { objects, next: Vec::new(), left_out: Vec::new() };
        if page.len() < PAGE {
            return Ok(whole(page));
        }
        if self.says_more_below(&folder) {
            let level = store.list_with_delimiter(Some(&place)).await.map_err(failed)?;
            let folders: Vec<Path> =
                level.common_prefixes.iter().map(|folder| store.inner_path(folder)).collect();
            let kept = self.keeps(&folders).map_err(from_datafusion)?;
            let count = kept.iter().filter(|kept| **kept).count();
            if is_worth_it(count, folders.len(), folders_among(&page, &folder)) {
                let (next, left_out): (Vec<_>, Vec<_>) =
                    folders.into_iter().zip(kept).partition(|(_, kept)| *kept);
                let next = next.into_iter().map(|(folder, _)| folder);
                return Ok(Step {
                    objects: level.objects.into_iter().map(inner).collect(),
                    next: next.filter(|folder| may_begin(folder, before)).collect(),
                    left_out: left_out.into_iter().map(|(folder, _)| folder).collect(),
                });
            }
        }
        let rest: Vec<ObjectMeta> = listing.try_collect().await.map_err(failed)?;
        Ok(whole(page.into_iter().chain(rest).collect()))
    }

    /// Whether a filter is about a key that the folder's path does not have yet.
    fn says_more_below(&self, folder: &Path) -> bool {
        let Some(values) = self.layout.leading_values(folder) else { return false };
        let later = &self.keys[values.len().min(self.keys.len())..];
        self.scans.iter().flatten().any(|filter| {
            pruning::is_about(filter, self.keys)
                && filter
                    .column_refs()
                    .iter()
                    .any(|column| later.iter().any(|key| *key.name() == column.name))
        })
    }

    /// For each folder whether files below it may have rows that a scan wants.
    fn keeps(&self, folders: &[Path]) -> DataFusionResult<Vec<bool>> {
        let known: Vec<Option<Vec<ScalarValue>>> =
            folders.iter().map(|folder| self.layout.leading_values(folder)).collect();
        let mut keeps: Vec<bool> =
            known.iter().map(|values| values.as_ref().is_none_or(Vec::is_empty)).collect();
        for depth in 1..=self.keys.len() {
            let places: Vec<usize> = (0..known.len())
                .filter(|place| known[*place].as_ref().is_some_and(|values| values.len() == depth))
                .collect();
            let values: Vec<Vec<ScalarValue>> =
                places.iter().filter_map(|place| known[*place].clone()).collect();
            if values.is_empty() {
                continue;
            }
            for filters in self.scans {
                let wanted = pruning::kept(self.session, filters, &self.keys[..depth], &values)?;
                for (place, wanted) in places.iter().zip(wanted) {
                    keeps[*place] |= wanted;
                }
            }
        }
        Ok(keeps)
    }
}

/// Whether listing `kept` of `all` folders takes fewer requests than listing everything. A page has objects of
/// `in_page` folders; the last of them may go on in the next one.
fn is_worth_it(kept: usize, all: usize, in_page: usize) -> bool {
    kept * in_page.saturating_sub(1).max(1) <= all
}

/// How many folders of `folder` have objects in a page.
fn folders_among(page: &[ObjectMeta], folder: &Path) -> usize {
    let names = page.iter().filter_map(|meta| meta.location.prefix_match(folder)?.next());
    names.map(|name| name.as_ref().to_owned()).collect::<HashSet<String>>().len()
}

/// Whether keys in a folder may begin with `before`.
fn may_begin(folder: &Path, before: &str) -> bool {
    let folder = format!("{folder}/");
    folder.starts_with(before) || before.starts_with(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_worth_it_where_it_takes_fewer_requests() {
        assert!(is_worth_it(1, 2, 1), "two large folders");
        assert!(is_worth_it(30, 3650, 100), "37 pages of 100 folders each");
        assert!(!is_worth_it(40, 3650, 100));
        assert!(!is_worth_it(999, 2000, 1000), "two pages of small folders");
        assert!(is_worth_it(0, 2000, 1000), "nothing is left");
    }

    #[test]
    fn a_key_is_left_out_with_any_folder_above_it() {
        let walked = Walked { left_out: HashSet::from([Path::from("t/a=1")]), ..Walked::default() };
        assert!(walked.leaves_out(&Path::from("t/a=1/b=2/x")));
        assert!(!walked.leaves_out(&Path::from("t/a=10/b=2/x")));
        assert!(!walked.leaves_out(&Path::from("t/a=1")), "it is a file of that name");
    }

    #[test]
    fn folders_that_a_pattern_cannot_match_are_seen() {
        let folder = Path::from("t/a=1");
        assert!(may_begin(&folder, "t/") && may_begin(&folder, "t/a=1/b") && may_begin(&folder, "t/a="));
        assert!(!may_begin(&folder, "t/a=2") && !may_begin(&folder, "t/a=10/"));
    }
}

//! Which objects a table is, and which of them a query's filters over `uri` leave to be listed.

use std::{fmt, sync::Arc};

use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Like, Operator, expr::InList},
};
use firth_connector::{Objects, OpenedRemote};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::path::Path;

use super::URI;
use crate::{
    files::objects_of,
    store::{StatementStores, StoreHandle},
};

/// The uris of a table, in order, and what a query wants of them.
#[derive(Clone)]
pub(super) struct Patterns {
    pub(super) patterns: Vec<Pattern>,
    objects: Arc<dyn Objects>,
    /// The only uris that a filter lets pass, if it names them.
    pub(super) named: Option<Vec<String>>,
}

/// One uri of a table.
#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) uri: String,
    pub(super) handle: StoreHandle,
    bucket: String,
    before: String,
    /// What stands behind the `*`, if there is one.
    after: Option<String>,
    /// The folder that is listed.
    pub(super) folder: Path,
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.patterns.iter().map(|pattern| &pattern.uri)).finish()
    }
}

impl Patterns {
    pub(super) fn try_new(stores: &StatementStores, remote: &OpenedRemote, uris: &[String]) -> Result<Self> {
        let objects = objects_of(remote)?;
        let mut patterns = Vec::with_capacity(uris.len());
        for uri in uris {
            let location = objects.locate(uri)?;
            let handle = stores.open(remote, &objects, &location)?;
            let (before, after) = match location.key.split_once('*') {
                Some((before, after)) => (before.to_owned(), Some(after.to_owned())),
                None => (location.key.clone(), None),
            };
            let folder = before.rfind('/').map_or("", |slash| &before[..slash]);
            let folder = Path::parse(folder).map_err(|error| {
                Diagnostic::error(Code::Invalid, format!("{uri:?} is not a uri: {error}"))
            })?;
            patterns.push(Pattern {
                uri: uri.clone(),
                handle,
                bucket: location.bucket,
                before,
                after,
                folder,
            });
        }
        Ok(Patterns { patterns, objects, named: None })
    }

    /// The same, without what the filters rule out by name or by folder. It may have more than passes.
    pub(super) fn narrowed(&self, filters: &[Expr]) -> Patterns {
        let mut narrowed = self.clone();
        for filter in filters {
            match wanted(filter) {
                Some(Wanted::Uris(uris)) => {
                    let kept = |uri: &String| narrowed.named.as_ref().is_none_or(|named| named.contains(uri));
                    let mut uris: Vec<String> = uris.into_iter().filter(kept).collect();
                    uris.sort_unstable();
                    uris.dedup();
                    narrowed.named = Some(uris);
                }
                Some(Wanted::Prefix(prefix)) => {
                    for pattern in &mut narrowed.patterns {
                        if let Some(folder) = self.folder_of(&prefix, pattern)
                            && folder.prefix_matches(&pattern.folder)
                        {
                            pattern.folder = folder;
                        }
                    }
                }
                None => {}
            }
        }
        narrowed
    }

    /// The key that a uri names in the bucket of a pattern; only if that object's uri is written so.
    pub(super) fn key_of(&self, uri: &str, pattern: &Pattern) -> Option<Path> {
        let location = self.objects.locate(uri).ok().filter(|location| location.bucket == pattern.bucket)?;
        let key = Path::parse(&location.key).ok()?;
        (self.objects.uri(&pattern.bucket, &key) == uri).then_some(key)
    }

    /// The folder that holds all objects of the pattern's bucket whose uris begin so.
    fn folder_of(&self, prefix: &str, pattern: &Pattern) -> Option<Path> {
        let (folder, _) = prefix.rsplit_once('/')?;
        // Uris are written part by part: below the folder of one object are all that begin like it.
        let below = self.key_of(&format!("{folder}/x"), pattern)?;
        let parts: Vec<_> = below.parts().collect();
        Some(parts[..parts.len().checked_sub(1)?].iter().cloned().collect())
    }

    /// Whether an object belongs to this pattern and to none before it.
    pub(super) fn is_first_of(&self, at: usize, key: &Path) -> bool {
        let own = &self.patterns[at];
        let earlier = self.patterns[..at].iter().filter(|pattern| pattern.handle.url == own.handle.url);
        own.matches(key) && !earlier.into_iter().any(|pattern| pattern.matches(key))
    }
}

impl Pattern {
    fn matches(&self, key: &Path) -> bool {
        let text = key.as_ref();
        match &self.after {
            None => text == self.before,
            Some(after) => {
                text.len() >= self.before.len() + after.len()
                    && text.starts_with(self.before.as_str())
                    && text.ends_with(after.as_str())
            }
        }
    }

    /// The key, if there is no `*`.
    pub(super) fn only_key(&self) -> Option<Path> {
        if self.after.is_some() {
            return None;
        }
        Path::parse(&self.before).ok()
    }
}

/// What a filter lets pass, if it is about uris.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Uris(Vec<String>),
    Prefix(String),
}

fn wanted(filter: &Expr) -> Option<Wanted> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let uri = if is_uri(left) {
                text(right)
            } else if is_uri(right) {
                text(left)
            } else {
                None
            };
            Some(Wanted::Uris(vec![uri?.to_owned()]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            match (wanted(left)?, wanted(right)?) {
                (Wanted::Uris(mut left), Wanted::Uris(right)) => {
                    left.extend(right);
                    Some(Wanted::Uris(left))
                }
                (Wanted::Prefix(_), _) | (_, Wanted::Prefix(_)) => None,
            }
        }
        Expr::InList(InList { expr, list, negated: false }) if is_uri(expr) => {
            let uris: Option<Vec<String>> = list.iter().map(|item| text(item).map(str::to_owned)).collect();
            uris.map(Wanted::Uris)
        }
        Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false })
            if is_uri(expr) =>
        {
            let pattern = text(pattern)?;
            // What an escape means is left to whoever matches it.
            let end = pattern.find(['%', '_', '\\']).unwrap_or(pattern.len());
            Some(Wanted::Prefix(pattern[..end].to_owned()))
        }
        Expr::ScalarFunction(function) if function.func.name() == "starts_with" => match &function.args[..] {
            [uri, prefix] if is_uri(uri) => Some(Wanted::Prefix(text(prefix)?.to_owned())),
            _ => None,
        },
        _ => None,
    }
}

fn is_uri(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == URI)
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Some(text),
        _ => None,
    }
}

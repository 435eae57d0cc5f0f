//! Which files a table is: uris to objects.

use std::sync::Arc;

use firth_connector::{Objects, OpenedRemote, object_error};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, path::Path};

use super::Staleness;
use crate::store::{StatementStores, StoreHandle};

/// The files of one bucket, in name order.
#[derive(Clone)]
pub(crate) struct ListedFiles {
    /// The bucket's store.
    pub(crate) handle: StoreHandle,
    /// The objects, with keys as the bucket has them.
    pub(crate) files: Vec<ObjectMeta>,
}

impl ListedFiles {
    /// How a user would write a file's uri.
    pub(crate) fn uri(&self, file: &ObjectMeta) -> String {
        self.handle.store.uri(&self.handle.store.outer(&file.location))
    }
}

/// Finds the files of `uris`, by bucket in the order first named. Fails if a uri matches none. A listing no
/// older than `staleness` is taken as it was.
///
/// From here on, reads of these objects in this statement get these objects or fail.
pub(crate) async fn list_files(
    stores: &StatementStores,
    remote: &OpenedRemote,
    uris: &[String],
    staleness: Staleness,
) -> Result<Vec<ListedFiles>> {
    let objects = objects_of(remote)?;
    let mut buckets: Vec<ListedFiles> = Vec::new();
    for uri in uris {
        let location = objects.locate(uri)?;
        let handle = stores.open(remote, &objects, &location)?;
        let known = stores.caches().listing(handle.store.id(), &location.key, staleness.0);
        let found = match known {
            Some(known) => known.as_ref().clone(),
            None => {
                let found = matching(&handle, &location.key, uri).await?;
                if !staleness.0.is_zero() {
                    stores.caches().keep_listing(handle.store.id(), &location.key, found.clone());
                }
                found
            }
        };
        let listed = match buckets.iter_mut().find(|listed| listed.handle.url == handle.url) {
            Some(listed) => listed,
            None => {
                buckets.push(ListedFiles { handle, files: Vec::new() });
                buckets.last_mut().expect("one was just pushed")
            }
        };
        listed.files.extend(found);
    }
    for listed in &mut buckets {
        // Two patterns may match one file, which is still one file.
        listed.files.sort_by(|a, b| a.location.cmp(&b.location));
        listed.files.dedup_by(|a, b| a.location == b.location);
        for file in &listed.files {
            listed.handle.store.remember(file);
        }
    }
    Ok(buckets)
}

/// Lists the files of `uris` anew, for those tables that may take an older listing.
pub(crate) async fn refresh_listing(
    stores: &StatementStores,
    remote: &OpenedRemote,
    uris: &[String],
) -> Result<()> {
    let objects = objects_of(remote)?;
    for uri in uris {
        let location = objects.locate(uri)?;
        let handle = stores.open(remote, &objects, &location)?;
        stores.caches().forget_listing(handle.store.id(), &location.key);
        let found = matching(&handle, &location.key, uri).await?;
        stores.caches().keep_listing(handle.store.id(), &location.key, found);
    }
    Ok(())
}

fn objects_of(remote: &OpenedRemote) -> Result<Arc<dyn Objects>> {
    Arc::clone(&remote.remote).objects().ok_or_else(|| {
        Diagnostic::error(
            Code::Invalid,
            format!("connection {} is of type {}, which has no files", remote.id, remote.id.kind),
        )
        .hint("`CREATE EXTERNAL SCHEMA … WITH CONNECTION` shows its tables.")
    })
}

async fn matching(handle: &StoreHandle, pattern: &str, uri: &str) -> Result<Vec<ObjectMeta>> {
    let store = &handle.store;
    let failed = |error| object_error(error, uri);
    let Some((before, after)) = pattern.split_once('*') else {
        let key = parse(pattern, uri)?;
        let meta = store.head(&store.outer(&key)).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => no_match(uri),
            other => failed(other),
        })?;
        return Ok(vec![ObjectMeta { location: key, ..meta }]);
    };
    let folder = before.rfind('/').map_or("", |slash| &before[..slash]);
    let prefix = store.outer(&parse(folder, uri)?);
    let mut found = Vec::new();
    let mut listing = store.list(Some(&prefix));
    while let Some(meta) = listing.try_next().await.map_err(failed)? {
        let key = store.inner_path(&meta.location);
        let text = key.as_ref();
        let matches =
            text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after);
        // Firth's own notes lie beside the files and are not among them.
        if matches && !key.filename().is_some_and(|name| name.starts_with("_firth_")) {
            found.push(ObjectMeta { location: key, ..meta });
        }
    }
    if found.is_empty() { Err(no_match(uri)) } else { Ok(found) }
}

fn parse(key: &str, uri: &str) -> Result<Path> {
    Path::parse(key)
        .map_err(|error| Diagnostic::error(Code::Invalid, format!("{uri:?} is not a uri: {error}")))
}

fn no_match(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("no file matches {uri:?}"))
        .hint("Check the path; a `*` matches any characters, slashes too.")
}

//! Which files a table is: uris to objects.

use std::sync::Arc;

use firth_connector::{Objects, OpenedRemote, object_error};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, path::Path};

use super::{
    Staleness,
    folder_walk::{FolderFilter, Walked},
};
use crate::{
    export::{self, Honoured, above_partitions, manifest_folder},
    store::{StatementStores, StoreHandle},
};

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
                let found = matching(&handle, &location.key, uri, None).await?;
                if !staleness.0.is_zero() {
                    stores.caches().keep_listing(handle.store.id(), &location.key, found.clone());
                }
                found
            }
        };
        add(&mut buckets, handle, found);
    }
    remember(&mut buckets);
    Ok(buckets)
}

/// The same, now, without folders that filters leave out. Of those it may have some files.
pub(super) async fn list_wanted_files(
    stores: &StatementStores,
    remote: &OpenedRemote,
    uris: &[String],
    filter: &FolderFilter<'_>,
) -> Result<Vec<ListedFiles>> {
    let objects = objects_of(remote)?;
    let mut buckets: Vec<ListedFiles> = Vec::new();
    for uri in uris {
        let location = objects.locate(uri)?;
        let handle = stores.open(remote, &objects, &location)?;
        let found = matching(&handle, &location.key, uri, Some(filter)).await?;
        add(&mut buckets, handle, found);
    }
    remember(&mut buckets);
    Ok(buckets)
}

fn add(buckets: &mut Vec<ListedFiles>, handle: StoreHandle, found: Vec<ObjectMeta>) {
    match buckets.iter_mut().find(|listed| listed.handle.url == handle.url) {
        Some(listed) => listed.files.extend(found),
        None => buckets.push(ListedFiles { handle, files: found }),
    }
}

fn remember(buckets: &mut [ListedFiles]) {
    for listed in buckets {
        // Two patterns may match one file, which is still one file.
        listed.files.sort_by(|a, b| a.location.cmp(&b.location));
        listed.files.dedup_by(|a, b| a.location == b.location);
        for file in &listed.files {
            listed.handle.store.remember(file);
        }
    }
}

/// How often a listing that changed under our eyes is made again.
const LISTINGS: usize = 3;

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
        let found = matching(&handle, &location.key, uri, None).await?;
        stores.caches().keep_listing(handle.store.id(), &location.key, found);
    }
    Ok(())
}

pub(crate) fn objects_of(remote: &OpenedRemote) -> Result<Arc<dyn Objects>> {
    Arc::clone(&remote.remote).objects().ok_or_else(|| {
        Diagnostic::error(
            Code::Invalid,
            format!("connection {} is of type {}, which has no files", remote.id, remote.id.kind),
        )
        .hint("`CREATE EXTERNAL SCHEMA … WITH CONNECTION` shows its tables.")
    })
}

async fn matching(
    handle: &StoreHandle,
    pattern: &str,
    uri: &str,
    filter: Option<&FolderFilter<'_>>,
) -> Result<Vec<ObjectMeta>> {
    let mut tries = 0;
    loop {
        let (honoured, is_partial) = match pattern.split_once('*') {
            None => (named(handle, pattern, uri).await?, false),
            Some((before, after)) => listed(handle, before, after, uri, filter).await?,
        };
        tries += 1;
        match honoured {
            Honoured::Files(files) if files.is_empty() && !is_partial => return Err(no_match(uri)),
            Honoured::Files(files) => return Ok(files),
            Honoured::Changed(error) if tries == LISTINGS => return Err(error),
            Honoured::Changed(_) => {}
        }
    }
}

/// The one file of this key.
async fn named(handle: &StoreHandle, key: &str, uri: &str) -> Result<Honoured> {
    let store = &handle.store;
    let key = parse(key, uri)?;
    let meta = store.head(&store.outer(&key)).await.map_err(|error| match error {
        object_store::Error::NotFound { .. } => no_match(uri),
        other => object_error(other, uri),
    })?;
    let found = vec![ObjectMeta { location: key.clone(), ..meta }];
    match manifest_folder(&key) {
        None => Ok(Honoured::Files(found)),
        // It is read whether it is there or not: no listing has told.
        Some(folder) => export::honoured(handle, &[folder], &[], found, |other| *other == key).await,
    }
}

/// The files of a folder, and below it, whose keys begin and end so; and whether a filter left out some of them.
async fn listed(
    handle: &StoreHandle,
    before: &str,
    after: &str,
    uri: &str,
    filter: Option<&FolderFilter<'_>>,
) -> Result<(Honoured, bool)> {
    let store = &handle.store;
    let folder = parse(before.rfind('/').map_or("", |slash| &before[..slash]), uri)?;
    let matches = |key: &Path| {
        let text = key.as_ref();
        text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
    };
    let (mut found, mut manifests) = (Vec::new(), Vec::new());
    let mut sort = |meta: ObjectMeta| {
        // Firth's own notes lie beside the files and are not among them.
        if meta.location.filename().is_some_and(|name| name.starts_with("_firth_")) {
            manifests.push(meta);
        } else if meta.size == 0 && meta.location.filename() == Some(export::SUCCESS_MARKER) {
            // It says that the others are there, and is none of them.
        } else if matches(&meta.location) {
            found.push(meta);
        }
    };
    let mut walked = Walked::default();
    match filter {
        None => {
            let mut listing = store.list(Some(&store.outer(&folder)));
            while let Some(meta) = listing.try_next().await.map_err(|error| object_error(error, uri))? {
                sort(ObjectMeta { location: store.inner_path(&meta.location), ..meta });
            }
        }
        Some(filter) => {
            walked = filter.walk(handle, folder.clone(), before, uri).await?;
            walked.objects.drain(..).for_each(sort);
        }
    }
    // The manifest of a partitioned export lies above its partitions' folders.
    let above: Vec<Path> = above_partitions(&folder).into_iter().collect();
    // A manifest that lies above tells of files in folders that were left out: they are not missing.
    let asked_for = |key: &Path| matches(key) && !walked.leaves_out(key);
    let honoured = export::honoured(handle, &above, &manifests, found, asked_for).await?;
    Ok((honoured, walked.is_partial()))
}

fn parse(key: &str, uri: &str) -> Result<Path> {
    Path::parse(key)
        .map_err(|error| Diagnostic::error(Code::Invalid, format!("{uri:?} is not a uri: {error}")))
}

fn no_match(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::NotFound, format!("no file matches {uri:?}"))
        .hint("Check the path; a `*` matches any characters, slashes too.")
}

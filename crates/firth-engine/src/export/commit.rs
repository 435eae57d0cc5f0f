//! The commit of an export, and how it is finished by whoever comes next: docs/adr/0020.

use std::time::{Duration, Instant};

use firth_connector::object_error;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use object_store::{ObjectMeta, ObjectStoreExt as _, PutPayload};
use uuid::Uuid;

use super::{Checkpoints, Destination, Export, ManifestFile, Snapshot, State, manifest::same_tag};

/// How long a manifest must have stayed as it is before another home finishes the commit.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// The name of the file that other programs wait for.
pub(crate) const SUCCESS_MARKER: &str = "_SUCCESS";
/// Completions under way at once.
const COMPLETIONS: usize = 8;

/// Why an entry was not put.
pub(crate) struct NotPut {
    /// For the user.
    pub(crate) error: Diagnostic,
    /// Whether it is certain that the entry is not there, and will not be.
    pub(crate) is_certain: bool,
}

impl NotPut {
    fn certainly(error: Diagnostic) -> Self {
        NotPut { error, is_certain: true }
    }
}

/// Puts `export` as the pattern's entry, if that entry is still the one of `before`: the commit point.
/// Changes of other patterns' entries are kept.
pub(crate) async fn put(
    destination: &Destination,
    before: &Snapshot,
    export: &Export,
) -> Result<Snapshot, NotPut> {
    let (path, pattern) = (destination.names.manifest(), destination.names.pattern());
    let uri = destination.uri_of(&path);
    let mut against = before.clone();
    loop {
        let mut manifest = against.manifest.clone();
        manifest.exports.insert(pattern.clone(), export.clone());
        let bytes = manifest.to_bytes().map_err(NotPut::certainly)?;
        let put = destination.staging.put_if(&path, bytes.into(), against.version.as_ref()).await;
        let refused = put.err();
        // A race may be with oneself: the answer may be to a second try of a put that was made. So what is
        // there decides, and without a look at it nothing is certain but a plain no.
        let is_no = refused.as_ref().is_some_and(is_no);
        let now = destination.manifest().await.map_err(|error| NotPut { error, is_certain: is_no })?;
        let entry = now.export(&pattern);
        let is_there = entry.is_some_and(|entry| entry.token == export.token);
        match refused {
            _ if is_there => return Ok(now),
            // It was there, and somebody else has already replaced it.
            None => return Ok(now),
            Some(error) if is_race(&error) && entry == before.export(&pattern) => against = now,
            Some(error) if is_race(&error) => return Err(NotPut::certainly(lost(&destination.uri))),
            Some(error) => {
                return Err(NotPut { error: object_error(error, &uri), is_certain: is_no });
            }
        }
    }
}

/// Whether another writer came first.
fn is_race(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })
}

/// Whether the store will not make the put, now or later.
fn is_no(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::NotImplemented { .. }
            | object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::NotFound { .. }
    )
}

fn lost(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("another export to {uri:?} was committed first"))
        .hint("Nothing of this one is there. Run it again, with `overwrite = true` to replace the other.")
}

/// Does everything that follows the commit point; also again, and also while another process does so.
pub(crate) async fn finish(
    destination: &Destination,
    committed: Snapshot,
    checkpoints: &Checkpoints,
) -> Result<Export> {
    let pattern = destination.names.pattern();
    let mut last_put = Instant::now();
    let mut snapshot = committed;
    let Some(export) = snapshot.export(&pattern).cloned() else {
        return Err(Diagnostic::internal("a commit has no entry to finish"));
    };
    if export.state == State::Complete {
        return Ok(export);
    }
    if export.success_marker {
        // It told of the files that are being replaced.
        delete(destination, &[SUCCESS_MARKER.to_owned()]).await?;
    }
    complete_all(destination, &export, checkpoints).await?;
    checkpoints.reach("completed");
    if last_put.elapsed() > LEASE / 2 {
        // Somebody may have taken this writer for dead, and have deleted or written since.
        snapshot = match claim(destination, &snapshot, &export).await? {
            Some(claimed) => claimed,
            None => return Ok(export),
        };
        last_put = Instant::now();
    }
    delete(destination, &export.delete).await?;
    checkpoints.reach("deleted");
    log::debug!("a commit's files were deleted {:?} after its last put", last_put.elapsed());
    let mut complete = snapshot.export(&pattern).cloned().unwrap_or(export);
    complete.state = State::Complete;
    complete.delete.clear();
    let listed = destination.matching().await?;
    for file in &mut complete.files {
        let found = listed.iter().find(|(name, _)| *name == file.name).map(|(_, meta)| meta);
        match found {
            Some(meta) if meta.size == file.bytes => file.e_tag.clone_from(&meta.e_tag),
            Some(_) | None => return Err(lost_file(destination, file)),
        }
        file.upload = None;
    }
    if complete.success_marker {
        // Before the last put: whoever redoes this commit puts it again.
        put_marker(destination).await?;
    }
    complete.token = Uuid::new_v4();
    match put(destination, &snapshot, &complete).await {
        Ok(_) => {}
        Err(not_put) => return superseded(destination, &complete, not_put).await,
    }
    checkpoints.reach("finished");
    Ok(complete)
}

/// Says that this process finishes the commit; `None` if another one came first.
pub(crate) async fn claim(
    destination: &Destination,
    snapshot: &Snapshot,
    export: &Export,
) -> Result<Option<Snapshot>> {
    let claimed = Export { token: Uuid::new_v4(), ..export.clone() };
    match put(destination, snapshot, &claimed).await {
        Ok(now) => {
            let is_ours =
                now.export(&destination.names.pattern()).is_some_and(|entry| entry.token == claimed.token);
            Ok(is_ours.then_some(now))
        }
        Err(not_put) if not_put.error.code() == Code::Conflict => Ok(None),
        Err(not_put) => Err(not_put.error),
    }
}

/// A put that failed because another process finished the same commit first is as good as one's own.
async fn superseded(destination: &Destination, export: &Export, not_put: NotPut) -> Result<Export> {
    let now = destination.manifest().await?;
    match now.export(&destination.names.pattern()) {
        Some(entry) if entry.run == export.run && entry.state == State::Committing => Err(not_put.error),
        Some(entry) if entry.run == export.run => Ok(entry.clone()),
        // Finished, and replaced by a later export.
        Some(_) | None => Ok(export.clone()),
    }
}

async fn complete_all(destination: &Destination, export: &Export, checkpoints: &Checkpoints) -> Result<()> {
    let mut files = export.files.iter();
    // The first alone, so that a crash between two files can be brought about.
    if let Some(first) = files.next() {
        complete(destination, first).await?;
    }
    checkpoints.reach("completing");
    let completions: Vec<BoxFuture<'_, Result<()>>> =
        files.map(|file| complete(destination, file).boxed()).collect();
    stream::iter(completions).buffer_unordered(COMPLETIONS).try_collect().await
}

async fn complete(destination: &Destination, file: &ManifestFile) -> Result<()> {
    let Some(upload) = &file.upload else { return Ok(()) };
    let key = destination.key(&file.name)?;
    let Err(error) = destination.staging.complete(&key, &upload.id, &upload.parts).await else {
        return Ok(());
    };
    // It may have been completed before: by a try whose answer was lost, or by another process.
    let there = match destination.store.head(&key).await {
        Ok(meta) => is_completed(&meta, file, upload.replaces.as_deref()),
        Err(object_store::Error::NotFound { .. }) => false,
        Err(error) => return Err(object_error(error, &destination.uri_of(&key))),
    };
    if there {
        return Ok(());
    }
    let is_gone = matches!(error, object_store::Error::NotFound { .. });
    Err(if is_gone { lost_file(destination, file) } else { object_error(error, &destination.uri_of(&key)) })
}

fn is_completed(there: &ObjectMeta, file: &ManifestFile, replaces: Option<&str>) -> bool {
    there.size == file.bytes && (replaces.is_none() || !same_tag(there.e_tag.as_deref(), replaces))
}

fn lost_file(destination: &Destination, file: &ManifestFile) -> Diagnostic {
    Diagnostic::error(
        Code::Conflict,
        format!("file {:?} of a committed export to {:?} is lost", file.name, destination.uri),
    )
    .detail("its upload is gone from the store, and the file is not there")
    .hint("Something else wrote there, or removed the upload. Export again with `overwrite = true`.")
}

/// Puts the file that says that all others are there.
pub(crate) async fn put_marker(destination: &Destination) -> Result<()> {
    let key = destination.key(SUCCESS_MARKER)?;
    let put = destination.store.put(&key, PutPayload::new()).await;
    put.map(drop).map_err(|error| object_error(error, &destination.uri_of(&key)))
}

/// Deletes what the commit replaces. What is gone already is fine.
pub(crate) async fn delete(destination: &Destination, names: &[String]) -> Result<()> {
    for name in names {
        let key = destination.key(name)?;
        match destination.store.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(object_error(error, &destination.uri_of(&key))),
        }
    }
    Ok(())
}

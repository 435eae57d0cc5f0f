//! Commits of many files on this machine: hidden files beside their places, synced and then renamed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use firth_connector::{PartPlace, Staging};
use futures::future::BoxFuture;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutPayload, Result, UpdateVersion, path::Path};
use uuid::Uuid;

/// Where a key is on this machine. Fails for keys that must not be reached.
pub(super) type Locator = dyn Fn(&Path) -> Result<PathBuf> + Send + Sync;

/// Uploads as hidden files in the folder of their final place.
///
/// The names of hidden files end in `#1`: such names are in no listing of the store, as the
/// unfinished writes of the store itself are not.
pub(super) struct LocalStaging {
    store: Arc<dyn ObjectStore>,
    locate: Arc<Locator>,
}

impl LocalStaging {
    /// Uploads to the files of `store`, which are where `locate` says.
    pub(super) fn new(store: Arc<dyn ObjectStore>, locate: Arc<Locator>) -> Self {
        LocalStaging { store, locate }
    }

    /// The final place of a key, and the hidden one of this upload.
    fn places(&self, path: &Path, upload: &str) -> Result<(PathBuf, PathBuf)> {
        let place = (self.locate)(path)?;
        let hidden = place.with_file_name(format!(".firth-{upload}#1"));
        Ok((place, hidden))
    }
}

#[async_trait]
impl Staging for LocalStaging {
    async fn begin(&self, _path: &Path) -> Result<String> {
        Ok(Uuid::new_v4().simple().to_string())
    }

    async fn prepare(&self, path: &Path, upload: &str) -> Result<()> {
        let (_, hidden) = self.places(path, upload)?;
        blocking(path, move || create(&hidden).map(drop)).await
    }

    fn put_part(
        &self,
        path: &Path,
        upload: &str,
        place: PartPlace,
        payload: PutPayload,
    ) -> BoxFuture<'static, Result<String>> {
        let (path, places) = (path.clone(), self.places(path, upload));
        Box::pin(async move {
            let (_, hidden) = places?;
            blocking(&path, move || {
                let mut file = OpenOptions::new().write(true).open(hidden)?;
                file.seek(SeekFrom::Start(place.offset))?;
                payload.iter().try_for_each(|bytes| file.write_all(bytes))
            })
            .await?;
            Ok(String::new())
        })
    }

    async fn make_durable(&self, path: &Path, upload: &str) -> Result<()> {
        let (_, hidden) = self.places(path, upload)?;
        blocking(path, move || {
            File::open(&hidden)?.sync_all()?;
            sync_folder(&hidden)
        })
        .await
    }

    async fn complete(&self, path: &Path, upload: &str, _parts: &[String]) -> Result<()> {
        let (place, hidden) = self.places(path, upload)?;
        blocking(path, move || {
            fs::rename(hidden, &place)?;
            sync_folder(&place)
        })
        .await
    }

    async fn abort(&self, path: &Path, upload: &str) -> Result<()> {
        let (_, hidden) = self.places(path, upload)?;
        blocking(path, move || fs::remove_file(hidden)).await
    }

    async fn put_if(&self, path: &Path, payload: PutPayload, expected: Option<&UpdateVersion>) -> Result<()> {
        let (place, hidden) = self.places(path, &Uuid::new_v4().simple().to_string())?;
        let written = (place.clone(), hidden.clone());
        blocking(path, move || {
            let mut file = create(&written.1)?;
            payload.iter().try_for_each(|bytes| file.write_all(bytes))?;
            file.sync_all()
        })
        .await?;
        let folder = place.parent().map_or_else(|| PathBuf::from("/"), FilePath::to_owned);
        // Only who holds the folder's lock looks and renames. It is released by a crash, too.
        let lock = blocking(path, move || {
            let folder = File::open(folder)?;
            folder.lock()?;
            Ok(folder)
        })
        .await?;
        let compared = self.compare(path, expected).await;
        let done = match compared {
            Ok(()) => {
                blocking(path, move || {
                    fs::rename(&hidden, &place)?;
                    sync_folder(&place)
                })
                .await
            }
            Err(error) => {
                blocking(path, move || fs::remove_file(&hidden)).await?;
                Err(error)
            }
        };
        drop(lock);
        done
    }
}

impl LocalStaging {
    async fn compare(&self, path: &Path, expected: Option<&UpdateVersion>) -> Result<()> {
        let found = match self.store.head(path).await {
            Ok(meta) => Some(meta.e_tag),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        match (found, expected) {
            (None, None) => Ok(()),
            (Some(_), None) => {
                Err(Error::AlreadyExists { path: path.to_string(), source: "the file is there".into() })
            }
            (Some(found), Some(expected)) if found == expected.e_tag => Ok(()),
            (_, Some(_)) => {
                Err(Error::Precondition { path: path.to_string(), source: "it is another one now".into() })
            }
        }
    }
}

/// A new file, in folders that are made if they are absent.
fn create(place: &FilePath) -> io::Result<File> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(place)
}

/// Makes the names in a file's folder survive a crash of the machine.
fn sync_folder(place: &FilePath) -> io::Result<()> {
    match place.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path: path.to_string(), source: error.into() },
        io::ErrorKind::PermissionDenied => {
            Error::PermissionDenied { path: path.to_string(), source: error.into() }
        }
        _ => Error::Generic { store: "LocalFileSystem", source: error.into() },
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(error) => Err(Error::JoinError { source: error }),
    }
}

#[cfg(test)]
mod tests {
    use object_store::local::LocalFileSystem;

    use super::*;

    fn staging(folder: &FilePath) -> (Arc<dyn ObjectStore>, LocalStaging) {
        let files = Arc::new(LocalFileSystem::new_with_prefix(folder).expect("it is there"));
        let located = Arc::clone(&files);
        let staging = LocalStaging::new(
            Arc::clone(&files) as _,
            Arc::new(move |path| located.path_to_filesystem(path)),
        );
        (files, staging)
    }

    #[tokio::test]
    async fn a_file_is_in_no_listing_before_it_is_complete() {
        use futures::TryStreamExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (store, staging) = staging(folder.path());
        let path = Path::from("out/x");
        let upload = staging.begin(&path).await.expect("begun");
        let is_empty = fs::read_dir(folder.path()).expect("listed").next().is_none();
        assert!(is_empty, "nothing is there before the id is known");
        staging.prepare(&path, &upload).await.expect("made");
        // Parts may arrive in any order.
        for (index, offset, text) in [(1, 2, "cd"), (0, 0, "ab")] {
            let place = PartPlace { index, offset };
            staging.put_part(&path, &upload, place, text.into()).await.expect("written");
        }
        staging.make_durable(&path, &upload).await.expect("synced");
        assert_eq!(store.list(None).try_collect::<Vec<_>>().await.expect("listed"), []);
        staging.complete(&path, &upload, &[]).await.expect("renamed");
        let read = store.get(&path).await.expect("it is there").bytes().await.expect("read");
        assert_eq!(&read[..], b"abcd");
        let again = staging.complete(&path, &upload, &[]).await.expect_err("it was completed");
        assert!(matches!(again, Error::NotFound { .. }), "{again}");
    }

    #[tokio::test]
    async fn of_two_conditional_puts_one_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, staging) = staging(folder.path());
        let path = Path::from("manifest");
        let (one, two) =
            futures::join!(staging.put_if(&path, "1".into(), None), staging.put_if(&path, "2".into(), None));
        assert!(one.is_ok() != two.is_ok());
        let meta = store.head(&path).await.expect("it is there");
        let first = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
        staging.put_if(&path, "new".into(), Some(&first)).await.expect("it is the one");
        let late = staging.put_if(&path, "late".into(), Some(&first)).await.expect_err("it is not");
        assert!(matches!(late, Error::Precondition { .. }), "{late}");
        let names: Vec<_> = fs::read_dir(folder.path()).expect("listed").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
}

//! The journal of exports: every upload is here before its first byte is sent.

use std::{
    fs::{self, OpenOptions, TryLockError},
    path::PathBuf,
};

use firth_diagnostic::Result;
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::value;
use crate::{Catalog, ConnectionName, ExportLock, ExportRun, ExportUpload, error, error::StoreError};

impl Catalog {
    /// Notes that an export begins. It counts as alive until the lock is dropped.
    pub fn begin_export(&self, run: &ExportRun) -> Result<ExportLock> {
        let path = self.lock_of(run.run);
        let failed = |failure| error::io("lock", &path, &failure);
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        fs::create_dir_all(&folder).map_err(|failure| error::io("make the folder", &folder, &failure))?;
        let file = OpenOptions::new().create_new(true).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO export_runs (run, connection, uri, begun_at) VALUES (?, ?, ?, ?)",
                params![
                    run.run.to_string(),
                    run.connection.as_ref().map(ConnectionName::path),
                    run.uri,
                    run.begun_at.timestamp_micros()
                ],
            )?;
            Ok(())
        })?;
        Ok(ExportLock { path, _file: file })
    }

    /// Notes an upload of a run that is under way.
    pub fn add_export_upload(&self, run: Uuid, upload: &ExportUpload) -> Result<()> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO export_uploads (run, path, upload) VALUES (?, ?, ?)",
                params![run.to_string(), upload.path, upload.upload],
            )?;
            Ok(())
        })
    }

    /// Forgets a run: nothing of it is left to be done.
    pub fn end_export(&self, run: Uuid) -> Result<()> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM export_uploads WHERE run = ?", [run.to_string()])?;
            transaction.execute("DELETE FROM export_runs WHERE run = ?", [run.to_string()])?;
            Ok(())
        })?;
        // A lock file that stays is of no run, and does no harm.
        let _ = fs::remove_file(self.lock_of(run));
        Ok(())
    }

    /// The runs that were begun and not ended, oldest first. Some may be at work right now.
    pub fn export_runs(&self) -> Result<Vec<ExportRun>> {
        self.read(|transaction| {
            let mut uploads =
                transaction.prepare("SELECT path, upload FROM export_uploads WHERE run = ? ORDER BY path")?;
            let mut statement = transaction
                .prepare("SELECT run, connection, uri, begun_at FROM export_runs ORDER BY begun_at, run")?;
            let mut rows = statement.query([])?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                let run: String = row.get(0)?;
                let connection: Option<String> = row.get(1)?;
                let connection = connection
                    .map(|path| path.parse::<ConnectionName>())
                    .transpose()
                    .map_err(|error| StoreError::stored("an export's connection", error))?;
                let of_run = uploads
                    .query_map([&run], |row| Ok(ExportUpload { path: row.get(0)?, upload: row.get(1)? }))?;
                runs.push(ExportRun {
                    run: value::uuid(&run)?,
                    connection,
                    uri: row.get(2)?,
                    begun_at: value::time(row.get(3)?)?,
                    uploads: of_run.collect::<Result<_, _>>()?,
                });
            }
            Ok(runs)
        })
    }

    /// Takes the place of a run's process if that has died; `None` while it lives.
    pub fn take_over_export(&self, run: Uuid) -> Result<Option<ExportLock>> {
        let path = self.lock_of(run);
        let failed = |failure| error::io("lock", &path, &failure);
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {
                OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?
            }
            Err(failure) => return Err(failed(failure)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(ExportLock { path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(failure)) => Err(failed(failure)),
        }
    }

    /// Whether this catalog knows the run.
    pub fn knows_export(&self, run: Uuid) -> Result<bool> {
        self.read(|transaction| {
            let found: Option<i64> = transaction
                .query_row("SELECT 1 FROM export_runs WHERE run = ?", [run.to_string()], |row| row.get(0))
                .optional()?;
            Ok(found.is_some())
        })
    }

    fn lock_of(&self, run: Uuid) -> PathBuf {
        self.folder().join("exports").join(run.to_string())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::CatalogOptions;

    #[test]
    fn a_run_is_alive_until_its_lock_is_dropped_and_known_until_it_is_ended() {
        let folder = TempDir::new().expect("a folder");
        let open = || Catalog::open_with(folder.path(), CatalogOptions::default()).expect("it opens");
        let (one, other) = (open(), open());
        let mut run = ExportRun {
            run: Uuid::new_v4(),
            connection: Some("us.lake".parse().expect("a name")),
            uri: "s3://b/x-*".to_owned(),
            begun_at: value::now(),
            uploads: Vec::new(),
        };
        let lock = one.begin_export(&run).expect("begun");
        let upload = ExportUpload { path: "x-0".to_owned(), upload: "id".to_owned() };
        one.add_export_upload(run.run, &upload).expect("noted");
        run.uploads.push(upload);
        assert_eq!(other.export_runs().expect("read"), [run.clone()]);
        assert!(other.take_over_export(run.run).expect("asked").is_none());
        drop(lock);
        assert!(other.take_over_export(run.run).expect("asked").is_some());
        assert!(other.knows_export(run.run).expect("read"));
        other.end_export(run.run).expect("ended");
        assert_eq!(one.export_runs().expect("read"), []);
        assert!(!one.knows_export(run.run).expect("read"));
    }
}

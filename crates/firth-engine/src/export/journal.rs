//! What has to be known of an export if its process dies: kept in the catalog.

use chrono::Utc;
use firth_catalog::{Catalog, ConnectionName, ExportLock, ExportRun, ExportUpload};
use firth_diagnostic::Result;
use uuid::Uuid;

use super::Upload;

/// One export's rows in the catalog. They stay there until [`Journal::end`].
pub(crate) struct Journal<'a> {
    catalog: &'a Catalog,
    /// The run.
    pub(crate) run: Uuid,
    _alive: ExportLock,
}

impl<'a> Journal<'a> {
    /// Notes that an export begins.
    pub(crate) fn begin(
        catalog: &'a Catalog,
        connection: Option<&ConnectionName>,
        uri: &str,
    ) -> Result<Self> {
        let run = Uuid::new_v4();
        let alive = catalog.begin_export(&ExportRun {
            run,
            connection: connection.cloned(),
            uri: uri.to_owned(),
            begun_at: Utc::now(),
            uploads: Vec::new(),
        })?;
        Ok(Journal { catalog, run, _alive: alive })
    }

    /// Notes an upload. Nothing may be sent of it before.
    pub(crate) fn note(&self, upload: &Upload) -> Result<()> {
        let upload = ExportUpload { path: upload.path().to_string(), upload: upload.id().to_owned() };
        self.catalog.add_export_upload(self.run, &upload)
    }

    /// The uploads that were noted.
    pub(crate) fn uploads(&self) -> Result<Vec<ExportUpload>> {
        let runs = self.catalog.export_runs()?;
        Ok(runs.into_iter().find(|run| run.run == self.run).map(|run| run.uploads).unwrap_or_default())
    }

    /// Notes that nothing is left to be done.
    pub(crate) fn end(self) -> Result<()> {
        self.catalog.end_export(self.run)
    }
}

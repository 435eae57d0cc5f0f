//! Exports whose process died: finished if they were committed, forgotten if not.

use firth_catalog::{ConnectionName, ExportRun};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::path::Path;

use super::{
    Destination, Snapshot, State,
    commit::{LEASE, claim, finish},
};
use crate::Session;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovered {
    /// Its process is at work.
    Alive,
    /// It had been committed, and is complete now.
    Complete,
    /// It had not been committed; its uploads are gone.
    Aborted,
}

impl Recovered {
    /// For the report.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Recovered::Alive => "at work",
            Recovered::Complete => "complete",
            Recovered::Aborted => "aborted",
        }
    }
}

/// Finishes what another export to this pattern has committed. Answers the manifest at rest. With
/// `overwrite`, a commit that cannot be finished is left to be replaced.
pub(crate) async fn settle(
    session: &Session,
    destination: &Destination,
    overwrite: bool,
) -> Result<Snapshot> {
    let pattern = destination.names.pattern();
    let catalog = session.catalog()?;
    let mut snapshot = destination.manifest().await?;
    loop {
        let Some(export) = snapshot.export(&pattern).filter(|export| export.state == State::Committing)
        else {
            return Ok(snapshot);
        };
        // A run of this home says by its lock whether it is alive; of another home's that is not known.
        let is_known = catalog.knows_export(export.run)?;
        let in_its_place = if is_known { catalog.take_over_export(export.run)? } else { None };
        if in_its_place.is_none() {
            tokio::time::sleep(LEASE).await;
            let now = destination.manifest().await?;
            if now.version != snapshot.version {
                snapshot = now;
                continue;
            }
            if is_known {
                return Err(Diagnostic::error(
                    Code::Conflict,
                    format!("another export to {:?} is being committed", destination.uri),
                )
                .hint("Wait until it has ended, and run this one again."));
            }
        }
        if let Some(claimed) = claim(destination, &snapshot, export).await? {
            match finish(destination, claimed.clone(), &session.checkpoints).await {
                Ok(_) => {}
                Err(error) if overwrite && error.code() == Code::Conflict => return Ok(claimed),
                Err(error) => return Err(error),
            }
        }
        snapshot = destination.manifest().await?;
    }
}

/// Ends one run of the catalog, if its process has died.
pub(crate) async fn recover(
    session: &Session,
    destination: &Destination,
    run: &ExportRun,
) -> Result<Recovered> {
    let catalog = session.catalog()?;
    let Some(_in_its_place) = catalog.take_over_export(run.run)? else { return Ok(Recovered::Alive) };
    let pattern = destination.names.pattern();
    let snapshot = destination.manifest().await?;
    if let Some(export) = snapshot.export(&pattern).filter(|export| export.run == run.run) {
        if export.state == State::Committing
            && let Some(claimed) = claim(destination, &snapshot, export).await?
        {
            finish(destination, claimed, &session.checkpoints).await?;
        }
        catalog.end_export(run.run)?;
        return Ok(Recovered::Complete);
    }
    for upload in &run.uploads {
        let Ok(path) = Path::parse(&upload.path) else { continue };
        // Gone already, or never known: either way it is not there.
        match destination.staging.abort(&path, &upload.upload).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(firth_connector::object_error(error, &destination.uri_of(&path))),
        }
    }
    catalog.end_export(run.run)?;
    Ok(Recovered::Aborted)
}

/// Ends the runs of this home to the same place whose processes have died.
pub(crate) async fn recover_same(
    session: &Session,
    destination: &Destination,
    connection: Option<&ConnectionName>,
    overwrite: bool,
) -> Result<()> {
    for run in session.catalog()?.export_runs()? {
        if run.uri == destination.uri && run.connection.as_ref() == connection {
            match recover(session, destination, &run).await {
                Ok(_) => {}
                // It stays in the journal until its entry in the manifest was replaced.
                Err(error) if overwrite && error.code() == Code::Conflict => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

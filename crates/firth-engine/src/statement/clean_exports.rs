//! CLEAN EXPORTS: ends what killed exports of this home have left.

use std::sync::Arc;

use firth_catalog::ExportRun;
use firth_diagnostic::Result;

use crate::{
    Outcome,
    export::{Destination, recover},
    report::Report,
    resolve::Resolver,
};

pub(super) async fn execute(resolver: &Resolver<'_>) -> Result<Outcome> {
    let runs = resolver.session.catalog()?.export_runs()?;
    let mut states = Vec::with_capacity(runs.len());
    let mut warnings = Vec::new();
    for run in &runs {
        match ended(resolver, run).await {
            Ok(word) => states.push(word),
            Err(error) => {
                states.push("failed");
                warnings.push(error.without_span());
            }
        }
    }
    let mut outcome = Report::new()
        .texts("uri", runs.iter().map(|run| run.uri.as_str()))
        .timestamps("begun", runs.iter().map(|run| run.begun_at))
        .texts("state", states)
        .outcome();
    outcome.warnings = warnings;
    Ok(outcome)
}

async fn ended(resolver: &Resolver<'_>, run: &ExportRun) -> Result<&'static str> {
    let connection = run.connection.as_ref().map(|name| (name, None));
    let destination = Arc::new(Destination::open(resolver, connection, &run.uri, None)?);
    Ok(recover(resolver.session, &destination, run).await?.word())
}

//! CHECK CONNECTION: one cheap round trip.

use firth_catalog::ConnectionName;
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};

use crate::{Outcome, report::Report, resolve::Resolver};

pub(super) async fn execute(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let id = ConnectionName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let remote = resolver.open_named(&id, Some(name.span))?;
    let report = remote.remote.check().await.map_err(|error| error.or_at(name.span))?;
    let micros = i64::try_from(report.latency.as_micros()).unwrap_or(i64::MAX);
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let mut outcome = Report::new()
        .texts("connection", [remote.id.name.as_str()])
        .texts("type", [remote.id.kind.as_str()])
        .texts("latency_ms", [format!("{}.{:03}", micros / 1000, micros % 1000)])
        .strings("server_version", [known(report.server_version)])
        .strings("tls", [known(report.tls)])
        .strings("identity", [known(report.identity)])
        .outcome();
    outcome.warnings.extend(report.warnings.into_iter().map(|text| Diagnostic::warning(Code::Invalid, text)));
    Ok(outcome)
}

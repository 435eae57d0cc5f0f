//! The transaction that a read runs in: how it begins, is shared, and ends.

use firth_connector::{Canceller, StatementId};
use firth_diagnostic::{Diagnostic, Result};
use tokio_postgres::SimpleQueryMessage;

use super::super::{error, pool::Lease};

/// Ends a read's transaction. Rolled back rather than committed, because that also takes back what a
/// function called by the text may have set in the session (`set_config`); locks are given back by name.
pub(in super::super) const END: &str = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()";

/// Forgets statements that another client of a pooler has left with the server, under names that the driver
/// uses too. Its own are prepared within each transaction.
pub(in super::super) const FORGET: &str = "; DEALLOCATE ALL";

/// Names the statement in `pg_stat_activity` and the server's log, as long as the transaction lasts.
pub(in super::super) fn known_as(statement: StatementId) -> String {
    format!("; SET LOCAL application_name = 'firth {statement}'")
}

/// Takes back what the last read may have set, and keeps the snapshot.
pub(super) const AGAIN: &str = "ROLLBACK TO SAVEPOINT firth";

/// Ends the transaction in the background and gives the backend back to the pool.
pub(in super::super) fn end(lease: Lease) {
    Canceller::spawn(async move {
        if lease.client().batch_execute(END).await.is_ok() {
            lease.release();
        }
    });
}

/// Begins a transaction and exports its snapshot. `None` if the server does not do that; then nothing
/// has begun.
pub(super) async fn export(lease: &Lease, statement: StatementId) -> Result<Option<String>> {
    let failed = |failure| error::request(lease.settings(), &failure, None);
    match lease.client().simple_query(&begin(lease, statement, None, true)).await {
        Ok(answers) => {
            let name = answers.iter().find_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            name.map(|name| Some(name.to_owned()))
                .ok_or_else(|| Diagnostic::internal("the server answered an export without a name"))
        }
        Err(failure) if failure.as_db_error().is_none() || error::pools_statements(&failure) => {
            Err(failed(failure))
        }
        Err(refused) => {
            log::warn!(
                "the statement reads by one backend, because the server shares no snapshot: {refused}"
            );
            lease.client().batch_execute("ROLLBACK").await.map_err(failed)?;
            Ok(None)
        }
    }
}

/// Begins a transaction, in a snapshot that another has exported, or exporting its own.
///
/// Literals are written for `standard_conforming_strings`, which a role may have turned off; and a
/// leader does nothing for a long time. What is set here is taken back with the transaction, as a pooler
/// needs it, and what a read sets with the savepoint.
pub(super) fn begin(lease: &Lease, statement: StatementId, snapshot: Option<&str>, export: bool) -> String {
    let mut text = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned();
    if let Some(snapshot) = snapshot {
        text.push_str(&format!("; SET TRANSACTION SNAPSHOT '{}'", snapshot.replace('\'', "''")));
    }
    text.push_str(
        "; SET LOCAL standard_conforming_strings = on; SET LOCAL idle_in_transaction_session_timeout = 0",
    );
    text.push_str(&known_as(statement));
    if lease.backend().pooled {
        text.push_str(FORGET);
    }
    if let Some(timeout) = lease.settings().statement_timeout {
        text.push_str(&format!("; SET LOCAL statement_timeout = {}", timeout.as_millis()));
    }
    if export {
        text.push_str("; SELECT pg_catalog.pg_export_snapshot()");
    }
    text.push_str("; SAVEPOINT firth");
    text
}

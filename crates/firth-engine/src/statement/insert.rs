//! INSERT.

use arrow::datatypes::Schema;
use firth_diagnostic::{Code, Diagnostic, Result, Spanned, did_you_mean};
use firth_sql::Insert;
use futures::FutureExt as _;

use super::{audited, dry_run, query::blaming};
use crate::{Outcome, Session, native::assigned, report::Report, resolve::Resolver, sink::refuse_omitted};

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &Insert,
) -> Result<Outcome> {
    let result = insert(resolver, statement).boxed().await;
    audited(session, "INSERT", &statement.target.value.dotted(), result)
}

async fn insert(resolver: &Resolver<'_>, statement: &Insert) -> Result<Outcome> {
    let at_target = |error: Diagnostic| error.or_at(statement.target.span);
    let mut sink = resolver.sink(&statement.target.value).await.map_err(at_target)?;
    let mut places = places(&sink.columns(), statement.columns.as_deref())?;
    if statement.columns.is_some() && sink.take_only(&places)? {
        places = (0..places.len()).collect();
    }
    refuse_omitted(sink.as_ref(), &places).map_err(at_target)?;
    if statement.says_default {
        sink.refuse_default().map_err(at_target)?;
    }
    let columns = sink.columns();
    let planned = resolver.plan_rows(&statement.query, 0).await?;
    let planned = assigned(planned, &columns, &places).map_err(|error| error.or_at(statement.query.span))?;
    if resolver.session.options.rehearsal {
        return dry_run::reads_of(resolver, &planned).await;
    }
    let rows = blaming(resolver, resolver.run(planned).await?);
    let count = sink.write(rows).await.map_err(at_target)?;
    Ok(row_counts(count, 0, 0))
}

/// Which of the table's columns the query's are.
pub(super) fn places(columns: &Schema, listed: Option<&[Spanned<String>]>) -> Result<Vec<usize>> {
    let Some(listed) = listed else { return Ok((0..columns.fields().len()).collect()) };
    let place = |name: &Spanned<String>| {
        let found = columns.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&name.value));
        found.ok_or_else(|| {
            let known = columns.fields().iter().map(|field| field.name().as_str());
            let near = did_you_mean(&name.value, known);
            Diagnostic::error(Code::NotFound, format!("the table has no column {:?}", name.value))
                .at(name.span)
                .hint_if(near.map(|near| format!("Did you mean {near:?}?")))
        })
    };
    listed.iter().map(place).collect()
}

/// What statements that change rows answer.
pub(super) fn row_counts(inserted: u64, updated: u64, deleted: u64) -> Outcome {
    row_count_report(inserted, updated, deleted).outcome()
}

/// The same, for whoever has more to tell.
pub(super) fn row_count_report(inserted: u64, updated: u64, deleted: u64) -> Report {
    Report::new()
        .integers("inserted_row_count", integer(inserted))
        .integers("updated_row_count", integer(updated))
        .integers("deleted_row_count", integer(deleted))
}

/// One row's number.
pub(super) fn integer(number: u64) -> [i64; 1] {
    [i64::try_from(number).unwrap_or(i64::MAX)]
}

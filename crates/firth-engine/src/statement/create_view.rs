//! CREATE VIEW and DROP VIEW.

use firth_catalog::{TableDefinition, TableKind, TableKindName, TableName, View};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{CreateView, Drop};

use super::{audited, create_external_table::drop_table, schema::on_existing};
use crate::{Outcome, Session, resolve::Resolver};

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateView,
) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let result = create(session, resolver, statement, &name).await;
    audited(session, "CREATE_VIEW", &name.to_string(), result)
}

async fn create(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateView,
    name: &TableName,
) -> Result<Outcome> {
    resolver.dataset(&name.dataset_name()).map_err(|error| error.or_at(statement.name.span))?;
    // Planned once, so that a view that could never be read is not made.
    let planned = resolver.plan_query(&statement.query, 1).await?;
    let columns: Option<Vec<String>> =
        statement.columns.as_ref().map(|columns| columns.iter().map(|column| column.value.clone()).collect());
    let names = columns.as_ref().unwrap_or(&planned.headers);
    if names.len() != planned.headers.len() {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("the view names {} columns and its query has {}", names.len(), planned.headers.len()),
        )
        .at(statement.name.span));
    }
    let mut seen: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    seen.sort();
    if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("the view has two columns named {:?}", pair[0]),
        )
        .at(statement.name.span)
        .hint("Give one of them an alias: `… AS name`."));
    }
    let definition = TableDefinition {
        name: name.clone(),
        kind: TableKind::View(View { sql: statement.query.text.clone(), columns }),
        description: None,
    };
    session
        .catalog()?
        .create_table(session.actor(), &definition, on_existing(statement.creation))
        .map_err(|error| error.or_at(statement.name.span))?;
    Ok(Outcome::nothing())
}

pub(super) fn drop(session: &Session, statement: &Drop) -> Result<Outcome> {
    drop_table(session, statement, TableKindName::View, "DROP_VIEW")
}

//! CREATE TABLE … LIKE, COPY and CLONE: tables made after others.
//!
//! Rows are written anew. BigQuery's clones share storage; here a file belongs to one table, which may clean it up.

use std::collections::BTreeMap;

use firth_catalog::{DatasetKind, NativeTable, OnExisting, TableKind, TableName};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result, Span, Spanned};
use firth_sql::{CopyKind, CopyTable, Query, Statement, quote_identifier};
use futures::FutureExt as _;

use super::{
    audited,
    create_table::{NewTable, TABLE_OPTIONS, refuse_existing, stored},
    insert::row_counts,
    options,
    schema::on_existing,
};
use crate::{
    Outcome, Session,
    native::plain_columns,
    resolve::{Resolver, TableHome, no_table},
};

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CopyTable,
) -> Result<Outcome> {
    let result = copy(session, resolver, statement).boxed().await;
    audited(session, "CREATE_TABLE", &statement.name.value.dotted(), result)
}

async fn copy(session: &Session, resolver: &Resolver<'_>, statement: &CopyTable) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    let at_source = |error: Diagnostic| error.or_at(statement.source.span);
    let given = options::given(session, &statement.options.value)?;
    let given = Options::validate("tables", TABLE_OPTIONS, &given, statement.options.span)?;
    let home = resolver.home_to_make(&statement.name.value, statement.temporary).map_err(at_name)?;
    if !home.is_temporary {
        in_the_catalog(resolver, &home.name).map_err(at_name)?;
    }
    let existing = on_existing(statement.creation);
    if existing == OnExisting::Skip && home.catalog.table(&home.name)?.is_some() {
        return Ok(Outcome::nothing());
    }
    refuse_existing(&home, existing).map_err(at_name)?;
    let source_home = resolver.home_of(&statement.source.value, false).map_err(at_source)?;
    let source = native(resolver, &source_home).map_err(at_source)?;
    let columns = plain_columns(&resolver.native_state(&source_home).map_err(at_source)?.columns);
    let planned = match statement.kind {
        CopyKind::Like => None,
        CopyKind::Copy | CopyKind::Clone => {
            let planned = resolver.plan_query(&rows_of(statement)?, 0).await;
            Some(planned.map_err(|error| error.at(as_of_or_source(statement)))?)
        }
    };
    let mut options: BTreeMap<String, serde_json::Value> = source.options;
    options.extend(stored(&given));
    let description = options.get("description").and_then(|text| text.as_str()).map(str::to_owned);
    let cluster_by: Vec<Spanned<String>> =
        source.cluster_by.into_iter().map(|column| Spanned::new(column, statement.source.span)).collect();
    let table = NewTable {
        name: &home.name,
        catalog: home.catalog,
        columns,
        partition_by: source.partition_by,
        cluster_by: &cluster_by,
        options,
        description,
        on_existing: existing,
    };
    match table.create(resolver, planned).await.map_err(at_name)? {
        Some(rows) => Ok(row_counts(rows, 0, 0)),
        None => Ok(Outcome::nothing()),
    }
}

/// Fails on a table that is at a remote.
fn in_the_catalog(resolver: &Resolver<'_>, name: &TableName) -> Result<()> {
    match resolver.dataset(&name.dataset_name())?.kind {
        DatasetKind::Native => Ok(()),
        DatasetKind::External { .. } => Err(Diagnostic::error(
            Code::Unsupported,
            format!("{name} is a table of a database, and LIKE, COPY and CLONE take Firth's own"),
        )
        .hint("Write CREATE TABLE … AS SELECT * FROM the other table.")),
    }
}

/// What the catalog says of the source.
fn native(resolver: &Resolver<'_>, home: &TableHome<'_>) -> Result<NativeTable> {
    if !home.is_temporary {
        in_the_catalog(resolver, &home.name)?;
    }
    let Some(record) = home.catalog.table(&home.name)? else {
        let tables = home.catalog.tables(&home.name.dataset_name())?;
        return Err(no_table(&home.name, tables.iter().map(|table| table.name.table.as_str())));
    };
    match record.kind {
        TableKind::Native(table) => Ok(table),
        kind @ (TableKind::External(_) | TableKind::View(_) | TableKind::Materialized(_)) => {
            let message = format!(
                "{} is {}, and LIKE, COPY and CLONE take tables",
                home.name,
                kind.name().with_article()
            );
            Err(Diagnostic::error(Code::Invalid, message)
                .hint("CREATE TABLE … AS SELECT * FROM it makes a table of its rows."))
        }
    }
}

/// The source's rows, as a query. Its places are not those of the statement.
fn rows_of(statement: &CopyTable) -> Result<Query> {
    let parts: Vec<String> = statement.source.value.0.iter().map(|part| quote_identifier(part)).collect();
    let mut text = format!("SELECT * FROM {}", parts.join("."));
    if let Some(as_of) = &statement.as_of {
        text.push_str(&format!(" FOR SYSTEM_TIME AS OF {}", as_of.value));
    }
    match firth_sql::parse(&text).map_err(|error| error.at(as_of_or_source(statement)))? {
        Statement::Query(query) => Ok(query),
        _ => Err(Diagnostic::internal("a query was written")),
    }
}

fn as_of_or_source(statement: &CopyTable) -> Span {
    statement.as_of.as_ref().map_or(statement.source.span, |as_of| as_of.span)
}

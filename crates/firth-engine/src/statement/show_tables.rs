//! SHOW TABLES and DESCRIBE.

use firth_catalog::{DatasetKind, DatasetName, TableKindName, TableName};
use firth_diagnostic::{Name, Result, Spanned};
use firth_pushdown::NAME_METADATA;

use crate::{Outcome, files::sql_type, report::Report, resolve::Resolver};

pub(super) async fn execute(resolver: &Resolver<'_>, schema: Option<&Spanned<Name>>) -> Result<Outcome> {
    let name = match schema {
        Some(name) => DatasetName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?,
        None => DatasetName::main(),
    };
    let place = |error: firth_diagnostic::Diagnostic| match schema {
        Some(name) => error.or_at(name.span),
        None => error,
    };
    let dataset = resolver.dataset(&name).map_err(place)?;
    let rows: Vec<(String, &'static str, Option<String>)> = match &dataset.kind {
        DatasetKind::Native => {
            let tables = resolver.session.catalog()?.tables(&name)?;
            let row = |table: firth_catalog::TableRecord| {
                let kind = table.kind.name().word();
                (table.name.table, kind, table.kind.connection().map(ToString::to_string))
            };
            tables.into_iter().map(row).collect()
        }
        DatasetKind::External { connection, schema: spec, .. } => {
            let remote = resolver.open_named(connection, None).map_err(place)?;
            let tables = remote.remote.list(spec).await.map_err(place)?;
            let kind = TableKindName::External.word();
            tables.into_iter().map(|table| (table.name, kind, Some(connection.to_string()))).collect()
        }
    };
    Ok(Report::new()
        .texts("table_name", rows.iter().map(|(name, _, _)| name))
        .texts("table_type", rows.iter().map(|(_, kind, _)| kind))
        .strings("connection", rows.iter().map(|(_, _, connection)| connection.as_ref()))
        .outcome())
}

pub(super) async fn describe(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    TableName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let provider = resolver.table(&name.value, 0).await.map_err(|error| error.or_at(name.span))?;
    let schema = provider.schema();
    let spelled = |field: &arrow::datatypes::Field| {
        field.metadata().get(NAME_METADATA).cloned().unwrap_or_else(|| field.name().clone())
    };
    Ok(Report::new()
        .texts("column_name", schema.fields().iter().map(|field| spelled(field)))
        .texts("data_type", schema.fields().iter().map(|field| sql_type(field)))
        .bools("is_nullable", schema.fields().iter().map(|field| field.is_nullable()))
        .outcome())
}

//! SHOW CREATE CONNECTION and SHOW CREATE TABLE: definitions as statements.

use firth_catalog::{
    AsOf, Catalog, ConnectionName, ConnectionRecord, DatasetKind, ExternalTable, MaterializedView,
    NativeTable, TableKind, TableName, TableRecord,
};
use firth_connector::{OptionKind, OptionValue, TableDescription, TableSpec};
use firth_diagnostic::{Name, Result, Secret, Span, Spanned};
use firth_sql::{
    ColumnDefinition, ConnectionReference, CreateExternalTable, CreateMaterializedView, CreateTable,
    Creation, OptionLiteral, PartitionColumns, SqlOption, Statement,
};

use crate::{
    Outcome, Session,
    files::{EXTERNAL_TABLE_OPTIONS, column_type},
    materialized::query_of,
    report::Report,
    resolve::{Resolver, is_of_objects, no_table},
};

pub(super) fn connection(resolver: &Resolver<'_>, name: &Spanned<Name>) -> Result<Outcome> {
    let id = ConnectionName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let record = resolver.connection(&id, Some(name.span))?;
    Ok(Report::new().texts("statement", [connection_ddl(&record)]).outcome())
}

fn connection_ddl(record: &ConnectionRecord) -> String {
    let mut options =
        vec![option("connection_type", OptionLiteral::String(Secret::new(&record.connection_type)))];
    options.extend(record.plain_options().map(|(name, value)| option(name, literal(value))));
    options.extend(
        record
            .secret_names()
            .map(|name| option(name, OptionLiteral::String(Secret::new(Secret::PLACEHOLDER)))),
    );
    format!("CREATE CONNECTION {}{}", record.name, firth_sql::ShownOptions(&options))
}

pub(super) async fn table(
    session: &Session,
    resolver: &Resolver<'_>,
    name: &Spanned<Name>,
) -> Result<Outcome> {
    let table = TableName::try_from_name(&name.value).map_err(|error| error.or_at(name.span))?;
    let dataset = resolver.dataset(&table.dataset_name()).map_err(|error| error.or_at(name.span))?;
    let text = match &dataset.kind {
        DatasetKind::Native => {
            let catalog = session.catalog()?;
            let Some(record) = catalog.table(&table)? else {
                let tables = catalog.tables(&dataset.name)?;
                return Err(
                    no_table(&table, tables.iter().map(|table| table.name.table.as_str())).at(name.span)
                );
            };
            table_ddl(catalog, &record)?
        }
        DatasetKind::External { connection, schema, .. } => {
            let remote = resolver.open_named(connection, None).map_err(|error| error.or_at(name.span))?;
            let spec = TableSpec { schema: schema.schema.clone(), name: table.table.clone() };
            let description = remote.remote.describe(&spec).await.map_err(|error| error.or_at(name.span))?;
            remote_ddl(&table, connection, &description)
        }
    };
    Ok(Report::new().texts("statement", [text]).outcome())
}

/// The project that names leave out.
const LOCAL: &str = "local";

/// A stored table as the statement that would make it again.
pub(crate) fn table_ddl(catalog: &Catalog, record: &TableRecord) -> Result<String> {
    Ok(match &record.kind {
        TableKind::Native(table) => native_ddl(catalog, record, table)?,
        TableKind::View(view) => {
            let columns = view.columns.as_ref().map_or_else(String::new, |columns| {
                let columns: Vec<String> =
                    columns.iter().map(|column| Name::new([column.as_str()]).to_string()).collect();
                format!(" ({})", columns.join(", "))
            });
            format!("CREATE VIEW {}{columns} AS {}", record.name, view.sql)
        }
        TableKind::External(table) => external_ddl(&record.name, table),
        TableKind::Materialized(view) => materialized_ddl(&record.name, view)?,
    })
}

fn native_ddl(catalog: &Catalog, record: &TableRecord, table: &NativeTable) -> Result<String> {
    let state = catalog.native_table(&record.name, AsOf::Now)?;
    let columns = state.map(|state| {
        state.columns.fields().iter().map(|field| column(field.name(), field)).collect::<Vec<_>>()
    });
    let options = table.options.iter().map(|(name, value)| option(name, json_literal(value))).collect();
    let statement = CreateTable {
        creation: Creation::New,
        temporary: false,
        name: spanned(shown_name(&record.name)),
        columns,
        partition_by: table.partition_by.clone().map(spanned),
        cluster_by: table.cluster_by.iter().cloned().map(spanned).collect(),
        connection: None,
        options: spanned(options),
        query: None,
    };
    Ok(Statement::CreateTable(statement).to_string())
}

fn materialized_ddl(name: &TableName, view: &MaterializedView) -> Result<String> {
    let shown = |name: &str, value: &serde_json::Value| match (name, value.as_str()) {
        ("max_staleness", Some(text)) => OptionLiteral::Other("INTERVAL", text.to_owned()),
        _ => json_literal(value),
    };
    let options = view.options.iter().map(|(name, value)| option(name, shown(name, value))).collect();
    let statement = CreateMaterializedView {
        creation: Creation::New,
        name: spanned(shown_name(name)),
        partition_by: view.partition_by.clone().map(spanned),
        cluster_by: view.cluster_by.iter().cloned().map(spanned).collect(),
        options: spanned(options),
        query: query_of(name, view)?,
    };
    Ok(Statement::CreateMaterializedView(statement).to_string())
}

fn shown_name(name: &TableName) -> Name {
    let parts = [name.project.as_str(), name.dataset.as_str(), name.table.as_str()];
    let shown = if name.project == LOCAL { &parts[1..] } else { &parts[..] };
    Name::new(shown.iter().copied())
}

fn external_ddl(name: &TableName, table: &ExternalTable) -> String {
    let columns = table.columns.fields().iter().map(|field| column(field.name(), field)).collect();
    let partition_columns = if table.partitioned {
        PartitionColumns::Listed(
            table
                .partition_columns
                .iter()
                .filter_map(|(name, type_name)| {
                    let column_type = firth_sql::parse_type(type_name).ok()?;
                    Some(ColumnDefinition {
                        name: spanned(name.clone()),
                        column_type: spanned(column_type),
                        not_null: false,
                    })
                })
                .collect(),
        )
    } else {
        PartitionColumns::None
    };
    let is_interval = |name: &str| {
        EXTERNAL_TABLE_OPTIONS.iter().any(|spec| spec.is_named(name) && spec.kind == OptionKind::Interval)
    };
    let shown = |name: &str, value: &serde_json::Value| match value.as_str() {
        Some(text) if is_interval(name) => OptionLiteral::Other("INTERVAL", text.to_owned()),
        _ => json_literal(value),
    };
    let options = table.options.iter().map(|(name, value)| option(name, shown(name, value))).collect();
    let statement = CreateExternalTable {
        creation: Creation::New,
        name: spanned(shown_name(name)),
        columns: (!is_of_objects(table)).then_some(columns),
        partition_columns,
        connection: table.connection.as_ref().map(reference),
        options: spanned(options),
    };
    Statement::CreateExternalTable(statement).to_string()
}

/// A table of an external schema has no statement of its own: its columns, and where they come from.
fn remote_ddl(name: &TableName, connection: &ConnectionName, description: &TableDescription) -> String {
    let columns: Vec<String> = description
        .schema
        .fields()
        .iter()
        .zip(&description.columns)
        .map(|(field, described)| {
            format!(
                "  {} {} -- {}",
                Name::new([field.name().as_str()]),
                crate::files::sql_type(field),
                described.remote_type
            )
        })
        .collect();
    format!(
        "-- {name}: table {} of connection {connection}, shown by an external schema\n(\n{}\n)",
        description.table.name,
        columns.join("\n")
    )
}

fn reference(name: &ConnectionName) -> ConnectionReference {
    let parts = [name.project.as_str(), name.location.as_str(), name.id.as_str()];
    let shown = if name.project == LOCAL { &parts[1..] } else { &parts[..] };
    ConnectionReference::Named(spanned(Name::new(shown.iter().copied())))
}

fn column(name: &str, field: &arrow::datatypes::Field) -> ColumnDefinition {
    ColumnDefinition {
        name: spanned(name.to_owned()),
        column_type: spanned(column_type(field)),
        not_null: !field.is_nullable(),
    }
}

fn literal(value: &OptionValue) -> OptionLiteral {
    match value {
        OptionValue::String(text) => OptionLiteral::String(Secret::new(text)),
        OptionValue::Int64(number) => OptionLiteral::Int64(*number),
        OptionValue::Bool(value) => OptionLiteral::Bool(*value),
        OptionValue::Strings(texts) => {
            OptionLiteral::Array(texts.iter().map(|text| OptionLiteral::String(Secret::new(text))).collect())
        }
        OptionValue::Secret(_) => OptionLiteral::String(Secret::new(Secret::PLACEHOLDER)),
    }
}

fn json_literal(value: &serde_json::Value) -> OptionLiteral {
    match value {
        serde_json::Value::Bool(value) => OptionLiteral::Bool(*value),
        serde_json::Value::Number(number) => OptionLiteral::Int64(number.as_i64().unwrap_or_default()),
        serde_json::Value::String(text) => OptionLiteral::String(Secret::new(text)),
        serde_json::Value::Array(items) => OptionLiteral::Array(items.iter().map(json_literal).collect()),
        serde_json::Value::Null | serde_json::Value::Object(_) => OptionLiteral::Null,
    }
}

fn option(name: &str, value: OptionLiteral) -> SqlOption {
    SqlOption { name: spanned(name.to_owned()), value: spanned(value) }
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

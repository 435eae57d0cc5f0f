//! CREATE EXTERNAL TABLE and DROP EXTERNAL TABLE.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use firth_catalog::{Catalog, ExternalTable, TableDefinition, TableKind, TableKindName, TableName};
use firth_connector::{OptionValue, Options};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{ColumnDefinition, CreateExternalTable, Drop, PartitionColumns};

use super::{audited, options, schema::on_existing};
use crate::{
    Outcome, Session,
    files::{
        DecimalTargets, EXTERNAL_TABLE_OPTIONS, HiveLayout, NOT_YET, Staleness, TableFormat, TextFormat,
        csv_header, declared_field, describe_files, file_set, list_files, partition_prefix,
        unreadable_column,
    },
    object_table::{self, OBJECT_METADATA, OBJECT_TABLE_OPTIONS, ObjectTable},
    resolve::{Resolver, connection_reference},
    versioned::VersionedFormat,
};

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalTable,
) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let result = create(session, resolver, statement, &name).await;
    audited(session, "CREATE_EXTERNAL_TABLE", &name.to_string(), result)
}

async fn create(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalTable,
    name: &TableName,
) -> Result<Outcome> {
    resolver.dataset(&name.dataset_name()).map_err(|error| error.or_at(statement.name.span))?;
    let definition = definition(session, resolver, statement, name).await?;
    session
        .catalog()?
        .create_table(session.actor(), &definition, on_existing(statement.creation))
        .map_err(|error| error.or_at(statement.name.span))?;
    Ok(Outcome::nothing())
}

/// The table that the statement describes: of objects, or over the files that are there now.
pub(crate) async fn definition(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalTable,
    name: &TableName,
) -> Result<TableDefinition> {
    if statement.options.value.iter().any(|option| option.name.value.eq_ignore_ascii_case(OBJECT_METADATA)) {
        return object_table(session, resolver, statement, name);
    }
    table_over_files(session, resolver, statement, name).await
}

/// The table that the statement describes, over the files that are there now.
pub(crate) async fn table_over_files(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalTable,
    name: &TableName,
) -> Result<TableDefinition> {
    for option in &statement.options.value {
        if NOT_YET.iter().any(|known| known.eq_ignore_ascii_case(&option.name.value)) {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("option {:?} is not in this version", option.name.value),
            )
            .at(option.name.span));
        }
    }
    let given = options::given(session, &statement.options.value)?;
    let options =
        Options::validate("external tables", EXTERNAL_TABLE_OPTIONS, &given, statement.options.span)?;
    let uris = options.strings("uris").unwrap_or_default().to_vec();
    let uris_span = given
        .iter()
        .find(|option| option.name.value.eq_ignore_ascii_case("uris"))
        .map_or(statement.options.span, |option| option.value.span);
    if uris.is_empty() {
        return Err(Diagnostic::error(Code::Invalid, "option \"uris\" names no file").at(uris_span));
    }
    let connection = statement.connection.as_ref().map(connection_reference).transpose()?;
    let open = || {
        resolver
            .open_for_files(connection.as_ref().map(|(name, span)| (name, Some(*span))), &uris)
            .map_err(|error| error.or_at(uris_span))
    };
    let versioned =
        VersionedFormat::try_new(&options).map_err(|error| error.or_at(statement.options.span))?;
    if let Some(format) = versioned {
        says_itself(statement, &options)?;
        let remote = open()?;
        let columns =
            format.describe(&resolver.stores, &remote).await.map_err(|error| error.or_at(uris_span))?;
        firth_pushdown::shown_schema(&columns).map_err(|error| error.or_at(uris_span))?;
        return Ok(TableDefinition {
            name: name.clone(),
            kind: TableKind::External(ExternalTable {
                connection: connection.map(|(name, _)| name),
                format: options.string("format").unwrap_or_default().to_owned(),
                uris,
                options: given_options(&options),
                columns,
                declared: false,
                partitioned: false,
                partition_columns: Vec::new(),
            }),
            description: options.string("description").map(str::to_owned),
        });
    }
    let mut format = TableFormat::try_new(&options).map_err(|error| error.or_at(statement.options.span))?;
    Staleness::try_new(&options).map_err(|error| error.or_at(statement.options.span))?;
    let remote = open()?;
    // What is made now is made over the files that are there now.
    let file_uris =
        file_set(&resolver.stores, &remote, &uris, &options).await.map_err(|error| error.or_at(uris_span))?;
    let listed = list_files(&resolver.stores, &remote, &file_uris, Staleness::default())
        .await
        .map_err(|error| error.or_at(uris_span))?;

    let prefix = partition_prefix(&remote, &options).map_err(|error| error.or_at(statement.options.span))?;
    let layout = match &statement.partition_columns {
        PartitionColumns::None => {
            needs_partitions(&options).map_err(|error| error.or_at(statement.options.span))?;
            None
        }
        PartitionColumns::Inferred => {
            Some(HiveLayout::infer(prefix, &listed).map_err(|error| error.or_at(uris_span))?)
        }
        PartitionColumns::Listed(columns) => {
            let columns =
                columns.iter().map(|column| (column.name.value.clone(), column.column_type.value.clone()));
            Some(HiveLayout::listed(columns, prefix, &listed).map_err(|error| error.or_at(uris_span))?)
        }
    };
    let columns: SchemaRef = match &statement.columns {
        Some(columns) => declared(columns, &format)?,
        None => {
            let described = match options.string("reference_file_schema_uri") {
                // The file need not be of the table.
                Some(uri) => {
                    let uri = [uri.to_owned()];
                    &list_files(&resolver.stores, &remote, &uri, Staleness::default())
                        .await
                        .map_err(|error| error.or_at(statement.options.span))?
                }
                None => &listed,
            };
            let columns = describe_files(&mut format, csv_header(&options), described)
                .await
                .map_err(|error| error.or_at(uris_span))?;
            match DecimalTargets::try_new(&options).map_err(|error| error.or_at(statement.options.span))? {
                Some(targets) => targets.applied(&columns),
                None => columns,
            }
        }
    };
    if let TableFormat::Text(TextFormat::Csv(csv)) = &format {
        csv.check_header().map_err(|error| error.or_at(statement.options.span))?;
    }
    // Names that differ only by case, here or among the keys, are found before anything is stored.
    let shown = firth_pushdown::shown_schema(&columns).map_err(|error| error.or_at(uris_span))?;
    if let Some(layout) = &layout {
        layout.check_against(&shown).map_err(|error| error.or_at(uris_span))?;
    }
    Ok(TableDefinition {
        name: name.clone(),
        kind: TableKind::External(ExternalTable {
            connection: connection.map(|(name, _)| name),
            format: options.string("format").unwrap_or_default().to_owned(),
            uris,
            options: stored(&options, &format),
            columns,
            declared: statement.columns.is_some(),
            partitioned: layout.is_some(),
            partition_columns: layout.map(|layout| layout.into_columns()).unwrap_or_default(),
        }),
        description: options.string("description").map(str::to_owned),
    })
}

/// A table of objects: its columns are always the same, and the objects are listed by each query.
fn object_table(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateExternalTable,
    name: &TableName,
) -> Result<TableDefinition> {
    let whole = statement.options.span;
    let given = options::given(session, &statement.options.value)?;
    let options = Options::validate("object tables", OBJECT_TABLE_OPTIONS, &given, whole)?;
    let has_partitions = !matches!(statement.partition_columns, PartitionColumns::None);
    if statement.columns.is_some() || has_partitions {
        return Err(Diagnostic::error(Code::Invalid, "an object table has columns of its own")
            .hint("Leave the columns out of the statement.")
            .at(statement.name.span));
    }
    let uris = object_table::check_options(&options).map_err(|error| error.or_at(whole))?;
    let connection = statement.connection.as_ref().map(connection_reference).transpose()?;
    let remote = resolver
        .open_for_files(connection.as_ref().map(|(name, span)| (name, Some(*span))), &uris)
        .map_err(|error| error.or_at(whole))?;
    // Uris that cannot be listed are found before anything is stored.
    ObjectTable::try_new(&resolver.stores, &remote, &uris, false).map_err(|error| error.or_at(whole))?;
    Ok(TableDefinition {
        name: name.clone(),
        kind: TableKind::External(ExternalTable {
            connection: connection.map(|(name, _)| name),
            format: String::new(),
            uris,
            options: given_options(&options),
            columns: object_table::columns(),
            declared: false,
            partitioned: false,
            partition_columns: Vec::new(),
        }),
        description: options.string("description").map(str::to_owned),
    })
}

/// Fails if the statement lists columns of a table that says itself which it has.
fn says_itself(statement: &CreateExternalTable, options: &Options) -> Result<()> {
    let format = options.string("format").unwrap_or_default();
    let refused = |what: &str| {
        Diagnostic::error(
            Code::Invalid,
            format!("a table of format {format} says itself which {what} it has"),
        )
        .hint("Leave them out of the statement.")
        .at(statement.name.span)
    };
    if statement.columns.is_some() {
        return Err(refused("columns"));
    }
    match statement.partition_columns {
        PartitionColumns::None => Ok(()),
        PartitionColumns::Inferred | PartitionColumns::Listed(_) => Err(refused("partition columns")),
    }
}

/// Fails for an option that means nothing without partition columns.
fn needs_partitions(options: &Options) -> Result<()> {
    for name in ["hive_partition_uri_prefix", "require_hive_partition_filter"] {
        if options.is_given(name) {
            return Err(Diagnostic::error(Code::Invalid, format!("option {name:?} needs partition columns"))
                .hint("Write WITH PARTITION COLUMNS before OPTIONS."));
        }
    }
    Ok(())
}

fn declared(columns: &[ColumnDefinition], format: &TableFormat) -> Result<SchemaRef> {
    let fields: Vec<_> = columns
        .iter()
        .map(|column| declared_field(&column.name.value, &column.column_type.value, !column.not_null))
        .collect();
    let schema = Schema::new(fields);
    if let Some((name, _)) = unreadable_column(format, &schema) {
        let span =
            columns.iter().find(|column| column.name.value == name).map(|column| column.column_type.span);
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("column {name:?} has a type that CSV cannot hold"),
        )
        .at(span.unwrap_or_default())
        .hint("CSV has no ARRAY and no STRUCT; JSON and Parquet do."));
    }
    Ok(Arc::new(schema))
}

/// The options as they are kept: what was given, and what was found out about CSV.
fn stored(options: &Options, format: &TableFormat) -> BTreeMap<String, serde_json::Value> {
    let mut stored = given_options(options);
    // What was found out is kept, so that no query looks for it again.
    if let TableFormat::Text(TextFormat::Csv(csv)) = format {
        let mut keep = |name: &str, value: serde_json::Value| {
            stored.entry(name.to_owned()).or_insert(value);
        };
        keep("skip_leading_rows", csv.skip_rows().into());
        if csv.delimiter() != b',' {
            keep("field_delimiter", char::from(csv.delimiter()).to_string().into());
        }
        if csv.by_name() {
            keep("source_column_match", "NAME".into());
        }
    }
    stored
}

/// The options as they were given.
pub(super) fn given_options(options: &Options) -> BTreeMap<String, serde_json::Value> {
    options
        .given()
        .map(|(name, value)| {
            let json = match value {
                OptionValue::String(text) => serde_json::Value::from(text.as_str()),
                OptionValue::Int64(number) => serde_json::Value::from(*number),
                OptionValue::Bool(value) => serde_json::Value::from(*value),
                OptionValue::Strings(texts) => serde_json::Value::from(texts.clone()),
                OptionValue::Secret(_) => serde_json::Value::Null,
            };
            (name.to_owned(), json)
        })
        .collect()
}

pub(super) fn drop(session: &Session, statement: &Drop) -> Result<Outcome> {
    drop_table(session, statement, TableKindName::External, "DROP_EXTERNAL_TABLE")
}

/// Drops a table of one kind; another kind under the name is an error.
pub(super) fn drop_table(
    session: &Session,
    statement: &Drop,
    kind: TableKindName,
    method: &str,
) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let result = session.catalog().and_then(|catalog| drop_from(session, catalog, &name, statement, kind));
    audited(session, method, &name.to_string(), result)
}

/// Drops it from this catalog: the lasting one, or that of temporary tables.
pub(super) fn drop_from(
    session: &Session,
    catalog: &Catalog,
    name: &TableName,
    statement: &Drop,
    kind: TableKindName,
) -> Result<Outcome> {
    if catalog.table(name)?.is_none() {
        if statement.if_exists {
            return Ok(Outcome::nothing());
        }
        let tables = catalog.tables(&name.dataset_name())?;
        let known = tables.iter().map(|table| table.name.table.as_str());
        return Err(crate::resolve::no_table(name, known).at(statement.name.span));
    }
    catalog.drop_table(session.actor(), name, kind).map_err(|error| error.or_at(statement.name.span))?;
    Ok(Outcome::nothing())
}

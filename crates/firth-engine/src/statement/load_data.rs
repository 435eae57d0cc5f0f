//! LOAD DATA: files, read as an external table would read them, into a table.

use std::{collections::HashSet, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::{
    common::Column,
    datasource::provider_as_source,
    logical_expr::{Expr, LogicalPlanBuilder},
};
use firth_catalog::{OnExisting, TableKind, TableName};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result, Spanned};
use firth_pushdown::NAME_METADATA;
use firth_sql::{ColumnDefinition, CreateExternalTable, Creation, LoadData, PartitionColumns};
use futures::FutureExt as _;

use super::{
    audited,
    create_external_table::table_over_files,
    create_table::{NewTable, TABLE_OPTIONS, stored},
    dry_run,
    insert::{integer, row_count_report},
    options,
    query::blaming,
};
use crate::{
    Outcome, RejectedReport, RejectedRow, Session,
    error::from_datafusion,
    files::{EXTERNAL_TABLE_OPTIONS, column_type},
    native::{assigned, columns_of},
    report::Report,
    resolve::{PlannedQuery, Resolver},
    sink::{RowSink, refuse_omitted},
};

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &LoadData,
) -> Result<Outcome> {
    let result = load(session, resolver, statement).boxed().await;
    audited(session, "LOAD_DATA", &statement.name.value.dotted(), result)
}

async fn load(session: &Session, resolver: &Resolver<'_>, statement: &LoadData) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    if let Some(partitions) = &statement.partitions {
        return Err(Diagnostic::error(Code::Unsupported, "LOAD DATA … PARTITIONS is not in this version")
            .at(partitions.span)
            .hint("Load into another table, and INSERT … SELECT … WHERE what belongs here."));
    }
    let given = options::given(session, &statement.options.value)?;
    let options = Options::validate("tables", TABLE_OPTIONS, &given, statement.options.span)?;
    let home = resolver.home_of(&statement.name.value, statement.temporary).map_err(at_name)?;
    let existing = home.catalog.table(&home.name)?;
    let sink = match &existing {
        Some(record) if !statement.overwrite || !matches!(record.kind, TableKind::Native(_)) => {
            Some(resolver.sink(&statement.name.value).await.map_err(at_name)?)
        }
        _ => None,
    };
    let source = source(session, resolver, statement, &home.name, sink.as_deref()).await?;
    let count = match &sink {
        Some(sink) => {
            let planned = matched(source, sink.as_ref(), statement)?;
            if session.options.rehearsal {
                return dry_run::reads_of(resolver, &planned).await;
            }
            let rows = blaming(resolver, resolver.run(planned).await?);
            sink.write(rows).await.map_err(at_name)?
        }
        None => {
            let columns = columns(&source, statement)?;
            let reads = match session.options.rehearsal {
                true => Some(dry_run::reads_of(resolver, &source).await?),
                false => None,
            };
            let table = NewTable {
                name: &home.name,
                catalog: home.catalog,
                columns,
                partition_by: statement.partition_by.as_ref().map(|text| text.value.clone()),
                cluster_by: &statement.cluster_by,
                options: stored(&options),
                description: options.string("description").map(str::to_owned),
                on_existing: if statement.overwrite { OnExisting::Replace } else { OnExisting::Fail },
            };
            let count = table.create(resolver, Some(source)).await.map_err(at_name)?;
            if let Some(reads) = reads {
                return Ok(reads);
            }
            count.unwrap_or_default()
        }
    };
    Ok(loaded(count, resolver.rejected_rows().report()))
}

/// How many rows were loaded and, if some may be left out, which were not and why.
fn loaded(count: u64, rejected: Option<RejectedReport>) -> Outcome {
    let counts = row_count_report(count, 0, 0);
    let Some(rejected) = rejected else { return counts.outcome() };
    let line = |row: &RejectedRow| row.line.and_then(|line| i64::try_from(line).ok());
    let rows = Report::new()
        .texts("file", rejected.first.iter().map(|row| &row.file))
        .optional_integers("line", rejected.first.iter().map(line))
        .strings("column", rejected.first.iter().map(|row| row.column.as_ref()))
        .texts("reason", rejected.first.iter().map(|row| &row.reason))
        .texts("text", rejected.first.iter().map(|row| &row.text));
    counts.integers("rejected_row_count", integer(rejected.count)).array("rejected_rows", rows).outcome()
}

/// The files as a query of all their columns.
async fn source(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &LoadData,
    name: &TableName,
    sink: Option<&(dyn RowSink + '_)>,
) -> Result<PlannedQuery> {
    let columns = match (&statement.columns, sink) {
        (Some(listed), _) => Some(listed.clone()),
        // Files that do not say what they hold hold the table's columns, unless folders hold some of them.
        (None, Some(sink))
            if !is_self_describing(session, statement)
                && !matches!(statement.partition_columns, PartitionColumns::Inferred) =>
        {
            Some(declared(&sink.columns(), &statement.partition_columns))
        }
        (None, _) => None,
    };
    let external = CreateExternalTable {
        creation: Creation::New,
        name: statement.name.clone(),
        columns,
        partition_columns: statement.partition_columns.clone(),
        connection: statement.connection.clone(),
        options: statement.files.clone(),
    };
    let described = table_over_files(session, resolver, &external, name).await?;
    let TableKind::External(external) = &described.kind else {
        return Err(Diagnostic::internal("files that are no external table"));
    };
    let files = resolver
        .external_files(name, external, false)
        .await
        .map_err(|error| error.or_at(statement.files.span))?;
    let plan = LogicalPlanBuilder::scan("files", provider_as_source(files), None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    let headers = plan
        .schema()
        .fields()
        .iter()
        .map(|field| field.metadata().get(NAME_METADATA).unwrap_or_else(|| field.name()).clone())
        .collect();
    Ok(PlannedQuery { plan, headers })
}

/// Whether the files say which columns they hold. What is wrong with the options is said by who reads the files.
fn is_self_describing(session: &Session, statement: &LoadData) -> bool {
    let files = options::given(session, &statement.files.value).and_then(|given| {
        Options::validate("external tables", EXTERNAL_TABLE_OPTIONS, &given, statement.files.span)
    });
    let format = files.as_ref().ok().and_then(|files| files.string("format"));
    !matches!(format, Some("CSV" | "JSON" | "NEWLINE_DELIMITED_JSON"))
}

fn declared(columns: &Schema, partition_columns: &PartitionColumns) -> Vec<ColumnDefinition> {
    let in_folders = |name: &str| match partition_columns {
        PartitionColumns::Listed(keys) => keys.iter().any(|key| key.name.value.eq_ignore_ascii_case(name)),
        PartitionColumns::None | PartitionColumns::Inferred => false,
    };
    let spanned = |name: &String| Spanned::new(name.clone(), firth_diagnostic::Span::default());
    columns
        .fields()
        .iter()
        .filter(|field| !in_folders(field.name()))
        .map(|field| ColumnDefinition {
            name: spanned(field.name()),
            column_type: Spanned::new(column_type(field), firth_diagnostic::Span::default()),
            not_null: !field.is_nullable(),
        })
        .collect()
}

/// The files' columns where the table has them, by name; the table's others are NULL.
fn matched(source: PlannedQuery, sink: &dyn RowSink, statement: &LoadData) -> Result<PlannedQuery> {
    let columns = sink.columns();
    let place =
        |name: &str| columns.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let listed: HashSet<String> =
        statement.columns.iter().flatten().map(|column| column.name.value.to_lowercase()).collect();
    let (mut places, mut kept, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    for ((qualifier, field), header) in source.plan.schema().iter().zip(&source.headers) {
        match place(header) {
            Some(index) => {
                places.push(index);
                kept.push(Expr::Column(Column::from((qualifier, field))));
                headers.push(header.clone());
            }
            // A self-describing file may have more columns than the table; a column that was asked for may not.
            None if !listed.contains(&header.to_lowercase()) => {}
            None => {
                return Err(Diagnostic::error(Code::NotFound, format!("the table has no column {header:?}"))
                    .at(statement.name.span));
            }
        }
    }
    if kept.is_empty() {
        return Err(Diagnostic::error(Code::Invalid, "the files have none of the table's columns")
            .at(statement.files.span));
    }
    let plan = LogicalPlanBuilder::from(source.plan)
        .project(kept)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    refuse_omitted(sink, &places).map_err(|error| error.or_at(statement.files.span))?;
    assigned(PlannedQuery { plan, headers }, &columns, &places)
        .map_err(|error| error.or_at(statement.files.span))
}

/// The columns of a table that is made: the files', NOT NULL where that is listed.
fn columns(source: &PlannedQuery, statement: &LoadData) -> Result<SchemaRef> {
    let columns = columns_of(source).map_err(|error| error.or_at(statement.files.span))?;
    let is_required = |name: &str| {
        let mut listed = statement.columns.iter().flatten();
        listed.any(|column| column.not_null && column.name.value.eq_ignore_ascii_case(name))
    };
    let fields = columns.fields().iter().map(|field| match is_required(field.name()) {
        true => Arc::new(field.as_ref().clone().with_nullable(false)),
        false => Arc::clone(field),
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

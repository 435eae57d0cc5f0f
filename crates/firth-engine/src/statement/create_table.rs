//! CREATE TABLE, DROP TABLE and TRUNCATE TABLE.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::{
    common::Column,
    logical_expr::{LogicalPlanBuilder, SortExpr},
    prelude::Expr,
};
use firth_catalog::{
    Commit, DatasetKind, NativeChange, NativeDefinition, OnExisting, TableName, numbered_columns,
};
use firth_connector::{OptionSpec, OptionValue, Options};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};
use firth_sql::{CreateTable, Drop};
use futures::FutureExt as _;

use super::{
    audited,
    insert::{places, row_counts},
    options,
    query::blaming,
    schema::on_existing,
};
use crate::{
    Outcome, Session,
    error::from_datafusion,
    files::declared_field,
    native::{TablePlace, assigned, columns_of, write_rows},
    resolve::{PlannedQuery, Resolver, no_table},
    sink::changed_meanwhile,
};

/// The options of CREATE TABLE.
pub const TABLE_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("description").doc("A sentence about the table."),
    OptionSpec::string("friendly_name").doc("Read for BigQuery's sake, and shown again."),
];

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateTable,
) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let result = create(session, resolver, statement, &name).boxed().await;
    audited(session, "CREATE_TABLE", &name.to_string(), result)
}

async fn create(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &CreateTable,
    name: &TableName,
) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    if statement.temporary {
        return Err(Diagnostic::error(Code::Unsupported, "CREATE TEMP TABLE is not in this version")
            .at(statement.name.span));
    }
    if statement.connection.is_some() {
        return Err(Diagnostic::error(
            Code::Unsupported,
            "CREATE TABLE … WITH CONNECTION is not in this version",
        )
        .at(statement.name.span)
        .hint(
            "Without it a table is kept in Firth's home; CREATE EXTERNAL TABLE reads files where they are.",
        ));
    }
    let given = options::given(session, &statement.options.value)?;
    let options = Options::validate("tables", TABLE_OPTIONS, &given, statement.options.span)?;
    let dataset = resolver.dataset(&name.dataset_name()).map_err(at_name)?;
    if !matches!(dataset.kind, DatasetKind::Native) {
        return Err(Diagnostic::error(
            Code::Unsupported,
            format!("schema {} is external: no table can be created in it", dataset.name),
        )
        .at(statement.name.span));
    }
    let catalog = session.catalog()?;
    let on_existing = on_existing(statement.creation);
    if let Some(existing) = catalog.table(name)? {
        match on_existing {
            OnExisting::Skip => return Ok(Outcome::nothing()),
            // Said before the query runs for hours.
            OnExisting::Fail => {
                let kind = existing.kind.name().with_article();
                return Err(Diagnostic::error(
                    Code::AlreadyExists,
                    format!("{name} already exists: it is {kind}"),
                )
                .at(statement.name.span)
                .hint("Use `CREATE TABLE IF NOT EXISTS` to keep it, or `CREATE OR REPLACE TABLE`."));
            }
            OnExisting::Replace => {}
        }
    }
    let planned = match &statement.query {
        Some(query) => Some(resolver.plan_query(query, 0).await?),
        None => None,
    };
    let columns = columns(statement, planned.as_ref())?;
    let columns = numbered_columns(&columns, 1).map_err(at_name)?;
    let cluster_by = known_columns(&columns, &statement.cluster_by)?;
    let folder = catalog.new_table_folder(&name.dataset_name());
    let place = TablePlace::new(catalog, &folder)?;
    let files = match (planned, &statement.query) {
        (Some(planned), Some(query)) => {
            let every: Vec<usize> = places(&columns, None)?;
            let planned = assigned(planned, &columns, &every).map_err(|error| error.or_at(query.span))?;
            let planned = clustered(planned, &cluster_by)?;
            let rows = blaming(resolver, resolver.run(planned).await?);
            let threads = resolver.context.state().config().target_partitions();
            write_rows(&place, &columns, rows, threads).await.map_err(at_name)?
        }
        _ => Vec::new(),
    };
    session.checkpoints.reach("rows_written");
    let definition = NativeDefinition {
        name: name.clone(),
        columns,
        folder,
        partition_by: statement.partition_by.as_ref().map(|text| text.value.clone()),
        cluster_by,
        options: stored(&options),
        description: options.string("description").map(str::to_owned),
        files,
    };
    let created = catalog.create_native_table(session.actor(), &definition, on_existing);
    if !matches!(created, Ok(firth_catalog::Created::New | firth_catalog::Created::Replaced)) {
        place.discard(definition.files.iter().map(|file| file.name.as_str()));
    }
    created.map_err(at_name)?;
    session.checkpoints.reach("rows_committed");
    if statement.query.is_none() {
        return Ok(Outcome::nothing());
    }
    Ok(row_counts(definition.files.iter().map(|file| file.rows).sum(), 0, 0))
}

/// The columns that are listed, or else the query's.
fn columns(statement: &CreateTable, planned: Option<&PlannedQuery>) -> Result<SchemaRef> {
    let Some(listed) = &statement.columns else {
        return match planned {
            Some(planned) => columns_of(planned).map_err(|error| error.or_at(statement.name.span)),
            None => Err(Diagnostic::internal("a table without columns")),
        };
    };
    if listed.is_empty() {
        return Err(
            Diagnostic::error(Code::Invalid, "a table has at least one column").at(statement.name.span)
        );
    }
    let fields: Vec<_> = listed
        .iter()
        .map(|column| declared_field(&column.name.value, &column.column_type.value, !column.not_null))
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns of CLUSTER BY, in the table's spelling.
fn known_columns(columns: &Schema, listed: &[Spanned<String>]) -> Result<Vec<String>> {
    let indices = places(columns, Some(listed))?;
    Ok(indices.into_iter().map(|index| columns.field(index).name().clone()).collect())
}

/// The rows in the order of the clustering columns, so that row groups hold few of their values each.
fn clustered(query: PlannedQuery, cluster_by: &[String]) -> Result<PlannedQuery> {
    if cluster_by.is_empty() {
        return Ok(query);
    }
    let keys: Vec<SortExpr> = cluster_by
        .iter()
        .map(|column| Expr::Column(Column::new_unqualified(column.to_lowercase())).sort(true, true))
        .collect();
    let plan = LogicalPlanBuilder::from(query.plan)
        .sort(keys)
        .and_then(LogicalPlanBuilder::build)
        .map_err(from_datafusion)?;
    Ok(PlannedQuery { plan, headers: query.headers })
}

fn stored(options: &Options) -> std::collections::BTreeMap<String, serde_json::Value> {
    options
        .given()
        .filter_map(|(name, value)| match value {
            OptionValue::String(text) => Some((name.to_owned(), serde_json::Value::from(text.as_str()))),
            _ => None,
        })
        .collect()
}

pub(super) fn drop(session: &Session, statement: &Drop) -> Result<Outcome> {
    let name =
        TableName::try_from_name(&statement.name.value).map_err(|error| error.or_at(statement.name.span))?;
    let attempt = || {
        let catalog = session.catalog()?;
        if catalog.table(&name)?.is_none() {
            if statement.if_exists {
                return Ok(Outcome::nothing());
            }
            let tables = catalog.tables(&name.dataset_name())?;
            let known = tables.iter().map(|table| table.name.table.as_str());
            return Err(no_table(&name, known).at(statement.name.span));
        }
        catalog
            .drop_native_table(session.actor(), &name)
            .map_err(|error| error.or_at(statement.name.span))?;
        Ok(Outcome::nothing())
    };
    audited(session, "DROP_TABLE", &name.to_string(), attempt())
}

/// Times that TRUNCATE TABLE looks at the table again because another statement changed it.
const ATTEMPTS: usize = 10;

pub(super) fn truncate(
    session: &Session,
    resolver: &Resolver<'_>,
    target: &Spanned<Name>,
) -> Result<Outcome> {
    let name = TableName::try_from_name(&target.value).map_err(|error| error.or_at(target.span))?;
    let attempt = || {
        let catalog = session.catalog()?;
        for _ in 0..ATTEMPTS {
            let state = resolver.native_state(&name)?;
            let rows: u64 = state
                .files
                .iter()
                .map(|file| file.rows - file.deletes.as_ref().map_or(0, |deletes| deletes.rows))
                .sum();
            let change = NativeChange {
                name: name.clone(),
                table_id: state.table_id,
                base: state.snapshot,
                add: Vec::new(),
                delete: Vec::new(),
                remove: state.files.iter().map(|file| file.id).collect(),
            };
            if change.remove.is_empty() {
                return Ok(row_counts(0, 0, 0));
            }
            if let Commit::Done(_) =
                catalog.change_native_table(session.actor(), "TRUNCATE_TABLE", &change)?
            {
                return Ok(row_counts(0, 0, rows));
            }
        }
        Err(changed_meanwhile(&name))
    };
    let result = attempt().map_err(|error: Diagnostic| error.or_at(target.span));
    audited(session, "TRUNCATE_TABLE", &name.to_string(), result)
}

//! CREATE TABLE, DROP TABLE and TRUNCATE TABLE.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::{
    common::Column,
    logical_expr::{LogicalPlanBuilder, SortExpr},
    physical_plan::EmptyRecordBatchStream,
    prelude::Expr,
};
use firth_catalog::{
    Catalog, Commit, ConnectionName, Created, DatasetKind, NativeChange, NativeDefinition, OnExisting,
    TableKindName, TableName, numbered_columns,
};
use firth_connector::{OptionSpec, OptionValue, Options, SchemaSpec};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned};
use firth_sql::{CreateTable, Drop};
use futures::FutureExt as _;

use super::{
    audited,
    create_external_table::drop_from,
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
    resolve::{PlannedQuery, Resolver, TableHome},
    sink::{RowSink as _, changed_meanwhile},
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
    let result = create(session, resolver, statement).boxed().await;
    audited(session, "CREATE_TABLE", &statement.name.value.dotted(), result)
}

async fn create(session: &Session, resolver: &Resolver<'_>, statement: &CreateTable) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    if statement.connection.is_some() {
        return Err(at_name(
            Diagnostic::error(Code::Unsupported, "CREATE TABLE … WITH CONNECTION is not in this version")
                .hint("Without it a table is kept in Firth's home; CREATE EXTERNAL TABLE reads files where they are."),
        ));
    }
    let given = options::given(session, &statement.options.value)?;
    let options = Options::validate("tables", TABLE_OPTIONS, &given, statement.options.span)?;
    let home = resolver.home_to_make(&statement.name.value, statement.temporary).map_err(at_name)?;
    if !home.is_temporary {
        let dataset = resolver.dataset(&home.name.dataset_name()).map_err(at_name)?;
        if let DatasetKind::External { connection, schema, .. } = &dataset.kind {
            return create_remote(resolver, statement, (connection, schema), &home.name).await;
        }
    }
    let on_existing = on_existing(statement.creation);
    if on_existing == OnExisting::Skip && home.catalog.table(&home.name)?.is_some() {
        return Ok(Outcome::nothing());
    }
    let planned = match &statement.query {
        Some(query) => {
            refuse_existing(&home, on_existing).map_err(at_name)?;
            Some(resolver.plan_rows(query, 0).await?)
        }
        None => None,
    };
    let table = NewTable {
        name: &home.name,
        catalog: home.catalog,
        columns: columns(statement, planned.as_ref())?,
        partition_by: statement.partition_by.as_ref().map(|text| text.value.clone()),
        cluster_by: &statement.cluster_by,
        options: stored(&options),
        description: options.string("description").map(str::to_owned),
        on_existing,
    };
    let place = statement.query.as_ref().map_or(statement.name.span, |query| query.span);
    match table.create(resolver, planned).await.map_err(|error| error.or_at(place))? {
        Some(rows) => Ok(row_counts(rows, 0, 0)),
        None => Ok(Outcome::nothing()),
    }
}

/// A table of an external schema: made at its source, with its rows, or not at all.
async fn create_remote(
    resolver: &Resolver<'_>,
    statement: &CreateTable,
    (connection, schema): (&ConnectionName, &SchemaSpec),
    name: &TableName,
) -> Result<Outcome> {
    let at_name = |error: Diagnostic| error.or_at(statement.name.span);
    let plain = statement.partition_by.is_none()
        && statement.cluster_by.is_empty()
        && statement.options.value.is_empty();
    let existing = on_existing(statement.creation);
    if !plain || existing == OnExisting::Replace {
        let message = format!("table \"{name}\" is made at its source, by its columns and rows alone");
        return Err(at_name(
            Diagnostic::error(Code::Unsupported, message)
                .hint("Leave out OR REPLACE, PARTITION BY, CLUSTER BY and OPTIONS, or make the table there."),
        ));
    }
    if resolver.has_remote_table(connection, schema, name).await.map_err(at_name)? {
        return match existing {
            OnExisting::Skip => Ok(Outcome::nothing()),
            OnExisting::Fail | OnExisting::Replace => Err(at_name(
                Diagnostic::error(Code::AlreadyExists, format!("{name} already exists at its source"))
                    .hint("Use `CREATE TABLE IF NOT EXISTS` to keep it, or INSERT to add rows."),
            )),
        };
    }
    let planned = match &statement.query {
        Some(query) => Some(resolver.plan_rows(query, 0).await?),
        None => None,
    };
    let columns = columns(statement, planned.as_ref())?;
    // What a query happens to give says nothing about later rows.
    let columns = match &statement.columns {
        Some(_) => columns,
        None => nullable(&columns),
    };
    let sink = resolver.new_remote_table(connection, schema, name, &columns).await.map_err(at_name)?;
    if resolver.session.options.rehearsal {
        return Ok(Outcome::nothing());
    }
    let Some(planned) = planned else {
        let none = Box::pin(EmptyRecordBatchStream::new(sink.columns()));
        sink.write(none).await.map_err(at_name)?;
        return Ok(Outcome::nothing());
    };
    let every = places(&columns, None)?;
    let rows = blaming(resolver, resolver.run(assigned(planned, &sink.columns(), &every)?).await?);
    Ok(row_counts(sink.write(rows).await.map_err(at_name)?, 0, 0))
}

/// The columns, each of which may be NULL.
fn nullable(columns: &Schema) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Says that there is such a table before its query runs for hours.
pub(super) fn refuse_existing(home: &TableHome<'_>, on_existing: OnExisting) -> Result<()> {
    match home.catalog.table(&home.name)? {
        Some(existing) if on_existing == OnExisting::Fail => {
            let kind = existing.kind.name().with_article();
            Err(Diagnostic::error(Code::AlreadyExists, format!("{} already exists: it is {kind}", home.name))
                .hint("Use `CREATE TABLE IF NOT EXISTS` to keep it, or `CREATE OR REPLACE TABLE`."))
        }
        Some(_) | None => Ok(()),
    }
}

/// A native table that is to be made.
pub(super) struct NewTable<'a> {
    pub(super) name: &'a TableName,
    pub(super) catalog: &'a Catalog,
    /// Not yet numbered.
    pub(super) columns: SchemaRef,
    pub(super) partition_by: Option<String>,
    pub(super) cluster_by: &'a [Spanned<String>],
    pub(super) options: BTreeMap<String, serde_json::Value>,
    pub(super) description: Option<String>,
    pub(super) on_existing: OnExisting,
}

impl NewTable<'_> {
    /// Makes the table with the rows of the query, whose columns are the table's; answers how many there were.
    pub(super) async fn create(
        self,
        resolver: &Resolver<'_>,
        query: Option<PlannedQuery>,
    ) -> Result<Option<u64>> {
        let (catalog, actor, on_existing) = (self.catalog, resolver.session.actor(), self.on_existing);
        let make =
            |definition: &NativeDefinition| catalog.create_native_table(actor, definition, on_existing);
        self.create_by(resolver, query, make).await
    }

    /// The same, where `make` puts it into the catalog.
    pub(super) async fn create_by(
        self,
        resolver: &Resolver<'_>,
        query: Option<PlannedQuery>,
        make: impl FnOnce(&NativeDefinition) -> Result<Created>,
    ) -> Result<Option<u64>> {
        let session = resolver.session;
        let columns = numbered_columns(&self.columns, 1)?;
        let cluster_by = known_columns(&columns, self.cluster_by)?;
        let folder = self.catalog.new_table_folder(&self.name.dataset_name());
        // A rehearsal knows the table, writes no row of it and locks no folder.
        let place = match session.options.rehearsal {
            true => None,
            false => Some(TablePlace::new(self.catalog, &folder)?),
        };
        let has_query = query.is_some();
        let files = match (query, &place) {
            (Some(query), Some(place)) => {
                let every: Vec<usize> = places(&self.columns, None)?;
                let query = clustered(assigned(query, &self.columns, &every)?, &cluster_by)?;
                let rows = blaming(resolver, resolver.run(query).await?);
                let threads = resolver.context.state().config().target_partitions();
                write_rows(place, &columns, rows, threads).await?
            }
            (Some(_), None) | (None, _) => Vec::new(),
        };
        session.checkpoints.reach("rows_written");
        let definition = NativeDefinition {
            name: self.name.clone(),
            columns,
            folder,
            partition_by: self.partition_by,
            cluster_by,
            options: self.options,
            description: self.description,
            files,
        };
        let created = make(&definition);
        if let Some(place) = &place
            && !matches!(created, Ok(Created::New | Created::Replaced))
        {
            place.discard(definition.files.iter().map(|file| file.name.as_str()));
        }
        created?;
        session.checkpoints.reach("rows_committed");
        Ok(has_query.then(|| definition.files.iter().map(|file| file.rows).sum()))
    }
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
pub(crate) fn clustered(query: PlannedQuery, cluster_by: &[String]) -> Result<PlannedQuery> {
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

/// The options as they are kept.
pub(super) fn stored(options: &Options) -> BTreeMap<String, serde_json::Value> {
    options
        .given()
        .filter_map(|(name, value)| match value {
            OptionValue::String(text) => Some((name.to_owned(), serde_json::Value::from(text.as_str()))),
            _ => None,
        })
        .collect()
}

pub(super) fn drop(session: &Session, resolver: &Resolver<'_>, statement: &Drop) -> Result<Outcome> {
    let home =
        resolver.home_of(&statement.name.value, false).map_err(|error| error.or_at(statement.name.span))?;
    let result = drop_from(session, home.catalog, &home.name, statement, TableKindName::Native);
    audited(session, "DROP_TABLE", &home.name.to_string(), result)
}

/// Times that TRUNCATE TABLE looks at the table again because another statement changed it.
const ATTEMPTS: usize = 10;

pub(super) fn truncate(
    session: &Session,
    resolver: &Resolver<'_>,
    target: &Spanned<Name>,
) -> Result<Outcome> {
    let home = resolver.home_of(&target.value, false).map_err(|error| error.or_at(target.span))?;
    let (name, catalog) = (home.name.clone(), home.catalog);
    let attempt = || {
        for _ in 0..ATTEMPTS {
            let state = resolver.native_state(&home)?;
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

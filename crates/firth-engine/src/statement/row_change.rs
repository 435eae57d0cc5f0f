//! UPDATE, DELETE and MERGE: one pass over the rows that change, whatever the statement is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{Array as _, AsArray, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef},
};
use datafusion::{
    error::{DataFusionError, Result as DataFusionResult},
    execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_catalog::{Catalog, Commit, DatasetKind, NativeChange, NativeState};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{ACTION_COLUMN, Action, FILE_COLUMN, ROW_COLUMN, RowChange, RowChangeKind, TARGET_TABLE};
use futures::{FutureExt as _, StreamExt as _};

use super::{audited, dry_run, insert::row_counts, query::blaming};
use crate::{
    Outcome, Session,
    files::column_type,
    native::{Deletions, TablePlace, assigned, plain_columns, read_deletes, write_deletes, write_rows},
    resolve::{PlannedQuery, Resolver, TableHome},
    sink::{changed_meanwhile, unknown_default},
};

/// Times that a statement is run because another one changed the table meanwhile.
const ATTEMPTS: usize = 10;

pub(super) async fn execute(
    session: &Session,
    resolver: &Resolver<'_>,
    statement: &RowChange,
) -> Result<Outcome> {
    let result = change(session, resolver, statement).boxed().await;
    audited(session, statement.kind.word(), &statement.target.value.dotted(), result)
}

async fn change(session: &Session, resolver: &Resolver<'_>, statement: &RowChange) -> Result<Outcome> {
    let at_target = |error: Diagnostic| error.or_at(statement.target.span);
    let home = resolver.home_of(&statement.target.value, false).map_err(at_target)?;
    let name = &home.name;
    if !home.is_temporary
        && let dataset = resolver.dataset(&name.dataset_name()).map_err(at_target)?
        && !matches!(dataset.kind, DatasetKind::Native)
    {
        return Err(at_target(
            Diagnostic::error(
                Code::Unsupported,
                format!("table \"{name}\" is of an external schema: its rows are not changed from here"),
            )
            .hint("INSERT adds rows to it. Change and delete rows at the source, in its own SQL."),
        ));
    }
    for _ in 0..ATTEMPTS {
        // Each attempt reads anew, and so resolves anew.
        let resolver = Resolver::try_new(session, Arc::clone(&resolver.remotes))?;
        if let Some(outcome) = attempt(&resolver, statement, &home).await? {
            return Ok(outcome);
        }
    }
    Err(at_target(changed_meanwhile(name)))
}

/// One run of the statement. `None`: another statement was faster, and nothing was changed.
async fn attempt(
    resolver: &Resolver<'_>,
    statement: &RowChange,
    home: &TableHome<'_>,
) -> Result<Option<Outcome>> {
    let at_target = |error: Diagnostic| error.or_at(statement.target.span);
    let session = resolver.session;
    let catalog = home.catalog;
    let state = resolver.native_state(home).map_err(at_target)?;
    if !home.is_temporary {
        resolver.pin(state.snapshot);
    }
    if session.options.rehearsal {
        let planned = plan(resolver, statement, home, &state).await?;
        return dry_run::reads_of(resolver, &planned).await.map(Some);
    }
    let place = TablePlace::new(catalog, &state.folder)?;
    let planned = plan(resolver, statement, home, &state).await?;
    let rows = blaming(resolver, resolver.run(planned).await?);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let new_rows = watched(statement.kind, rows, &state.columns, Arc::clone(&seen));
    let threads = resolver.context.state().config().target_partitions();
    let add = write_rows(&place, &state.columns, new_rows, threads).await.map_err(at_target)?;
    session.checkpoints.reach("rows_written");
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let counts = seen.counts;
    let mut change = NativeChange {
        name: home.name.clone(),
        table_id: state.table_id,
        base: state.snapshot,
        add,
        delete: Vec::new(),
        remove: Vec::new(),
    };
    let outcome = row_counts(counts.inserted, counts.updated, counts.deleted);
    let removed = remove(catalog, &place, &state, seen.deletions, &mut change).await;
    if let Err(error) = removed {
        place.discard(change.add.iter().map(|file| file.name.as_str()));
        return Err(error);
    }
    session.checkpoints.reach("deletes_written");
    if change.add.is_empty() && change.delete.is_empty() && change.remove.is_empty() {
        return Ok(Some(outcome));
    }
    let committed = catalog.change_native_table(session.actor(), statement.kind.word(), &change);
    if !matches!(committed, Ok(Commit::Done(_))) {
        place.discard(change.add.iter().map(|file| file.name.as_str()));
        place.discard(change.delete.iter().map(|file| file.name.as_str()));
    }
    match committed? {
        Commit::Done(_) => {
            session.checkpoints.reach("rows_committed");
            Ok(Some(outcome))
        }
        Commit::Conflict => Ok(None),
    }
}

/// The rows that change: where they are, what becomes of them, and the rows in their place.
async fn plan(
    resolver: &Resolver<'_>,
    statement: &RowChange,
    home: &TableHome<'_>,
    state: &NativeState,
) -> Result<PlannedQuery> {
    if let Some(column) = statement.left_to_default(&state.defaulted) {
        return Err(unknown_default(column).or_at(statement.target.span));
    }
    let columns = plain_columns(&state.columns);
    if let Some(field) = columns.fields().iter().find(|field| is_place(field.name())) {
        return Err(Diagnostic::error(
            Code::Unsupported,
            format!("{} does not change tables with a column {:?}", statement.kind.word(), field.name()),
        )
        .or_at(statement.target.span)
        .hint("The name is one that such a statement needs. ALTER TABLE … RENAME COLUMN gives the column another."));
    }
    let types: Vec<_> =
        columns.fields().iter().map(|field| (field.name().clone(), column_type(field))).collect();
    let source = match statement.source() {
        Some(source) => resolver.plan_query(&source, 0).await?.headers,
        None => Vec::new(),
    };
    let query = statement.query(&types, &source)?;
    let files = resolver.native_files(home.catalog, state, true).await?;
    resolver.put_own_table(TARGET_TABLE, Arc::new(files) as _);
    let planned = resolver.plan_rows(&query, 0).await?;
    let number = |name: &str| Arc::new(Field::new(name, DataType::Int64, true));
    let mut fields: Vec<FieldRef> = vec![number(FILE_COLUMN), number(ROW_COLUMN), number(ACTION_COLUMN)];
    if statement.kind != RowChangeKind::Delete {
        fields.extend(columns.fields().iter().cloned());
    }
    let places: Vec<usize> = (0..fields.len()).collect();
    assigned(planned, &Schema::new(fields), &places).map_err(|error| error.or_at(statement.target.span))
}

/// Whether a column would be taken for one that says where a row is.
fn is_place(name: &str) -> bool {
    [FILE_COLUMN, ROW_COLUMN].iter().any(|place| place.eq_ignore_ascii_case(name))
}

/// What has been seen of the rows that change.
#[derive(Default)]
struct Seen {
    /// The rows that go, by file.
    deletions: BTreeMap<i64, Deletions>,
    counts: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    inserted: u64,
    updated: u64,
    deleted: u64,
}

/// The new rows, while the rows that go are noted.
fn watched(
    kind: RowChangeKind,
    rows: SendableRecordBatchStream,
    columns: &SchemaRef,
    seen: Arc<Mutex<Seen>>,
) -> SendableRecordBatchStream {
    let new_rows = rows.map(move |batch| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        note(kind, &batch?, &mut seen)
    });
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(columns), new_rows))
}

/// Notes the rows that go, and answers those that are new.
fn note(kind: RowChangeKind, batch: &RecordBatch, seen: &mut Seen) -> DataFusionResult<RecordBatch> {
    let number = |column: usize| batch.column(column).as_primitive::<Int64Type>();
    let (files, rows, actions) = (number(0), number(1), number(2));
    let mut is_new = Vec::with_capacity(batch.num_rows());
    for index in 0..batch.num_rows() {
        let action = (!actions.is_null(index)).then(|| Action::of_number(actions.value(index))).flatten();
        is_new.push(matches!(action, Some(Action::Insert | Action::Update)));
        match action {
            None => continue,
            Some(Action::Insert) => {
                seen.counts.inserted += 1;
                continue;
            }
            Some(Action::Update) => seen.counts.updated += 1,
            Some(Action::Delete) => seen.counts.deleted += 1,
        }
        let deletions = seen.deletions.entry(files.value(index)).or_default();
        if !deletions.insert(rows.value(index).unsigned_abs()) {
            let message = format!("{} must match at most one source row for each target row", kind.word());
            let error = Diagnostic::error(Code::Invalid, message)
                .hint("Nothing was changed. Make the source's rows unique in what they are joined by.");
            return Err(DataFusionError::External(Box::new(error)));
        }
    }
    let columns: Vec<usize> = (3..batch.num_columns()).collect();
    let new_rows = batch.project(&columns)?;
    Ok(filter_record_batch(&new_rows, &BooleanArray::from(is_new))?)
}

/// Puts the rows that go into the change: as lists, or as whole files where none of their rows is left.
async fn remove(
    catalog: &Catalog,
    place: &TablePlace,
    state: &NativeState,
    mut deletions: BTreeMap<i64, Deletions>,
    change: &mut NativeChange,
) -> Result<()> {
    let touched: Vec<_> =
        state.files.iter().filter(|file| deletions.contains_key(&file.id)).cloned().collect();
    for (id, earlier) in read_deletes(catalog, &touched).await? {
        if let Some(deleted) = deletions.get_mut(&id) {
            deleted.extend(&earlier);
        }
    }
    for file in &touched {
        if deletions.get(&file.id).is_some_and(|deleted| deleted.len() == file.rows) {
            deletions.remove(&file.id);
            change.remove.push(file.id);
        }
    }
    if !deletions.is_empty() {
        change.delete = write_deletes(place, catalog, deletions, &touched).await?;
    }
    Ok(())
}

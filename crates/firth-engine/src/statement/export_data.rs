//! EXPORT DATA: validate everything, upload every byte, commit, and only then make the files visible.

use std::{collections::HashSet, sync::Arc};

use chrono::Utc;
use datafusion::{
    logical_expr::{LogicalPlan, LogicalPlanBuilder, SortExpr},
    prelude::Expr,
};
use firth_catalog::ConnectionName;
use firth_connector::{Canceller, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Span};
use firth_sql::ExportData;
use futures::FutureExt as _;
use object_store::{ObjectMeta, path::Path};
use uuid::Uuid;

use super::{options, query::blaming};
use crate::{
    Exported, Outcome,
    error::from_datafusion,
    export::{
        self, Column, Destination, EXPORT_OPTIONS, Export, ExportFormat, Journal, Layout, ManifestFile,
        SUCCESS_MARKER, Snapshot, State, Writing, Written,
    },
    files::sql_type,
    report::Report,
    resolve::{PlannedQuery, Resolver, connection_reference, headed_schema},
};

/// An export whose options make sense, and whose query is planned.
struct Validated<'a> {
    options: Options,
    uri_span: Span,
    format: ExportFormat,
    layout: Layout,
    connection: Option<ConnectionName>,
    destination: Destination,
    planned: PlannedQuery,
    columns: Vec<Column>,
    query_hash: String,
    resolver: &'a Resolver<'a>,
}

/// What is at the destination before the export.
struct Found {
    manifest: Snapshot,
    /// By name below the folder.
    files: Vec<(String, ObjectMeta)>,
}

pub(super) async fn execute(resolver: &Resolver<'_>, statement: &ExportData) -> Result<Outcome> {
    let validated = validate(resolver, statement).boxed().await?;
    let uri_span = validated.uri_span;
    run(validated).boxed().await.map_err(|error| error.or_at(uri_span))
}

async fn run(validated: Validated<'_>) -> Result<Outcome> {
    let found = look(&validated).await?;
    if let Some(export) = done_before(&validated, &found)? {
        return Ok(answer(&validated.destination, &export.files));
    }
    refuse_existing(&validated, &found)?;
    if validated.destination.is_atomic {
        committed(validated, found).await
    } else {
        file_by_file(validated, found).await
    }
}

/// What would be exported. The target is looked at as it stands: what died there is brought to its end by the export itself.
pub(super) async fn rehearse(resolver: &Resolver<'_>, statement: &ExportData) -> Result<PlannedQuery> {
    let validated = validate(resolver, statement).await?;
    let destination = &validated.destination;
    let look =
        async { Ok(Found { manifest: destination.manifest().await?, files: destination.matching().await? }) };
    let found = look.await.map_err(|error: Diagnostic| error.or_at(validated.uri_span))?;
    if done_before(&validated, &found)?.is_none() {
        refuse_existing(&validated, &found).map_err(|error| error.or_at(validated.uri_span))?;
    }
    Ok(validated.planned)
}

async fn validate<'a>(resolver: &'a Resolver<'a>, statement: &ExportData) -> Result<Validated<'a>> {
    let given = options::given(resolver.session, &statement.options.value)?;
    let options = Options::validate("exports", EXPORT_OPTIONS, &given, statement.options.span)?;
    let in_options = |error: Diagnostic| error.or_at(statement.options.span);
    let uri = options.string("uri").unwrap_or_default();
    let uri_span = given
        .iter()
        .find(|option| option.name.value.eq_ignore_ascii_case("uri"))
        .map_or(statement.options.span, |option| option.value.span);
    let format = ExportFormat::try_new(&options).map_err(in_options)?;
    let layout = Layout::try_new(&options).map_err(in_options)?;
    let connection = statement.connection.as_ref().map(connection_reference).transpose()?;
    let named = connection.as_ref().map(|(name, span)| (name, Some(*span)));
    let destination = Destination::open(resolver, named, uri, options.bool("atomic"))
        .map_err(|error| error.or_at(uri_span))?;
    match options.bool("manifest") {
        Some(true) if !destination.is_atomic => {
            return Err(in_options(
                Diagnostic::error(Code::Invalid, "option \"manifest\" needs an atomic export")
                    .hint("Leave `manifest` out: the files of this export become visible one after another."),
            ));
        }
        Some(false) if destination.is_atomic => {
            return Err(in_options(
                Diagnostic::error(Code::Invalid, "an atomic export cannot be without its manifest")
                    .detail(
                        "the manifest is what commits all files together, and finishes them after a crash",
                    )
                    .hint("Add `atomic = FALSE`: each file is then there as a whole or not at all."),
            ));
        }
        _ => {}
    }
    if options.is_given("idempotency_key") && !destination.is_atomic {
        return Err(in_options(
            Diagnostic::error(Code::Invalid, "option \"idempotency_key\" needs an atomic export")
                .hint("It is kept in the manifest, which this export does not write."),
        ));
    }
    let mut planned = resolver.plan_query(&statement.query, 0).await?;
    let schema = headed_schema(planned.plan.schema().as_arrow(), &planned.headers);
    let file_schema = layout.file_schema(&schema).map_err(in_options)?;
    format.check(&file_schema).map_err(|error| error.or_at(statement.query.span))?;
    planned.plan = by_partition(planned.plan, &layout.partition_columns(&schema)?)?;
    let columns = file_schema
        .fields()
        .iter()
        .map(|field| Column { name: field.name().clone(), sql_type: sql_type(field) })
        .collect();
    let query_hash =
        export::sha256(&format!("{}\n{:?}", statement.query.text, resolver.session.options.parameters));
    let connection = connection.map(|(name, _)| name);
    let destination = match options.string("naming") {
        Some("run") => destination.named_by_run(Uuid::new_v4()),
        Some(_) | None => destination,
    };
    Ok(Validated {
        options,
        uri_span,
        format,
        layout,
        connection,
        destination,
        planned,
        columns,
        query_hash,
        resolver,
    })
}

/// Sorts by the partition columns, so that few files are open at once; within one as the query sorts.
fn by_partition(plan: LogicalPlan, columns: &[usize]) -> Result<LogicalPlan> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let mut keys: Vec<SortExpr> = columns
        .iter()
        .map(|column| {
            let (qualifier, field) = plan.schema().qualified_field(*column);
            Expr::Column((qualifier, field).into()).sort(true, true)
        })
        .collect();
    if let LogicalPlan::Sort(sort) = &plan {
        keys.extend(sort.expr.iter().cloned());
    }
    LogicalPlanBuilder::from(plan).sort(keys).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}

/// Looks what is there, after bringing to its end what died there.
async fn look(validated: &Validated<'_>) -> Result<Found> {
    let (session, destination) = (validated.resolver.session, &validated.destination);
    let manifest = if destination.is_atomic {
        let overwrite = validated.options.bool("overwrite").unwrap_or(false);
        export::recover_same(session, destination, validated.connection.as_ref(), overwrite).await?;
        export::settle(session, destination, overwrite).await?
    } else {
        let manifest = destination.manifest().await?;
        if manifest.export(&destination.names.pattern()).is_some() {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("the files at {:?} belong to an atomic export", destination.uri),
            )
            .hint("Leave out `atomic = false`, so that its manifest stays true; or choose another uri."));
        }
        manifest
    };
    Ok(Found { manifest, files: destination.matching().await? })
}

/// The export that is there, if it was asked for with the same key.
fn done_before(validated: &Validated<'_>, found: &Found) -> Result<Option<Export>> {
    let Some(key) = validated.options.string("idempotency_key") else { return Ok(None) };
    let export = found.manifest.export(&validated.destination.names.pattern());
    let Some(export) = export.filter(|export| export.idempotency_key.as_deref() == Some(key)) else {
        return Ok(None);
    };
    if export.query_hash != validated.query_hash {
        return Err(Diagnostic::error(
            Code::Conflict,
            format!("idempotency key {key:?} was used for another query"),
        )
        .hint("Give every export a key of its own, and the same key only to repeat it."));
    }
    Ok(Some(export.clone()))
}

fn refuse_existing(validated: &Validated<'_>, found: &Found) -> Result<()> {
    if validated.options.bool("overwrite").unwrap_or(false) {
        return Ok(());
    }
    let destination = &validated.destination;
    let entry = found.manifest.export(&destination.names.pattern());
    let there = match found.files.first() {
        Some((_, meta)) => destination.uri_of(&meta.location),
        None if entry.is_some() => destination.uri_of(&destination.names.manifest()),
        None => return Ok(()),
    };
    Err(Diagnostic::error(Code::AlreadyExists, format!("there is a file already: {there:?}"))
        .hint("`overwrite = true` replaces files of the same names; or choose another uri."))
}

/// All files, or none.
async fn committed(validated: Validated<'_>, found: Found) -> Result<Outcome> {
    let session = validated.resolver.session;
    let journal =
        Journal::begin(session.catalog()?, validated.connection.as_ref(), &validated.destination.uri)?;
    session.checkpoints.reach("begun");
    let destination = Arc::new(validated.destination.clone());
    let (options, format_name) =
        (validated.options.clone(), validated.options.string("format").unwrap_or_default().to_owned());
    let (columns, query_hash) = (validated.columns.clone(), validated.query_hash.clone());
    let resolver = validated.resolver;
    let (mut written, mut sources) = match write(validated, &destination, Some(&journal)).await {
        Ok(written) => written,
        Err(error) => {
            forget(&destination, journal).await?;
            return Err(error);
        }
    };
    session.checkpoints.reach("uploaded");
    for file in &mut written {
        // From here on the manifest may have it: it must not be forgotten with this future.
        file.upload.release();
    }
    sources.extend(export::files_and_tables(resolver));
    let files: Vec<ManifestFile> = written.iter().map(|file| manifest_file(file, &found)).collect();
    let export = Export {
        state: State::Committing,
        run: journal.run,
        token: Uuid::new_v4(),
        committed_at: Utc::now(),
        format: format_name,
        columns,
        query_hash,
        idempotency_key: options.string("idempotency_key").map(str::to_owned),
        sources,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        delete: replaced(&options, &destination, &found, &files),
        success_marker: has_marker(&options),
        files,
    };
    let put = match export::put(&destination, &found.manifest, &export).await {
        Ok(put) => put,
        Err(not_put) if not_put.is_certain => {
            forget(&destination, journal).await?;
            return Err(not_put.error);
        }
        Err(not_put) => {
            return Err(not_put.error.hint(
                "It is not known whether the export was committed: `firth clean`, or running it again, finds out.",
            ));
        }
    };
    session.checkpoints.reach("committed");
    let complete = export::finish(&destination, put, &session.checkpoints).await.map_err(|error| {
        error.hint("The export is committed, and not all there yet: `firth clean`, or the next export there, finishes it.")
    })?;
    journal.end()?;
    Ok(answer(&destination, &complete.files))
}

/// Each file for itself, in order.
async fn file_by_file(validated: Validated<'_>, found: Found) -> Result<Outcome> {
    let destination = Arc::new(validated.destination.clone());
    let options = validated.options.clone();
    let (written, _) = write(validated, &destination, None).await?;
    if has_marker(&options) {
        export::delete(&destination, &[SUCCESS_MARKER.to_owned()]).await?;
    }
    let mut files = Vec::new();
    for mut file in written {
        let key = destination.key(&file.name)?;
        let completed = destination.staging.complete(&key, &file.staged.id, &file.staged.parts).await;
        completed.map_err(|error| {
            object_error(error, &destination.uri_of(&key))
                .hint(format!("{} of this export's files are visible already.", files.len()))
        })?;
        file.upload.release();
        files.push(manifest_file(&file, &found));
    }
    export::delete(&destination, &replaced(&options, &destination, &found, &files)).await?;
    if has_marker(&options) {
        export::put_marker(&destination).await?;
    }
    let mut outcome = answer(&destination, &files);
    if !options.is_given("atomic") {
        outcome.warnings.push(Diagnostic::warning(
            Code::Unsupported,
            "the files became visible one after another: this store cannot do it all at once",
        ));
    }
    Ok(outcome)
}

/// Writes the rows; answers the files, and of an export with a manifest the state of the databases.
async fn write(
    validated: Validated<'_>,
    destination: &Arc<Destination>,
    journal: Option<&Journal<'_>>,
) -> Result<(Vec<Written>, Vec<serde_json::Value>)> {
    let resolver = validated.resolver;
    let sources = async {
        match journal {
            Some(_) => export::databases(resolver).await,
            None => Ok(Vec::new()),
        }
    };
    let (stream, sources) = resolver.run_as_read(validated.planned, sources).await?;
    let stream = blaming(resolver, stream);
    // The rows' own columns, not the plan's: planning may change a type.
    let read = stream.schema();
    let names: Vec<String> = read.fields().iter().map(|field| field.name().clone()).collect();
    let schema = headed_schema(&read, &names);
    let checkpoints = &resolver.session.checkpoints;
    let writing = Writing {
        destination,
        format: &validated.format,
        layout: &validated.layout,
        schema: &schema,
        journal,
        threads: resolver.context.state().config().target_partitions(),
        begun: &|| checkpoints.reach("upload_begun"),
    };
    Ok((export::write_rows(&writing, stream).await?, sources))
}

/// Removes everything of a run that was not committed.
async fn forget(destination: &Destination, journal: Journal<'_>) -> Result<()> {
    // The uploads that were under way are being aborted; what is noted is aborted again, to be sure.
    Canceller::drained().await;
    for upload in journal.uploads()? {
        if let Ok(path) = Path::parse(&upload.path) {
            let _ = destination.staging.abort(&path, &upload.upload).await;
        }
    }
    journal.end()
}

fn manifest_file(file: &Written, found: &Found) -> ManifestFile {
    let replaces = found.files.iter().find(|(name, _)| *name == file.name);
    let mut upload = file.staged.clone();
    upload.replaces = replaces.and_then(|(_, meta)| meta.e_tag.clone());
    ManifestFile {
        name: file.name.clone(),
        rows: file.rows,
        bytes: file.bytes,
        crc32: file.crc32.clone(),
        columns: file.columns.clone(),
        e_tag: None,
        upload: Some(upload),
    }
}

/// The files that go: those of the entry before, and those that have the pattern's names.
fn replaced(
    options: &Options,
    destination: &Destination,
    found: &Found,
    files: &[ManifestFile],
) -> Vec<String> {
    if options.bool("delete_stale") == Some(false) {
        return Vec::new();
    }
    let new: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let earlier: HashSet<&str> = found
        .manifest
        .export(&destination.names.pattern())
        .map(|export| export.files.iter().map(|file| file.name.as_str()).collect())
        .unwrap_or_default();
    // A file in a folder of its own may be another export's, unless the manifest knows it.
    let goes = |name: &str| !new.contains(name) && (!name.contains('/') || earlier.contains(name));
    let mut gone: Vec<String> =
        found.files.iter().map(|(name, _)| name).filter(|name| goes(name)).cloned().collect();
    let had_marker =
        found.manifest.export(&destination.names.pattern()).is_some_and(|entry| entry.success_marker);
    if had_marker && !has_marker(options) {
        gone.push(SUCCESS_MARKER.to_owned());
    }
    gone
}

fn has_marker(options: &Options) -> bool {
    options.bool("success_marker").unwrap_or(false)
}

fn answer(destination: &Destination, files: &[ManifestFile]) -> Outcome {
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let uri = |file: &ManifestFile| match destination.key(&file.name) {
        Ok(key) => destination.uri_of(&key),
        Err(_) => file.name.clone(),
    };
    let mut outcome = Report::new()
        .texts("uri", files.iter().map(uri))
        .integers("rows", files.iter().map(|file| integer(file.rows)))
        .integers("bytes", files.iter().map(|file| integer(file.bytes)))
        .outcome();
    outcome.exported = Some(Exported {
        files: files.len() as u64,
        rows: files.iter().map(|file| file.rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        requests: destination.requests.count(),
    });
    outcome
}

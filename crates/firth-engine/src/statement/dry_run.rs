//! A rehearsal: what a statement would ask of which source.
//!
//! Definitions are made, in a copy of the catalog that ends with the session, so that the statements after them
//! find what they name. What reads or writes rows is planned and not run. Sources are asked what resolving asks
//! anyway: for lists of files, footers, and descriptions of tables.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    datasource::{physical_plan::FileScanConfig, source::DataSourceExec},
    physical_plan::{ExecutionPlan, statistics::StatisticsArgs},
};
use firth_connector::RemoteId;
use firth_diagnostic::Result;
use firth_pushdown::RemoteScanExec;
use firth_sql::{Query, Statement};
use object_store::ObjectMeta;
use uuid::Uuid;

use super::{explain::physical, export_data, export_to_database, materialized_view, perform};
use crate::{
    Outcome, Session,
    error::from_datafusion,
    report::Report,
    resolve::{PlannedQuery, Resolver},
};

/// Rehearses one statement. Statements that read rows answer a row for each source.
pub(super) async fn execute<'a>(
    session: &'a Session,
    resolver: &'a Resolver<'a>,
    statement: &'a Statement,
) -> Result<Outcome> {
    match statement {
        Statement::Query(query) => planned(resolver, query).await,
        Statement::Assert(assert) => planned(resolver, &assert.condition).await,
        // The target is another system's table, of which nothing is asked.
        Statement::ExportData(export) if export_to_database::is_meant(export) => {
            planned(resolver, &export.query).await
        }
        Statement::ExportData(export) => {
            let planned = export_data::rehearse(resolver, export).await?;
            reads_of(resolver, &planned).await
        }
        Statement::CreateTable(create) => {
            let outcome = match &create.query {
                Some(query) => planned(resolver, query).await?,
                None => Outcome::nothing(),
            };
            perform(session, resolver, statement).await?;
            Ok(outcome)
        }
        Statement::CopyTable(_) | Statement::CreateMaterializedView(_) => {
            perform(session, resolver, statement).await
        }
        Statement::RefreshMaterializedView(name) => materialized_view::rehearse(resolver, name).await,
        // They answer what they would read, and write nothing.
        Statement::Insert(_) | Statement::RowChange(_) | Statement::LoadData(_) => perform(session, resolver, statement).await,
        // They are parsed. What they change is files.
        Statement::Optimize(_) | Statement::CleanTables(_) => Ok(Outcome::nothing()),
        Statement::Explain(explain) => Box::pin(execute(session, resolver, &explain.statement)).await,
        // They are answers, not changes, or ask a source for nothing but an answer.
        Statement::ShowConnections
        | Statement::DescribeConnection(_)
        | Statement::CheckConnection(_)
        | Statement::ShowCreateConnection(_)
        | Statement::ShowConnectionTypes
        | Statement::ShowOptions(_)
        | Statement::ShowSchemas
        | Statement::ShowTables(_)
        | Statement::ShowMaterializedViews(_)
        | Statement::DescribeTable(_)
        | Statement::ShowCreateTable(_)
        | Statement::ShowSettings
        | Statement::ShowAudit
        | Statement::ShowCaches
        | Statement::RefreshExternalTable(_)
        // Ends other runs' exports at the stores.
        | Statement::CleanExports => Ok(Outcome::nothing()),
        Statement::CreateConnection(_)
        | Statement::AlterConnection(_)
        | Statement::DropConnection(_)
        | Statement::CreateSchema(_)
        | Statement::CreateExternalSchema(_)
        | Statement::DropSchema(_)
        | Statement::AlterTable(_)
        | Statement::DropTable(_)
        | Statement::TruncateTable(_)
        | Statement::CreateExternalTable(_)
        | Statement::DropExternalTable(_)
        | Statement::CreateView(_)
        | Statement::DropView(_)
        | Statement::DropMaterializedView(_)
        | Statement::Set(_)
        | Statement::Reset(_) => {
            let outcome = perform(session, resolver, statement).await?;
            Ok(Outcome { warnings: outcome.warnings, ..Outcome::nothing() })
        }
    }
}

/// What is read of one source.
struct Read {
    source: String,
    what: String,
    rows: Option<usize>,
    bytes: Option<usize>,
}

async fn planned(resolver: &Resolver<'_>, query: &Query) -> Result<Outcome> {
    let planned = resolver.plan_query(query, 0).await?;
    reads_of(resolver, &planned).await
}

/// A row for each source that a plan reads.
pub(super) async fn reads_of(resolver: &Resolver<'_>, planned: &PlannedQuery) -> Result<Outcome> {
    let plan = physical(resolver, planned).await?;
    let reads = reads(resolver, &plan)?;
    let number = |value: Option<usize>| value.and_then(|value| i64::try_from(value).ok());
    Ok(Report::new()
        .texts("source", reads.iter().map(|read| read.source.as_str()))
        .texts("reads", reads.iter().map(|read| read.what.as_str()))
        .optional_integers("rows", reads.iter().map(|read| number(read.rows)))
        .optional_integers("bytes", reads.iter().map(|read| number(read.bytes)))
        .outcome())
}

fn reads(resolver: &Resolver<'_>, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Read>> {
    let mut reads = Vec::new();
    plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            let estimate = scan.statistics_from_inputs(&[], &StatisticsArgs::new())?;
            reads.push(Read {
                source: scan.remote().to_string(),
                what: scan.sql().to_owned(),
                rows: estimate.num_rows.get_value().copied(),
                bytes: estimate.total_byte_size.get_value().copied(),
            });
        } else if let Some(files) = node
            .downcast_ref::<DataSourceExec>()
            .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
        {
            reads.push(of_files(resolver, files));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(from_datafusion)?;
    Ok(reads)
}

/// The files that are left after pruning. Their size is the most that is read of them: of Parquet, columns that no
/// one wants are not.
fn of_files(resolver: &Resolver<'_>, files: &FileScanConfig) -> Read {
    let all = || files.file_groups.iter().flat_map(|group| group.iter());
    let tables = resolver.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let written: HashMap<_, _> = tables
        .iter()
        .flat_map(|table| table.files())
        .flat_map(|listed| {
            let pair = |file: &ObjectMeta| (listed.handle.planned(file.clone()).location, listed.uri(file));
            listed.files.iter().map(pair).collect::<Vec<_>>()
        })
        .collect();
    let mut paths: Vec<&str> =
        all().map(|file| written.get(file.path()).map_or(file.path().as_ref(), String::as_str)).collect();
    paths.sort_unstable();
    paths.dedup();
    let bytes: u64 = all().map(|file| file.effective_size()).sum();
    let uuid =
        files.object_store_url.as_str().split("://").next().and_then(|scheme| scheme.strip_prefix("firth-"));
    let opened = uuid.and_then(|uuid| Uuid::parse_str(uuid).ok()).and_then(|uuid| {
        resolver.remotes.get(&RemoteId { uuid, name: String::new(), kind: String::new() }).ok()
    });
    let name = opened.map(|opened| opened.id.name.clone()).filter(|name| !name.is_empty());
    Read {
        source: name.unwrap_or_else(|| "local files".to_owned()),
        what: match paths.as_slice() {
            [one] => (*one).to_owned(),
            [first, ..] => format!("{} files, from {first}", paths.len()),
            [] => "no file".to_owned(),
        },
        rows: files.statistics().num_rows.get_value().copied(),
        bytes: usize::try_from(bytes).ok(),
    }
}

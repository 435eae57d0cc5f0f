//! EXPLAIN: the plan, with the exact remote SQL of every remote scan; or what is sent and what is not.

use std::sync::Arc;

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    execution::TaskContext,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, display::DisplayableExecutionPlan, displayable,
        statistics::StatisticsArgs,
    },
};
use firth_connector::Remotes;
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_pushdown::{Kept, Pushdown, RemoteScanExec, push_down};
use firth_sql::{Explain, ExplainKind, Query, Statement};
use futures::TryStreamExt;

use crate::{
    Outcome,
    error::from_datafusion,
    files::leaf_progress,
    report::Report,
    resolve::{PlannedQuery, Resolver},
};

pub(super) async fn execute(resolver: &Resolver<'_>, statement: &Explain) -> Result<Outcome> {
    let analyze = statement.kind == ExplainKind::Analyze;
    let query: &Query = match statement.statement.as_ref() {
        Statement::Query(query) => query,
        Statement::ExportData(export) if !analyze => &export.query,
        _ => {
            return Err(Diagnostic::error(Code::Unsupported, "this statement cannot be explained").hint(
                "EXPLAIN takes a query or an EXPORT DATA; EXPLAIN ANALYZE runs it and takes a query.",
            ));
        }
    };
    if !analyze {
        resolver.materialized.only_tell();
    }
    let planned = resolver.plan_query(query, 0).await?;
    match statement.kind {
        ExplainKind::Plan => {
            let plan = physical(resolver, &planned).await?;
            let mut text = displayable(plan.as_ref()).indent(false).to_string();
            text.push_str(&views(resolver).await);
            Ok(lines(&text))
        }
        ExplainKind::Analyze => {
            let plan = physical(resolver, &planned).await?;
            let context = TaskContext::from(&resolver.context.state());
            let stream = firth_pushdown::execute(Arc::clone(&plan), context, leaf_progress)
                .map_err(from_datafusion)?;
            stream.try_for_each(|_| async { Ok(()) }).await.map_err(from_datafusion)?;
            let mut text = DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string();
            for source in resolver.remotes.report() {
                let name = source.connection.as_deref().unwrap_or("local files");
                text.extend(source.notes.iter().map(|note| format!("{name}: {note}\n")));
            }
            text.push_str(&views(resolver).await);
            Ok(lines(&text))
        }
        ExplainKind::Pushdown => pushdown(resolver, &planned).await,
    }
}

pub(super) async fn physical(
    resolver: &Resolver<'_>,
    planned: &PlannedQuery,
) -> Result<Arc<dyn ExecutionPlan>> {
    resolver.context.state().create_physical_plan(&planned.plan).await.map_err(from_datafusion)
}

/// A line for each materialized view: which of its rows are read.
async fn views(resolver: &Resolver<'_>) -> String {
    let reasons = resolver.materialized.reasons().await;
    reasons.iter().map(|(view, reason)| format!("materialized view {view}: {reason}\n")).collect()
}

fn lines(text: &str) -> Outcome {
    Report::new().texts("plan", text.lines()).outcome()
}

/// A row for each text that is sent, with what is expected of it and how it is read, and one for each operator that is done
/// here though it reads a source of SQL, with the reason.
async fn pushdown(resolver: &Resolver<'_>, planned: &PlannedQuery) -> Result<Outcome> {
    let state = resolver.context.state();
    let optimized = state.optimize(&planned.plan).map_err(from_datafusion)?;
    let mut kept = push_down(optimized).map_err(from_datafusion)?.kept;
    let setting = resolver.session.settings().pushdown();
    if setting != Pushdown::On {
        let reason = match setting {
            Pushdown::Safe => "SET pushdown = 'safe' sends filters, limits and the keys of joins only",
            Pushdown::Off | Pushdown::On => "SET pushdown = 'off' sends columns only",
        };
        kept.insert(0, Kept { operator: "whole queries".to_owned(), reason: reason.to_owned() });
    }
    for (view, reason) in resolver.materialized.reasons().await {
        kept.push(Kept { operator: format!("materialized view {view}"), reason });
    }
    let sent = sent(&physical(resolver, planned).await?, &resolver.remotes)?;

    let none = || kept.iter().map(|_| None);
    let text = |text: &str| Some(text.to_owned());
    let report = Report::new()
        .strings(
            "at",
            sent.iter().map(|sent| text(&sent.connection)).chain(kept.iter().map(|_| text("here"))),
        )
        .strings(
            "what",
            sent.iter().map(|sent| text(&sent.sql)).chain(kept.iter().map(|kept| text(&kept.operator))),
        )
        .strings("reads_at_once", sent.iter().map(|sent| Some(sent.partitions.to_string())).chain(none()))
        .strings("rows", sent.iter().map(|sent| sent.rows.clone()).chain(none()))
        .strings("bytes", sent.iter().map(|sent| sent.bytes.clone()).chain(none()))
        .strings(
            "reason",
            sent.iter().map(|sent| sent.reading.clone()).chain(kept.iter().map(|kept| text(&kept.reason))),
        );
    Ok(report.outcome())
}

/// A text for a source, and what is expected of it.
struct Sent {
    connection: String,
    sql: String,
    partitions: usize,
    rows: Option<String>,
    bytes: Option<String>,
    /// In how many parts, and why.
    reading: Option<String>,
}

fn sent(plan: &Arc<dyn ExecutionPlan>, remotes: &Remotes) -> Result<Vec<Sent>> {
    let mut all = Vec::new();
    plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            let estimate = scan.statistics_from_inputs(&[], &StatisticsArgs::new())?;
            let sql = remotes.get(scan.remote()).ok().and_then(|opened| Arc::clone(&opened.remote).sql());
            let about = |count: Option<&usize>| count.map(|count| format!("about {count}"));
            all.push(Sent {
                connection: scan.remote().to_string(),
                sql: scan.sql().to_owned(),
                partitions: node.output_partitioning().partition_count(),
                rows: about(estimate.num_rows.get_value()),
                bytes: about(estimate.total_byte_size.get_value()),
                reading: sql.and_then(|sql| sql.reading(scan.scan())),
            });
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(from_datafusion)?;
    Ok(all)
}

//! EXPLAIN: the plan, with the exact remote SQL of every remote scan.

use datafusion::physical_plan::{display::DisplayableExecutionPlan, displayable};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::{Explain, Query, Statement};
use futures::TryStreamExt;

use crate::{Outcome, error::from_datafusion, report::Report, resolve::Resolver};

pub(super) async fn execute(resolver: &Resolver<'_>, statement: &Explain) -> Result<Outcome> {
    let query: &Query = match statement.statement.as_ref() {
        Statement::Query(query) => query,
        Statement::ExportData(export) if !statement.analyze => &export.query,
        _ => {
            return Err(Diagnostic::error(Code::Unsupported, "this statement cannot be explained").hint(
                "EXPLAIN takes a query or an EXPORT DATA; EXPLAIN ANALYZE runs it and takes a query.",
            ));
        }
    };
    let planned = resolver.plan_query(query, 0).await?;
    let state = resolver.context.state();
    let plan = state.create_physical_plan(&planned.plan).await.map_err(from_datafusion)?;
    let text = if statement.analyze {
        let stream = datafusion::physical_plan::execute_stream(
            std::sync::Arc::clone(&plan),
            resolver.context.task_ctx(),
        )
        .map_err(from_datafusion)?;
        stream.try_for_each(|_| async { Ok(()) }).await.map_err(from_datafusion)?;
        DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string()
    } else {
        displayable(plan.as_ref()).indent(false).to_string()
    };
    Ok(Report::new().texts("plan", text.lines()).outcome())
}

//! SELECT.

use std::sync::{Arc, PoisonError};

use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_diagnostic::{Code, Result};
use firth_sql::Query;
use futures::TryStreamExt;

use crate::{
    Outcome, Rows,
    error::from_datafusion,
    files::{ExternalFiles, name_file},
    resolve::Resolver,
};

pub(super) async fn execute(resolver: &Resolver<'_>, query: &Query) -> Result<Outcome> {
    let planned = resolver.plan_query(query, 0).await?;
    let stream = resolver.run(planned).await?;
    let stream = blaming(resolver, stream);
    Ok(Outcome { rows: Some(Rows { schema: stream.schema(), stream }), ..Outcome::nothing() })
}

/// A stream whose errors are diagnostics, which name the files that they are about.
pub(crate) fn blaming(
    resolver: &Resolver<'_>,
    stream: SendableRecordBatchStream,
) -> SendableRecordBatchStream {
    let files = resolver.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let schema = stream.schema();
    let named = stream.map_err(move |error| explained(error, &files));
    Box::pin(RecordBatchStreamAdapter::new(schema, named))
}

fn explained(error: DataFusionError, files: &[Arc<ExternalFiles>]) -> DataFusionError {
    let mut diagnostic = from_datafusion(error);
    if diagnostic.code() == Code::BadData {
        diagnostic = name_file(diagnostic, files);
    }
    if diagnostic.code() == Code::Remote && diagnostic.hints().is_empty() {
        diagnostic = diagnostic.hint("EXPLAIN shows what is sent there.");
    }
    DataFusionError::External(Box::new(diagnostic))
}

//! SELECT.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    error::{DataFusionError, Result as DataFusionResult},
    execution::{RecordBatchStream, SendableRecordBatchStream},
};
use firth_diagnostic::{Code, Result};
use firth_sql::Query;
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture};

use crate::{
    Outcome, Rows,
    error::from_datafusion,
    files::{ExternalFiles, blame_csv, name_file},
    resolve::Resolver,
};

pub(super) async fn execute(resolver: &Resolver<'_>, query: &Query) -> Result<Outcome> {
    let planned = resolver.plan_query(query, 0).await?;
    let stream = resolver.run(planned).await?;
    let stream = blaming(resolver, stream);
    Ok(Outcome { rows: Some(Rows { schema: stream.schema(), stream }), warnings: Vec::new() })
}

/// A stream whose errors are diagnostics, and which finds the bad row when a CSV reader has failed.
pub(super) fn blaming(
    resolver: &Resolver<'_>,
    stream: SendableRecordBatchStream,
) -> SendableRecordBatchStream {
    let files = resolver.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Box::pin(Blaming { stream, files, blame: None })
}

struct Blaming {
    stream: SendableRecordBatchStream,
    files: Vec<Arc<ExternalFiles>>,
    blame: Option<BoxFuture<'static, DataFusionError>>,
}

impl Stream for Blaming {
    type Item = DataFusionResult<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.blame.is_none() {
            match self.stream.poll_next_unpin(context) {
                Poll::Ready(Some(Err(error))) => {
                    let files = std::mem::take(&mut self.files);
                    self.blame = Some(explained(error, files).boxed());
                }
                other => return other,
            }
        }
        let Some(blame) = &mut self.blame else { return Poll::Ready(None) };
        match blame.poll_unpin(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(error) => {
                self.blame = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

impl RecordBatchStream for Blaming {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

async fn explained(error: DataFusionError, files: Vec<Arc<ExternalFiles>>) -> DataFusionError {
    let mut diagnostic = from_datafusion(error);
    if diagnostic.code() == Code::BadData {
        diagnostic = name_file(diagnostic, &files);
        for table in files {
            if let Some(found) = blame_csv(&table).await {
                diagnostic = found;
                break;
            }
        }
    }
    if diagnostic.code() == Code::Remote && diagnostic.hints().is_empty() {
        diagnostic = diagnostic.hint("EXPLAIN shows what is sent there.");
    }
    DataFusionError::External(Box::new(diagnostic))
}

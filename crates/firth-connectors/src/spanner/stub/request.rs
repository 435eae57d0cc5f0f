//! What the stub has been asked, for tests to read; and what it is told to do wrong.

use tokio::sync::watch;

use crate::spanner::client::SpannerError;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubRequestKind {
    /// Begin a read-only transaction.
    BeginTransaction,
    /// Run a query or a part of it.
    ExecuteSql,
    /// Cut a query into parts.
    PartitionQuery,
    /// Plan a query.
    PlanQuery,
    /// Read the catalog.
    ReadCatalog,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StubOutcome {
    /// It has not.
    Running,
    /// It was answered to its end.
    Finished,
    /// It was refused, or failed on the way.
    Failed,
    /// The caller went away before the end.
    Cancelled,
}

/// One request as the server received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StubRequest {
    /// What was asked.
    pub kind: StubRequestKind,
    /// The text; empty if there is none.
    pub sql: String,
    /// The partition token, if there was one.
    pub token: Option<Vec<u8>>,
    /// How it ended.
    pub outcome: StubOutcome,
}

/// What the next query is to do wrong. Each is used up by one ExecuteSql.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StubFault {
    /// Fails instead of answering.
    Fail(SpannerError),
    /// Fails after its first batch of rows.
    FailMidway(SpannerError),
    /// Never answers.
    Stall,
    /// Never sends more than its first batch of rows.
    StallMidway,
}

/// The log of requests. Those who wait for an entry are woken by every change.
#[derive(Debug)]
pub(super) struct RequestLog(watch::Sender<Vec<StubRequest>>);

impl RequestLog {
    pub(super) fn new() -> Self {
        RequestLog(watch::Sender::new(Vec::new()))
    }

    /// Notes a request that begins, and answers its place in the log.
    pub(super) fn begin(&self, kind: StubRequestKind, sql: &str, token: Option<&[u8]>) -> usize {
        let mut index = 0;
        self.0.send_modify(|log| {
            index = log.len();
            let token = token.map(<[u8]>::to_vec);
            log.push(StubRequest { kind, sql: sql.to_owned(), token, outcome: StubOutcome::Running });
        });
        index
    }

    /// Notes how a request ended, unless that is known already.
    pub(super) fn end(&self, index: usize, outcome: StubOutcome) {
        self.0.send_modify(|log| {
            if let Some(request) =
                log.get_mut(index).filter(|request| request.outcome == StubOutcome::Running)
            {
                request.outcome = outcome;
            }
        });
    }

    pub(super) fn read(&self) -> Vec<StubRequest> {
        self.0.borrow().clone()
    }

    pub(super) fn clear(&self) {
        self.0.send_modify(Vec::clear);
    }

    pub(super) async fn wait_for(
        &self,
        condition: impl FnMut(&Vec<StubRequest>) -> bool,
    ) -> Vec<StubRequest> {
        let mut watched = self.0.subscribe();
        let read = watched.wait_for(condition).await;
        read.map_or_else(|_| Vec::new(), |log| log.clone())
    }
}

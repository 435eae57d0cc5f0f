//! Runs statements: parse, execute, write the rows, report.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use firth_connector::{Canceller, Remotes};
use firth_diagnostic::{Code, Diagnostic, Span};
use firth_engine::{Exported, RejectedRows, Session, SessionOptions};
use futures::FutureExt as _;

use crate::{
    cli::Request, execution::Execution, format::WriteError, home, interrupt::Interrupt, junit::JunitReport,
    memory, output::Output, panic, progress::Progress, reporter::Reporter, script::Script,
    shell::terminal_prompt, stats::StatementStats, traces::Traces,
};

/// A session and everything around it that a statement needs.
pub(crate) struct Runner {
    /// The session.
    pub(crate) session: Arc<Session>,
    /// Where rows go.
    pub(crate) output: Output,
    /// Where everything else goes.
    pub(crate) reporter: Reporter,
    /// The figures of the statement that ran last, for a person.
    pub(crate) last_figures: Option<String>,
    /// The columns of the result that came last.
    pub(crate) last_columns: Vec<String>,
    /// What became of assertions, if a report of it is wanted.
    pub(crate) junit: Option<JunitReport>,
    /// Where a trace of each statement goes, if anywhere.
    pub(crate) traces: Option<Traces>,
    interrupt: Interrupt,
    stats: bool,
    fail_on_empty: bool,
    /// The first statement of the run that is run; those before are counted only.
    from: u64,
    statements: u64,
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Well.
    Fine,
    /// With an error, which was reported.
    Failed,
    /// By Ctrl-C, which was reported.
    Interrupted,
    /// Because nobody reads the rows any more.
    ClosedPipe,
}

/// What a person may be told about a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// How it ended.
    pub(crate) ended: Ended,
    /// The rows written; `None` for a statement without rows.
    pub(crate) rows: Option<u64>,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// What is known of a statement so far, whatever becomes of it.
#[derive(Default)]
struct Known {
    kind: Option<&'static str>,
    /// What an ASSERT claims.
    claim: Option<String>,
    has_rows: bool,
    columns: Vec<String>,
    rows: u64,
    exported: Option<Exported>,
    rejected: Option<Arc<RejectedRows>>,
}

impl Runner {
    /// A runner over a fresh session.
    pub(crate) fn new(
        request: &Request,
        reporter: Reporter,
        mut output: Output,
        interrupt: Interrupt,
    ) -> Self {
        output.progress = Progress::new(request.quiet);
        Runner {
            session: Arc::new(session(request)),
            output,
            reporter,
            last_figures: None,
            last_columns: Vec::new(),
            junit: request.junit.as_deref().map(JunitReport::new),
            interrupt,
            stats: request.stats,
            traces: None,
            // A rehearsal has rows about sources, and of none if nothing is read.
            fail_on_empty: request.fail_on_empty && !request.dry_run,
            from: request.from,
            statements: 0,
        }
    }

    /// Forgets a Ctrl-C that came while nothing ran. A batch never does: there it ends the run.
    pub(crate) fn forget_interrupts(&mut self) {
        self.interrupt.reset();
    }

    /// Waits for a Ctrl-C between two statements.
    pub(crate) async fn interrupted(&mut self) {
        self.interrupt.wait().await;
    }

    /// Runs the statement at `span` of the script and reports what there is to report.
    pub(crate) async fn run(&mut self, script: &Script, span: Span) -> Done {
        let started = Instant::now();
        self.statements += 1;
        if self.statements < self.from {
            return Done { ended: Ended::Fine, rows: None, elapsed: Duration::ZERO };
        }
        let lines = self.output.progress.clone();
        let remotes = self.session.remotes();
        let mut progress = Known::default();
        let mut execution = None;
        let mut interrupted = false;
        let statement = Statement { script, span, reporter: self.reporter };
        let work =
            statement.execute(&self.session, &remotes, &mut self.output, &mut execution, &mut progress);
        let result = tokio::select! {
            biased;
            () = self.interrupt.wait() => {
                interrupted = true;
                Err(WriteError::Failed(interruption()))
            }
            result = AssertUnwindSafe(work).catch_unwind() => {
                result.unwrap_or_else(|payload| Err(WriteError::Failed(panic::diagnostic(payload))))
            }
            () = lines.show(&remotes) => Err(WriteError::Failed(interruption())),
        };
        lines.erase();
        let result = match result {
            Ok(()) if self.fail_on_empty && progress.kind == Some("SELECT") && progress.rows == 0 => {
                Err(WriteError::Failed(no_rows()))
            }
            result => result,
        };
        let result = match (result, self.output.take_back()) {
            (Ok(()), Err(error)) => Err(error),
            (result, _) => result,
        };
        let elapsed = started.elapsed();
        if result.is_err() {
            if let Some(execution) = execution {
                execution.cancelled().await;
            }
            // The sources hear of it before anything else happens.
            Canceller::drained().await;
        }
        let left_pager = self.output.wait_for_pager();
        let (ended, code) = match result {
            Ok(()) => {
                self.assertion(&statement, &progress, elapsed, None);
                (Ended::Fine, None)
            }
            // Who has seen enough leaves the pager, not the shell.
            Err(WriteError::ClosedPipe) if left_pager => (Ended::Fine, None),
            Err(WriteError::ClosedPipe) => (Ended::ClosedPipe, None),
            Err(WriteError::Failed(error)) => {
                let code = error.code();
                let error = statement.placed(error);
                self.assertion(&statement, &progress, elapsed, Some(&error));
                self.reporter.error(&error, Some(script.source()));
                (if interrupted { Ended::Interrupted } else { Ended::Failed }, Some(code))
            }
        };
        let stats = StatementStats {
            statement: self.statements,
            id: remotes.statement(),
            kind: progress.kind,
            rows: progress.rows,
            elapsed,
            sources: remotes.report(),
            exported: progress.exported,
            rejected: progress.rejected.and_then(|rejected| rejected.report()),
            error: code,
        };
        let summary = stats.summary();
        log::info!("{} ({})", summary, remotes.statement());
        self.reporter.detail(&summary);
        if let Some(traces) = &mut self.traces {
            traces.send(&stats, self.reporter);
        }
        self.last_figures = Some(summary);
        self.last_columns = progress.columns;
        if self.stats {
            self.reporter.machine_line(&stats.json(memory::peak_bytes()));
        }
        Done { ended, rows: progress.has_rows.then_some(progress.rows), elapsed }
    }
}

impl Runner {
    /// Keeps what became of an ASSERT, and of any other statement that failed, for the report.
    fn assertion(
        &mut self,
        statement: &Statement<'_>,
        known: &Known,
        elapsed: Duration,
        error: Option<&Diagnostic>,
    ) {
        let Some(report) = &mut self.junit else { return };
        let claim = match (&known.claim, error) {
            (Some(claim), _) => claim.clone(),
            (None, Some(_)) => {
                format!("statement {}: {}", self.statements, known.kind.unwrap_or("not understood"))
            }
            (None, None) => return,
        };
        report.add(statement.script, claim, elapsed, error);
    }
}

/// A fresh session for what the command line asks.
pub(crate) fn session(request: &Request) -> Session {
    Session::new(SessionOptions {
        home: request.home.clone(),
        connectors: firth_connectors::all(),
        principal: home::principal(),
        parameters: request.parameters.clone(),
        settings: request.settings.clone(),
        rehearsal: request.dry_run,
        prompt: terminal_prompt(),
    })
}

/// A statement where it stands.
struct Statement<'a> {
    script: &'a Script,
    span: Span,
    reporter: Reporter,
}

impl Statement<'_> {
    /// Runs it, reports the outcome's warnings and writes its rows.
    async fn execute(
        &self,
        session: &Session,
        remotes: &Arc<Remotes>,
        output: &mut Output,
        execution: &mut Option<Execution>,
        progress: &mut Known,
    ) -> Result<(), WriteError> {
        let parsed = firth_sql::parse(self.text()).map_err(WriteError::Failed)?;
        progress.kind = Some(parsed.kind());
        if let firth_sql::Statement::Assert(assert) = &parsed {
            let claim = assert.description.as_ref().map(|description| description.value.clone());
            progress.claim = Some(claim.unwrap_or_else(|| assert.condition.to_string()));
        }
        let outcome = session.execute(&parsed, remotes).await.map_err(WriteError::Failed)?;
        progress.exported = outcome.exported;
        progress.rejected = outcome.rejected;
        for warning in outcome.warnings {
            self.reporter.warning(&warning.shifted(self.span.start), Some(self.script.source()));
        }
        let Some(rows) = outcome.rows else { return Ok(()) };
        progress.has_rows = true;
        progress.columns = rows.schema.fields().iter().map(|field| field.name().clone()).collect();
        let execution = execution.insert(Execution::start(rows.stream));
        output.write(&rows.schema, execution, &mut progress.rows).await
    }

    /// Its error in the script. One that points nowhere points at the statement's first word, so that it is
    /// clear which statement of many it is.
    fn placed(&self, error: Diagnostic) -> Diagnostic {
        let word = self.text().find(|c: char| !c.is_alphanumeric()).unwrap_or(self.text().len()).max(1);
        error.or_at(Span::new(0, word)).shifted(self.span.start)
    }

    fn text(&self) -> &str {
        &self.script.text[self.span.start..self.span.end]
    }
}

fn no_rows() -> Diagnostic {
    Diagnostic::error(Code::NotFound, "the query returned no rows, and `--fail-on-empty` was given")
        .hint("Leave the flag out if that is fine.")
}

fn interruption() -> Diagnostic {
    Diagnostic::error(Code::Cancelled, "the statement was interrupted")
        .hint("Rows that were written before are not the whole result.")
}

//! Runs statements: parse, execute, write the rows, report.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use firth_connector::{Canceller, Remotes};
use firth_diagnostic::{Code, Diagnostic, Span};
use firth_engine::{Session, SessionOptions};
use futures::FutureExt as _;

use crate::{
    cli::Request, execution::Execution, format::WriteError, home, interrupt::Interrupt, memory,
    output::Output, panic, progress::Progress, reporter::Reporter, script::Script, shell::terminal_prompt,
    stats::StatementStats,
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
    has_rows: bool,
    columns: Vec<String>,
    rows: u64,
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
            interrupt,
            stats: request.stats,
            fail_on_empty: request.fail_on_empty,
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
        let (ended, code) = match result {
            Ok(()) => (Ended::Fine, None),
            Err(WriteError::ClosedPipe) => (Ended::ClosedPipe, None),
            Err(WriteError::Failed(error)) => {
                let code = error.code();
                statement.report(error);
                (if interrupted { Ended::Interrupted } else { Ended::Failed }, Some(code))
            }
        };
        let stats = StatementStats {
            statement: self.statements,
            kind: progress.kind,
            rows: progress.rows,
            elapsed,
            sources: remotes.report(),
            error: code,
        };
        let summary = stats.summary();
        self.reporter.detail(&summary);
        self.last_figures = Some(summary);
        self.last_columns = progress.columns;
        if self.stats {
            self.reporter.machine_line(&stats.json(memory::peak_bytes()));
        }
        Done { ended, rows: progress.has_rows.then_some(progress.rows), elapsed }
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
        let outcome = session.execute(&parsed, remotes).await.map_err(WriteError::Failed)?;
        for warning in outcome.warnings {
            self.reporter.warning(&warning.shifted(self.span.start), Some(self.script.source()));
        }
        let Some(rows) = outcome.rows else { return Ok(()) };
        progress.has_rows = true;
        progress.columns = rows.schema.fields().iter().map(|field| field.name().clone()).collect();
        let execution = execution.insert(Execution::start(rows.stream));
        output.write(&rows.schema, execution, &mut progress.rows).await
    }

    /// Reports its error. One that points nowhere points at the statement's first word, so that it is
    /// clear which statement of many it is.
    fn report(&self, error: Diagnostic) {
        let word = self.text().find(|c: char| !c.is_alphanumeric()).unwrap_or(self.text().len()).max(1);
        let error = error.or_at(Span::new(0, word)).shifted(self.span.start);
        self.reporter.error(&error, Some(self.script.source()));
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

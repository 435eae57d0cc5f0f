//! The interactive shell: reads a line, runs it, reads the next.

mod command;
mod completer;
mod edit;
mod editor;
mod highlight;
mod history;
mod names;
mod prompt;
mod secret;
mod tables_in_scope;
mod validate;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use completer::{Names, Wanted};
use editor::EditorSpec;
use firth_diagnostic::{Code, Diagnostic, Result};
use reedline::Signal;
use tokio::runtime::Runtime;

use crate::{
    Exit,
    batch::{no_runtime, open_output, runtime},
    cli::Request,
    format::Format,
    interrupt::{Interrupt, Listen},
    output::Output,
    reporter::{Reporter, colors_allowed},
    runner::{Done, Ended, Runner},
    screen::Pager,
    script::Script,
    traces::{self, Traces},
};

pub(crate) use names::first_texts;
pub(crate) use secret::terminal_prompt;

/// What the shell calls the text that was typed.
const TYPED: &str = "<shell>";
/// For somebody who has never been here.
const FIRST_RUN: &str = "\
Nothing is set up yet. Try:
  SELECT 1 + 1;                                      a query
  CREATE EXTERNAL TABLE t OPTIONS (format = 'CSV', uris = ['file:///path/to/file.csv']);
  SHOW CONNECTION TYPES;                             what can be reached
Statements end with `;`. Tab completes, Ctrl-R searches what was typed before.";

/// A shell under way.
struct Shell {
    runtime: Runtime,
    runner: Runner,
    reporter: Reporter,
    timer: bool,
    names: Names,
    /// What ran last, for `.last`.
    last: Option<String>,
    home: PathBuf,
    no_color: bool,
    /// What shows long results, while they go to the terminal.
    pager: Option<Pager>,
}

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Line,
    Leave,
}

/// Runs a shell until the user leaves it.
pub(crate) fn run(request: &Request, reporter: Reporter) -> Exit {
    let runtime = match runtime(request) {
        Ok(runtime) => runtime,
        Err(error) => {
            reporter.error(&no_runtime(&error), None);
            return Exit::Failed;
        }
    };
    let interrupt = runtime.block_on(async { Interrupt::listen(Listen::Shell) }).map_err(|e| no_runtime(&e));
    let opened = interrupt.and_then(|interrupt| Ok((interrupt, open_output(request)?)));
    let (interrupt, output) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            reporter.error(&error, None);
            return Exit::Failed;
        }
    };
    let mut runner = Runner::new(request, reporter, output, interrupt);
    match Traces::wanted(request.otlp_endpoint.as_deref()) {
        Ok(traces) => runner.traces = traces,
        Err(error) => {
            reporter.error(&error, None);
            return Exit::Failed;
        }
    }
    let names = Names::default();
    let mut shell = Shell {
        runtime,
        runner,
        reporter,
        timer: true,
        names: names.clone(),
        last: None,
        home: request.home.clone(),
        no_color: request.no_color,
        pager: Pager::of_environment(),
    };
    if let Some(pager) = shell.runner.output.pager() {
        pager.clone_from(&shell.pager);
    }
    reporter.note(&format!("Firth {}. `.help` for help.", env!("CARGO_PKG_VERSION")));
    if shell.home.exists() {
        shell.refresh_names();
    } else {
        reporter.note(FIRST_RUN);
    }
    let (runtime, session) = (shell.runtime.handle().clone(), Arc::clone(&shell.runner.session));
    let listed = names.clone();
    let editor = EditorSpec {
        home: request.home.clone(),
        color: !request.no_color && colors_allowed(),
        names,
        ask: Arc::new(move |wanted| {
            let (session, names) = (Arc::clone(&session), listed.clone());
            match wanted {
                Wanted::Tables(schema) => runtime.spawn(names::list_remote(session, names, schema)),
                Wanted::Columns(table) => runtime.spawn(names::list_columns(session, names, table)),
            };
        }),
    };
    shell.read_lines(&editor);
    drop(editor);
    shell.leave()
}

impl Shell {
    fn read_lines(&mut self, spec: &EditorSpec) {
        let mut keys = self.setting("keys");
        let mut editor = spec.editor(&keys);
        let mut was_stopped = false;
        loop {
            let now = self.setting("keys");
            if now != keys {
                editor = spec.editor(&now);
                keys = now;
            }
            let signal = editor.read_line(&prompt::FirthPrompt);
            // Of two in a row, the second leaves.
            let stopped = matches!(signal, Ok(Signal::CtrlC));
            if stopped && was_stopped {
                return;
            }
            was_stopped = stopped;
            match signal {
                Ok(Signal::Success(text)) => {
                    // Another shell, and a killed one's successor, find it at once.
                    let _ = editor.sync_history();
                    if self.line(&text) == Next::Leave {
                        return;
                    }
                }
                Ok(Signal::CtrlC) => self.reporter.note("Ctrl-C again leaves."),
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn setting(&self, name: &str) -> String {
        self.runner.session.settings().text(name).to_owned()
    }

    /// Runs what was typed: a command, or statements.
    fn line(&mut self, text: &str) -> Next {
        match command::parse(text) {
            None => {
                if !text.trim().is_empty() {
                    self.last = Some(text.to_owned());
                }
                self.script(&Script::new(TYPED, text))
            }
            Some(Ok(command)) => self.command(command),
            Some(Err(error)) => {
                self.reporter.error(&error, None);
                Next::Line
            }
        }
    }

    fn command(&mut self, command: command::Command) -> Next {
        use command::Command;
        match command {
            Command::Help => self.reporter.note(command::help().trim_end()),
            Command::Quit => return Next::Leave,
            Command::Statement(sql) => return self.script(&Script::new(TYPED, sql)),
            Command::Last => match self.last.clone() {
                Some(text) => return self.script(&Script::new(TYPED, text)),
                None => self.reporter.note("Nothing has run yet."),
            },
            Command::Edit => match edit::edit(&self.home, self.last.as_deref().unwrap_or_default()) {
                Ok(text) => return self.line(&text),
                Err(error) => self.reporter.error(&error, None),
            },
            Command::Sources => match &self.runner.last_figures {
                Some(figures) => self.reporter.note(figures),
                None => self.reporter.note("Nothing has run yet."),
            },
            Command::Stats(switch) => self.runner.reporter.verbose = switch.of(self.runner.reporter.verbose),
            Command::Mode(format) => self.runner.output.format = format,
            Command::Expanded => self.expand(),
            Command::Timer(switch) => self.timer = switch.of(self.timer),
            Command::Rows(rows) => self.runner.output.shown_rows = rows,
            Command::Pager(choice) => self.choose_pager(choice),
            Command::Read(path) => match Script::read(&path) {
                Ok(script) => return self.script(&script),
                Err(error) => self.reporter.error(&error, None),
            },
            Command::Output(path) => {
                if let Err(error) = self.redirect(path.as_deref()) {
                    self.reporter.error(&error, None);
                }
            }
        }
        Next::Line
    }

    fn choose_pager(&mut self, choice: command::PagerChoice) {
        use command::PagerChoice;
        let (pager, wanted) = match choice {
            PagerChoice::Off => (None, None),
            PagerChoice::On => (Pager::of_environment(), Some("a pager".to_owned())),
            PagerChoice::Named(command) => (Pager::named(&command), Some(format!("{command:?}"))),
        };
        if let (None, Some(wanted)) = (&pager, wanted) {
            let error = Diagnostic::error(Code::NotFound, format!("could not find {wanted}"));
            let error = error.hint(
                "Name a program of the PATH, as in `.pager less`; `.pager off` shows everything at once.",
            );
            return self.reporter.error(&error, None);
        }
        if let Some(current) = self.runner.output.pager() {
            current.clone_from(&pager);
        }
        match &pager {
            Some(pager) => self.reporter.note(&format!("Long results go to `{}`.", pager.command())),
            None => self.reporter.note("No pager: long results are shown at once."),
        }
        self.pager = pager;
    }

    fn expand(&mut self) {
        let name = if self.runner.output.format.name == "vertical" { "table" } else { "vertical" };
        if let Some(format) = Format::named(name) {
            self.runner.output.format = format;
        }
        self.reporter.note(&format!("Mode {name}."));
    }

    /// Sends results to a file, or to the terminal again. The file before is whole then.
    fn redirect(&mut self, path: Option<&Path>) -> Result<()> {
        let now = &self.runner.output;
        let mut output = match path {
            None => Output::stdout(now.format, self.no_color)?,
            Some(path) => {
                let extension = path.extension().and_then(|extension| extension.to_str());
                let format = extension.and_then(Format::of_extension).unwrap_or(now.format);
                Output::file(path, format)?
            }
        };
        if path.is_none() && !output.format.is_text {
            output.format = Format::named("table").unwrap_or(output.format);
        }
        output.shown_rows = now.shown_rows;
        output.progress = now.progress.clone();
        if let Some(pager) = output.pager() {
            *pager = self.pager.clone();
        }
        std::mem::replace(&mut self.runner.output, output).commit().map(drop)
    }

    /// Looks at the catalog in the background, for completion.
    fn refresh_names(&self) {
        self.runtime.spawn(names::refresh(Arc::clone(&self.runner.session), self.names.clone()));
    }

    /// Runs statements up to the first that does not end well.
    fn script(&mut self, script: &Script) -> Next {
        self.runner.forget_interrupts();
        self.runner.output.begin_answer();
        for span in script.statements() {
            let done = self.runtime.block_on(self.runner.run(script, span));
            self.names.add_columns(std::mem::take(&mut self.runner.last_columns));
            match done.ended {
                Ended::Fine => self.reporter.note(&note(done, self.timer)),
                Ended::Failed | Ended::Interrupted => break,
                Ended::ClosedPipe => return Next::Leave,
            }
        }
        self.refresh_names();
        Next::Line
    }

    fn leave(self) -> Exit {
        let Shell { runtime, runner, reporter, .. } = self;
        let Runner { session, output, traces: sent, .. } = runner;
        runtime.block_on(async {
            drop(session);
            firth_connector::Canceller::drained().await;
            if let Some(sent) = sent {
                sent.flush(reporter, traces::HURRIED).await;
            }
        });
        runtime.shutdown_background();
        match output.commit() {
            Ok(_) => Exit::Fine,
            Err(error) => {
                reporter.error(&error, None);
                Exit::Failed
            }
        }
    }
}

/// What is said after a statement that went well.
fn note(done: Done, timer: bool) -> String {
    let what = match done.rows {
        None => "OK".to_owned(),
        Some(1) => "1 row".to_owned(),
        Some(rows) => format!("{rows} rows"),
    };
    if timer { format!("{what} ({:.3} s)", done.elapsed.as_secs_f64()) } else { what }
}

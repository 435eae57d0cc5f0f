//! The interactive shell: reads a line, runs it, reads the next.

mod command;
mod highlight;
mod history;
mod prompt;
mod secret;
mod validate;

use reedline::{Reedline, Signal};
use tokio::runtime::Runtime;

use crate::{
    Exit,
    batch::{no_runtime, open_output, runtime},
    cli::Request,
    interrupt::{Interrupt, Listen},
    reporter::{Reporter, colors_allowed},
    runner::{Done, Ended, Runner},
    script::Script,
};

pub(crate) use secret::terminal_prompt;

/// What the shell calls the text that was typed.
const TYPED: &str = "<shell>";

/// A shell under way.
struct Shell {
    runtime: Runtime,
    runner: Runner,
    reporter: Reporter,
    timer: bool,
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
    let runner = Runner::new(request, reporter, output, interrupt);
    let mut shell = Shell { runtime, runner, reporter, timer: true };
    reporter.note(&format!("Firth {}. `.help` for help.", env!("CARGO_PKG_VERSION")));
    shell.read_lines(editor(request));
    shell.leave()
}

fn editor(request: &Request) -> Reedline {
    let color = !request.no_color && colors_allowed();
    let mut editor = Reedline::create()
        .with_validator(Box::new(validate::EndsWithSemicolon))
        .with_highlighter(Box::new(highlight::SqlHighlighter))
        .with_ansi_colors(color)
        .use_bracketed_paste(true);
    if let Some(history) = history::SafeHistory::open(&request.home) {
        editor = editor.with_history(Box::new(history));
    }
    editor
}

impl Shell {
    fn read_lines(&mut self, mut editor: Reedline) {
        loop {
            match editor.read_line(&prompt::FirthPrompt) {
                Ok(Signal::Success(text)) => {
                    // Another shell, and a killed one's successor, find it at once.
                    let _ = editor.sync_history();
                    if self.line(&text) == Next::Leave {
                        return;
                    }
                }
                Ok(Signal::CtrlC) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Runs what was typed: a command, or statements.
    fn line(&mut self, text: &str) -> Next {
        match command::parse(text) {
            None => self.script(&Script::new(TYPED, text)),
            Some(Ok(command)) => self.command(command),
            Some(Err(error)) => {
                self.reporter.error(&error, None);
                Next::Line
            }
        }
    }

    fn command(&mut self, command: command::Command) -> Next {
        match command {
            command::Command::Help => self.reporter.note(command::help().trim_end()),
            command::Command::Quit => return Next::Leave,
            command::Command::Statement(sql) => return self.script(&Script::new(TYPED, sql)),
            command::Command::Mode(format) => self.runner.output.format = format,
            command::Command::Timer(on) => self.timer = on,
            command::Command::Read(path) => match Script::read(&path) {
                Ok(script) => return self.script(&script),
                Err(error) => self.reporter.error(&error, None),
            },
        }
        Next::Line
    }

    /// Runs statements up to the first that does not end well.
    fn script(&mut self, script: &Script) -> Next {
        self.runner.forget_interrupts();
        self.runner.output.begin_answer();
        for span in script.statements() {
            let done = self.runtime.block_on(self.runner.run(script, span));
            match done.ended {
                Ended::Fine => self.reporter.note(&note(done, self.timer)),
                Ended::Failed | Ended::Interrupted => break,
                Ended::ClosedPipe => return Next::Leave,
            }
        }
        Next::Line
    }

    fn leave(self) -> Exit {
        let Shell { runtime, runner, reporter, .. } = self;
        let Runner { session, output, .. } = runner;
        runtime.block_on(async {
            drop(session);
            firth_connector::Canceller::drained().await;
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

//! Runs without a shell: `-c` and `run FILE…`.

use std::{
    io,
    path::{Path, PathBuf},
};

use firth_connector::Canceller;
use firth_diagnostic::{Code, Diagnostic};
use tokio::runtime::{Builder, Runtime};

use crate::{
    Exit,
    cli::{Request, Work},
    doctor, format_files,
    interrupt::{Interrupt, Listen},
    lint_files, logging,
    output::Output,
    panic,
    reporter::Reporter,
    runner::{Ended, Runner},
    script::Script,
    shell,
    stdin::StdinScript,
    traces::{self, Traces},
    verify,
};

/// Where statements come from.
enum Input {
    /// A file or `-c`, read as a whole.
    Script(Script),
    /// Standard input, read while its statements run.
    Stdin,
}

/// Does what the command line asks for.
pub(crate) fn run(request: Request) -> Exit {
    panic::keep_words();
    let reporter = Reporter::new(request.no_color, request.quiet, request.verbose > 0);
    if let Err(error) = logging::start(request.verbose, request.log.as_ref(), request.log_file.as_deref()) {
        let path = request.log_file.unwrap_or_default();
        let told = Diagnostic::error(Code::Io, format!("could not write {:?}", path.display().to_string()));
        reporter.error(&told.detail(error.to_string()).hint("The folder must exist."), None);
        return Exit::Failed;
    }
    let (scripts, unread) = match &request.task {
        Work::Demo => {
            reporter.error(&demo(), None);
            return Exit::Failed;
        }
        Work::Shell => return shell::run(&request, reporter),
        Work::Format(paths, check) => return format_files::run(reporter, paths, *check),
        Work::Doctor => return doctor::run(&request, reporter),
        Work::Lint(paths) => return lint_files::run(reporter, paths),
        Work::Verify(paths) => return verified(&request, reporter, paths),
        Work::Text(text) => (vec![Input::Script(Script::new("-c", text.clone()))], false),
        Work::Files(paths) => {
            // All files are read before the first statement runs: a mistyped name changes nothing.
            let (mut scripts, mut unread) = (Vec::new(), false);
            for path in paths {
                if path == Path::new("-") {
                    scripts.push(Input::Stdin);
                    continue;
                }
                match Script::read(path) {
                    Ok(script) => scripts.push(Input::Script(script)),
                    Err(error) => {
                        reporter.error(&error, None);
                        unread = true;
                    }
                }
            }
            (scripts, unread)
        }
    };
    if unread && !request.continue_on_error {
        return Exit::Failed;
    }
    let output = match open_output(&request) {
        Ok(output) => output,
        Err(error) => {
            reporter.error(&error, None);
            return Exit::Failed;
        }
    };
    let runtime = match runtime(&request) {
        Ok(runtime) => runtime,
        Err(error) => {
            reporter.error(&no_runtime(&error), None);
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(run_scripts(&request, reporter, output, &scripts));
    // Whatever still reads a slow disk is not waited for.
    runtime.shutdown_background();
    match exit {
        Exit::Fine if unread => Exit::Failed,
        exit => exit,
    }
}

/// Verifies files, all of which are read first.
fn verified(request: &Request, reporter: Reporter, paths: &[PathBuf]) -> Exit {
    let scripts: Result<Vec<Script>, Diagnostic> = paths.iter().map(|path| Script::read(path)).collect();
    let done = scripts.and_then(|scripts| {
        let runtime = runtime(request).map_err(|error| no_runtime(&error))?;
        let exit = runtime.block_on(verify::run(request, reporter, &scripts));
        runtime.shutdown_background();
        Ok(exit)
    });
    done.unwrap_or_else(|error| {
        reporter.error(&error, None);
        Exit::Failed
    })
}

/// Standard output, or the file of `-o`.
pub(crate) fn open_output(request: &Request) -> firth_diagnostic::Result<Output> {
    match &request.output {
        None => Output::stdout(request.format, request.no_color),
        Some(path) => Output::file(path, request.format),
    }
}

/// The threads that everything runs on.
pub(crate) fn runtime(request: &Request) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = request.settings.number("threads") {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

pub(crate) fn no_runtime(error: &io::Error) -> Diagnostic {
    Diagnostic::error(Code::Exhausted, "could not start the threads to work with").detail(error.to_string())
}

async fn run_scripts(request: &Request, reporter: Reporter, output: Output, scripts: &[Input]) -> Exit {
    let interrupt = match Interrupt::listen(Listen::Batch) {
        Ok(interrupt) => interrupt,
        Err(error) => {
            reporter.error(&no_runtime(&error), None);
            return Exit::Failed;
        }
    };
    let traces = match Traces::wanted(request.otlp_endpoint.as_deref()) {
        Ok(traces) => traces,
        Err(error) => {
            reporter.error(&error, None);
            return Exit::Failed;
        }
    };
    let mut runner = Runner::new(request, reporter, output, interrupt);
    runner.traces = traces;
    let exit = run_statements(request, &mut runner, scripts).await;
    let Runner { session, output, junit, traces: sent, .. } = runner;
    drop(session);
    Canceller::drained().await;
    if let Some(sent) = sent {
        let patience = if exit == Exit::Interrupted { traces::HURRIED } else { traces::LAST };
        sent.flush(reporter, patience).await;
    }
    // Most of all when an assertion failed.
    if let Some(report) = junit
        && let Err(error) = report.write()
    {
        reporter.error(&error, None);
        return Exit::Failed;
    }
    let keep = exit == Exit::Fine || (exit == Exit::Failed && request.continue_on_error);
    if !keep {
        return exit;
    }
    match output.commit() {
        Ok(true) => exit,
        Ok(false) => {
            reporter.note("note: there was no result set, so no file was written");
            exit
        }
        Err(error) => {
            reporter.error(&error, None);
            Exit::Failed
        }
    }
}

async fn run_statements(request: &Request, runner: &mut Runner, inputs: &[Input]) -> Exit {
    let mut exit = Exit::Fine;
    for input in inputs {
        let end = match input {
            Input::Script(script) => run_script(request, runner, script, &mut exit).await,
            Input::Stdin => run_stdin(request, runner, &mut exit).await,
        };
        if let Some(end) = end {
            return end;
        }
    }
    exit
}

/// Runs one script. The answer is how the run ends, if it does not go on.
async fn run_script(
    request: &Request,
    runner: &mut Runner,
    script: &Script,
    exit: &mut Exit,
) -> Option<Exit> {
    for span in script.statements() {
        match runner.run(script, span).await.ended {
            Ended::Fine => {}
            Ended::Failed if request.continue_on_error => *exit = Exit::Failed,
            Ended::Failed => return Some(Exit::Failed),
            Ended::Interrupted => return Some(Exit::Interrupted),
            Ended::ClosedPipe => return Some(Exit::Fine),
        }
    }
    None
}

/// Runs what arrives at standard input, until it ends or is broken.
async fn run_stdin(request: &Request, runner: &mut Runner, exit: &mut Exit) -> Option<Exit> {
    let mut stdin = match StdinScript::start() {
        Ok(stdin) => stdin,
        Err(error) => {
            runner.reporter.error(&no_runtime(&error), None);
            return Some(Exit::Failed);
        }
    };
    loop {
        let next = tokio::select! {
            biased;
            () = runner.interrupted() => return Some(Exit::Interrupted),
            next = stdin.next() => next,
        };
        let end = match next {
            Ok(Some(script)) => run_script(request, runner, &script, exit).await,
            Ok(None) => return None,
            Err(error) => {
                runner.reporter.error(&error, None);
                Some(Exit::Failed)
            }
        };
        if end.is_some() {
            return end;
        }
    }
}

fn demo() -> Diagnostic {
    Diagnostic::error(Code::Unsupported, "the demo starts servers, which the program alone does not have")
        .hint("Run `cargo xtask demo` in Firth's source folder.")
}

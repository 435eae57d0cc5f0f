//! `firth doctor`: what is wrong with this installation, and what to do about it.
//!
//! Looks and changes nothing. Connections are checked as CHECK CONNECTION does, so their keys, their servers and
//! their credentials are all asked.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use firth_connector::Canceller;
use firth_diagnostic::Diagnostic;
use firth_engine::Session;
use futures::StreamExt as _;

use crate::{
    Exit,
    batch::{no_runtime, runtime},
    cli::Request,
    reporter::Reporter,
    runner::session,
    shell::first_texts,
};

/// Less free disk than this ends large sorts and joins.
const LITTLE_DISK: u64 = 1 << 30;
/// A file that is newer than now by more than this was not written a moment ago.
const CLOCK_PATIENCE: Duration = Duration::from_secs(300);

/// What was looked at, and how it is.
struct Finding {
    about: String,
    what: String,
    /// What to do. `None`: it is fine.
    advice: Option<String>,
}

impl Finding {
    fn fine(about: impl Into<String>, what: impl Into<String>) -> Self {
        Finding { about: about.into(), what: what.into(), advice: None }
    }

    fn problem(about: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding { about: about.into(), what: what.into(), advice: Some(advice.into()) }
    }

    fn failed(about: &str, error: &Diagnostic) -> Self {
        let advice = error.hints().first().map_or("Mend that, and look again.", String::as_str);
        Finding::problem(about, error.to_string(), advice)
    }

    fn text(&self) -> String {
        let state = if self.advice.is_some() { "problem" } else { "fine" };
        let mut text = format!("{state:<8} {:<12} {}\n", self.about, self.what.replace('\n', " "));
        if let Some(advice) = &self.advice {
            text.push_str(&format!("         {:<12} {advice}\n", ""));
        }
        text
    }
}

/// Looks at everything, and says what it finds on standard output. Fails if there is a problem.
pub(crate) fn run(request: &Request, reporter: Reporter) -> Exit {
    let runtime = match runtime(request) {
        Ok(runtime) => runtime,
        Err(error) => {
            reporter.error(&no_runtime(&error), None);
            return Exit::Failed;
        }
    };
    let mut problems = 0;
    let mut tell = |finding: &Finding| {
        problems += usize::from(finding.advice.is_some());
        let _ = io::stdout().lock().write_all(finding.text().as_bytes());
    };
    tell(&Finding::fine("version", concat!("firth ", env!("CARGO_PKG_VERSION"))));
    for finding in folder(&request.home) {
        tell(&finding);
    }
    tell(&clock(&request.home));
    for (about, place) in [("disk", nearest(&request.home)), ("spilling", env::temp_dir())] {
        tell(&disk(about, &place));
    }
    tell(&terminal());
    if request.home.join("catalog.db").exists() {
        let session = session(request);
        runtime.block_on(async {
            connections(&session, &mut tell).await;
            drop(session);
            Canceller::drained().await;
        });
    }
    runtime.shutdown_background();
    if problems == 0 { Exit::Fine } else { Exit::Failed }
}

/// The home folder and what is in it: there, and for this user alone.
fn folder(home: &Path) -> Vec<Finding> {
    let shown = home.display().to_string();
    let Ok(metadata) = fs::metadata(home) else {
        return vec![Finding::fine(
            "home",
            format!("{shown} is not there yet: the first definition makes it"),
        )];
    };
    if !metadata.is_dir() {
        return vec![Finding::problem("home", format!("{shown} is no folder"), "Name a folder with --home.")];
    }
    let mut findings = Vec::new();
    for (path, own) in [
        (home.to_owned(), 0o700),
        (home.join("catalog.db"), 0o600),
        (home.join("key"), 0o600),
        (home.join("history"), 0o600),
    ] {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let shown = path.display();
            findings.push(Finding::problem(
                "home",
                format!("others may use {shown} (mode {mode:o})"),
                format!("Run `chmod {own:o} '{shown}'`."),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::fine("home", format!("{shown}, for you alone")));
    }
    findings
}

/// Whether the clock is behind: stores refuse signatures of another time.
fn clock(home: &Path) -> Finding {
    let now = SystemTime::now();
    let newest = ["catalog.db", "history", "key"]
        .iter()
        .filter_map(|name| fs::metadata(home.join(name)).and_then(|metadata| metadata.modified()).ok())
        .max();
    match newest.and_then(|newest| newest.duration_since(now).ok()) {
        Some(ahead) if ahead > CLOCK_PATIENCE => Finding::problem(
            "clock",
            format!("the catalog was written {} s in the future", ahead.as_secs()),
            "Set the clock: object stores refuse requests that are signed at another time than theirs.",
        ),
        _ => Finding::fine("clock", "not behind what was written last"),
    }
}

/// The folder, or the nearest one above that is there.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

fn disk(about: &str, place: &Path) -> Finding {
    let shown = place.display();
    match rustix::fs::statvfs(place) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let what = format!("{:.1} GB free at {shown}", free as f64 / 1e9);
            if free < LITTLE_DISK {
                Finding::problem(about, what, "Make room: large sorts, joins and uploads need it.")
            } else {
                Finding::fine(about, what)
            }
        }
        Err(error) => Finding::problem(
            about,
            format!("{shown} cannot be looked at: {error}"),
            "Check that it is there.",
        ),
    }
}

fn terminal() -> Finding {
    if !io::stdout().is_terminal() {
        return Finding::fine("terminal", "none: results are written as csv");
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    let upper = locale.to_uppercase();
    if upper.contains("UTF-8") || upper.contains("UTF8") {
        Finding::fine("terminal", format!("{}, {locale}", env::var("TERM").unwrap_or_default()))
    } else {
        Finding::problem(
            "terminal",
            format!("the locale is {locale:?}, and tables are drawn in UTF-8"),
            "Run `export LANG=C.UTF-8`, or use --format csv.",
        )
    }
}

/// The catalog, and every connection in it.
async fn connections(session: &Session, tell: &mut impl FnMut(&Finding)) {
    let names = match answer(session, "SHOW CONNECTIONS").await {
        Ok(rows) => rows,
        Err(error) => return tell(&Finding::failed("catalog", &error)),
    };
    tell(&Finding::fine("catalog", format!("{} connections", names.len())));
    for name in names.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
        // A name as SHOW CONNECTIONS prints it is one that statements take.
        match answer(session, &format!("CHECK CONNECTION {name}")).await {
            Ok(_) => tell(&Finding::fine("connection", format!("{name} answers"))),
            Err(error) => {
                tell(&Finding { what: format!("{name}: {error}"), ..Finding::failed("connection", &error) })
            }
        }
    }
}

async fn answer(session: &Session, sql: &str) -> firth_diagnostic::Result<Vec<Vec<Option<String>>>> {
    let statement = firth_sql::parse(sql)?;
    let Some(rows) = session.execute(&statement, &session.remotes()).await?.rows else {
        return Ok(Vec::new());
    };
    let mut stream = rows.stream;
    let mut found = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(firth_engine::diagnostic)?;
        found.extend((0..batch.num_rows()).map(|row| first_texts(&batch, row)));
    }
    Ok(found)
}

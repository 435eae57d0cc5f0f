//! The command line: what can be said, and what it means together.

use std::{
    ffi::OsString,
    io::{IsTerminal as _, stdin, stdout},
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use firth_engine::Settings;
use firth_sql::Parameters;

use crate::{
    config,
    format::{Between, FORMATS, Format},
    home,
    logging::Filter,
    parameter,
};

const EXAMPLES: &str = "\
Examples:
  firth                                            type SQL, see rows
  firth -c \"SELECT 1 AS one\"                       run a statement and leave
  firth run a.sql b.sql -o report.parquet          run files, keep the result
  firth run - --param day=2026-01-02 < daily.sql   @day in the script
More flags: firth run --help. Exit codes: 0 fine, 1 failed, 2 wrong usage, 130 interrupted.";

/// Flags that `firth --help` leaves to `firth run --help`, so that it fits a screen.
const RARE: &[&str] = &[
    "memory_limit",
    "threads",
    "stats",
    "continue_on_error",
    "fail_on_empty",
    "from",
    "dry_run",
    "junit",
    "quiet",
    "no_color",
    "log",
    "log_file",
    "otlp_endpoint",
];

/// One SQL query over files in S3, Azure and Google Cloud Storage, PostgreSQL, Spanner and local files.
#[derive(Parser)]
#[command(name = "firth", version, long_version = BUILT, after_help = EXAMPLES, args_conflicts_with_subcommands = false)]
#[command(disable_help_subcommand = true, max_term_width = 110)]
struct CommandLine {
    /// Run these statements, print their results, and exit
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    command: Option<String>,

    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    subcommand: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Run query files in order
    Run {
        /// The files; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Lay out SQL files; tokens and comments stay
    Fmt {
        /// The files, or folders of .sql files; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Change nothing; fail if something would change
        #[arg(long)]
        check: bool,
    },
    /// Find what is seldom meant in SQL files
    Lint {
        /// The files, or folders of .sql files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Say what is wrong with this installation
    Doctor {
        #[command(flatten)]
        flags: Flags,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Finish or forget exports whose process died
    Clean {
        #[command(flatten)]
        flags: Flags,
    },
    /// Run each query with pushdown and without it; fail where the rows differ
    Verify {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Say how to run the demo
    #[command(hide = true)]
    Demo {
        #[command(flatten)]
        flags: Flags,
    },
}

/// The flags that stand before or after the subcommand. They are flattened into both places and then
/// laid over each other: clap's own global flags would forget the repeated ones before a subcommand.
#[derive(Args, Clone, Default)]
struct Flags {
    /// Where catalog and keys are [default: $FIRTH_HOME]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// How results are written, such as table, csv or parquet
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    #[arg(value_parser = FORMATS.iter().map(|f| f.name).collect::<Vec<_>>())]
    format: Option<String>,
    /// Write all results to a file; its extension chooses the format
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Set a setting, as SET does
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Give @name a value; n:TYPE:value forces the type
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    param: Vec<String>,
    /// Memory for sorts, joins and aggregates, such as 4G
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<String>,
    /// How many threads work on a query
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// After each statement, one JSON line on standard error
    #[arg(long, value_name = "json", value_parser = ["json"], hide_possible_values = true)]
    stats: Option<String>,
    /// Run the rest after a statement has failed; the exit code is still 1
    #[arg(long)]
    continue_on_error: bool,
    /// A query without rows is a failure
    #[arg(long)]
    fail_on_empty: bool,
    /// Begin with the Nth statement of the run, as `--stats json` counts them
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Say what would be asked of which source, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what became of each ASSERT to a file, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// No warnings and notes
    #[arg(short, long)]
    quiet: bool,
    /// Say more: figures of each statement; twice: log lines
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log lines of a level, or of modules: info,firth_connectors=debug
    #[arg(long, value_name = "FILTER", value_parser = Filter::parse)]
    log: Option<Filter>,
    /// Add log lines to a file instead of standard error
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Send a trace of each statement to an OpenTelemetry collector [default: $OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// No colours, also with NO_COLOR set
    #[arg(long)]
    no_color: bool,
}

/// What the command line asks for.
pub(crate) enum Asked {
    /// A text: help, or the version.
    Answer(String),
    /// Work.
    Run(Box<Request>),
}

/// A command line that makes sense.
pub(crate) struct Request {
    /// What to run.
    pub(crate) task: Work,
    /// The folder of catalog and keys.
    pub(crate) home: PathBuf,
    /// How results are written.
    pub(crate) format: &'static Format,
    /// Where they are written instead of standard output.
    pub(crate) output: Option<PathBuf>,
    /// `--set`, `--memory-limit`, `--threads`.
    pub(crate) settings: Settings,
    /// `--param`.
    pub(crate) parameters: Parameters,
    /// Whether a line of figures follows each statement.
    pub(crate) stats: bool,
    /// Whether a failed statement does not end the run.
    pub(crate) continue_on_error: bool,
    /// Whether a query without rows is a failure.
    pub(crate) fail_on_empty: bool,
    /// The first statement that is run, from one.
    pub(crate) from: u64,
    /// Whether statements are rehearsed only.
    pub(crate) dry_run: bool,
    /// Where the report of the assertions goes.
    pub(crate) junit: Option<PathBuf>,
    /// Whether warnings and notes are left out.
    pub(crate) quiet: bool,
    /// How much more is said.
    pub(crate) verbose: u8,
    /// Which log lines are written.
    pub(crate) log: Option<Filter>,
    /// Where they are written.
    pub(crate) log_file: Option<PathBuf>,
    /// The collector that traces are sent to, if it is named here.
    pub(crate) otlp_endpoint: Option<String>,
    /// Whether colours are off whatever the terminal can do.
    pub(crate) no_color: bool,
}

/// What to run.
pub(crate) enum Work {
    /// `-c`.
    Text(String),
    /// `run FILE…`.
    Files(Vec<PathBuf>),
    /// `verify FILE…`.
    Verify(Vec<PathBuf>),
    /// `fmt FILE…`, and whether it only looks.
    Format(Vec<PathBuf>, bool),
    /// `lint FILE…`.
    Lint(Vec<PathBuf>),
    /// `doctor`.
    Doctor,
    /// Nothing was named and somebody sits there.
    Shell,
    /// `demo`.
    Demo,
}

/// Reads the command line. The error is the message, ready to print.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Asked, String> {
    let matched =
        command().try_get_matches_from(arguments).and_then(|matches| CommandLine::from_arg_matches(&matches));
    let line = match matched {
        Ok(line) => line,
        Err(error) if !error.use_stderr() => return Ok(Asked::Answer(error.render().to_string())),
        Err(error) => return Err(usage_text(&error.render().to_string())),
    };
    match &line.subcommand {
        Some(Task::Completions { shell }) => return Ok(Asked::Answer(completions(*shell))),
        Some(Task::Man) => {
            return manual().map(Asked::Answer).map_err(|error| usage_text(&format!("error: {error}\n")));
        }
        _ => {}
    }
    request(line).map(|request| Asked::Run(Box::new(request))).map_err(|message| {
        match message.starts_with("error[") {
            // It has its place and says what to do.
            true => message,
            false => usage_text(&format!("error: {message}\n\nFor more information, try '--help'.\n")),
        }
    })
}

/// The command line as it is shown.
fn command() -> clap::Command {
    RARE.iter().fold(CommandLine::command(), |command, name| command.mut_arg(name, |flag| flag.hide(true)))
}

/// What `--version` says: the version, as `-V`, and below it what a report of an error should name.
const BUILT: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit ",
    env!("FIRTH_COMMIT"),
    "\nbuilt for ",
    env!("FIRTH_TARGET"),
    ", ",
    env!("FIRTH_OPTIMIZED"),
);

/// The script that makes a shell complete our flags.
fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    // Of the shell's script everything may be known.
    clap_complete::generate(shell, &mut CommandLine::command(), "firth", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn manual() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(CommandLine::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Error lines of the program read `error[code]: …`, this kind too.
fn usage_text(text: &str) -> String {
    text.replacen("error:", "error[usage]:", 1)
}

fn request(line: CommandLine) -> Result<Request, String> {
    let (work, after) = match (line.command, line.subcommand) {
        (Some(_), Some(_)) => return Err("'-c' cannot be used with a subcommand".to_owned()),
        (Some(sql), None) => (Work::Text(sql), Flags::default()),
        (None, Some(Task::Run { files, flags })) => (Work::Files(files), flags),
        (None, Some(Task::Fmt { files, check })) => (Work::Format(files, check), Flags::default()),
        (None, Some(Task::Lint { files })) => (Work::Lint(files), Flags::default()),
        (None, Some(Task::Doctor { flags })) => (Work::Doctor, flags),
        (None, Some(Task::Completions { .. } | Task::Man)) => return Err("these answer at once".to_owned()),
        (None, Some(Task::Clean { flags })) => (Work::Text("CLEAN EXPORTS".to_owned()), flags),
        (None, Some(Task::Verify { files, flags })) => (Work::Verify(files), flags),
        (None, Some(Task::Demo { flags })) => (Work::Demo, flags),
        (None, None) if stdin().is_terminal() => (Work::Shell, Flags::default()),
        // `firth < file.sql`.
        (None, None) => (Work::Files(vec![PathBuf::from("-")]), Flags::default()),
    };
    let flags = line.flags.overlaid(after);
    let home = flags.home.clone().or_else(home::default).ok_or("there is no home folder: give '--home'")?;
    Ok(Request {
        task: work,
        format: format(&flags)?,
        settings: settings(&flags, &home)?,
        home,
        parameters: parameters(&flags)?,
        output: flags.output.filter(|_| !flags.dry_run),
        dry_run: flags.dry_run,
        junit: flags.junit,
        stats: flags.stats.is_some(),
        continue_on_error: flags.continue_on_error,
        fail_on_empty: flags.fail_on_empty,
        from: flags.from.unwrap_or(1),
        quiet: flags.quiet,
        verbose: flags.verbose,
        log: flags.log,
        log_file: flags.log_file,
        otlp_endpoint: flags.otlp_endpoint,
        no_color: flags.no_color,
    })
}

impl Flags {
    /// The flags after the subcommand win over those before it; repeated ones add up.
    fn overlaid(self, after: Flags) -> Flags {
        Flags {
            home: after.home.or(self.home),
            format: after.format.or(self.format),
            output: after.output.or(self.output),
            set: [self.set, after.set].concat(),
            param: [self.param, after.param].concat(),
            memory_limit: after.memory_limit.or(self.memory_limit),
            threads: after.threads.or(self.threads),
            stats: after.stats.or(self.stats),
            continue_on_error: self.continue_on_error | after.continue_on_error,
            fail_on_empty: self.fail_on_empty | after.fail_on_empty,
            from: after.from.or(self.from),
            dry_run: self.dry_run | after.dry_run,
            junit: after.junit.or(self.junit),
            quiet: self.quiet | after.quiet,
            verbose: self.verbose.saturating_add(after.verbose),
            log: after.log.or(self.log),
            log_file: after.log_file.or(self.log_file),
            otlp_endpoint: after.otlp_endpoint.or(self.otlp_endpoint),
            no_color: self.no_color | after.no_color,
        }
    }
}

/// `--format`, else the extension of `-o`, else what suits standard output.
fn format(flags: &Flags) -> Result<&'static Format, String> {
    if flags.dry_run && flags.output.is_some() {
        // What would be asked is told, and the file is left alone.
        return format(&Flags { output: None, format: None, ..flags.clone() });
    }
    let named = |name: &str| {
        Format::named(name).ok_or_else(|| format!("there is no format {name:?}: choose {}", Format::names()))
    };
    let extension = flags.output.as_ref().and_then(|path| path.extension()).and_then(|e| e.to_str());
    let format = match (&flags.format, &flags.output, extension) {
        (Some(name), ..) => named(name)?,
        (None, Some(path), Some(extension)) => Format::of_extension(extension).ok_or_else(|| {
            format!(
                "the extension of '{}' names no format: give '--format', one of {}",
                path.display(),
                Format::names()
            )
        })?,
        (None, Some(_), None) => named("csv")?,
        (None, None, _) => named(if stdout().is_terminal() { "table" } else { "csv" })?,
    };
    if flags.output.is_none() {
        if format.between == Between::OnlyOneInAFile {
            return Err(format!("'--format {}' needs '-o FILE'", format.name));
        }
        if !format.is_text && stdout().is_terminal() {
            return Err(format!(
                "'--format {}' is binary and standard output is a terminal: give '-o FILE' or a pipe",
                format.name
            ));
        }
    }
    Ok(format)
}

fn settings(flags: &Flags, home: &Path) -> Result<Settings, String> {
    let mut settings = Settings::default();
    config::load(home, &mut settings)?;
    let mut set = |flag: &str, name: &str, value: &str| {
        settings.set_from(flag, name, value).map_err(|error| {
            let hints = error.hints().join(" ");
            format!("invalid value for '{flag}': {error}. {hints}")
        })
    };
    if let Some(limit) = &flags.memory_limit {
        set("--memory-limit", "memory_limit", limit)?;
    }
    if let Some(threads) = &flags.threads {
        set("--threads", "threads", threads)?;
    }
    for text in &flags.set {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("invalid value for '--set': {text:?} is not NAME=VALUE"))?;
        set("--set", name.trim(), value)?;
    }
    Ok(settings)
}

fn parameters(flags: &Flags) -> Result<Parameters, String> {
    let mut parameters = Parameters::new();
    for text in &flags.param {
        let (name, value) =
            parameter::parse(text).map_err(|why| format!("invalid value for '--param': {why}"))?;
        parameters.insert(name, value);
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match parse(&arguments)? {
            Asked::Run(request) => Ok(*request),
            Asked::Answer(text) => Err(text),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_subcommand_and_repeated_ones_add_up() {
        let request =
            parsed("firth --param a=1 --format json -q run x.sql --param b=2 --set threads=3").expect("fine");
        assert_eq!(request.parameters.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(request.format.name, "json");
        assert_eq!(request.settings.number("threads"), Some(3));
        assert!(request.quiet);
    }

    #[test]
    fn the_extension_chooses_the_format_unless_one_is_named() {
        assert_eq!(parsed("firth -c x -o a.jsonl").expect("fine").format.name, "ndjson");
        assert_eq!(parsed("firth -c x -o a.PARQUET").expect("fine").format.name, "parquet");
        assert_eq!(parsed("firth -c x -o a.jsonl --format csv").expect("fine").format.name, "csv");
        assert_eq!(parsed("firth -c x -o a").expect("fine").format.name, "csv");
    }

    #[test]
    fn help_fits_a_screen() {
        let Err(help) = parsed("firth --help") else { panic!("help is an answer") };
        assert!(help.lines().count() <= 30, "{} lines", help.lines().count());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "firth run",
            "firth -c x run y",
            "firth --nope",
            "firth -c x --format xml",
            "firth -c x --format parquet",
            "firth -c x -o a.xlsx",
            "firth -c x --set threads",
            "firth -c x --set treads=1",
            "firth -c x --memory-limit lots",
            "firth -c x --threads 0",
            "firth -c x --stats xml",
            "firth -c x --param n",
            "firth -c x --param n:DATTE:x",
        ] {
            let Err(text) = parsed(line) else { panic!("{line} was taken") };
            assert!(text.starts_with("error[usage]: "), "{line}: {text}");
        }
    }
}

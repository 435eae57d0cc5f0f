//! A folder and a home for one test, and the program run there.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use firth_testkit::servers::{Postgres, S3};
use tempfile::TempDir;

/// How long a test waits for anything before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to work in, with a home of its own in it.
pub(crate) struct Place(TempDir);

/// What stands for the folder in snapshots. As long as its path, so that carets stand where they stood.
const FOLDER: &str = "/tmp/firth-folder";

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("firth-").rand_bytes(6).tempdir_in("/tmp");
        Place(folder.expect("a folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), contents).expect("written");
        self
    }

    /// The uri of a file in the folder.
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.path().display())
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(insta_cmd::get_cargo_bin("firth"));
        command.args(arguments).current_dir(self.path()).env("FIRTH_HOME", self.path().join("home"));
        command
            .env_remove("NO_COLOR")
            .env_remove("FIRTH_PASSPHRASE")
            .env_remove("FIRTH_KEY_SOURCE")
            .env_remove("FIRTH_PUSHDOWN")
            .env_remove("FIRTH_THREADS")
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .env_remove("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .env_remove("OTEL_SDK_DISABLED")
            .env_remove("TRACEPARENT")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("started")
    }

    /// Runs the program. Answers its exit code and what it wrote, for snapshots.
    pub(crate) fn firth(&self, arguments: &[&str]) -> String {
        shown(&self.output(arguments))
    }

    /// What is in a file of the folder, if it is there.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path().join(name)).ok()
    }

    /// Starts the program with its output piped to the test.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    }

    /// Runs what has to go well, and answers its standard output.
    pub(crate) fn run(&self, sql: &str) -> String {
        let output = self.output(&["-c", sql]);
        assert_eq!(output.status.code(), Some(0), "{sql}\n{}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The connection `us.shop` to the test server.
    pub(crate) fn connect_postgres(&self) {
        self.run(
            "CREATE CONNECTION us.shop OPTIONS (
               connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
               database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'),
               password = ENV('FIRTH_TEST_PG_PASSWORD'), sslrootcert = ENV('FIRTH_TEST_PG_CA'))",
        );
    }

    /// The connection `us.lake` to the test store.
    pub(crate) fn connect_s3(&self) {
        self.run(
            "CREATE CONNECTION us.lake OPTIONS (
               connection_type = 'AWS', endpoint = ENV('FIRTH_TEST_S3_ENDPOINT'), region = ENV('FIRTH_TEST_S3_REGION'),
               access_key_id = ENV('FIRTH_TEST_S3_ACCESS_KEY_ID'), secret_access_key = ENV('FIRTH_TEST_S3_SECRET_ACCESS_KEY'))",
        );
    }

    /// What the catalog holds, as a person sees it.
    pub(crate) fn catalog(&self) -> String {
        self.run("SHOW CONNECTIONS; SHOW SCHEMAS; SHOW TABLES; SHOW TABLES FROM s")
    }

    /// Runs a statement that has to fail as every bad input does: with one clear error that points
    /// somewhere and says what to do, exit code 1, nothing on standard output and the catalog as it
    /// was. Answers standard error without what differs between runs.
    pub(crate) fn refused(&self, sql: &str) -> String {
        self.refused_with(sql, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn refused_with(&self, sql: &str, arguments: &[&str]) -> String {
        let before = self.catalog();
        let output = self.output(&[&["-c", sql], arguments].concat());
        let shown = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{shown}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{shown}");
        assert_is_clear(&shown);
        assert_eq!(self.catalog(), before, "the catalog is as it was");
        shown.replace(&self.path().display().to_string(), FOLDER)
    }
}

/// One error: its line first, the place with a caret, a hint.
pub(crate) fn assert_is_clear(shown: &str) {
    assert!(shown.starts_with("error["), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("error[")).count(), 1, "{shown}");
    assert!(shown.lines().any(|line| line.trim_start().starts_with("--> ")), "{shown}");
    assert!(shown.lines().any(|line| line.trim_start().starts_with('|') && line.contains('^')), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("hint: ")), "{shown}");
    assert!(!shown.contains("internal error"), "{shown}");
}

/// How a program ended and what it wrote.
pub(crate) fn shown(output: &Output) -> String {
    let code = output.status.code().map_or("killed".to_owned(), |code| code.to_string());
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The text with the server's address as `[postgres]`.
pub(crate) fn without_postgres(text: &str, server: &Postgres) -> String {
    let address = |host: &str| format!("{host}:{}", server.port);
    text.replace(&address(&server.host), "[postgres]")
        .replace(&address(&server.mismatched_host), "[postgres by another name]")
        .replace(&server.other_ca, "other.crt")
}

/// The text with the store's address as `[s3]`.
pub(crate) fn without_s3(text: &str, server: &S3) -> String {
    text.replace(&server.endpoint, "[s3]")
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Asks until the answer is yes.
///
/// # Panics
///
/// If it is no for too long.
pub(crate) fn until(what: &str, mut answer: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !answer() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

//! Firth itself: the program, fed statements through its standard input, `firth --stats json run -`.
//!
//! The format is `null`: rows are made as Arrow batches, taken, and thrown away.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::{Answer, Engine, PATIENCE, conversation::Conversation};
use crate::{
    Result,
    case::Work,
    place::{At, SetUp},
};

/// A running `firth`.
pub(super) struct Firth {
    program: PathBuf,
    home: PathBuf,
    conversation: Conversation,
}

/// What is read of a line of figures.
#[derive(Deserialize)]
struct Line {
    rows: u64,
    sources: Vec<Source>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    bytes: u64,
    requests: u64,
}

pub(super) fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    // What stands below is of the build.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim_start_matches("firth ").to_string())
}

/// The home folder within the engine's own.
pub(super) fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

/// Makes connections and tables in a fresh home.
pub(super) fn prepare(program: &Path, set_up: &SetUp, folder: &Path) -> Result<()> {
    let home = home(folder);
    let _ = fs::remove_dir_all(&home);
    let script = folder.join("set-up.sql");
    fs::write(&script, statements(set_up)).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut command = Command::new(program);
    if let Some(s3) = &set_up.s3 {
        command.env("BENCH_S3_SECRET", &s3.secret);
    }
    if let Some(postgres) = &set_up.postgres {
        command.env("BENCH_PG_PASSWORD", &postgres.password);
    }
    let output = command.arg("--home").arg(&home).arg("run").arg(&script).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("firth: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
}

/// The statements that make connections and tables. Secrets come from the environment.
fn statements(set_up: &SetUp) -> String {
    let mut script = "CREATE SCHEMA tpch;\n".to_string();
    if let Some(s3) = &set_up.s3 {
        script.push_str(&format!(
            "CREATE CONNECTION us.lake OPTIONS (connection_type = 'AWS', endpoint = '{}', region = '{}', \
             path_style = TRUE, access_key_id = '{}', secret_access_key = ENV('BENCH_S3_SECRET'));\n",
            s3.endpoint, s3.region, s3.key_id
        ));
    }
    if let Some(postgres) = &set_up.postgres {
        script.push_str(&format!(
            "CREATE CONNECTION us.shop OPTIONS (connection_type = 'POSTGRES', host = '{}', port = {}, \
             database = '{}', user = '{}', password = ENV('BENCH_PG_PASSWORD'), sslrootcert = '{}');\n\
             CREATE EXTERNAL SCHEMA shop WITH CONNECTION us.shop \
             OPTIONS (external_source = 'postgres://{}/public');\n",
            postgres.host, postgres.port, postgres.database, postgres.user, postgres.ca, postgres.database
        ));
    }
    for table in &set_up.tables {
        let (name, uri) = (&table.name, &table.uri);
        script.push_str(&match table.at {
            At::Local => format!(
                "CREATE EXTERNAL TABLE tpch.{name} OPTIONS (format = 'PARQUET', uris = ['file://{uri}']);\n"
            ),
            At::S3 => format!(
                "CREATE EXTERNAL TABLE tpch.{name} WITH CONNECTION us.lake \
                 OPTIONS (format = 'PARQUET', uris = ['{uri}']);\n"
            ),
            At::Postgres => format!("CREATE VIEW tpch.{name} AS SELECT * FROM shop.{name};\n"),
        });
    }
    script
}

impl Firth {
    pub(super) fn start(program: &Path, set_up: &SetUp, folder: &Path) -> Result<Self> {
        let home = home(folder);
        let mut command = Command::new(program);
        command.arg("--home").arg(&home).args(["--format", "null", "--stats", "json", "--continue-on-error"]);
        command.args(["--quiet", "--no-color", "--threads", &set_up.threads.to_string(), "run", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let answers = child.stderr.take().ok_or("its standard error is not piped")?;
        Ok(Firth { program: program.into(), home, conversation: Conversation::begin(child, answers) })
    }
}

impl Engine for Firth {
    fn process(&self) -> u32 {
        self.conversation.process()
    }

    fn run(&mut self, work: &Work) -> Result<Answer> {
        self.conversation.say(&format!("{};\n", statement(work)))?;
        let mut words = Vec::new();
        let line = loop {
            let line = self.conversation.hear(PATIENCE).map_err(|error| {
                words.push(error);
                words.join(" ")
            })?;
            // Only lines of figures begin so.
            if line.starts_with('{') {
                break line;
            }
            words.push(line);
        };
        let line: Line = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        if line.error.is_some() {
            return Err(words.join(" "));
        }
        Ok(Answer {
            rows: line.rows,
            requests: Some(line.sources.iter().map(|source| source.requests).sum()),
            bytes: Some(line.sources.iter().map(|source| source.bytes).sum()),
        })
    }

    fn write_rows(&mut self, sql: &str, path: &Path) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("--home").arg(&self.home).args(["--quiet", "--format", "csv", "-c", sql, "-o"]).arg(path);
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim_end().to_string())
    }
}

fn statement(work: &Work) -> String {
    match work {
        Work::Query(sql) | Work::StartUp(sql) | Work::Clients { sql, .. } => sql.clone(),
        Work::Export { sql, format, to } => {
            let connection = if to.starts_with("s3:") { "WITH CONNECTION us.lake " } else { "" };
            let header = if *format == "CSV" { ", header = TRUE" } else { "" };
            format!(
                "EXPORT DATA {connection}OPTIONS (uri = '{to}rows-*.{}', format = '{format}', \
                 overwrite = TRUE{header}) AS {sql}",
                format.to_lowercase()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::place::{S3At, TableAt};

    #[test]
    fn secrets_are_not_in_the_statements() {
        let table = |name: &str, at, uri: &str| TableAt { name: name.into(), at, uri: uri.into() };
        let s3 = S3At {
            endpoint: "http://127.0.0.1:1".into(),
            region: "r".into(),
            bucket: "lake".into(),
            key_id: "AKIA".into(),
            secret: "hidden".into(),
        };
        let set_up = SetUp {
            tables: vec![
                table("orders", At::S3, "s3://lake/o/*.parquet"),
                table("part", At::Local, "/d/part/*.parquet"),
                table("nation", At::Postgres, ""),
            ],
            s3: Some(s3),
            postgres: None,
            threads: 2,
        };
        assert_snapshot!(statements(&set_up), @r"
        CREATE SCHEMA tpch;
        CREATE CONNECTION us.lake OPTIONS (connection_type = 'AWS', endpoint = 'http://127.0.0.1:1', region = 'r', path_style = TRUE, access_key_id = 'AKIA', secret_access_key = ENV('BENCH_S3_SECRET'));
        CREATE EXTERNAL TABLE tpch.orders WITH CONNECTION us.lake OPTIONS (format = 'PARQUET', uris = ['s3://lake/o/*.parquet']);
        CREATE EXTERNAL TABLE tpch.part OPTIONS (format = 'PARQUET', uris = ['file:///d/part/*.parquet']);
        CREATE VIEW tpch.nation AS SELECT * FROM shop.nation;
        ");
    }

    #[test]
    fn an_export_to_a_bucket_names_its_connection() {
        let work = Work::Export { sql: "SELECT 1 AS a".into(), format: "CSV", to: "s3://lake/x/".into() };
        assert_snapshot!(statement(&work), @"EXPORT DATA WITH CONNECTION us.lake OPTIONS (uri = 's3://lake/x/rows-*.csv', format = 'CSV', overwrite = TRUE, header = TRUE) AS SELECT 1 AS a");
    }
}

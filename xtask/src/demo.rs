//! `cargo xtask demo`: one query over data in S3, Azure, GCS, PostgreSQL, Spanner and a local file.
//!
//! TPC-H at scale 0.01 is spread over local servers ([`PLACEMENT`]), then Firth runs
//! `queries/quickstart.sql`, and `queries/quickstart_check.sql` says whether what was exported is what
//! was asked. The query files find the servers by `FIRTH_DEMO_…` variables, of the same names as the
//! tests' `FIRTH_TEST_…`. `FIRTH_DEMO_SPANNER_DATA` is the folder of the Spanner stand-in, and
//! `FIRTH_DEMO_REGION_URI` the local file.
//!
//! A server that this machine cannot run is left out, with a line that says how to get it, and with it
//! the parts of the query file that need it: see [`without`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::command::{self, run_quietly};
use crate::error::{Context, Result};
use crate::server::{DEMO_S3, ServerSpec};
use crate::servers::{ServerSet, fresh_state, wanted};
use crate::workspace;

/// Where each table lies, and in which format.
const PLACEMENT: &[Placement] = &[
    Placement { table: "lineitem", at: At::Bucket("s3"), format: "parquet:2" },
    Placement { table: "orders", at: At::Bucket("s3"), format: "parquet:2" },
    Placement { table: "customer", at: At::Bucket("azure"), format: "csv" },
    Placement { table: "part", at: At::Bucket("gcs"), format: "ndjson" },
    Placement { table: "supplier", at: At::Postgres, format: "postgres" },
    Placement { table: "nation", at: At::Postgres, format: "postgres" },
    Placement { table: "partsupp", at: At::Folder("spanner"), format: "parquet" },
    Placement { table: "region", at: At::Folder("local"), format: "csv" },
];

const SCALE: &str = "0.01";

struct Placement {
    table: &'static str,
    at: At,
    format: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    /// In the bucket of that server, under `tpch/TABLE/`.
    Bucket(&'static str),
    /// In the database.
    Postgres,
    /// As one file in that folder of the data folder.
    Folder(&'static str),
}

/// Runs the subcommand.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let release = arguments.take_flag("--release");
    let programs = arguments.take_value("--bins")?.map(PathBuf::from);
    arguments.finish()?;
    let programs = programs.map_or_else(|| build(release), Ok)?;
    let mut specs: Vec<&'static ServerSpec> =
        wanted(&[])?.into_iter().filter(|spec| !["s3", "keyring"].contains(&spec.name)).collect();
    specs.push(DEMO_S3);
    let folder = fresh_state("demo");
    let servers = ServerSet::start(folder.clone(), programs.clone(), &specs)?;
    let demo = Demo { programs, data: servers.state.join("demo"), servers };
    let outcome = demo.run();
    // The servers' folder is removed with them, if nothing else is in it.
    let _ = fs::remove_dir_all(&demo.data);
    outcome
}

fn build(release: bool) -> Result<PathBuf> {
    eprintln!("== building Firth");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", "firth-shell", "--package", "firth-testkit", "--bins"]);
    if release {
        cargo.arg("--release");
    }
    command::run(&mut cargo)?;
    Ok(workspace::target().join(if release { "release" } else { "debug" }))
}

struct Demo {
    programs: PathBuf,
    data: PathBuf,
    servers: ServerSet,
}

impl Demo {
    fn run(&self) -> Result<()> {
        eprintln!("== spreading TPC-H at scale {SCALE}");
        self.generate()?;
        for placement in PLACEMENT {
            self.place(placement)?;
        }
        if self.servers.runs("postgres") {
            self.load_postgres()?;
        }
        eprintln!("== queries/quickstart.sql");
        self.firth("queries/quickstart.sql", &mut |firth| command::run(firth))?;
        self.check()
    }

    fn generate(&self) -> Result<()> {
        let mut generate = Command::new(self.programs.join("tpch-data"));
        generate.arg(&self.data).arg(SCALE);
        generate.args(PLACEMENT.iter().map(|placement| format!("{}={}", placement.table, placement.format)));
        run_quietly(&mut generate).map(drop)
    }

    fn place(&self, placement: &Placement) -> Result<()> {
        let table = placement.table;
        let generated = self.data.join(table);
        match placement.at {
            At::Bucket(server) if self.servers.runs(server) => {
                let mut upload = Command::new(self.programs.join("upload"));
                upload.args([server, &format!("tpch/{table}")]).arg(&generated);
                upload.envs(self.servers.variables.iter().map(|(name, value)| (name, value)));
                run_quietly(&mut upload).map(drop)
            }
            At::Bucket(_) | At::Postgres => Ok(()),
            At::Folder(folder) => {
                let folder = self.data.join(folder);
                fs::create_dir_all(&folder).context(folder.display())?;
                let extension = placement.format;
                let from = generated.join(format!("part-1.{extension}"));
                fs::rename(&from, folder.join(format!("{table}.{extension}"))).context(from.display())
            }
        }
    }

    fn load_postgres(&self) -> Result<()> {
        let variable = |name| self.servers.variable(name);
        let mut psql = Command::new(variable("PG_PSQL"));
        psql.current_dir(&self.data).env("PGPASSWORD", variable("PG_PASSWORD"));
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "schema.sql", "-f", "load.sql"]);
        psql.arg(format!(
            "host={} port={} user={} dbname={} sslmode=verify-full sslrootcert={}",
            variable("PG_HOST"),
            variable("PG_PORT"),
            variable("PG_USER"),
            variable("PG_DATABASE"),
            variable("PG_CA"),
        ));
        run_quietly(&mut psql).map(drop)
    }

    /// Every row of the check must be a claim and `true`.
    fn check(&self) -> Result<()> {
        eprintln!("== queries/quickstart_check.sql");
        let mut answer = String::new();
        self.firth("queries/quickstart_check.sql", &mut |firth| {
            answer = run_quietly(firth.args(["--format", "csv"]))?;
            Ok(())
        })?;
        print!("{answer}");
        // Each result set has the header `what,holds`, and an empty line before the next.
        let rows: Vec<&str> =
            answer.lines().filter(|line| !line.is_empty() && *line != "what,holds").collect();
        match rows.iter().find(|row| !row.ends_with(",true")) {
            Some(row) => Err(format!("the export is not what was asked: {row}")),
            None if rows.is_empty() => Err("quickstart_check.sql compares nothing".to_string()),
            None => Ok(()),
        }
    }

    /// Runs a query file with Firth, without the parts whose servers do not run.
    fn firth(&self, path: &str, run: &mut dyn FnMut(&mut Command) -> Result<()>) -> Result<()> {
        let text = fs::read_to_string(workspace::root().join(path)).context(path)?;
        let (text, skipped) = without(&text, |server| !self.servers.runs(server));
        for part in skipped {
            eprintln!("left out: {part}");
        }
        let file = self.data.join(Path::new(path).file_name().unwrap_or_default());
        fs::write(&file, text).context(file.display())?;
        let mut firth = Command::new(self.programs.join("firth"));
        firth.arg("--home").arg(self.data.join("home")).arg("run").arg(&file);
        firth.env("FIRTH_DEMO_SPANNER_DATA", self.data.join("spanner"));
        firth
            .env("FIRTH_DEMO_REGION_URI", format!("file://{}", self.data.join("local/region.csv").display()));
        for (name, value) in &self.servers.variables {
            firth.env(name.replace("FIRTH_TEST_", "FIRTH_DEMO_"), value);
        }
        run(&mut firth)
    }
}

/// `text` without the parts that need what `is_missing`, and the first lines of those.
///
/// A part begins with a comment line `-- needs postgres, azure: what it shows` and ends before the next
/// such line. What stands before the first, and after a `-- needs nothing`, always stays. Lines that go
/// are left empty, so that places in messages are the file's.
fn without(text: &str, is_missing: impl Fn(&str) -> bool) -> (String, Vec<String>) {
    let mut kept = String::with_capacity(text.len());
    let mut skipped = Vec::new();
    let mut skip = false;
    for line in text.lines() {
        if let Some(needs) = line.strip_prefix("-- needs ") {
            let servers = needs.split(':').next().unwrap_or_default();
            skip = servers.split(',').map(str::trim).any(|server| server != "nothing" && is_missing(server));
            if skip {
                skipped.push(needs.to_string());
            }
        }
        if !skip {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    (kept, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_whose_servers_are_missing_are_left_out() {
        let text = "SELECT 1;\n-- needs postgres, s3: a join\nSELECT 2;\n-- needs s3: a scan\nSELECT 3;\n-- needs nothing\nSELECT 4;\n";
        let (kept, skipped) = without(text, |server| server == "postgres");
        assert_eq!(kept, "SELECT 1;\n\n\n-- needs s3: a scan\nSELECT 3;\n-- needs nothing\nSELECT 4;\n");
        assert_eq!(skipped, ["postgres, s3: a join"]);
        assert_eq!(without(text, |_| false).0, text);
        assert_eq!(without("-- needs nothing\nSELECT 4;\n", |_| true).1, [""; 0]);
    }

    #[test]
    fn every_table_has_one_place() {
        let mut tables: Vec<&str> = PLACEMENT.iter().map(|placement| placement.table).collect();
        tables.sort();
        assert_eq!(
            tables,
            ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
        );
    }
}

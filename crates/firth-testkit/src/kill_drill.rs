//! The kill drill: a program that changes tables and exports them is killed at random moments, and what it leaves is
//! checked. No half states: the catalog opens, rows come in whole pairs that add up to nothing, and an export and a
//! materialized view are read as a whole.

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

/// What a drill is to do.
#[derive(Clone, Debug)]
pub struct KillDrill {
    /// The program `firth`.
    pub program: PathBuf,
    /// An empty folder for the home and the exports.
    pub folder: PathBuf,
    /// How often the program is killed.
    pub kills: usize,
    /// Where random moments and statements begin: the same seed gives the same statements.
    pub seed: u64,
}

/// What a drill has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drilled {
    /// Kills that met the program alive.
    pub kills: usize,
    /// Rows of the ledger at the end.
    pub rows: u64,
}

/// The longest that the program lives, in milliseconds.
const LONGEST_LIFE: u64 = 1500;
/// Statements of one life: more than it can do.
const STATEMENTS: usize = 200;
/// After so many kills the old states are cleaned up.
const CLEAN_EVERY: usize = 10;

impl KillDrill {
    /// Runs the drill. The error says which invariant does not hold, after which kill.
    pub fn run(&self) -> Result<Drilled, String> {
        let mut random = Random(self.seed | 1);
        let mut drilled = Drilled::default();
        self.check("CREATE TABLE ledger (pair INT64, side INT64, amount INT64)")?;
        self.check(
            "CREATE MATERIALIZED VIEW kept OPTIONS (max_staleness = INTERVAL 1 DAY) AS
               SELECT pair, side, amount FROM ledger",
        )?;
        self.check(&format!(
            "EXPORT DATA OPTIONS (uri = '{}', format = 'PARQUET') AS
             SELECT 1000000 AS pair, side, IF(side = 0, 5, -5) AS amount FROM UNNEST([0, 1]) AS side",
            self.loaded()
        ))?;
        for kill in 1..=self.kills {
            let script: String = (0..STATEMENTS).map(|_| self.statement(&mut random)).collect();
            let mut child = self.start(&script)?;
            thread::sleep(Duration::from_millis(random.below(LONGEST_LIFE)));
            let alive = matches!(child.try_wait(), Ok(None));
            child.kill().and_then(|()| child.wait()).map_err(|error| format!("not killed: {error}"))?;
            drilled.kills += usize::from(alive);
            drilled.rows = self
                .invariants(kill)
                .map_err(|broken| format!("after kill {kill} (seed {}): {broken}", self.seed))?;
        }
        Ok(drilled)
    }

    /// A statement that keeps the ledger's pairs: two rows each, whose amounts add up to nothing.
    fn statement(&self, random: &mut Random) -> String {
        let pair = random.below(1_000_000);
        let amount = random.below(1000);
        let uri = self.folder.join("exports/ledger-*.parquet");
        match random.below(11) {
            0..=2 => format!("INSERT INTO ledger (pair, side, amount) VALUES ({pair}, 0, {amount}), ({pair}, 1, -{amount});\n"),
            3 => "UPDATE ledger SET amount = amount + IF(side = 0, 1, -1) WHERE MOD(pair, 3) = 0;\n".to_owned(),
            4 => format!("DELETE FROM ledger WHERE MOD(pair, 7) = {};\n", random.below(7)),
            5 => format!(
                "MERGE ledger AS l USING (SELECT {pair} AS pair, side FROM UNNEST([0, 1]) AS side) AS s
                   ON l.pair = s.pair AND l.side = s.side
                 WHEN MATCHED THEN UPDATE SET amount = -l.amount
                 WHEN NOT MATCHED THEN INSERT (pair, side, amount) VALUES (s.pair, s.side, IF(s.side = 0, {amount}, -{amount}));\n"
            ),
            6 => "CREATE OR REPLACE TABLE ledger AS SELECT * FROM ledger WHERE MOD(pair, 11) > 0;\nOPTIMIZE ledger;\n"
                .to_owned(),
            7 => "REFRESH MATERIALIZED VIEW kept;\n".to_owned(),
            8 => "ALTER TABLE ledger ADD COLUMN IF NOT EXISTS note STRING;
                  UPDATE ledger SET note = CAST(pair AS STRING) WHERE MOD(pair, 5) = 0;
                  ALTER TABLE ledger DROP COLUMN note, ADD COLUMN note INT64;
                  ALTER TABLE ledger DROP COLUMN note;\n"
                .to_owned(),
            9 => {
                format!("LOAD DATA INTO ledger FROM FILES (format = 'PARQUET', uris = ['{}']);\n", self.loaded())
            }
            _ => format!(
                "EXPORT DATA OPTIONS (uri = 'file://{}', format = 'PARQUET', overwrite = TRUE, file_size = 2000)
                 AS SELECT * FROM ledger;\n",
                uri.display()
            ),
        }
    }

    fn invariants(&self, kill: usize) -> Result<u64, String> {
        let whole = |answer: &str| match answer.split(',').collect::<Vec<_>>().as_slice() {
            [_, "0", "0"] => Ok(()),
            _ => Err(format!("rows, their sum, and pairs that are not whole: {answer}")),
        };
        let rows = |table: &str| {
            self.check(&format!(
                "SELECT COUNT(*), COALESCE(SUM(amount), 0), COALESCE(SUM(odd), 0) FROM (
                   SELECT SUM(amount) AS amount, MOD(COUNT(*), 2) AS odd FROM {table} GROUP BY pair)"
            ))
        };
        whole(&rows("ledger")?)?;
        whole(&rows("kept")?).map_err(|broken| format!("the materialized view: {broken}"))?;
        // A commit that the kill cut short is finished by whoever comes next.
        self.check("CLEAN EXPORTS")?;
        let uri = format!("file://{}", self.folder.join("exports/ledger-*.parquet").display());
        let files = format!(
            "CREATE OR REPLACE EXTERNAL TABLE exported (pair INT64, side INT64, amount INT64)
             OPTIONS (format = 'PARQUET', uris = ['{uri}'])"
        );
        match self.check(&files) {
            Ok(_) => whole(&rows("exported")?).map_err(|broken| format!("the export: {broken}"))?,
            Err(error) if error.contains("no file matches") => {}
            Err(error) => return Err(error),
        }
        if kill.is_multiple_of(CLEAN_EVERY) {
            self.check("CLEAN TABLES OLDER THAN 0 DAYS")?;
            whole(&rows("ledger")?)?;
            whole(&rows("kept")?)?;
        }
        let count = self.check("SELECT COUNT(*) FROM ledger")?;
        count.parse().map_err(|_| format!("{count:?} is not a number of rows"))
    }

    /// Runs one statement to its end, and answers its last row.
    fn check(&self, sql: &str) -> Result<String, String> {
        let output =
            self.command(&["--format", "csv", "-c", sql]).output().map_err(|error| error.to_string())?;
        let Output { status, stdout, stderr } = output;
        if !status.success() {
            return Err(format!("{sql}: {}", String::from_utf8_lossy(&stderr)));
        }
        Ok(String::from_utf8_lossy(&stdout).lines().last().unwrap_or_default().to_owned())
    }

    fn start(&self, script: &str) -> Result<Child, String> {
        let path = self.folder.join("script.sql");
        std::fs::write(&path, script).map_err(|error| error.to_string())?;
        let path = path.display().to_string();
        self.command(&["run", &path])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{:?} does not start: {error}", self.program))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--home").arg(self.home()).args(arguments).stdin(Stdio::null());
        command
    }

    /// The files that are loaded.
    fn loaded(&self) -> String {
        format!("file://{}", self.folder.join("loaded/pair-*.parquet").display())
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }
}

/// Marsaglia's xorshift: enough to be unpredictable to the program, and the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

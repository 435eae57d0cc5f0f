//! TPC-H's tables as files, in a bucket and in a database. What an earlier run made is used again.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int64Array},
    record_batch::RecordBatch,
};
use firth_testkit::{
    servers::{Postgres, S3, Servers},
    tpch::{Format, Table, write},
    upload::upload,
};
use parquet::arrow::ArrowWriter;

use crate::{Result, place::At, suite::Suite};

/// Where the data lies.
pub(crate) struct Data {
    /// Parquet files, in a folder for each table.
    pub(crate) folder: PathBuf,
    /// Where local exports go.
    pub(crate) exports: PathBuf,
    /// The bucket.
    pub(crate) bucket: String,
    scale: f64,
}

impl Data {
    /// Makes what the suites need and is not there yet.
    pub(crate) fn make(folder: &Path, scale: f64, suites: &[&Suite], servers: &Servers) -> Result<Data> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let bucket = servers.s3.as_ref().map(|s3| s3.bucket.clone()).unwrap_or_default();
        let data = Data { exports: folder.join("exports"), folder, bucket, scale };
        let needs = |at| suites.iter().any(|suite| suite.uses(at));
        for table in Table::ALL {
            if !data.folder.join(table.name()).is_dir() {
                data.make_files(table, Format::Parquet, &data.folder)?;
            }
        }
        data.make_keys()?;
        if needs(At::S3) {
            data.upload(servers.s3.as_ref().ok_or("a suite needs S3, and no server of it runs")?)?;
        }
        if needs(At::Postgres) {
            data.load(servers.postgres.as_ref().ok_or("a suite needs PostgreSQL, and no server runs")?)?;
        }
        Ok(data)
    }

    /// The folder of keys in the bucket that this scale has for itself.
    pub(crate) fn prefix(&self) -> String {
        format!("bench/sf{}", self.scale)
    }

    /// The folder with the ten keys that the suite `postgres` looks up.
    pub(crate) fn keys_folder(&self) -> PathBuf {
        self.folder.join("wanted_keys")
    }

    /// Writes a table's files next to where they belong and moves them there when all are written.
    fn make_files(&self, table: Table, format: Format, to: &Path) -> Result<()> {
        eprintln!("making {}.{} at scale {}", table.name(), format.extension(), self.scale);
        let making = self.folder.join("making");
        let written = write(table, self.scale, format, 1, &making).and_then(|_| {
            fs::create_dir_all(to)?;
            fs::rename(making.join(table.name()), to.join(table.name()))
        });
        written.map_err(|error| format!("{}: {error}", table.name()))
    }

    /// Ten order keys, spread evenly. Of each 32 keys TPC-H uses the first eight.
    fn make_keys(&self) -> Result<()> {
        let step = ((187_500.0 * self.scale) as i64 / 10).max(1);
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..10).map(|key| key * step * 32 + 1)));
        let made = || -> std::result::Result<(), Box<dyn std::error::Error>> {
            fs::create_dir_all(self.keys_folder())?;
            let batch = RecordBatch::try_from_iter([("l_orderkey", keys)])?;
            let file = File::create(self.keys_folder().join("keys.parquet"))?;
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None)?;
            writer.write(&batch)?;
            writer.close()?;
            Ok(())
        };
        made().map_err(|error| format!("the wanted keys: {error}"))
    }

    fn upload(&self, s3: &S3) -> Result<()> {
        eprintln!("uploading to the bucket {}", s3.bucket);
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let store = Arc::new(s3.store().map_err(|error| error.to_string())?);
        for table in Table::ALL {
            let prefix = format!("{}/{}", self.prefix(), table.name());
            runtime
                .block_on(upload(Arc::clone(&store) as _, &self.folder.join(table.name()), &prefix))
                .map_err(|error| format!("{prefix}: {error}"))?;
        }
        Ok(())
    }

    /// Loads every table into the database, unless it holds this scale already.
    fn load(&self, postgres: &Postgres) -> Result<()> {
        let loaded = psql(postgres, &self.folder, "SELECT scale FROM firth_bench_loaded;\n");
        if loaded.is_ok_and(|answer| answer.trim() == self.scale.to_string()) {
            return Ok(());
        }
        let csv = self.folder.join("csv");
        let mut script = "\\set ON_ERROR_STOP on\nDROP TABLE IF EXISTS firth_bench_loaded;\n".to_string();
        for table in Table::ALL {
            if !csv.join(table.name()).is_dir() {
                self.make_files(table, Format::Csv, &csv)?;
            }
            let name = table.name();
            script.push_str(&format!(
                "DROP TABLE IF EXISTS {name};\n{}\\copy {name} FROM 'csv/{name}/part-1.csv' WITH (FORMAT csv, HEADER)\n\
                 VACUUM (ANALYZE) {name};\n",
                table.postgres_ddl()
            ));
        }
        script.push_str(&format!("CREATE TABLE firth_bench_loaded AS SELECT '{}' AS scale;\n", self.scale));
        eprintln!("loading PostgreSQL");
        psql(postgres, &self.folder, &script).map(drop)
    }
}

/// Runs a script and answers its rows.
fn psql(postgres: &Postgres, folder: &Path, script: &str) -> Result<String> {
    let mut command = Command::new(&postgres.psql);
    command.current_dir(folder).env("PGPASSWORD", &postgres.password);
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]).arg(format!(
        "host={} port={} user={} dbname={} sslmode=verify-full sslrootcert={}",
        postgres.host, postgres.port, postgres.user, postgres.database, postgres.ca,
    ));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = || {
        let mut child = command.spawn()?;
        // Dropped at the end of this line, which is the end of the script.
        child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()))?;
        child.wait_with_output()
    };
    let output = run().map_err(|error| format!("psql: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
}

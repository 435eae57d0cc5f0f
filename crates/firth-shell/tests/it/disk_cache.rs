//! What is kept on disk of remote files: later processes ask for less, and nobody has wrong rows.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use firth_testkit::{
    chaos::{Asked, Chaos, Fault},
    servers::{S3, Servers},
};
use tempfile::TempDir;

use crate::session::TestSession;

/// A store behind a proxy that counts, and a home whose table `t` lies in it. The store tells ETags in its lists, without
/// which nothing is kept.
struct Lake {
    proxy: Chaos,
    folder: TempDir,
    server: S3,
    /// Where in the bucket the table lies.
    place: String,
}

const QUERY: &str = "SELECT COUNT(*), SUM(x), MAX(s) FROM t";
const ROW: [&str; 3] = ["100000", "5000050000", "text 99999"];

impl Lake {
    /// `None` on a machine without the servers of tests.
    async fn new(test: &str) -> Option<Lake> {
        let server = Servers::from_env().require_s3(test)?;
        let folder = tempfile::tempdir().expect("a folder");
        let proxy = Chaos::start(&server.endpoint).await.expect("started");
        // No other run has this folder's name, and this process no other of it.
        let name = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
        let place =
            format!("{}/cache-{}-{}", server.bucket, std::process::id(), name.trim_start_matches('.'));
        let lake = Lake { proxy, folder, server, place };
        let script = format!(
            "{}; {}; {};
             CREATE EXTERNAL TABLE t WITH CONNECTION lake OPTIONS (format = 'PARQUET', uris = ['s3://{}/a-*.parquet']);",
            lake.connection("direct", &lake.server.endpoint),
            lake.connection("lake", &lake.proxy.endpoint),
            lake.export("x"),
            lake.place
        );
        TestSession::new(&lake.home()).run_script(&script).await.expect("made");
        Some(lake)
    }

    fn connection(&self, name: &str, endpoint: &str) -> String {
        let S3 { region, access_key_id, secret_access_key, .. } = &self.server;
        format!(
            "CREATE CONNECTION {name} OPTIONS (
               connection_type = 'AWS', endpoint = '{endpoint}', region = '{region}', path_style = TRUE,
               access_key_id = '{access_key_id}', secret_access_key = '{secret_access_key}')"
        )
    }

    /// Writes the table's file. Not through the proxy, which passes on no bodies of requests.
    fn export(&self, x: &str) -> String {
        format!(
            "EXPORT DATA WITH CONNECTION direct OPTIONS (
               uri = 's3://{}/a-*.parquet', format = 'PARQUET', overwrite = TRUE)
             AS SELECT {x} AS x, CONCAT('text ', CAST(x AS STRING)) AS s FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS x",
            self.place
        )
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A session as a new process has one, which keeps so much on disk.
    async fn session(&self, limit: &str) -> TestSession {
        let session = TestSession::new(&self.home());
        session.execute(&format!("SET cache_disk = '{limit}'")).await.expect("set");
        session
    }

    /// What a new process answers, and how many requests for bytes it sends.
    async fn read(&self, limit: &str) -> (Vec<String>, usize) {
        let session = self.session(limit).await;
        self.proxy.decide(|_: &Asked| Fault::Pass);
        let answer = session.execute(QUERY).await.expect("rows").expect("rows");
        let asked = self.proxy.requests(&format!("GET /{}/a-", self.place));
        (answer.rows.into_iter().flatten().flatten().collect(), asked)
    }

    /// The files that are kept.
    fn kept(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => below(&entry.path(), found),
                    false => found.push(entry.path()),
                }
            }
        }
        let mut found = Vec::new();
        below(&self.home().join("cache"), &mut found);
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_reads_what_the_first_one_kept() {
    let Some(lake) = Lake::new("a_second_process_reads_what_the_first_one_kept").await else { return };
    let (rows, without) = lake.read("0").await;
    assert_eq!(rows, ROW);
    assert!(without > 0);
    assert!(lake.kept().is_empty(), "nothing is kept unless that is wanted");

    let (rows, first) = lake.read("1G").await;
    assert_eq!((rows.as_slice(), first), (ROW.map(str::to_owned).as_slice(), without));
    assert!(!lake.kept().is_empty());
    for file in lake.kept() {
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let (rows, second) = lake.read("1G").await;
    assert_eq!((rows.as_slice(), second), (ROW.map(str::to_owned).as_slice(), 0));
    assert!(lake.proxy.requests("list-type=2") > 0, "the store is asked what is there now");

    let session = lake.session("1G").await;
    let caches = session.execute("SHOW CACHES").await.expect("rows").expect("rows").rows;
    let disk = caches.iter().find(|row| row[0].as_deref() == Some("disk")).expect("a row");
    assert_eq!(disk[1], Some(lake.kept().len().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_removed_and_fetched_again() {
    let Some(lake) = Lake::new("damaged_files_are_removed_and_fetched_again").await else { return };
    lake.read("1G").await;
    for (number, file) in lake.kept().into_iter().enumerate() {
        let mut bytes = fs::read(&file).expect("there");
        match number % 3 {
            0 => bytes.truncate(bytes.len() / 2),
            1 => bytes.clear(),
            _ => {}
        }
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        fs::write(&file, bytes).expect("written");
    }
    let (rows, asked) = lake.read("1G").await;
    assert_eq!(rows, ROW);
    assert!(asked > 0);
    let (rows, asked) = lake.read("1G").await;
    assert_eq!((rows.as_slice(), asked), (ROW.map(str::to_owned).as_slice(), 0), "they were made anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_overwritten_is_read_anew() {
    let Some(lake) = Lake::new("an_object_that_was_overwritten_is_read_anew").await else { return };
    lake.read("1G").await;
    TestSession::new(&lake.home()).execute(&lake.export("x + 1")).await.expect("exported");
    let (rows, asked) = lake.read("1G").await;
    assert_eq!(rows[1], "5000150000");
    assert!(asked > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_connection_goes_with_it() {
    let Some(lake) = Lake::new("what_is_kept_of_a_connection_goes_with_it").await else { return };
    for sql in [
        "ALTER CONNECTION lake SET OPTIONS (max_tries = 3)",
        &lake.connection("lake", &lake.proxy.endpoint).replace("CREATE", "CREATE OR REPLACE"),
        "DROP CONNECTION lake",
    ] {
        let (rows, asked) = lake.read("1G").await;
        assert_eq!(rows, ROW);
        assert!(asked > 0, "before {sql}");
        assert!(!lake.kept().is_empty());
        // Also by a session that keeps nothing itself.
        TestSession::new(&lake.home()).execute(sql).await.expect(sql);
        assert_eq!(lake.kept(), Vec::<PathBuf>::new(), "after {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_what_is_kept_below_the_limit() {
    let Some(lake) = Lake::new("processes_share_what_is_kept_below_the_limit").await else { return };
    let (_, asked) = lake.read("1G").await;
    let all: u64 = lake.kept().iter().map(|file| fs::metadata(file).expect("there").len()).sum();
    assert!(asked > 0);
    // So little that every process pushes out what another one is reading.
    let limit = (all * 3 / 4).to_string();
    let readers = (0..4).map(|_| lake.read(&limit));
    for (rows, _) in futures::future::join_all(readers).await {
        assert_eq!(rows, ROW);
    }
    let (rows, _) = lake.read(&limit).await;
    assert_eq!(rows, ROW);
}

//! Partitioned tables on a store: which folders are listed for a filter, and by how many requests.

use std::{fs, path::Path};

use firth_testkit::{
    chaos::{Asked, Chaos, Fault},
    s3_server::S3Server,
};
use tempfile::TempDir;

use crate::session::TestSession;

/// A bucket behind a proxy that counts.
struct Lake {
    proxy: Chaos,
    session: TestSession,
    server: S3Server,
    folder: TempDir,
}

fn connection(name: &str, endpoint: &str) -> String {
    format!(
        "CREATE CONNECTION {name} OPTIONS (
           connection_type = 'AWS', endpoint = '{endpoint}', region = 'us-east-1', path_style = TRUE,
           access_key_id = 'key', secret_access_key = 'secret')"
    )
}

fn put(root: &Path, key: &str, text: &str) {
    let path = root.join("lake").join(key);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

impl Lake {
    /// The bucket as `fill` makes it, with one table `t` over `t/*` that has these partition columns.
    async fn new(partition_columns: &str, fill: impl FnOnce(&Path)) -> Lake {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        fill(&root);
        let server = S3Server::start(&root, "key", "secret").await.expect("started");
        let proxy = Chaos::start(&server.endpoint).await.expect("started");
        let session = TestSession::new(&folder.path().join("home"));
        let script = format!(
            "{};
             CREATE EXTERNAL TABLE t (x INT64) WITH PARTITION COLUMNS ({partition_columns}) WITH CONNECTION lake OPTIONS (
               format = 'CSV', uris = ['s3://lake/t/*.csv'])",
            connection("lake", &proxy.endpoint)
        );
        session.run_script(&script).await.expect("made");
        Lake { proxy, session, server, folder }
    }

    /// The rows of a query, and how many lists and files were asked for.
    async fn read(&self, sql: &str) -> (Vec<String>, usize, usize) {
        self.proxy.decide(|_: &Asked| Fault::Pass);
        let answer = self.session.execute(sql).await.expect(sql).expect("rows");
        let rows = answer.rows.into_iter().map(|row| {
            let cells = row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".to_owned()));
            cells.collect::<Vec<_>>().join(" ")
        });
        (rows.collect(), self.proxy.requests("list-type=2"), self.proxy.requests(".csv"))
    }

    async fn expect(&self, sql: &str, rows: &[&str], lists: usize) {
        let (found, listed, _) = self.read(sql).await;
        assert_eq!(found, rows, "{sql}");
        assert_eq!(listed, lists, "lists for {sql}");
    }
}

/// 2,400 files: 60 days of 4 hours of 10 files; the row of a file is its number.
fn days(root: &Path) {
    let mut number = 0;
    for day in 0..60 {
        for hour in 0..4 {
            for file in 0..10 {
                number += 1;
                let month = 1 + day / 28;
                let day = 1 + day % 28;
                put(
                    root,
                    &format!("t/day=2026-{month:02}-{day:02}/hour={hour:02}/{file}.csv"),
                    &format!("{number}\n"),
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_a_filter_leaves_out_are_not_listed() {
    let lake = Lake::new("day DATE, hour INT64", days).await;
    // Three pages.
    lake.expect("SELECT COUNT(*), SUM(x) FROM t", &["2400 2881200"], 3).await;
    // A page that shows that there are more, the days, and one day, whose files fit into a page.
    let (rows, lists, files) =
        lake.read("SELECT COUNT(*), MIN(x), MAX(x) FROM t WHERE day = DATE '2026-01-02'").await;
    assert_eq!((rows.join(""), lists, files), ("40 41 80".to_owned(), 3, 40));
    lake.expect(
        "SELECT COUNT(*), MIN(x) FROM t WHERE day IN (DATE '2026-01-02', DATE '2026-03-01') AND hour = 1",
        &["20 51"],
        4,
    )
    .await;
    lake.expect("SELECT COUNT(*), MIN(x), MAX(x) FROM t WHERE day < '2026-01-03'", &["80 1 80"], 4).await;
    lake.expect("SELECT COUNT(*) FROM t WHERE day = '2025-01-01'", &["0"], 2).await;
    // As many folders as there are pages or more: all is listed. The days were looked at in between.
    lake.expect("SELECT COUNT(*), MIN(x) FROM t WHERE day > '2026-01-03'", &["2280 121"], 4).await;
    // No filter about folders, or one that knows no folder alone.
    lake.expect("SELECT COUNT(*) FROM t WHERE x < 10", &["9"], 3).await;
    // Two scans of one table are listed once, for both.
    lake.expect(
        "SELECT COUNT(*), MIN(a.x), MIN(b.x) FROM t AS a JOIN t AS b ON b.x = a.x + 40
         WHERE a.day = '2026-01-02' AND b.day = '2026-01-03'",
        &["40 41 81"],
        4,
    )
    .await;
    lake.expect(
        "SELECT (SELECT MAX(x) FROM t WHERE day = '2026-01-02'), COUNT(*) FROM t WHERE day = '2026-01-01' AND hour < 2",
        &["80 20"],
        4,
    )
    .await;
    // What a filter computes is asked of folders as of rows.
    lake.expect(
        "SELECT COUNT(*) FROM t WHERE EXTRACT(MONTH FROM day) = 1 AND EXTRACT(DAY FROM day) = 5",
        &["40"],
        3,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_values_of_folders_are_found() {
    let lake = Lake::new("kind STRING, n INT64", |root| {
        for filler in 0..1001 {
            put(root, &format!("t/kind=filler/n=0/{filler}.csv"), "0\n");
        }
        put(root, "t/kind=a%20b/n=1/f.csv", "1\n");
        put(root, "t/kind=a b/n=01/f.csv", "2\n");
        put(root, "t/kind=__HIVE_DEFAULT_PARTITION__/n=2/f.csv", "3\n");
        put(root, "t/kind=a%2Fb=c/n=__HIVE_DEFAULT_PARTITION__/f.csv", "4\n");
        put(root, "t/kind=f/n=-7/f.csv", "5\n");
        put(root, "t/KIND=é/N=8/f.csv", "6\n");
        put(root, "t/kind=filler/n=9/f.csv", "7\n");
    })
    .await;
    for (filter, rows) in [
        ("kind = 'a b'", "1 2"),
        ("kind = 'a b' AND n = 1", "1 2"),
        ("kind IS NULL", "3"),
        ("kind IS NULL AND n = 2", "3"),
        ("kind = 'a/b=c'", "4"),
        ("kind = 'a/b=c' AND n IS NULL", "4"),
        ("n IS NULL", "4"),
        ("n < 0", "5"),
        ("kind = 'é'", "6"),
        ("kind IN ('f', 'é') AND n > 0", "6"),
        ("n = 9", "7"),
        ("kind = 'filler' AND n <> 0", "7"),
        ("(kind = 'f' AND n = -7) OR (kind = 'é' AND n = 8)", "5 6"),
        ("kind NOT IN ('filler', 'a b')", "4 5 6"),
        ("IFNULL(kind, 'none') = 'none'", "3"),
        ("kind = 'filler' AND x = 7", "7"),
        ("kind = 'nowhere'", ""),
        ("FALSE", ""),
    ] {
        let (found, ..) = lake.read(&format!("SELECT x FROM t WHERE {filter} ORDER BY x")).await;
        assert_eq!(found.join(" "), rows, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_an_error_that_says_where() {
    let lake =
        Lake::new("day DATE, hour INT64", |root| put(root, "t/day=2026-01-01/hour=0/a.csv", "1\n")).await;
    lake.expect("SELECT x FROM t WHERE day = '2026-01-01'", &["1"], 1).await;
    fs::remove_dir_all(lake.folder.path().join("root/lake/t")).expect("removed");
    let failure =
        lake.session.execute("SELECT x FROM t WHERE day = '2026-01-01'").await.expect_err("nothing is there");
    let failure = failure.to_string();
    assert!(failure.contains("no file matches \"s3://lake/t/*.csv\""), "{failure}");
    assert!(failure.contains("1:15"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_whole_though_only_some_of_its_folders_are_listed() {
    let lake =
        Lake::new("day DATE, hour INT64", |root| put(root, "t/day=2026-01-01/hour=0/a.csv", "1\n")).await;
    // The proxy does not pass on what is written.
    let statements = [
        connection("direct", &lake.server.endpoint),
        "EXPORT DATA WITH CONNECTION direct OPTIONS (
           uri = 's3://lake/e/*.csv', format = 'CSV', header = FALSE, partition_by = ['k'], overwrite = TRUE)
         AS SELECT x, MOD(x, 8) AS k FROM UNNEST(GENERATE_ARRAY(1, 16)) AS x"
            .to_owned(),
        "CREATE EXTERNAL TABLE e (x INT64) WITH PARTITION COLUMNS (k INT64) WITH CONNECTION lake OPTIONS (
           format = 'CSV', uris = ['s3://lake/e/*.csv'])"
            .to_owned(),
    ];
    for statement in statements {
        lake.session.execute(&statement).await.expect("done");
    }
    // Files beside the export's make the listing long.
    for filler in 0..1001 {
        put(&lake.folder.path().join("root"), &format!("e/k=0/filler-{filler}.csv"), "0\n");
    }
    lake.expect("SELECT x FROM e WHERE k = 7 ORDER BY x", &["7", "15"], 3).await;
    lake.expect("SELECT COUNT(*) FROM e", &["1017"], 2).await;
}

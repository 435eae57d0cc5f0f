//! The commit of exports: killed at every point of docs/adr/0020, and raced, on every store.

use std::sync::Arc;

use firth_testkit::servers::Servers;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, path::Path as Key};
use tempfile::TempDir;

use crate::{
    scratch::{empty, unique},
    session::{Answered, TestSession},
    victim::kill,
};

/// Every point, in order, and whether the export is committed there.
const POINTS: &[(&str, bool)] = &[
    ("begun", false),
    ("upload_begun", false),
    ("uploaded", false),
    ("committed", true),
    ("completing", true),
    ("completed", true),
    ("deleted", true),
    ("finished", true),
];

/// A store, and a place in it for one test.
struct Target {
    home: TempDir,
    /// `CREATE CONNECTION …`, or nothing for local files.
    connection: String,
    with: &'static str,
    /// The folder's uri.
    uri: String,
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Target {
    fn local() -> Target {
        let home = TempDir::new().expect("a folder");
        let out = home.path().join("out");
        std::fs::create_dir(&out).expect("made");
        Target {
            uri: format!("file://{}/exports", out.display()),
            store: Arc::new(object_store::local::LocalFileSystem::new_with_prefix(&out).expect("a store")),
            connection: String::new(),
            with: "",
            prefix: "exports".to_owned(),
            home,
        }
    }

    fn cloud(uri: &str, connection: &str, store: impl ObjectStore) -> Target {
        let prefix = unique("commit");
        Target {
            home: TempDir::new().expect("a folder"),
            connection: format!("CREATE CONNECTION us.store OPTIONS ({connection})"),
            with: "WITH CONNECTION us.store",
            uri: format!("{uri}/{prefix}"),
            store: Arc::new(store),
            prefix,
        }
    }

    async fn session(&self, home: &str) -> TestSession {
        let session = TestSession::new(&self.home.path().join(home));
        if !self.connection.is_empty() && session.execute("DESCRIBE CONNECTION us.store").await.is_err() {
            session.execute(&self.connection).await.expect("connected");
        }
        session
    }

    /// An export of so many rows whose values are all `value`: a file for about 16,000 rows.
    fn export(&self, folder: &str, rows: usize, value: i64, options: &str) -> String {
        format!(
            "EXPORT DATA {} OPTIONS (format = 'CSV', uri = '{}/{folder}/x-*.csv', file_size = 32000{options}) AS
             SELECT {value} AS v FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS a",
            self.with, self.uri
        )
    }

    /// What a reader sees: rows, and the least and the greatest value.
    async fn read(&self, session: &TestSession, folder: &str) -> Result<String, String> {
        let table = format!(
            "CREATE OR REPLACE EXTERNAL TABLE t (v INT64) {} OPTIONS (format = 'CSV', uris = ['{}/{folder}/*'])",
            self.with, self.uri
        );
        session.execute(&table).await.map_err(|failure| failure.0)?;
        let answered = session.execute("SELECT COUNT(*) AS n, MIN(v) AS a, MAX(v) AS b FROM t").await;
        let Some(Answered { rows, .. }) = answered.map_err(|failure| failure.0)? else {
            return Err("a query has rows".to_owned());
        };
        Ok(rows[0].iter().map(|value| value.clone().unwrap_or_default()).collect::<Vec<_>>().join(" "))
    }

    /// The names in a folder, as any program lists them.
    async fn names(&self, folder: &str) -> Vec<String> {
        let prefix = Key::from(format!("{}/{folder}", self.prefix));
        let listed =
            self.store.list(Some(&prefix)).map_ok(|meta| meta.location.filename().unwrap_or("").to_owned());
        let mut names: Vec<String> = listed.try_collect().await.expect("listed");
        names.sort();
        names
    }

    fn kill(&self, home: &str, point: &str, sql: &str) {
        kill(&self.home.path().join(home), point, sql);
    }
}

/// At every point: before the commit the old export is there, afterwards an error and, once somebody has
/// come by, the new one. No file is there without a manifest.
async fn every_crash_leaves_the_old_or_the_new(target: Target) {
    let session = target.session("home").await;
    for (number, (point, is_committed)) in POINTS.iter().enumerate() {
        let folder = *point;
        session.execute(&target.export(folder, 40_000, 1, "")).await.expect("exported");
        assert_eq!(target.read(&session, folder).await.as_deref(), Ok("40000 1 1"));
        let before = target.names(folder).await;
        assert!(before.len() > 3, "several files: {before:?}");
        let new = target.export(folder, 20_000, 2, ", overwrite = TRUE");
        target.kill("home", point, &new);

        if *is_committed {
            assert!(target.names(folder).await.contains(&"_firth_manifest.json".to_owned()));
            if *point != "finished" {
                let error = target.read(&session, folder).await.expect_err("it is being committed");
                assert!(error.contains("an export is being committed"), "{point}: {error}");
            }
        } else {
            assert_eq!(target.names(folder).await, before, "{point}");
            assert_eq!(target.read(&session, folder).await.as_deref(), Ok("40000 1 1"), "{point}");
        }

        // Either of the two brings it to an end.
        if number % 2 == 0 {
            let cleaned = session.execute("CLEAN EXPORTS").await.expect("cleaned").expect("rows");
            let state = if *is_committed { "complete" } else { "aborted" };
            assert_eq!(cleaned.rows.len(), 1, "{point}");
            assert_eq!(cleaned.rows[0][2].as_deref(), Some(state), "{point}");
        } else {
            let refused =
                session.execute(&target.export(folder, 1, 3, "")).await.expect_err("files are there");
            assert!(refused.0.contains("there is a file already"), "{point}: {refused}");
        }
        let expected = if *is_committed { "20000 2 2" } else { "40000 1 1" };
        assert_eq!(target.read(&session, folder).await.as_deref(), Ok(expected), "{point}");
        if *is_committed {
            let names = target.names(folder).await;
            assert_eq!(names.len(), 3, "two files and the manifest: {names:?}");
        }
        let left = session.execute("CLEAN EXPORTS").await.expect("cleaned").expect("rows");
        assert!(left.rows.is_empty(), "{point}: {:?}", left.rows);
    }
    empty(target.store.as_ref(), &target.prefix).await;
}

/// The file that other programs wait for is not there while files come and go, and is put by whoever finishes.
#[tokio::test(flavor = "multi_thread")]
async fn the_marker_of_success_stands_beside_whole_exports_only() {
    let target = Target::local();
    let session = target.session("home").await;
    let with_marker =
        |rows, value| target.export("x", rows, value, ", overwrite = TRUE, success_marker = TRUE");
    let marker = "_SUCCESS".to_owned();
    session.execute(&with_marker(40_000, 1)).await.expect("exported");
    assert!(target.names("x").await.contains(&marker));
    for (point, is_there) in
        [("uploaded", true), ("completing", false), ("deleted", false), ("finished", true)]
    {
        target.kill("home", point, &with_marker(20_000, 2));
        assert_eq!(target.names("x").await.contains(&marker), is_there, "{point}");
        session.execute("CLEAN EXPORTS").await.expect("cleaned");
        assert!(target.names("x").await.contains(&marker), "{point}");
        let expected = if point == "uploaded" { "40000 1 1" } else { "20000 2 2" };
        assert_eq!(
            target.read(&session, "x").await.as_deref(),
            Ok(expected),
            "{point}: the marker is no rows"
        );
    }
    let without = target.export("x", 20_000, 3, ", overwrite = TRUE");
    session.execute(&without).await.expect("exported");
    assert!(!target.names("x").await.contains(&marker), "this export has none");
}

/// While one export stands before its commit, another one to the same place begins and ends.
async fn of_two_exports_to_one_place_the_second_to_commit_says_that_it_lost(target: Target) {
    let slow = target.session("slow").await;
    let fast = Arc::new(target.session("fast").await);
    for (folder, first) in [("new", None), ("replaced", Some(10))] {
        if let Some(rows) = first {
            fast.execute(&target.export(folder, rows, 0, "")).await.expect("exported");
        }
        let sql = target.export(folder, 40_000, 1, ", overwrite = TRUE");
        let (racing, handle) = (Arc::clone(&fast), tokio::runtime::Handle::current());
        let session = target.session(&format!("slow-{folder}")).await;
        session.observe_exports(Arc::new(move |point| {
            if point == "uploaded" {
                let sql = sql.clone();
                let racing = Arc::clone(&racing);
                tokio::task::block_in_place(|| {
                    handle.block_on(async move { racing.execute(&sql).await.expect("it is first") });
                });
            }
        }));
        let lost = session.execute(&target.export(folder, 40_000, 2, ", overwrite = TRUE")).await;
        let lost = lost.expect_err("it came second");
        assert!(lost.0.contains("was committed first"), "{lost}");
        assert_eq!(target.read(&slow, folder).await.as_deref(), Ok("40000 1 1"), "{folder}");
        let left = session.execute("CLEAN EXPORTS").await.expect("cleaned").expect("rows");
        assert!(left.rows.is_empty(), "{:?}", left.rows);
    }
    empty(target.store.as_ref(), &target.prefix).await;
}

/// What a commit needs is gone: an export without `overwrite` says so, and one with it replaces the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_finished_is_told_and_can_be_replaced() {
    let target = Target::local();
    let session = target.session("home").await;
    target.kill("home", "committed", &target.export("x", 20_000, 1, ""));
    let folder = target.home.path().join("out/exports/x");
    for entry in std::fs::read_dir(&folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".firth-")) {
            std::fs::remove_file(path).expect("removed");
        }
    }
    let refused = session.execute(&target.export("x", 1, 2, "")).await.expect_err("it is lost");
    assert!(refused.0.contains("of a committed export") && refused.0.contains("overwrite"), "{refused}");
    session.execute(&target.export("x", 20_000, 3, ", overwrite = TRUE")).await.expect("replaced");
    assert_eq!(target.read(&session, "x").await.as_deref(), Ok("20000 3 3"));
    session.execute("CLEAN EXPORTS").await.expect("cleaned");
    let left = session.execute("CLEAN EXPORTS").await.expect("cleaned").expect("rows");
    assert!(left.rows.is_empty(), "{:?}", left.rows);
}

/// A file that another program put in the place of an exported one, and one that it left there.
#[tokio::test(flavor = "multi_thread")]
async fn readers_take_what_the_manifest_lists() {
    let target = Target::local();
    let session = target.session("home").await;
    session.execute(&target.export("x", 20_000, 1, "")).await.expect("exported");
    let folder = target.home.path().join("out/exports/x");
    std::fs::write(folder.join("x-000000000007.csv"), "7\n").expect("written");
    assert_eq!(target.read(&session, "x").await.as_deref(), Ok("20000 1 1"), "it is of no export");
    std::fs::write(folder.join("other.csv"), "9\n").expect("written");
    assert_eq!(target.read(&session, "x").await.as_deref(), Ok("20001 1 9"), "it has no exported name");
    std::fs::write(folder.join("x-000000000001.csv"), "7\n").expect("written");
    let error = target.read(&session, "x").await.expect_err("it was replaced");
    assert!(error.contains("is not the one that was exported"), "{error}");
    std::fs::remove_file(folder.join("_firth_manifest.json")).expect("removed");
    target.read(&session, "x").await.expect("the files are taken as they are");
}

/// Each file has the bounds of its own rows, also where the partition's column is not in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_has_the_bounds_of_each_file() {
    let target = Target::local();
    let session = target.session("home").await;
    let sql = format!(
        "EXPORT DATA OPTIONS (format = 'PARQUET', uri = '{}/b/x-*.parquet', partition_by = ['p']) AS
         SELECT MOD(a, 2) AS p, a AS v, CONCAT('t', a) AS t, DATE '2024-02-29' AS d, CAST(NULL AS INT64) AS n
         FROM UNNEST(GENERATE_ARRAY(1, 8)) AS a",
        target.uri
    );
    session.execute(&sql).await.expect("exported");
    let manifest =
        std::fs::read(target.home.path().join("out/exports/b/_firth_manifest.json")).expect("read");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let files = manifest["exports"]["x-*.parquet"]["files"].as_array().expect("files");
    let bounds: Vec<String> =
        files.iter().map(|file| format!("{} {}", file["name"], file["columns"])).collect();
    insta::assert_snapshot!(bounds.join("\n"), @r#"
    "p=0/x-000000000000.parquet" [{"name":"v","min":"2","max":"8"},{"name":"t","min":"t2","max":"t8"},{"name":"d","min":"2024-02-29","max":"2024-02-29"}]
    "p=1/x-000000000000.parquet" [{"name":"v","min":"1","max":"7"},{"name":"t","min":"t1","max":"t7"},{"name":"d","min":"2024-02-29","max":"2024-02-29"}]
    "#);
}

fn s3(test: &str) -> Option<Target> {
    let server = Servers::from_env().require_s3(test)?;
    let connection = format!(
        "connection_type = 'AWS', endpoint = '{}', region = '{}', access_key_id = '{}', secret_access_key = '{}'",
        server.endpoint, server.region, server.access_key_id, server.secret_access_key
    );
    let store = server.store().expect("a store");
    Some(Target::cloud(&format!("s3://{}", server.bucket), &connection, store))
}

fn azure(test: &str) -> Option<Target> {
    let server = Servers::from_env().require_azure(test)?;
    let connection = format!(
        "connection_type = 'AZURE', account = '{}', account_key = '{}', endpoint = '{}'",
        server.account, server.account_key, server.endpoint
    );
    let store = server.store().expect("a store");
    Some(Target::cloud(&format!("az://{}", server.container), &connection, store))
}

fn gcs(test: &str) -> Option<Target> {
    let server = Servers::from_env().require_gcs(test)?;
    let connection =
        format!("connection_type = 'CLOUD_RESOURCE', endpoint = '{}', anonymous = TRUE", server.endpoint);
    let store = server.store().expect("a store");
    Some(Target::cloud(&format!("gs://{}", server.bucket), &connection, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_crash_leaves_the_old_or_the_new_on_s3() {
    let Some(target) = s3("every_crash_leaves_the_old_or_the_new_on_s3") else { return };
    every_crash_leaves_the_old_or_the_new(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_crash_leaves_the_old_or_the_new_on_azure() {
    let Some(target) = azure("every_crash_leaves_the_old_or_the_new_on_azure") else { return };
    every_crash_leaves_the_old_or_the_new(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_crash_leaves_the_old_or_the_new_on_gcs() {
    let Some(target) = gcs("every_crash_leaves_the_old_or_the_new_on_gcs") else { return };
    every_crash_leaves_the_old_or_the_new(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_crash_leaves_the_old_or_the_new_in_a_folder() {
    every_crash_leaves_the_old_or_the_new(Target::local()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_one_loses_on_s3() {
    let Some(target) = s3("of_two_exports_one_loses_on_s3") else { return };
    of_two_exports_to_one_place_the_second_to_commit_says_that_it_lost(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_one_loses_on_azure() {
    let Some(target) = azure("of_two_exports_one_loses_on_azure") else { return };
    of_two_exports_to_one_place_the_second_to_commit_says_that_it_lost(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_one_loses_on_gcs() {
    let Some(target) = gcs("of_two_exports_one_loses_on_gcs") else { return };
    of_two_exports_to_one_place_the_second_to_commit_says_that_it_lost(target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_one_loses_in_a_folder() {
    of_two_exports_to_one_place_the_second_to_commit_says_that_it_lost(Target::local()).await;
}

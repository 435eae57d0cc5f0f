//! What the manifest of an export says of its sources: the state that was read, whatever became of them since.

use std::path::Path;

use firth_testkit::servers::Servers;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    native::run,
    scratch::{Schema, unique},
    session::TestSession,
};

/// The sources of the export of `query`.
async fn sources(session: &TestSession, folder: &Path, query: &str) -> Vec<Value> {
    let out = folder.join(unique("out"));
    let uri = format!("file://{}/x-*.csv", out.display());
    run(session, &format!("EXPORT DATA OPTIONS (format = 'CSV', uri = '{uri}') AS {query}")).await;
    let manifest = std::fs::read(out.join("_firth_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    manifest["exports"]["x-*.csv"]["sources"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_told_by_size_and_time_and_tables_by_snapshot() {
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(&home.path().join("home"));
    let file = home.path().join("in.csv");
    std::fs::write(&file, "1\n2\n").expect("written");
    let uri = format!("file://{}", file.display());
    run(&session, "CREATE TABLE t AS SELECT 1 AS a").await;
    run(&session, &format!("CREATE EXTERNAL TABLE e (a INT64) OPTIONS (format = 'CSV', uris = ['{uri}'])"))
        .await;
    assert_eq!(sources(&session, home.path(), "SELECT 1 AS one").await, Vec::<Value>::new());
    let both = "SELECT a FROM e UNION ALL SELECT a FROM t";
    let before = sources(&session, home.path(), both).await;
    let [files, table] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!(files["kind"], "files");
    assert_eq!((&files["count"], &files["bytes"]), (&Value::from(1), &Value::from(4)));
    assert_eq!(files["files"][0]["uri"], uri.as_str());
    assert_eq!(files["files"][0]["bytes"], 4);
    assert!(files["files"][0]["modified"].as_str().is_some_and(|time| time.ends_with('Z')), "{files}");
    assert_eq!((&table["kind"], table["table"].as_str()), (&Value::from("table"), Some("main.t")));
    // The same state is told alike, another one is not.
    assert_eq!(sources(&session, home.path(), both).await, before);
    run(&session, "INSERT INTO t VALUES (2)").await;
    std::fs::write(&file, "1\n2\n3\n").expect("written");
    let after = sources(&session, home.path(), both).await;
    assert_ne!(after[0]["digest"], files["digest"]);
    assert!(after[1]["snapshot"].as_i64() > table["snapshot"].as_i64(), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_told_by_what_its_transaction_sees() {
    let Some(server) =
        Servers::from_env().require_postgres("a_database_is_told_by_what_its_transaction_sees")
    else {
        return;
    };
    let home = TempDir::new().expect("a folder");
    let schema = Schema::create(&server, &unique("sources"), "CREATE TABLE t (a bigint);", home.path());
    let session = TestSession::new(&home.path().join("home"));
    for (name, options) in [("many", ""), ("single", ", max_backends = 1")] {
        let connection = format!(
            "CREATE CONNECTION us.{name} OPTIONS (
               connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
               database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'),
               password = ENV('FIRTH_TEST_PG_PASSWORD'), sslrootcert = ENV('FIRTH_TEST_PG_CA'){options})"
        );
        run(&session, &connection).await;
        // The reads say themselves what they see: a snapshot's text is its own for as long as nobody writes.
        let query = format!(
            r#"SELECT seen FROM EXTERNAL_QUERY('us.{name}', "SELECT pg_current_snapshot()::text AS seen")
               UNION ALL SELECT seen FROM EXTERNAL_QUERY('us.{name}', "SELECT pg_current_snapshot()::text AS seen FROM {0}.t LIMIT 1")"#,
            schema.name
        );
        schema.ask("INSERT INTO t VALUES (1)");
        let told = sources(&session, home.path(), &query).await;
        let [source] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(source["kind"], "database");
        assert_eq!(source["connection"], format!("us.{name}"));
        assert_eq!(source["type"], "POSTGRES");
        assert!(source["snapshot"].as_str().is_some_and(|text| text.split(':').count() == 3), "{source}");
        assert!(source["position"].as_str().is_some_and(|text| text.contains('/')), "{source}");
        assert!(
            source["at"].as_str().is_some_and(|text| text.starts_with("20") && text.ends_with('Z')),
            "{source}"
        );
        let files: Vec<_> = std::fs::read_dir(home.path()).expect("listed").flatten().collect();
        let newest = files.iter().filter(|entry| entry.path().join("_firth_manifest.json").exists());
        let newest =
            newest.max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).ok()).expect("one");
        let rows = std::fs::read_to_string(newest.path().join("x-000000000000.csv")).expect("read");
        let seen: Vec<&str> = rows.lines().collect();
        assert_eq!(seen.len(), 2, "{rows}");
        assert!(seen.iter().all(|seen| Some(*seen) == source["snapshot"].as_str()), "{rows} {source}");
    }
}

//! Materialized views: killed while they are refreshed, and refreshed by several at once.

use firth_testkit::servers::Servers;
use tempfile::TempDir;

use crate::{
    native::{rows, run},
    session::TestSession,
    victim::kill,
};

const MAKE: &str = "CREATE MATERIALIZED VIEW v OPTIONS (max_staleness = INTERVAL 1 DAY) AS SELECT a FROM t";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_refresh_leaves_the_old_rows_or_the_new() {
    for (statement, point, content) in [
        ("REFRESH MATERIALIZED VIEW v", "rows_written", "1, 2"),
        ("REFRESH MATERIALIZED VIEW v", "rows_committed", "1, 2, 3"),
        ("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 7 AS a", "rows_written", "1, 2"),
        ("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 7 AS a", "rows_committed", "7"),
    ] {
        let home = TempDir::new().expect("a folder");
        let session = TestSession::new(home.path());
        run(&session, "CREATE TABLE t AS SELECT a FROM UNNEST([1, 2]) AS a").await;
        run(&session, MAKE).await;
        run(&session, "INSERT INTO t VALUES (3)").await;
        drop(session);
        kill(home.path(), point, statement);
        let session = TestSession::new(home.path());
        assert_eq!(rows(&session, "SELECT a FROM v ORDER BY a").await, content, "{statement} at {point}");
        // The lock died with the process, and what it left is nobody's.
        let again = rows(&session, "REFRESH MATERIALIZED VIEW v").await;
        assert!(again.ends_with(" true"), "{again}");
        run(&session, "CLEAN TABLES OLDER THAN 0 DAYS").await;
        run(&session, "SELECT a FROM v").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_refreshes_at_once_nobody_fails_and_few_run() {
    const AT_ONCE: usize = 6;
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    run(&session, "CREATE TABLE t AS SELECT a FROM UNNEST(GENERATE_ARRAY(1, 200000)) AS a").await;
    run(&session, MAKE).await;
    let refreshes = (0..AT_ONCE).map(|_| {
        let session = TestSession::new(home.path());
        tokio::spawn(async move { rows(&session, "REFRESH MATERIALIZED VIEW v").await })
    });
    let mut answers = Vec::new();
    for refresh in refreshes.collect::<Vec<_>>() {
        answers.push(refresh.await.expect("no panic"));
    }
    assert!(answers.iter().all(|answer| answer.starts_with("200000 ")), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.ends_with(" true")), "{answers:?}");
    assert_eq!(rows(&session, "SELECT COUNT(*), COUNT(DISTINCT a) FROM v").await, "200000 200000");
}

/// A dropped statement is what Ctrl-C makes of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_refresh_leaves_the_rows_and_its_turn() {
    let test = "an_interrupted_refresh_leaves_the_rows_and_its_turn";
    if Servers::from_env().require_postgres(test).is_none() {
        return;
    }
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    let connection = "CREATE CONNECTION us.shop OPTIONS (
        connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
        database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'),
        password = ENV('FIRTH_TEST_PG_PASSWORD'), sslrootcert = ENV('FIRTH_TEST_PG_CA'))";
    run(&session, connection).await;
    run(&session, "CREATE VIEW slow AS SELECT 1 AS a").await;
    run(
        &session,
        "CREATE MATERIALIZED VIEW v OPTIONS (max_staleness = INTERVAL 1 DAY) AS SELECT a FROM slow",
    )
    .await;
    run(
        &session,
        "CREATE OR REPLACE VIEW slow AS SELECT a FROM EXTERNAL_QUERY('us.shop', 'SELECT 2::bigint AS a FROM pg_sleep(60)')",
    )
    .await;
    let refresh = session.execute("REFRESH MATERIALIZED VIEW v");
    let waited = tokio::time::timeout(std::time::Duration::from_millis(500), refresh).await;
    assert!(waited.is_err(), "it waits for the source");
    assert_eq!(rows(&session, "SELECT a FROM v").await, "1");
    run(&session, "CREATE OR REPLACE VIEW slow AS SELECT 3 AS a").await;
    assert_eq!(rows(&session, "REFRESH MATERIALIZED VIEW v").await, "1 true");
    assert_eq!(rows(&session, "SELECT a FROM v").await, "3");
}

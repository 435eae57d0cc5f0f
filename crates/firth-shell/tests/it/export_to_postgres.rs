//! EXPORT DATA to a table of PostgreSQL: all rows or none, whenever the process or the connection dies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use firth_testkit::servers::Servers;
use tempfile::TempDir;

use crate::{
    place::PATIENCE,
    scratch::{Schema, unique},
    session::TestSession,
    victim::kill,
};

async fn number(session: &TestSession, sql: &str) -> String {
    let answered = session.execute(sql).await.expect(sql).expect("a query has rows");
    answered.rows[0][0].clone().unwrap_or_default()
}

/// A table `target` with one row, a session with a connection to it, and an export of 50,000 rows there.
struct Target {
    home: TempDir,
    schema: Arc<Schema>,
    session: TestSession,
    export: String,
}

impl Target {
    async fn make(test: &str) -> Option<Target> {
        let server = Servers::from_env().require_postgres(test)?;
        let home = TempDir::new().expect("a folder");
        let script =
            "CREATE TABLE target (a bigint PRIMARY KEY, b text); INSERT INTO target VALUES (0, 'old');";
        let schema = Schema::create(&server, &unique("export"), script, home.path());
        let session = TestSession::new(&home.path().join("home"));
        let connection = "CREATE CONNECTION us.shop OPTIONS (
            connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
            database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'),
            password = ENV('FIRTH_TEST_PG_PASSWORD'), sslrootcert = ENV('FIRTH_TEST_PG_CA'))";
        session.execute(connection).await.expect("connected");
        let export = format!(
            r#"EXPORT DATA WITH CONNECTION us.shop OPTIONS (format = 'POSTGRESQL',
                 alloydb_options = '{{"schema": "{}", "table": "target"}}') AS
               SELECT a, REPEAT('b', 50) AS b FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS a"#,
            schema.name
        );
        Some(Target { home, schema: Arc::new(schema), session, export })
    }

    fn rows(&self) -> String {
        self.schema.ask("SELECT count(*) FROM target").trim().to_owned()
    }

    /// Waits until no backend writes to the table: the server sees the end of a process when it reads from its socket.
    async fn until_nobody_writes(&self) {
        let begun = Instant::now();
        let locks =
            "SELECT count(*) FROM pg_locks WHERE relation = 'target'::regclass AND mode = 'RowExclusiveLock'";
        while self.schema.ask(locks).trim() != "0" {
            assert!(begun.elapsed() < PATIENCE, "the server still writes for a process that is gone");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_dies_before_its_commit_leaves_the_table_as_it_was() {
    let test = "an_export_that_dies_before_its_commit_leaves_the_table_as_it_was";
    let Some(target) = Target::make(test).await else { return };
    for point in ["rows_read", "rows_sent"] {
        kill(&target.home.path().join("home"), point, &target.export);
        target.until_nobody_writes().await;
        assert_eq!(target.rows(), "1", "{point}");
    }
    target.session.execute(&target.export).await.expect("nothing is in the way of the next one");
    assert_eq!(target.rows(), "50001");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_dies_after_its_commit_is_there() {
    let Some(target) = Target::make("an_export_that_dies_after_its_commit_is_there").await else { return };
    kill(&target.home.path().join("home"), "remote_committed", &target.export);
    assert_eq!(target.rows(), "50001");
}

/// The connection goes when all rows are there and COMMIT is about to be sent: from here that looks as it would after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_commit_is_not_answered_says_that_it_may_have_landed() {
    let test = "an_export_whose_commit_is_not_answered_says_that_it_may_have_landed";
    let Some(target) = Target::make(test).await else { return };
    let schema = Arc::clone(&target.schema);
    target.session.observe_exports(Arc::new(move |point| {
        if point == "rows_sent" {
            let ended = schema.ask(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks
                 WHERE relation = 'target'::regclass AND mode = 'RowExclusiveLock'",
            );
            assert_eq!(ended.trim(), "t", "the backend that writes");
        }
    }));
    let failure = target.session.execute(&target.export).await.expect_err("it is not committed").to_string();
    assert!(failure.contains("while it committed"), "{failure}");
    assert!(failure.contains("Whether the rows are there is not known"), "{failure}");
    assert_eq!(target.rows(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_dies_in_its_copy_leaves_the_table_as_it_was_and_no_session() {
    let test = "an_export_that_dies_in_its_copy_leaves_the_table_as_it_was_and_no_session";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let home = TempDir::new().expect("a folder");
    let script = "CREATE TABLE target (a bigint PRIMARY KEY, b text); INSERT INTO target VALUES (0, 'old');";
    let schema = Schema::create(&server, &unique("export"), script, home.path());
    let session = TestSession::new(&home.path().join("home"));
    let connection = "CREATE CONNECTION us.shop OPTIONS (
        connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
        database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'),
        password = ENV('FIRTH_TEST_PG_PASSWORD'), sslrootcert = ENV('FIRTH_TEST_PG_CA'))";
    session.execute(connection).await.expect("connected");
    let export = format!(
        r#"EXPORT DATA WITH CONNECTION us.shop OPTIONS (format = 'POSTGRESQL',
             alloydb_options = '{{"schema": "{}", "table": "target"}}') AS
           SELECT a, REPEAT('b', 50) AS b FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS a"#,
        schema.name
    );
    let there = format!(
        r#"SELECT * FROM EXTERNAL_QUERY('us.shop', "SELECT count(*) AS n FROM {}.target")"#,
        schema.name
    );
    // Our reads begin with a parenthesis.
    let writing = format!(
        r#"SELECT * FROM EXTERNAL_QUERY('us.shop', """SELECT count(*) AS n FROM pg_stat_activity
             WHERE query ~ '^COPY [^(]' AND query LIKE '%{}%' AND state <> 'idle'""")"#,
        schema.name
    );

    kill(&home.path().join("home"), "rows_read", &export);

    // The server sees the end of the process when it reads from its socket.
    let begun = Instant::now();
    while number(&session, &writing).await != "0" {
        assert!(begun.elapsed() < PATIENCE, "the server still writes for a process that is gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(number(&session, &there).await, "1", "what was sent is rolled back");

    // Nothing is in the way of the next one.
    session.execute(&export).await.expect("exported");
    assert_eq!(number(&session, &there).await, "50001");
}

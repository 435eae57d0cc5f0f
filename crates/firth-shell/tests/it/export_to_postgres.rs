//! EXPORT DATA to a table of PostgreSQL, by a process that dies in the middle of its COPY.

use std::time::{Duration, Instant};

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

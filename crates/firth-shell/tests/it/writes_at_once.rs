//! Statements that read and write over one connection, several at once, with hardly any backends: none waits for ever.

use std::time::Duration;

use firth_testkit::servers::{Postgres, Servers};
use tokio::time::timeout;

use crate::{
    place::{PATIENCE, Place},
    scratch::{Schema, unique},
    session::TestSession,
};

const TABLES: &str = "
CREATE TABLE source (id bigint PRIMARY KEY, t text);
INSERT INTO source SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i;
CREATE TABLE other (LIKE source, PRIMARY KEY (id));
INSERT INTO other SELECT i, 'y' FROM generate_series(1, 20000) i;
CREATE TABLE first (LIKE source);
CREATE TABLE second (LIKE source);
CREATE TABLE third (LIKE source);
ANALYZE;";

/// The same rows by a scan, and by two that meet here.
const ROWS: [&str; 2] = [
    "SELECT id, t FROM r.source",
    "SELECT s.id, s.t FROM r.source AS s JOIN r.other AS o ON UPPER(CONCAT('x', CAST(s.id AS STRING))) = UPPER(CONCAT('x', CAST(o.id AS STRING)))",
];

fn connection(server: &Postgres, schema: &Schema, backends: u32) -> String {
    format!(
        "CREATE CONNECTION us.shop OPTIONS (connection_type = 'POSTGRES', host = '{}', port = {}, database = '{}',
           user = '{}', password = '{}', sslrootcert = '{}', max_backends = {backends});
         CREATE EXTERNAL SCHEMA r WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://{}/{}')",
        server.host, server.port, server.database, server.user, server.password, server.ca, server.database, schema.name,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_one_process_that_read_and_write_do_not_wait_for_each_other() {
    let test = "statements_of_one_process_that_read_and_write_do_not_wait_for_each_other";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for backends in [2, 3] {
        for rows in ROWS {
            let schema = Schema::create(&server, &unique("at_once"), TABLES, folder.path());
            let session = TestSession::new(&folder.path().join(&schema.name));
            session.run_script(&connection(&server, &schema, backends)).await.expect("connected");
            let insert = |table: &str| format!("INSERT INTO r.{table} {rows}");
            let inserts = ["first", "second", "third"].map(insert);
            let made = format!("CREATE TABLE r.fourth AS {rows}");
            let all = async {
                tokio::join!(
                    session.execute(&inserts[0]),
                    session.execute(&inserts[1]),
                    session.execute(&inserts[2]),
                    session.execute(&made),
                    session.execute("SELECT COUNT(DISTINCT t) FROM r.source"),
                )
            };
            let (one, two, three, four, five) = timeout(PATIENCE, all).await.unwrap_or_else(|_| {
                panic!("with {backends} backends these wait for each other: {rows}");
            });
            for answer in [one, two, three, four, five] {
                answer.unwrap_or_else(|failure| panic!("with {backends} backends: {rows}\n{failure}"));
            }
            let written = schema.ask(
                "SELECT count(*) FROM first UNION ALL SELECT count(*) FROM second
                 UNION ALL SELECT count(*) FROM third UNION ALL SELECT count(*) FROM fourth",
            );
            assert_eq!(written, "20000\n".repeat(4));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_gives_its_turn_to_the_next() {
    let test = "a_statement_that_is_cancelled_gives_its_turn_to_the_next";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(&server, &unique("turns"), TABLES, folder.path());
    let session = TestSession::new(&folder.path().join("home"));
    session.run_script(&connection(&server, &schema, 2)).await.expect("connected");
    let endless = "INSERT INTO r.first SELECT s.id, s.t FROM r.source AS s CROSS JOIN r.other AS o";
    let next = "INSERT INTO r.second SELECT id, t FROM r.source";
    let begun = timeout(Duration::from_millis(700), session.execute(endless)).await;
    assert!(begun.is_err(), "it is still at work");
    timeout(PATIENCE, session.execute(next)).await.expect("it is its turn").expect("written");
    assert_eq!(schema.ask("SELECT count(*) FROM first UNION ALL SELECT count(*) FROM second"), "0\n20000\n");
    let left = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{}%' AND state <> 'idle' AND pid <> pg_backend_pid()",
        schema.name
    );
    assert_eq!(schema.ask(&left), "0\n");
}

#[test]
fn two_processes_that_read_and_write_do_not_wait_for_each_other() {
    let test = "two_processes_that_read_and_write_do_not_wait_for_each_other";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let place = Place::new();
    let schema = Schema::create(&server, &unique("processes"), TABLES, place.path());
    place.run(&connection(&server, &schema, 2));
    let insert = |table: &str| format!("INSERT INTO r.{table} {}", ROWS[1]);
    let children = ["first", "second"].map(|table| place.spawn(&["-c", &insert(table)]));
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(
        schema.ask("SELECT count(*) FROM first UNION ALL SELECT count(*) FROM second"),
        "20000\n20000\n"
    );
}

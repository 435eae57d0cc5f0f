//! Native tables: killed at every point, changed by two at once, read by another program, and as they were.

use std::process::Command;

use firth_testkit::servers::Servers;
use tempfile::TempDir;

use crate::{
    session::{Answered, TestSession},
    victim::kill,
};

pub(crate) async fn run(session: &TestSession, sql: &str) {
    if let Err(failure) = session.execute(sql).await {
        panic!("{sql}: {failure}");
    }
}

/// The rows of a query, values with spaces and rows with commas between them.
pub(crate) async fn rows(session: &TestSession, sql: &str) -> String {
    match session.execute(sql).await {
        Ok(Some(Answered { rows, .. })) => {
            let text = |row: &Vec<Option<String>>| {
                row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" ")
            };
            rows.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        Ok(None) => panic!("{sql}: no rows"),
        Err(failure) => panic!("{sql}: {failure}"),
    }
}

/// Every kind of change, the points at which it is killed, and the content afterwards: `(statement, point, content)`.
/// Before it is committed the content is the one before; after it, the new one.
const KILLED: &[(&str, &str, &str)] = &[
    ("INSERT INTO t VALUES (4)", "rows_written", "1, 2, 3"),
    ("INSERT INTO t VALUES (4)", "rows_committed", "1, 2, 3, 4"),
    ("DELETE FROM t WHERE a = 2", "deletes_written", "1, 2, 3"),
    ("DELETE FROM t WHERE a = 2", "rows_committed", "1, 3"),
    ("UPDATE t SET a = a + 10 WHERE a > 1", "rows_written", "1, 2, 3"),
    ("UPDATE t SET a = a + 10 WHERE a > 1", "deletes_written", "1, 2, 3"),
    ("UPDATE t SET a = a + 10 WHERE a > 1", "rows_committed", "1, 12, 13"),
    ("CREATE OR REPLACE TABLE t AS SELECT 7 AS a", "rows_written", "1, 2, 3"),
    ("CREATE OR REPLACE TABLE t AS SELECT 7 AS a", "rows_committed", "7"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_statement_leaves_the_table_as_it_was_or_as_it_was_to_be() {
    for (statement, point, content) in KILLED {
        let home = TempDir::new().expect("a folder");
        run(&TestSession::new(home.path()), "CREATE TABLE t AS SELECT * FROM UNNEST([1, 2, 3]) AS a").await;
        kill(home.path(), point, statement);
        let session = TestSession::new(home.path());
        assert_eq!(rows(&session, "SELECT a FROM t ORDER BY a").await, *content, "{statement} at {point}");
        run(&session, "INSERT INTO t VALUES (100)").await;
        let after = format!("{content}, 100");
        assert_eq!(rows(&session, "SELECT a FROM t ORDER BY a").await, after, "{statement} at {point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_may_be_called_anything() {
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(&home.path().join("My data %20#é"));
    run(&session, "CREATE TABLE t AS SELECT a FROM UNNEST([1, 2, 3]) AS a").await;
    run(&session, "DELETE FROM t WHERE a = 2").await;
    run(&session, "UPDATE t SET a = 4 WHERE a = 3").await;
    assert_eq!(rows(&session, "SELECT a FROM t ORDER BY a").await, "1, 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_lose_nothing() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 5;
    let home = TempDir::new().expect("a folder");
    run(&TestSession::new(home.path()), "CREATE TABLE t AS SELECT 0 AS writer, 0 AS count").await;
    run(&TestSession::new(home.path()), "CREATE TABLE log (writer INT64, round INT64)").await;
    let writers = (1..=WRITERS).map(|writer| {
        let session = TestSession::new(home.path());
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                // All change one row, so each must see what the others did.
                run_until_done(&session, "UPDATE t SET count = count + 1 WHERE writer = 0").await;
                run_until_done(&session, &format!("INSERT INTO log VALUES ({writer}, {round})")).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer ends");
    }
    let session = TestSession::new(home.path());
    assert_eq!(rows(&session, "SELECT count FROM t").await, (WRITERS * ROUNDS).to_string());
    let counts = "SELECT COUNT(*), COUNT(DISTINCT writer), SUM(round) FROM log";
    assert_eq!(rows(&session, counts).await, "20 4 40");
}

/// A statement that lost too often says so, and is run again, as its hint says.
async fn run_until_done(session: &TestSession, sql: &str) {
    while let Err(failure) = session.execute(sql).await {
        assert!(failure.0.contains("was changed by another statement"), "{failure}");
    }
}

/// Runs statements, and answers the time after each.
async fn moments(session: &TestSession, statements: &[&str]) -> Vec<String> {
    let mut moments = Vec::new();
    for statement in statements {
        run(session, statement).await;
        moments.push(rows(session, "SELECT CURRENT_TIMESTAMP()").await);
    }
    moments
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_as_it_was() {
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    let moments = moments(
        &session,
        &[
            "CREATE TABLE t AS SELECT * FROM UNNEST([1, 2, 3]) AS a",
            "DELETE FROM t WHERE a = 1",
            "UPDATE t SET a = 20 WHERE a = 2",
            "CREATE OR REPLACE TABLE t AS SELECT 'new' AS b",
            "DROP TABLE t",
        ],
    )
    .await;
    let at = |moment: usize, column: &str| {
        format!("SELECT {column} FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '{}' ORDER BY 1", moments[moment])
    };
    assert_eq!(rows(&session, &at(0, "a")).await, "1, 2, 3");
    assert_eq!(rows(&session, &at(1, "a")).await, "2, 3");
    assert_eq!(rows(&session, &at(2, "a")).await, "3, 20");
    assert_eq!(rows(&session, &at(3, "b")).await, "new");
    assert!(session.execute(&at(4, "b")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_alter_table_is_done_or_not() {
    for (point, content) in [("table_to_be_altered", "1 x"), ("table_altered", "NULL 1")] {
        let home = TempDir::new().expect("a folder");
        run(&TestSession::new(home.path()), "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b").await;
        let alter = "ALTER TABLE t DROP COLUMN b, RENAME COLUMN a TO b, ADD COLUMN a STRING";
        kill(home.path(), point, alter);
        let session = TestSession::new(home.path());
        assert_eq!(rows(&session, "SELECT a, b FROM t").await, content, "{point}");
        if point == "table_to_be_altered" {
            run(&session, alter).await;
        }
        run(&session, "INSERT INTO t (a, b) VALUES ('y', 2)").await;
        assert_eq!(rows(&session, "SELECT a, b FROM t ORDER BY b").await, "NULL 1, y 2", "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_table_is_read_as_it_was() {
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    let moments = moments(
        &session,
        &[
            "CREATE TABLE t AS SELECT a, CONCAT('x', CAST(a AS STRING)) AS b FROM UNNEST([1, 2]) AS a",
            "ALTER TABLE t RENAME COLUMN b TO name, ADD COLUMN b INT64",
            "UPDATE t SET b = a + 10 WHERE a = 2",
            "ALTER TABLE t DROP COLUMN name, ALTER COLUMN b SET DATA TYPE FLOAT64",
            "ALTER TABLE t RENAME TO u",
        ],
    )
    .await;
    let at = |moment: usize| {
        format!("SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '{}' ORDER BY a", moments[moment])
    };
    assert_eq!(rows(&session, &at(0)).await, "1 x1, 2 x2");
    assert_eq!(rows(&session, &at(1)).await, "1 x1 NULL, 2 x2 NULL");
    assert_eq!(rows(&session, &at(2)).await, "1 x1 NULL, 2 x2 12");
    assert_eq!(rows(&session, &at(3)).await, "1 NULL, 2 12.0");
    assert!(session.execute(&at(4)).await.is_err());
    assert_eq!(rows(&session, "SELECT * FROM u ORDER BY a").await, "1 NULL, 2 12.0");
}

/// Rows are those of whole statements, under the columns that they were written for.
#[tokio::test(flavor = "multi_thread")]
async fn columns_change_while_rows_are_written() {
    const ROUNDS: i64 = 12;
    let home = TempDir::new().expect("a folder");
    run(&TestSession::new(home.path()), "CREATE TABLE t (id INT64, x STRING)").await;
    let writer = {
        let session = TestSession::new(home.path());
        tokio::spawn(async move {
            let mut written = 0_u64;
            for id in 0..ROUNDS {
                // The column's value says under which of its names it was written.
                for column in ["x", "y"] {
                    let insert = format!("INSERT INTO t (id, {column}) VALUES ({id}, '{column}')");
                    match session.execute(&insert).await {
                        Ok(_) => written += 1,
                        Err(failure) => {
                            let said = failure.to_string();
                            let conflict = said.contains("was changed by another statement");
                            assert!(conflict || said.contains("has no column"), "{said}");
                        }
                    }
                }
            }
            written
        })
    };
    let session = TestSession::new(home.path());
    for _ in 0..ROUNDS {
        run(&session, "ALTER TABLE t DROP COLUMN x, ADD COLUMN y STRING").await;
        run(&session, "ALTER TABLE t DROP COLUMN y, ADD COLUMN x STRING").await;
    }
    let written = writer.await.expect("the writer ends");
    assert_eq!(rows(&session, "SELECT COUNT(*) FROM t").await, written.to_string());
    assert_eq!(rows(&session, "SELECT COUNTIF(x != 'x') FROM t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_an_altered_table() {
    let Some(duckdb) = Servers::from_env().require_duckdb("duckdb_reads_an_altered_table") else { return };
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    for statement in [
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.old (id INT64 NOT NULL, name STRING, size INT64, place STRUCT<town STRING>)",
        "INSERT INTO shop.old VALUES (1, 'a', 10, STRUCT('Firth')), (2, 'b', 20, NULL)",
        "ALTER TABLE shop.old DROP COLUMN name, RENAME COLUMN place TO name, ADD COLUMN place STRING",
        "INSERT INTO shop.old (id, size, name, place) VALUES (3, 30, STRUCT('Forth'), 'p')",
        "ALTER TABLE shop.old ALTER COLUMN size SET DATA TYPE FLOAT64, ALTER COLUMN id DROP NOT NULL",
        "ALTER TABLE shop.old RENAME TO t",
        "INSERT INTO shop.t (id, size) VALUES (4, 0.5)",
        "DELETE FROM shop.t WHERE id = 2",
    ] {
        run(&session, statement).await;
    }
    let output = Command::new(&duckdb.python)
        .arg("-c")
        .arg(include_str!("native.py"))
        .args([&home.path().join("catalog.db").display().to_string(), "shop.t", "id"])
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs =
        String::from_utf8_lossy(&output.stdout).lines().map(str::trim).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(theirs, @r#"
    ["1", "10.0", "{'town': Firth}", null]
    ["3", "30.0", "{'town': Forth}", "p"]
    ["4", "0.5", null, null]
    "#);
    assert_eq!(
        rows(&session, "SELECT id, size, name.town, place FROM shop.t ORDER BY id").await,
        "1 10.0 Firth NULL, 3 30.0 Forth p, 4 0.5 NULL NULL"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_duckdb_alters_is_read_or_refused() {
    let Some(duckdb) = Servers::from_env().require_duckdb("what_duckdb_alters_is_read_or_refused") else {
        return;
    };
    let home = TempDir::new().expect("a folder");
    let alter = |statement: &str| {
        let output = Command::new(&duckdb.python)
            .arg("-c")
            .arg(include_str!("native_write.py"))
            .args([&home.path().join("catalog.db").display().to_string(), statement])
            .output()
            .expect("Python starts");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let session = TestSession::new(home.path());
    run(&session, "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b").await;
    alter("ALTER TABLE lake.main.t RENAME COLUMN b TO name");
    alter("ALTER TABLE lake.main.t ADD COLUMN b BIGINT");
    assert_eq!(rows(&session, "SELECT a, name, b FROM t").await, "1 x NULL");
    run(&session, "ALTER TABLE t ADD COLUMN c INT64").await;
    run(&session, "INSERT INTO t VALUES (2, 'y', 3, 4)").await;
    assert_eq!(rows(&session, "SELECT * FROM t ORDER BY a").await, "1 x NULL NULL, 2 y 3 4");
    // What DuckDB would put where no value is given is not known here.
    run(&session, "CREATE TABLE d (id INT64, word STRING)").await;
    alter("ALTER TABLE lake.main.d ALTER COLUMN word SET DEFAULT 'none'");
    let load = format!("{}/load-*.csv", home.path().display());
    run(&session, &format!("EXPORT DATA OPTIONS (format = 'CSV', uri = 'file://{load}') AS SELECT 9 AS id"))
        .await;
    let load = format!("LOAD DATA INTO d (id INT64) FROM FILES (format = 'CSV', uris = ['file://{load}'])");
    for statement in [
        "INSERT INTO d (id) VALUES (1)",
        "INSERT INTO d VALUES (1, DEFAULT)",
        "UPDATE d SET word = DEFAULT WHERE TRUE",
        "MERGE d USING (SELECT 1 AS id) AS s ON d.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
        "MERGE d USING (SELECT 1 AS id) AS s ON d.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, DEFAULT)",
        "MERGE d USING (SELECT 1 AS id) AS s ON d.id = s.id WHEN MATCHED THEN UPDATE SET word = DEFAULT",
        &load,
    ] {
        let failure = session.execute(statement).await.expect_err(statement).to_string();
        assert!(
            failure.contains("column \"word\" has a DEFAULT of another program's"),
            "{statement}: {failure}"
        );
    }
    run(&session, "INSERT INTO d VALUES (1, 'x'), (2, NULL)").await;
    run(&session, "UPDATE d SET word = 'y' WHERE id = 1").await;
    let merge =
        "MERGE d USING (SELECT 3 AS id, 'z' AS word) AS s ON d.id = s.id WHEN NOT MATCHED THEN INSERT ROW";
    run(&session, merge).await;
    assert_eq!(rows(&session, "SELECT * FROM d ORDER BY id").await, "1 y, 2 NULL, 3 z");
    alter("ALTER TABLE lake.main.d ALTER COLUMN word DROP DEFAULT");
    run(&session, "INSERT INTO d (id) VALUES (4)").await;
    assert_eq!(rows(&session, "SELECT * FROM d WHERE id = 4").await, "4 NULL");
    // Old rows have 5 there, in DuckDB.
    alter("ALTER TABLE lake.main.t ADD COLUMN d BIGINT DEFAULT 5");
    let failure = session.execute("SELECT * FROM t").await.expect_err("it is not read as NULL");
    assert!(failure.to_string().contains("with a value for the rows that were there"), "{failure}");
    // Few deleted rows are not told of in files.
    run(&session, "CREATE TABLE u AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 20)) AS x").await;
    alter("DELETE FROM lake.main.u WHERE x = 3");
    let failure = session.execute("SELECT COUNT(*) FROM u").await.expect_err("the row is not brought back");
    assert!(failure.to_string().contains("which rows of it are deleted"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_the_same_rows() {
    let Some(duckdb) = Servers::from_env().require_duckdb("duckdb_reads_the_same_rows") else { return };
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    for statement in [
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.t (id INT64 NOT NULL, name STRING, price NUMERIC, weight FLOAT64, sold BOOL, day DATE,
           made DATETIME, seen TIMESTAMP, tags ARRAY<STRING>, place STRUCT<town STRING, floors ARRAY<INT64>>)",
        "INSERT INTO shop.t SELECT i, CONCAT('n', CAST(i AS STRING)), CAST(i AS NUMERIC) / 4, i / 2, i > 500,
           DATE '2026-01-01', DATETIME '2026-01-02T03:04:05', TIMESTAMP '2026-01-02T03:04:05.000006Z', ['a', 'b'],
           STRUCT('Firth' AS town, [1, 2] AS floors) FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS i",
        "DELETE FROM shop.t WHERE id BETWEEN 10 AND 995",
        "DELETE FROM shop.t WHERE id = 3",
        "UPDATE shop.t SET name = 'changed', day = NULL WHERE id = 5",
        "MERGE shop.t AS t USING (SELECT 7 AS id UNION ALL SELECT 2000) AS s ON t.id = s.id
           WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, 'new')",
        "CREATE TABLE gone AS SELECT 1 AS a",
        "DROP TABLE gone",
    ] {
        run(&session, statement).await;
    }
    let output = Command::new(&duckdb.python)
        .arg("-c")
        .arg(include_str!("native.py"))
        .args([&home.path().join("catalog.db").display().to_string(), "shop.t", "id"])
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<Vec<Option<String>>> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row as JSON"))
        .collect();
    // What the two print alike: the others are compared by what they are equal to.
    let ours = session
        .execute(
            "SELECT CAST(id AS STRING), name, price = CAST(id AS NUMERIC) / 4, CAST(weight AS STRING),
               CAST(sold AS STRING), CAST(day AS STRING) FROM shop.t ORDER BY id",
        )
        .await
        .expect("a query")
        .expect("rows")
        .rows;
    assert_eq!(ours.len(), 13);
    assert_eq!(theirs.len(), ours.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((&ours[0], &ours[1], &ours[5]), (&theirs[0], &theirs[1], &theirs[5]));
    }
    let last = r#"["1000", "n1000", "250.000000000", "500.0", "true", "2026-01-01", "2026-01-02 03:04:05",
                   "2026-01-02 03:04:05.000006+00", "[a, b]", "{'town': Firth, 'floors': [1, 2]}"]"#;
    let last: Vec<Option<String>> = serde_json::from_str(last).expect("a row as JSON");
    assert_eq!(theirs[11], last);
}

//! EXTERNAL_QUERY's text, prepared and run.

use super::support::{Place, queried, query};

#[tokio::test]
async fn every_type_reads_as_the_server_shows_it() {
    let Some(place) = Place::new("types").await else { return };
    place
        .create(
            "CREATE TYPE mood AS ENUM ('fine', 'sad');
             CREATE DOMAIN price AS numeric(12, 2);
             CREATE TABLE t (b bool, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n numeric,
               big numeric(60, 30), p price, s text, v varchar(9), c char(3), na name, x xml, j json, jb jsonb,
               u uuid, m mood, by bytea, bi bit(4), d date, t time, ts timestamp, tz timestamptz);
             INSERT INTO t VALUES (true, -1, -2, -3, 0.5, 'NaN', -1.5, 2.25, 3.10, 'ü''\\', 'v', 'c', 'na', '<x/>',
               '{\"a\" : 1}', '{\"b\":2,\"a\":1}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'sad', '\\xff00', B'1010',
               '0001-01-01', '23:59:59.999999', '9999-12-31 23:59:59.999999', '1969-12-31 23:59:59.5-02'),
               (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        )
        .await;
    let sql = place.sql(&[]);
    let select = async |columns: &str| {
        queried(&place, &sql, &format!("SELECT {columns} FROM {}.t ORDER BY b", place.name)).await
    };
    insta::assert_snapshot!(select("b, i2, i4, i8, f4, f8, n, p").await, @r"
    +------+----+----+----+-----+-----+--------------+------+
    | b    | i2 | i4 | i8 | f4  | f8  | n            | p    |
    +------+----+----+----+-----+-----+--------------+------+
    | true | -1 | -2 | -3 | 0.5 | NaN | -1.500000000 | 3.10 |
    |      |    |    |    |     |     |              |      |
    +------+----+----+----+-----+-----+--------------+------+
    ");
    insta::assert_snapshot!(select("big, s, v, c, na, x, j, jb, m").await, @r#"
    +----------------------------------+-----+---+-----+----+------+-----------+------------------+-----+
    | big                              | s   | v | c   | na | x    | j         | jb               | m   |
    +----------------------------------+-----+---+-----+----+------+-----------+------------------+-----+
    | 2.250000000000000000000000000000 | ü'\ | v | c   | na | <x/> | {"a" : 1} | {"a": 1, "b": 2} | sad |
    |                                  |     |   |     |    |      |           |                  |     |
    +----------------------------------+-----+---+-----+----+------+-----------+------------------+-----+
    "#);
    insta::assert_snapshot!(select("u, by, bi, d, t, ts, tz").await, @r"
    +--------------------------------------+------+----+------------+-----------------+----------------------------+--------------------------+
    | u                                    | by   | bi | d          | t               | ts                         | tz                       |
    +--------------------------------------+------+----+------------+-----------------+----------------------------+--------------------------+
    | a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 | ff00 | a0 | 0001-01-01 | 23:59:59.999999 | 9999-12-31T23:59:59.999999 | 1970-01-01T01:59:59.500Z |
    |                                      |      |    |            |                 |                            |                          |
    +--------------------------------------+------+----+------------+-----------------+----------------------------+--------------------------+
    ");
}

#[tokio::test]
async fn values_that_do_not_fit_are_errors() {
    let Some(place) = Place::new("unfit").await else { return };
    let sql = place.sql(&[]);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 'NaN'::numeric AS n").await, @r#"
    error[bad_data]: column "n" holds NaN, which NUMERIC cannot hold
    hint: Set option numeric_as of the connection to 'BIGNUMERIC', 'STRING' or 'FLOAT64', or round it in EXTERNAL_QUERY.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1 / 3.0 AS third").await, @r#"
    error[bad_data]: column "third" holds 0.33333333333333333333: more digits after the point than NUMERIC has
    hint: Set option numeric_as of the connection to 'BIGNUMERIC', 'STRING' or 'FLOAT64', or round it in EXTERNAL_QUERY.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 'infinity'::date AS d").await, @r#"
    error[bad_data]: column "d" holds infinity
    hint: Leave such rows out, or replace it with NULLIF in EXTERNAL_QUERY.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT pg_sleep(0) AS nothing").await, @r#"
    error[unsupported]: Postgres type (OID = 2278) isn't supported now
    detail: column "nothing" is of type void
    hint: It has no values: leave it out.
    "#);
}

#[tokio::test]
async fn one_query_is_run_and_nothing_else() {
    let Some(place) = Place::new("one_query").await else { return };
    let sql = place.sql(&[]);
    let one = "+---+\n| a |\n+---+\n| 1 |\n+---+";
    for text in [
        "SELECT 1 AS a",
        "SELECT 1 AS a;",
        "SELECT 1 AS a -- end",
        "SELECT 1 AS a; -- end\n",
        "(VALUES (1)) UNION SELECT 1 AS a",
    ] {
        let rows = queried(&place, &sql, text)
            .await
            .replace("column1", "a")
            .replace("-------", "-")
            .replace("| 1       |", "| 1 |");
        assert!(rows.contains("| 1"), "{text}: {rows}");
        if text.starts_with("SELECT") {
            assert_eq!(rows, one, "{text}");
        }
    }
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1) TO PROGRAM 'id' --").await, @r#"
    error[remote]: 127.0.0.1:PORT refused the statement
    detail: PostgreSQL says: "syntax error at or near \")\"" (SQLSTATE 42601)
            line 1, column 9: SELECT 1) TO PROGRAM 'id' --
                                      ^
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1; SELECT 2").await, @r#"
    error[invalid]: the query is more than one statement
    detail: another one begins at "SELECT 2"
    hint: Keep the first, or call EXTERNAL_QUERY once for each.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1 AS a, 2 AS A, 3 AS \"A\"").await, @r#"
    error[invalid]: two columns of the query are named "a"
    hint: Give one an alias: `… AS name`.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1 AS a, 3 AS \"A\"").await, @r#"
    error[invalid]: columns "a" and "A" of the query differ by case only
    hint: Give one an alias: `… AS name`.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1 AS a WHERE $1").await, @r"
    error[invalid]: the query has parameters, such as $1
    hint: Write the values into the text.
    ");
}

#[tokio::test]
async fn the_servers_words_are_quoted() {
    let Some(place) = Place::new("words").await else { return };
    place.run("CREATE TABLE {}.secret (id int)").await;
    let sql = place.sql(&[]);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 'ü',\n  nme\nFROM (SELECT 1 AS name) t").await, @r#"
    error[remote]: 127.0.0.1:PORT refused the statement
    detail: PostgreSQL says: "column \"nme\" does not exist" (SQLSTATE 42703)
            its hint: "Perhaps you meant to reference the column \"t.name\"."
            line 2, column 3:   nme
                                ^
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT * FROM absent").await, @r#"
    error[not_found]: 127.0.0.1:PORT does not know a table
    detail: PostgreSQL says: "relation \"absent\" does not exist" (SQLSTATE 42P01)
            line 1, column 15: SELECT * FROM absent
                                             ^
    "#);
    insta::assert_snapshot!(queried(&place, &sql, &format!("SELECT * FROM {}.secret", place.name)).await, @r#"
    error[permission_denied]: 127.0.0.1:PORT does not let "ROLE" do this
    detail: PostgreSQL says: "permission denied for table secret" (SQLSTATE 42501)
    hint: Grant the role SELECT on what it reads, and USAGE on its schema.
    "#);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT 1 / (n - 3) AS a FROM generate_series(1, 5) n").await, @r#"
    error[remote]: 127.0.0.1:PORT refused the statement
    detail: PostgreSQL says: "division by zero" (SQLSTATE 22012)
    "#);
}

#[tokio::test]
async fn nothing_is_written_and_no_setting_stays() {
    let Some(place) = Place::new("written").await else { return };
    place.create("CREATE TABLE t (id int)").await;
    let sql = place.sql(&[("max_backends", "1")]);
    let text =
        format!("WITH gone AS (INSERT INTO {}.t VALUES (1) RETURNING id) SELECT id FROM gone", place.name);
    let refused = query(&sql, &text).await.expect_err("refused").to_string();
    assert!(
        refused.contains("WITH clause containing a data-modifying statement")
            || refused.contains("read-only"),
        "{refused}"
    );
    insta::assert_snapshot!(
        queried(&place, &sql, "SELECT set_config('transaction_read_only', 'off', true) AS a").await, @r#"
    error[remote]: 127.0.0.1:PORT refused the statement
    detail: PostgreSQL says: "cannot set transaction read-write mode inside a read-only transaction" (SQLSTATE 25001)
    "#);
    query(
        &sql,
        "SELECT set_config('search_path', 'elsewhere', false) AS a, pg_advisory_lock(4711) IS NULL AS b",
    )
    .await
    .expect("allowed");
    let after = "SELECT current_setting('search_path') AS path,
                        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711) AS locks";
    insta::assert_snapshot!(queried(&place, &sql, after).await, @r#"
    +-----------------+-------+
    | path            | locks |
    +-----------------+-------+
    | "$user", public | 0     |
    +-----------------+-------+
    "#);
}

#[tokio::test]
async fn a_statement_timeout_is_the_servers() {
    let Some(place) = Place::new("timeout").await else { return };
    let sql = place.sql(&[("statement_timeout", "50")]);
    insta::assert_snapshot!(queried(&place, &sql, "SELECT pg_sleep(5) IS NULL AS a").await, @r#"
    error[cancelled]: 127.0.0.1:PORT ended the statement
    detail: PostgreSQL says: "canceling statement due to statement timeout" (SQLSTATE 57014)
    hint: Option statement_timeout of the connection may be too short.
    "#);
}

//! How much a statement may read.

use super::support::{Place, queried};

#[tokio::test]
async fn a_statement_ends_where_its_budget_does() {
    let Some(place) = Place::new("budget").await else { return };
    let shown = async |option: (&str, &str), text: &str| queried(&place, &place.sql(&[option]), text).await;
    let many = "SELECT n FROM generate_series(1, 100000) n";
    insta::assert_snapshot!(shown(("max_rows", "1000"), many).await, @r#"
    error[exhausted]: the statement reads more than 1000 rows from 127.0.0.1:PORT
    detail: option max_rows of the connection is 1000
    hint: Read less: fewer columns, WHERE, or an aggregate that the server can do (EXPLAIN (PUSHDOWN) tells). Or raise max_rows with ALTER CONNECTION.
    "#);
    insta::assert_snapshot!(shown(("max_bytes", "20000"), many).await, @r#"
    error[exhausted]: the statement reads more than 20000 bytes from 127.0.0.1:PORT
    detail: option max_bytes of the connection is 20000
    hint: Read less: fewer columns, WHERE, or an aggregate that the server can do (EXPLAIN (PUSHDOWN) tells). Or raise max_bytes with ALTER CONNECTION.
    "#);
    insta::assert_snapshot!(shown(("max_rows", "1"), "SELECT count(*) AS n FROM generate_series(1, 100000) n").await, @r"
    +--------+
    | n      |
    +--------+
    | 100000 |
    +--------+
    ");
    insta::assert_snapshot!(shown(("statement_timeout", "50"), "SELECT 1 AS a FROM pg_sleep(30)").await, @r#"
    error[cancelled]: 127.0.0.1:PORT ended the statement
    detail: PostgreSQL says: "canceling statement due to statement timeout" (SQLSTATE 57014)
    hint: Option statement_timeout of the connection may be too short.
    "#);
}

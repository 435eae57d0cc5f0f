//! Whole queries: what is sent as one, what is kept here and why, and that the rows stay the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use firth_pushdown::push_down;
use firth_testkit::fake_remote::{FakeRemote, FakeSplits};
use insta::assert_snapshot;

use crate::session::Session;

type Column<'a> = (&'a str, ArrayRef, bool);

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

/// `orders (id, customer, total)` and `customers (id, name)`, in several splits each.
fn shop() -> FakeRemote {
    let batch = |columns: [Column<'_>; 3]| RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let orders = batch([
        ("id", numbers(&[Some(1), Some(2), Some(3), Some(4), Some(5)]), true),
        ("customer", numbers(&[Some(10), Some(11), Some(10), None, Some(12)]), true),
        ("total", numbers(&[Some(5), Some(7), None, Some(9), Some(5)]), true),
    ]);
    let customers = batch([
        ("id", numbers(&[Some(10), Some(11), Some(13), None]), true),
        ("name", texts(&[Some("a"), Some("B"), Some("a"), Some("z")]), true),
        ("rank", numbers(&[Some(1), None, Some(3), Some(4)]), true),
    ]);
    FakeRemote::new()
        .with_table("", "orders", orders)
        .with_table("", "customers", customers)
        .with_key("customers", &["id"])
        .with_splits(FakeSplits::Tokens(2))
}

async fn session(composing: bool) -> Session {
    let mut session = Session::empty(shop(), true, 2);
    if composing {
        session = session.composing();
    }
    for table in ["orders", "customers"] {
        session.register(table, "", table).await;
    }
    session.query("CREATE TABLE local AS SELECT 1 AS one").await.unwrap();
    let wide = "CREATE TABLE wide AS SELECT column1 AS one, column2 AS ten \
                FROM (VALUES (1, 10), (2, 11), (2, 10), (3, 10), (4, 12), (5, NULL))";
    session.query(wide).await.unwrap();
    session
}

/// What is sent, having checked that the rows are those of a session that sends no whole queries.
async fn sent(sql: &str) -> String {
    let (composing, apart) = (session(true).await, session(false).await);
    assert_eq!(composing.query(sql).await.unwrap(), apart.query(sql).await.unwrap(), "{sql}");
    let mut received = composing.remote.received();
    received.sort();
    received.dedup();
    received.join("\n")
}

/// What is kept here, and why.
async fn kept(sql: &str) -> String {
    let session = session(true).await;
    let plan = session.context.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    let kept = push_down(plan).unwrap().kept;
    kept.iter().map(|kept| format!("{}\n  {}", kept.operator, kept.reason)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn groups_and_aggregates() {
    assert_snapshot!(sent("SELECT sum(total), count(*), count(total), min(id), max(id) FROM orders").await, @r#"
    SELECT "c0", "c1", "c2", "c3", "c4" FROM (
    SELECT sum("t0"."total") AS "c0", count(*) AS "c1", count("t0"."total") AS "c2", min("t0"."id") AS "c3", max("t0"."id") AS "c4" FROM "orders" AS "t0"
    ) AS "t"
    "#);
    assert_snapshot!(sent("SELECT customer, sum(total) AS s FROM orders WHERE id > 1 GROUP BY customer HAVING sum(total) > 5 ORDER BY customer").await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t1"."c0" AS "c0", "t1"."c1" AS "c1" FROM (SELECT "t0"."customer" AS "c0", sum("t0"."total") AS "c1" FROM "orders" AS "t0" WHERE ("t0"."id" > 1) GROUP BY "t0"."customer") AS "t1" WHERE ("t1"."c1" > 5)
    ) AS "t"
    "#);
    assert_snapshot!(sent("SELECT DISTINCT name FROM customers ORDER BY name").await, @r#"
    SELECT "c0" FROM (
    SELECT "t0"."name" AS "c0" FROM "customers" AS "t0" GROUP BY "t0"."name"
    ) AS "t"
    "#);
}

#[tokio::test]
async fn joins_that_make_no_more_travel() {
    let grouped = "SELECT c.name, sum(o.total) AS s FROM orders o JOIN customers c ON o.customer = c.id GROUP BY c.name ORDER BY c.name";
    assert_snapshot!(sent(grouped).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t1"."name" AS "c0", sum("t0"."total") AS "c1" FROM "orders" AS "t0" JOIN "customers" AS "t1" ON ("t0"."customer" = "t1"."id") GROUP BY "t1"."name"
    ) AS "t"
    "#);
    let semi =
        "SELECT id FROM customers WHERE id IN (SELECT customer FROM orders WHERE total > 5) ORDER BY id";
    assert_snapshot!(sent(semi).await, @r#"
    SELECT "c0" FROM (
    SELECT "t0"."id" AS "c0" FROM "customers" AS "t0" WHERE EXISTS (SELECT 1 FROM "orders" AS "t1" WHERE ("t0"."id" = "t1"."customer") AND ("t1"."total" > 5))
    ) AS "t"
    "#);
    let anti = "SELECT id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id) ORDER BY id";
    assert_snapshot!(sent(anti).await, @r#"
    SELECT "c0" FROM (
    SELECT "t0"."id" AS "c0" FROM "customers" AS "t0" WHERE NOT EXISTS (SELECT 1 FROM "orders" AS "t1" WHERE ("t0"."id" = "t1"."customer"))
    ) AS "t"
    "#);
    let outer = "SELECT count(c.id), count(*) FROM orders o LEFT JOIN customers c ON o.customer = c.id AND c.rank > 0";
    assert_snapshot!(sent(outer).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT count("t1"."id") AS "c0", count(*) AS "c1" FROM "orders" AS "t0" LEFT JOIN "customers" AS "t1" ON ("t0"."customer" = "t1"."id") AND ("t1"."rank" > 0)
    ) AS "t"
    "#);
}

#[tokio::test]
async fn tables_of_one_connection_are_put_together() {
    let apart = "SELECT o.id, c.name FROM local l JOIN orders o ON l.one = o.id JOIN customers c ON o.customer = c.id ORDER BY o.id";
    let together = sent(apart).await;
    assert_snapshot!(together, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."id" AS "c0", "t1"."name" AS "c1" FROM "orders" AS "t0" JOIN "customers" AS "t1" ON ("t0"."customer" = "t1"."id")
    ) AS "t" WHERE ("c0" IN (1))
    "#);
    let between = "SELECT o.id, c.name FROM orders o JOIN local l ON l.one = o.id JOIN customers c ON o.customer = c.id ORDER BY o.id";
    assert!(sent(between).await.contains("JOIN"));
}

#[tokio::test]
async fn every_condition_of_joins_that_are_put_together_holds() {
    // Of all three relations; by a key that follows from two others; and of both sides of the query that is sent.
    for condition in
        ["o.total + l.one > c.rank", "c.rank <> o.total", "o.total > 5 OR c.name = 'a' OR l.one = 2"]
    {
        let sql = format!(
            "SELECT o.id, o.total, c.name, c.rank, l.one FROM orders o JOIN wide l ON l.one = o.id \
             JOIN customers c ON o.customer = c.id AND ({condition}) ORDER BY o.id"
        );
        let text = sent(&sql).await;
        assert!(text.contains("JOIN"), "{text}");
        let sql = format!(
            "SELECT o.id, c.name, l.one FROM orders o JOIN wide l ON l.ten = o.customer \
             JOIN customers c ON l.ten = c.id AND c.rank < 9 WHERE ({condition}) ORDER BY o.id, l.one"
        );
        let text = sent(&sql).await;
        assert!(text.contains(r#"."customer" = "#), "{text}");
    }
}

#[tokio::test]
async fn the_first_rows_of_an_order() {
    assert_snapshot!(sent("SELECT id, total FROM orders ORDER BY total DESC NULLS LAST, id LIMIT 2").await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."id" AS "c0", "t0"."total" AS "c1" FROM "orders" AS "t0" ORDER BY "t0"."total" DESC NULLS LAST, "t0"."id" ASC NULLS LAST LIMIT 2
    ) AS "t"
    "#);
    let inside = "SELECT count(*) FROM (SELECT id FROM orders ORDER BY id LIMIT 3) WHERE id > 1";
    assert_snapshot!(sent(inside).await, @r#"
    SELECT "c0" FROM (
    SELECT count(*) AS "c0" FROM (SELECT "t0"."id" AS "c0" FROM "orders" AS "t0" ORDER BY "t0"."id" ASC NULLS LAST LIMIT 3) AS "t1" WHERE ("t1"."c0" > 1)
    ) AS "t"
    "#);
}

#[tokio::test]
async fn rows_that_are_skipped_do_not_travel() {
    let sql = "SELECT id, total FROM orders ORDER BY total DESC NULLS LAST, id LIMIT 2 OFFSET 1";
    assert_snapshot!(sent(sql).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."id" AS "c0", "t0"."total" AS "c1" FROM "orders" AS "t0" ORDER BY "t0"."total" DESC NULLS LAST, "t0"."id" ASC NULLS LAST LIMIT 2 OFFSET 1
    ) AS "t"
    "#);
    let inner = "SELECT count(*) AS n FROM (SELECT id FROM (SELECT id FROM orders LIMIT 4) LIMIT 9 OFFSET 3)";
    assert_snapshot!(sent(inner).await, @r#"
    SELECT 1 FROM (
    SELECT 1 FROM "orders" AS "t0" LIMIT 1 OFFSET 3
    ) AS "t"
    "#);
    assert!(sent("SELECT id FROM orders ORDER BY id LIMIT 3 OFFSET 9").await.contains("LIMIT 3 OFFSET 9"));
    assert_snapshot!(sent("SELECT id FROM orders ORDER BY id OFFSET 3").await, @r#"
    SELECT "c0" FROM (
    SELECT "t0"."id" AS "c0" FROM "orders" AS "t0" ORDER BY "t0"."id" ASC NULLS LAST OFFSET 3
    ) AS "t"
    "#);
    let of_first = "SELECT count(*) AS n FROM (SELECT id FROM (SELECT id FROM orders LIMIT 4) OFFSET 3)";
    assert!(sent(of_first).await.contains("LIMIT 1 OFFSET 3"));
    assert!(!sent("SELECT id FROM orders ORDER BY id OFFSET 1").await.contains("OFFSET"));
    assert_snapshot!(kept("SELECT id FROM orders ORDER BY id OFFSET 1").await, @r"
    Limit: skip=1, fetch=None
      OFFSET without LIMIT is done here: most of the rows would travel, by one backend
    Sort: orders.id ASC NULLS LAST
      ORDER BY without LIMIT is done here: as many rows would travel
    ");
}

#[tokio::test]
async fn values_of_subqueries_are_asked_for_in_place() {
    let above =
        "SELECT id, total FROM orders WHERE total > (SELECT min(total) FROM orders WHERE id > 1) ORDER BY id";
    assert_snapshot!(sent(above).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."id" AS "c0", "t0"."total" AS "c1" FROM "orders" AS "t0" WHERE ("t0"."total" > (SELECT min("t1"."total") AS "c0" FROM "orders" AS "t1" WHERE ("t1"."id" > 1)))
    ) AS "t"
    "#);
    let having = "SELECT customer, sum(total) AS s FROM orders GROUP BY customer HAVING sum(total) = (SELECT max(total) FROM orders WHERE id < 5) ORDER BY customer";
    assert_eq!(sent(having).await.matches("SELECT max").count(), 1);
    let none =
        "SELECT count(*) AS n FROM orders WHERE total > (SELECT max(rank) FROM customers WHERE id > 99)";
    assert!(sent(none).await.contains("(SELECT max("));
    // What cannot be asked for there is asked for by itself.
    let local = "SELECT count(*) AS n FROM orders WHERE total > (SELECT max(one) FROM local)";
    assert!(!sent(local).await.contains("max"));
    assert_snapshot!(kept(local).await, @r"
    Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
      what it reads is put together here
    Filter: orders.total > (<subquery>)
      orders.total > (<subquery>) is not known to mean the same at the source: its subquery is done here: it does not lie at this source
    ");
}

#[tokio::test]
async fn a_subquery_of_several_rows_is_an_error_wherever_it_is_asked() {
    let sql = "SELECT count(*) AS n FROM orders WHERE total > (SELECT total FROM orders WHERE id < 3)";
    for composing in [true, false] {
        let error = session(composing).await.query(sql).await.unwrap_err().to_string();
        assert!(error.contains("more than one row"), "{error}");
    }
}

#[tokio::test]
async fn unions_are_sent_with_what_is_made_of_them() {
    let sql = "SELECT k, count(*) AS n FROM (SELECT customer AS k FROM orders UNION ALL SELECT id FROM customers WHERE id > 10) GROUP BY k ORDER BY k";
    assert_snapshot!(sent(sql).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t2"."c0" AS "c0", count(*) AS "c1" FROM ((SELECT "t0"."customer" AS "c0" FROM "orders" AS "t0") UNION ALL (SELECT "t1"."id" AS "c0" FROM "customers" AS "t1" WHERE ("t1"."id" > 10))) AS "t2" GROUP BY "t2"."c0"
    ) AS "t"
    "#);
    // One round trip instead of two.
    let alone = sent("SELECT id FROM orders UNION ALL SELECT id FROM customers ORDER BY id").await;
    assert_snapshot!(alone, @r#"
    SELECT "c0" FROM (
    SELECT "t2"."c0" AS "c0" FROM ((SELECT "t0"."id" AS "c0" FROM "orders" AS "t0") UNION ALL (SELECT "t1"."id" AS "c0" FROM "customers" AS "t1")) AS "t2"
    ) AS "t"
    "#);
}

#[tokio::test]
async fn views_and_queries_are_looked_through() {
    let with = "WITH big AS (SELECT * FROM orders WHERE total > 4) SELECT b.customer, count(*) AS n FROM big b GROUP BY b.customer ORDER BY 1";
    assert_snapshot!(sent(with).await, @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."customer" AS "c0", count(*) AS "c1" FROM "orders" AS "t0" WHERE ("t0"."total" > 4) GROUP BY "t0"."customer"
    ) AS "t"
    "#);
    let mut session = session(true).await;
    session.register_query("asked", "SELECT customer, total FROM orders WHERE id < 5 -- all").await;
    session.query("SELECT customer, max(total) FROM asked GROUP BY customer").await.unwrap();
    assert_snapshot!(session.remote.received().last().unwrap(), @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."customer" AS "c0", max("t0"."total") AS "c1" FROM (
    SELECT customer, total FROM orders WHERE id < 5 -- all
    ) AS "t0" GROUP BY "t0"."customer"
    ) AS "t"
    "#);
}

#[tokio::test]
async fn what_is_kept_has_a_reason() {
    assert_snapshot!(kept("SELECT name FROM customers ORDER BY name LIMIT 1").await, @r#"
    Sort: customers.name ASC NULLS LAST, fetch=1
      "t0"."name" is ordered otherwise there
    "#);
    assert_snapshot!(kept("SELECT avg(total) FROM orders").await, @r"
    Aggregate: groupBy=[[]], aggr=[[avg(CAST(orders.total AS Float64))]]
      CAST(orders.total AS Float64) is not known to mean the same at the source
    ");
    assert_snapshot!(kept("SELECT count(*) FROM orders WHERE abs(total) > 5").await, @r"
    Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
      what it reads is put together here
    Filter: abs(orders.total) > Int64(5)
      abs(orders.total) > Int64(5) is not known to mean the same at the source
    ");
    assert_snapshot!(kept("SELECT o.id, c.name FROM orders o JOIN customers c ON o.total = c.rank").await, @r"
    Inner Join: o.total = c.rank
      neither a primary key nor statistics say that the join makes no more rows than its tables have
    ");
    assert_snapshot!(kept("SELECT one FROM local JOIN orders ON one = id").await, @r"
    Inner Join: local.one = orders.id
      one of its sides does not lie at this source
    ");
}

#[tokio::test]
async fn keys_reach_a_query_too() {
    let session = session(true).await;
    // Of two sides as small as these either may be read first.
    session.query("SET datafusion.optimizer.join_reordering = false").await.unwrap();
    let sql = "SELECT s FROM local LEFT JOIN (SELECT customer, sum(total) AS s FROM orders GROUP BY customer) ON one = customer";
    session.query(sql).await.unwrap();
    assert_snapshot!(session.remote.received().join("\n"), @r#"
    SELECT "c0", "c1" FROM (
    SELECT "t0"."customer" AS "c0", sum("t0"."total") AS "c1" FROM "orders" AS "t0" GROUP BY "t0"."customer"
    ) AS "t" WHERE ("c0" IN (1))
    "#);
}

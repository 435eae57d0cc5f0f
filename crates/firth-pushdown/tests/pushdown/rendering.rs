//! Which filters are sent, and as what.

use datafusion::{
    logical_expr::{Expr, TableProviderFilterPushDown},
    prelude::{col, lit},
};
use firth_testkit::fake_remote::FakeRemote;
use insta::assert_snapshot;

use crate::session::{Session, described, pushed, remote};

#[tokio::test]
async fn exact_filters_are_sent_and_not_evaluated_again() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE id IN (1, 2, 3, 4)").await,
        @r#"SELECT "id" FROM "t" WHERE ("id" IN (1, 2, 3, 4))"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id NOT IN (1, 2, 3, 4)").await,
        @r#"SELECT "id" FROM "t" WHERE ("id" NOT IN (1, 2, 3, 4))"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id > 1 AND id <> 3").await,
        @r#"SELECT "id" FROM "t" WHERE ("id" > 1) AND ("id" <> 3)"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id = 1 OR name IS NULL").await,
        @r#"SELECT "id" FROM "t" WHERE (("id" = 1) OR ("name" IS NULL))"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE NOT (id + 1 < id * 2)").await,
        @r#"SELECT "id" FROM "t" WHERE (("id" + 1) >= ("id" * 2))"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE name NOT LIKE 'a_%'").await,
        @r#"SELECT "id" FROM "t" WHERE (NOT ("name" LIKE 'a_%'))"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE flag AND name IS NOT NULL").await,
        @r#"SELECT "id" FROM "t" WHERE "flag" AND ("name" IS NOT NULL)"#);
}

#[tokio::test]
async fn between_is_two_comparisons() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE id BETWEEN 2 AND 3").await,
        @r#"SELECT "id" FROM "t" WHERE ("id" >= 2) AND ("id" <= 3)"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id NOT BETWEEN 2 AND 3").await,
        @r#"SELECT "id" FROM "t" WHERE (("id" < 2) OR ("id" > 3))"#);
}

#[tokio::test]
async fn a_superset_is_sent_and_evaluated_again() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE name = 'a'").await, @r#"
    SELECT "id", "name" FROM "t" WHERE (lower("name") = lower('a'))
    here: name@1 = a
    "#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id > 1 AND name = 'it''s'").await, @r#"
    SELECT "id", "name" FROM "t" WHERE ("id" > 1) AND (lower("name") = lower('it''s'))
    here: name@1 = it's
    "#);
}

#[tokio::test]
async fn a_superset_below_and_and_or_makes_a_superset() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE id = 1 OR (name = 'a' AND id = 2)").await, @r#"
    SELECT "id", "name" FROM "t" WHERE (("id" = 1) OR ((lower("name") = lower('a')) AND ("id" = 2)))
    here: id@0 = 1 OR name@1 = a AND id@0 = 2
    "#);
}

#[tokio::test]
async fn what_and_joins_is_sent_in_part_below_or() {
    assert_snapshot!(
        pushed("SELECT id FROM t WHERE (id = 1 AND upper(name) = 'A') OR (id = 2 AND upper(name) < 'B')").await, @r#"
    SELECT "id", "name" FROM "t" WHERE (("id" = 1) OR ("id" = 2))
    here: id@0 = 1 AND upper(name@1) = A OR id@0 = 2 AND upper(name@1) < B
    "#);
}

#[tokio::test]
async fn not_over_a_superset_is_not_pushed() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE NOT (name = 'a' OR id = 1)").await, @r#"
    SELECT "id", "name" FROM "t" WHERE ("id" <> 1)
    here: name@1 != a
    "#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE (name = 'a') = flag").await, @r#"
    SELECT "id", "name", "flag" FROM "t"
    here: name@1 = a = flag@2
    "#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE (name = 'a') IS NULL").await, @r#"
    SELECT "id", "name" FROM "t"
    here: name@1 = a IS NULL
    "#);

    // DataFusion moves NOT down to the leaves before it asks, so it has to be asked directly.
    let table = Session::over(remote()).await.context.table_provider("t").await.unwrap();
    let (superset, exact) = (col("name").eq(lit("a")), col("id").eq(lit(1_i64)));
    let unsupported = [&!superset.clone(), &!superset.clone().and(exact.clone()), &!exact.or(superset)];
    let answers = table.supports_filters_pushdown(&unsupported).unwrap();
    assert_eq!(answers, [const { TableProviderFilterPushDown::Unsupported }; 3]);
}

#[tokio::test]
async fn what_the_dialect_does_not_list_stays_here() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE name < 'b'").await, @r#"
    SELECT "id", "name" FROM "t"
    here: name@1 < b
    "#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE id = 1 OR upper(name) = 'A'").await, @r#"
    SELECT "id", "name" FROM "t"
    here: id@0 = 1 OR upper(name@1) = A
    "#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE name ILIKE 'a%'").await, @r#"
    SELECT "id", "name" FROM "t"
    here: name@1 ILIKE a%
    "#);
}

#[tokio::test]
async fn a_list_with_null_stays_here() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE id NOT IN (1, 2, 3, id, NULL)").await, @r#"
    SELECT "id" FROM "t"
    here: id@0 NOT IN ([1, 2, 3, id@0, NULL])
    "#);
}

#[tokio::test]
async fn casts_that_the_planner_inserts_are_left_out_of_comparisons_only() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE small = id").await,
        @r#"SELECT "id" FROM "t" WHERE ("small" = "id")"#);
    assert_snapshot!(pushed("SELECT id FROM t WHERE small + id > 7").await, @r#"
    SELECT "id", "small" FROM "t"
    here: CAST(small@1 AS Int64) + id@0 > 7
    "#);
}

#[tokio::test]
async fn long_lists_and_deep_nesting_stay_here_and_do_not_overflow_the_stack() {
    let table = Session::over(remote()).await.context.table_provider("t").await.unwrap();
    let is_sent = |filter: &Expr| {
        table.supports_filters_pushdown(&[filter]).unwrap() == [TableProviderFilterPushDown::Exact]
    };
    let or = |terms: i64| (0..terms).map(|term| col("id").eq(lit(term))).reduce(Expr::or).unwrap();
    assert!(is_sent(&or(1000)));
    assert!(!is_sent(&or(1001)));

    let list = |values: i64| col("id").in_list((0..values).map(lit).collect(), false);
    assert!(is_sent(&list(1000)));
    assert!(!is_sent(&list(1001)));

    let nested = |depth: usize| (0..depth).fold(col("flag"), |inner, _| !inner);
    assert!(is_sent(&nested(60)));
    assert!(!is_sent(&nested(2000)));

    // Each level doubles the text.
    let doubled =
        |depth: usize| (0..depth).fold(col("flag"), |inner, _| inner.between(lit(false), lit(true)));
    assert!(is_sent(&doubled(5)));
    assert!(!is_sent(&doubled(60)));
}

#[tokio::test]
async fn filters_that_change_after_planning_are_still_evaluated() {
    let session = Session::over(remote()).await;
    let table = session.context.table_provider("t").await.unwrap();
    // As if a later rule had made these of filters that the dialect renders.
    let filters = [col("name").eq(lit("a")), col("name").lt(lit("b")), col("id").gt(lit(0_i64))];
    let plan = table.scan(&session.context.state(), Some(&vec![0]), &filters, Some(1)).await.unwrap();
    assert_snapshot!(described(&plan), @r#"
    SELECT "id", "name" FROM "t" WHERE (lower("name") = lower('a')) AND ("id" > 0)
    here: name@1 = a AND name@1 < b
    "#);
}

#[tokio::test]
async fn without_pushdown_only_columns_are_chosen() {
    let session = Session::without_pushdown(remote()).await;
    assert_snapshot!(described(&session.plan("SELECT id FROM t WHERE id = 1 LIMIT 2").await), @r#"
    SELECT "id" FROM "t"
    here: id@0 = 1
    "#);
    assert_snapshot!(described(&session.plan("SELECT id FROM t LIMIT 2").await), @r#"SELECT "id" FROM "t""#);
}

#[tokio::test]
async fn no_columns_are_asked_for_when_only_rows_count() {
    let session = Session::over(remote()).await;
    assert_snapshot!(described(&session.plan("SELECT count(*) FROM t WHERE id > 1").await),
        @r#"SELECT 1 FROM "t" WHERE ("id" > 1)"#);
    assert_snapshot!(session.query("SELECT count(*) AS n FROM t WHERE id > 1").await.unwrap(), @r"
    +---+
    | n |
    +---+
    | 3 |
    +---+
    ");
}

#[tokio::test]
async fn a_query_is_wrapped_so_that_its_last_comment_ends() {
    let mut session = Session::empty(FakeRemote::clone(&remote()), true, 1);
    session.register_query("q", "SELECT id, name FROM t -- all of it").await;
    assert_snapshot!(described(&session.plan("SELECT name FROM q WHERE id = 1").await), @r#"
    SELECT "name" FROM (
    SELECT id, name FROM t -- all of it
    ) AS "t" WHERE ("id" = 1)
    "#);
    assert_snapshot!(session.query("SELECT name FROM q WHERE id = 1").await.unwrap(), @r"
    +------+
    | name |
    +------+
    | a    |
    +------+
    ");
}

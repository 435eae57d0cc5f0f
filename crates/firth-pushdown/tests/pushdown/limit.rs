//! When a limit is sent, and that it is kept here as well.

use firth_testkit::fake_remote::{FakeRemote, FakeSplits};
use insta::assert_snapshot;

use crate::session::{Session, pushed, remote};

#[tokio::test]
async fn a_limit_is_pushed_through_exact_filters() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE id > 1 LIMIT 2").await,
        @r#"SELECT "id" FROM "t" WHERE ("id" > 1) LIMIT 2"#);
    assert_snapshot!(pushed("SELECT id FROM t LIMIT 2 OFFSET 1").await, @r#"SELECT "id" FROM "t" LIMIT 3"#);
}

#[tokio::test]
async fn limit_is_not_pushed_below_an_inexact_filter() {
    let sql = "SELECT id FROM t WHERE name = 'A' LIMIT 1";
    assert_snapshot!(pushed(sql).await, @r#"
    SELECT "id", "name" FROM "t" WHERE (lower("name") = lower('A'))
    here: name@1 = A
    "#);
    assert_snapshot!(Session::over(remote()).await.query(sql).await.unwrap(), @r"
    +----+
    | id |
    +----+
    | 2  |
    +----+
    ");
}

#[tokio::test]
async fn limit_is_not_pushed_below_a_local_filter() {
    assert_snapshot!(pushed("SELECT id FROM t WHERE name < 'b' LIMIT 1").await, @r#"
    SELECT "id", "name" FROM "t"
    here: name@1 < b
    "#);
}

#[tokio::test]
async fn a_limit_over_several_splits_delivers_as_many_rows_and_stays_in_the_plan() {
    for splits in [FakeSplits::Predicates(3), FakeSplits::Tokens(3)] {
        let mut session = Session::empty(remote().with_splits(splits), true, 2);
        session.register("t", "", "t").await;
        let sql = "SELECT id FROM t LIMIT 2";
        let counted = session.query(&format!("SELECT count(*) AS n FROM ({sql})")).await.unwrap();
        assert!(counted.contains("| 2 |"), "{counted}");
        let plan = session.explained(sql).await;
        let nodes: Vec<&str> = plan.lines().map(str::trim_start).collect();
        assert_eq!(
            nodes,
            [
                "CoalescePartitionsExec: fetch=2",
                "LocalLimitExec: fetch=2",
                r#"RemoteScanExec: connection=us.shop, sql=SELECT "id" FROM "t" LIMIT 2"#,
            ]
        );
    }
}

#[tokio::test]
async fn no_split_is_read_once_the_limit_is_reached() {
    let mut session = Session::empty(remote().with_splits(FakeSplits::Predicates(5)), true, 1);
    session.register("t", "", "t").await;
    session.query("SELECT id FROM t LIMIT 2").await.unwrap();
    assert_eq!(
        FakeRemote::received(&session.remote),
        [
            r#"SELECT "id" FROM "t" WHERE "__row" % 5 = 0 LIMIT 2"#,
            r#"SELECT "id" FROM "t" WHERE "__row" % 5 = 1 LIMIT 2"#,
        ]
    );
}

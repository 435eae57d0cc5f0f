//! The plan: how it is shown, what it estimates, and that it can be sent elsewhere.

use datafusion::{
    arrow::util::pretty::pretty_format_batches,
    physical_plan::{ExecutionPlan, collect},
};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use firth_pushdown::RemoteScanCodec;
use firth_testkit::fake_remote::FakeSplits;
use insta::assert_snapshot;

use crate::session::{Session, remote, rows};

#[tokio::test]
async fn explain_shows_the_exact_text_and_asks_nothing() {
    let session = Session::over(remote()).await;
    assert_snapshot!(session.explained("SELECT id FROM t WHERE name = 'a' AND id > 0").await, @r#"
    FilterExec: name@1 = a, projection=[id@0]
      RemoteScanExec: connection=us.shop, sql=SELECT "id", "name" FROM "t" WHERE (lower("name") = lower('a')) AND ("id" > 0)
    "#);
    assert_eq!(session.remote.log(), Default::default());
}

#[tokio::test]
async fn a_plan_survives_its_codec_and_finds_its_remote_by_id() {
    let mut session = Session::empty(remote().with_splits(FakeSplits::Tokens(3)), true, 2);
    session.register("t", "", "t").await;
    let plan = session.plan("SELECT id, name FROM t WHERE name = 'A' AND id > 1").await;
    let shown =
        |plan: &dyn ExecutionPlan| datafusion::physical_plan::displayable(plan).indent(true).to_string();
    let before = shown(plan.as_ref());

    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &RemoteScanCodec).unwrap();
    let context = session.context.task_ctx();
    let decoded = physical_plan_from_bytes_with_extension_codec(&bytes, &context, &RemoteScanCodec).unwrap();
    assert_eq!(shown(decoded.as_ref()), before);

    let batches = collect(decoded, context).await.unwrap();
    assert_snapshot!(pretty_format_batches(&batches).unwrap(), @r"
    +----+------+
    | id | name |
    +----+------+
    | 2  | A    |
    +----+------+
    ");
}

#[tokio::test]
async fn estimates_come_from_the_description() {
    let session = Session::over(remote()).await;
    let rows = async |sql: &str| {
        let plan = session.plan(sql).await;
        let shown = datafusion::physical_plan::displayable(plan.as_ref()).set_show_statistics(true);
        let shown = shown.indent(false).to_string();
        let (_, statistics) = shown.split_once("statistics=[").expect("statistics");
        statistics.split_once(',').expect("several").0.to_owned()
    };
    assert_eq!(rows("SELECT id FROM t").await, "Rows=Inexact(5)");
    assert_eq!(rows("SELECT id FROM t WHERE id = 1").await, "Rows=Inexact(1)");
}

#[tokio::test]
async fn estimates_that_are_wrong_change_no_rows() {
    let mut session = Session::empty(remote(), true, 1);
    session
        .register_described("t", "", "t", |description| {
            description.row_count = Some(1_000_000);
            for column in &mut description.columns {
                (column.null_count, column.distinct_count) = (Some(7), Some(1));
            }
        })
        .await;
    let query =
        "SELECT COUNT(*) AS n, COUNT(id) AS ids, COUNT(DISTINCT name) AS names, MAX(id) AS most FROM t";
    assert_snapshot!(session.query(query).await.unwrap(), @r"
    +---+-----+-------+------+
    | n | ids | names | most |
    +---+-----+-------+------+
    | 5 | 4   | 4     | 4    |
    +---+-----+-------+------+
    ");
}

#[tokio::test]
async fn the_smaller_input_of_a_join_is_built() {
    let mut session = Session::empty(remote().with_table("", "u", rows()), true, 1);
    session.register_described("large", "", "t", |description| description.row_count = Some(1_000_000)).await;
    session.register_described("small", "", "u", |description| description.row_count = Some(10)).await;
    for query in [
        "SELECT l.id FROM large l JOIN small s ON l.id = s.id",
        "SELECT l.id FROM small s JOIN large l ON l.id = s.id",
    ] {
        let plan = session.explained(query).await;
        let first = plan.lines().find(|line| line.contains("RemoteScanExec")).expect("a scan");
        assert!(first.contains("FROM \"u\""), "{plan}");
    }
}

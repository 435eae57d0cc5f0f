//! Filters that operators make while they run: what of them reaches the remote, and when.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::{
    datasource::MemTable,
    physical_plan::{collect, execution_plan::reset_plan_states},
};
use firth_testkit::fake_remote::{FakeRemote, FakeSplits};

use crate::session::{Session, remote};

/// A remote table `t` of ids from 0 to 99, in as many splits.
fn numbers(splits: FakeSplits) -> FakeRemote {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let batch = RecordBatch::try_from_iter_with_nullable([("id", ids, true)]).unwrap();
    FakeRemote::new().with_table("", "t", batch).with_splits(splits)
}

/// A session over it, with a local table `keys`, in two batches.
async fn session(remote: FakeRemote, partitions: usize, keys: &[Option<i64>]) -> Session {
    let mut session = Session::empty(remote, true, partitions);
    session.register("t", "", "t").await;
    let batch = |keys: &[Option<i64>]| {
        let keys: ArrayRef = Arc::new(keys.iter().copied().collect::<Int64Array>());
        RecordBatch::try_from_iter_with_nullable([("k", keys, true)]).unwrap()
    };
    let (first, second) = keys.split_at(keys.len() / 2);
    let batches = vec![vec![batch(first)], vec![batch(second)]];
    let table = MemTable::try_new(batches[0][0].schema(), batches).unwrap();
    session.context.register_table("keys", Arc::new(table)).unwrap();
    session
}

/// Makes every join a partitioned one.
async fn partitioned(session: &Session) {
    for setting in ["hash_join_single_partition_threshold", "hash_join_single_partition_threshold_rows"] {
        session.query(&format!("SET datafusion.optimizer.{setting} = 0")).await.unwrap();
    }
}

#[tokio::test]
async fn the_keys_of_a_collected_build_side_are_there_at_the_first_poll() {
    for (splits, partitions) in [(FakeSplits::Whole, 1), (FakeSplits::Whole, 4), (FakeSplits::Tokens(4), 4)] {
        let session = session(numbers(splits), partitions, &[Some(7), Some(3), Some(7), None]).await;
        let plan = session.explained("SELECT id FROM t JOIN keys ON id = k").await;
        assert!(plan.contains("mode=CollectLeft"), "{plan}");
        assert!(plan.contains("dynamic_filters=1"), "{plan}");
        let rows =
            session.query("SELECT sum(id) AS s, count(*) AS n FROM t JOIN keys ON id = k").await.unwrap();
        assert!(rows.contains("| 17 | 3 |"), "{rows}");
        for sent in session.remote.received() {
            assert_eq!(sent, r#"SELECT "id" FROM "t" WHERE ("id" IN (3, 7))"#);
        }
        assert_eq!(session.remote.log().split_requests.len(), 1);
    }
}

#[tokio::test]
async fn the_partitions_of_a_join_are_united() {
    let session = session(numbers(FakeSplits::Tokens(3)), 3, &[Some(7), Some(3), Some(50), Some(51)]).await;
    partitioned(&session).await;
    let plan = session.explained("SELECT id FROM t JOIN keys ON id = k").await;
    assert!(plan.contains("mode=Partitioned"), "{plan}");
    let rows = session.query("SELECT sum(id) AS s, count(*) AS n FROM t JOIN keys ON id = k").await.unwrap();
    assert!(rows.contains("| 111 | 4 |"), "{rows}");
    for sent in session.remote.received() {
        assert_eq!(sent, r#"SELECT "id" FROM "t" WHERE ("id" IN (3, 7, 50, 51))"#);
    }
}

#[tokio::test]
async fn keys_reach_every_join_that_needs_no_other_row_of_the_probe_side() {
    let keys = [Some(7), Some(3)];
    let sent = async |sql: &str| {
        let session = session(numbers(FakeSplits::Whole), 1, &keys).await;
        session.query(sql).await.unwrap();
        session.remote.received().join("; ")
    };
    let narrowed = r#"SELECT "id" FROM "t" WHERE ("id" IN (3, 7))"#;
    assert_eq!(sent("SELECT * FROM keys LEFT JOIN t ON id = k").await, narrowed);
    assert_eq!(sent("SELECT * FROM t WHERE id IN (SELECT k FROM keys)").await, narrowed);
    let whole = r#"SELECT "id" FROM "t""#;
    assert_eq!(sent("SELECT * FROM keys FULL JOIN t ON id = k").await, whole);
    assert_eq!(sent("SELECT * FROM t LEFT JOIN keys ON id = k").await, whole);
    assert_eq!(sent("SELECT * FROM t WHERE id NOT IN (SELECT k FROM keys)").await, whole);
}

#[tokio::test]
async fn keys_are_waited_for_by_what_reads_ahead_of_a_join_below() {
    let session = session(numbers(FakeSplits::Tokens(2)), 2, &[Some(7), Some(3)]).await;
    session.query("SET datafusion.optimizer.join_reordering = false").await.unwrap();
    session.query("CREATE TABLE other AS SELECT column1 AS x FROM (VALUES (3), (7), (8))").await.unwrap();
    let sql = "SELECT sum(id) AS s, count(*) AS n FROM keys \
               JOIN (SELECT t.id FROM t JOIN other ON t.id = other.x) ON k = id";
    let plan = session.explained(sql).await;
    assert!(plan.contains("WhenAskedExec"), "{plan}");
    let rows = session.query(sql).await.unwrap();
    assert!(rows.contains("| 10 | 2 |"), "{rows}");
    let received = session.remote.received();
    assert_eq!(received, vec![r#"SELECT "id" FROM "t" WHERE ("id" IN (3, 7))"#; received.len()]);
}

#[tokio::test]
async fn joins_tell_long_lists_to_sources_of_sql_only() {
    let keys: Vec<Option<i64>> = (0..400).map(|key| Some(key * 2)).collect();
    let session = session(numbers(FakeSplits::Whole), 1, &keys).await;
    session.query("SET datafusion.optimizer.join_reordering = false").await.unwrap();
    let sql = "SELECT count(*) AS n FROM keys JOIN t ON id = k";
    let plan = session.explained(sql).await;
    assert!(plan.contains("JoinKeysExec: to a source of SQL"), "{plan}");
    session.query(sql).await.unwrap();
    let sent = session.remote.received().join("");
    assert!(sent.contains("IN (0, 2, 4,"), "{sent}");
    let plan = session.explained("SELECT count(*) AS n FROM keys a JOIN keys b ON a.k = b.k").await;
    assert!(!plan.contains("JoinKeysExec"), "{plan}");
}

#[tokio::test]
async fn no_key_sends_nothing() {
    let session = session(numbers(FakeSplits::Tokens(2)), 2, &[None, None]).await;
    let rows = session.query("SELECT count(*) AS n FROM t JOIN keys ON id = k").await.unwrap();
    assert!(rows.contains("| 0 |"), "{rows}");
    assert_eq!(session.remote.received(), Vec::<String>::new());
}

#[tokio::test]
async fn keys_stand_beside_the_filter_of_the_query() {
    let session = session(numbers(FakeSplits::Predicates(2)), 1, &[Some(7), Some(3)]).await;
    session.query("SELECT id FROM t JOIN keys ON id = k WHERE id <> 9").await.unwrap();
    assert_eq!(
        session.remote.received()[0],
        r#"SELECT "id" FROM "t" WHERE (("id" <> 9) AND ("id" IN (3, 7))) AND ("__row" % 2 = 0)"#
    );
}

#[tokio::test]
async fn a_limit_of_the_scan_is_not_narrowed() {
    let session = session(numbers(FakeSplits::Whole), 1, &[Some(90)]).await;
    let sql = "SELECT id FROM (SELECT id FROM t LIMIT 5) JOIN keys ON id = k";
    session.query(sql).await.unwrap();
    assert_eq!(session.remote.received(), [r#"SELECT "id" FROM "t" LIMIT 5"#]);
}

#[tokio::test]
async fn later_splits_are_asked_for_less_by_a_top_k() {
    let session = session(numbers(FakeSplits::Predicates(4)).with_batch_rows(8), 1, &[]).await;
    let rows = session.query("SELECT id FROM t ORDER BY id LIMIT 2").await.unwrap();
    assert!(rows.contains("| 0  |\n| 1  |"), "{rows}");
    let received = session.remote.received();
    assert!(!received[0].contains('<'), "{received:?}");
    assert!(received[3].contains(r#""id" < 1"#), "{received:?}");
}

#[tokio::test]
async fn a_plan_that_runs_again_learns_its_keys_again() {
    let session = session(numbers(FakeSplits::Whole), 1, &[Some(7)]).await;
    let plan = session.plan("SELECT id FROM t JOIN keys ON id = k").await;
    let again = reset_plan_states(Arc::clone(&plan)).unwrap();
    for plan in [plan, again] {
        let batches = collect(plan, session.context.task_ctx()).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}

#[tokio::test]
async fn what_became_of_a_filter_is_shown() {
    let session = session(numbers(FakeSplits::Whole), 1, &[Some(7)]).await;
    let shown = session.query("EXPLAIN ANALYZE SELECT id FROM t JOIN keys ON id = k").await.unwrap();
    assert!(shown.contains(r#"dynamic_filters=1 (sent: ("id" IN (7)))"#), "{shown}");
}

#[tokio::test]
async fn without_pushdown_no_key_is_sent() {
    let session = Session::without_pushdown(remote()).await;
    session.query("SELECT a.id FROM t a JOIN t b ON a.id = b.id").await.unwrap();
    for sent in session.remote.received() {
        assert_eq!(sent, r#"SELECT "id" FROM "t""#);
    }
}

//! Running a scan: splits, failures, and streams that are dropped.

use std::{collections::HashSet, sync::Arc};

use datafusion::physical_plan::{collect, execute_stream, execution_plan::reset_plan_states};
use firth_diagnostic::{Code, Diagnostic};
use firth_pushdown::RemoteScanExec;
use firth_testkit::fake_remote::{FakeFault, FakeSplits};
use futures::StreamExt;

use crate::session::{Session, remote};

async fn session(splits: FakeSplits, partitions: usize) -> Session {
    let mut session = Session::empty(remote().with_splits(splits).with_batch_rows(1), true, partitions);
    session.register("t", "", "t").await;
    session
}

#[tokio::test]
async fn partitions_draw_every_split_exactly_once() {
    for splits in [FakeSplits::Predicates(5), FakeSplits::Tokens(5)] {
        for partitions in [1, 2, 5, 8] {
            let session = session(splits, partitions).await;
            let rows = session.query("SELECT sum(id) AS ids, count(*) AS n FROM t").await.unwrap();
            assert!(rows.contains("| 10  | 5 |"), "{rows}");
            let log = session.remote.log();
            assert_eq!((log.split_requests.len(), log.received.len(), log.finished), (1, 5, 5));
        }
    }
}

#[tokio::test]
async fn a_split_by_condition_is_anded_to_the_filter() {
    let session = session(FakeSplits::Predicates(2), 1).await;
    session.query("SELECT id FROM t WHERE id > 1 AND id < 4").await.unwrap();
    let log = session.remote.log();
    assert_eq!(log.split_requests, [r#"SELECT "id" FROM "t" WHERE ("id" > 1) AND ("id" < 4)"#]);
    assert_eq!(
        log.received,
        [
            r#"SELECT "id" FROM "t" WHERE (("id" > 1) AND ("id" < 4)) AND ("__row" % 2 = 0)"#,
            r#"SELECT "id" FROM "t" WHERE (("id" > 1) AND ("id" < 4)) AND ("__row" % 2 = 1)"#,
        ]
    );
}

#[tokio::test]
async fn there_are_no_more_partitions_than_may_be_read_at_once() {
    let partitions = async |splits, target| {
        let session = session(splits, target).await;
        let plan = session.plan("SELECT id FROM t").await;
        let mut scan = plan;
        while !scan.is::<RemoteScanExec>() {
            scan = Arc::clone(scan.children()[0]);
        }
        scan.properties().partitioning.partition_count()
    };
    assert_eq!(partitions(FakeSplits::Whole, 4).await, 1);
    assert_eq!(partitions(FakeSplits::Tokens(3), 4).await, 3);
    assert_eq!(partitions(FakeSplits::Tokens(3), 2).await, 2);
}

#[tokio::test]
async fn a_plan_can_run_again() {
    let session = session(FakeSplits::Tokens(3), 2).await;
    let plan = session.plan("SELECT id FROM t").await;
    let again = reset_plan_states(Arc::clone(&plan)).unwrap();
    for plan in [&plan, &plan, &again] {
        let batches = collect(Arc::clone(plan), session.context.task_ctx()).await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 5);
    }
    assert_eq!(session.remote.log().split_requests.len(), 3);
}

#[tokio::test]
async fn two_scans_of_a_statement_share_one_view_of_the_remote() {
    let session = session(FakeSplits::Tokens(3), 2).await;
    session.query("SELECT a.id FROM t a JOIN t b ON a.id = b.id").await.unwrap();
    let log = session.remote.log();
    assert_eq!((log.statements, log.split_requests.len()), (1, 2));
}

#[tokio::test]
async fn executing_sends_nothing_before_the_first_poll() {
    let session = session(FakeSplits::Tokens(3), 1).await;
    let plan = session.plan("SELECT id FROM t").await;
    let mut stream = execute_stream(plan, session.context.task_ctx()).unwrap();
    assert_eq!(session.remote.log(), Default::default());
    stream.next().await.expect("a batch").unwrap();
    assert_eq!(session.remote.received().len(), 1);
}

#[tokio::test]
async fn a_dropped_stream_reaches_the_remote() {
    let session = session(FakeSplits::Whole, 1).await;
    session.remote.stall_after(1);
    let plan = session.plan("SELECT id FROM t").await;
    let mut stream = execute_stream(plan, session.context.task_ctx()).unwrap();
    stream.next().await.expect("a batch").unwrap();
    assert!(futures::poll!(stream.next()).is_pending());
    assert_eq!(session.remote.log().cancelled, 0);
    drop(stream);
    assert_eq!(session.remote.log().cancelled, 1);
}

#[tokio::test]
async fn a_failure_of_the_remote_arrives_as_it_was_said() {
    for fault in [FakeFault::Begin, FakeFault::Splits, FakeFault::Read] {
        let session = session(FakeSplits::Tokens(3), 2).await;
        let said = Diagnostic::error(Code::PermissionDenied, "permission denied for table t")
            .hint("Ask its owner for SELECT.");
        session.remote.fail(fault, said.clone());
        assert_eq!(session.diagnostic("SELECT id FROM t").await, said, "{fault:?}");
    }
}

#[tokio::test]
async fn a_failure_to_split_is_asked_for_once_by_all_partitions() {
    let session = session(FakeSplits::Tokens(3), 3).await;
    session.remote.fail(FakeFault::Splits, Diagnostic::error(Code::Unreachable, "gone"));
    session.diagnostic("SELECT id FROM t").await;
    assert_eq!(session.remote.log().split_requests.len(), 1);
}

#[tokio::test]
async fn what_a_scan_did_is_counted() {
    let session = session(FakeSplits::Tokens(5), 2).await;
    let plan = session.plan("SELECT id FROM t").await;
    collect(Arc::clone(&plan), session.context.task_ctx()).await.unwrap();
    let mut scan = plan;
    while !scan.is::<RemoteScanExec>() {
        scan = Arc::clone(scan.children()[0]);
    }
    let metrics = scan.metrics().expect("metrics");
    assert_eq!(metrics.output_rows(), Some(5));
    let names: HashSet<String> = metrics.iter().map(|metric| metric.value().name().to_owned()).collect();
    for name in ["output_rows", "elapsed_compute", "elapsed_remote", "splits", "bytes_decoded"] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
}

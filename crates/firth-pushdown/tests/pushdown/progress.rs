//! How far a running plan has come.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::execution::TaskContext;
use firth_connector::{Remotes, ScanProgress};
use firth_pushdown::execute;
use firth_testkit::fake_remote::{FakeRemote, FakeSplits};
use futures::StreamExt;

use crate::session::Session;

#[tokio::test]
async fn splits_and_rows_are_counted_until_the_plan_has_run() {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let batch = RecordBatch::try_from_iter_with_nullable([("id", ids, true)]).unwrap();
    let remote =
        FakeRemote::new().with_table("", "t", batch).with_splits(FakeSplits::Tokens(4)).with_batch_rows(5);
    let mut session = Session::empty(remote, true, 1);
    session.register_described("t", "", "t", |table| table.row_count = Some(100)).await;
    let plan = session.plan("SELECT id FROM t").await;
    let state = session.context.state();
    let remotes = state.config().get_extension::<Remotes>().unwrap();
    let mut rows = execute(plan, TaskContext::from(&state), |_| None).unwrap();

    let only = || <[ScanProgress; 1]>::try_from(remotes.progress()).unwrap()[0].clone();
    assert_eq!((only().parts, only().done, only().rows, only().expected_rows), (0, 0, 0, Some(100)));
    let (mut delivered, mut shares) = (0, vec![0.0]);
    while let Some(batch) = rows.next().await {
        delivered += batch.unwrap().num_rows() as u64;
        let now = only();
        assert_eq!((now.parts, now.rows), (4, delivered));
        assert!(now.done < 4, "the last split is not known to be at its end");
        shares.push(now.share());
    }
    assert_eq!(delivered, 100);
    assert!(shares.is_sorted() && shares[10] == 0.5, "{shares:?}");
    assert_eq!(remotes.progress(), [], "nothing runs any more");
}

//! What a statement's store promises: one object under one name for as long as the statement runs.

use std::sync::Arc;

use firth_connector::SourceMetrics;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, memory::InMemory, path::Path};

use super::{Caches, ChangedWhileReading, StatementStore, StoreId};

fn store(inner: &Arc<InMemory>, prefix: &str) -> (StatementStore, Arc<SourceMetrics>) {
    let metrics = Arc::new(SourceMetrics::default());
    let namer = Box::new(|path: &Path| format!("mem://{path}"));
    let inner: Arc<dyn ObjectStore> = inner.clone();
    let id = StoreId::new(uuid::Uuid::nil(), 0, prefix);
    let caches = Arc::new(Caches::default());
    (StatementStore::new(inner, Path::from(prefix), Arc::clone(&metrics), namer, id, caches), metrics)
}

async fn put(inner: &InMemory, key: &str, text: &'static str) {
    inner.put(&Path::from(key), PutPayload::from_static(text.as_bytes())).await.expect("put");
}

#[tokio::test]
async fn an_object_replaced_after_the_listing_fails_loudly() {
    let inner = Arc::new(InMemory::new());
    put(&inner, "t/a.csv", "old").await;
    let (store, _) = store(&inner, "connection/bucket");
    let listed: Vec<_> =
        store.list(Some(&Path::from("connection/bucket/t"))).try_collect().await.expect("listed");
    let location = listed[0].location.clone();
    assert_eq!(location.as_ref(), "connection/bucket/t/a.csv");
    let mut own = listed[0].clone();
    own.location = store.inner_path(&location);
    store.remember(&own);
    assert_eq!(
        store.get(&location).await.expect("still the same").bytes().await.expect("read").as_ref(),
        b"old"
    );

    put(&inner, "t/a.csv", "new").await;
    for error in [
        store.get(&location).await.map(drop).expect_err("replaced"),
        store.get_range(&location, 0..2).await.map(drop).expect_err("replaced"),
        store.get_ranges(&location, &[0..1, 2..3]).await.map(drop).expect_err("replaced"),
    ] {
        let object_store::Error::Precondition { path, source } = error else {
            panic!("another error: {error}")
        };
        assert_eq!(path, "mem://t/a.csv");
        assert!(source.downcast_ref::<ChangedWhileReading>().is_some());
    }
}

#[tokio::test]
async fn an_object_first_seen_when_read_is_pinned_too() {
    let inner = Arc::new(InMemory::new());
    put(&inner, "a", "old").await;
    let (store, _) = store(&inner, "c/b");
    let location = Path::from("c/b/a");
    store.get_range(&location, 0..1).await.expect("read");
    put(&inner, "a", "new").await;
    store.get_range(&location, 1..2).await.map(drop).expect_err("replaced between two reads");
}

#[tokio::test]
async fn requests_and_bytes_are_counted() {
    let inner = Arc::new(InMemory::new());
    put(&inner, "a", "0123456789").await;
    let (store, metrics) = store(&inner, "c/b");
    let location = Path::from("c/b/a");
    store.get_range(&location, 2..5).await.expect("read");
    store.get(&location).await.expect("read").bytes().await.expect("bytes");
    let report = metrics.report(Some("us.lake"), "AWS");
    assert_eq!((report.requests, report.bytes), (2, 13));
}

#[tokio::test]
async fn one_key_of_two_connections_has_two_paths() {
    let inner = Arc::new(InMemory::new());
    let (one, _) = store(&inner, "one/lake");
    let (two, _) = store(&inner, "two/lake");
    let key = Path::from("t/a.parquet");
    assert_ne!(one.outer(&key), two.outer(&key));
    assert_eq!(one.inner_path(&one.outer(&key)), key);
}

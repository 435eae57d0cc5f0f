//! What caches keep, and what they never answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryPool};
use object_store::path::Path;
use uuid::Uuid;

use super::{Aged, Caches, ObjectKey, StoreId, YieldingPool};

fn store(version: u64) -> StoreId {
    StoreId::new(Uuid::nil(), version, "lake")
}

fn object(e_tag: &str) -> ObjectKey {
    ObjectKey::try_new(&store(0), &Path::from("a.parquet"), Some(e_tag), None, 100).expect("has an ETag")
}

fn caches(pool_size: usize, limit: usize) -> (Arc<Caches>, Arc<dyn MemoryPool>) {
    let caches = Arc::new(Caches::default());
    let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(pool_size));
    caches.charge(&pool, limit);
    (Arc::clone(&caches), Arc::new(YieldingPool::new(pool, caches)))
}

fn text(bytes: Option<Bytes>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn a_kept_range_answers_what_lies_within_it_and_nothing_else() {
    let (caches, _) = caches(1 << 20, 1 << 20);
    caches.keep_bytes(&object("one"), 10, Bytes::from_static(b"0123456789"));
    caches.keep_bytes(&object("one"), 12, Bytes::from_static(b"23"));
    assert_eq!(text(caches.bytes(&object("one"), &(13..17))).as_deref(), Some("3456"));
    assert_eq!(text(caches.bytes(&object("one"), &(10..20))).as_deref(), Some("0123456789"));
    assert_eq!(text(caches.bytes(&object("one"), &(9..12))), None);
    assert_eq!(text(caches.bytes(&object("one"), &(15..21))), None);
    assert_eq!(text(caches.bytes(&object("two"), &(13..17))), None, "another state of the object");
}

#[test]
fn an_object_that_cannot_be_told_from_its_next_state_has_no_key() {
    let key = |e_tag, version| ObjectKey::try_new(&store(0), &Path::from("a"), e_tag, version, 1);
    assert_eq!(key(None, None), None);
    assert_eq!(key(Some("W/\"x\""), None), None);
    assert!(key(None, Some("7")).is_some());
    assert_eq!(key(Some("\"x\""), None), key(Some("x"), None));
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let mut aged: Aged<&str, u8> = Aged::default();
    aged.insert("a", 1, 10);
    aged.insert("b", 2, 10);
    aged.get(&"a");
    aged.remove_oldest();
    assert_eq!((aged.get(&"a").copied(), aged.get(&"b").copied(), aged.weight()), (Some(1), None, 10));
}

#[test]
fn caches_stay_below_their_limit_and_are_charged() {
    let (caches, pool) = caches(1000, 100);
    for start in 0..10 {
        caches.keep_bytes(&object("one"), start * 40, Bytes::from(vec![0; 40]));
    }
    assert_eq!(caches.report()[0].bytes, 80);
    assert_eq!(pool.reserved(), 80);
}

#[test]
fn a_query_that_needs_memory_gets_it_from_the_caches() {
    let (caches, pool) = caches(100, 100);
    caches.keep_bytes(&object("one"), 0, Bytes::from(vec![0; 50]));
    caches.keep_bytes(&object("two"), 0, Bytes::from(vec![0; 50]));
    let query = MemoryConsumer::new("sort").register(&pool);
    query.try_grow(60).expect("one cached range makes room");
    query.try_grow(40).expect("and then the other");
    assert_eq!(caches.report()[0].bytes, 0);
    query.try_grow(1).expect_err("there is no more");
}

#[test]
fn an_altered_connection_starts_afresh() {
    let (caches, _) = caches(1000, 1000);
    caches.opened(Uuid::nil(), 0);
    caches.keep_bytes(&object("one"), 0, Bytes::from_static(b"x"));
    caches.opened(Uuid::nil(), 0);
    assert_eq!(caches.report()[0].entries, 1);
    caches.opened(Uuid::nil(), 1);
    assert_eq!(caches.report()[0].entries, 0);
    assert_ne!(caches.store_id(Uuid::nil(), "lake"), store(0));
}

#[test]
fn a_listing_is_answered_only_to_those_who_allow_its_age() {
    let (caches, _) = caches(1000, 1000);
    caches.keep_listing(&store(0), "a/*", Vec::new());
    assert!(caches.listing(&store(0), "a/*", Duration::ZERO).is_none());
    assert!(caches.listing(&store(0), "a/*", Duration::from_secs(3600)).is_some());
    assert!(caches.listing(&store(0), "b/*", Duration::from_secs(3600)).is_none());
    caches.forget_listing(&store(0), "a/*");
    assert!(caches.listing(&store(0), "a/*", Duration::from_secs(3600)).is_none());
}

//! Dropping a stream ends the work at the server, whatever it is doing.

use std::{sync::Arc, time::Duration};

use arrow::datatypes::{DataType, Field, Schema};
use firth_connector::Canceller;
use futures::StreamExt;

use super::support::{Place, begin, begin_scans, query, stream};

const RUNNING: &str = "state = 'active'";

/// Starts a read, waits until the server is at it, drops it, and measures how long the server goes on.
async fn dropped(place: &Place, sslmode: &str, text: &str, first_batch: bool) -> Duration {
    let root = if sslmode == "disable" { "" } else { &place.server.ca };
    let sql = place.sql(&[("sslmode", sslmode), ("sslrootcert", root)]);
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let mut rows = stream(&begin(&sql).await, text, &schema);
    if first_batch {
        rows.next().await.expect("a batch").expect("read");
    } else {
        let at_work = format!("{RUNNING} AND query LIKE 'COPY%'");
        tokio::select! {
            _ = rows.next() => panic!("{text} ended by itself"),
            _ = place.until(1, &at_work) => {}
        }
    }
    drop(rows);
    let took = place.until(0, RUNNING).await;
    // The cancelled backend is not used again, but the connection works.
    query(&sql, "SELECT 1 AS n").await.expect("a fresh backend");
    took
}

#[tokio::test]
async fn a_dropped_stream_ends_at_the_server_within_a_second() {
    let Some(place) = Place::new("cancel").await else { return };
    place.create("CREATE TABLE locked (n bigint)").await;
    let endless = "SELECT generate_series(1, 1000000000000) AS n";
    let sorting = "SELECT n::bigint AS n FROM generate_series(1, 10000000) n ORDER BY md5(n::text)";
    let waiting = format!("SELECT n FROM {}.locked", place.name);
    for sslmode in ["verify-full", "disable"] {
        let streaming = dropped(&place, sslmode, endless, true).await;
        assert!(streaming < Duration::from_secs(1), "{sslmode}: {streaming:?}");
        let sorting = dropped(&place, sslmode, sorting, false).await;
        assert!(sorting < Duration::from_secs(1), "{sslmode}: {sorting:?}");
    }
    place.run("BEGIN; LOCK TABLE {}.locked IN ACCESS EXCLUSIVE MODE").await;
    let sql = place.sql(&[]);
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let mut rows = stream(&begin(&sql).await, &waiting, &schema);
    tokio::select! {
        _ = rows.next() => panic!("the lock did not hold"),
        _ = place.until(1, "wait_event_type = 'Lock'") => {}
    }
    drop(rows);
    let took = place.until(0, RUNNING).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    place.run("ROLLBACK").await;
}

#[tokio::test]
async fn the_canceller_leaves_no_backend_behind() {
    let Some(place) = Place::new("left_behind").await else { return };
    let sql = place.sql(&[]);
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let scope = begin_scans(&sql, None).await;
    let text = "SELECT generate_series(1, 1000000000000) AS n";
    // One more holds the snapshot.
    let mut streams: Vec<_> = (0..7).map(|_| stream(&scope, text, &schema)).collect();
    for stream in &mut streams {
        stream.next().await.expect("a batch").expect("read");
    }
    assert_eq!(place.backends("true").await, 8);
    drop((streams, scope));
    Canceller::drained().await;
    // What held the snapshot was not cancelled, and is kept for the next statement.
    place.until(1, "true").await;
    assert_eq!(place.backends("state = 'idle'").await, 1);
}

//! Scans in parts, by several backends, in one snapshot.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arrow::{array::AsArray, datatypes::Int64Type};
use firth_connector::{ReadScope, Relation, RemoteRead, RemoteScan, SourceMetrics, Split, TableSpec};
use futures::{StreamExt, TryStreamExt, future::try_join_all};
use tokio_postgres::NoTls;

use super::support::{Place, begin_scans, diagnostic};

const OPEN: &str = "state = 'idle in transaction'";
/// Fills 25 MB: enough to be split.
const LARGE: &str =
    "CREATE TABLE large (id bigint, amount bigint, filler text) WITH (autovacuum_enabled = false);
     INSERT INTO large SELECT n, 10, repeat('x', 900) FROM generate_series(1, 25000) n; ANALYZE large";

/// A scan of `table`'s columns `id` and `amount`.
async fn scan(place: &Place, table: &str, options: &[(&str, &str)]) -> RemoteScan {
    let table = TableSpec { schema: place.name.clone(), name: table.to_owned() };
    let description = place.open(options).expect("valid").describe(&table).await.expect("described");
    let columns = vec![
        description.schema.index_of("id").expect("a column"),
        description.schema.index_of("amount").expect("a column"),
    ];
    RemoteScan { relation: Relation::Table(table), description, columns, predicate: None, limit: None }
}

fn text(scan: &RemoteScan, split: Option<&Split>) -> String {
    let Relation::Table(table) = &scan.relation else { panic!("a table") };
    let conditions: Vec<&str> =
        [scan.predicate.as_deref(), split.and_then(|split| split.predicate.as_deref())]
            .into_iter()
            .flatten()
            .collect();
    let condition =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("SELECT id, amount FROM {}.{}{condition}", table.schema, table.name)
}

fn read(
    scope: &Arc<dyn ReadScope>,
    scan: &RemoteScan,
    split: Split,
) -> datafusion::execution::SendableRecordBatchStream {
    let schema = Arc::new(scan.description.schema.project(&scan.columns).expect("its columns"));
    let sql = text(scan, Some(&split));
    let metrics = Arc::new(SourceMetrics::default());
    Arc::clone(scope).read(RemoteRead { sql, schema, split, labels: Vec::new(), metrics }).expect("lazy")
}

/// The number of splits, the rows and the sum of the amounts of a scan whose splits are all read at once.
async fn totals(
    scope: &Arc<dyn ReadScope>,
    scan: &RemoteScan,
) -> firth_diagnostic::Result<(usize, i64, i64)> {
    let splits = scope.splits(scan, &text(scan, None)).await?;
    let count = splits.len();
    let sums = try_join_all(splits.into_iter().map(async |split| {
        let mut totals = (0, 0);
        let mut batches = read(scope, scan, split);
        while let Some(batch) = batches.try_next().await.map_err(diagnostic)? {
            let amounts = batch.column(1).as_primitive::<Int64Type>();
            totals.0 += batch.num_rows() as i64;
            totals.1 += amounts.iter().flatten().sum::<i64>();
        }
        Ok(totals)
    }))
    .await?;
    Ok((count, sums.iter().map(|sum| sum.0).sum(), sums.iter().map(|sum| sum.1).sum()))
}

#[tokio::test]
async fn every_row_of_a_split_table_is_read_once() {
    let Some(place) = Place::new("split").await else { return };
    place.create(LARGE).await;
    place
        .create(
            "CREATE TABLE parted (id bigint, amount bigint, filler text) PARTITION BY LIST (amount);
             CREATE TABLE few PARTITION OF parted FOR VALUES IN (1);
             CREATE TABLE many PARTITION OF parted FOR VALUES IN (2);
             INSERT INTO parted SELECT n, 1, 'x' FROM generate_series(1, 10) n;
             INSERT INTO parted SELECT n, 2, repeat('x', 900) FROM generate_series(1, 25000) n;
             ANALYZE parted;
             CREATE INDEX by_id ON large (id);
             CREATE VIEW seen AS SELECT * FROM large",
        )
        .await;
    for backends in ["1", "2", "3", "8"] {
        let options = [("max_backends", backends)];
        let sql = place.sql(&options);
        let most = backends.parse::<i64>().expect("a number");
        let large = scan(&place, "large", &options).await;
        let read = totals(&begin_scans(&sql, Some(1)).await, &large).await.expect("read");
        assert_eq!((read.1, read.2), (25_000, 250_000), "{backends}");
        assert_eq!(read.0 > 1, most > 1, "{backends}: {} splits", read.0);
        assert!(place.backends("application_name LIKE 'firth%'").await <= most, "{backends}");

        let parted = scan(&place, "parted", &options).await;
        let read = totals(&begin_scans(&sql, None).await, &parted).await.expect("read");
        assert_eq!((read.1, read.2), (25_010, 50_010), "{backends}");
        assert_eq!(read.0 > 1, most > 1, "{backends}: {} splits of partitions", read.0);
    }
    let sql = place.sql(&[]);
    let splits = async |scan: &RemoteScan| {
        let scope = begin_scans(&sql, Some(1)).await;
        scope.splits(scan, &text(scan, None)).await.expect("split").len()
    };
    let mut large = scan(&place, "large", &[]).await;
    large.predicate = Some("id = 7".to_owned());
    assert_eq!(splits(&large).await, 1, "an index finds it");
    large.predicate = Some("amount = 7".to_owned());
    assert!(splits(&large).await > 1, "no index finds it");
    large.limit = Some(10);
    assert_eq!(splits(&large).await, 1, "a limit ends it early");
    assert_eq!(splits(&scan(&place, "seen", &[]).await).await, 1, "a view of few rows");
}

/// Views over a table, read by ranges of a column: each row once, NULL and what the statistics do not know too.
#[tokio::test]
async fn a_view_is_read_in_ranges_of_a_column_that_has_an_index() {
    let Some(place) = Place::new("ranges").await else { return };
    place
        .create(
            "CREATE TABLE base (\"Id\" int, at timestamp, amount bigint);
             INSERT INTO base SELECT n, timestamp '2020-01-01' + n * interval '1 minute', 10 FROM generate_series(1, 400000) n;
             CREATE INDEX ON base (\"Id\");
             ANALYZE base;
             INSERT INTO base SELECT NULL, NULL, 10 FROM generate_series(1, 500);
             INSERT INTO base VALUES (-5, '-infinity', 10), (2147483647, 'infinity', 10), (2000000000, NULL, 10);
             CREATE VIEW plain AS SELECT amount, \"Id\" AS id FROM base;
             CREATE VIEW made AS SELECT amount, \"Id\" - 1 AS id FROM base;
             CREATE VIEW grouped AS SELECT sum(amount)::bigint AS amount, max(\"Id\") AS id FROM base GROUP BY \"Id\" / 2;
             CREATE VIEW evens AS SELECT amount, \"Id\" AS id FROM base WHERE \"Id\" IS NULL OR \"Id\" % 2 = 0",
        )
        .await;
    // Of this one the role may not read every column.
    place
        .run(
            "CREATE VIEW {}.partly AS SELECT amount, \"Id\" AS id, at FROM {}.base;
             GRANT SELECT (amount, id) ON {}.partly TO {}",
        )
        .await;
    for backends in ["1", "3", "8"] {
        let options = [("max_backends", backends)];
        let sql = place.sql(&options);
        for (view, splits, rows) in [
            ("plain", true, 400_503),
            ("made", false, 400_503),
            ("grouped", false, 200_005),
            ("evens", false, 200_501),
            ("partly", false, 400_503),
        ] {
            let read = scan(&place, view, &options).await;
            let read = totals(&begin_scans(&sql, Some(1)).await, &read).await.expect("read");
            assert_eq!(read.1, rows, "{view}, {backends}");
            assert_eq!(read.0 > 1, splits && backends != "1", "{view}, {backends}: {} splits", read.0);
        }
    }
}

/// Amounts wander between the rows of two tables while both are read in parts: the sum never changes.
#[tokio::test]
async fn a_statement_sees_one_moment_while_others_write() {
    let Some(place) = Place::new("moment").await else { return };
    place.create(LARGE).await;
    place.create("CREATE TABLE small AS SELECT n::bigint AS id, 10::bigint AS amount FROM generate_series(1, 100) n").await;
    let mut config = tokio_postgres::Config::new();
    config.host(&place.server.host).port(place.server.port).dbname(&place.server.plain_database);
    config.user(&place.server.user).password(&place.server.password);
    let (writer, connection) = config.connect(NoTls).await.expect("the superuser can connect");
    tokio::spawn(connection);
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, name) = (Arc::clone(&stop), place.name.clone());
    let writes = tokio::spawn(async move {
        let mut moved = 0;
        while !stopped.load(Ordering::Relaxed) {
            let (from, to) = (moved % 100 + 1, (moved * 7919) % 25_000 + 1);
            let sql = format!(
                "BEGIN; UPDATE {name}.small SET amount = amount - 1 WHERE id = {from};
                 UPDATE {name}.large SET amount = amount + 1 WHERE id = {to}; COMMIT"
            );
            writer.batch_execute(&sql).await.expect("written");
            moved += 1;
        }
        moved
    });
    for backends in ["1", "2", "8"] {
        let options = [("max_backends", backends)];
        let sql = place.sql(&options);
        let (large, small) = (scan(&place, "large", &options).await, scan(&place, "small", &options).await);
        for scans in [Some(2), None] {
            for _ in 0..4 {
                let scope = begin_scans(&sql, scans).await;
                let (large, small) = tokio::join!(totals(&scope, &large), totals(&scope, &small));
                let (large, small) = (large.expect("read"), small.expect("read"));
                assert_eq!(large.2 + small.2, 251_000, "{backends} backends, {scans:?} scans");
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writes.await.expect("joined") > 10, "nothing was written meanwhile");
}

#[tokio::test]
async fn a_snapshot_ends_with_its_statement() {
    let Some(place) = Place::new("held").await else { return };
    place.create(LARGE).await;
    place.create("CREATE TABLE small AS SELECT 1::bigint AS id, 10::bigint AS amount").await;
    let sql = place.sql(&[]);
    let small = scan(&place, "small", &[]).await;
    // A second scan is to come, so the snapshot is held, and what has read is kept for it.
    let scope = begin_scans(&sql, Some(2)).await;
    totals(&scope, &small).await.expect("read");
    place.until(2, OPEN).await;
    drop(scope);
    let took = place.until(0, OPEN).await;
    assert!(took < Duration::from_secs(1), "{took:?}");

    // None is to come: it ends with the last read, while the statement goes on.
    let scope = begin_scans(&sql, Some(1)).await;
    totals(&scope, &scan(&place, "large", &[]).await).await.expect("read");
    place.until(0, OPEN).await;
    drop(scope);

    // In mid-read, by several backends.
    let large = scan(&place, "large", &[]).await;
    let scope = begin_scans(&sql, Some(2)).await;
    let splits = scope.splits(&large, &text(&large, None)).await.expect("split");
    let mut streams: Vec<_> = splits.into_iter().take(3).map(|split| read(&scope, &large, split)).collect();
    for stream in &mut streams {
        stream.next().await.expect("a batch").expect("read");
    }
    assert!(place.backends("state <> 'idle'").await > 1);
    drop((streams, scope));
    let took = place.until(0, "state <> 'idle'").await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// The only backend holds the snapshot: dropping its read must not end it.
#[tokio::test]
async fn a_read_that_ends_early_keeps_the_snapshot_for_the_next() {
    let Some(place) = Place::new("early").await else { return };
    place.create(LARGE).await;
    place.create("CREATE TABLE small AS SELECT 1::bigint AS id, 10::bigint AS amount").await;
    for backends in ["1", "2"] {
        let options = [("max_backends", backends)];
        let sql = place.sql(&options);
        let (large, small) = (scan(&place, "large", &options).await, scan(&place, "small", &options).await);
        let scope = begin_scans(&sql, Some(2)).await;
        let splits = scope.splits(&large, &text(&large, None)).await.expect("split");
        let mut rows = read(&scope, &large, splits[0].clone());
        rows.next().await.expect("a batch").expect("read");
        place.create("UPDATE small SET amount = amount + 1").await;
        drop(rows);
        assert_eq!(totals(&scope, &small).await.expect("read").2, 10, "{backends}");
        place.create("UPDATE small SET amount = 10").await;
    }
}

#[tokio::test]
async fn a_server_without_a_free_slot_is_read_by_the_backends_there_are() {
    let Some(place) = Place::new("slots").await else { return };
    place.create(LARGE).await;
    for slots in [1, 2] {
        let sql = place.sql(&[]);
        let large = {
            let remote = scan(&place, "large", &[]).await;
            place.until(0, "true").await;
            remote
        };
        place.run(&format!("ALTER ROLE {{}} CONNECTION LIMIT {slots}")).await;
        let read = totals(&begin_scans(&sql, Some(1)).await, &large).await.expect("read");
        assert_eq!((read.1, read.2), (25_000, 250_000), "{slots} slots");
        assert!(read.0 > 1);
        place.run("ALTER ROLE {} CONNECTION LIMIT -1").await;
        drop(sql);
        place.until(0, "true").await;
    }
}

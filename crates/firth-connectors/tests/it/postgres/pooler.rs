//! By way of PgBouncer, in each of its modes.

use std::sync::Arc;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int64Type,
};
use firth_connector::{Relation, Remote, RemoteRead, RemoteScan, SourceMetrics, TableSpec};
use firth_diagnostic::Result;
use firth_testkit::servers::Servers;
use futures::{TryStreamExt, future::try_join_all};
use tokio_postgres::NoTls;

use super::support::{Place, begin_scans, diagnostic};

const LARGE: &str = "CREATE TYPE mood AS ENUM ('fine', 'sad');
    CREATE TABLE large (id bigint, mood mood, filler text) WITH (autovacuum_enabled = false);
    INSERT INTO large SELECT n, 'sad', repeat('x', 900) FROM generate_series(1, 25000) n; ANALYZE large";

/// A place with a large table, and the pooler's port.
async fn place(test: &str) -> Option<(Place, u16)> {
    let (_, port) = Servers::from_env().require_pooler(test)?;
    let place = Place::new(test).await?;
    place.create(LARGE).await;
    Some((place, port))
}

fn open(place: &Place, port: u16, database: &str) -> Arc<dyn Remote> {
    let port = port.to_string();
    place.open(&[("port", &port), ("database", database), ("max_backends", "4")]).expect("valid options")
}

/// How many splits the table is read in, the sum of its numbers, and what is noted meanwhile.
async fn read(place: &Place, remote: &Arc<dyn Remote>) -> Result<(usize, i64, Vec<String>)> {
    let table = TableSpec { schema: place.name.clone(), name: "large".to_owned() };
    let description = remote.describe(&table).await?;
    let schema = Arc::new(description.schema.project(&[0, 1]).expect("its columns"));
    let relation = Relation::Table(table);
    let scan = RemoteScan { relation, description, columns: vec![0, 1], predicate: None, limit: None };
    let text = format!("SELECT id, mood FROM {}.large", place.name);
    let scope = begin_scans(&Arc::clone(remote).sql().expect("a SQL side"), Some(1)).await;
    let metrics = Arc::new(SourceMetrics::default());
    let splits = scope.splits(&scan, &text).await?;
    let count = splits.len();
    let sums = try_join_all(splits.into_iter().map(async |split| {
        let sql = split.predicate.as_ref().map_or(text.clone(), |part| format!("{text} WHERE {part}"));
        let (schema, metrics) = (Arc::clone(&schema), Arc::clone(&metrics));
        let rows = Arc::clone(&scope).read(RemoteRead { sql, schema, split, labels: Vec::new(), metrics })?;
        let batches: Vec<RecordBatch> = rows.try_collect().await.map_err(diagnostic)?;
        let ids = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter());
        Ok(ids.flatten().sum::<i64>())
    }))
    .await?;
    Ok((count, sums.iter().sum(), metrics.report(None, "POSTGRES").notes))
}

const SUM: i64 = 25_000 * 25_001 / 2;

#[tokio::test]
async fn several_backends_share_a_snapshot_through_a_pool_of_transactions() {
    let Some((place, port)) = place("pooled").await else { return };
    // As another process of ours may have left them with the servers that the pooler hands out.
    let mut config = tokio_postgres::Config::new();
    config.host(&place.server.host).port(port).dbname("transaction").user(&place.name).password("canary");
    let (other, connection) = config.connect(NoTls).await.expect("the pooler lets us in");
    tokio::spawn(connection);
    let left: String = (0..300).map(|n| format!("PREPARE s{n} AS SELECT 'of another'; ")).collect();
    other.batch_execute(&left).await.expect("prepared");

    let remote = open(&place, port, "transaction");
    for _ in 0..3 {
        let (splits, sum, notes) = read(&place, &remote).await.expect("read");
        assert!(splits > 1, "{splits}");
        assert_eq!((sum, notes), (SUM, vec![]));
    }
    // Two of them, whose transactions come to each other's servers.
    let second = open(&place, port, "transaction");
    let (one, two) = tokio::join!(read(&place, &remote), read(&place, &second));
    assert_eq!((one.expect("read").1, two.expect("read").1), (SUM, SUM));
}

#[tokio::test]
async fn a_pool_of_sessions_is_like_the_server_itself() {
    let Some((place, port)) = place("sessions").await else { return };
    let remote = open(&place, port, "session");
    for _ in 0..2 {
        let (splits, sum, notes) = read(&place, &remote).await.expect("read");
        assert!(splits > 1, "{splits}");
        assert_eq!((sum, notes), (SUM, vec![]));
    }
}

#[tokio::test]
async fn a_small_pool_is_read_by_fewer() {
    let Some((place, port)) = place("small_pool").await else { return };
    let (_, sum, notes) = read(&place, &open(&place, port, "small")).await.expect("read");
    assert_eq!(sum, SUM);
    insta::assert_snapshot!(notes.join("\n"), @"read by fewer backends than max_backends, because the server or its pooler gave no more");
}

#[tokio::test]
async fn a_pool_of_statements_is_refused() {
    let Some((place, port)) = place("statements").await else { return };
    let refused = read(&place, &open(&place, port, "statement")).await.expect_err("refused");
    insta::assert_snapshot!(place.shown(&refused).replace(&format!(":{port}"), ":PORT"), @r#"
    error[unsupported]: 127.0.0.1:PORT is a pooler that takes single statements only
    detail: PostgreSQL says: "transaction blocks not allowed in statement pooling mode" (SQLSTATE 08P01)
    hint: A read is a transaction: set pool_mode = transaction or session for this database, or connect to the server itself.
    "#);
}

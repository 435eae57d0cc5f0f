//! Reading: literals, batches, backends, and reads that would wait for each other.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::scalar::ScalarValue;
use firth_connector::{RemoteSql, StatementId};
use futures::{StreamExt, TryStreamExt};

use super::support::{Place, begin, diagnostic, query, stream};

fn integers(names: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(
        names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>(),
    ))
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn every_literal_comes_back() {
    let Some(place) = Place::new("literals").await else { return };
    place.run("ALTER ROLE {} SET standard_conforming_strings = off; ALTER ROLE {} SET datestyle = 'German'; ALTER ROLE {} SET timezone = 'Asia/Tokyo'").await;
    let sql: Arc<dyn RemoteSql> = place.sql(&[]);
    let values = [
        ScalarValue::Boolean(Some(false)),
        ScalarValue::Int64(Some(i64::MIN)),
        ScalarValue::Int64(Some(i64::MAX)),
        ScalarValue::Int64(Some(-1)),
        ScalarValue::Float64(Some(0.1)),
        ScalarValue::Float64(Some(f64::MAX)),
        ScalarValue::Float64(Some(5e-324)),
        ScalarValue::Decimal128(Some(10i128.pow(38) - 1), 38, 9),
        ScalarValue::Decimal128(Some(-1), 38, 9),
        ScalarValue::Utf8(Some("it's \\' \"ü\" $$ \n --".to_owned())),
        ScalarValue::Binary(Some((0..=255).collect())),
        ScalarValue::Date32(Some(-719_162)),
        ScalarValue::Date32(Some(2_932_896)),
        ScalarValue::Time64Microsecond(Some(86_399_999_999)),
        ScalarValue::TimestampMicrosecond(Some(-62_135_596_800_000_000), None),
        ScalarValue::TimestampMicrosecond(Some(253_402_300_799_999_999), Some("UTC".into())),
    ];
    let scope = begin(&sql).await;
    for value in values {
        let mut text = sql.dialect().literal(&value).expect("a literal");
        if matches!(value, ScalarValue::Utf8(_)) {
            text.push_str("::text");
        }
        let schema = Arc::new(Schema::new(vec![Field::new("c", value.data_type(), true)]));
        let batches: Vec<RecordBatch> =
            stream(&scope, &format!("SELECT {text} AS c"), &schema).try_collect().await.expect(&text);
        let back = ScalarValue::try_from_array(batches[0].column(0), 0).expect("one row");
        assert_eq!(back, value, "{text}");
    }
}

#[tokio::test]
async fn rows_without_columns_and_large_results() {
    let Some(place) = Place::new("large").await else { return };
    let sql = place.sql(&[]);
    let scope = begin(&sql).await;
    let none: Vec<RecordBatch> = stream(&scope, "SELECT  FROM generate_series(1, 20000) n", &integers(&[]))
        .try_collect()
        .await
        .expect("read");
    assert_eq!(rows(&none), 20_000);
    let (_, large) =
        query(&sql, "SELECT n, repeat('x', 2000) AS x FROM generate_series(1, 20000) n").await.expect("read");
    assert_eq!(rows(&large), 20_000);
    assert!(large.iter().all(|batch| batch.get_array_memory_size() < 20 << 20));
}

#[tokio::test]
async fn a_column_that_changed_its_type_is_noticed() {
    let Some(place) = Place::new("changed").await else { return };
    let sql = place.sql(&[]);
    let result: Result<Vec<RecordBatch>, _> =
        stream(&begin(&sql).await, "SELECT 'a'::text AS c", &integers(&["c"])).try_collect().await;
    insta::assert_snapshot!(place.shown(&diagnostic(result.expect_err("refused"))), @r#"
    error[conflict]: column "c" is now of type text, not what it was described as
    hint: The table has changed since it was described: create it again, or name the columns.
    "#);
}

#[tokio::test]
async fn backends_are_capped_and_used_again() {
    let Some(place) = Place::new("capped").await else { return };
    let sql = place.sql(&[("max_backends", "2")]);
    let reads = (0..10).map(|_| async {
        query(&sql, "SELECT pg_backend_pid() AS pid FROM pg_sleep(0.02)")
            .await
            .map(|(_, batches)| rows(&batches))
    });
    let counted = futures::future::join_all(reads);
    let watched = async {
        let mut most = 0;
        for _ in 0..20 {
            most = most.max(place.backends("true").await);
            place.run("SELECT pg_sleep(0.01)").await;
        }
        most
    };
    let (counted, most) = tokio::join!(counted, watched);
    assert!(counted.iter().all(|rows| rows.as_ref() == Ok(&1)));
    assert!((1..=2).contains(&most), "{most} backends");
    assert!(place.backends("application_name LIKE 'firth%'").await > 0);
}

#[tokio::test]
async fn the_server_is_told_which_statement_reads() {
    let Some(place) = Place::new("known").await else { return };
    let sql = place.sql(&[]);
    for scans in [Some(1), Some(2)] {
        let statement = StatementId::random();
        let scope = sql.begin(statement, scans).await.expect("lazy");
        let text = "SELECT generate_series(1, 1000000000000) AS n";
        let mut rows = stream(&scope, text, &integers(&["n"]));
        rows.next().await.expect("a batch").expect("read");
        let known = format!("application_name = 'firth {statement}'");
        assert_eq!(place.backends(&format!("{known} AND query LIKE 'COPY%'")).await, 1, "{scans:?}");
        drop((rows, scope));
        place.until(0, &known).await;
    }
}

/// As a merge join does: the first input holds the only backend and is not read on before the second delivers.
#[tokio::test]
async fn two_reads_share_one_backend_without_waiting_for_ever() {
    let Some(place) = Place::new("merge").await else { return };
    let sql = place.sql(&[("max_backends", "1")]);
    let scope = begin(&sql).await;
    let schema = integers(&["n"]);
    let text = "SELECT n::bigint AS n FROM generate_series(1, 300000) n";
    let (mut left, mut right) = (stream(&scope, text, &schema), stream(&scope, text, &schema));
    let (mut from_left, mut from_right) = (Vec::new(), Vec::new());
    loop {
        let (a, b) = (left.next().await.transpose(), right.next().await.transpose());
        assert!(place.backends("true").await <= 1);
        match (a.expect("read"), b.expect("read")) {
            (None, None) => break,
            (a, b) => {
                from_left.extend(a);
                from_right.extend(b);
            }
        }
    }
    let values =
        |batches: &[RecordBatch]| arrow::compute::concat_batches(&schema, batches).expect("one schema");
    assert_eq!(rows(&from_left), 300_000);
    assert_eq!(values(&from_left), values(&from_right));
}

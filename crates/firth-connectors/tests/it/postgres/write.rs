//! Rows into tables: what is read of every type, written again.

use std::sync::Arc;

use arrow::{
    array::{Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchStreamAdapter,
};
use firth_connector::{Relation, RemoteSql, RemoteWrite, StatementId, TableSpec, WritePoints};
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{StreamExt, stream};

use super::{
    support::{Place, read},
    types::{TYPES, place, written},
};

fn rows(schema: &Arc<Schema>, batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    let batches = stream::iter(batches.into_iter().map(Ok::<_, DataFusionError>));
    Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), batches))
}

fn spec(place: &Place, table: &str) -> TableSpec {
    TableSpec { schema: place.name.clone(), name: table.to_owned() }
}

async fn write(
    sql: &Arc<dyn RemoteSql>,
    table: TableSpec,
    create: bool,
    columns: &Arc<Schema>,
    rows: SendableRecordBatchStream,
) -> Result<u64> {
    let write = RemoteWrite {
        table,
        columns: Arc::clone(columns),
        create,
        statement: StatementId::random(),
        points: WritePoints::default(),
    };
    sql.writer().expect("it writes").write(&write, rows).await
}

#[tokio::test]
async fn what_is_read_is_written_again() {
    let Some(place) = place("written").await else { return };
    let remote = place.open(&[]).expect("valid options");
    let sql: Arc<dyn RemoteSql> = Arc::clone(&remote).sql().expect("a SQL side");
    let mut refused = Vec::new();
    for (index, (type_, _, values)) in TYPES.iter().enumerate() {
        let values: Vec<String> = values.iter().map(|value| format!("(({value})::{type_})")).collect();
        let values = values.join(", ");
        let (from, to) = (format!("from{index}"), format!("to{index}"));
        let made = format!(
            "CREATE TABLE {from} (v {type_}); INSERT INTO {from} VALUES {values}, (NULL); CREATE TABLE {to} (v {type_})"
        );
        place.admin.batch_execute(&made).await.expect(type_);
        let described = remote.describe(&spec(&place, &from)).await.expect(type_);
        let schema = Arc::clone(&described.schema);
        let batches = read(&sql, Relation::Table(spec(&place, &from)), described).await.expect(type_);
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        match write(&sql, spec(&place, &to), false, &schema, rows(&schema, batches.clone())).await {
            Ok(written_rows) => {
                assert_eq!(written_rows, count as u64, "{type_}");
                let text = |table: &str| format!("SELECT v::text FROM {table}");
                // A number without a scale of its own comes back with that of NUMERIC.
                let text = |table: &str| match *type_ {
                    "numeric" | "pair" | "pair[]" | "place" => {
                        format!("SELECT (SELECT count(*)::text FROM {table} WHERE v IS NOT NULL)")
                    }
                    // Of which bounds are not read.
                    "int[]" => format!(
                        "SELECT CASE WHEN v IS NOT NULL THEN ARRAY(SELECT unnest(v))::text END FROM {table}"
                    ),
                    _ => text(table),
                };
                assert_eq!(written(&place, &text(&to)).await, written(&place, &text(&from)).await, "{type_}");
                if matches!(*type_, "numeric" | "pair" | "place") {
                    let equal = format!("SELECT count(*)::text FROM {from} a JOIN {to} b ON a.v = b.v");
                    let all = format!("SELECT count(v)::text FROM {from}");
                    assert_eq!(written(&place, &equal).await, written(&place, &all).await, "{type_}");
                }
            }
            Err(error) => {
                assert_eq!(error.code(), Code::Unsupported, "{type_}: {error}");
                refused.push(*type_);
            }
        }
    }
    // What the server would cut or round without a word, and what it does not take.
    assert_eq!(refused, ["xid", "cid", "int[][]"]);
}

#[tokio::test]
async fn all_rows_or_none() {
    let Some(place) = place("atomic").await else { return };
    let sql = place.sql(&[]);
    place.create("CREATE TABLE few (id smallint PRIMARY KEY, note text DEFAULT 'by default')").await;
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let batch = |ids: Vec<i64>| {
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(ids))]).expect("a batch")
    };
    let few = || spec(&place, "few");
    let ids = async || {
        written(
            &place,
            &format!("SELECT string_agg(id || ' ' || note, ', ' ORDER BY id) FROM {}.few", place.name),
        )
        .await
    };

    // Columns that are not listed hold what the table says.
    let done =
        write(&sql, few(), false, &schema, rows(&schema, vec![batch(vec![1, 2]), batch(vec![3])])).await;
    assert_eq!(done.expect("written"), 3);
    assert_eq!(ids().await, [Some("1 by default, 2 by default, 3 by default".to_owned())]);

    let failed = async |stream| {
        let failure = write(&sql, few(), false, &schema, stream).await.expect_err("refused");
        place.shown(&failure)
    };
    insta::assert_snapshot!(failed(rows(&schema, vec![batch(vec![4]), batch(vec![40_000])])).await, @r#"
    error[bad_data]: 40000 does not fit column "id"
    hint: Nothing was written.
    "#);
    let twice = failed(rows(&schema, vec![batch(vec![4, 1])])).await;
    assert!(twice.contains("duplicate key value"), "{twice}");
    let broken = stream::iter([
        Ok(batch(vec![4])),
        Err(DataFusionError::External(Box::new(Diagnostic::error(Code::Remote, "the source is gone")))),
    ]);
    let broken = failed(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), broken))).await;
    assert!(broken.starts_with("error[remote]: the source is gone"), "{broken}");
    // Dropped in the middle.
    let five = batch(vec![5]);
    let endless = stream::repeat_with(move || Ok(five.clone())).then(|batch| async {
        tokio::task::yield_now().await;
        batch
    });
    let endless = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), endless));
    tokio::select! {
        _ = write(&sql, few(), false, &schema, endless) => panic!("it has no end"),
        _ = place.until(1, "query LIKE 'COPY%' AND state = 'active'") => {}
    }
    place.until(0, "query LIKE 'COPY%' AND state = 'active'").await;
    assert_eq!(ids().await, [Some("1 by default, 2 by default, 3 by default".to_owned())]);
}

#[tokio::test]
async fn a_table_is_made_with_its_rows_or_not_at_all() {
    let Some(place) = place("made").await else { return };
    let sql = place.sql(&[]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("Id", DataType::Int64, true),
        Field::new("price", DataType::Decimal128(12, 2), true),
        Field::new("note", DataType::Utf8, true),
        Field::new("tags", DataType::new_list(DataType::Utf8, true), true),
    ]));
    let empty = |columns: &Arc<Schema>| rows(columns, Vec::new());
    write(&sql, spec(&place, "made"), true, &schema, empty(&schema)).await.expect("made");
    let columns = "SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum > 0";
    assert_eq!(
        written(&place, columns).await,
        [Some("\"Id\" bigint, price numeric(12,2), note text, tags text[]".to_owned())]
    );

    let note = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
    let nul = RecordBatch::try_new(Arc::clone(&note), vec![Arc::new(StringArray::from(vec!["a\0b"]))])
        .expect("a batch");
    let refused =
        write(&sql, spec(&place, "other"), true, &note, rows(&note, vec![nul])).await.expect_err("refused");
    insta::assert_snapshot!(place.shown(&refused), @r#"
    error[bad_data]: a text for column "note" holds a NUL character, which PostgreSQL does not take
    hint: Nothing was written.
    "#);
    assert_eq!(written(&place, "SELECT to_regclass('other')::text").await, [None]);
}

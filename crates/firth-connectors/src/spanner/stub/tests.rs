//! What the server receives from a connection, and what it answers.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    datatypes::{Field, Schema, SchemaRef},
    util::{display::ArrayFormatter, pretty::pretty_format_batches},
};
use datafusion::{execution::SendableRecordBatchStream, prelude::SessionContext};
use firth_connector::{
    ReadScope, Relation, Remote, RemoteRead, RemoteScan, RemoteSql, SourceMetrics, Split, StatementId,
    TableDescription, TableSpec,
};
use firth_diagnostic::{Diagnostic, Result};
use futures::{StreamExt, TryStreamExt};
use insta::assert_snapshot;
use tempfile::TempDir;

use super::{StubFault, StubOutcome, StubRequestKind, StubServer};
use crate::spanner::{
    client::{SpannerCode, SpannerError},
    error::NOT_PARTITIONABLE,
    remote::SpannerRemote,
};

/// A database with three tables, the server's handle, and a connection to it.
struct Database {
    folder: TempDir,
    server: Arc<StubServer>,
    remote: Arc<SpannerRemote>,
}

impl Database {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let items = "CREATE TABLE t AS SELECT value AS id, value % 7 AS kind, CAST(value AS DECIMAL(15, 2)) / 4 AS price, \
                     arrow_cast('1995-01-01', 'Date32') AS shipped FROM generate_series(1, 10000)";
        write_parquet(items, &folder.path().join("items.parquet")).await;
        std::fs::write(
            folder.path().join("Nation.csv"),
            "n_nationkey,n_name,n_weight,n_seen\n0,ALGERIA,0.5,1995-01-01T00:00:00\n1,\"ARGENTINA, the\",,\n2,'BRAZIL',NaN,\n",
        )
        .expect("written");
        std::fs::write(folder.path().join("part.ndjson"), "{\"p\":1,\"q\":\"a\",\"tags\":[1]}\n{\"p\":2}\n")
            .expect("written");
        std::fs::write(folder.path().join("README.md"), "not a table").expect("written");
        let server = StubServer::for_folder(folder.path());
        let remote = Arc::new(SpannerRemote::new(None, Arc::clone(&server) as _));
        Database { folder, server, remote }
    }

    fn sql(&self) -> Arc<dyn RemoteSql> {
        Arc::clone(&self.remote).sql().expect("it speaks SQL")
    }

    async fn scope(&self) -> Arc<dyn ReadScope> {
        self.sql().begin(StatementId::random(), Some(1)).await.expect("begun")
    }

    async fn schema_of(&self, sql: &str) -> SchemaRef {
        self.sql().describe_query(sql, None).await.expect("described").1.schema
    }

    async fn open(&self, sql: &str, split: Split) -> SendableRecordBatchStream {
        let schema = self.schema_of(sql).await;
        let read =
            RemoteRead { sql: sql.to_owned(), schema, split, labels: Vec::new(), metrics: Arc::default() };
        self.scope().await.read(read).expect("a stream")
    }

    /// The whole answer, or the words of the failure.
    async fn answer(&self, sql: &str) -> String {
        match self.sql().describe_query(sql, None).await {
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
        let batches: std::result::Result<Vec<RecordBatch>, _> =
            self.open(sql, Split::default()).await.try_collect().await;
        match batches {
            Ok(batches) => pretty_format_batches(&batches).expect("printed").to_string(),
            Err(error) => words(error),
        }
    }

    async fn splits(&self, scope: &dyn ReadScope, sql: &str) -> Result<Vec<Split>> {
        let table = TableSpec { schema: String::new(), name: "items".to_owned() };
        let description = self.remote.describe(&table).await.expect("described");
        let scan = RemoteScan {
            relation: Relation::Table(table),
            description,
            columns: vec![0],
            predicate: None,
            limit: None,
        };
        scope.splits(&scan, sql).await
    }

    /// `kind text token → outcome` of every request but those to the catalog.
    fn log(&self) -> String {
        let line = |request: super::StubRequest| {
            let token = if request.token.is_some() { " with a token" } else { "" };
            format!("{:?} {}{token}: {:?}", request.kind, request.sql, request.outcome)
        };
        let requests = self.server.requests().into_iter();
        let shown: Vec<String> =
            requests.filter(|request| request.kind != StubRequestKind::ReadCatalog).map(line).collect();
        shown.join("\n")
    }
}

async fn write_parquet(create: &str, to: &Path) {
    let context = SessionContext::new();
    context.sql(create).await.expect("planned").collect().await.expect("created");
    let table = context.table("t").await.expect("there");
    table.write_parquet(to.to_str().expect("unicode"), Default::default(), None).await.expect("written");
}

fn words(error: datafusion::error::DataFusionError) -> String {
    match error {
        datafusion::error::DataFusionError::External(inner) => {
            inner.downcast_ref::<Diagnostic>().expect("a diagnostic").to_string()
        }
        other => panic!("not a message for a person: {other}"),
    }
}

fn described(table: &TableDescription) -> String {
    let columns = table.schema.fields().iter().zip(&table.columns);
    let columns: Vec<String> = columns
        .map(|(field, column)| format!("{} {} {}", field.name(), column.remote_type, field.data_type()))
        .collect();
    format!("{} {:?} {}: {}", table.table.name, table.row_count, table.max_splits, columns.join(", "))
}

#[tokio::test]
async fn files_are_tables_with_spanners_types() {
    let database = Database::new().await;
    let spec = database
        .remote
        .schema_spec("google-cloudspanner:/projects/p/instances/i/databases/d")
        .expect("valid");
    let tables = database.remote.list(&spec).await.expect("listed");
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Nation", "items", "part"]);

    let mut shown = Vec::new();
    for table in &tables {
        shown.push(described(&database.remote.describe(table).await.expect("described")));
    }
    assert_snapshot!(shown.join("\n"), @r#"
    Nation None 3: n_nationkey INT64 Int64, n_name STRING(MAX) Utf8, n_weight FLOAT64 Float64, n_seen TIMESTAMP Timestamp(µs, "UTC")
    items Some(10000) 3: id INT64 Int64, kind INT64 Int64, price NUMERIC Decimal128(38, 9), shipped DATE Date32
    part None 3: p INT64 Int64, q STRING(MAX) Utf8
    "#);
}

#[tokio::test]
async fn names_of_tables_are_found_in_any_case_and_typing_errors_are_guessed() {
    let database = Database::new().await;
    let describe = |name: &str| {
        let table = TableSpec { schema: String::new(), name: name.to_owned() };
        let remote = Arc::clone(&database.remote);
        async move { remote.describe(&table).await }
    };
    assert_eq!(describe("NATION").await.expect("found").table.name, "Nation");
    let error = describe("item").await.expect_err("absent");
    assert_eq!(error.message(), "the Spanner database has no table \"item\"");
    assert_eq!(error.hints(), ["Did you mean \"items\"?"]);
}

#[tokio::test]
async fn the_server_understands_what_the_dialect_writes() {
    let database = Database::new().await;
    assert_snapshot!(
        database.answer("SELECT `id`, `price`, `shipped` FROM `items` WHERE ((`price` = NUMERIC '2.50') AND (`shipped` >= DATE '1995-01-01'))").await,
        @r"
    +----+-------------+------------+
    | id | price       | shipped    |
    +----+-------------+------------+
    | 10 | 2.500000000 | 1995-01-01 |
    +----+-------------+------------+
    "
    );
    assert_snapshot!(
        database.answer("SELECT `n_name` FROM `Nation` WHERE (`n_name` IN ('\\'BRAZIL\\'', 'it\\'s')) OR (`n_seen` < TIMESTAMP '1995-01-01T00:00:00.000001Z')").await,
        @r"
    +----------+
    | n_name   |
    +----------+
    | ALGERIA  |
    | 'BRAZIL' |
    +----------+
    "
    );
    assert_snapshot!(
        database.answer("SELECT COUNT(*) AS n, CAST(SUM(price) AS FLOAT64) AS s, CAST(MAX(id) AS STRING) AS m FROM items").await,
        @r"
    +-------+------------+-------+
    | n     | s          | m     |
    +-------+------------+-------+
    | 10000 | 12501250.0 | 10000 |
    +-------+------------+-------+
    "
    );
}

#[tokio::test]
async fn refusals_are_spanners() {
    let database = Database::new().await;
    assert_snapshot!(database.answer("SELECT x FROM items").await, @r#"Spanner refuses the query: Spanner answers: "Unrecognized name: x""#);
    assert_snapshot!(database.answer("SELECT 1 AS one FROM nope").await, @r#"Spanner refuses the query: Spanner answers: "Table not found: nope""#);
    assert_snapshot!(database.answer("SELECT CAST(id AS BIGINT) AS x FROM items").await, @r#"Spanner refuses the query: Spanner answers: "Type not found: BIGINT""#);
    assert_snapshot!(database.answer("DELETE FROM items WHERE TRUE").await, @"the statement is not a SELECT");
    assert_snapshot!(database.answer("SELECT id + 1 FROM items").await, @"column 1 of the query has no name");
    assert_snapshot!(database.answer("SELECT id, kind AS `ID` FROM items").await, @r#"two columns of the query are named "ID""#);
    assert_snapshot!(database.answer("SELECT CAST('x' AS INT64) AS n FROM items").await, @r#"Spanner refuses the query: Spanner answers: "Cannot cast string 'x' to value of Int64 type""#);
}

#[tokio::test]
async fn a_scan_is_read_by_partition_tokens() {
    let database = Database::new().await;
    let sql = "SELECT `id` FROM `items` WHERE `kind` = 3";
    let schema = database.schema_of(sql).await;
    database.server.clear_requests();
    let scope = database.scope().await;
    let splits = database.splits(&*scope, sql).await.expect("cut");
    assert_eq!(splits.len(), 3);

    let metrics = Arc::new(SourceMetrics::default());
    let mut ids = BTreeSet::new();
    let mut rows = 0;
    for split in splits {
        let read = RemoteRead {
            sql: sql.to_owned(),
            schema: Arc::clone(&schema),
            split,
            labels: Vec::new(),
            metrics: Arc::clone(&metrics),
        };
        let batches: Vec<RecordBatch> =
            Arc::clone(&scope).read(read).expect("a stream").try_collect().await.expect("read");
        let part = concat_batches(&schema, &batches).expect("of one schema");
        assert!(part.num_rows() > 0, "every part has rows");
        rows += part.num_rows();
        let column = ArrayFormatter::try_new(part.column(0), &Default::default()).expect("printable");
        ids.extend((0..part.num_rows()).map(|row| column.value(row).to_string()));
    }
    assert_eq!((rows, ids.len()), (1429, 1429), "the parts are the whole, without overlap");
    let report = metrics.report(None, "CLOUD_SPANNER");
    assert_eq!((report.rows, report.requests, report.remote_sql), (1429, 3, vec![sql.to_owned()]));
    assert_snapshot!(database.log(), @r"
    BeginTransaction : Finished
    PartitionQuery SELECT `id` FROM `items` WHERE `kind` = 3: Finished
    ExecuteSql SELECT `id` FROM `items` WHERE `kind` = 3 with a token: Finished
    ExecuteSql SELECT `id` FROM `items` WHERE `kind` = 3 with a token: Finished
    ExecuteSql SELECT `id` FROM `items` WHERE `kind` = 3 with a token: Finished
    ");
}

#[tokio::test]
async fn what_cannot_be_cut_is_read_as_a_whole() {
    let database = Database::new().await;
    let scope = database.scope().await;
    for sql in [
        "SELECT `id` FROM `items` LIMIT 5",
        "SELECT COUNT(*) AS n FROM `items`",
        "SELECT DISTINCT `kind` FROM `items`",
        "SELECT `id` FROM `items` ORDER BY `id`",
        "SELECT a.`id` FROM `items` AS a JOIN `part` AS b ON a.`id` = b.`p`",
        "SELECT `id` FROM `items` WHERE `id` IN (SELECT `p` FROM `part`)",
    ] {
        assert_eq!(database.splits(&*scope, sql).await.expect("answered"), [Split::default()], "{sql}");
    }
    let refused = database.server.requests().into_iter();
    let refused = refused.filter(|request| request.kind == StubRequestKind::PartitionQuery);
    assert!(refused.into_iter().all(|request| request.outcome == StubOutcome::Failed));

    for sql in [
        "SELECT `id` + 1 AS x FROM (\nSELECT `id` FROM `items` -- all\n) AS `t` WHERE `id` > 5",
        "SELECT 1 FROM `items`",
    ] {
        assert_eq!(database.splits(&*scope, sql).await.expect("cut").len(), 3, "{sql}");
    }
    // Other failures are not mistaken for "cannot be cut".
    let error = database.splits(&*scope, "SELECT `x` FROM `items`").await.expect_err("refused");
    assert!(error.to_string().contains("Unrecognized name: x"), "{error}");
}

#[tokio::test]
async fn tokens_are_good_for_their_query_and_server_words_reach_the_caller() {
    use crate::spanner::client::SpannerClient as _;
    let database = Database::new().await;
    let at = database.server.begin_read().await.expect("begun");
    let tokens = database.server.partition_query("SELECT id FROM items", at).await.expect("cut");
    let other = database.server.execute_sql("SELECT kind FROM items", Some(&tokens[0]), at).await;
    let refusal = other.err().expect("refused");
    assert_eq!(refusal.message, "The partition token does not belong to this query.");
    let refusal =
        database.server.partition_query("SELECT id FROM items LIMIT 1", at).await.expect_err("refused");
    assert_eq!((refusal.code, refusal.message.as_str()), (SpannerCode::InvalidArgument, NOT_PARTITIONABLE));
    let dml =
        database.server.execute_sql("DELETE FROM items WHERE TRUE", None, at).await.err().expect("refused");
    assert_eq!(dml.code, SpannerCode::FailedPrecondition);
}

#[tokio::test]
async fn no_columns_still_have_rows() {
    let database = Database::new().await;
    let read = RemoteRead {
        sql: "SELECT 1 FROM `items`".to_owned(),
        schema: Arc::new(Schema::empty()),
        split: Split::default(),
        labels: Vec::new(),
        metrics: Arc::default(),
    };
    let batches: Vec<RecordBatch> =
        database.scope().await.read(read).expect("a stream").try_collect().await.expect("read");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 10_000);
    assert!(batches.iter().all(|batch| batch.num_columns() == 0));
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_poll() {
    let database = Database::new().await;
    let stream = database.open("SELECT id FROM items", Split::default()).await;
    assert!(!database.log().contains("ExecuteSql"), "{}", database.log());
    drop(stream);
    assert!(!database.log().contains("ExecuteSql"), "{}", database.log());
}

#[tokio::test]
async fn dropping_a_stalled_stream_cancels_the_query() {
    for fault in [StubFault::Stall, StubFault::StallMidway] {
        let database = Database::new().await;
        let mut stream = database.open("SELECT id FROM items", Split::default()).await;
        database.server.inject(fault.clone());
        let executes = |outcome: StubOutcome| {
            move |log: &[super::StubRequest]| {
                log.iter()
                    .any(|request| request.kind == StubRequestKind::ExecuteSql && request.outcome == outcome)
            }
        };
        if fault == StubFault::StallMidway {
            stream.next().await.expect("one batch").expect("of rows");
        }
        tokio::select! {
            _ = stream.next() => panic!("a stalled query answered"),
            _ = database.server.wait_for(executes(StubOutcome::Running)) => {}
        }
        drop(stream);
        database.server.wait_for(executes(StubOutcome::Cancelled)).await;
    }
}

#[tokio::test]
async fn a_stream_read_halfway_is_cancelled() {
    let database = Database::new().await;
    let sql = "SELECT a.id FROM items AS a CROSS JOIN items AS b";
    let mut stream = database.open(sql, Split::default()).await;
    stream.next().await.expect("one batch").expect("of rows");
    drop(stream);
    let cancelled =
        |log: &[super::StubRequest]| log.iter().any(|request| request.outcome == StubOutcome::Cancelled);
    database.server.wait_for(cancelled).await;
}

#[tokio::test]
async fn failures_on_the_way_reach_the_caller() {
    let database = Database::new().await;
    let lost = SpannerError::new(SpannerCode::Unavailable, "Connection reset");
    database.server.inject(StubFault::Fail(lost.clone()));
    assert_snapshot!(
        database.answer("SELECT id FROM items").await,
        @r#"could not reach Spanner: Spanner answers: "Connection reset""#
    );
    database.server.inject(StubFault::FailMidway(lost));
    assert_snapshot!(
        database.answer("SELECT id FROM items").await,
        @r#"could not reach Spanner: Spanner answers: "Connection reset""#
    );
    assert_eq!(database.answer("SELECT COUNT(*) AS n FROM items").await.lines().nth(3), Some("| 10000 |"));
}

#[tokio::test]
async fn new_files_are_seen() {
    let database = Database::new().await;
    assert!(database.answer("SELECT a FROM late").await.contains("Table not found: late"));
    std::fs::write(database.folder.path().join("late.csv"), "a\n1\n").expect("written");
    assert!(database.answer("SELECT a FROM late").await.contains("| 1 |"));
}

#[tokio::test]
async fn one_folder_has_one_server() {
    let database = Database::new().await;
    let again = StubServer::for_folder(database.folder.path().join("."));
    assert!(Arc::ptr_eq(&database.server, &again));
    let schema = Schema::new(vec![Field::new("id", arrow::datatypes::DataType::Int64, true)]);
    assert_eq!(*database.schema_of("SELECT id FROM items").await, schema);
    assert!(again.requests().iter().any(|request| request.sql == "SELECT id FROM items"));
}

//! Listing and describing tables.

use firth_connector::{ColumnDescription, TableDescription, TableSpec};

use super::support::Place;

#[tokio::test]
async fn tables_are_listed_and_described() {
    let Some(place) = Place::new("described").await else { return };
    place
        .create(
            "CREATE TYPE mood AS ENUM ('fine', 'sad');
             CREATE DOMAIN price AS numeric(12, 2) CHECK (VALUE > 0);
             CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE TABLE \"Orders\" (
               note varchar(20), region int, id bigint, mood mood, price price, mail text COLLATE ignore_case,
               took interval, tags text[], key uuid, doc jsonb, dropped int, PRIMARY KEY (region, id));
             ALTER TABLE \"Orders\" DROP COLUMN dropped;
             INSERT INTO \"Orders\" (region, id) SELECT 1, n FROM generate_series(1, 1000) n;
             ANALYZE \"Orders\";
             CREATE VIEW recent AS SELECT id FROM \"Orders\";
             CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
             CREATE TABLE parts (day date) PARTITION BY RANGE (day);
             CREATE TABLE nothing ();
             CREATE SEQUENCE not_a_table",
        )
        .await;
    place.run("CREATE TABLE {}.secret (id int)").await;
    let remote = place.open(&[]).expect("valid options");

    let source = format!("postgres://{}/{}", place.server.plain_database, place.name);
    let schema = remote.schema_spec(&source).expect("a schema");
    let tables = remote.list(&schema).await.expect("listed");
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Orders", "kept", "nothing", "parts", "recent"]);

    let described = remote.describe(&tables[0]).await.expect("described");
    let lines: Vec<String> = described
        .columns
        .iter()
        .zip(described.schema.fields())
        .map(|(column, field)| format!("{} {} -> {}", field.name(), column.remote_type, field.data_type()))
        .collect();
    insta::assert_snapshot!(lines.join("\n").replace(&place.name, "ROLE"), @r"
    note character varying(20) BY CODE POINT -> Utf8
    region integer -> Int64
    id bigint -> Int64
    mood mood -> Utf8
    price numeric(12,2) -> Decimal128(12, 2)
    mail text COLLATE ignore_case -> Utf8
    took interval -> Interval(MonthDayNano)
    tags text[] BY CODE POINT -> List(Utf8)
    key uuid -> Utf8
    doc jsonb -> Utf8
    ");
    assert_eq!(described.primary_key, ["region", "id"]);
    assert_eq!(described.row_count, Some(1000));
    assert!(described.total_bytes.is_some_and(|bytes| bytes > 10_000));
    let empty = remote.describe(&tables[2]).await.expect("described");
    assert!(empty.columns.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let Some(place) = Place::new("not_there").await else { return };
    place.run("CREATE TABLE {}.secret (id int)").await;
    let remote = place.open(&[]).expect("valid options");
    let table = |name: &str| TableSpec { schema: place.name.clone(), name: name.to_owned() };
    let error = async |name: &str| place.shown(&remote.describe(&table(name)).await.expect_err("refused"));
    insta::assert_snapshot!(error("absent").await, @r#"
    error[not_found]: 127.0.0.1:PORT has no table "absent" in schema "ROLE"
    hint: Names are spelled as the server keeps them; unquoted ones there are in lower case.
    "#);
    insta::assert_snapshot!(error("secret").await, @r#"
    error[permission_denied]: 127.0.0.1:PORT does not let "ROLE" read table "secret"
    hint: Grant the role SELECT on the table, and USAGE on its schema.
    "#);
    let schema = remote.schema_spec("postgres:///nowhere").expect("a schema");
    insta::assert_snapshot!(place.shown(&remote.list(&schema).await.expect_err("refused")), @r#"
    error[not_found]: 127.0.0.1:PORT has no schema "nowhere"
    hint: The schema is the last part of external_source: 'postgres://database/schema'.
    "#);
    assert_eq!(remote.schema_spec("postgres://plain").expect("a schema").schema, "public");
    insta::assert_snapshot!(place.shown(&remote.schema_spec("postgres://other/x").expect_err("refused")), @r#"
    error[invalid]: external_source names database "other", the connection "plain"
    hint: Write 'postgres://plain/schema'.
    "#);
    insta::assert_snapshot!(place.shown(&remote.schema_spec("postgres://me:secret@plain/x").expect_err("refused")), @r#"
    error[invalid]: external_source holds a user name or password
    hint: Write 'postgres://plain/schema'.
    "#);
    insta::assert_snapshot!(place.shown(&remote.schema_spec("mysql://plain/x").expect_err("refused")), @r#"
    error[invalid]: external_source "mysql://plain/x" does not begin with postgres://
    hint: Write 'postgres://plain/schema'.
    "#);
}

#[tokio::test]
async fn what_analyze_found_is_described() {
    let Some(place) = Place::new("estimates").await else { return };
    place
        .create(
            "CREATE TABLE t (id bigint, kind int, gap int, note text) WITH (autovacuum_enabled = false);
             INSERT INTO t SELECT n, n % 10, CASE WHEN n % 4 = 0 THEN n END, repeat('x', 20)
               FROM generate_series(1, 20000) n;
             ANALYZE t;
             CREATE TABLE parts (day int, n int) PARTITION BY LIST (day);
             CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
             CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2);
             INSERT INTO parts SELECT 1 + n % 2, n FROM generate_series(1, 3000) n;
             ANALYZE parts;
             CREATE TABLE fresh WITH (autovacuum_enabled = false) AS SELECT n FROM generate_series(1, 10000) n;
             CREATE VIEW seen AS SELECT * FROM t",
        )
        .await;
    let remote = place.open(&[]).expect("valid options");
    let describe = async |name: &str| {
        let table = TableSpec { schema: place.name.clone(), name: name.to_owned() };
        remote.describe(&table).await.expect("described")
    };
    let shown = |description: &TableDescription| {
        let columns = description.columns.iter().zip(description.schema.fields());
        let column = |(column, field): (&ColumnDescription, &arrow::datatypes::FieldRef)| {
            let ColumnDescription { null_count, distinct_count, average_bytes, .. } = column;
            format!("{} {null_count:?} {distinct_count:?} {average_bytes:?}", field.name())
        };
        columns.map(column).collect::<Vec<_>>().join("\n")
    };

    let described = describe("t").await;
    assert_eq!(described.row_count, Some(20_000));
    insta::assert_snapshot!(shown(&described), @r"
    id Some(0) Some(20000) Some(8)
    kind Some(0) Some(10) Some(4)
    gap Some(15000) Some(5000) Some(4)
    note Some(0) Some(1) Some(21)
    ");
    // Grown since: the files say so before the next ANALYZE does.
    place.create("INSERT INTO t SELECT n, 1, 1, repeat('x', 20) FROM generate_series(1, 20000) n").await;
    let grown = describe("t").await.row_count.expect("estimated");
    assert!((38_000..=42_000).contains(&grown), "{grown}");

    let parts = describe("parts").await;
    assert_eq!(parts.row_count, Some(3000));
    insta::assert_snapshot!(shown(&parts), @r"
    day Some(0) Some(2) Some(4)
    n Some(0) Some(3000) Some(4)
    ");
    let fresh = describe("fresh").await;
    let guessed = fresh.row_count.expect("guessed");
    assert!((1000..=50_000).contains(&guessed), "{guessed}");
    assert_eq!(describe("seen").await.row_count, None);
}

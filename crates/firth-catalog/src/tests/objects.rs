//! Datasets, external tables and views.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use firth_connector::SchemaSpec;
use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::{
    DatasetDefinition, DatasetKind, DatasetName, ExternalTable, TableDefinition, TableKind, TableKindName,
    TableName, View,
};

fn dataset(dataset: &str) -> DatasetDefinition {
    DatasetDefinition { name: DatasetName::local(dataset), kind: DatasetKind::Native, description: None }
}

fn external_dataset(dataset: &str, connection: &str) -> DatasetDefinition {
    let external_source = "test://db/public".to_owned();
    DatasetDefinition {
        name: DatasetName::local(dataset),
        kind: DatasetKind::External {
            connection: name(connection),
            schema: SchemaSpec { source: external_source.clone(), schema: "public".to_owned() },
            external_source,
        },
        description: Some("From the shop".to_owned()),
    }
}

fn table(dataset: &str, table: &str, connection: Option<&str>) -> TableDefinition {
    let fields = vec![
        Field::new("Id", DataType::Int64, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
    ];
    TableDefinition {
        name: TableName::new(&DatasetName::local(dataset), table),
        kind: TableKind::External(ExternalTable {
            connection: connection.map(name),
            format: "CSV".to_owned(),
            uris: vec!["s3://lake/clicks/*".to_owned()],
            options: [("skip_leading_rows".to_owned(), json!(1)), ("quote".to_owned(), json!("\""))].into(),
            columns: Arc::new(Schema::new(fields)),
            declared: true,
            partitioned: true,
            partition_columns: vec![("day".to_owned(), "DATE".to_owned())],
        }),
        description: Some("Clicks".to_owned()),
    }
}

fn view(dataset: &str, table: &str) -> TableDefinition {
    TableDefinition {
        name: TableName::new(&DatasetName::local(dataset), table),
        kind: TableKind::View(View { sql: "SELECT 1".to_owned(), columns: Some(vec!["one".to_owned()]) }),
        description: None,
    }
}

/// An external schema and a table in `main` that use the connection.
pub(super) fn bind(catalog: &Catalog, schema: &str, clicks: &str, connection: &str) {
    catalog.create_dataset(ANNA, &external_dataset(schema, connection), OnExisting::Fail).expect("made");
    catalog.create_table(ANNA, &table("main", clicks, Some(connection)), OnExisting::Fail).expect("made");
}

#[test]
fn objects_are_read_back_as_they_were_made() {
    let home = folder();
    let catalog = opened(home.path());
    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    let defined = external_dataset("shop", "c");
    assert_eq!(catalog.create_dataset(ANNA, &defined, OnExisting::Fail), Ok(Created::New));
    assert_eq!(catalog.create_dataset(ANNA, &dataset("web"), OnExisting::Fail), Ok(Created::New));
    for defined in [table("web", "clicks", Some("c")), table("web", "Clicks", None), view("web", "a view")] {
        assert_eq!(catalog.create_table(ANNA, &defined, OnExisting::Fail), Ok(Created::New));
        let record = opened(home.path()).table(&defined.name).expect("readable").expect("there");
        assert_eq!(
            (record.name, record.kind, record.description),
            (defined.name, defined.kind, defined.description)
        );
    }
    let read = opened(home.path()).dataset(&defined.name).expect("readable").expect("there");
    assert_eq!((read.name, read.kind, read.description), (defined.name, defined.kind, defined.description));

    let names: Vec<String> =
        catalog.datasets().expect("readable").iter().map(|dataset| dataset.name.to_string()).collect();
    assert_eq!(names, ["main", "shop", "web"]);
    let names: Vec<String> = catalog
        .tables(&DatasetName::local("web"))
        .expect("readable")
        .iter()
        .map(|table| table.name.to_string())
        .collect();
    assert_eq!(names, ["web.Clicks", "`web`.`a view`", "web.clicks"]);
    assert_eq!(catalog.tables(&DatasetName::local("nowhere")), Ok(Vec::new()));
    assert_eq!(
        audit(&catalog)[1..],
        [
            "anna CREATE_EXTERNAL_SCHEMA shop ok",
            "anna CREATE_SCHEMA web ok",
            "anna CREATE_EXTERNAL_TABLE web.clicks ok",
            "anna CREATE_EXTERNAL_TABLE web.Clicks ok",
            "anna CREATE_VIEW `web`.`a view` ok",
        ]
    );
}

#[test]
fn tables_are_replaced_by_their_kind_only() {
    let home = folder();
    let catalog = opened(home.path());
    let make =
        |definition: &TableDefinition, on_existing| catalog.create_table(ANNA, definition, on_existing);
    assert_eq!(make(&view("main", "v"), OnExisting::Replace), Ok(Created::New));
    assert_eq!(make(&view("main", "v"), OnExisting::Replace), Ok(Created::Replaced));
    assert_eq!(make(&table("main", "v", None), OnExisting::Skip), Ok(Created::Skipped));
    let shown = |definition, on_existing| {
        rendered(&make(&definition, on_existing).expect_err("refused"), home.path())
    };
    assert_snapshot!(shown(table("main", "v", None), OnExisting::Replace), @r"
    error[invalid]: cannot replace main.v, which has type VIEW, by an external table
    hint: Drop it first, or choose another name.
    ");
    assert_snapshot!(shown(view("main", "v"), OnExisting::Fail), @r"
    error[already_exists]: view main.v already exists
    hint: Use `CREATE VIEW IF NOT EXISTS` to keep it.
    ");
    assert_snapshot!(shown(view("mian", "v"), OnExisting::Fail), @r"
    error[not_found]: schema mian does not exist
    hint: Did you mean main? `SHOW SCHEMAS` lists all.
    ");
    assert_snapshot!(shown(table("main", "t", Some("c")), OnExisting::Fail), @r"
    error[not_found]: connection us.c does not exist
    hint: `SHOW CONNECTIONS` lists those there are.
    ");
    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    catalog.create_dataset(ANNA, &external_dataset("shop", "c"), OnExisting::Fail).expect("made");
    assert_snapshot!(shown(view("shop", "v"), OnExisting::Fail), @r"
    error[invalid]: schema shop is external: nothing can be created in it
    hint: Its tables are those of its connection. Create the table in another schema.
    ");
}

#[test]
fn tables_are_dropped_by_their_kind_only() {
    let home = folder();
    let catalog = opened(home.path());
    catalog.create_table(ANNA, &view("main", "totals"), OnExisting::Fail).expect("made");
    let drop =
        |table: &str, expect| catalog.drop_table(ANNA, &TableName::new(&DatasetName::main(), table), expect);
    let shown = |table, expect| rendered(&drop(table, expect).expect_err("refused"), home.path());
    assert_snapshot!(shown("totals", TableKindName::External), @r"
    error[invalid]: cannot drop main.totals, which has type VIEW: an external table was expected
    hint: Use `DROP VIEW`.
    ");
    assert_snapshot!(shown("total", TableKindName::View), @r"
    error[not_found]: view main.total does not exist
    hint: Did you mean main.totals? `SHOW TABLES` lists all.
    ");
    assert_eq!(drop("totals", TableKindName::View), Ok(()));
    assert_eq!(catalog.tables(&DatasetName::main()), Ok(Vec::new()));
    assert_eq!(audit(&catalog)[1..], ["anna DROP_VIEW main.totals ok"]);
}

#[test]
fn a_schema_goes_with_its_tables_or_not_at_all() {
    let home = folder();
    let catalog = opened(home.path());
    catalog.create_dataset(ANNA, &dataset("web"), OnExisting::Fail).expect("made");
    catalog.create_table(ANNA, &view("web", "v"), OnExisting::Fail).expect("made");
    let web = DatasetName::local("web");
    let drop = |name: &DatasetName, cascade| catalog.drop_dataset(ANNA, name, cascade);
    let shown =
        |name: &DatasetName, cascade| rendered(&drop(name, cascade).expect_err("refused"), home.path());
    assert_snapshot!(shown(&web, false), @r"
    error[invalid]: schema web is not empty
    detail: it holds web.v
    hint: `DROP SCHEMA … CASCADE` drops its tables and views too.
    ");
    assert_snapshot!(shown(&DatasetName::main(), true), @r"
    error[invalid]: schema main cannot be dropped
    hint: It is where names without a schema are looked up.
    ");
    assert_snapshot!(shown(&DatasetName::local("wbe"), true), @r"
    error[not_found]: schema wbe does not exist
    hint: Did you mean web? `SHOW SCHEMAS` lists all.
    ");
    let replaced = catalog.create_dataset(ANNA, &dataset("web"), OnExisting::Replace);
    assert_eq!(replaced.expect_err("it holds a view").code(), firth_diagnostic::Code::Invalid);
    assert_eq!(drop(&web, true), Ok(vec!["web.v".to_owned()]));
    assert_eq!(catalog.dataset(&web), Ok(None));
    catalog.create_dataset(ANNA, &dataset("web"), OnExisting::Fail).expect("made");
    assert_eq!(catalog.tables(&web), Ok(Vec::new()), "its tables were dropped, not hidden");
    assert_eq!(catalog.create_dataset(ANNA, &dataset("web"), OnExisting::Replace), Ok(Created::Replaced));
    assert_eq!(drop(&web, false), Ok(Vec::new()));
}

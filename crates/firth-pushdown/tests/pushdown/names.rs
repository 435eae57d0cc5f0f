//! Names: any case here, the source's spelling there, any characters.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use datafusion::catalog::TableProvider;
use firth_connector::{Relation, Remote, RemoteId, TableSpec};
use firth_pushdown::{NAME_METADATA, RemoteTable, shown_schema};
use firth_testkit::fake_remote::FakeRemote;
use insta::assert_snapshot;
use uuid::Uuid;

use crate::session::{Session, described};

fn batch(names: &[&str]) -> RecordBatch {
    let columns = names.iter().zip(1..).map(|(name, value)| {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value, value * 10]));
        (*name, column)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

#[tokio::test]
async fn column_names_match_in_any_case_and_are_sent_as_the_source_spells_them() {
    let remote = FakeRemote::new().with_table("Sales", "Orders", batch(&["Id", "TOTAL"]));
    let mut session = Session::empty(remote, true, 1);
    session.register("orders", "Sales", "Orders").await;
    let sql = "SELECT ID, total FROM orders WHERE iD = 10";
    assert_snapshot!(described(&session.plan(sql).await),
        @r#"SELECT "Id", "TOTAL" FROM "Sales"."Orders" WHERE ("Id" = 10)"#);
    assert_snapshot!(session.query(sql).await.unwrap(), @r"
    +----+-------+
    | id | total |
    +----+-------+
    | 10 | 20    |
    +----+-------+
    ");
}

#[tokio::test]
async fn names_may_hold_quotes_spaces_and_any_letters() {
    let table = r#"my "best" täble"#;
    let remote = FakeRemote::new().with_table("", table, batch(&[r#"a "b" c"#, "ÄÖ", "select"]));
    let mut session = Session::empty(remote, true, 1);
    session.register("x", "", table).await;
    let sql = r#"SELECT "a ""b"" c", "äö", "select" FROM x WHERE "äö" > 2"#;
    assert_snapshot!(described(&session.plan(sql).await),
        @r#"SELECT "a ""b"" c", "ÄÖ", "select" FROM "my ""best"" täble" WHERE ("ÄÖ" > 2)"#);
    assert_snapshot!(session.query(sql).await.unwrap(), @r#"
    +---------+----+--------+
    | a "b" c | äö | select |
    +---------+----+--------+
    | 10      | 20 | 30     |
    +---------+----+--------+
    "#);
}

#[test]
fn a_shown_name_remembers_the_sources_spelling_if_it_differs() {
    let schema =
        Schema::new(vec![Field::new("Id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]);
    let shown = shown_schema(&schema).unwrap();
    assert_eq!((shown.field(0).name().as_str(), shown.field(1).name().as_str()), ("id", "name"));
    assert_eq!(shown.field(0).metadata().get(NAME_METADATA).map(String::as_str), Some("Id"));
    assert_eq!(shown.field(1).metadata().get(NAME_METADATA), None);
}

#[tokio::test]
async fn two_columns_that_differ_only_by_case_are_an_error_naming_both() {
    let remote = Arc::new(FakeRemote::new().with_table("", "t", batch(&["Id", "iD"])));
    let spec = TableSpec { schema: String::new(), name: "t".to_owned() };
    let description = remote.describe(&spec).await.unwrap();
    let id = RemoteId { uuid: Uuid::nil(), name: "us.c".to_owned(), kind: "FAKE".to_owned() };
    let sql = remote.sql().unwrap();
    let error =
        RemoteTable::try_new(id, sql, Relation::Table(spec), description, firth_pushdown::Pushdown::On)
            .map(|table| table.schema())
            .expect_err("ambiguous");
    assert_snapshot!(error.message(), @r#"columns "Id" and "iD" differ only by case"#);
}

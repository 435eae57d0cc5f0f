//! Making, reading, altering and dropping connections.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Schema};
use firth_connector::{ColumnDescription, OptionValue, TableDescription, TableSpec};
use firth_diagnostic::Code;
use insta::assert_snapshot;

use super::*;
use crate::{DatasetName, DropBehavior, TableName};

#[test]
fn a_connection_is_read_back_as_it_was_made() {
    let home = folder();
    let catalog = opened(home.path());
    let uuid = Uuid::new_v4();
    let mut made = definition(
        "eu.shop",
        &[
            ("host", text("db.internal")),
            ("port", GivenValue::Int64(-1)),
            ("tls", GivenValue::Bool(true)),
            ("schemas", GivenValue::Array(vec![text("a"), text("")])),
            ("password", text("päss'\0 word")),
            ("friendly_name", text("The shop")),
        ],
    );
    made.when = Some(("type".to_owned(), "TESTS".to_owned()));
    assert_eq!(catalog.create_connection(ANNA, &made, uuid, OnExisting::Fail), Ok(Created::New));

    // Another handle: nothing is remembered in the process.
    let other = opened(home.path());
    let record = read(&other, "eu.shop");
    assert_eq!(record.uuid, uuid);
    assert_eq!(record.remote_id().name, "eu.shop");
    assert_eq!((record.when.clone(), record.version, record.has_credential), (made.when.clone(), 1, true));
    assert_eq!((record.friendly_name.as_deref(), record.description.as_deref()), (Some("The shop"), None));
    assert_eq!(record.secret_names().collect::<Vec<_>>(), ["password"]);
    let plain: BTreeMap<&str, &OptionValue> = record.plain_options().collect();
    let expected: BTreeMap<&str, &OptionValue> =
        made.options.given().filter(|(name, _)| *name != "password").collect();
    assert_eq!(plain, expected);
    let options = other.unseal(&record, SPECS).expect("opens");
    assert!(options.given().eq(made.options.given()));
    assert_eq!(options.specs().len(), SPECS.len());

    assert_eq!(
        other.connection_by_uuid(uuid).expect("readable").map(|found| found.name),
        Some(name("eu.shop"))
    );
    assert!(other.connection(&name("eu.SHOP")).expect("readable").is_none(), "names are case-sensitive");
}

#[test]
fn create_fails_replaces_or_skips() {
    let home = folder();
    let catalog = opened(home.path());
    let first = create(&catalog, &shop("c", "one"), OnExisting::Replace);
    assert_eq!(first, Ok(Created::New));
    let uuid = read(&catalog, "c").uuid;

    let error = create(&catalog, &shop("us.c", "two"), OnExisting::Fail).expect_err("exists");
    assert_snapshot!(rendered(&error, home.path()), @r"
    error[already_exists]: connection us.c already exists
    hint: Use `CREATE CONNECTION IF NOT EXISTS` to keep it.
    ");
    assert_eq!(create(&catalog, &shop("c", "three"), OnExisting::Skip), Ok(Created::Skipped));
    assert_eq!((read(&catalog, "c").uuid, password(&catalog, "c")), (uuid, Ok("one".to_owned())));

    assert_eq!(create(&catalog, &shop("c", "four"), OnExisting::Replace), Ok(Created::Replaced));
    assert_ne!(read(&catalog, "c").uuid, uuid, "a replaced connection is another one");
    assert_eq!(password(&catalog, "c"), Ok("four".to_owned()));
    assert_eq!(
        audit(&catalog),
        ["anna CREATE_CONNECTION us.c ok"; 3],
        "a statement that failed leaves no row by itself"
    );
}

#[test]
fn alter_makes_a_version_and_refuses_a_stale_one() {
    let home = folder();
    let catalog = opened(home.path());
    create(&catalog, &shop("c", "one"), OnExisting::Fail).expect("made");
    let first = read(&catalog, "c");

    alter(&catalog, &first, &[("description", text("d"))]).expect("altered");
    let second = read(&catalog, "c");
    assert_eq!((second.uuid, second.version, second.description.as_deref()), (first.uuid, 2, Some("d")));
    assert_eq!(second.created_at, first.created_at);
    assert_eq!(password(&catalog, "c"), Ok("one".to_owned()), "kept secrets are sealed again");

    alter(&catalog, &second, &[("host", text("elsewhere"))]).expect("altered");
    assert!(!read(&catalog, "c").has_credential, "a new endpoint drops the secret");
    alter(&catalog, &read(&catalog, "c"), &[("host", text("x")), ("password", text("two"))])
        .expect("altered");
    assert_eq!(password(&catalog, "c"), Ok("two".to_owned()));

    let error = alter(&catalog, &second, &[("description", text("e"))]).expect_err("stale");
    assert_snapshot!(rendered(&error, home.path()), @r"
    error[conflict]: connection us.c was changed by another session
    hint: Nothing was altered. Look at the connection and run the statement again.
    ");
    create(&catalog, &shop("c", "three"), OnExisting::Replace).expect("made");
    let error = alter(&catalog, &first, &[]).expect_err("another connection of that name");
    assert_eq!(error.code(), Code::Conflict);
    assert_eq!(password(&catalog, "c"), Ok("three".to_owned()));
}

#[test]
fn drop_leaves_refuses_or_takes_what_uses_the_connection() {
    let home = folder();
    let catalog = opened(home.path());
    let error = catalog.drop_connection(ANNA, &name("c"), DropBehavior::Leave).expect_err("absent");
    assert_snapshot!(rendered(&error, home.path()), @r"
    error[not_found]: connection us.c does not exist
    hint: `SHOW CONNECTIONS` lists those there are.
    ");
    create(&catalog, &shop("shop", "p"), OnExisting::Fail).expect("made");
    let error = catalog.drop_connection(ANNA, &name("shpo"), DropBehavior::Leave).expect_err("absent");
    assert_snapshot!(rendered(&error, home.path()), @r"
    error[not_found]: connection us.shpo does not exist
    hint: Did you mean us.shop? `SHOW CONNECTIONS` lists all.
    ");

    let uses = ["main.clicks".to_owned(), "web".to_owned()];
    objects::bind(&catalog, "web", "clicks", "shop");
    assert_eq!(catalog.dependents(&name("shop")).as_deref(), Ok(&uses[..]));
    let error = catalog.drop_connection(ANNA, &name("shop"), DropBehavior::Restrict).expect_err("in use");
    assert_snapshot!(rendered(&error, home.path()), @r"
    error[invalid]: connection us.shop is in use
    detail: used by main.clicks, web
    hint: Drop those first, or use `DROP CONNECTION … CASCADE` to drop them too.
    ");
    assert_eq!(catalog.drop_connection(ANNA, &name("shop"), DropBehavior::Leave).as_deref(), Ok(&uses[..]));

    // Bound by name: a connection that is made again has its tables.
    create(&catalog, &shop("shop", "q"), OnExisting::Fail).expect("made");
    assert_eq!(catalog.drop_connection(ANNA, &name("shop"), DropBehavior::Cascade).as_deref(), Ok(&uses[..]));
    let table = TableName::new(&DatasetName::main(), "clicks");
    assert_eq!(catalog.table(&table), Ok(None));
    assert_eq!(catalog.dataset(&DatasetName::local("web")), Ok(None));
    assert!(catalog.dataset(&DatasetName::main()).expect("readable").is_some());

    create(&catalog, &shop("shop", "r"), OnExisting::Fail).expect("made");
    let dropped = catalog.drop_connection(ANNA, &name("shop"), DropBehavior::Restrict);
    assert_eq!(dropped, Ok(Vec::new()), "nothing uses it");
    assert_eq!(catalog.connections().map(|all| all.len()), Ok(0));
}

#[test]
fn a_description_lives_as_long_as_the_version_it_was_asked_through() {
    let home = folder();
    let catalog = opened(home.path());
    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    let table = TableSpec { schema: "public".to_owned(), name: "Orders".to_owned() };
    let fields = vec![
        Field::new("Id", DataType::Int64, false),
        Field::new("items", DataType::new_list(DataType::Decimal128(38, 9), true), true),
    ];
    let schema = Schema::new(fields).with_metadata([("k".to_owned(), "v".to_owned())].into());
    let description = TableDescription {
        table: table.clone(),
        schema: schema.into(),
        columns: vec![ColumnDescription::of_type("bigint"), ColumnDescription::default()],
        primary_key: vec!["Id".to_owned()],
        row_count: Some(u64::MAX),
        total_bytes: None,
        max_splits: 4,
    };
    let record = read(&catalog, "c");
    let remembered = |uuid| {
        let found = catalog.remembered_description(uuid, &table).expect("readable");
        found.map(|(description, _)| description)
    };
    assert_eq!(remembered(record.uuid), None);
    catalog.remember_description(&record, &description).expect("kept");
    catalog.remember_description(&record, &description).expect("kept");
    assert_eq!(remembered(record.uuid), Some(description.clone()));

    alter(&catalog, &record, &[("tls", GivenValue::Bool(true))]).expect("altered");
    assert_eq!(remembered(record.uuid), None);
    catalog.remember_description(&record, &description).expect("not kept, and no error");
    assert_eq!(remembered(record.uuid), None, "it was asked through an earlier version");
    catalog.remember_description(&read(&catalog, "c"), &description).expect("kept");
    catalog.drop_connection(ANNA, &name("c"), DropBehavior::Leave).expect("dropped");
    assert_eq!(remembered(record.uuid), None);
}

#[test]
fn failures_are_audited_by_their_code_and_rows_are_only_added() {
    let home = folder();
    let catalog = opened(home.path());
    let failure = Diagnostic::error(Code::Unreachable, "no route to db.internal");
    catalog.audit_failure(ANNA, "CREATE_CONNECTION", "us.c", &failure).expect("recorded");
    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    assert_eq!(
        audit(&catalog),
        ["anna CREATE_CONNECTION us.c unreachable", "anna CREATE_CONNECTION us.c ok"]
    );
    assert_eq!(catalog.audit(1).map(|rows| rows[0].outcome.clone()).as_deref(), Ok("ok"));
    for statement in ["DELETE FROM audit", "UPDATE audit SET outcome = 'ok'"] {
        let refused = catalog.write(|transaction| Ok(transaction.execute(statement, [])?));
        assert!(refused.is_err(), "{statement}");
    }
}

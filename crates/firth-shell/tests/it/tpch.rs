//! The 22 queries of TPC-H, `queries/tpch/`, give the same rows wherever the tables lie.

use std::{fs, path::Path, sync::Arc};

use arrow::datatypes::DataType;
use firth_testkit::{
    servers::Servers,
    tpch::{Format, Table, write},
    upload::upload,
};

use crate::{
    random_queries::sessions,
    scratch::{Schema, buckets, empty, unique},
    session::{Answered, TestSession},
};

const QUERIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../queries/tpch");

/// Large enough that every query finds something.
const SCALE: f64 = 0.01;

/// Queries whose ORDER BY leaves the order of some rows open: nothing says which of two equal revenues
/// comes first.
const PARTLY_ORDERED: [u32; 5] = [3, 5, 10, 11, 18];

#[tokio::test(flavor = "multi_thread")]
async fn every_query_answers_over_local_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let local = over_local_files(folder.path()).await;
    for number in 1..=22 {
        assert!(!ask(&local, number).await.rows.is_empty(), "query {number} finds nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_systems_give_the_rows_of_local_files_with_and_without_pushdown() {
    let test = "six_systems_give_the_rows_of_local_files_with_and_without_pushdown";
    let servers = Servers::from_env();
    let all = (
        servers.clone().require_postgres(test),
        servers.clone().require_s3(test),
        servers.clone().require_azure(test),
        servers.clone().require_gcs(test),
    );
    let (Some(postgres), Some(_), Some(_), Some(_)) = all else { return };

    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("tpch");
    let database = folder.path().join("database");
    let script = [Table::Nation, Table::Supplier].map(|table| {
        write(table, SCALE, Format::Csv, 1, &database).expect("written");
        let (ddl, name) = (table.postgres_ddl(), table.name());
        format!("{ddl}\\copy {name} FROM '{name}/part-1.csv' WITH (FORMAT csv, HEADER)\nANALYZE {name};\n")
    });
    let schema = Schema::create(&postgres, &name, &script.concat(), &database);
    let compared = compare(folder.path(), &servers, &schema.name).await;
    for bucket in buckets(&servers) {
        empty(bucket.as_ref(), &name).await;
    }
    assert!(compared.is_empty(), "{}", compared.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_over_one_database_give_the_rows_of_local_files_and_some_are_one_query_there() {
    let test = "queries_over_one_database_give_the_rows_of_local_files_and_some_are_one_query_there";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let local = over_local_files(folder.path()).await;
    let database = folder.path().join("database");
    let script = Table::ALL.map(|table| {
        write(table, SCALE, Format::Csv, 1, &database).expect("written");
        let (ddl, name) = (table.postgres_ddl(), table.name());
        format!("{ddl}\\copy {name} FROM '{name}/part-1.csv' WITH (FORMAT csv, HEADER)\nANALYZE {name};\n")
    });
    let schema = Schema::create(&server, &unique("tpch"), &script.concat(), &database);
    let [shop] = sessions(&server, &schema, folder.path(), ["on"]).await;
    let views = Table::ALL.map(|table| format!("CREATE VIEW tpch.{0} AS SELECT * FROM r.{0};", table.name()));
    shop.run_script(&format!("CREATE SCHEMA tpch; {}", views.concat())).await.expect("views are made");

    let mut differences = Vec::new();
    for number in 1..=22 {
        let ordered = !PARTLY_ORDERED.contains(&number);
        if let Err(difference) = same(&ask(&local, number).await, &ask(&shop, number).await, ordered) {
            differences.push(format!("query {number}: {difference}"));
        }
    }
    // With joins of all their tables, EXTRACT, CASE, groups of groups, and the value of a subquery.
    for number in [1, 3, 5, 6, 7, 8, 9, 10, 12, 13, 14, 22] {
        let sql = fs::read_to_string(format!("{QUERIES}/q{number:02}.sql")).expect("the query is there");
        let plan = shop.execute(&format!("EXPLAIN (PUSHDOWN) {sql}")).await.expect("planned").expect("rows");
        let queries = plan.rows.iter().filter(|row| row[0].as_deref() == Some("us.shop")).count();
        if queries != 1 {
            differences.push(format!("query {number} is {queries} queries there: {:?}", plan.rows));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// What differs between the placements.
async fn compare(folder: &Path, servers: &Servers, name: &str) -> Vec<String> {
    let local = over_local_files(folder).await;
    let mixed = over_six_systems(folder, servers, name).await;
    let mut differences = Vec::new();
    for pushdown in [true, false] {
        mixed.execute(&format!("SET pushdown = {pushdown}")).await.expect("set");
        for number in 1..=22 {
            let (expected, found) = (ask(&local, number).await, ask(&mixed, number).await);
            let ordered = !PARTLY_ORDERED.contains(&number);
            if let Err(difference) = same(&expected, &found, ordered) {
                differences.push(format!("query {number}, pushdown = {pushdown}: {difference}"));
            }
        }
    }
    differences
}

async fn ask(session: &TestSession, number: u32) -> Answered {
    let sql = fs::read_to_string(format!("{QUERIES}/q{number:02}.sql")).expect("the query is there");
    match session.execute(&sql).await {
        Ok(answer) => answer.expect("a query answers rows"),
        Err(failure) => panic!("query {number}: {failure}"),
    }
}

/// Every table in local Parquet files.
async fn over_local_files(folder: &Path) -> TestSession {
    let data = folder.join("local");
    let session = TestSession::new(&folder.join("local-home"));
    let mut script = "CREATE SCHEMA tpch;".to_owned();
    for table in Table::ALL {
        write(table, SCALE, Format::Parquet, 2, &data).expect("written");
        script.push_str(&format!(
            "CREATE EXTERNAL TABLE tpch.{table} OPTIONS (format = 'PARQUET', uris = ['file://{data}/{table}/*']);",
            table = table.name(),
            data = data.display(),
        ));
    }
    session.run_script(&script).await.expect("tables are made");
    session
}

/// Lineitem and orders in Parquet on S3, customer in CSV on Azure, part in JSON on Cloud Storage, nation and
/// supplier in PostgreSQL, partsupp in the stand-in for Spanner, region in a local CSV file.
///
/// `name` is the PostgreSQL schema, and begins the keys of all objects.
async fn over_six_systems(folder: &Path, servers: &Servers, name: &str) -> TestSession {
    let data = folder.join("mixed");
    write(Table::PartSupp, SCALE, Format::Parquet, 1, &data).expect("written");
    let spanner = data.join("spanner");
    fs::create_dir(&spanner).expect("made");
    fs::rename(data.join("partsupp/part-1.parquet"), spanner.join("partsupp.parquet")).expect("moved");
    write(Table::Region, SCALE, Format::Csv, 1, &data).expect("written");
    let [s3, azure, gcs] = &buckets(servers)[..] else { panic!("three buckets were asked for") };
    for (table, format, parts, bucket) in [
        (Table::LineItem, Format::Parquet, 2, s3),
        (Table::Orders, Format::Parquet, 2, s3),
        (Table::Customer, Format::Csv, 2, azure),
        (Table::Part, Format::Ndjson, 1, gcs),
    ] {
        write(table, SCALE, format, parts, &data).expect("written");
        let (from, to) = (data.join(table.name()), format!("{name}/{}", table.name()));
        upload(Arc::clone(bucket), &from, &to).await.expect("uploaded");
    }

    let session = TestSession::new(&folder.join("mixed-home"));
    let (data, spanner) = (data.display(), spanner.display());
    let mut script = connections(servers);
    script.push_str(&format!(
        "CREATE CONNECTION us.span OPTIONS (
           connection_type = 'CLOUD_SPANNER', database = 'projects/p/instances/i/databases/d', stub_data = '{spanner}');
         CREATE EXTERNAL SCHEMA span WITH CONNECTION us.span
           OPTIONS (external_source = 'google-cloudspanner:/projects/p/instances/i/databases/d');
         CREATE EXTERNAL SCHEMA shop WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://app/{name}');
         CREATE SCHEMA tpch;
         CREATE EXTERNAL TABLE tpch.lineitem WITH CONNECTION us.lake
           OPTIONS (format = 'PARQUET', uris = ['s3://lake/{name}/lineitem/*']);
         CREATE EXTERNAL TABLE tpch.orders WITH CONNECTION us.lake
           OPTIONS (format = 'PARQUET', uris = ['s3://lake/{name}/orders/*']);
         CREATE EXTERNAL TABLE tpch.customer ({customer}) WITH CONNECTION us.blob
           OPTIONS (format = 'CSV', uris = ['az://lake/{name}/customer/*'], skip_leading_rows = 1);
         CREATE EXTERNAL TABLE tpch.part ({part}) WITH CONNECTION us.bucket
           OPTIONS (format = 'JSON', uris = ['gs://lake/{name}/part/*']);
         CREATE EXTERNAL TABLE tpch.region OPTIONS (format = 'CSV', uris = ['file://{data}/region/*']);
         CREATE VIEW tpch.nation AS SELECT * FROM shop.nation;
         CREATE VIEW tpch.supplier AS SELECT * FROM shop.supplier;
         CREATE VIEW tpch.partsupp AS SELECT * FROM span.partsupp;",
        customer = columns(Table::Customer),
        part = columns(Table::Part),
    ));
    session.run_script(&script).await.expect("tables are made");
    session
}

/// A table's columns as `CREATE EXTERNAL TABLE` lists them.
fn columns(table: Table) -> String {
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let kind = match field.data_type() {
            DataType::Int64 => "INT64",
            DataType::Decimal128(..) => "NUMERIC(15, 2)",
            DataType::Date32 => "DATE",
            _ => "STRING",
        };
        format!("{} {kind}", field.name())
    };
    table.schema().fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

/// Statements that make a connection for each server.
fn connections(servers: &Servers) -> String {
    let (Some(pg), Some(s3), Some(azure), Some(gcs)) =
        (&servers.postgres, &servers.s3, &servers.azure, &servers.gcs)
    else {
        panic!("all servers were asked for");
    };
    format!(
        "CREATE CONNECTION us.lake OPTIONS (
           connection_type = 'AWS', endpoint = '{}', region = '{}', path_style = TRUE,
           access_key_id = '{}', secret_access_key = '{}');
         CREATE CONNECTION us.blob OPTIONS (
           connection_type = 'AZURE', account = '{}', account_key = '{}', endpoint = '{}');
         CREATE CONNECTION us.bucket OPTIONS (connection_type = 'CLOUD_RESOURCE', endpoint = '{}', anonymous = TRUE);
         CREATE CONNECTION us.shop OPTIONS (
           connection_type = 'POSTGRES', host = '{}', port = {}, database = '{}', user = '{}', password = '{}',
           sslrootcert = '{}');",
        s3.endpoint,
        s3.region,
        s3.access_key_id,
        s3.secret_access_key,
        azure.account,
        azure.account_key,
        azure.endpoint,
        gcs.endpoint,
        pg.host,
        pg.port,
        pg.database,
        pg.user,
        pg.password,
        pg.ca,
    )
}

/// Whether two answers are of the same rows: FLOAT64 to 1e-12 of its size, all else to the letter (decimals
/// have no trailing zeros in these texts). In any order, unless `ordered`.
pub(crate) fn same(expected: &Answered, found: &Answered, ordered: bool) -> Result<(), String> {
    let (mut left, mut right) = (expected.rows.clone(), found.rows.clone());
    if left.len() != right.len() {
        return Err(format!("{} rows, not {}", right.len(), left.len()));
    }
    if !ordered {
        left.sort();
        right.sort();
    }
    let fields = expected.schema.fields();
    for (row, (left, right)) in left.iter().zip(&right).enumerate() {
        let equal = left.len() == right.len()
            && fields.iter().zip(left.iter().zip(right)).all(|(field, (left, right))| {
                match field.data_type() {
                    DataType::Float64 => close(left.as_deref(), right.as_deref()),
                    _ => left == right,
                }
            });
        if !equal {
            return Err(format!("row {row} is {right:?}, not {left:?}"));
        }
    }
    Ok(())
}

fn close(left: Option<&str>, right: Option<&str>) -> bool {
    let number = |text: &str| text.parse::<f64>().expect("a FLOAT64");
    match (left.map(number), right.map(number)) {
        (Some(left), Some(right)) => {
            left == right
                || (left.is_nan() && right.is_nan())
                || (left - right).abs() <= 1e-12 * left.abs().max(right.abs())
        }
        (left, right) => left.is_none() && right.is_none(),
    }
}

//! Input that cannot work, and what a person is told. Each error is one clear text, the exit code is 1,
//! and the catalog stays as it was: see [`Place::refused`].

use std::{fs, io::Read as _};

use firth_testkit::servers::Servers;
use insta::assert_snapshot;

use crate::place::{Place, assert_is_clear, signal, stderr, without_postgres, without_s3};

fn place() -> Place {
    let place = Place::new();
    place.run("CREATE SCHEMA s");
    place
}

#[test]
fn unknown_option() {
    let sql = "CREATE CONNECTION us.pg OPTIONS (
  connection_type = 'POSTGRES', hots = 'db.example.com', database = 'app', user = 'me', password = 'secret')";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: POSTGRES connections have no option "hots"
     --> -c:2:33
    2 |   connection_type = 'POSTGRES', hots = ****************, database = 'app', user = 'me', password = ********)
      |                                 ^^^^
    hint: Did you mean "host"?
    "#);
}

#[test]
fn missing_required_option() {
    let sql = "CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db.example.com', user = 'me')";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: option "database" is missing
     --> -c:1:25
    1 | CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db.example.com', user = 'me')
      |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: POSTGRES connections need it: add `database = '…'`.
    "#);
}

#[test]
fn wrong_type_of_option() {
    let sql = "CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', port = '5432')";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: option "port" takes INT64, not STRING
     --> -c:1:84
    1 | CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', port = '5432')
      |                                                                                    ^^^^^^
    hint: Write a whole number, without quotes.
    "#);
    let sql =
        "CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', password = 12345678)";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: option "password" takes STRING, not INT64
     --> -c:1:88
    1 | CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', password = ********)
      |                                                                                        ^^^^^^^^
    hint: Write a text in quotes: 'text'.
    "#);
}

#[test]
fn unknown_value_of_option() {
    let sql = "CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRESS', host = 'db')";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: there is no connection type "POSTGRESS"
     --> -c:1:52
    1 | CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRESS', host = 'db')
      |                                                    ^^^^^^^^^^^
    hint: Did you mean "POSTGRES"? `SHOW CONNECTION TYPES` lists all.
    "#);
    let sql =
        "CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', sslmode = 'verify')";
    assert_snapshot!(place().refused(sql), @r#"
    error[invalid]: "verify" is not a value of option "sslmode"
     --> -c:1:87
    1 | CREATE CONNECTION us.pg OPTIONS (connection_type = 'POSTGRES', host = 'db', sslmode = 'verify')
      |                                                                                       ^^^^^^^^
    hint: Did you mean "verify-ca"?
    "#);
}

#[test]
fn unknown_connection() {
    let place = place();
    place.run("CREATE CONNECTION us.disk OPTIONS (connection_type = 'LOCAL')");
    assert_snapshot!(place.refused("SELECT * FROM EXTERNAL_QUERY('us.disc', 'SELECT 1')"), @r#"
    error[not_found]: connection "us.disc" does not exist
     --> -c:1:30
    1 | SELECT * FROM EXTERNAL_QUERY('us.disc', 'SELECT 1')
      |                              ^^^^^^^^^
    hint: Did you mean "us.disk"? `SHOW CONNECTIONS` lists all.
    "#);
    let sql =
        "CREATE EXTERNAL TABLE s.t WITH CONNECTION us.far OPTIONS (format = 'CSV', uris = ['s3://b/*'])";
    assert_snapshot!(place.refused(sql), @r#"
    error[not_found]: connection "us.far" does not exist
     --> -c:1:43
    1 | CREATE EXTERNAL TABLE s.t WITH CONNECTION us.far OPTIONS (format = 'CSV', uris = ['s3://b/*'])
      |                                           ^^^^^^
    hint: `SHOW CONNECTIONS` lists those there are; `CREATE CONNECTION` makes one.
    "#);
    assert_snapshot!(place.refused("DROP CONNECTION us.disc"), @r#"
    error[not_found]: connection "us.disc" does not exist
     --> -c:1:17
    1 | DROP CONNECTION us.disc
      |                 ^^^^^^^
    hint: Did you mean "us.disk"? `SHOW CONNECTIONS` lists all.
    "#);
}

#[test]
fn unreachable_host() {
    let sql = "CREATE CONNECTION us.pg OPTIONS (
  connection_type = 'POSTGRES', host = '127.0.0.1', port = 1, database = 'app', user = 'me', password = 'secret')";
    assert_snapshot!(place().refused(sql), @"
    error[unreachable]: could not reach the PostgreSQL server at 127.0.0.1:1
     --> -c:1:19
    1 | CREATE CONNECTION us.pg OPTIONS (
      |                   ^^^^^
    detail: Connection refused (os error 111)
    hint: Check host and port, that the server runs, and that no firewall is in between.
    hint: The connection was not made; `validate = false` makes it unchecked.
    ");
    let sql = "CREATE CONNECTION us.s3 OPTIONS (
  connection_type = 'AWS', endpoint = 'http://127.0.0.1:1', access_key_id = 'me', secret_access_key = 'secret')";
    assert_snapshot!(place().refused(sql), @"
    error[unreachable]: could not reach 127.0.0.1:1
     --> -c:1:19
    1 | CREATE CONNECTION us.s3 OPTIONS (
      |                   ^^^^^
    detail: Connection refused (os error 111)
    hint: Check the endpoint's name and port, and the network between here and there.
    hint: The connection was not made; `validate = false` makes it unchecked.
    ");
}

#[test]
fn wrong_password() {
    let Some(server) = Servers::from_env().require_postgres("wrong_password") else { return };
    let sql = "CREATE CONNECTION us.pg OPTIONS (
  connection_type = 'POSTGRES', host = ENV('FIRTH_TEST_PG_HOST'), port = ENV('FIRTH_TEST_PG_PORT'),
  database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'), password = 'not this',
  sslrootcert = ENV('FIRTH_TEST_PG_CA'))";
    assert_snapshot!(without_postgres(&place().refused(sql), &server), @r#"
    error[unauthenticated]: [postgres] does not accept the password of "firth_test"
     --> -c:1:19
    1 | CREATE CONNECTION us.pg OPTIONS (
      |                   ^^^^^
    detail: PostgreSQL says: "password authentication failed for user \"firth_test\"" (SQLSTATE 28P01)
    hint: Check options user and password.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
}

#[test]
fn tls_refused() {
    let Some(server) = Servers::from_env().require_postgres("tls_refused") else { return };
    let create = |host: &str, tls: &str| {
        let sql = format!(
            "CREATE CONNECTION us.pg OPTIONS (
  connection_type = 'POSTGRES', host = ENV('{host}'), port = ENV('FIRTH_TEST_PG_PORT'),
  database = ENV('FIRTH_TEST_PG_DATABASE'), user = ENV('FIRTH_TEST_PG_USER'), password = ENV('FIRTH_TEST_PG_PASSWORD'),
  {tls})"
        );
        without_postgres(&place().refused(&sql), &server)
    };
    // By us, who do not know the authority, or are not told the name; and by the server, which wants it.
    assert_snapshot!(create("FIRTH_TEST_PG_HOST", "sslrootcert = ENV('FIRTH_TEST_PG_OTHER_CA')"), @r#"
    error[unreachable]: the certificate of [postgres] cannot be trusted
     --> -c:1:19
    1 | CREATE CONNECTION us.pg OPTIONS (
      |                   ^^^^^
    detail: no trusted authority has signed it
    hint: "other.crt" does not hold its authority.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
    assert_snapshot!(create("FIRTH_TEST_PG_MISMATCHED_HOST", "sslrootcert = ENV('FIRTH_TEST_PG_CA')"), @r#"
    error[unreachable]: the certificate of [postgres by another name] cannot be trusted
     --> -c:1:19
    1 | CREATE CONNECTION us.pg OPTIONS (
      |                   ^^^^^
    detail: it is not made out to "127.0.0.2"
    hint: Set host to a name or address that the certificate carries. sslmode = 'verify-ca' does not look at the name.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
    assert_snapshot!(create("FIRTH_TEST_PG_HOST", "sslmode = 'disable'"), @r#"
    error[unauthenticated]: [postgres] does not let "firth_test" into database "app"
     --> -c:1:19
    1 | CREATE CONNECTION us.pg OPTIONS (
      |                   ^^^^^
    detail: PostgreSQL says: "pg_hba.conf rejects connection for host \"127.0.0.1\", user \"firth_test\", database \"app\", no encryption" (SQLSTATE 28000)
    hint: The server may accept this only with TLS: leave out sslmode = 'disable'.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
}

#[test]
fn bucket_absent() {
    let Some(_server) = Servers::from_env().require_s3("bucket_absent") else { return };
    let place = place();
    place.connect_s3();
    let sql = "CREATE EXTERNAL TABLE s.t WITH CONNECTION us.lake
OPTIONS (format = 'PARQUET', uris = ['s3://no-such-bucket/x/*'])";
    assert_snapshot!(place.refused(sql), @r#"
    error[not_found]: the bucket of "s3://no-such-bucket/x/*" does not exist
     --> -c:2:37
    2 | OPTIONS (format = 'PARQUET', uris = ['s3://no-such-bucket/x/*'])
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: the server answers NoSuchBucket: "The specified bucket does not exist"
    hint: Check its spelling, and that the connection leads to the right endpoint and account.
    "#);
    let sql = "EXPORT DATA WITH CONNECTION us.lake
OPTIONS (format = 'PARQUET', uri = 's3://no-such-bucket/x-*.parquet') AS SELECT 1 AS a";
    assert_snapshot!(place.refused(sql), @r#"
    error[not_found]: the bucket of "s3://no-such-bucket/x-*.parquet" does not exist
     --> -c:2:36
    2 | OPTIONS (format = 'PARQUET', uri = 's3://no-such-bucket/x-*.parquet') AS SELECT 1 AS a
      |                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: the server answers NoSuchBucket: "The specified bucket does not exist"
    hint: Check its spelling, and that the connection leads to the right endpoint and account.
    "#);
}

#[test]
fn forbidden_by_s3() {
    let Some(server) = Servers::from_env().require_s3("forbidden_by_s3") else { return };
    let place = place();
    let sql = "CREATE CONNECTION us.s3 OPTIONS (
  connection_type = 'AWS', endpoint = ENV('FIRTH_TEST_S3_ENDPOINT'), region = ENV('FIRTH_TEST_S3_REGION'),
  access_key_id = ENV('FIRTH_TEST_S3_ACCESS_KEY_ID'), secret_access_key = 'not this')";
    assert_snapshot!(without_s3(&place.refused(sql), &server), @r#"
    error[unauthenticated]: the store of "[s3]" does not accept the connection's credential
     --> -c:1:19
    1 | CREATE CONNECTION us.s3 OPTIONS (
      |                   ^^^^^
    detail: the server answers SignatureDoesNotMatch: "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    hint: Check it for typing errors; `ALTER CONNECTION … SET OPTIONS (…)` gives a stored connection another one.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);

    place.run(
        "CREATE CONNECTION us.reader OPTIONS (
           connection_type = 'AWS', endpoint = ENV('FIRTH_TEST_S3_ENDPOINT'), region = ENV('FIRTH_TEST_S3_REGION'),
           access_key_id = ENV('FIRTH_TEST_S3_RO_ACCESS_KEY_ID'),
           secret_access_key = ENV('FIRTH_TEST_S3_RO_SECRET_ACCESS_KEY'), validate = FALSE)",
    );
    let sql = "EXPORT DATA WITH CONNECTION us.reader
OPTIONS (format = 'CSV', uri = 's3://lake/not-for-me/x-*.csv') AS SELECT 1 AS a";
    assert_snapshot!(without_s3(&place.refused(sql), &server), @r#"
    error[permission_denied]: access to "s3://lake/not-for-me/x-000000000000.csv" is denied
     --> -c:2:32
    2 | OPTIONS (format = 'CSV', uri = 's3://lake/not-for-me/x-*.csv') AS SELECT 1 AS a
      |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: the server answers AccessDenied: "Access Denied."
    hint: Grant the connection's identity the right to list, read or write there.
    "#);
}

#[test]
fn no_file_matches_the_uri() {
    let place = place();
    let uri = place.uri("2026-*.csv");
    let sql = format!("CREATE EXTERNAL TABLE s.t OPTIONS (\n  format = 'CSV', uris = ['{uri}'])");
    assert_snapshot!(place.refused(&sql), @r#"
    error[not_found]: no file matches "file:///tmp/firth-folder/2026-*.csv"
     --> -c:2:26
    2 |   format = 'CSV', uris = ['file:///tmp/firth-folder/2026-*.csv'])
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: Check the path; a `*` matches any characters, slashes too.
    "#);
}

#[test]
fn files_with_different_schemas() {
    let place = place();
    place.file("1.csv", "id,name\n1,a\n").file("2.csv", "name,id\na,1\n");
    let uri = place.uri("*.csv");
    let sql = format!(
        "CREATE EXTERNAL TABLE s.t OPTIONS (format = 'CSV', source_column_match = 'POSITION',\n  uris = ['{uri}'])"
    );
    assert_snapshot!(place.refused(&sql), @"
    error[bad_data]: the files of this table have different columns
     --> -c:2:10
    2 |   uris = ['file:///tmp/firth-folder/*.csv'])
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: id, name in file:///tmp/firth-folder/1.csv
            name, id in file:///tmp/firth-folder/2.csv
    hint: Find columns by their names: source_column_match = 'NAME'; or narrow the uris.
    ");

    for (name, value) in [("1.parquet", "1"), ("2.parquet", "'one'")] {
        place.output(&["-c", &format!("SELECT {value} AS id"), "-o", name]);
    }
    let uri = place.uri("*.parquet");
    let sql = format!("CREATE EXTERNAL TABLE s.t OPTIONS (\n  format = 'PARQUET', uris = ['{uri}'])");
    assert_snapshot!(place.refused(&sql), @r#"
    error[bad_data]: column "id" has different types in the files of this table
     --> -c:2:30
    2 |   format = 'PARQUET', uris = ['file:///tmp/firth-folder/*.parquet'])
      |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: INT64 in file:///tmp/firth-folder/1.parquet
            STRING in file:///tmp/firth-folder/2.parquet
    hint: Make one table for each kind of file, or narrow the uris.
    "#);
}

#[test]
fn truncated_parquet() {
    let place = place();
    place.output(&["-c", "SELECT a FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS a", "-o", "t.parquet"]);
    let whole = fs::read(place.path().join("t.parquet")).expect("there");
    let uri = place.uri("t.parquet");
    let create = format!("CREATE EXTERNAL TABLE s.t OPTIONS (\n  format = 'PARQUET', uris = ['{uri}'])");
    place.file("t.parquet", &whole[..whole.len() / 2]);
    assert_snapshot!(place.refused(&create), @r#"
    error[bad_data]: file "file:///tmp/firth-folder/t.parquet" is not readable as Parquet
     --> -c:2:30
    2 |   format = 'PARQUET', uris = ['file:///tmp/firth-folder/t.parquet'])
      |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: Invalid Parquet file. Corrupt footer
    hint: The file may be cut short or of another format; the other files are not affected.
    "#);

    // Cut short only after the table was made.
    place.file("t.parquet", &whole).run(&create);
    place.file("t.parquet", &whole[..whole.len() / 2]);
    assert_snapshot!(place.refused("SELECT SUM(a) FROM s.t"), @r#"
    error[bad_data]: file "file:///tmp/firth-folder/t.parquet" is not readable as Parquet
     --> -c:1:1
    1 | SELECT SUM(a) FROM s.t
      | ^^^^^^
    detail: Invalid Parquet file. Corrupt footer
    hint: The file may be cut short or of another format; the other files are not affected.
    "#);
}

#[test]
fn csv_with_a_bad_row() {
    let place = place();
    place.file("prices.csv", "id,price\n1,1.5\n2,none\n3,2.5\n").file("wide.csv", "id,price\n1,2.5\n2,3,4\n");
    for name in ["prices", "wide"] {
        let uri = place.uri(&format!("{name}.csv"));
        place.run(&format!(
            "CREATE EXTERNAL TABLE s.{name} (id INT64, price FLOAT64) OPTIONS (format = 'CSV', skip_leading_rows = 1, uris = ['{uri}'])"
        ));
    }
    assert_snapshot!(place.refused("SELECT SUM(price) AS total FROM s.prices"), @r#"
    error[bad_data]: file:///tmp/firth-folder/prices.csv, line 3: column "price" is FLOAT64, and "none" is not
     --> -c:1:1
    1 | SELECT SUM(price) AS total FROM s.prices
      | ^^^^^^
    hint: Mend the file, or declare the column as STRING; max_bad_records = n leaves out up to n such rows.
    "#);
    assert_snapshot!(place.refused("SELECT SUM(price) AS total FROM s.wide"), @r#"
    error[bad_data]: file:///tmp/firth-folder/wide.csv, line 3: it has 3 fields and the table 2 columns
     --> -c:1:1
    1 | SELECT SUM(price) AS total FROM s.wide
      | ^^^^^^
    hint: Give the table the columns that the file has, or leave them out with ignore_unknown_values = TRUE.
    "#);
}

#[test]
fn unknown_table_and_column() {
    let place = place();
    place.file("prices.csv", "id,price\n1,1.5\n");
    let uri = place.uri("prices.csv");
    place.run(&format!("CREATE EXTERNAL TABLE s.prices OPTIONS (format = 'CSV', uris = ['{uri}'])"));
    assert_snapshot!(place.refused("SELECT *\nFROM s.price"), @r#"
    error[not_found]: table "s.price" does not exist
     --> -c:2:6
    2 | FROM s.price
      |      ^^^^^^^
    hint: Did you mean "s.prices"?
    "#);
    assert_snapshot!(place.refused("SELECT * FROM shop.prices"), @r#"
    error[not_found]: dataset "shop" does not exist
     --> -c:1:15
    1 | SELECT * FROM shop.prices
      |               ^^^^^^^^^^^
    hint: `SHOW SCHEMAS` lists those there are; `CREATE SCHEMA` makes one.
    "#);
    assert_snapshot!(place.refused("SELECT id, prise\nFROM s.prices"), @r#"
    error[not_found]: column "prise" does not exist
     --> -c:1:12
    1 | SELECT id, prise
      |            ^^^^^
    hint: Did you mean "price"?
    "#);
    assert_snapshot!(place.refused("SELECT p.prise FROM s.prices AS p"), @r#"
    error[not_found]: column "p.prise" does not exist
     --> -c:1:10
    1 | SELECT p.prise FROM s.prices AS p
      |          ^^^^^
    hint: Did you mean "price"?
    "#);
    assert_snapshot!(place.refused("SELECT SOM(price) FROM s.prices"), @r#"
    error[not_found]: function "som" does not exist
     --> -c:1:8
    1 | SELECT SOM(price) FROM s.prices
      |        ^^^
    hint: Did you mean "sum"?
    "#);
    assert_snapshot!(place.refused("SELECT SUM('one') FROM s.prices"), @r#"
    error[invalid]: function "sum" does not take arguments of these types
     --> -c:1:8
    1 | SELECT SUM('one') FROM s.prices
      |        ^^^
    hint: It is given STRING: CAST the argument to another type.
    "#);
}

#[test]
fn remote_sql_error_inside_external_query() {
    let Some(server) = Servers::from_env().require_postgres("remote_sql_error_inside_external_query") else {
        return;
    };
    let place = place();
    place.connect_postgres();
    let refused = |sql: &str| without_postgres(&place.refused(sql), &server);
    assert_snapshot!(refused("SELECT * FROM EXTERNAL_QUERY('us.shop', 'SELECT nope FROM pg_class')"), @r#"
    error[remote]: [postgres] refused the statement
     --> -c:1:41
    1 | SELECT * FROM EXTERNAL_QUERY('us.shop', 'SELECT nope FROM pg_class')
      |                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: PostgreSQL says: "column \"nope\" does not exist" (SQLSTATE 42703)
            line 1, column 8: SELECT nope FROM pg_class
                                     ^
    hint: The text goes there as it is: write it in that system's own SQL and names.
    "#);
    let sql = "SELECT *
FROM EXTERNAL_QUERY('us.shop', '''
  SELECT 6 / (n - 3) AS x
  FROM generate_series(1, 5) AS n''')";
    assert_snapshot!(refused(sql), @r#"
    error[remote]: [postgres] refused the statement
     --> -c:1:1
    1 | SELECT *
      | ^^^^^^
    detail: PostgreSQL says: "division by zero" (SQLSTATE 22012)
    hint: EXPLAIN shows what is sent there.
    "#);
    assert_snapshot!(refused("SELECT * FROM EXTERNAL_QUERY('us.shop', 'DROP TABLE orders')"), @r#"
    error[invalid]: the query begins with "DROP"
     --> -c:1:41
    1 | SELECT * FROM EXTERNAL_QUERY('us.shop', 'DROP TABLE orders')
      |                                         ^^^^^^^^^^^^^^^^^^^
    detail: only SELECT, WITH, VALUES and TABLE read
    hint: Connections only read: run other statements with the server's own client.
    "#);
}

#[test]
fn export_onto_existing_files_without_overwrite() {
    let place = place();
    place.file("out-000000000000.csv", "precious\n");
    let uri = place.uri("out-*.csv");
    let sql = format!("EXPORT DATA OPTIONS (\n  format = 'CSV', uri = '{uri}') AS SELECT 1 AS a");
    assert_snapshot!(place.refused(&sql), @r#"
    error[already_exists]: there is a file already: "file:///tmp/firth-folder/out-000000000000.csv"
     --> -c:2:25
    2 |   format = 'CSV', uri = 'file:///tmp/firth-folder/out-*.csv') AS SELECT 1 AS a
      |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: `overwrite = true` replaces files of the same names; or choose another uri.
    "#);
    assert_eq!(fs::read_to_string(place.path().join("out-000000000000.csv")).expect("there"), "precious\n");
}

#[test]
fn a_uri_without_a_star() {
    let place = place();
    let uri = place.uri("out.csv");
    let sql = format!("EXPORT DATA OPTIONS (\n  format = 'CSV', uri = '{uri}') AS SELECT 1 AS a");
    assert_snapshot!(place.refused(&sql), @r#"
    error[invalid]: uri "file:///tmp/firth-folder/out.csv" has no *
     --> -c:2:25
    2 |   format = 'CSV', uri = 'file:///tmp/firth-folder/out.csv') AS SELECT 1 AS a
      |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: Write one * in the file's name, such as "…/rows-*.parquet": it becomes the file's number.
    "#);
}

#[test]
fn ctrl_c() {
    let place = place();
    let before = place.catalog();
    let uri = place.uri("out-*.csv");
    // The second statement is what is interrupted: the first one's row says that it is next.
    let numbers = "UNNEST(GENERATE_ARRAY(1, 100000))";
    let sql = format!(
        "SELECT 1 AS first;
EXPORT DATA OPTIONS (format = 'CSV', uri = '{uri}') AS
SELECT a FROM {numbers} AS a CROSS JOIN {numbers} AS b;
CREATE SCHEMA never;"
    );
    let mut child = place.spawn(&["-c", &sql]);
    let mut first = [0; 8];
    child.stdout.as_mut().expect("piped").read_exact(&mut first).expect("the first result");
    assert_eq!(&first, b"first\n1\n");
    signal(&child, "-INT");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_is_clear(&stderr(&output));
    assert_eq!(place.catalog(), before, "the catalog is as it was");
    let shown = stderr(&output).replace(&place.path().display().to_string(), "/tmp/firth-folder");
    assert_snapshot!(shown, @"
    error[cancelled]: the statement was interrupted
     --> -c:2:1
    2 | EXPORT DATA OPTIONS (format = 'CSV', uri = 'file:///tmp/firth-folder/out-*.csv') AS
      | ^^^^^^
    hint: Rows that were written before are not the whole result.
    ");
    assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1, "only the home is there");
}

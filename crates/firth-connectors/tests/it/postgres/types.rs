//! Every type: its extreme values as they are read, against what the server writes of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use firth_connector::{Relation, RemoteSql, TableSpec};
use firth_diagnostic::Result;

use super::{
    support::{Place, queried, query, read},
    value_text::{value_text, without_zeros},
};

/// What the types of the table below are made of.
const MADE: &str = "
CREATE TYPE mood AS ENUM ('fine', 'sad', 'so, so');
CREATE DOMAIN price AS numeric(12, 2);
CREATE DOMAIN low_price AS price CHECK (VALUE < 10);
CREATE DOMAIN codes AS char(3)[];
CREATE TYPE pair AS (low int, high numeric);
CREATE TYPE place AS (name text, at timestamp, pairs pair[], mood mood);
CREATE TYPE spot AS (name text, at point);
";

/// A type, the Arrow type its columns are read as, and values of it.
pub(super) const TYPES: &[(&str, &str, &[&str])] = &[
    ("boolean", "Boolean", &["true", "false"]),
    ("smallint", "Int64", &["-32768", "32767", "0"]),
    ("integer", "Int64", &["-2147483648", "2147483647"]),
    ("bigint", "Int64", &["-9223372036854775808", "9223372036854775807"]),
    ("oid", "Int64", &["0", "4294967295"]),
    ("xid", "Int64", &["'4294967295'"]),
    ("cid", "Int64", &["'7'"]),
    ("real", "Float64", &["0.5", "'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "'-1.5e30'"]),
    (
        "double precision",
        "Float64",
        &[
            "0.1",
            "'-0'",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "5e-324",
            "1.7976931348623157e308",
            "1e15",
            "1e14",
            "123456.789",
            "1e-5",
        ],
    ),
    (
        "numeric",
        "Decimal128(38, 9)",
        &[
            "0",
            "-0.000000001",
            "99999999999999999999999999999.999999999",
            "-99999999999999999999999999999.999999999",
        ],
    ),
    ("numeric(12,2)", "Decimal128(12, 2)", &["-9999999999.99", "0.01", "0"]),
    ("numeric(38,38)", "Decimal128(38, 38)", &["0.99999999999999999999999999999999999999", "-1e-38"]),
    ("numeric(5,-3)", "Decimal128(38, 9)", &["99999000", "-1000"]),
    ("numeric(2,5)", "Decimal128(38, 9)", &["0.00099", "-0.00001"]),
    (
        "numeric(76,38)",
        "Decimal256(76, 38)",
        &["99999999999999999999999999999999999999.99999999999999999999999999999999999999", "-1e-38"],
    ),
    (
        "numeric(60,0)",
        "Decimal256(60, 0)",
        &["-999999999999999999999999999999999999999999999999999999999999"],
    ),
    ("numeric(200,100)", "Utf8", &["1e-100", "-1e99"]),
    ("money", "Decimal128(38, 9)", &["'-92233720368547758.08'", "'92233720368547758.07'", "'0.01'"]),
    ("text", "Utf8", &["''", "'ü''\\ \u{1F30A}'", "E'tab\\tline\\nend'", "repeat('x', 100000)", "'NULL'"]),
    ("varchar(9)", "Utf8", &["'v'", "'trailing '"]),
    ("char(5)", "Utf8", &["'c'", "'c    '", "''"]),
    ("\"char\"", "Utf8", &["'c'", "''"]),
    ("name", "Utf8", &["'a name'"]),
    ("citext", "Utf8", &["'MiXed'"]),
    ("xml", "Utf8", &["'<a b=\"c\">d</a>'"]),
    ("json", "Utf8", &["'{\"b\" : 1, \"a\":[1.50, null]}'"]),
    ("jsonb", "Utf8", &["'{\"b\" : 1, \"a\":[1.50, null]}'", "'1e400'"]),
    ("jsonpath", "Utf8", &["'$.a[*] ? (@ > 1)'"]),
    ("uuid", "Utf8", &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'00000000-0000-0000-0000-000000000000'"]),
    ("bytea", "Binary", &["'\\x'", "'\\x00ff'"]),
    ("date", "Date32", &["'0001-01-01'", "'9999-12-31'", "'2000-02-29'", "'1970-01-01'"]),
    ("time", "Time64(µs)", &["'00:00'", "'23:59:59.999999'"]),
    ("timetz", "Utf8", &["'00:00+15:59'", "'24:00:00-15:59:59'"]),
    (
        "timestamp",
        "Timestamp(µs)",
        &["'0001-01-01 00:00'", "'9999-12-31 23:59:59.999999'", "'1999-12-31 23:59:59.9'"],
    ),
    (
        "timestamptz",
        "Timestamp(µs, \"UTC\")",
        &["'0001-01-01 00:00+00'", "'9999-12-31 23:59:59.999999+00'", "'1969-12-31 23:59:59.5-02'"],
    ),
    (
        "interval",
        "Interval(MonthDayNano)",
        &[
            "'0'",
            "'1 year 2 mons -3 days 04:05:06.789'",
            "'-178000000 years'",
            "'2147483647 days'",
            "'-2562047:47:16.854775'",
            "'1 month -1 day +1 hour'",
        ],
    ),
    ("inet", "Utf8", &["'10.1.2.3/8'", "'::1'", "'10.1.2.3'"]),
    ("cidr", "Utf8", &["'10.0.0.0/8'", "'2001:db8::/32'"]),
    ("macaddr", "Utf8", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", "Utf8", &["'08:00:2b:01:02:03:04:05'"]),
    ("point", "Utf8", &["'(1.5,-2)'"]),
    ("line", "Utf8", &["'{1,2,3}'"]),
    ("lseg", "Utf8", &["'[(0,0),(1,1)]'"]),
    ("box", "Utf8", &["'(1,1),(0,0)'"]),
    ("path", "Utf8", &["'((0,0),(1,1))'", "'[(0,0),(1,1)]'"]),
    ("polygon", "Utf8", &["'((0,0),(1,1),(2,0))'"]),
    ("circle", "Utf8", &["'<(0,0),1>'"]),
    ("tsvector", "Utf8", &["'a:1 fat:2A cat:3'"]),
    ("tsquery", "Utf8", &["'fat & !cat'"]),
    ("int4range", "Utf8", &["'[1,5)'", "'empty'", "'(,)'"]),
    ("numrange", "Utf8", &["'(1.5,2.50]'"]),
    ("tstzrange", "Utf8", &["'[2026-01-01 00:00+00,infinity)'"]),
    ("daterange", "Utf8", &["'[2026-01-01,)'"]),
    ("int8multirange", "Utf8", &["'{[1,3), [5,9)}'"]),
    ("hstore", "Utf8", &["'a=>1, b=>NULL, \"c d\"=>\"\"'"]),
    ("regclass", "Utf8", &["'pg_catalog.pg_class'"]),
    ("pg_lsn", "Utf8", &["'16/B374D848'"]),
    ("xid8", "Utf8", &["'18446744073709551615'"]),
    ("tid", "Utf8", &["'(1,2)'"]),
    ("pg_snapshot", "Utf8", &["'10:20:10,14'"]),
    ("mood", "Utf8", &["'sad'", "'so, so'"]),
    ("price", "Decimal128(12, 2)", &["-0.01"]),
    ("low_price", "Decimal128(12, 2)", &["9.99"]),
    ("int[]", "List(Int64)", &["'{}'", "'{1,NULL,-3}'", "'[5:6]={1,2}'::int[]"]),
    ("text[]", "List(Utf8)", &["ARRAY['', 'a,b', '\"q\"', 'NULL', NULL, '{}', 'back\\slash', 'ü']"]),
    ("numeric(12,2)[]", "List(Decimal128(12, 2))", &["'{0.01,NULL}'"]),
    ("bytea[]", "List(Binary)", &["ARRAY['\\x00'::bytea]"]),
    ("timestamp[]", "List(Timestamp(µs))", &["ARRAY['2026-01-02 03:04:05'::timestamp]"]),
    ("uuid[]", "List(Utf8)", &["ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]"]),
    ("mood[]", "List(Utf8)", &["'{fine,\"so, so\"}'"]),
    ("inet[]", "List(Utf8)", &["'{10.1.2.3/8,NULL}'"]),
    ("money[]", "List(Decimal128(38, 9))", &["'{1.25,NULL}'"]),
    ("codes", "List(Utf8)", &["'{a,bcd}'"]),
    (
        "pair",
        "Struct(\"low\": Int64, \"high\": Decimal128(38, 9))",
        &["(1, 2.5)", "(NULL, NULL)", "(NULL, -3)"],
    ),
    ("pair[]", "List(Struct(\"low\": Int64, \"high\": Decimal128(38, 9)))", &["ARRAY[(1, 2)::pair, NULL]"]),
    (
        "place",
        "Struct(\"name\": Utf8, \"at\": Timestamp(µs), \"pairs\": List(Struct(\"low\": Int64, \"high\": Decimal128(38, 9))), \"mood\": Utf8)",
        &["('a \"b\", c', '2026-01-02 03:04', ARRAY[(1, 2)::pair], 'sad')", "(NULL, NULL, '{}', NULL)"],
    ),
    ("spot", "Utf8", &["('here', '(1,2)')"]),
    ("int[][]", "Utf8", &["'{{1,2},{3,4}}'", "'{}'"]),
];

pub(super) async fn place(test: &str) -> Option<Place> {
    let place = Place::new(test).await?;
    let extensions = "CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
         CREATE EXTENSION IF NOT EXISTS citext SCHEMA public";
    // Two tests may create it at once; the loser finds it.
    let locked = format!("SELECT pg_advisory_lock(7); {extensions}; SELECT pg_advisory_unlock(7)");
    place.run(&locked).await;
    place.run("ALTER ROLE {} SET search_path = {}, public; ALTER ROLE {} SET timezone = 'UTC'; SET timezone = 'UTC'").await;
    place.run(&format!("SET search_path = {{}}, public; SET ROLE {{}}; {MADE}")).await;
    Some(place)
}

/// The values, as texts, of the one column of these rows.
fn texts(batches: &[RecordBatch]) -> Vec<Option<String>> {
    let rows = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| value_text(batch.column(0).as_ref(), row)));
    rows.collect()
}

/// The server's own texts of what a query gives.
pub(super) async fn written(place: &Place, sql: &str) -> Vec<Option<String>> {
    let rows = place.admin.query(sql, &[]).await.expect("the test's own SQL is right");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_type_is_read_as_the_server_writes_it() {
    let Some(place) = place("matrix").await else { return };
    let remote = place.open(&[]).expect("valid options");
    let sql: Arc<dyn RemoteSql> = Arc::clone(&remote).sql().expect("a SQL side");
    for (index, (type_, expected, values)) in TYPES.iter().enumerate() {
        let table = format!("t{index}");
        let rows: Vec<String> = values.iter().map(|value| format!("(({value})::{type_})")).collect();
        let made = format!(
            "CREATE TABLE {table} (v {type_}); INSERT INTO {table} VALUES {}, (NULL)",
            rows.join(", ")
        );
        place.admin.batch_execute(&made).await.expect(type_);

        let spec = TableSpec { schema: place.name.clone(), name: table.clone() };
        let described = remote.describe(&spec).await.expect(type_);
        assert_eq!(described.schema.field(0).data_type().to_string(), *expected, "{type_}");
        let from_table = read(&sql, Relation::Table(spec), described).await.expect(type_);

        // What is read as a number has no scale of its own, and no name of a currency.
        let number =
            expected.contains("Decimal") && !expected.contains('(') || expected.starts_with("Decimal");
        let text = match *type_ {
            // Every digit of the FLOAT64 that it is here.
            "real" => "v::float8::text",
            "money" => "v::numeric::text",
            "money[]" => "v::numeric[]::text",
            // Equal arrays may begin at any number.
            "int[]" => "CASE WHEN v IS NOT NULL THEN ARRAY(SELECT unnest(v))::text END",
            _ => "v::text",
        };
        // Whose casts to text give another than what is written of them: without spaces, with /32.
        let text = match *type_ {
            "char(5)" | "inet" => "CASE WHEN v IS NOT NULL THEN format('%s', v) END",
            _ => text,
        };
        let mut wanted = written(&place, &format!("SELECT {text} FROM {table}")).await;
        if number {
            wanted.iter_mut().flatten().for_each(|text| *text = without_zeros(text));
        }
        assert_eq!(texts(&from_table), wanted, "{type_}");
        // A query tells fewer things of a type: not how many dimensions an array has.
        if *type_ != "int[][]" {
            let (from_query, batches) = query(&sql, &format!("SELECT v FROM {table}")).await.expect(type_);
            assert_eq!(from_query.schema.field(0).data_type().to_string(), *expected, "{type_}");
            assert_eq!(texts(&batches), wanted, "{type_}");
        }
    }
}

#[tokio::test]
async fn bits_are_bytes_from_the_left() {
    let Some(place) = place("bits").await else { return };
    let text = "SELECT B'1010' AS four, B'111111111'::varbit AS nine, B''::varbit AS none";
    insta::assert_snapshot!(queried(&place, &place.sql(&[]), text).await, @r"
    +------+------+------+
    | four | nine | none |
    +------+------+------+
    | a0   | ff80 |      |
    +------+------+------+
    ");
}

#[tokio::test]
async fn what_does_not_fit_names_the_column_and_the_value() {
    let Some(place) = place("unfit_values").await else { return };
    let sql = place.sql(&[]);
    let error = async |value: &str| {
        let shown = queried(&place, &sql, &format!("SELECT {value} AS v")).await;
        shown.lines().next().map(str::to_owned).unwrap_or_default()
    };
    let mut lines = Vec::new();
    for value in [
        "'NaN'::numeric",
        "'Infinity'::numeric",
        "1e29",
        "-1e-10",
        "1::numeric / 3",
        "'infinity'::date",
        "'-infinity'::timestamptz",
        "'10000-01-01'::date",
        "'0001-12-31 12:00:00.5 BC'::timestamp",
        "'24:00'::time",
        "'3000000 hours'::interval",
        "'{{1,2},{3,4}}'::int[]",
        "ARRAY['NaN'::numeric]",
        "(1, 1e29)::pair",
    ] {
        lines.push(error(value).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    error[bad_data]: column "v" holds NaN, which NUMERIC cannot hold
    error[bad_data]: column "v" holds Infinity, which NUMERIC cannot hold
    error[bad_data]: column "v" holds 100000000000000000000000000000: more digits before the point than NUMERIC has
    error[bad_data]: column "v" holds -0.0000000001: more digits after the point than NUMERIC has
    error[bad_data]: column "v" holds 0.33333333333333333333: more digits after the point than NUMERIC has
    error[bad_data]: column "v" holds infinity
    error[bad_data]: column "v" holds -infinity
    error[bad_data]: column "v" holds 10000-01-01, outside the years 1 to 9999 of DATE
    error[bad_data]: column "v" holds 0001-12-31 12:00:00.5 BC, outside the years 1 to 9999 of TIMESTAMP
    error[bad_data]: column "v" holds the time 24:00:00, which TIME cannot hold
    error[bad_data]: column "v" holds 0 months 0 days 10800000000000000 microseconds, which INTERVAL cannot hold
    error[bad_data]: column "v" holds an array of 2 dimensions, and ARRAY has one
    error[bad_data]: column "v" holds NaN, which NUMERIC cannot hold
    error[bad_data]: column "v" holds 100000000000000000000000000000: more digits before the point than NUMERIC has
    "#);
}

#[tokio::test]
async fn options_say_what_becomes_of_numbers_and_of_types_without_a_counterpart() {
    let Some(place) = place("type_options").await else { return };
    let numbers = "SELECT v FROM (VALUES ('NaN'::numeric), ('Infinity'), (1e-12), (1.50)) AS n(v) ORDER BY v";
    let shown = async |option: (&str, &str), text: &str| queried(&place, &place.sql(&[option]), text).await;
    insta::assert_snapshot!(shown(("numeric_as", "STRING"), numbers).await, @r"
    +----------------+
    | v              |
    +----------------+
    | 0.000000000001 |
    | 1.50           |
    | Infinity       |
    | NaN            |
    +----------------+
    ");
    insta::assert_snapshot!(shown(("numeric_as", "FLOAT64"), numbers).await, @r"
    +-------+
    | v     |
    +-------+
    | 1e-12 |
    | 1.5   |
    | inf   |
    | NaN   |
    +-------+
    ");
    insta::assert_snapshot!(shown(("numeric_as", "BIGNUMERIC"), "SELECT 1e-12 AS v").await, @r"
    +------------------------------------------+
    | v                                        |
    +------------------------------------------+
    | 0.00000000000100000000000000000000000000 |
    +------------------------------------------+
    ");
    let mixed = "SELECT 1 AS a, '::1'::inet AS b, 2 AS c";
    insta::assert_snapshot!(shown(("unsupported_type", "error"), mixed).await, @r#"
    error[unsupported]: Postgres type (OID = 869) isn't supported now
    detail: column "b" is of type inet
    hint: Set option unsupported_type of the connection to 'string', or cast it in EXTERNAL_QUERY: `CAST("b" AS text) AS "b"`.
    "#);
    insta::assert_snapshot!(shown(("unsupported_type", "skip"), mixed).await, @r"
    +---+---+
    | a | c |
    +---+---+
    | 1 | 2 |
    +---+---+
    ");
    let decimals = async |decimals| -> Result<String> {
        let sql = place.sql(&[]);
        let (_, described) = sql.describe_query("SELECT 1.5 AS a, 2::numeric(9, 2) AS b", decimals).await?;
        Ok(described
            .schema
            .fields()
            .iter()
            .map(|field| field.data_type().to_string())
            .collect::<Vec<_>>()
            .join(", "))
    };
    use firth_connector::DecimalType;
    assert_eq!(decimals(None).await.expect("described"), "Decimal128(38, 9), Decimal128(9, 2)");
    assert_eq!(decimals(Some(DecimalType::String)).await.expect("described"), "Utf8, Utf8");
    assert_eq!(decimals(Some(DecimalType::Float64)).await.expect("described"), "Float64, Float64");
}

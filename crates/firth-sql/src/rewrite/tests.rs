//! Rewritten queries as text.

use firth_diagnostic::Source;

use super::*;
use crate::{ColumnType, Parameter, Statement, parse};

fn parameters() -> Parameters {
    [
        ("n", Parameter::Int64(-41)),
        ("name", Parameter::String("it's".into())),
        ("day", Parameter::Typed(ColumnType::Date, "2026-01-02".into())),
        ("nothing", Parameter::Null),
        ("ratio", Parameter::Float64(0.5)),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

fn try_rewrite(text: &str) -> Result<Rewritten> {
    match parse(text)? {
        Statement::Query(query) => rewrite(&query, &parameters()),
        other => panic!("{other:?}"),
    }
}

/// The rewritten query, or the whole message.
fn rewritten(text: &str) -> String {
    match try_rewrite(text) {
        Ok(rewritten) => rewritten.query.to_string(),
        Err(error) => error.render(Some(Source { name: "sql", text }), false),
    }
}

fn headers(text: &str) -> Vec<String> {
    let items = try_rewrite(text).unwrap().headers.items;
    items.into_iter().map(|item| item.unwrap_or_else(|| "*".into())).collect()
}

#[test]
fn literals_names_and_comments_keep_their_text() {
    insta::assert_snapshot!(
        rewritten("SELECT 'INT64 -- `x`' AS `INT64 -- 'x'`, \"a'b\", r'\\d' /* CAST(x AS INT64) ` */ FROM `my-p.ds.T` -- ' INT64"),
        @r#"SELECT 'INT64 -- `x`' AS "int64 -- 'x'", 'a''b' AS "f0_", '\d' AS "f1_" FROM "my-p.ds.T" AS "t""#
    );
    insta::assert_snapshot!(rewritten("SELECT DATE '2026-01-01 INT64', INTERVAL '5' DAY, b'`\\n'"), @r#"SELECT DATE '2026-01-01 INT64' AS "f0_", INTERVAL '5 DAY' AS "f1_", X'600A' AS "f2_""#);
}

#[test]
fn types() {
    insta::assert_snapshot!(
        rewritten("SELECT CAST(a AS INT64), CAST(a AS NUMERIC), SAFE_CAST(a AS ARRAY<STRUCT<X STRING, Y BIGNUMERIC(40, 2)>>), CAST(a AS TIMESTAMP), CAST(a AS DATETIME), CAST(a AS BYTEINT)"),
        @r#"SELECT CAST("a" AS BIGINT) AS "f0_", CAST("a" AS DECIMAL(38,9)) AS "f1_", SAFE_CAST("a" AS ARRAY<STRUCT<"x" VARCHAR, "y" DECIMAL(40,2)>>) AS "f2_", CAST("a" AS TIMESTAMP(6) WITH TIME ZONE) AS "f3_", CAST("a" AS TIMESTAMP(6)) AS "f4_", CAST("a" AS BIGINT) AS "f5_""#
    );
    insta::assert_snapshot!(rewritten("SELECT CAST(1 + 2 AS VARCHAR)"), @r#"
    error[not_found]: type "VARCHAR" does not exist
     --> sql:1:13
    1 | SELECT CAST(1 + 2 AS VARCHAR)
      |             ^^^^^
    hint: Write STRING.
    "#);
}

#[test]
fn tables_are_one_identifier_each() {
    insta::assert_snapshot!(
        rewritten("SELECT Shop.Orders.Id, ORDERS.id, c.* FROM Shop.Orders, my-project-1.shop.Customers C JOIN ds.INFORMATION_SCHEMA.TABLES USING (Id)"),
        @r#"SELECT "orders"."id", "orders"."id", "c".* FROM "Shop.Orders" AS "orders", "my-project-1.shop.Customers" "c" JOIN "ds.INFORMATION_SCHEMA.TABLES" AS "tables" USING("id")"#
    );
    let text = "SELECT 1 FROM a.t, (SELECT 1 FROM `p.a.t`) AS x, a.t AS y";
    let tables = try_rewrite(text).unwrap().tables;
    let shown: Vec<String> = tables
        .iter()
        .map(|table| format!("{} {:?} {}", table.key, table.name.0, &text[table.span.start..table.span.end]))
        .collect();
    assert_eq!(
        shown,
        [r#"a.t ["a", "t"] a.t"#, r#"p.a.t ["p", "a", "t"] `p.a.t`"#, r#"a.t ["a", "t"] a.t AS y"#]
    );
    insta::assert_snapshot!(rewritten("SELECT 1 FROM a.t JOIN b.t ON TRUE"), @r#"
    error[invalid]: two tables in this FROM are called "t"
     --> sql:1:24
    1 | SELECT 1 FROM a.t JOIN b.t ON TRUE
      |                        ^^^
    hint: Give one of them another name: … AS t_2.
    "#);
}

#[test]
fn names_of_ctes_are_not_tables() {
    let text = "WITH T AS (SELECT * FROM t), u AS (SELECT * FROM T) SELECT * FROM u, (WITH t AS (SELECT 2 AS x) SELECT * FROM t) AS v, ds.t";
    insta::assert_snapshot!(rewritten(text), @r#"WITH "t" AS (SELECT * FROM "t" AS "t"), "u" AS (SELECT * FROM "t" AS "t") SELECT * FROM "u" AS "u", (WITH "t_2" AS (SELECT 2 AS "x") SELECT * FROM "t_2" AS "t") AS "v", "ds.t" AS "t""#);
    let keys: Vec<String> = try_rewrite(text).unwrap().tables.into_iter().map(|table| table.key).collect();
    assert_eq!(keys, ["t", "ds.t"]);
    // In a recursive WITH a name is visible in itself.
    assert!(
        try_rewrite("WITH RECURSIVE t AS (SELECT 1 AS i UNION ALL SELECT i FROM t) SELECT * FROM t")
            .unwrap()
            .tables
            .is_empty()
    );
}

#[test]
fn external_queries_have_a_key_each() {
    let text = "SELECT * FROM external_query('us.c', @name) a JOIN EXTERNAL_QUERY(\"c\", '''SELECT ';' -- x''', '{}') ON TRUE";
    insta::assert_snapshot!(rewritten(text), @r#"SELECT * FROM "external_query_1" "a" JOIN "external_query_2" AS "external_query_2" ON true"#);
    let calls = try_rewrite(text).unwrap().external_queries;
    assert_eq!((calls[0].connection.value.as_str(), calls[0].sql.value.as_str()), ("us.c", "it's"));
    assert_eq!(calls[1].sql.value, "SELECT ';' -- x");
    assert_eq!(&text[calls[1].sql.span.start..calls[1].sql.span.end], "'''SELECT ';' -- x'''");
    insta::assert_snapshot!(rewritten("SELECT * FROM EXTERNAL_QUERY('c', CONCAT('a', 'b'))"), @r"
    error[invalid]: an argument of EXTERNAL_QUERY is not a string literal
     --> sql:1:35
    1 | SELECT * FROM EXTERNAL_QUERY('c', CONCAT('a', 'b'))
      |                                   ^^^^^^^^^^^^^^^
    hint: Its arguments are string literals or @parameters that are strings.
    ");
}

#[test]
fn parameters_become_literals() {
    insta::assert_snapshot!(rewritten("SELECT @n, @NAME, @day, @nothing, @ratio"), @r#"SELECT -41 AS "f0_", 'it''s' AS "f1_", CAST('2026-01-02' AS DATE) AS "f2_", NULL AS "f3_", CAST(0.5 AS DOUBLE) AS "f4_""#);
    insta::assert_snapshot!(rewritten("SELECT 1 FROM t\nWHERE a = @nam"), @r"
    error[not_found]: parameter @nam has no value
     --> sql:2:11
    2 | WHERE a = @nam
      |           ^^^^
    hint: Did you mean @name?
    ");
}

#[test]
fn columns_without_alias_are_numbered() {
    insta::assert_snapshot!(rewritten("SELECT A, t.B, s.x.y, 1, 2 AS Z, COUNT(*) FROM t, u AS s"), @r#"SELECT "a", "t"."b", "s"."x"."y" AS "y", 1 AS "f0_", 2 AS "z", count(*) AS "f1_" FROM "t" AS "t", "u" AS "s""#);
    assert_eq!(
        headers("SELECT Aa, t.Bb, 1, 2 AS Zz, COUNT(*), t.*, * FROM t"),
        ["Aa", "Bb", "f0_", "Zz", "f1_", "*", "*"]
    );
    assert_eq!(headers("(SELECT X FROM a) UNION ALL SELECT Y FROM b ORDER BY 1"), ["X"]);
    insta::assert_snapshot!(rewritten("SELECT 1 AS a, 2 AS A"), @r#"
    error[invalid]: two columns of the result are called "A"
     --> sql:1:21
    1 | SELECT 1 AS a, 2 AS A
      |                     ^
    hint: Column names do not differ by case. Give one of them another alias.
    "#);
}

#[test]
fn functions() {
    for (select, expected) in [
        ("COUNTIF(A > 1)", r#"count(CASE WHEN "a" > 1 THEN 1 END)"#),
        ("IF(a, b, c)", r#"CASE WHEN "a" THEN "b" ELSE "c" END"#),
        ("SAFE_DIVIDE(a, b)", r#"safe_divide("a", "b")"#),
        (
            "a[OFFSET(0)] + a[SAFE_ORDINAL(b)]",
            r#"array_offset_element("a", 0) + array_safe_ordinal_element("a", "b")"#,
        ),
        ("CONCAT(a, 'x', b)", r#"("a" || 'x' || "b")"#),
        ("DATE_ADD(d, INTERVAL 3 DAY)", r#""d" + INTERVAL '3 DAY'"#),
        ("DATE_TRUNC(d, MONTH)", r#"truncated_as(date_trunc('month', "d"), "d")"#),
        ("EXTRACT(YEAR FROM D)", r#"CAST(date_part('year', "d") AS BIGINT)"#),
        ("MY_UDF(a)", r#"my_udf("a")"#),
        ("a / b", r#""a" / "b""#),
        ("SUM(a) OVER W", r#"sum("a") OVER "w""#),
    ] {
        assert_eq!(rewritten(&format!("SELECT {select} AS x")), format!("SELECT {expected} AS \"x\""));
    }
    insta::assert_snapshot!(rewritten("SELECT EXTRACT(FORTNIGHT FROM d)"), @r"
    error[unsupported]: date part FORTNIGHT is not in this version
     --> sql:1:31
    1 | SELECT EXTRACT(FORTNIGHT FROM d)
      |                               ^
    ");
}

#[test]
fn strings_are_not_names() {
    insta::assert_snapshot!(rewritten("SELECT 1 'one'"), @r"
    error[syntax]: expected a name, found a string
     --> sql:1:8
    1 | SELECT 1 'one'
      |        ^
    hint: Put back-quotes, not quotes, around a name.
    ");
}

#[test]
fn files_have_a_key_each_and_are_called_as_they_are() {
    let text = "SELECT people.id FROM '/data/people.csv.gz' JOIN \"1.parquet\" AS p USING (id) JOIN READ(['s3://b/a', @name], connection => 'us.c', format => 'CSV', skip_leading_rows => 1) USING (id)";
    insta::assert_snapshot!(rewritten(text), @r#"SELECT "people"."id" FROM "file_read_1" AS "people" JOIN "file_read_2" AS "p" USING("id") JOIN "file_read_3" AS "a" USING("id")"#);
    let reads = try_rewrite(text).unwrap().file_reads;
    assert_eq!(reads[0].uris.value, ["/data/people.csv.gz"]);
    assert_eq!(&text[reads[1].uris.span.start..reads[1].uris.span.end], "\"1.parquet\"");
    assert_eq!(reads[2].uris.value, ["s3://b/a", "it's"]);
    assert_eq!(reads[2].connection.as_ref().unwrap().value, "us.c");
    let options: Vec<&str> = reads[2].options.iter().map(|option| option.name.value.as_str()).collect();
    assert_eq!(options, ["format", "skip_leading_rows"]);
    insta::assert_snapshot!(rewritten("SELECT * FROM READ('a.csv', 'b.csv')"), @r"
    error[invalid]: READ does not take this argument
     --> sql:1:29
    1 | SELECT * FROM READ('a.csv', 'b.csv')
      |                             ^^^^^^^
    hint: Write READ('uri'), READ(['uri', …]) or READ('uri', connection => 'us.name', format => 'CSV', …).
    ");
}

#[test]
fn a_column_of_using_is_what_the_join_makes_of_it() {
    insta::assert_snapshot!(
        rewritten("SELECT *, k FROM a FULL JOIN b USING (k) ORDER BY k"),
        @r#"SELECT coalesce("a"."k", "b"."k") AS "k", "a".* EXCEPT ("k"), "b".* EXCEPT ("k"), coalesce("a"."k", "b"."k") AS "k" FROM "a" AS "a" FULL JOIN "b" AS "b" ON "a"."k" = "b"."k" ORDER BY "k""#
    );
    insta::assert_snapshot!(
        rewritten("SELECT k FROM a JOIN b USING (k, l) WHERE l > 1"),
        @r#"SELECT "a"."k" FROM "a" AS "a" JOIN "b" AS "b" USING("k", "l") WHERE "a"."l" > 1"#
    );
    insta::assert_snapshot!(
        rewritten("SELECT K AS l FROM a RIGHT JOIN b USING (K) JOIN c USING (k) ORDER BY l, k"),
        @r#"SELECT "b"."k" AS "l" FROM "a" AS "a" RIGHT JOIN "b" AS "b" ON "a"."k" = "b"."k" JOIN "c" AS "c" USING("k") ORDER BY "l", "b"."k""#
    );
}

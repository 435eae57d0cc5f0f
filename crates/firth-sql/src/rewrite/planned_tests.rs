//! DataFusion plans, and runs, what the rewriting answers.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as DataFusionStatement;
use sqlparser::ast;

use crate::{Parameters, Rewritten, Statement, parse};

/// A session as the engine makes one, with empty tables under their keys.
fn session() -> SessionContext {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.enable_ident_normalization = false;
    config.options_mut().execution.time_zone = Some("UTC".to_string());
    let context = SessionContext::new_with_config(config);
    let orders = [
        ("id", DataType::Int64),
        ("customer_id", DataType::Int64),
        ("total", DataType::Decimal128(38, 9)),
        ("status", DataType::Utf8),
        ("placed", DataType::Date32),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        ("tags", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
    ];
    for key in ["shop.orders", "external_query_1"] {
        register(&context, key, &orders);
    }
    register(&context, "shop.customers", &[("id", DataType::Int64), ("name", DataType::Utf8)]);
    context
}

fn register(context: &SessionContext, key: &str, columns: &[(&str, DataType)]) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let table = MemTable::try_new(schema.clone(), vec![vec![RecordBatch::new_empty(schema)]]).unwrap();
    context.register_table(TableReference::bare(key), Arc::new(table)).unwrap();
}

fn rewritten(sql: &str) -> Rewritten {
    let query = match parse(sql) {
        Ok(Statement::Query(query)) => query,
        other => panic!("{sql}: {other:?}"),
    };
    crate::rewrite(&query, &Parameters::new()).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The rows of a query, after its whole way through parser, rewriting, planner and execution.
fn rows(sql: &str) -> Result<Vec<RecordBatch>, String> {
    let rewritten = rewritten(sql);
    let shown = rewritten.query.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let context = session();
        let statement = DataFusionStatement::Statement(Box::new(ast::Statement::Query(rewritten.query)));
        let plan = context
            .state()
            .statement_to_plan(statement)
            .await
            .map_err(|error| format!("{sql}\n{shown}\n{error}"))?;
        let frame =
            context.execute_logical_plan(plan).await.map_err(|error| format!("{sql}\n{shown}\n{error}"))?;
        frame.collect().await.map_err(|error| format!("{sql}\n{shown}\n{error}"))
    })
}

/// One row's values, between bars.
fn row(select: &str) -> String {
    let batches = rows(&format!("SELECT {select}")).unwrap_or_else(|error| panic!("{error}"));
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let values = table.lines().nth(3).unwrap_or_default().trim_matches('|');
    values.split('|').map(str::trim).collect::<Vec<_>>().join(" | ")
}

#[test]
fn types_and_literals() {
    for (select, expected) in [
        (
            "CAST('5' AS INT64), CAST(5 AS FLOAT64), CAST(1 AS STRING), CAST(b'ab' AS BYTES)",
            "5 | 5.0 | 1 | 6162",
        ),
        (
            "CAST('true' AS BOOL), CAST('1.5' AS NUMERIC), CAST('1.5' AS BIGNUMERIC(40, 2))",
            "true | 1.500000000 | 1.50",
        ),
        ("SAFE_CAST('x' AS INT64) IS NULL, SAFE_CAST('12' AS NUMERIC(5, 2))", "true | 12.00"),
        ("DATE '2026-05-17', TIMESTAMP '2026-05-17 10:11:12+00'", "2026-05-17 | 2026-05-17T10:11:12Z"),
        ("DATETIME '2026-05-17 10:11:12.5', TIME '10:11:12'", "2026-05-17T10:11:12.500 | 10:11:12"),
        ("NUMERIC '1.25', JSON '{}'", "1.250000000 | {}"),
        (
            r"0x2A, 1e3, .5, 1., -1, b'\x00\xff', 'it\'s', r'\n'",
            r"42 | 1000.0 | 0.5 | 1.0 | -1 | 00ff | it's | \n",
        ),
        ("1 << 3, 8 >> 1, 5 ^ 3, ~5", "8 | 4 | 6 | -6"),
    ] {
        assert_eq!(row(select), expected, "{select}");
    }
}

#[test]
fn arrays_and_structs() {
    for (select, expected) in [
        ("ARRAY<INT64>[1, 2], ARRAY<STRING>[]", "[1, 2] | []"),
        ("STRUCT(1 AS a, 'x' AS b), STRUCT(1, 2)", "{a: 1, b: x} | {_field_1: 1, _field_2: 2}"),
        ("STRUCT<A INT64>('1'), STRUCT(1 AS a).A", "{A: 1} | 1"),
        ("CAST([1] AS ARRAY<STRING>), ARRAY_LENGTH([]), GENERATE_ARRAY(1, 3)", "[1] | 0 | [1, 2, 3]"),
        ("3 IN UNNEST([1, 3]), 3 NOT IN UNNEST([3])", "true | false"),
        ("MAX(x) AS most FROM UNNEST([1, 2]) AS x", "2"),
    ] {
        assert_eq!(row(select), expected, "{select}");
    }
}

#[test]
fn dates_and_intervals() {
    for (select, expected) in [
        ("DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH)", "2026-02-28"),
        ("DATE_SUB(DATE '2026-01-31', INTERVAL 2 WEEK)", "2026-01-17"),
        (
            "DATE '2026-01-01' + INTERVAL 1 QUARTER, DATE '2026-01-01' - INTERVAL -3 DAY",
            "2026-04-01 | 2026-01-04",
        ),
        ("DATE_ADD(DATE '2026-01-31', INTERVAL n DAY) FROM UNNEST([3]) AS n", "2026-02-03"),
        ("DATE_ADD(DATE '2026-01-31', INTERVAL n WEEK) FROM UNNEST([3]) AS n", "2026-02-21"),
        ("TIMESTAMP_ADD(TIMESTAMP '2026-05-17 10:11:12+00', INTERVAL 90 MINUTE)", "2026-05-17T11:41:12Z"),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2026-05-17 10:11:12+00', HOUR)", "2026-05-17T10:00:00Z"),
        ("DATE_DIFF(DATE '2026-03-01', DATE '2026-02-27', DAY)", "2"),
        (
            "DATE_DIFF('2026-03-01', '2025-12-31', MONTH), DATE_DIFF('2026-03-01', '2025-12-31', QUARTER)",
            "3 | 1",
        ),
        (
            "DATE_DIFF('2026-03-01', '2026-02-28', WEEK), DATE_DIFF('2026-03-01', '2026-02-28', ISOWEEK)",
            "1 | 0",
        ),
        ("DATE_DIFF('1969-12-28', '1969-12-27', WEEK), DATE_DIFF('2026-03-01', '2025-12-31', YEAR)", "1 | 1"),
        ("EXTRACT(YEAR FROM DATE '2026-05-17'), EXTRACT(DAYOFWEEK FROM DATE '2026-05-17')", "2026 | 1"),
        ("EXTRACT(ISOYEAR FROM DATE '2027-01-01'), EXTRACT(DAYOFYEAR FROM DATE '2026-05-17')", "2026 | 137"),
        ("EXTRACT(MICROSECOND FROM DATETIME '2026-05-17 10:11:12.5')", "500000"),
        ("EXTRACT(DATE FROM TIMESTAMP '2026-05-17 10:11:12+00')", "2026-05-17"),
        ("DATE(2026, 5, 17), DATE(TIMESTAMP '2026-05-17 10:11:12+00')", "2026-05-17 | 2026-05-17"),
        ("CURRENT_DATE() = CURRENT_DATE, CURRENT_TIMESTAMP() > TIMESTAMP '2020-01-01'", "true | true"),
    ] {
        assert_eq!(row(select), expected, "{select}");
    }
}

#[test]
fn functions_answer_as_in_googlesql() {
    for (select, expected) in [
        ("IF(1 < 2, 'a', 'b'), IFNULL(NULL, 2)", "a | 2"),
        ("DIV(-7, 2), DIV(9223372036854775807, 1), MOD(-7, 2)", "-3 | 9223372036854775807 | -1"),
        ("POW(2, 3), LOG(8, 2), LOG(1)", "8.0 | 3.0 | 0.0"),
        ("SUBSTR('abc', 2), SUBSTR('abc', -2, 1), SUBSTR('abc', 0, 2)", "bc | b | ab"),
        ("LENGTH('é'), BYTE_LENGTH('é'), STRPOS('abc', 'c'), STARTS_WITH('abc', 'a')", "1 | 2 | 3 | true"),
        (
            "CONCAT('a', NULL) IS NULL, CONCAT('a', 'b', 'c'), REGEXP_CONTAINS('abc', 'b')",
            "true | abc | true",
        ),
        (r"REGEXP_REPLACE('abab', 'a(b)', r'\1x'), REGEXP_EXTRACT('abc', 'b(c)')", "bxbx | c"),
    ] {
        assert_eq!(row(select), expected, "{select}");
    }
}

#[test]
fn queries_are_planned_and_run() {
    for sql in [
        "SELECT * EXCEPT(id) REPLACE(UPPER(status) AS status) FROM shop.orders",
        "SELECT Status, COUNT(*), COUNTIF(total > 5) FROM shop.orders GROUP BY Status HAVING COUNT(*) > 1 ORDER BY 2 DESC, STATUS LIMIT 5",
        "SELECT shop.orders.ID, orders.status, `shop.orders`.total FROM `shop.orders`",
        "SELECT o.id FROM shop.orders o JOIN shop.customers c ON o.customer_id = c.id WHERE o.id IN (SELECT id FROM shop.customers WHERE name = c.name)",
        "SELECT o.id FROM shop.orders o WHERE NOT EXISTS (SELECT 1 FROM shop.customers c WHERE c.id = o.customer_id)",
        "WITH T AS (SELECT id AS Key FROM shop.orders), u AS (SELECT * FROM t) SELECT KEY FROM U ORDER BY key",
        "WITH t AS (SELECT 1 AS x) SELECT * FROM (WITH t AS (SELECT x + 1 AS x FROM t) SELECT * FROM t) JOIN t USING (x)",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
        "SELECT ROW_NUMBER() OVER (PARTITION BY status ORDER BY at DESC) AS r, SUM(id) OVER w FROM shop.orders WINDOW W AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) QUALIFY r = 1",
        "SELECT FIRST_VALUE(id IGNORE NULLS) OVER (ORDER BY id), LAG(id) OVER (ORDER BY id) FROM shop.orders",
        "SELECT ANY_VALUE(id), APPROX_COUNT_DISTINCT(id), LOGICAL_AND(id > 1), STRING_AGG(status ORDER BY id), ARRAY_AGG(id), VARIANCE(id) FROM shop.orders",
        "SELECT DISTINCT UPPER(status) FROM shop.orders ORDER BY UPPER(status)",
        "SELECT id FROM shop.orders UNION ALL SELECT id FROM shop.customers ORDER BY id",
        "SELECT id FROM shop.orders EXCEPT DISTINCT SELECT id FROM shop.customers",
        "SELECT status, COUNT(*) FROM shop.orders GROUP BY ROLLUP(status)",
        "SELECT q.id FROM EXTERNAL_QUERY('c', 'SELECT 1') AS q WHERE q.placed < '2026-01-01' AND q.at >= TIMESTAMP '2026-01-01'",
        // What the 22 TPC-H queries need beyond that.
        "SELECT status, SUM(total * (1 - 0.1) * (1 + 0.1)) AS charge, AVG(total) FROM shop.orders WHERE placed <= DATE_SUB(DATE '1998-12-01', INTERVAL 90 DAY) GROUP BY status ORDER BY status",
        "SELECT EXTRACT(YEAR FROM placed) AS o_year, SUM(CASE WHEN status = 'BRAZIL' THEN total ELSE 0 END) / SUM(total) FROM shop.orders GROUP BY o_year",
        "SELECT c.name, COUNT(o.id) AS n FROM shop.customers c LEFT OUTER JOIN shop.orders o ON c.id = o.customer_id AND o.status NOT LIKE '%special%requests%' GROUP BY c.name",
        "SELECT id FROM shop.orders WHERE total > (SELECT AVG(total) * 0.2 FROM shop.orders i WHERE i.customer_id = orders.customer_id)",
        "WITH revenue AS (SELECT customer_id AS supplier_no, SUM(total) AS total_revenue FROM shop.orders WHERE placed >= DATE '1996-01-01' AND placed < DATE_ADD(DATE '1996-01-01', INTERVAL 3 MONTH) GROUP BY customer_id) SELECT name FROM shop.customers, revenue WHERE id = supplier_no AND total_revenue = (SELECT MAX(total_revenue) FROM revenue)",
        "SELECT SUBSTR(status, 1, 2) AS code FROM shop.orders WHERE SUBSTR(status, 1, 2) IN ('13', '31') AND total BETWEEN 0.06 - 0.01 AND 0.06 + 0.01",
        "SELECT c_count, COUNT(*) AS custdist FROM (SELECT customer_id, COUNT(id) AS c_count FROM shop.orders GROUP BY customer_id) AS c_orders GROUP BY c_count ORDER BY custdist DESC",
        "SELECT 100.00 * SUM(CASE WHEN status LIKE 'PROMO%' THEN total * (1 - 0.1) ELSE 0 END) / SUM(total * (1 - 0.1)) AS promo FROM shop.orders",
    ] {
        rows(sql).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A worker thread's stack is 2 MiB.
#[test]
fn long_and_deep_texts_fit_a_small_stack() {
    let run = || {
        let chain = vec!["id = 1"; 1_900].join(" OR ");
        assert_eq!(rewritten(&format!("SELECT id FROM shop.orders WHERE {chain}")).tables.len(), 1);
        assert!(parse(&format!("SELECT {} FROM t WHERE )", vec!["a"; 1_900].join(" AND "))).is_err());
        let unions = vec!["SELECT 1"; 190].join(" UNION ALL ");
        assert_eq!(rewritten(&unions).headers.items.len(), 1);
        let sum = vec!["1"; 190].join(" + ");
        assert_eq!(rewritten(&format!("SELECT {sum}, {sum}")).headers.items.len(), 2);
        let nested = [
            ("(", ")"),
            ("[", "]"),
            ("-", ""),
            ("NOT ", ""),
            ("f(", ")"),
            ("CASE WHEN ", " THEN 1 END"),
            ("(SELECT ", ")"),
            ("CAST(", " AS INT64)"),
            ("STRUCT(", ")"),
            ("INTERVAL ", " DAY"),
            ("a[", "]"),
            ("a.", ""),
            ("EXISTS(SELECT ", ")"),
        ];
        for (before, after) in nested {
            for depth in [5, 30, 90, 5_000] {
                let text = format!("SELECT {}1{}", before.repeat(depth), after.repeat(depth));
                if let Ok(Statement::Query(query)) = parse(&text) {
                    let _ = crate::rewrite(&query, &Parameters::new());
                }
            }
        }
        for depth in [5, 20, 90, 5_000] {
            let _ = parse(&format!("SELECT CAST(1 AS {}INT64{})", "ARRAY<".repeat(depth), ">".repeat(depth)));
            let _ = parse(&format!("SELECT * FROM {}t{}", "(".repeat(depth), ")".repeat(depth)));
            let _ = parse(&format!(
                "CREATE EXTERNAL TABLE t (a {}INT64{})",
                "STRUCT<a ".repeat(depth),
                ">".repeat(depth)
            ));
            let _ = parse(&format!("SET a = {}1{}", "[".repeat(depth), "]".repeat(depth)));
        }
        let long = vec!["1"; 100_000].join(" + ");
        assert!(parse(&format!("SELECT {long}")).is_err());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

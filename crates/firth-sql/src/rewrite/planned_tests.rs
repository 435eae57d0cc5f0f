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
fn probe() {
    let selects = r#"CAST('5' AS INT64), CAST(5 AS FLOAT64), CAST(1 AS STRING), CAST(b'ab' AS BYTES), CAST('true' AS BOOL), CAST('1.5' AS NUMERIC), CAST('1.5' AS BIGNUMERIC)
SAFE_CAST('x' AS INT64), SAFE_CAST('12' AS NUMERIC(5, 2))
DATE '2026-05-17', TIMESTAMP '2026-05-17 10:11:12+00', DATETIME '2026-05-17 10:11:12.5', TIME '10:11:12', NUMERIC '1.25', BIGNUMERIC '1.25', JSON '{"a":1}'
CAST('2026-01-02' AS DATE), CAST('2026-01-02 03:04:05' AS DATETIME), CAST('2026-01-02 03:04:05+00' AS TIMESTAMP), CAST('03:04:05' AS TIME), CAST('{}' AS JSON)
CAST([1,2] AS ARRAY<STRING>), ARRAY<INT64>[1,2], [1,2][OFFSET(0)], [1,2][ORDINAL(1)], [1,2][0]
STRUCT(1 AS a, 'x' AS b), STRUCT(1, 2)
STRUCT(1 AS a, 'x' AS b).b
STRUCT<a INT64, b STRING>(1, 'x')
DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH), DATE_SUB(DATE '2026-01-31', INTERVAL 2 WEEK), DATE '2026-01-01' + INTERVAL 1 QUARTER, DATE '2026-01-01' - INTERVAL -3 DAY
TIMESTAMP_ADD(TIMESTAMP '2026-05-17 10:11:12+00', INTERVAL 90 MINUTE), TIMESTAMP_SUB(TIMESTAMP '2026-05-17 10:11:12+00', INTERVAL '5' SECOND)
DATE_ADD(DATE '2026-01-31', INTERVAL CAST('3' AS INT64) DAY)
DATE_DIFF(DATE '2026-03-01', DATE '2026-02-27', DAY), DATE_DIFF(DATE '2026-03-01', DATE '2025-12-31', MONTH), DATE_DIFF(DATE '2026-03-01', DATE '2025-12-31', YEAR), DATE_DIFF(DATE '2026-03-01', DATE '2026-02-28', WEEK), DATE_DIFF('2026-03-02', '2026-03-01', ISOWEEK)
DATE_TRUNC(DATE '2026-05-17', MONTH), DATE_TRUNC(DATE '2026-05-19', WEEK), DATE_TRUNC(DATE '2026-05-17', ISOWEEK), DATE_TRUNC(DATE '2026-05-17', WEEK(MONDAY))
TIMESTAMP_TRUNC(TIMESTAMP '2026-05-17 10:11:12+00', HOUR), DATETIME_TRUNC(DATETIME '2026-05-17 10:11:12', DAY)
EXTRACT(YEAR FROM DATE '2026-05-17'), EXTRACT(DAYOFWEEK FROM DATE '2026-05-17'), EXTRACT(DAYOFYEAR FROM DATE '2026-05-17'), EXTRACT(ISOWEEK FROM DATE '2026-05-17'), EXTRACT(MICROSECOND FROM DATETIME '2026-05-17 10:11:12.5')
EXTRACT(DATE FROM TIMESTAMP '2026-05-17 10:11:12+00'), EXTRACT(ISOYEAR FROM DATE '2026-01-01'), EXTRACT(TIME FROM DATETIME '2026-05-17 10:11:12')
IF(1 < 2, 'a', 'b'), IFNULL(NULL, 2), NULLIF(1, 1), COALESCE(NULL, 3), SAFE_DIVIDE(1, 0), SAFE_DIVIDE(1, 2), DIV(-7, 2), MOD(-7, 2), POW(2, 3), DIV(9223372036854775807, 1)
STARTS_WITH('abc', 'a'), ENDS_WITH('abc', 'c'), SUBSTR('abc', 2), SUBSTR('abc', -2, 1), SUBSTR('abc', 0, 2), LENGTH('é'), BYTE_LENGTH('é'), STRPOS('abc', 'c'), CHAR_LENGTH('é')
CONCAT('a', NULL), CONCAT('a', 'b', 'c'), 'a' || 'b', UPPER('a'), REGEXP_CONTAINS('abc', 'b'), REGEXP_REPLACE('abab', 'a(b)', r'\1x'), REGEXP_EXTRACT('abc', 'b(c)'), REPLACE('aa', 'a', 'b')
ARRAY_LENGTH([1,2]), ARRAY_LENGTH([]), GENERATE_ARRAY(1, 3), SPLIT('a,b'), ARRAY_TO_STRING(['a','b'], '-'), ARRAY_CONCAT([1],[2])
FORMAT_DATE('%Y/%m', DATE '2026-05-17'), PARSE_DATE('%Y-%m-%d', '2026-05-17'), FORMAT_TIMESTAMP('%H:%M', TIMESTAMP '2026-05-17 10:11:12+00')
DATE(2026, 5, 17), DATE(TIMESTAMP '2026-05-17 10:11:12+00'), TIMESTAMP('2026-05-17 10:11:12+00'), DATETIME('2026-05-17 10:11:12')
CURRENT_DATE() = CURRENT_DATE, CURRENT_TIMESTAMP() > TIMESTAMP '2020-01-01', CURRENT_DATETIME() > DATETIME '2020-01-01'
3 IN UNNEST([1,2,3]), 3 NOT IN UNNEST([1,2]), 2 BETWEEN 1 AND 3, 'abc' LIKE 'a%', NOT TRUE, 1 <> 2, 1 != 2, 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 3
0x2A, 1e3, .5, 1., -1, b'\x00\xff', 'it\'s', r'\n', """a"b""", '''a'b'''
LOG(8, 2), LOG(1), LN(1), CEILING(1.2), SIGN(-2), TRUNC(1.5), ROUND(1.55, 1), GREATEST(1,2), IS_NAN(CAST('NaN' AS FLOAT64))
CASE 1 WHEN 1 THEN 'a' ELSE 'b' END, CASE WHEN TRUE THEN 1 END, (SELECT 1), EXISTS(SELECT 1), (SELECT MAX(x) FROM UNNEST([1,2]) AS x)"#;
    for select in selects.lines() {
        let result = std::panic::catch_unwind(|| row(select));
        println!(
            "OK? {select}\n    {}",
            result.unwrap_or_else(|e| format!("!!!! {:?}", e.downcast_ref::<String>()))
        );
    }
    let queries = r#"SELECT * EXCEPT(id) REPLACE(UPPER(status) AS status) FROM shop.orders
SELECT Status, COUNT(*), COUNTIF(total > 5), SUM(total) FROM shop.orders GROUP BY Status HAVING COUNT(*) > 1 ORDER BY 2 DESC, STATUS LIMIT 5
SELECT shop.orders.id, orders.STATUS FROM shop.orders
SELECT `shop.orders`.id FROM `shop.orders`
SELECT o.id, c.name FROM shop.orders o JOIN shop.customers c ON o.customer_id = c.id WHERE o.id IN (SELECT id FROM shop.customers WHERE name = c.name)
SELECT o.id FROM shop.orders o WHERE EXISTS (SELECT 1 FROM shop.customers c WHERE c.id = o.customer_id AND c.name LIKE 'a%')
WITH T AS (SELECT id AS Key FROM shop.orders), u AS (SELECT * FROM t) SELECT KEY FROM U ORDER BY key
WITH t AS (SELECT 1 AS x) SELECT * FROM (WITH t AS (SELECT x + 1 AS x FROM t) SELECT * FROM t) JOIN t USING (x)
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n
SELECT id, ROW_NUMBER() OVER (PARTITION BY status ORDER BY at DESC) AS r, SUM(id) OVER w FROM shop.orders WINDOW W AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) QUALIFY r = 1
SELECT FIRST_VALUE(id IGNORE NULLS) OVER (ORDER BY id), LAG(id) OVER (ORDER BY id), LAST_VALUE(id) OVER (ORDER BY id) FROM shop.orders
SELECT ANY_VALUE(id), APPROX_COUNT_DISTINCT(id), LOGICAL_AND(id > 1), STRING_AGG(status), STRING_AGG(status, ';' ORDER BY id), ARRAY_AGG(id ORDER BY id), COUNT(DISTINCT id), AVG(total), VARIANCE(id), STDDEV(id) FROM shop.orders
SELECT DISTINCT UPPER(status) FROM shop.orders ORDER BY UPPER(status)
SELECT UPPER(status) FROM shop.orders GROUP BY UPPER(status) ORDER BY UPPER(status)
SELECT id FROM shop.orders UNION ALL SELECT id FROM shop.customers ORDER BY id
SELECT id FROM shop.orders EXCEPT DISTINCT SELECT id FROM shop.customers
SELECT x FROM UNNEST([3,1]) AS x ORDER BY x
SELECT tag FROM shop.orders o, UNNEST(o.tags) AS tag
SELECT tag FROM shop.orders o, o.tags AS tag
SELECT * FROM shop.orders o LEFT JOIN shop.customers c USING (id)
SELECT s.a FROM (SELECT STRUCT(1 AS a) AS s)
SELECT EXTRACT(YEAR FROM placed) AS y, DATE_TRUNC(placed, MONTH) AS m, SUM(total * (1 - 0.1)) FROM shop.orders GROUP BY y, m
SELECT EXTRACT(YEAR FROM placed) AS y, COUNT(*) FROM shop.orders GROUP BY 1 ORDER BY 1
SELECT status, COUNT(*) FROM shop.orders GROUP BY ROLLUP(status)
SELECT status, id, COUNT(*) FROM shop.orders GROUP BY ALL
SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1') AS q WHERE q.id = 1
SELECT a.id, b.id FROM shop.orders a CROSS JOIN shop.orders b
SELECT total / id FROM shop.orders
SELECT id FROM shop.orders WHERE at >= TIMESTAMP '2026-01-01' AND placed < '2026-02-01'
SELECT shop.orders.* FROM shop.orders
SELECT AS STRUCT 1
SELECT id FROM shop.orders o WHERE total > (SELECT AVG(total) FROM shop.orders i WHERE i.customer_id = o.customer_id)
SELECT COUNT(*) AS n FROM (SELECT 1, 2)
SELECT 1, 2 AS b, 3
SELECT CASE WHEN SUM(CASE WHEN status LIKE 'a%' THEN total ELSE 0 END) > 0 THEN 100.00 * SUM(total) END AS promo FROM shop.orders"#;
    for sql in queries.lines() {
        let result = std::panic::catch_unwind(|| rows(sql).map(|_| rewritten(sql).query.to_string()));
        println!(
            "Q {sql}\n    {}",
            match result {
                Ok(Ok(s)) => s,
                Ok(Err(e)) => format!("!!!! {}", e),
                Err(e) => format!("!!!! panic {:?}", e.downcast_ref::<String>()),
            }
        );
    }
}

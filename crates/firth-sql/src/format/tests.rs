use std::{fs, path::Path};

use insta::assert_snapshot;

use super::*;

fn formatted(text: &str) -> String {
    let formatted = format(text).expect("readable");
    assert_eq!(format(&formatted).as_deref(), Ok(formatted.as_str()), "it stays as it is");
    formatted
}

#[test]
fn what_fits_on_a_line_is_one() {
    assert_snapshot!(formatted("SELECT   a,b\n FROM t\n  WHERE x=1 ;select 2"), @"
    SELECT a, b FROM t WHERE x = 1;
    select 2
    ");
}

#[test]
fn a_long_query_has_a_line_for_each_clause() {
    let text = "WITH big AS (SELECT customer_id, SUM(amount) AS total FROM shop.orders WHERE day BETWEEN '2026-01-01' AND '2026-02-01' AND state = 'paid' GROUP BY customer_id)
    SELECT c.name, b.total, CASE WHEN b.total > 1000 THEN 'a customer of great value' WHEN b.total > 100 THEN 'a customer' ELSE 'somebody' END AS kind
    FROM big b LEFT JOIN shop.customers AS c ON c.id = b.customer_id WHERE c.country IN ('NL','DE') OR c.name LIKE 'A%' ORDER BY b.total DESC LIMIT 10;";
    assert_snapshot!(formatted(text), @"
    WITH big AS (
      SELECT customer_id, SUM(amount) AS total
      FROM shop.orders
      WHERE day BETWEEN '2026-01-01' AND '2026-02-01' AND state = 'paid'
      GROUP BY customer_id
    )
    SELECT
      c.name,
      b.total,
      CASE
        WHEN b.total > 1000 THEN 'a customer of great value'
        WHEN b.total > 100 THEN 'a customer'
        ELSE 'somebody'
      END AS kind
    FROM big b
    LEFT JOIN shop.customers AS c ON c.id = b.customer_id
    WHERE c.country IN ('NL', 'DE') OR c.name LIKE 'A%'
    ORDER BY b.total DESC
    LIMIT 10;
    ");
}

#[test]
fn statements_with_options_are_broken_inside_their_parentheses() {
    let text = "create connection us.shop options (connection_type='POSTGRES', host='db.internal', database='shop', user='reader', password=ENV('SHOP_PASSWORD'));";
    assert_snapshot!(formatted(text), @"
    create connection us.shop
    options (
      connection_type = 'POSTGRES',
      host = 'db.internal',
      database = 'shop',
      user = 'reader',
      password = ENV('SHOP_PASSWORD')
    );
    ");
}

#[test]
fn comments_stay_where_they_say_something() {
    let text = "-- All of it.\n\n\n-- The first.\nSELECT a, -- the key\n  b /* both */ , c -- last\nFROM t; -- done\n# next\nSELECT 1";
    assert_snapshot!(formatted(text), @"
    -- All of it.

    -- The first.
    SELECT
      a, -- the key
      b /* both */,
      c -- last
    FROM t; -- done
    # next
    SELECT 1
    ");
}

#[test]
fn what_stood_close_together_still_does() {
    assert_snapshot!(formatted("SELECT a-b, a - b, -1, - -1, x[OFFSET(0)], COUNT( * ), ARRAY<STRUCT<a INT64>>[], t . c FROM my-project.d.t"), @"
    SELECT a-b, a - b, -1, - -1, x[OFFSET(0)], COUNT(*), ARRAY<STRUCT<a INT64>>[], t.c
    FROM my-project.d.t
    ");
}

#[test]
fn a_text_that_cannot_be_read_is_refused() {
    for text in ["SELECT 'a", "SELECT 1 /* ", "SELECT § 1"] {
        assert_eq!(format(text).expect_err(text).code(), Code::Syntax);
    }
}

/// Every script of this repository: it is laid out, not given up, and its tokens stay.
#[test]
fn scripts_of_the_repository_are_laid_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut scripts = 0;
    for folder in ["queries", "queries/tpch", "testdata/slt/core", "testdata/slt/files", "docs/guide"] {
        for entry in fs::read_dir(root.join(folder)).expect("there") {
            let path = entry.expect("readable").path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            // Of files that hold more than SQL, whatever can be read as tokens serves too.
            let Ok(done) = format(&text) else { continue };
            assert_eq!(pass(&done), done, "{} is given up", path.display());
            scripts += 1;
        }
    }
    assert!(scripts > 30, "{scripts} scripts");
}

//! Ranges of a column's values: the parts of what has no places of its own, such as a view.
//!
//! A view over one table, a foreign table, and a table of a server before version 14 cannot be read by
//! ranges of places. If the server's statistics know how the values of a column are spread, they can be read by
//! ranges of that column, as long as each range costs the server little more than its rows: for that an index must
//! begin with the column, or the foreign server must have the index's part.
//!
//! Which table a view reads is what the server's own plan says of it: one scan of one table, and of each of the
//! view's columns what it is made of. Every value is in one range, NULL in the first, and what is larger than
//! all that the statistics know in the last.

use firth_connector::{RemoteDialect, RemoteScan, Split, TableSpec};
use firth_diagnostic::Result;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};

use super::{dialect::Dialect, error, members::Member, splits::plan_of};

/// Rows in a range, at least. Fewer are not worth their round trips.
const RANGE_ROWS: f64 = 100_000.0;

/// The one relation that a plan scans from one end to the other.
#[derive(Debug, PartialEq)]
pub(super) struct Scanned {
    schema: String,
    table: String,
    alias: String,
    /// How many rows the planner expects.
    rows: f64,
}

impl Scanned {
    /// The relation below `plan`, if nothing but a scan of it is there.
    pub(super) fn of(plan: &Value) -> Option<Self> {
        let text = |plan: &Value, key: &str| Some(plan.get(key)?.as_str()?.to_owned());
        let below = plan.get("Plans").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        match (text(plan, "Node Type")?.as_str(), below) {
            ("Gather", [below]) => Scanned::of(below).map(|scanned| Scanned { rows: rows(plan), ..scanned }),
            ("Seq Scan" | "Foreign Scan", []) => Some(Scanned {
                schema: text(plan, "Schema")?,
                table: text(plan, "Relation Name")?,
                alias: text(plan, "Alias")?,
                rows: rows(plan),
            }),
            _ => None,
        }
    }

    /// Whether it is large enough to be read in parts.
    pub(super) fn is_large(&self) -> bool {
        self.rows >= 2.0 * RANGE_ROWS
    }
}

fn rows(plan: &Value) -> f64 {
    plan.get("Plan Rows").and_then(Value::as_f64).unwrap_or_default()
}

/// Columns whose values' spread is known and whose ranges are cheap: what a plan calls each, its type, and the
/// bounds of parts with as many rows each. Those of different values first.
///
/// `pg_stats` shows a role what it may read itself, and of no table whose rows it sees only some of. Types are
/// those whose order is total, and whose values have one text.
const COLUMNS: &str = "
SELECT pg_catalog.quote_ident($3) || '.' || pg_catalog.quote_ident(a.attname),
       pg_catalog.format_type(a.atttypid, NULL),
       s.histogram_bounds::text::text[]
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_stats s
  ON s.schemaname = $1 AND s.tablename = $2 AND s.attname = a.attname AND NOT s.inherited
WHERE n.nspname = $1 AND c.relname = $2 AND s.histogram_bounds IS NOT NULL
  AND a.atttypid IN (20, 21, 23, 26, 1082, 1114, 1184, 1700, 2950)
  AND (c.relkind = 'f' OR EXISTS (
    SELECT FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL))
ORDER BY s.n_distinct > 0, s.n_distinct, abs(s.correlation) DESC NULLS LAST, a.attnum";

/// The ranges, and the column that they are of; `None` if no column of the scan will do. One round trip.
pub(super) async fn ranges(
    member: &mut Member,
    table: &TableSpec,
    scan: &RemoteScan,
    scanned: &Scanned,
) -> Result<Option<(String, Vec<Split>)>> {
    let fields = scan.description.schema.fields();
    let names: Vec<String> = fields.iter().map(|field| Dialect.identifier(field.name())).collect();
    let qualified = format!("{}.{}", Dialect.identifier(&table.schema), Dialect.identifier(&table.name));
    let explain = format!("EXPLAIN (VERBOSE, FORMAT JSON) SELECT {} FROM {qualified}", names.join(", "));
    let parameters = [&scanned.schema, &scanned.table, &scanned.alias];
    let parameters = parameters.map(|name| (name as &(dyn ToSql + Sync), Type::TEXT));
    let client = member.client();
    let (columns, explained) =
        tokio::join!(client.query_typed(COLUMNS, &parameters), client.simple_query(&explain));
    let (columns, explained) = match (columns, explained) {
        (Ok(columns), Ok(explained)) => (columns, explained),
        // A column that the scan does not read may be kept from the role. The next request goes back to the savepoint.
        (Err(failure), _) | (_, Err(failure)) if failure.as_db_error().is_some() => return Ok(None),
        (Err(failure), _) | (_, Err(failure)) => {
            return Err(error::request(member.settings(), &failure, None));
        }
    };
    let plan = plan_of(&explained);
    // The same scan, without the conditions of this one.
    let Some(whole) = plan.pointer("/0/Plan") else { return Ok(None) };
    let same = Scanned::of(whole).is_some_and(|whole| Scanned { rows: scanned.rows, ..whole } == *scanned);
    let outputs = whole.get("Output").and_then(Value::as_array);
    let Some(outputs) = outputs.filter(|outputs| same && outputs.len() == fields.len()) else {
        return Ok(None);
    };
    let most = member.settings().max_backends;
    for row in &columns {
        let (source, type_, bounds): (String, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let Some(place) = outputs.iter().position(|output| output.as_str() == Some(&source)) else {
            continue;
        };
        let parts = ((scanned.rows / RANGE_ROWS) as usize).min(most);
        let bounds = quantiles(&bounds, parts);
        if !bounds.is_empty() {
            return Ok(Some((fields[place].name().clone(), conditions(&names[place], &type_, &bounds))));
        }
    }
    Ok(None)
}

/// Bounds between so many parts, out of those of a histogram, whose steps hold as many rows each.
fn quantiles(bounds: &[String], parts: usize) -> Vec<&str> {
    let steps = bounds.len().saturating_sub(1);
    if steps == 0 {
        return Vec::new();
    }
    let mut chosen: Vec<&str> = (1..parts).map(|part| bounds[part * steps / parts].as_str()).collect();
    chosen.dedup();
    // What is below the least value is nothing but NULL.
    chosen.retain(|bound| Some(*bound) != bounds.first().map(String::as_str));
    chosen
}

/// The conditions of the ranges between `bounds`: all values of the type, and NULL, are in one of them.
fn conditions(column: &str, type_: &str, bounds: &[&str]) -> Vec<Split> {
    let literal = |bound: &str| format!("'{}'::{type_}", bound.replace('\'', "''"));
    let part = |part: usize| match (part.checked_sub(1).map(|before| bounds[before]), bounds.get(part)) {
        (None, Some(to)) => format!("({column} < {} OR {column} IS NULL)", literal(to)),
        (Some(from), Some(to)) => format!("{column} >= {} AND {column} < {}", literal(from), literal(to)),
        (Some(from), None) => format!("{column} >= {}", literal(from)),
        (None, None) => "true".to_owned(),
    };
    (0..=bounds.len()).map(|index| Split { predicate: Some(part(index)), token: None }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_scan_of_one_relation_has_a_source() {
        let scan = json!({"Node Type": "Seq Scan", "Schema": "s", "Relation Name": "t", "Alias": "x", "Plan Rows": 9});
        let scanned = |rows: f64| Scanned { schema: "s".into(), table: "t".into(), alias: "x".into(), rows };
        assert_eq!(Scanned::of(&scan), Some(scanned(9.0)));
        let gather = json!({"Node Type": "Gather", "Plan Rows": 20, "Plans": [scan]});
        assert_eq!(Scanned::of(&gather), Some(scanned(20.0)));
        for other in ["Append", "Subquery Scan", "Sort", "Limit"] {
            assert_eq!(Scanned::of(&json!({"Node Type": other, "Plans": [scan]})), None, "{other}");
        }
    }

    #[test]
    fn ranges_hold_every_value_once() {
        let bounds: Vec<String> = (0..=100).map(|bound| (bound * 10).to_string()).collect();
        let splits = conditions("\"k\"", "bigint", &quantiles(&bounds, 3));
        let text: Vec<String> = splits.into_iter().filter_map(|split| split.predicate).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        ("k" < '330'::bigint OR "k" IS NULL)
        "k" >= '330'::bigint AND "k" < '660'::bigint
        "k" >= '660'::bigint
        "#);
    }

    #[test]
    fn a_column_of_few_values_has_few_ranges() {
        let bounds: Vec<String> = ["1", "1", "1", "2", "2"].map(str::to_owned).to_vec();
        assert_eq!(quantiles(&bounds, 4), ["2"]);
        assert_eq!(quantiles(&bounds, 1), [""; 0]);
        assert_eq!(quantiles(&["1".to_owned()], 4), [""; 0]);
        assert_eq!(quantiles(&[], 4), [""; 0]);
    }
}

//! The parts of a table that are read side by side: ranges of its pages.
//!
//! Rows have a physical place, `ctid`, and since version 14 a range of places is read without the rest
//! of the table. The same condition splits a partitioned table: each of its partitions is read in that
//! range, under the rights and the row security of the table that the query names, and only those
//! partitions that its conditions leave. The last range has no end: what has been added since the size
//! was asked for is not in the snapshot, but what was there and was not counted is.
//!
//! What has no places, such as a view, is read by ranges of a column's values: see `ranges`.
//!
//! A table is not split if it is small, if a limit ends its scan early, or if the planner would use an
//! index: a range of places would keep it from that.

use firth_connector::{Relation, RemoteScan, Split, TableSpec};
use firth_diagnostic::Result;
use serde_json::Value;
use tokio_postgres::{SimpleQueryMessage, types::Type};

use super::{
    error,
    members::{Member, Members, Purpose},
    ranges::{Scanned, ranges},
};
use std::sync::Arc;

/// Pages in a split, at least. Smaller ones are not worth their round trips.
const SPLIT_PAGES: i64 = 1024;

/// Splits for each backend that may read, at most: enough that none is left with the last of the work.
const SPLITS_PER_BACKEND: i64 = 8;

/// What the condition on `ctid` needs: a server that reads such ranges, and tables that have places. A
/// table's own size, and that of all that inherit from it.
const MEASURE: &str = "
WITH RECURSIVE tree AS (
  SELECT c.oid
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT pg_catalog.current_setting('server_version_num')::int >= 140000
         AND bool_and(c.relkind = 'p' OR c.relkind IN ('r', 'm') AND am.amname = 'heap'),
       sum(p.pages)::int8,
       max(p.pages)::int8
FROM tree
JOIN pg_catalog.pg_class c ON c.oid = tree.oid
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
CROSS JOIN LATERAL (
  SELECT COALESCE(pg_catalog.pg_relation_size(c.oid), 0)
           / pg_catalog.current_setting('block_size')::int8 AS pages) p";

/// The parts of a scan. Asks the server only about tables that were large when they were described.
pub(super) async fn splits(members: &Arc<Members>, scan: &RemoteScan, sql: &str) -> Result<Vec<Split>> {
    let Relation::Table(table) = &scan.relation else { return Ok(vec![Split::default()]) };
    if scan.limit.is_some() || scan.description.max_splits == 1 {
        return Ok(vec![Split::default()]);
    }
    let mut member = members.member(Purpose::Ask).await?;
    match ask(&mut member, table, scan, sql).await {
        Ok(parts) => {
            let backends = member.settings().max_backends;
            member.park();
            Ok(match parts {
                Parts::One => vec![Split::default()],
                Parts::Pages(pages) => pages.ranges(backends),
                Parts::Values { column, splits } => {
                    members.note(format!("read in {} ranges of column {column:?}", splits.len()));
                    splits
                }
            })
        }
        Err(failure) => {
            member.give_back();
            Err(failure)
        }
    }
}

/// What [`splits`] will do, as far as it is known without asking.
pub(super) fn foreseen(scan: &RemoteScan) -> &'static str {
    match &scan.relation {
        Relation::Query(_) => "read in one part: a query has no places to be split by",
        Relation::Table(_) if scan.limit.is_some() => "read in one part: a limit ends it early",
        Relation::Table(_) if scan.description.max_splits == 1 => {
            "read in one part: the table is small, or max_backends is 1"
        }
        Relation::Table(_) => {
            "read in ranges of its pages, or of a column's values if it has none; in one part where the server \
             takes an index"
        }
    }
}

/// How a relation can be read in parts.
enum Parts {
    /// It cannot.
    One,
    /// By places.
    Pages(Pages),
    /// By the values of a column.
    Values { column: String, splits: Vec<Split> },
}

/// The sizes of a table and its partitions, in pages.
#[derive(Clone, Copy)]
struct Pages {
    all: i64,
    largest: i64,
}

/// The parts, if it is best read whole. One round trip, and one more for what has no places.
async fn ask(member: &mut Member, table: &TableSpec, scan: &RemoteScan, sql: &str) -> Result<Parts> {
    let ahead = member.ahead.take();
    let client = member.client();
    let begin = async {
        match &ahead {
            Some(ahead) => client.batch_execute(ahead).await,
            None => Ok(()),
        }
    };
    let names = [&table.schema, &table.name];
    let parameters = names.map(|name| (name as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT));
    let explain = format!("{EXPLAIN}{sql}");
    let (begun, measured, explained) =
        tokio::join!(begin, client.query_typed(MEASURE, &parameters), client.simple_query(&explain));
    let settings = member.settings();
    begun.map_err(|failure| error::request(settings, &failure, None))?;
    let measured = measured.map_err(|failure| error::request(settings, &failure, None))?;
    let sent = error::Sent { sql, prefix: EXPLAIN };
    let explained = explained.map_err(|failure| error::request(settings, &failure, Some(sent)))?;

    let plan = plan_of(&explained);
    let Some(row) = measured.first() else { return Ok(Parts::One) };
    if let (Some(true), Some(all), Some(largest)) = (row.get(0), row.get(1), row.get(2)) {
        return Ok(if reads_whole_tables(&plan) { Parts::Pages(Pages { all, largest }) } else { Parts::One });
    }
    let scanned = plan.pointer("/0/Plan").and_then(Scanned::of).filter(Scanned::is_large);
    let Some(scanned) = scanned else { return Ok(Parts::One) };
    let ranges = ranges(member, table, scan, &scanned).await?;
    Ok(ranges.map_or(Parts::One, |(column, splits)| Parts::Values { column, splits }))
}

/// What the server answers a question with. `VERBOSE` tells what each column is made of.
const EXPLAIN: &str = "EXPLAIN (VERBOSE, FORMAT JSON) ";

/// The plan that the server answered.
pub(super) fn plan_of(explained: &[SimpleQueryMessage]) -> Value {
    let text: String = explained
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Whether the planner reads tables from one end to the other, and nothing by an index.
fn reads_whole_tables(plan: &Value) -> bool {
    let mut scans = 0;
    plan.pointer("/0/Plan").is_some_and(|plan| only_sequential(plan, &mut scans)) && scans > 0
}

fn only_sequential(plan: &Value, scans: &mut usize) -> bool {
    let kind = plan.get("Node Type").and_then(Value::as_str).unwrap_or_default();
    if kind == "Seq Scan" {
        *scans += 1;
    } else if !["Append", "Gather", "Result"].contains(&kind) {
        return false;
    }
    let below = plan.get("Plans").and_then(Value::as_array);
    below.is_none_or(|below| below.iter().all(|plan| only_sequential(plan, scans)))
}

impl Pages {
    fn ranges(self, backends: usize) -> Vec<Split> {
        let most = i64::try_from(backends).unwrap_or(i64::MAX).saturating_mul(SPLITS_PER_BACKEND);
        let count = (self.all / SPLIT_PAGES).clamp(1, most);
        let wide = (self.largest / count).max(1);
        let begins: Vec<i64> =
            (0..count).map(|part| part * wide).filter(|begin| *begin < self.largest.max(1)).collect();
        let range = |(part, begin): (usize, &i64)| {
            let from = (part > 0).then(|| format!("ctid >= '({begin},0)'::tid"));
            let to = begins.get(part + 1).map(|end| format!("ctid < '({end},0)'::tid"));
            let conditions: Vec<String> = from.into_iter().chain(to).collect();
            Split { predicate: (!conditions.is_empty()).then(|| conditions.join(" AND ")), token: None }
        };
        begins.iter().enumerate().map(range).collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use firth_connector::TableDescription;

    use super::*;

    fn ranges(all: i64, largest: i64, backends: usize) -> Vec<String> {
        let splits = Pages { all, largest }.ranges(backends);
        splits.into_iter().map(|split| split.predicate.unwrap_or_else(|| "all".to_owned())).collect()
    }

    #[test]
    fn what_is_known_before_a_table_is_asked_for_its_size_is_said() {
        let scan = |relation: Relation, max_splits: usize, limit: Option<usize>| {
            let table = TableSpec { schema: "s".to_owned(), name: "t".to_owned() };
            let description = TableDescription {
                table,
                schema: Arc::new(Schema::empty()),
                columns: Vec::new(),
                primary_key: Vec::new(),
                row_count: None,
                total_bytes: None,
                max_splits,
            };
            foreseen(&RemoteScan { relation, description, columns: Vec::new(), predicate: None, limit })
        };
        let table = || Relation::Table(TableSpec { schema: "s".to_owned(), name: "t".to_owned() });
        let lines = [
            scan(Relation::Query("SELECT 1".to_owned()), 8, None),
            scan(table(), 8, Some(3)),
            scan(table(), 1, None),
            scan(table(), 8, None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        read in one part: a query has no places to be split by
        read in one part: a limit ends it early
        read in one part: the table is small, or max_backends is 1
        read in ranges of its pages, or of a column's values if it has none; in one part where the server takes an index
        ");
    }

    #[test]
    fn small_tables_are_read_in_one() {
        assert_eq!(ranges(0, 0, 8), ["all"]);
        assert_eq!(ranges(2047, 2047, 8), ["all"]);
    }

    #[test]
    fn ranges_meet_and_the_last_has_no_end() {
        insta::assert_snapshot!(ranges(4100, 4100, 8).join("\n"), @r"
        ctid < '(1025,0)'::tid
        ctid >= '(1025,0)'::tid AND ctid < '(2050,0)'::tid
        ctid >= '(2050,0)'::tid AND ctid < '(3075,0)'::tid
        ctid >= '(3075,0)'::tid
        ");
        assert_eq!(ranges(10_000_000, 10_000_000, 2).len(), 16);
    }

    #[test]
    fn partitions_are_all_read_in_the_same_ranges() {
        insta::assert_snapshot!(ranges(3 * 1024, 2000, 8).join("\n"), @r"
        ctid < '(666,0)'::tid
        ctid >= '(666,0)'::tid AND ctid < '(1332,0)'::tid
        ctid >= '(1332,0)'::tid
        ");
    }

    #[test]
    fn an_index_is_not_taken_from_the_planner() {
        let whole = |plan: &str| {
            let mut scans = 0;
            only_sequential(&serde_json::from_str(plan).expect("JSON"), &mut scans) && scans > 0
        };
        assert!(whole(r#"{"Node Type": "Seq Scan"}"#));
        assert!(whole(r#"{"Node Type": "Gather", "Plans": [{"Node Type": "Seq Scan"}]}"#));
        assert!(whole(
            r#"{"Node Type": "Append", "Plans": [{"Node Type": "Seq Scan"}, {"Node Type": "Seq Scan"}]}"#
        ));
        assert!(!whole(
            r#"{"Node Type": "Append", "Plans": [{"Node Type": "Seq Scan"}, {"Node Type": "Index Scan"}]}"#
        ));
        assert!(!whole(
            r#"{"Node Type": "Bitmap Heap Scan", "Plans": [{"Node Type": "Bitmap Index Scan"}]}"#
        ));
        assert!(!whole(r#"{"Node Type": "Result"}"#));
    }
}

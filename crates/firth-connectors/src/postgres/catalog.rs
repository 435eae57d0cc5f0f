//! What the server's catalog says of tables: their names, columns, keys and sizes.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use firth_connector::{ColumnDescription, SchemaSpec, TableDescription, TableSpec};
use firth_diagnostic::{Code, Diagnostic, Result};
use tokio_postgres::{
    Row,
    types::{Kind, ToSql, Type},
};

use super::{
    dialect::BY_CODE_POINT,
    error,
    mapping::UnsupportedType,
    pool::{Lease, Pool},
    query::{unsupported, with_encoding},
    type_tree::TypeTree,
    types::format_type,
};

/// Tables, views, materialized views, partitioned and foreign tables that the role may read.
/// One row without a name says that the schema is there.
const LIST: &str = "
SELECT c.relname::text
FROM pg_catalog.pg_namespace n
LEFT JOIN pg_catalog.pg_class c
  ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
 AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
WHERE n.nspname = $1
ORDER BY c.relname COLLATE \"C\"";

/// A row a column; one row without a column for a table that has none. Domains are seen through once;
/// what is below is asked for by `type_tree`. `collisdeterministic` is read by way of JSON, because
/// servers before version 12 do not have it. Text under the collations of libc that are listed, and under the
/// database's own if it is one of them, is ordered by code point.
///
/// A key of a table that others inherit from says nothing of their rows, which it shows as its own; one of a partitioned table
/// does.
///
/// Rows and pages are those of the table and all that inherit from it, such as partitions, scaled from
/// when they were counted to the size the files have now. What was never counted is taken to have a
/// hundred bytes a row.
const DESCRIBE: &str = "
WITH RECURSIVE named AS (
  SELECT c.oid, c.relkind
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
), tree AS (
  SELECT oid FROM named
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
), sizes AS (
  SELECT sum(CASE WHEN c.relkind = 'f' THEN c.reltuples::float8
                  WHEN p.pages = 0 THEN 0
                  WHEN c.reltuples > 0 AND c.relpages > 0 THEN c.reltuples::float8 * p.pages / c.relpages
                  ELSE p.pages * b.block_size / 100 END) AS rows,
         sum(p.pages * b.block_size)::int8 AS bytes
  FROM tree
  JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block_size) b
  CROSS JOIN LATERAL (SELECT COALESCE(pg_catalog.pg_relation_size(c.oid), 0) / b.block_size AS pages) p
  WHERE c.relkind IN ('r', 'm') OR c.relkind = 'f' AND c.reltuples > 0
)
SELECT pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
       sizes.rows::float8,
       sizes.bytes,
       a.attname::text,
       pg_catalog.format_type(COALESCE(b.oid, t.oid), CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END),
       COALESCE(b.oid, t.oid),
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
       COALESCE(b.typtype, t.typtype)::text,
       COALESCE(b.typname, t.typname)::text,
       CASE WHEN NOT COALESCE((pg_catalog.to_jsonb(co) ->> 'collisdeterministic')::bool, true)
            THEN pg_catalog.quote_ident(co.collname) END,
       pg_catalog.array_position(k.indkey::int2[], a.attnum),
       s.null_frac::float8,
       s.n_distinct::float8,
       s.avg_width,
       c.relkind::text,
       COALESCE(b.typcategory, t.typcategory)::text,
       a.attndims::int4,
       CASE WHEN co.collprovider = 'd' THEN d.datcollate ELSE co.collcollate END IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
         AND CASE WHEN co.collprovider = 'd' THEN COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c')
                  ELSE co.collprovider::text END = 'c'
FROM named
JOIN pg_catalog.pg_class c ON c.oid = named.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN sizes
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_index k ON k.indrelid = c.oid AND k.indisprimary
 AND (c.relkind = 'p' OR (SELECT count(*) FROM tree) = 1)
LEFT JOIN pg_catalog.pg_stats s -- by the given names, not by those found: else it is computed for all tables
  ON s.schemaname = $1 AND s.tablename = $2 AND s.attname = a.attname
 AND s.inherited = (SELECT count(*) > 1 FROM tree)
ORDER BY a.attnum";

/// Tables that are smaller than this are read in one part, without asking further.
const SPLIT_BYTES: u64 = 16 << 20;

/// The same for tables of other servers, whose bytes are not known.
const SPLIT_ROWS: f64 = 200_000.0;

/// The tables of a schema.
pub(super) async fn list(pool: &Arc<Pool>, schema: &SchemaSpec) -> Result<Vec<TableSpec>> {
    let name = schema_name(&schema.schema);
    let rows = rows(pool, LIST, &[name]).await?.0;
    if rows.is_empty() {
        return Err(no_schema(pool, name));
    }
    let tables = rows.iter().filter_map(|row| row.get::<_, Option<String>>(0));
    Ok(tables.map(|table| TableSpec { schema: name.to_owned(), name: table }).collect())
}

/// A table's columns, key and statistics.
pub(super) async fn describe(pool: &Arc<Pool>, table: &TableSpec) -> Result<TableDescription> {
    let schema = schema_name(&table.schema);
    let (rows, encoding) = rows(pool, DESCRIBE, &[schema, &table.name]).await?;
    let server = pool.server.settings.server();
    let Some(first) = rows.first() else {
        let message = format!("{server} has no table {:?} in schema {schema:?}", table.name);
        return Err(Diagnostic::error(Code::NotFound, message)
            .hint("Names are spelled as the server keeps them; unquoted ones there are in lower case."));
    };
    if !first.get::<_, bool>(0) {
        let user = &pool.server.settings.user;
        let message = format!("{server} does not let {user:?} read table {:?}", table.name);
        return Err(Diagnostic::error(Code::PermissionDenied, message)
            .hint("Grant the role SELECT on the table, and USAGE on its schema."));
    }

    let row_count: Option<f64> = first.get(1);
    let bytes = first.get::<_, Option<i64>>(2).and_then(|bytes| u64::try_from(bytes).ok());
    let types = types(pool, &rows).await?;
    let options = &pool.server.settings.types;
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    let mut key = Vec::new();
    let mut key_length = 0;
    for row in &rows {
        let Some(name) = row.get::<_, Option<String>>(3) else { continue };
        let position: Option<i32> = row.get(10);
        key_length += usize::from(position.is_some());
        let (oid, own_modifier): (u32, i32) = (row.get(5), row.get(6));
        let known = type_of(row).map(|type_| (type_, own_modifier));
        let Some((type_, modifier)) = known.or_else(|| types.below_domains(oid, own_modifier)) else {
            return Err(Diagnostic::error(Code::Conflict, format!("the type of column {name:?} is gone"))
                .hint("The table is being changed: run the statement again."));
        };
        let Some(mapping) = options.mapping(&type_, modifier, row.get(16)) else {
            if options.unsupported_type == UnsupportedType::Error {
                return Err(unsupported(&name, oid, row.get(4)));
            }
            log::info!("column {name:?} of {:?} is left out: its type is not supported", table.name);
            continue;
        };
        let mut remote_type: String = match type_.oid() {
            same if same == oid => row.get(4),
            // A domain's own name says nothing about its values.
            _ => format_type(&type_, modifier),
        };
        if let Some(collation) = row.get::<_, Option<String>>(9) {
            remote_type = format!("{remote_type} COLLATE {collation}");
        } else if row.get::<_, Option<bool>>(17) == Some(true) {
            remote_type.push_str(BY_CODE_POINT);
        }
        columns.push(ColumnDescription {
            remote_type: with_encoding(remote_type, &encoding),
            read_as: mapping.read_as,
            ..estimates(row, row_count)
        });
        if let Some(position) = position {
            key.push((position, name.clone()));
        }
        // Always nullable: the description is stored, and a NOT NULL may be dropped tomorrow. An
        // optimizer that believes it would count wrong.
        fields.push(Field::new(name, mapping.data_type, true));
    }
    // A part of a key is none.
    key.truncate(if key.len() == key_length { key_length } else { 0 });
    key.sort();
    Ok(TableDescription {
        table: TableSpec { schema: schema.to_owned(), name: table.name.clone() },
        schema: Arc::new(Schema::new(fields)),
        columns,
        primary_key: key.into_iter().map(|(_, name)| name).collect(),
        row_count: row_count.map(|rows| rows.round() as u64),
        total_bytes: bytes,
        max_splits: if is_large(first.get(14), row_count, bytes) {
            pool.server.settings.max_backends
        } else {
            1
        },
    })
}

/// Whether a relation of this kind may be read in parts. How large a view is, is seen when it is read.
fn is_large(kind: &str, rows: Option<f64>, bytes: Option<u64>) -> bool {
    match kind {
        "v" => true,
        "f" => rows.is_some_and(|rows| rows >= SPLIT_ROWS),
        _ => bytes.is_none_or(|bytes| bytes >= SPLIT_BYTES),
    }
}

/// The type of a column, where the row says enough of it.
fn type_of(row: &Row) -> Option<Type> {
    let (oid, name): (u32, String) = (row.get(5), row.get(8));
    let (kind, category): (String, String) = (row.get(7), row.get(15));
    let kind = match (kind.as_str(), category.as_str()) {
        _ if Type::from_oid(oid).is_some() => return Type::from_oid(oid),
        ("e", _) => Kind::Enum(Vec::new()),
        ("r" | "m", _) => Kind::Simple,
        ("b", category) if category != "A" => Kind::Simple,
        _ => return None,
    };
    Some(Type::new(name, oid, kind, String::new()))
}

/// The types of columns of which the rows do not say enough.
async fn types(pool: &Arc<Pool>, rows: &[Row]) -> Result<TypeTree> {
    let columns = rows.iter().filter(|row| row.get::<_, Option<String>>(3).is_some());
    let unknown: Vec<u32> = columns.filter(|row| type_of(row).is_none()).map(|row| row.get(5)).collect();
    if unknown.is_empty() {
        return Ok(TypeTree::default());
    }
    let lease = pool.lease().await?;
    let types = TypeTree::of(lease.client(), lease.settings(), unknown).await;
    lease.release();
    types
}

/// What the server's last ANALYZE found in a column. Positive numbers of different values are counts,
/// negative ones a share of the rows.
fn estimates(row: &Row, row_count: Option<f64>) -> ColumnDescription {
    let nulls: Option<f64> = row.get(11);
    let distinct: Option<f64> = row.get(12);
    let width: Option<i32> = row.get(13);
    let share = |share: f64| row_count.map(|rows| (share * rows).round() as u64);
    ColumnDescription {
        null_count: nulls.and_then(share),
        distinct_count: match distinct {
            Some(count) if count > 0.0 => Some(count.round() as u64),
            // Zero means that it is not known.
            Some(count) if count < 0.0 => share(-count),
            _ => None,
        },
        average_bytes: width.and_then(|width| u64::try_from(width).ok()),
        ..ColumnDescription::default()
    }
}

fn schema_name(schema: &str) -> &str {
    if schema.is_empty() { "public" } else { schema }
}

/// The rows of a catalog query, in one round trip, and the database's encoding.
async fn rows(pool: &Arc<Pool>, sql: &str, names: &[&str]) -> Result<(Vec<Row>, String)> {
    let lease = pool.lease().await?;
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        names.iter().map(|name| (name as &(dyn ToSql + Sync), Type::TEXT)).collect();
    let answer = if sql == DESCRIBE {
        lease.backend().describe(sql, &parameters).await
    } else {
        lease.client().query_typed(sql, &parameters).await
    };
    let answer = answer.map_err(|failure| error::request(lease.settings(), &failure, None));
    let encoding = lease.backend().encoding.clone();
    Lease::release(lease);
    Ok((answer?, encoding))
}

fn no_schema(pool: &Pool, name: &str) -> Diagnostic {
    let message = format!("{} has no schema {name:?}", pool.server.settings.server());
    Diagnostic::error(Code::NotFound, message)
        .hint("The schema is the last part of external_source: 'postgres://database/schema'.")
}

//! Types that a database made itself: of what they are made, down to types that every server has.

use std::collections::HashMap;

use firth_diagnostic::Result;
use postgres_types::{Field, Kind, Type};
use tokio_postgres::Client;

use super::{error, options::Settings};

/// A row a type: those asked for and all that they are made of.
const TYPES: &str = "
WITH RECURSIVE tree(oid) AS (
  SELECT pg_catalog.unnest($1)
  UNION
  SELECT part.oid
  FROM tree
  JOIN pg_catalog.pg_type t ON t.oid = tree.oid
  CROSS JOIN LATERAL (
    SELECT t.typelem WHERE t.typcategory = 'A'
    UNION ALL
    SELECT t.typbasetype
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) part(oid)
  WHERE part.oid <> 0
)
SELECT t.oid,
       t.typname::text,
       n.nspname::text,
       t.typtype::text,
       CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END,
       t.typbasetype,
       t.typtypmod,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM tree
JOIN pg_catalog.pg_type t ON t.oid = tree.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace";

/// How deeply types may be made of each other before one is taken for what it is called.
const DEPTH: usize = 32;

/// Types by their number.
#[derive(Default)]
pub(super) struct TypeTree(HashMap<u32, Made>);

/// What the catalog says of a type.
struct Made {
    name: String,
    schema: String,
    /// `b`, `c`, `d`, `e` …
    kind: String,
    element: u32,
    base: u32,
    modifier: i32,
    fields: Vec<(String, u32)>,
}

impl TypeTree {
    /// These types. Asks the server, unless there are none.
    pub(super) async fn of(client: &Client, settings: &Settings, oids: Vec<u32>) -> Result<Self> {
        if oids.is_empty() {
            return Ok(TypeTree::default());
        }
        let rows = client.query_typed(TYPES, &[(&oids, Type::OID_ARRAY)]).await;
        let rows = rows.map_err(|failure| error::request(settings, &failure, None))?;
        let made = rows.iter().map(|row| {
            let (names, types): (Vec<String>, Vec<u32>) = (row.get(7), row.get(8));
            let made = Made {
                name: row.get(1),
                schema: row.get(2),
                kind: row.get(3),
                element: row.get(4),
                base: row.get(5),
                modifier: row.get(6),
                fields: names.into_iter().zip(types).collect(),
            };
            (row.get(0), made)
        });
        Ok(TypeTree(made.collect()))
    }

    /// The type of this number, and its modifier: below all domains.
    pub(super) fn below_domains(&self, mut oid: u32, mut modifier: i32) -> Option<(Type, i32)> {
        for _ in 0..DEPTH {
            match self.0.get(&oid) {
                Some(made) if made.kind == "d" => {
                    oid = made.base;
                    modifier = if made.modifier >= 0 { made.modifier } else { modifier };
                }
                _ => break,
            }
        }
        Some((self.get(oid, 0)?, modifier))
    }

    fn get(&self, oid: u32, depth: usize) -> Option<Type> {
        if let Some(known) = Type::from_oid(oid) {
            return Some(known);
        }
        let made = self.0.get(&oid)?;
        let part = |oid| self.get(oid, depth + 1);
        let kind = match made.kind.as_str() {
            _ if depth > DEPTH => Kind::Simple,
            "e" => Kind::Enum(Vec::new()),
            "d" => Kind::Domain(part(made.base)?),
            "c" => {
                let fields = made.fields.iter();
                let fields = fields.map(|(name, oid)| Some(Field::new(name.clone(), part(*oid)?)));
                Kind::Composite(fields.collect::<Option<_>>()?)
            }
            "p" => Kind::Pseudo,
            _ if made.element != 0 => Kind::Array(part(made.element)?),
            _ => Kind::Simple,
        };
        Some(Type::new(made.name.clone(), oid, kind, made.schema.clone()))
    }
}

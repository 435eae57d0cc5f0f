//! Join keys written into a text: every value is found again, and no other.

use std::sync::Arc;

use arrow::array::AsArray;
use datafusion::scalar::ScalarValue;
use firth_connector::{Operand, RemoteSql, TableSpec};

use super::support::{Place, query};

/// Values that a careless text would break: quotes, backslashes, braces, words that mean something,
/// extremes, NaN and infinity.
const TABLE: &str = r#"
CREATE TYPE mood AS ENUM ('fine', 'sad''n', 'a,b');
CREATE TABLE t (i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n numeric(12, 2), b bool, s text,
  v varchar(20), nd text COLLATE "und-x-icu", u uuid, m mood, by bytea, d date, ti time, ts timestamp, tz timestamptz);
INSERT INTO t (i2, i4, i8, f4, f8, n, b, s, v, nd, u, m, by, d, ti, ts, tz) VALUES
 (-32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', -9999999999.99, true, '', '', '',
  '00000000-0000-0000-0000-000000000000', 'fine', '', '0001-01-01', '00:00', '0001-01-01', '0001-01-01 00:00+00'),
 (32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', 9999999999.99, false, 'NULL', 'NULL', 'NULL',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 'sad''n', '\xff00', '9999-12-31', '23:59:59.999999',
  '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00'),
 (0, 0, 0, '-0', '-0', 0, NULL, 'it''s', 'it''s', 'it''s', NULL, 'a,b', '\x5c22', '1970-01-01', '12:00',
  '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.5-02'),
 (1, 1, 1, 'NaN', 'NaN', 0.01, NULL, E'back\\slash', E'back\\slash', E'back\\slash', NULL, NULL, '\x27', NULL, NULL,
  NULL, NULL),
 (2, 2, 2, 0.1, 0.1, -0.01, NULL, E'a"b{c,d}\\', E'a"b{c,d}\\', E'a"b{c,d}\\', NULL, NULL, '\x00', NULL, NULL, NULL, NULL),
 (3, 3, 3, 1e38, 1e308, 1.10, NULL, E'new\nline\ttab', E'new\nline\ttab', 'Straße', NULL, NULL, NULL, NULL, NULL,
  NULL, NULL),
 (4, 4, 4, 1e-38, 5e-324, 1.1, NULL, ' lead and trail ', ' lead and trail ', 'STRASSE', NULL, NULL, NULL, NULL, NULL,
  NULL, NULL),
 (5, 5, 5, 0, 0, 100, NULL, 'ünï😀''); DROP TABLE t; --', 'ünï😀$$', 'e' || U&'\0301', NULL, NULL, NULL, NULL, NULL, NULL,
  NULL),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'é', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"#;

/// Floats that no literal is written for, or that are not found exactly.
fn is_unsure(value: &ScalarValue) -> bool {
    matches!(value, ScalarValue::Float64(Some(number)) if !number.is_finite() || *number == 0.0)
}

#[tokio::test]
async fn every_key_is_found_again_and_no_other() {
    let Some(place) = Place::new("members").await else { return };
    place.create(TABLE).await;
    let remote = place.open(&[]).expect("valid options");
    let table = TableSpec { schema: place.name.clone(), name: "t".to_owned() };
    let description = remote.describe(&table).await.expect("described");
    let sql = remote.sql().expect("a SQL side");
    let mut tried = 0;
    for (field, about) in description.schema.fields().iter().zip(&description.columns) {
        let column = sql.dialect().identifier(field.name());
        let (_, batches) =
            query(&sql, &format!("SELECT {column} FROM {}.t", place.name)).await.expect("readable");
        let values: Vec<ScalarValue> = batches
            .iter()
            .flat_map(|batch| {
                let rows = 0..batch.num_rows();
                rows.map(|row| ScalarValue::try_from_array(batch.column(0), row).expect("a value"))
            })
            .filter(|value| !value.is_null())
            .collect();
        let sure: Vec<ScalarValue> = values.iter().filter(|value| !is_unsure(value)).cloned().collect();
        let operand = Operand {
            sql: &column,
            data_type: field.data_type(),
            remote_type: Some(&about.remote_type),
            literal: None,
        };
        let many = std::iter::repeat_n(&sure, 1001).flatten().cloned().collect();
        let lists = sure.iter().map(|value| vec![value.clone()]).chain([sure.clone(), many]);
        for list in lists {
            let rendered =
                sql.dialect().members(&operand, &list).unwrap_or_else(|| panic!("{column} {list:?}"));
            let found =
                count(&sql, &format!("SELECT count(*) AS n FROM {}.t WHERE {}", place.name, rendered.sql))
                    .await;
            let expected = values.iter().filter(|value| list.contains(value)).count();
            assert_eq!(found, expected, "{column}: {}", rendered.sql);
            tried += 1;
        }
    }
    assert!(tried > 80, "{tried}");
}

async fn count(sql: &Arc<dyn RemoteSql>, text: &str) -> usize {
    let (_, batches) =
        query(sql, text).await.unwrap_or_else(|error| panic!("{text}: {}", error.render(None, false)));
    let counts = batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>();
    usize::try_from(counts.value(0)).expect("a count")
}

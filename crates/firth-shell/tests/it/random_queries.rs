//! Random queries over PostgreSQL give the same rows whatever is sent there, and those that `psql` gives.
//!
//! Each query is made in two languages at once: where PostgreSQL's own SQL says a thing in other words, the text holds
//! both (see [`own_words`]). The tables hold what systems disagree about: NULLs, duplicates, extremes, text under several collations,
//! padded text, NaN and −0. `FIRTH_RANDOM_QUERIES` says how many queries are asked, `FIRTH_RANDOM_SEED` from
//! which on; a failure names the query and its seed.

pub(crate) mod own_words;

use std::{fmt::Write as _, path::Path};

use firth_testkit::servers::{Postgres, Servers};

use self::own_words::{Asked, either, in_ours, in_own_words};
use crate::{
    scratch::{Schema, unique},
    session::{Answered, Failure, TestSession},
    tpch::same,
};

/// How many queries a push waits for.
const QUERIES: u64 = 2000;
/// A longer run by hand says so often how far it is.
const TOLD: u64 = 1000;

/// Numbers of `f` are quarters, so that their sums are exact in any order; those of `x` are extremes, and
/// are not added up. `h` has −0 and 0.
pub(crate) const TABLES: &str = r#"
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'fine', 'Zen');
CREATE TABLE a (
  id bigint PRIMARY KEY, k int, x bigint, s smallint, n numeric(12, 2), m numeric, f double precision, g double precision, h double precision,
  t text, c text COLLATE "C", de text COLLATE "de-x-icu", fo text COLLATE folded, v varchar(10), p char(4), e mood, u uuid,
  b bool, d date, ts timestamp, tz timestamptz, y bytea);
CREATE TABLE b (LIKE a, PRIMARY KEY (id));
CREATE FUNCTION fill(name text, rows int, step int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE words text[] := ARRAY['', 'a', 'A', 'ä', 'b', 'B', 'Z', 'z', 'é', E'e\u0301', 'ss', 'ß', 'a b', 'a  ', 'NULL', 'it''s', E'back\\slash', '%', '_',
  'a%', '😀', '~'];
BEGIN
  EXECUTE format($f$INSERT INTO %I SELECT
    i, nullif(i * %s %% 9, 8), (ARRAY[-9223372036854775808, 9223372036854775807, 0, -1, NULL, 42])[1 + i * 5 %% 6],
    nullif(i %% 7, 6), (ARRAY[0, 0.01, -0.01, 99999.99, -5.5, NULL, 1, 1.10])[1 + i * 3 %% 8],
    (ARRAY[0, 0.000000001, -7.25, 123456789.123456789, NULL])[1 + i %% 5], (i %% 11) / 4.0,
    (ARRAY['NaN', 'Infinity', '-Infinity', '0', '1.5', NULL]::float8[])[1 + i %% 6],
    (ARRAY['NaN', '-Infinity', '-0', '0', '1.5', NULL]::float8[])[1 + i %% 6],
    $1[1 + i * %s %% 22], $1[1 + i * 5 %% 22], $1[1 + i * 3 %% 22], $1[1 + i %% 22], nullif($1[1 + i * 9 %% 22], ''), left($1[1 + i * 2 %% 22], 4),
    (ARRAY['sad', 'fine', 'Zen', NULL]::mood[])[1 + i %% 4], md5((i %% 6)::text)::uuid, (ARRAY[true, false, NULL])[1 + i %% 3],
    (ARRAY['0001-01-01', '1970-01-01', '2024-02-29', '9999-12-31', NULL]::date[])[1 + i %% 5],
    (ARRAY['0001-01-01', '1969-12-31 23:59:59.999999', '2024-02-29 12:00', NULL]::timestamp[])[1 + i %% 4],
    (ARRAY['1970-01-01 00:00+00', '2024-02-29 12:00+02', '9999-12-31 23:59:59+00', NULL]::timestamptz[])[1 + i * 3 %% 4],
    (ARRAY['\x', '\x00', '\xff', NULL]::bytea[])[1 + i %% 4]
    FROM generate_series(1, %s) i$f$, name, step, step, rows) USING words;
END $$;
SELECT fill('a', 60, 7);
SELECT fill('b', 40, 4);
ANALYZE a, b;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_give_the_rows_of_psql_with_and_without_pushdown() {
    let test = "random_queries_give_the_rows_of_psql_with_and_without_pushdown";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(&server, &unique("random"), TABLES, folder.path());
    let own = own_words::Psql::create(&server, &schema, folder.path());
    let sessions = sessions(&server, &schema, folder.path(), ["off", "on", "safe"]).await;

    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("FIRTH_RANDOM_QUERIES").unwrap_or(QUERIES);
    let first = number("FIRTH_RANDOM_SEED").unwrap_or(1);
    let (mut found, mut answered) = (0, 0);
    let mut asked = Vec::new();
    for seed in first..first + count {
        let query = Random(seed).query();
        // Filters and keys alone are tried less often: there is less that could go wrong.
        let other = if seed % 8 == 0 { &sessions[2] } else { &sessions[1] };
        let (off, on) = tokio::join!(sessions[0].execute(&query.sql), other.execute(&query.sql));
        let Ok(off) = rows(off) else { continue };
        let on = rows(on).unwrap_or_else(|failure| panic!("seed {seed}: {}\nfails: {failure}", query.sql));
        found += usize::from(!off.rows.is_empty());
        answered += 1;
        if let Err(difference) = same(&off, &on, query.ordered) {
            panic!("seed {seed}: {}\nwith pushdown: {difference}", query.sql);
        }
        if let Some(own) = query.own {
            asked.push(Asked { seed, sql: query.sql, own, ordered: query.ordered, answer: off });
        }
        if asked.len() == own_words::AT_ONCE || seed + 1 == first + count {
            let differences = own.compare(std::mem::take(&mut asked));
            assert!(differences.is_empty(), "{}", differences.join("\n\n"));
        }
        let done = seed + 1 - first;
        if count > QUERIES && done.is_multiple_of(TOLD) {
            eprintln!("{done} queries asked, {answered} answered, {found} found rows");
        }
    }
    // Most queries are right ones, and find something.
    assert!(answered * 10 > count * 9 && found as u64 * 2 > count, "{answered} answered, {found} found rows");
}

/// A session over the tables for each setting of pushdown.
pub(crate) async fn sessions<const N: usize>(
    server: &Postgres,
    schema: &Schema,
    folder: &Path,
    pushdown: [&str; N],
) -> [TestSession; N] {
    let sessions = pushdown.map(|pushdown| TestSession::new(&folder.join(pushdown)));
    for (session, pushdown) in sessions.iter().zip(pushdown) {
        let script = format!(
            "CREATE CONNECTION us.shop OPTIONS (connection_type = 'POSTGRES', host = '{}', port = {}, database = '{}',
               user = '{}', password = '{}', sslrootcert = '{}');
             CREATE EXTERNAL SCHEMA r WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://{}/{}');
             SET pushdown = '{pushdown}'",
            server.host, server.port, server.database, server.user, server.password, server.ca, server.database, schema.name,
        );
        session.run_script(&script).await.expect("the connection is made");
    }
    sessions
}

fn rows(answer: Result<Option<Answered>, Failure>) -> Result<Answered, Failure> {
    answer.map(|answer| answer.expect("a query answers rows"))
}

pub(crate) struct RandomQuery {
    pub(crate) sql: String,
    /// The same in PostgreSQL's own SQL, if it means the same there.
    pub(crate) own: Option<String>,
    /// Whether the query orders every row.
    pub(crate) ordered: bool,
}

/// Draws: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

const NUMBERS: [&str; 4] = ["id", "k", "s", "x"];
const DECIMALS: [&str; 2] = ["n", "m"];
const TEXTS: [&str; 8] = ["t", "c", "de", "fo", "v", "p", "e", "u"];
const TIMES: [&str; 3] = ["d", "ts", "tz"];
/// A literal with GoogleSQL's escapes, which are those of PostgreSQL's `E'…'`.
fn escaped(literal: &str) -> String {
    either(literal, &format!("E{literal}"))
}

const WORDS: [&str; 10] =
    ["''", "'a'", "'A'", "'ä'", "'ss'", "'a  '", "'it\\'s'", "'back\\\\slash'", "'z'", "'sad'"];

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// A literal.
    fn word(&mut self) -> String {
        escaped(self.one(&WORDS))
    }

    pub(crate) fn query(&mut self) -> RandomQuery {
        let (text, ordered) = self.both();
        // FIXME: −0 and 0 are two values of keys here, and one in GoogleSQL.
        let own = (!text.contains(".h")).then(|| in_own_words(&text));
        RandomQuery { sql: in_ours(&text), own, ordered }
    }

    /// A query in both languages, and whether it orders every row.
    fn both(&mut self) -> (String, bool) {
        let bag = |text| (text, false);
        match self.below(12) {
            10 => bag(self.windowed()),
            9 => {
                let (columns, filters) = (self.columns("q", 3), [self.filter("a"), self.filter("b")]);
                let union =
                    format!("SELECT * FROM r.a{} UNION ALL SELECT * FROM r.b{}", filters[0], filters[1]);
                match self.below(3) {
                    0 => (
                        format!(
                            "SELECT id, {} FROM r.a AS q{} ORDER BY id OFFSET {}",
                            columns,
                            self.filter("q"),
                            self.below(70)
                        ),
                        true,
                    ),
                    _ => bag(format!("SELECT {columns} FROM ({union}) AS q")),
                }
            }
            0 => {
                let columns = self.columns("a", 3);
                bag(format!("SELECT {columns} FROM r.a{}", self.filter("a")))
            }
            1 | 2 => {
                let from = match self.below(3) {
                    0 => "(SELECT * FROM r.a UNION ALL SELECT * FROM r.b WHERE k > 2) AS a",
                    _ => "r.a",
                };
                bag(self.grouped(from, "a"))
            }
            3 => {
                let from = self.joined();
                bag(self.grouped(&from, "a"))
            }
            4 => {
                let (from, columns) = (self.joined(), self.columns("a", 2));
                let more = if from.contains(" b ON") { ", b.t, b.k" } else { "" };
                bag(format!("SELECT {columns}{more} FROM {from}{}", self.filter("a")))
            }
            5 | 6 => {
                let order = self.order("a");
                let (columns, filter, limit) = (self.columns("a", 2), self.filter("a"), 1 + self.below(12));
                let offset = match self.below(3) {
                    0 => format!(" OFFSET {}", self.below(20)),
                    _ => String::new(),
                };
                let sql = format!(
                    "SELECT {columns}, id FROM r.a{filter} ORDER BY {order}, id LIMIT {limit}{offset}"
                );
                (sql, true)
            }
            7 => {
                let (order, aggregates) = (self.order("a"), self.aggregates("q", 2));
                let filter = self.filter("q");
                bag(format!(
                    "SELECT {aggregates} FROM (SELECT * FROM r.a ORDER BY {order}, id LIMIT 20) AS q{filter}"
                ))
            }
            8 => {
                // Keys of this statement, which reach the table while it runs.
                let key = self.one(&["k", "id", "s"]);
                let keys: Vec<String> =
                    (0..1 + self.below(4)).map(|_| format!("SELECT {} AS key", self.below(12))).collect();
                let join = self.one(&["JOIN", "LEFT JOIN"]);
                let columns = self.columns("a", 2);
                // Tables of one connection, which stand apart.
                let more = self.one(&[
                    "",
                    " JOIN r.b ON b.id = a.k",
                    " JOIN r.b ON b.k = l.key AND b.k = a.s",
                    " JOIN r.b ON b.id = a.id AND (a.s > l.key OR b.k = 3)",
                ]);
                let other = if more.is_empty() { "" } else { ", b.t, b.k" };
                bag(format!(
                    "SELECT key, {columns}{other} FROM ({}) AS l {join} r.a ON a.{key} = l.key{more}",
                    keys.join(" UNION ALL ")
                ))
            }
            _ => {
                let (inner, having) = (self.grouped("r.a", "a"), self.below(4));
                bag(format!("SELECT COUNT(*) AS n FROM ({inner}) AS q WHERE {having} < 3"))
            }
        }
    }

    /// `r.a`, joined in some way.
    fn joined(&mut self) -> String {
        let on = match self.below(5) {
            0 => format!("a.{0} = b.{0}", self.one(&TEXTS)),
            1 => format!("a.{0} = b.{0}", self.one(&["d", "ts", "tz", "n", "b", "y"])),
            2 => "a.k = b.k AND a.s = b.s".to_owned(),
            3 => format!("a.id = b.{} AND b.{} > 1", self.one(&["id", "k"]), self.one(&["s", "k"])),
            _ => format!("a.k = b.{}", self.one(&["id", "k", "s"])),
        };
        match self.below(4) {
            0 => format!("r.a LEFT JOIN r.b ON {on}"),
            1 => {
                "r.a JOIN (SELECT k AS kk, MAX(id) AS top FROM r.b GROUP BY k) AS q ON a.k = q.kk".to_owned()
            }
            _ => format!("r.a JOIN r.b ON {on}"),
        }
    }

    fn grouped(&mut self, from: &str, table: &str) -> String {
        let filter = self.filter(table);
        let aggregates = self.aggregates(table, 3);
        let keys: Vec<String> = (0..self.below(3))
            .map(|_| match self.below(5) {
                0 => self.text(table, 1),
                1 => self.computed(table),
                _ => format!("{table}.{}", self.any()),
            })
            .collect();
        if keys.is_empty() {
            return format!("SELECT {aggregates} FROM {from}{filter}");
        }
        let named: Vec<String> = keys.iter().enumerate().map(|(n, key)| format!("{key} AS g{n}")).collect();
        let having = match self.below(3) {
            0 => format!(" HAVING COUNT(*) > {}", self.below(3)),
            1 => format!(" HAVING MAX({table}.k) < {}", self.below(9)),
            _ => String::new(),
        };
        format!(
            "SELECT {}, {aggregates} FROM {from}{filter} GROUP BY {}{having}",
            named.join(", "),
            keys.join(", ")
        )
    }

    fn aggregates(&mut self, table: &str, most: usize) -> String {
        let mut all = String::new();
        for n in 0..1 + self.below(most) {
            let aggregate = match self.below(14) {
                11 => format!("{}({})", self.one(&["MIN", "MAX"]), self.text(table, 1)),
                12 => format!("COUNT(DISTINCT {})", self.text(table, 1)),
                0 => "COUNT(*)".to_owned(),
                1 => format!("COUNT({table}.{})", self.any()),
                2 => format!("COUNT(DISTINCT {table}.{})", self.any()),
                3 => format!("SUM({table}.{})", self.one(&["id", "k", "s", "f"])),
                4 => format!("SUM({table}.{})", self.one(&DECIMALS)),
                5 => format!("{}({table}.{})", self.one(&["MIN", "MAX"]), self.one(&TEXTS)),
                6 => format!("{}({table}.{})", self.one(&["MIN", "MAX"]), self.one(&TIMES)),
                7 => own_words::average(&format!("{table}.{}", self.one(&["id", "k", "s", "f", "n", "m"]))),
                8 | 9 => match (self.one(&["SUM", "AVG", "MAX"]), self.computed(table)) {
                    ("AVG", of) => own_words::average(&of),
                    (function, of) => format!("{function}({of})"),
                },
                10 => {
                    let (condition, value) = (self.condition(table, 1), self.one(&["k", "n", "id"]));
                    format!("SUM(CASE WHEN {condition} THEN {table}.{value} ELSE 0 END)")
                }
                _ => {
                    let (function, column) =
                        (self.one(&["MIN", "MAX"]), self.one(&["x", "k", "n", "m", "f", "b"]));
                    own_words::extreme(function, table, column, "")
                }
            };
            let _ = write!(all, "{}{aggregate} AS c{n}", if n > 0 { ", " } else { "" });
        }
        all
    }

    /// A number made of others.
    fn computed(&mut self, t: &str) -> String {
        match self.below(16) {
            9 => format!("CHAR_LENGTH({})", self.text(t, 1)),
            10 => format!("ABS({t}.{})", self.one(&["k", "s", "n", "m"])),
            11 => format!("MOD({t}.{}, {})", self.one(&NUMBERS), self.one(&["2", "-3", "7"])),
            12 => own_words::extract(
                self.one(&[
                    "YEAR",
                    "QUARTER",
                    "MONTH",
                    "DAY",
                    "DAYOFWEEK",
                    "DAYOFYEAR",
                    "ISOWEEK",
                    "ISOYEAR",
                ]),
                &format!("{t}.{}", self.one(&TIMES)),
            ),
            13 => own_words::extract(
                self.one(&["HOUR", "MINUTE", "SECOND"]),
                &format!("{t}.{}", self.one(&["ts", "tz"])),
            ),
            14 => format!("NULLIF({t}.{}, {})", self.one(&["k", "s", "id"]), self.below(9)),
            0 => format!("{t}.k + {t}.s"),
            1 => format!("{t}.id * {t}.k - 3"),
            2 => format!("{t}.n * (1 - {t}.n)"),
            3 => format!("{t}.n + {t}.m"),
            4 => format!("{t}.m * {t}.k"),
            5 => format!("CASE WHEN {t}.k > 3 THEN {t}.id WHEN {t}.b THEN {t}.s END"),
            6 => format!("CASE {t}.s WHEN 1 THEN {t}.n WHEN 2 THEN -1.5 ELSE {t}.m END"),
            7 => format!("COALESCE({t}.k, {t}.s, 0)"),
            8 => own_words::choice(&format!("{t}.b"), &format!("{t}.n"), "0"),
            _ => format!("CAST({t}.k AS {})", either("FLOAT64", "float8")),
        }
    }

    /// A text made of others.
    fn text(&mut self, t: &str, depth: usize) -> String {
        let part = |random: &mut Random| match depth {
            0 => format!("{t}.{}", random.one(&TEXTS)),
            _ => random.text(t, depth - 1),
        };
        let (one, word) = (part(self), self.word());
        match self.below(12) {
            0 | 1 => format!("SUBSTR({one}, {})", 1 + self.below(3)),
            2 => format!("SUBSTR({one}, {}, {})", 1 + self.below(2), self.below(4)),
            3 => {
                let letters = 1 + self.below(3);
                either(&format!("SUBSTR({one}, -{letters})"), &format!("right({one}, {letters})"))
            }
            4 => format!("LEFT({one}, {})", self.below(3)),
            5 => format!("{one} || {word}"),
            6 => {
                let other = part(self);
                either(&format!("CONCAT({one}, '-', {other})"), &format!("({one} || '-' || {other})"))
            }
            7 => format!("COALESCE({one}, {})", part(self)),
            8 => format!("{}({one}, {word})", either("IFNULL", "coalesce")),
            9 => format!("NULLIF({one}, {word})"),
            10 => {
                let condition = format!("{t}.k > {}", self.below(9));
                own_words::choice(&condition, &one, &part(self))
            }
            _ => format!("CASE {one} WHEN {word} THEN 'found' WHEN 'a' THEN {} END", part(self)),
        }
    }

    fn any(&mut self) -> &'static str {
        match self.below(6) {
            0 | 1 => self.one(&TEXTS),
            2 => self.one(&NUMBERS),
            3 => self.one(&DECIMALS),
            4 => self.one(&TIMES),
            _ => self.one(&["b", "f", "g", "h", "y"]),
        }
    }

    fn columns(&mut self, table: &str, most: usize) -> String {
        let columns: Vec<String> = (0..1 + self.below(most))
            .map(|n| match self.below(6) {
                0 => format!("{} AS v{n}", self.computed(table)),
                1 => format!("{} AS v{n}", self.text(table, 2)),
                _ => format!("{table}.{} AS v{n}", self.any()),
            })
            .collect();
        columns.join(", ")
    }

    fn order(&mut self, table: &str) -> String {
        let key = |random: &mut Random| {
            let column = match random.below(8) {
                0 => "f",
                _ => random.any(),
            };
            let (way, nulls) = (random.one(&["", "DESC"]), random.one(&["", "NULLS FIRST", "NULLS LAST"]));
            // Where they are if nobody says: in GoogleSQL NULL is the least of all values.
            let own = match (nulls, way) {
                ("", "DESC") => "NULLS LAST",
                ("", _) => "NULLS FIRST",
                (said, _) => said,
            };
            format!("{table}.{column} {way} {}", either(nulls, own))
        };
        let keys: Vec<String> = (0..1 + self.below(2)).map(|_| key(self)).collect();
        keys.join(", ")
    }

    fn filter(&mut self, table: &str) -> String {
        if self.below(3) == 0 { String::new() } else { format!(" WHERE {}", self.condition(table, 2)) }
    }

    fn condition(&mut self, table: &str, depth: usize) -> String {
        if depth > 0 && self.below(3) == 0 {
            let (left, right) = (self.condition(table, depth - 1), self.condition(table, depth - 1));
            return match self.below(3) {
                0 => format!("({left} AND {right})"),
                1 => format!("({left} OR {right})"),
                _ => format!("NOT ({left})"),
            };
        }
        let operator = self.one(&["=", "<>", "<", "<=", ">", ">="]);
        match self.below(14) {
            13 => self.with_subquery(table, operator),
            9 => format!("{} {operator} {}", self.computed(table), self.below(9) as i64 - 2),
            10 => format!("{} {operator} {}", self.text(table, 1), self.word()),
            11 => format!("STARTS_WITH({}, {})", self.text(table, 0), self.text(table, 0)),
            12 => format!("{} IN ({}, 'a')", self.text(table, 1), self.word()),
            0 => format!("{table}.{} {operator} {}", self.one(&NUMBERS), self.below(9) as i64 - 2),
            1 => format!(
                "{table}.{} {operator} {}",
                self.one(&DECIMALS),
                self.one(&["0", "1.10", "-5.5", "99999.99"])
            ),
            2 | 3 => format!("{table}.{} {operator} {}", self.one(&TEXTS), self.word()),
            4 => format!("{table}.{} IN ({}, {})", self.one(&TEXTS), self.word(), self.word()),
            5 => format!("{table}.{} IS {}NULL", self.any(), self.one(&["", "NOT "])),
            6 => format!(
                "{table}.{} LIKE {}",
                self.one(&TEXTS),
                escaped(self.one(&["'a%'", "'_'", "'%\\\\%'", "'%s'", "'é'"]))
            ),
            7 => format!(
                "{table}.{} {operator} {}",
                self.one(&["f", "g", "h"]),
                self.one(&["0.0", "1.5", "-1.0", "2.75"])
            ),
            _ => format!("{table}.d {operator} {}", self.one(&["DATE '1970-01-01'", "DATE '9999-12-31'"])),
        }
    }

    /// A comparison with the value of a subquery, of one row or none.
    fn with_subquery(&mut self, table: &str, operator: &str) -> String {
        let column = match self.below(4) {
            0 => self.one(&TEXTS),
            1 => self.one(&DECIMALS),
            2 => self.one(&TIMES),
            _ => self.one(&["id", "k", "s"]),
        };
        let value = match self.below(4) {
            0 => format!("i.{column} AS v FROM r.b AS i WHERE i.id = {}", self.below(50)),
            1 if column == "n" => "AVG(i.n) AS v FROM r.b AS i".to_owned(),
            _ => {
                let filter = if self.below(2) == 0 { self.filter("i") } else { String::new() };
                format!("{}(i.{column}) AS v FROM r.b AS i{filter}", self.one(&["MIN", "MAX"]))
            }
        };
        format!("{table}.{column} {operator} (SELECT {value})")
    }

    /// Rows by a window function, of one answer whatever the order of equal rows.
    fn windowed(&mut self) -> String {
        let partition = match self.below(3) {
            0 => String::new(),
            1 => format!("PARTITION BY a.{}", self.any()),
            _ => format!("PARTITION BY {}, a.{}", self.text("a", 0), self.one(&NUMBERS)),
        };
        let (order, value) = (self.order("a"), self.any());
        let rows = self.one(&[
            "",
            " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
        ]);
        let function = match self.below(9) {
            0 => format!("RANK() OVER ({partition} ORDER BY {order})"),
            1 => format!("DENSE_RANK() OVER ({partition} ORDER BY {order})"),
            2 => format!("ROW_NUMBER() OVER ({partition} ORDER BY {order}, a.id)"),
            3 => format!(
                "{}(a.{value}{}) OVER ({partition} ORDER BY {order}, a.id)",
                self.one(&["LAG", "LEAD"]),
                self.one(&["", ", 2"])
            ),
            4 => format!(
                "{}(a.{value}) OVER ({partition} ORDER BY {order}, a.id{rows})",
                self.one(&["FIRST_VALUE", "LAST_VALUE"])
            ),
            5 => format!(
                "SUM(a.{}) OVER ({partition} ORDER BY {order}, a.id{rows})",
                self.one(&["k", "id", "n"])
            ),
            6 => format!("SUM(a.{}) OVER ({partition} ORDER BY {order})", self.one(&["s", "m", "n"])),
            7 => match self.one(&["COUNT", "MIN", "MAX"]) {
                "COUNT" => format!("COUNT(a.{value}) OVER ({partition})"),
                function => own_words::extreme(function, "a", value, &format!(" OVER ({partition})")),
            },
            _ => format!("COUNT(*) OVER ({partition} ORDER BY {order})"),
        };
        let (filter, over) = (self.filter("a"), self.filter("q"));
        let more = if self.below(3) == 0 { " AND w IS NOT NULL" } else { "" };
        format!(
            "SELECT id, w FROM (SELECT *, {function} AS w FROM r.a{filter}) AS q{}{more}",
            if over.is_empty() { " WHERE k > 1" } else { &over }
        )
    }
}

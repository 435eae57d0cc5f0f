//! Functions that are sent to PostgreSQL answer what they answer here, and what PostgreSQL says they mean.
//!
//! Three witnesses: pushdown on, pushdown off, and `psql` with the same expression in PostgreSQL's own words.

use firth_testkit::servers::Servers;

use crate::{
    random_queries::{TABLES, sessions},
    scratch::{Schema, unique},
    session::{Answered, TestSession},
};

/// Expressions of two texts: in GoogleSQL, and in PostgreSQL.
const TEXTS: &[(&str, &str)] = &[
    ("SUBSTR({a}, 2)", "substr({a}, 2)"),
    ("SUBSTR({a}, 1, 2)", "substr({a}, 1, 2)"),
    ("SUBSTR({a}, 2, 0)", "substr({a}, 2, 0)"),
    ("SUBSTR({a}, 40)", "substr({a}, 40)"),
    ("SUBSTR({a}, -2)", "right({a}, 2)"),
    ("LEFT({a}, 1)", "left({a}, 1)"),
    ("{a} || 'ä'", "{a} || 'ä'"),
    ("CONCAT({a}, '-', {b})", "{a} || '-' || {b}"),
    ("CONCAT('<', SUBSTR({a} || {b}, 2, 3), '>')", "'<' || substr({a} || {b}, 2, 3) || '>'"),
    ("CHAR_LENGTH({a})", "char_length({a})"),
    ("LENGTH({a} || {b}) + 1", "length({a} || {b}) + 1"),
    ("BYTE_LENGTH({a})", "octet_length({a})"),
    ("COALESCE({a}, {b}, 'none')", "coalesce({a}, {b}, 'none')"),
    ("IFNULL(NULLIF({a}, 'a'), 'it was a')", "coalesce(nullif({a}, 'a'), 'it was a')"),
    ("NULLIF({a}, {b})", "nullif({a}, {b})"),
    ("IF(k > 3, {a}, {b})", "CASE WHEN k > 3 THEN {a} ELSE {b} END"),
    ("IF({a} > {b}, {a}, NULL)", "CASE WHEN {a} > {b} THEN {a} END"),
    (
        "CASE {a} WHEN 'a' THEN 'one' WHEN 'ä' THEN {b} END",
        "CASE {a} WHEN 'a' THEN 'one' WHEN 'ä' THEN {b} END",
    ),
    (
        "CASE WHEN {a} LIKE 'a%' THEN 'begins' ELSE 'else' END",
        "CASE WHEN {a} LIKE 'a%' THEN 'begins' ELSE 'else' END",
    ),
    ("IF(STARTS_WITH({a}, {b}), 1, 0)", "CASE WHEN starts_with({a}, {b}) THEN 1 ELSE 0 END"),
    ("IF(STARTS_WITH({a}, 'a'), 1, 0)", "CASE WHEN starts_with({a}, 'a') THEN 1 ELSE 0 END"),
];

/// Columns of several collations, and of types that are read as text.
const PAIRS: [(&str, &str); 5] = [("t", "c"), ("de", "fo"), ("v", "e"), ("u", "t"), ("fo", "de")];

/// Expressions of numbers and times.
const OTHERS: &[(&str, &str)] = &[
    ("ABS(s - 3)", "abs(s - 3)"),
    ("ABS(k)", "abs(k)"),
    ("MOD(id - 30, 7)", "mod(id - 30, 7)"),
    ("MOD(s, -2)", "mod(s, -2)"),
    ("NULLIF(k, 3)", "nullif(k, 3)"),
    ("NULLIF(k, s)", "nullif(k, s)"),
    ("EXTRACT(YEAR FROM d)", "extract(year FROM d)"),
    ("EXTRACT(QUARTER FROM d)", "extract(quarter FROM d)"),
    ("EXTRACT(MONTH FROM d)", "extract(month FROM d)"),
    ("EXTRACT(ISOWEEK FROM d)", "extract(week FROM d)"),
    ("EXTRACT(ISOYEAR FROM d)", "extract(isoyear FROM d)"),
    ("EXTRACT(DAY FROM d)", "extract(day FROM d)"),
    ("EXTRACT(DAYOFYEAR FROM d)", "extract(doy FROM d)"),
    ("EXTRACT(DAYOFWEEK FROM d)", "extract(dow FROM d) + 1"),
    ("EXTRACT(YEAR FROM ts)", "extract(year FROM ts)"),
    ("EXTRACT(HOUR FROM ts)", "extract(hour FROM ts)"),
    ("EXTRACT(MINUTE FROM ts)", "extract(minute FROM ts)"),
    ("EXTRACT(SECOND FROM ts)", "floor(extract(second FROM ts))"),
    ("EXTRACT(YEAR FROM tz)", "extract(year FROM tz AT TIME ZONE 'UTC')"),
    ("EXTRACT(HOUR FROM tz)", "extract(hour FROM tz AT TIME ZONE 'UTC')"),
    ("EXTRACT(DATE FROM ts)", "ts::date"),
    ("EXTRACT(DATE FROM tz)", "(tz AT TIME ZONE 'UTC')::date"),
    (
        "DATE_TRUNC(IF(id > 3 AND EXTRACT(YEAR FROM d) BETWEEN 1900 AND 2100, d, NULL), MONTH)",
        "date_trunc('month', CASE WHEN id > 3 AND extract(year FROM d) BETWEEN 1900 AND 2100 THEN d END)::date",
    ),
    (
        "DATE_TRUNC(IF(EXTRACT(YEAR FROM d) = 2024, d, NULL), ISOWEEK)",
        "date_trunc('week', CASE WHEN extract(year FROM d) = 2024 THEN d END)::date",
    ),
    (
        "EXTRACT(MINUTE FROM TIMESTAMP_TRUNC(IF(EXTRACT(YEAR FROM tz) < 2100, tz, NULL), HOUR))",
        "extract(minute FROM date_trunc('hour', CASE WHEN tz < '2100-01-01Z' THEN tz END))",
    ),
    (
        "EXTRACT(DATE FROM DATETIME_TRUNC(IF(EXTRACT(YEAR FROM ts) > 1900, ts, NULL), QUARTER))",
        "date_trunc('quarter', CASE WHEN ts > '1900-01-01' THEN ts END)::date",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn functions_mean_the_same_in_postgresql() {
    let test = "functions_mean_the_same_in_postgresql";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // So many rows that every query is worth sending.
    let tables = format!("{TABLES}\nTRUNCATE a; SELECT fill('a', 500, 7); ANALYZE a;");
    let schema = Schema::create(&server, &unique("functions"), &tables, folder.path());
    let [off, on] = sessions(&server, &schema, folder.path(), ["off", "on"]).await;

    let mut pairs = Vec::new();
    for (index, (ours, theirs)) in TEXTS.iter().enumerate() {
        // Two for each, so that each column meets many.
        for (a, b) in [PAIRS[index % PAIRS.len()], PAIRS[(index + 2) % PAIRS.len()]] {
            // Everything is text in UTF-8 here, compared by bytes.
            let text = |column: &str| format!("({column}::text COLLATE \"C\")");
            let theirs = theirs.replace("{a}", &text(a)).replace("{b}", &text(b));
            pairs.push((ours.replace("{a}", a).replace("{b}", b), theirs));
        }
    }
    pairs.extend(OTHERS.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())));
    let mut differences = Vec::new();
    for (ours, theirs) in pairs {
        let asked = [
            (
                format!("SELECT id, {ours} AS made FROM r.a ORDER BY id LIMIT 40"),
                format!("SELECT id, {theirs} AS made FROM a ORDER BY id LIMIT 40"),
            ),
            (
                format!("SELECT {ours} AS made, SUM(id) AS n FROM r.a GROUP BY made"),
                format!("SELECT {theirs} AS made, sum(id) AS n FROM a GROUP BY 1"),
            ),
            (
                format!(
                    "SELECT MIN(made) AS a, MAX(made) AS b, COUNT(DISTINCT made) AS n FROM (SELECT {ours} AS made FROM r.a)"
                ),
                format!(
                    "SELECT min(made), max(made), count(DISTINCT made) FROM (SELECT {theirs} AS made FROM a) q"
                ),
            ),
        ];
        for (ours, theirs) in asked {
            let kept = kept(&on, &ours).await;
            if !kept.is_empty() {
                differences.push(format!("{ours}\nis not sent as a whole: {kept}"));
            }
            let mut answers = [lines(&off, &ours).await, lines(&on, &ours).await, own(&schema.ask(&theirs))];
            for answer in &mut answers {
                answer.sort();
            }
            let [off, on, own] = answers;
            if off != on || off != own {
                differences.push(format!("{ours}\noff: {off:?}\non:  {on:?}\nown: {own:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// What of the query is done here but sorting what came, and why.
pub(crate) async fn kept(session: &TestSession, sql: &str) -> String {
    let plan = rows(session, &format!("EXPLAIN (PUSHDOWN) {sql}")).await;
    let here = plan.rows.iter().filter(|row| row[0].as_deref() == Some("here"));
    here.map(|row| format!("{row:?}")).collect::<Vec<_>>().join("\n")
}

async fn rows(session: &TestSession, sql: &str) -> Answered {
    match session.execute(sql).await {
        Ok(answer) => answer.expect("a query answers rows"),
        Err(failure) => panic!("{sql}\n{failure}"),
    }
}

/// The rows as `psql` writes them.
pub(crate) async fn lines(session: &TestSession, sql: &str) -> Vec<String> {
    let written = |row: &Vec<Option<String>>| {
        let values = row.iter().map(|value| value.clone().unwrap_or("\\N".to_owned()));
        values.collect::<Vec<_>>().join("|")
    };
    rows(session, sql).await.rows.iter().map(written).collect()
}

pub(crate) fn own(answer: &str) -> Vec<String> {
    answer.lines().map(str::to_owned).collect()
}

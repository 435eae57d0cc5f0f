//! Window functions that are sent to PostgreSQL answer what they answer here, and what PostgreSQL says they mean.
//!
//! Three witnesses: pushdown on, pushdown off, and `psql` with the same expression in PostgreSQL's own words.

use firth_testkit::servers::Servers;

use crate::{
    functions::{kept, lines, own},
    random_queries::{TABLES, sessions},
    scratch::{Schema, unique},
};

/// Functions that need an order of single rows, with what they are of.
const OF_ROWS: &[&str] = &[
    "ROW_NUMBER() OVER ({p} ORDER BY {o}, id)",
    "LAG({v}) OVER ({p} ORDER BY {o}, id)",
    "LAG({v}, 3) OVER ({p} ORDER BY {o}, id DESC)",
    "LEAD({v}) OVER ({p} ORDER BY {o}, id)",
    "LEAD({v}, 0) OVER ({p} ORDER BY id)",
    "FIRST_VALUE({v}) OVER ({p} ORDER BY {o}, id)",
    "FIRST_VALUE({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)",
    "LAST_VALUE({v}) OVER ({p} ORDER BY {o}, id)",
    "LAST_VALUE({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING)",
    "LAST_VALUE({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    "COUNT({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING)",
    "MIN({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING)",
    "MAX({v}) OVER ({p} ORDER BY {o}, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)",
];

/// Functions of which equal rows have the same value.
const OF_PEERS: &[&str] = &[
    "RANK() OVER ({p} ORDER BY {o})",
    "DENSE_RANK() OVER ({p} ORDER BY {o})",
    "COUNT(*) OVER ({p} ORDER BY {o})",
    "COUNT({v}) OVER ({p})",
    "MIN({v}) OVER ({p} ORDER BY {o} RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    "MAX({v}) OVER ({p} ORDER BY {o})",
];

/// Sums, which not every type has.
const SUMS: &[&str] = &[
    "SUM(k) OVER ({p} ORDER BY {o})",
    "SUM(id) OVER ({p})",
    "SUM(n) OVER ({p} ORDER BY id ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)",
    "SUM(s) OVER ({p} ORDER BY {o} RANGE BETWEEN CURRENT ROW AND CURRENT ROW)",
    "SUM(m) OVER ({p} ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
];

/// What rows are put together by, ordered by, and looked at. Each meets several of the others.
const PARTITIONS: [&str; 6] =
    ["", "PARTITION BY k", "PARTITION BY t", "PARTITION BY fo, b", "PARTITION BY e", "PARTITION BY d, s"];
const ORDERS: [&str; 8] =
    ["t", "k DESC", "de NULLS LAST", "fo DESC NULLS FIRST", "n", "ts DESC NULLS LAST", "v, s", "u"];
const VALUES: [&str; 9] = ["t", "k", "n", "m", "d", "tz", "de", "x", "fo"];

/// An order that says where NULLs are: of GoogleSQL's own default the first, of PostgreSQL's the last.
fn with_nulls(order: &str) -> String {
    let key = |key: &str| match (key.contains("NULLS"), key.contains("DESC")) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{key} NULLS LAST"),
        (false, false) => format!("{key} NULLS FIRST"),
    };
    order.split(", ").map(key).collect::<Vec<_>>().join(", ")
}

/// The expression in PostgreSQL's words: texts in UTF-8, compared by bytes.
fn theirs(text: &str) -> String {
    const TEXTS: [&str; 7] = ["t", "de", "fo", "v", "e", "u", "c"];
    let mut written = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(Some(' ')) {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        match TEXTS.contains(&word.as_str()) {
            true => written.push_str(&format!("({word}::text COLLATE \"C\")")),
            false => written.push_str(&word),
        }
        word.clear();
        written.push(letter);
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn window_functions_mean_the_same_in_postgresql() {
    let test = "window_functions_mean_the_same_in_postgresql";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // So many rows that what comes of them is worth a query.
    let tables = format!("{TABLES}\nTRUNCATE a; SELECT fill('a', 300, 7); ANALYZE a;");
    let schema = Schema::create(&server, &unique("windows"), &tables, folder.path());
    let [off, on] = sessions(&server, &schema, folder.path(), ["off", "on"]).await;

    let mut differences = Vec::new();
    let mut asked = 0;
    for (number, template) in OF_ROWS.iter().chain(OF_PEERS).chain(SUMS).enumerate() {
        for turn in 0..3 {
            let partition = PARTITIONS[(number + turn * 5) % PARTITIONS.len()];
            let order = ORDERS[(number * 3 + turn) % ORDERS.len()];
            let value = VALUES[(number * 2 + turn * 7) % VALUES.len()];
            let write =
                |order: &str| template.replace("{p}", partition).replace("{o}", order).replace("{v}", value);
            let (ours, own_words) = (write(order), theirs(&write(&with_nulls(order))));
            let is_decimal = ["SUM(n)", "SUM(m)"].iter().any(|sum| template.contains(sum))
                || ["n", "m"].contains(&value) && template.contains("{v}") && !template.contains("COUNT");
            // As they are written here.
            let shown = match value {
                _ if is_decimal => "trim_scale(w)",
                "tz" if template.contains("{v}") && !template.contains("COUNT") => {
                    "to_char(w AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                }
                _ => "w",
            };
            let ours = format!("SELECT id, w FROM (SELECT id, {ours} AS w FROM r.a) WHERE MOD(id, 3) = 1");
            let own_words = format!(
                "SELECT id, {shown} FROM (SELECT id, {own_words} AS w FROM a) q WHERE mod(id, 3) = 1"
            );
            let kept = kept(&on, &ours).await;
            if !kept.is_empty() {
                differences.push(format!("{ours}\nis not sent as a whole: {kept}"));
            }
            let mut answers =
                [lines(&off, &ours).await, lines(&on, &ours).await, own(&schema.ask(&own_words))];
            for answer in &mut answers {
                answer.sort();
            }
            asked += answers[0].len();
            let [off, on, own] = answers;
            if off != on || off != own {
                differences.push(format!("{ours}\noff: {off:?}\non:  {on:?}\nown: {own:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(asked > 3000, "{asked} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_several_answers_is_done_here() {
    let test = "what_has_several_answers_is_done_here";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(&server, &unique("windows_here"), TABLES, folder.path());
    let [on] = sessions(&server, &schema, folder.path(), ["on"]).await;
    for (function, reason) in [
        ("ROW_NUMBER() OVER (ORDER BY k)", "no primary key among its keys"),
        ("LAG(k) OVER (PARTITION BY t ORDER BY s)", "no primary key among its keys"),
        ("SUM(k) OVER (ORDER BY s ROWS 2 PRECEDING)", "no primary key among its keys"),
        ("RANK() OVER (ORDER BY g)", "order of FLOAT64"),
        ("RANK() OVER (ORDER BY p)", "character(4)"),
        ("SUM(f) OVER (PARTITION BY k)", "sums of FLOAT64 over frames"),
        ("NTILE(3) OVER (ORDER BY id)", "ntile is not known to mean the same"),
        ("LAG(k, 1, 0) OVER (ORDER BY id)", "LAG and LEAD with a default"),
        ("COUNT(*) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND CURRENT ROW)", "the frame"),
    ] {
        let kept = kept(&on, &format!("SELECT w FROM (SELECT {function} AS w FROM r.a) WHERE w = 1")).await;
        assert!(kept.contains(reason), "{function}: {kept}");
    }
    let plain = kept(&on, "SELECT id, RANK() OVER (ORDER BY k) AS w FROM r.a").await;
    assert!(plain.contains("would travel instead of"), "{plain}");
}

//! Random queries in PostgreSQL's own words, and `psql`'s answers to them.
//!
//! A text in both languages holds `\u{1}ours\u{2}theirs\u{3}` where they differ, one within the other if need be. Nothing of what
//! Firth renders is used: the words here are those that someone writes who knows what the query means. Tables are views
//! in a schema beside, whose columns are what Firth makes of them: integers of 64 bits, and texts compared by bytes.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use arrow::datatypes::DataType;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use firth_testkit::servers::Postgres;

use crate::{scratch::Schema, session::Answered, tpch::same};

/// How many queries `psql` is asked in one process.
pub(crate) const AT_ONCE: usize = 500;

/// What Firth makes of the tables' columns. Blanks at the end of `p` are part of it here.
const COLUMNS: &str = r#"id, k::bigint AS k, x, s::bigint AS s, n, m, f, g, h, t COLLATE "C" AS t, c, de COLLATE "C" AS de,
  fo COLLATE "C" AS fo, v COLLATE "C" AS v, rpad(p::text, 4) COLLATE "C" AS p, e::text COLLATE "C" AS e, u::text COLLATE "C" AS u,
  b, d, ts, tz, y"#;

/// What comes before a query's rows, and after them: nobody's value.
const QUERY: &str = "\u{1e}query ";
const STATE: &str = "\u{1e}state ";

/// A text that is said in two ways.
pub(crate) fn either(ours: &str, own: &str) -> String {
    format!("\u{1}{ours}\u{2}{own}\u{3}")
}

/// The text in GoogleSQL.
pub(crate) fn in_ours(both: &str) -> String {
    said(both, false)
}

/// The text in PostgreSQL's SQL.
pub(crate) fn in_own_words(both: &str) -> String {
    said(both, true).replace(" r.", " own.")
}

fn said(both: &str, own: bool) -> String {
    let mut within = Vec::new();
    let mut text = String::new();
    for letter in both.chars() {
        match letter {
            '\u{1}' => within.push(false),
            '\u{2}' => *within.last_mut().expect("it began") = true,
            '\u{3}' => drop(within.pop()),
            _ if within.iter().all(|side| *side == own) => text.push(letter),
            _ => {}
        }
    }
    text
}

/// The least or greatest value of a column, `over` all rows of a group or of a window.
///
/// PostgreSQL has neither of truth values nor, before version 18, of bytes.
pub(crate) fn extreme(function: &str, table: &str, column: &str, over: &str) -> String {
    let ours = format!("{function}({table}.{column}){over}");
    match column {
        "b" => {
            let own = if function == "MIN" { "bool_and" } else { "bool_or" };
            either(&ours, &format!("{own}({table}.b){over}"))
        }
        "y" => {
            either(&ours, &format!("decode({function}(encode({table}.y, 'hex') COLLATE \"C\"){over}, 'hex')"))
        }
        _ => ours,
    }
}

/// The mean. Of a `numeric` PostgreSQL's has as many decimals as what it is of, and 16 digits at least.
pub(crate) fn average(of: &str) -> String {
    either(&format!("AVG({of})"), &format!("avg(({of}) * 1.00000000000000000000)"))
}

/// A part of a point in time, in UTC.
pub(crate) fn extract(part: &str, of: &str) -> String {
    let own = match part {
        "DAYOFWEEK" => format!("extract(dow FROM {of}) + 1"),
        "DAYOFYEAR" => format!("extract(doy FROM {of})"),
        "ISOWEEK" => format!("extract(week FROM {of})"),
        "SECOND" => format!("floor(extract(second FROM {of}))"),
        _ => format!("extract({part} FROM {of})"),
    };
    either(&format!("EXTRACT({part} FROM {of})"), &format!("({own})::bigint"))
}

/// One of two values.
pub(crate) fn choice(condition: &str, yes: &str, no: &str) -> String {
    either(
        &format!("IF({condition}, {yes}, {no})"),
        &format!("CASE WHEN {condition} THEN {yes} ELSE {no} END"),
    )
}

/// A query, and what Firth answered without pushdown.
pub(crate) struct Asked {
    pub(crate) seed: u64,
    pub(crate) sql: String,
    pub(crate) own: String,
    pub(crate) ordered: bool,
    pub(crate) answer: Answered,
}

/// The server itself, asked in its own words.
pub(crate) struct Psql {
    schema: Schema,
}

impl Psql {
    /// Makes the views on the tables of `tables`.
    pub(crate) fn create(server: &Postgres, tables: &Schema, folder: &Path) -> Psql {
        let name = format!("{}_own", tables.name);
        let views: String = ["a", "b"]
            .iter()
            .map(|table| format!("CREATE VIEW {table} AS SELECT {COLUMNS} FROM {}.{table};\n", tables.name))
            .collect();
        Psql { schema: Schema::create(server, &name, &views, folder) }
    }

    /// In what the server's answers differ.
    pub(crate) fn compare(&self, asked: Vec<Asked>) -> Vec<String> {
        let mut script =
            "\\set ON_ERROR_STOP off\nSET timezone = 'UTC';\nSET datestyle = 'ISO';\n".to_owned();
        for (place, Asked { own, .. }) in asked.iter().enumerate() {
            let own = own.replace(" own.", &format!(" {}.", self.schema.name));
            let _ = write!(script, "\\echo '{QUERY}{place}'\n{own};\n\\echo '{STATE}':SQLSTATE\n");
        }
        let answers = run(self.schema.command(), &script);
        let answers: Vec<&str> = answers.split(QUERY).skip(1).collect();
        assert_eq!(answers.len(), asked.len(), "each query has an answer");
        let mut differences = Vec::new();
        for (Asked { seed, sql, own, ordered, answer }, said) in asked.iter().zip(answers) {
            let (_, said) = said.split_once('\n').expect("its place is a line");
            let (rows, state) = said.split_once(STATE).expect("it has come to its end");
            let difference = match state.trim_end() {
                "00000" => same(answer, &read(rows, answer), *ordered).err(),
                state => Some(format!("SQLSTATE {state}")),
            };
            if let Some(difference) = difference {
                differences.push(format!("seed {seed}: {sql}\nin its own words: {own}\npsql: {difference}"));
            }
        }
        differences
    }
}

fn run(mut psql: Command, script: &str) -> String {
    psql.args(["-A", "-t", "-F", "\u{1f}", "-P", "null=\\N", "-f", "-"]);
    let mut child =
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("psql starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let script = script.to_owned();
    // Its answers are read meanwhile: it would else wait for that.
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
    let output = child.wait_with_output().expect("psql ends");
    writer.join().expect("no panic").expect("psql reads");
    String::from_utf8(output.stdout).expect("it is in UTF-8")
}

/// The rows as Firth writes values of these types.
fn read(rows: &str, like: &Answered) -> Answered {
    let fields = like.schema.fields();
    let row = |line: &str| {
        let values = line.split('\u{1f}').enumerate();
        let values = values.map(|(column, value)| {
            let data_type = fields.get(column).map_or(&DataType::Null, |field| field.data_type());
            (value != "\\N").then(|| written(value, data_type))
        });
        values.collect()
    };
    Answered { schema: like.schema.clone(), rows: rows.lines().map(row).collect() }
}

fn written(value: &str, data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => if value == "t" { "true" } else { "false" }.to_owned(),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            rounded(value, usize::try_from(*scale).expect("a scale of NUMERIC"))
        }
        DataType::Float64 => format!("{:?}", value.parse::<f64>().expect("a number")),
        DataType::Timestamp(_, zone) => {
            let (text, utc) = match value.strip_suffix("+00") {
                Some(text) => (text, "Z"),
                None => (value, ""),
            };
            assert_eq!(zone.is_some(), !utc.is_empty(), "{value}");
            let text = text.replace(' ', "T");
            format!("{text}{utc}")
        }
        DataType::Binary => {
            let digits = value.strip_prefix("\\x").expect("hexadecimal");
            let byte = |place| u8::from_str_radix(&digits[place..place + 2], 16).expect("two digits");
            BASE64_STANDARD.encode((0..digits.len()).step_by(2).map(byte).collect::<Vec<_>>())
        }
        _ => value.to_owned(),
    }
}

/// A decimal number of so many places, rounded half away from zero, without zeros at its end.
fn rounded(number: &str, scale: usize) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let kept = fraction.get(..scale).unwrap_or(fraction);
    let mut digits: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    let mut carries = fraction.as_bytes().get(scale).is_some_and(|next| *next >= b'5');
    for digit in digits.iter_mut().rev() {
        if carries {
            carries = *digit == b'9';
            *digit = if carries { b'0' } else { *digit + 1 };
        }
    }
    let mut text = String::from_utf8(digits).expect("digits");
    if carries {
        text.insert(0, '1');
    }
    let fraction = text.split_off(text.len() - kept.len());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let shown = format!("{text}{point}{fraction}");
    if shown == "0" { shown } else { format!("{sign}{shown}") }
}

#[test]
fn a_text_says_one_thing_in_two_ways() {
    let both =
        format!("a {} z", either(&format!("f({})", either("x", "y")), &format!("g({})", either("x", "y"))));
    assert_eq!((in_ours(&both).as_str(), in_own_words(&both).as_str()), ("a f(x) z", "a g(y) z"));
}

#[test]
fn decimals_have_no_zeros_at_their_end() {
    for (number, scale, expected) in [
        ("1.25", 1, "1.3"),
        ("1.249", 1, "1.2"),
        ("-0.04", 1, "0"),
        ("-0.05", 1, "-0.1"),
        ("0.500", 9, "0.5"),
        ("9.996", 2, "10"),
        ("-99.5", 0, "-100"),
        ("7", 2, "7"),
        ("10", 2, "10"),
    ] {
        assert_eq!(rounded(number, scale), expected, "{number} to {scale}");
    }
}

//! The command line's contract with scripts.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
};

use insta::assert_snapshot;

use crate::place::{Place, shown};

fn firth(arguments: &[&str]) -> String {
    Place::new().firth(arguments)
}

const TWO_ROWS: &str = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, NULL ORDER BY a";

#[test]
fn results_are_csv_where_nobody_looks() {
    assert_snapshot!(firth(&["-c", TWO_ROWS]), @"
    exit 0
    --- stdout
    a,b
    1,x
    2,
    --- stderr
    ");
}

#[test]
fn verify_asks_every_query_twice_and_stops_at_a_failure() {
    let place = Place::new();
    place.file(
        "a.sql",
        "CREATE SCHEMA s;\nSELECT 1 AS a UNION ALL SELECT 2;\n\nSELECT CAST('x' AS INT64) AS n;\nSELECT 3;",
    );
    let shown = place.firth(&["verify", "a.sql"]);
    assert!(shown.starts_with("exit 1\n--- stdout\n--- stderr\na.sql:2: 2 rows, the same"), "{shown}");
    assert!(!shown.contains("1 rows"), "{shown}");
    let shown = place.firth(&["verify", "a.sql", "--continue-on-error"]);
    assert!(shown.starts_with("exit 1\n") && shown.contains("a.sql:5: 1 rows, the same"), "{shown}");
}

#[test]
fn every_format_can_be_chosen() {
    assert_snapshot!(firth(&["-c", TWO_ROWS, "--format", "table"]), @"
    exit 0
    --- stdout
    ┌───┬──────┐
    │ a │ b    │
    ├───┼──────┤
    │ 1 │ x    │
    │ 2 │ NULL │
    └───┴──────┘
    --- stderr
    ");
    assert_snapshot!(firth(&["-c", TWO_ROWS, "--format", "json"]), @r#"
    exit 0
    --- stdout
    [
    {"a":1,"b":"x"},
    {"a":2,"b":null}
    ]
    --- stderr
    "#);
    assert_snapshot!(firth(&["--format=ndjson", "-c", TWO_ROWS]), @r#"
    exit 0
    --- stdout
    {"a":1,"b":"x"}
    {"a":2,"b":null}
    --- stderr
    "#);
    assert_snapshot!(firth(&["--format", "markdown", "-c", TWO_ROWS]), @"
    exit 0
    --- stdout
    | a | b |
    | ---: | --- |
    | 1 | x |
    | 2 | NULL |
    --- stderr
    ");
    assert_snapshot!(firth(&["--format", "vertical", "-c", TWO_ROWS]), @"
    exit 0
    --- stdout
    -[ row 1 ]-
    a | 1
    b | x
    -[ row 2 ]-
    a | 2
    b | NULL
    --- stderr
    ");
    let arrow = Place::new().output(&["--format", "arrow", "-c", TWO_ROWS]);
    assert_eq!(arrow.status.code(), Some(0));
    assert_eq!(arrow.stdout[..4], [0xff; 4], "a stream begins with its continuation marker");
}

#[test]
fn values_are_printed_as_documented() {
    let sql = "SELECT TRUE AS b, 1.5 AS f, CAST('nan' AS FLOAT64) AS nan, NUMERIC '1.50' AS n, '' AS empty, \
               NULL AS nothing, DATE '2026-01-02' AS d, DATETIME '2026-01-02 03:04:05.000006' AS dt, \
               TIMESTAMP '2026-01-02 03:04:05+00' AS ts, b'\\xff' AS bytes, [1, 2] AS items";
    assert_snapshot!(firth(&["-c", sql]), @r#"
    exit 0
    --- stdout
    b,f,nan,n,empty,nothing,d,dt,ts,bytes,items
    true,1.5,NaN,1.5,"",,2026-01-02,2026-01-02T03:04:05.000006,2026-01-02T03:04:05Z,/w==,"[1,2]"
    --- stderr
    "#);
}

#[test]
fn result_sets_are_separated_by_an_empty_line_and_statements_without_one_print_nothing() {
    assert_snapshot!(firth(&["-c", "SELECT 1 AS a; CREATE SCHEMA s; SELECT 2 AS b;"]), @"
    exit 0
    --- stdout
    a
    1

    b
    2
    --- stderr
    ");
    assert_snapshot!(firth(&["-c", "SELECT 1 AS a; SELECT 2 AS b;", "--format", "ndjson"]), @r#"
    exit 0
    --- stdout
    {"a":1}
    {"b":2}
    --- stderr
    "#);
}

#[test]
fn files_run_in_order_and_standard_input_is_one_of_them() {
    let place = Place::new();
    place.file("one.sql", "SELECT 1 AS a;\n");
    let mut command = place.command(&["run", "one.sql", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("piped").write_all(b"SELECT 2 AS b").expect("written");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\n\nb\n2\n");
}

#[test]
fn a_failed_statement_ends_the_run() {
    let place = Place::new();
    place.file("a.sql", "SELECT 1 AS a;\nSELECT *\nFROM nowhere;\nSELECT 3 AS c;\n");
    let output = place.output(&["run", "a.sql"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\n");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error[not_found]: "), "{stderr}");
    assert!(stderr.contains(" --> a.sql:3:6\n3 | FROM nowhere;\n  |      ^^^^^^^\n"), "{stderr}");

    let output = place.output(&["--continue-on-error", "run", "a.sql"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a\n1\n\nc\n3\n");
}

#[test]
fn the_output_file_takes_all_result_sets_and_its_extension_chooses_the_format() {
    let place = Place::new();
    assert_eq!(
        place.firth(&["-c", "SELECT 1 AS a; SELECT 2 AS b", "-o", "out.json"]),
        "exit 0\n--- stdout\n--- stderr\n"
    );
    assert_eq!(place.read("out.json").as_deref(), Some("[\n{\"a\":1}\n]\n\n[\n{\"b\":2}\n]\n"));

    let output = place.output(&["-c", "SELECT 1 AS a", "-o", "out.parquet"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read(place.path().join("out.parquet")).expect("there")[..4], *b"PAR1");
}

#[test]
fn an_output_file_is_whole_or_as_it_was() {
    let place = Place::new();
    place.file("out.csv", "before\n");
    let failing = "SELECT 1 AS a; SELECT * FROM nowhere";
    assert_eq!(place.output(&["-c", failing, "-o", "out.csv"]).status.code(), Some(1));
    assert_eq!(place.read("out.csv").as_deref(), Some("before\n"));

    let output = place.output(&["-c", failing, "-o", "out.csv", "--continue-on-error"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.read("out.csv").as_deref(), Some("a\n1\n"));

    let output = place.output(&["-c", "SELECT 1; SELECT 2", "-o", "two.parquet"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.read("two.parquet"), None);
    assert!(String::from_utf8_lossy(&output.stderr).contains("a parquet file holds one result set"));
    let names: Vec<_> =
        fs::read_dir(place.path()).expect("listed").map(|e| e.expect("listed").file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".partial")), "{names:?}");
}

#[test]
fn an_output_file_in_no_folder_is_refused_before_anything_runs() {
    assert_snapshot!(firth(&["-c", "SELECT 1", "-o", "no/where.csv"]), @r#"
    exit 1
    --- stdout
    --- stderr
    error[io]: could not write "no/where.csv"
    detail: No such file or directory (os error 2)
    hint: The folder must exist.
    "#);
}

#[test]
fn whoever_stops_reading_is_no_error() {
    let place = Place::new();
    for format in ["csv", "json", "table", "arrow"] {
        let sql = "SELECT a FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS a";
        let mut command = place.command(&["-c", sql, "--format", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let mut first = [0; 1];
        child.stdout.take().expect("piped").read_exact(&mut first).expect("something comes");
        let output = child.wait_with_output().expect("ended");
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(0), ""),
            "{format}"
        );
    }
}

#[test]
fn figures_are_one_line_for_each_statement() {
    let output = Place::new().output(&[
        "--stats",
        "json",
        "--continue-on-error",
        "-c",
        "SELECT 1; SELEKT; CREATE SCHEMA s",
    ]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<serde_json::Value> = stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let keys = |line: &serde_json::Value| {
        line.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(lines.len(), 3, "{stderr}");
    let known =
        "statement statement_id kind rows elapsed_ms bytes_read cache_bytes peak_memory_bytes sources";
    assert_eq!(keys(&lines[0]), known);
    assert_eq!(keys(&lines[1]), format!("{known} error"));
    assert_eq!(
        (&lines[0]["statement"], &lines[0]["kind"], &lines[0]["rows"]),
        (&1.into(), &"SELECT".into(), &1.into())
    );
    assert_eq!(lines[1]["error"], "syntax");
    assert_eq!(lines[2]["kind"], "CREATE_SCHEMA");
    assert!(lines[0]["peak_memory_bytes"].as_u64() > Some(1 << 20), "{stderr}");
    assert!(lines[0]["elapsed_ms"].is_f64(), "{stderr}");
}

#[test]
fn local_files_are_a_source_without_a_connection() {
    let place = Place::new();
    place.file("t.csv", "id,name\n1,a\n2,b\n");
    let uri = format!("file://{}/t.csv", place.path().display());
    let sql = format!(
        "CREATE EXTERNAL TABLE t OPTIONS (format = 'CSV', uris = ['{uri}']); SELECT name FROM t WHERE id = 2"
    );
    let output = place.output(&["--stats", "json", "-c", &sql]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "name\nb\n", "{}", shown(&output));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let line: serde_json::Value = serde_json::from_str(stderr.lines().last().expect("a line")).expect("JSON");
    assert_eq!(line["sources"][0]["connection"], serde_json::Value::Null, "{stderr}");
    assert!(line["bytes_read"].as_u64() > Some(0), "{stderr}");
}

#[test]
fn bytes_read_are_those_of_the_files_parts_that_were_read() {
    let place = Place::new();
    let folder = format!("file://{}", place.path().display());
    let sql = format!(
        "EXPORT DATA OPTIONS (uri = '{folder}/out/x-*.parquet', format = 'PARQUET') AS
           SELECT x, x * 7919 AS y FROM UNNEST(GENERATE_ARRAY(1, 200000)) AS x;
         -- Named without a pattern, so that the store is asked about the file before it is read.
         CREATE EXTERNAL TABLE t OPTIONS (format = 'PARQUET', uris = ['{folder}/out/x-000000000000.parquet']);
         SELECT SUM(y) AS total FROM t"
    );
    let output = place.output(&["--stats", "json", "-c", &sql]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let line: serde_json::Value = serde_json::from_str(stderr.lines().last().expect("a line")).expect("JSON");
    let files = std::fs::read_dir(place.path().join("out")).expect("exported").flatten();
    let size: u64 = files
        .filter(|file| file.path().extension().is_some_and(|ending| ending == "parquet"))
        .map(|file| file.metadata().expect("its size").len())
        .sum();
    let read = line["bytes_read"].as_u64().expect("a number");
    assert!(read > size / 10 && read < size, "{read} of {size} bytes: {stderr}");
}

#[test]
fn parameters_have_the_type_their_text_has() {
    assert_snapshot!(
        firth(&["-c", "SELECT @n + 1 AS n, @s AS s, @d AS d", "--param", "n=41", "--param", "s=x", "--param", "d:DATE:2026-01-02"]),
        @"
    exit 0
    --- stdout
    n,s,d
    42,x,2026-01-02
    --- stderr
    ");
}

#[test]
fn settings_can_be_set_on_the_command_line() {
    let output = Place::new().output(&[
        "--threads",
        "3",
        "--set",
        "pushdown=off",
        "-c",
        "SHOW SETTINGS",
        "--format",
        "ndjson",
    ]);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.lines().any(|line| line.contains("\"threads\"") && line.contains("\"3\"")), "{stdout}");
    assert!(stdout.lines().any(|line| line.contains("\"pushdown\"") && line.contains("\"off\"")), "{stdout}");
}

#[test]
fn wrong_usage_exits_with_two_and_runs_nothing() {
    assert_snapshot!(firth(&["-c", "SELECT 1", "--format", "parquet"]), @"
    exit 2
    --- stdout
    --- stderr
    error[usage]: '--format parquet' needs '-o FILE'

    For more information, try '--help'.
    ");
    assert_snapshot!(firth(&["-c", "SELECT 1", "--set", "treads=2"]), @r#"
    exit 2
    --- stdout
    --- stderr
    error[usage]: invalid value for '--set': there is no setting "treads". Did you mean "threads"? `SHOW SETTINGS` lists all.

    For more information, try '--help'.
    "#);
    assert_eq!(Place::new().output(&["run"]).status.code(), Some(2));
    assert_eq!(Place::new().output(&["--colour"]).status.code(), Some(2));
}

#[test]
fn help_and_version_are_answers() {
    let help = Place::new().output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Examples:"));
    let version = Place::new().output(&["--version"]);
    let said = String::from_utf8_lossy(&version.stdout);
    let rest = said.strip_prefix(concat!("firth ", env!("CARGO_PKG_VERSION"), "\ncommit "));
    assert!(rest.is_some_and(|rest| rest.contains("\nbuilt for ")), "{said}");
    let short = Place::new().output(&["-V"]);
    assert_eq!(String::from_utf8_lossy(&short.stdout), concat!("firth ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn files_that_cannot_be_read_are_told_before_anything_runs() {
    let place = Place::new();
    place.file("fine.sql", "SELECT 1").file("latin1.sql", b"SELECT '\xe9'");
    assert_snapshot!(place.firth(&["run", "fine.sql", "missing.sql", "latin1.sql"]), @r#"
    exit 1
    --- stdout
    --- stderr
    error[io]: there is no file "missing.sql"
    hint: Check the path; it is taken from the current folder.
    error[bad_data]: "latin1.sql" is not UTF-8 text
    detail: byte 0xe9 at offset 8, in line 1
    hint: Save the file as UTF-8.
    "#);
}

#[test]
fn a_secret_cannot_be_asked_for_without_a_terminal() {
    let sql = "CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = 'h', database = 'd', user = 'u', password = PROMPT())";
    let output = Place::new().output(&["-c", sql]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error["), "{}", shown(&output));
}

#[test]
fn an_empty_run_is_fine_and_leaves_no_home() {
    let place = Place::new();
    assert_eq!(place.firth(&["-c", " -- nothing\n;"]), "exit 0\n--- stdout\n--- stderr\n");
    assert_eq!(place.firth(&["-c", "SELECT 1 AS a"]), "exit 0\n--- stdout\na\n1\n--- stderr\n");
    assert!(!place.path().join("home").exists(), "SELECT 1 needs no catalog");
}

#[test]
fn ctrl_c_ends_a_statement_with_130() {
    let place = Place::new();
    let numbers = "UNNEST(GENERATE_ARRAY(1, 1000))";
    let sql = format!(
        "SELECT 1 AS first; SELECT COUNT(*) FROM {numbers} AS a, {numbers} AS b, {numbers} AS c, {numbers} AS d"
    );
    let mut command = place.command(&["-c", &sql]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("the first result comes");
    assert_eq!(line, "first\n");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", shown(&output));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error[cancelled]: "), "{}", shown(&output));
}

#[test]
fn standard_input_runs_as_it_arrives_and_places_are_those_of_all_of_it() {
    let place = Place::new();
    let mut command = place.command(&["run", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
    // The rows are read while the input is still open: nothing else could have ended the statement.
    stdin.write_all(b"-- a comment;\nSELECT 1\n  AS a;\n").expect("written");
    let mut line = || stdout.next().expect("a line").expect("read");
    assert_eq!((line(), line()), ("a".to_owned(), "1".to_owned()));
    stdin.write_all(b"SELECT *\nFROM nowhere;\n").expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(" --> <stdin>:5:6\n5 | FROM nowhere;\n"), "{stderr}");
}

#[test]
fn the_format_null_makes_every_row_and_writes_none() {
    assert_snapshot!(firth(&["-c", "SELECT 1 AS a", "--format", "null"]), @r"
    exit 0
    --- stdout
    --- stderr
    ");
    let output = Place::new().output(&["-c", "SELECT 1 / 0 AS a", "--format", "null"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_run_begins_where_it_is_told_to() {
    assert_snapshot!(firth(&["-c", "SELECT nonsense; SELECT 2 AS b;", "--from", "2"]), @r"
    exit 0
    --- stdout
    b
    2
    --- stderr
    ");
}

#[test]
fn a_query_without_rows_fails_where_that_was_asked_for() {
    let sql = "SELECT 1 AS a FROM UNNEST([1]) AS x WHERE x > 1";
    assert_eq!(Place::new().output(&["-c", sql]).status.code(), Some(0));
    let output = Place::new().output(&["-c", sql, "--fail-on-empty", "-o", "kept.csv"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error[not_found]: the query returned no rows"), "{stderr}");
}

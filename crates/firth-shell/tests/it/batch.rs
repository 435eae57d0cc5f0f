//! What helps to trust scripts: rehearsals, reports of assertions, layout, lint; and what helps with the program.

use std::fs;

use firth_testkit::servers::Servers;
use insta::assert_snapshot;

use crate::{
    place::{Place, shown, stderr},
    scratch::{Schema, unique},
};

#[test]
fn a_rehearsal_says_what_would_be_read_and_leaves_nothing() {
    let place = Place::new();
    place.file("t.csv", "id,name\n1,a\n2,b\n");
    let sql = format!(
        "CREATE SCHEMA s; CREATE EXTERNAL TABLE s.t OPTIONS (format = 'CSV', uris = ['{}']);
         SELECT name FROM s.t WHERE id = 2; ASSERT 1 > 2; SHOW TABLES;
         EXPORT DATA OPTIONS (uri = '{}', format = 'CSV') AS SELECT * FROM s.t",
        place.uri("t.csv"),
        place.uri("out-*.csv"),
    );
    place.file("a.sql", &sql);
    let told = place.firth(&["run", "a.sql", "--dry-run", "-o", "kept.parquet", "--format", "parquet"]);
    assert_snapshot!(told.replace(&place.path().display().to_string(), "[folder]"), @"
    exit 0
    --- stdout
    source,reads,rows,bytes
    local files,file://[folder]/t.csv,,16

    source,reads,rows,bytes

    source,reads,rows,bytes
    local files,file://[folder]/t.csv,,16
    --- stderr
    ");
    let left: Vec<_> =
        fs::read_dir(place.path()).expect("listed").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left.len(), 2, "the file and the script: {left:?}");
}

#[test]
fn a_rehearsal_finds_mistakes_and_changes_no_catalog() {
    let place = Place::new();
    place.run("CREATE SCHEMA kept; CREATE VIEW kept.v AS SELECT 1 AS a");
    let output = place.output(&[
        "--dry-run",
        "-c",
        "CREATE VIEW kept.w AS SELECT a FROM kept.v; DROP VIEW kept.v; SELECT a FROM kept.v",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error[not_found]: "), "{}", stderr(&output));
    assert_eq!(place.run("SHOW TABLES FROM kept").lines().count(), 2, "a header and one view");
}

#[test]
fn a_rehearsal_plans_what_changes_rows_and_looks_at_the_target_of_an_export() {
    let place = Place::new();
    place.file("t.csv", "a,b\n1,x\n2,y\n");
    let uri = |name: &str| format!("file://{}", place.path().join(name).display());
    place.run("CREATE SCHEMA s; CREATE TABLE s.kept AS SELECT 1 AS a, 'x' AS b");
    let load = format!("LOAD DATA INTO s.loaded FROM FILES (format = 'CSV', uris = ['{}'])", uri("t.csv"));
    let sql = format!(
        "{load}; SELECT a FROM s.loaded; UPDATE s.kept SET b = 'y' WHERE a = 1; DELETE FROM s.kept WHERE TRUE; \
         MERGE s.kept AS k USING s.loaded AS l ON k.a = l.a WHEN NOT MATCHED THEN INSERT (a, b) VALUES (l.a, l.b); \
         INSERT INTO s.kept (b) SELECT b FROM s.loaded; TRUNCATE TABLE s.kept; \
         EXPORT DATA OPTIONS (uri = '{}', format = 'CSV') AS SELECT 1 AS a",
        uri("out-*.csv")
    );
    let output = place.output(&["--dry-run", "-c", &sql]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    // Of the seven that read, each has a header; TRUNCATE reads nothing.
    assert_eq!(told.matches("source,reads,rows,bytes").count(), 7, "{told}");
    assert!(told.contains("t.csv,,"), "LOAD DATA names its file: {told}");
    assert_eq!(place.run("SELECT a, b FROM s.kept"), "a,b\n1,x\n");
    assert_eq!(place.run("SHOW TABLES FROM s").lines().count(), 2, "a header and one table");
    assert!(!place.path().join("out-000000000000.csv").exists());

    // Mistakes are found that only planning finds.
    place
        .run(&format!("EXPORT DATA OPTIONS (uri = '{}', format = 'CSV') AS SELECT 1 AS a", uri("out-*.csv")));
    for (sql, expected) in [
        ("UPDATE s.kept SET c = 1 WHERE TRUE".to_owned(), "error["),
        ("DELETE FROM s.kept WHERE nothing = 1".to_owned(), "error["),
        ("INSERT INTO s.kept (nothing) VALUES (1)".to_owned(), "error[not_found]"),
        ("TRUNCATE TABLE s.nothing".to_owned(), "error[not_found]"),
        (load.replace("t.csv", "nothing.csv"), "error[not_found]"),
        (
            format!("EXPORT DATA OPTIONS (uri = '{}', format = 'CSV') AS SELECT 2 AS a", uri("out-*.csv")),
            "error[already_exists]",
        ),
    ] {
        let output = place.output(&["--dry-run", "-c", &sql]);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert!(stderr(&output).starts_with(expected), "{sql}: {}", stderr(&output));
    }
}

#[test]
fn a_rehearsal_makes_no_table_in_a_database() {
    let Some(server) = Servers::from_env().require_postgres("a_rehearsal_makes_no_table_in_a_database")
    else {
        return;
    };
    let place = Place::new();
    let schema = Schema::create(&server, &unique("rehearsed"), "CREATE TABLE old (a bigint);", place.path());
    place.connect_postgres();
    place.run(&format!(
        "CREATE EXTERNAL SCHEMA shop WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://{}/{}')",
        server.database, schema.name
    ));
    let sql = "CREATE TABLE shop.new AS SELECT 1 AS a; CREATE TABLE shop.empty (a INT64); \
               INSERT INTO shop.old VALUES (1)";
    let output = place.output(&["--dry-run", "-c", sql]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let there = || (place.run("SHOW TABLES FROM shop"), place.run("SELECT COUNT(*) AS n FROM shop.old"));
    let before = there();
    assert_eq!((before.0.lines().count(), before.1.as_str()), (2, "n\n0\n"), "{}", before.0);

    // What was rehearsed does what was to be seen.
    place.run(sql);
    let after = there();
    assert_eq!((after.0.lines().count(), after.1.as_str()), (4, "n\n1\n"), "{}", after.0);
}

#[test]
fn a_rehearsed_connection_makes_no_key() {
    let place = Place::new();
    let sql = "CREATE CONNECTION c OPTIONS (connection_type = 'AWS', endpoint = 'http://127.0.0.1:1', access_key_id = 'a', \
               secret_access_key = 'b', validate = FALSE)";
    let output = place.output(&["--dry-run", "-c", sql]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!place.path().join("home").exists());
}

#[test]
fn assertions_are_reported_for_build_servers() {
    let place = Place::new();
    place.file(
        "checks.sql",
        "ASSERT 1 < 2 AS 'one is less';\nASSERT 1 > 2 AS 'one is more';\nSELECT * FROM nowhere;\nASSERT TRUE;",
    );
    let output = place.output(&[
        "run",
        "checks.sql",
        "--junit",
        "report.xml",
        "--continue-on-error",
        "--format",
        "null",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report = place.read("report.xml").expect("a report");
    // Times differ.
    let mut lines = Vec::new();
    for line in report.lines() {
        lines.push(line.split(" time=").next().unwrap_or_default());
    }
    assert_snapshot!(lines.join("\n"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
      <testsuite name="checks.sql" tests="4" failures="1" errors="1"
        <testcase classname="checks.sql" name="one is less"
        <testcase classname="checks.sql" name="one is more"
          <failure type="assertion" message="the assertion failed: one is more">error[assertion]: the assertion failed: one is more
     --&gt; checks.sql:2:8
    2 | ASSERT 1 &gt; 2 AS 'one is more';
      |        ^^^^^ is not TRUE
    hint: Run the condition as a query to see what it gives: SELECT followed by the condition.</failure>
        </testcase>
        <testcase classname="checks.sql" name="statement 3: SELECT"
          <error type="not_found" message="table &quot;main.nowhere&quot; does not exist">error[not_found]: table &quot;main.nowhere&quot; does not exist
     --&gt; checks.sql:3:15
    3 | SELECT * FROM nowhere;
      |               ^^^^^^^
    hint: `SHOW TABLES FROM main` lists those there are.</error>
        </testcase>
        <testcase classname="checks.sql" name="TRUE"
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn files_are_laid_out_in_place_and_folders_are_searched() {
    let place = Place::new();
    fs::create_dir(place.path().join("sql")).expect("made");
    place
        .file("sql/a.sql", "select   1 -- one\n;")
        .file("sql/b.sql", "SELECT 2;\n")
        .file("sql/c.txt", "select   3");
    assert_snapshot!(place.firth(&["fmt", "--check", "sql"]), @"
    exit 1
    --- stdout
    --- stderr
    sql/a.sql would change
    ");
    assert_snapshot!(place.firth(&["fmt", "sql"]), @"
    exit 0
    --- stdout
    --- stderr
    sql/a.sql changed
    ");
    assert_eq!(place.read("sql/a.sql").as_deref(), Some("select 1 -- one\n;\n"));
    assert_eq!(place.read("sql/c.txt").as_deref(), Some("select   3"));
    assert_eq!(place.firth(&["fmt", "--check", "sql"]), "exit 0\n--- stdout\n--- stderr\n");
    place.file("broken.sql", "SELECT 'a");
    assert_snapshot!(place.firth(&["fmt", "broken.sql"]), @r"
    exit 1
    --- stdout
    --- stderr
    error[syntax]: this has no end
     --> broken.sql:1:8
    1 | SELECT 'a
      |        ^^
    hint: Mend it first: nothing is formatted that cannot be read.
    ");
}

#[test]
fn what_is_seldom_meant_is_pointed_at() {
    let place = Place::new();
    place.file("a.sql", "SELECT *\nFROM shop.orders\nWHERE DATE(made) = '2026-01-02'\nLIMIT 10;\n");
    assert_snapshot!(place.firth(&["lint", "a.sql"]), @r"
    exit 1
    --- stdout
    --- stderr
    warning[invalid]: SELECT * reads every column at every source, and changes with them (select_star)
     --> a.sql:1:8
    1 | SELECT *
      |        ^
    hint: Name the columns that are wanted.
    warning[invalid]: A comparison of a function of a column is seldom sent to a source, prunes no files and uses no index (wrapped_column)
     --> a.sql:3:7
    3 | WHERE DATE(made) = '2026-01-02'
      |       ^^^^^^^^^^
    hint: Compare the column itself, for example with a range of values.
    warning[invalid]: LIMIT without ORDER BY gives other rows from run to run: no order is taken from a source (limit_without_order)
     --> a.sql:4:7
    4 | LIMIT 10;
      |       ^^
    hint: Add ORDER BY over columns that tell the rows apart.
    3 problems found
    ");
}

#[test]
fn the_doctor_finds_an_open_home_and_a_server_that_is_not_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let fine = place.output(&["doctor"]);
    assert_eq!(fine.status.code(), Some(0), "{}", String::from_utf8_lossy(&fine.stdout));
    place.run(
        "CREATE CONNECTION us.gone OPTIONS (connection_type = 'POSTGRES', host = '127.0.0.1', port = 1, database = 'd', \
         user = 'u', password = 'p', validate = FALSE)",
    );
    let home = place.path().join("home");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).expect("set");
    let output = place.output(&["doctor"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let problems: Vec<&str> = told.lines().filter(|line| line.starts_with("problem")).collect();
    assert_eq!(problems.len(), 2, "{told}");
    assert!(problems[0].contains("(mode 755)"), "{told}");
    assert!(problems[1].contains("us.gone"), "{told}");
    assert!(told.contains(&format!("chmod 700 '{}'", home.display())), "{told}");
}

#[test]
fn shells_and_man_are_told_about_the_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Place::new().output(&["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(script.contains("dry-run") && script.contains("doctor"), "{shell}: {script}");
    }
    let page = Place::new().output(&["man"]);
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(page.contains(".TH firth 1") && page.contains("junit"), "{page}");
}

#[test]
fn settings_come_from_files_then_the_environment_then_flags() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("home")).expect("made");
    place.file("home/firth.toml", "threads = 2\nbatch_size = 100\npushdown = \"safe\"\nkeys = \"vi\"\n");
    place.file("firth.toml", "batch_size = 200\npushdown = \"off\"\n");
    let mut command = place.command(&[
        "--set",
        "time_zone=Europe/Amsterdam",
        "-c",
        "SET threads = 5; SHOW SETTINGS; RESET ALL; SHOW SETTINGS",
    ]);
    let output = command.env("FIRTH_PUSHDOWN", "on").output().expect("started");
    let home = place.path().join("home").display().to_string();
    let told =
        shown(&output).replace(&home, "[home]").replace(&place.path().display().to_string(), "[place]");
    let mut lines = told.lines().filter(|line| line.contains(','));
    let mut of = |name: &str| {
        let line =
            lines.find(|line| line.starts_with(&format!("{name},"))).unwrap_or_else(|| panic!("{told}"));
        line.split(',').take(3).collect::<Vec<_>>().join(",")
    };
    assert_eq!(of("pushdown"), "pushdown,on,$FIRTH_PUSHDOWN");
    assert_eq!(of("threads"), "threads,5,SET");
    assert_eq!(of("batch_size"), "batch_size,200,[place]/firth.toml");
    assert_eq!(of("time_zone"), "time_zone,Europe/Amsterdam,--set");
    assert_eq!(of("keys"), "keys,vi,[home]/firth.toml");
    assert_eq!(of("threads"), "threads,2,[home]/firth.toml");

    place.file("firth.toml", "treads = 3\n");
    let output = place.output(&["-c", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("Did you mean \"threads\"?"), "{}", stderr(&output));
}

#[test]
fn log_lines_go_to_a_file_and_tell_of_statements() {
    let place = Place::new();
    let output = place.output(&["--log", "info", "--log-file", "firth.log", "-c", "SELECT 41 + 1 AS a"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let log = place.read("firth.log").expect("a log");
    assert!(log.contains(" info firth_shell::runner: statement 1: SELECT, 1 row in "), "{log}");
    assert_eq!(place.output(&["--log", "loud", "-c", "SELECT 1"]).status.code(), Some(2));
}

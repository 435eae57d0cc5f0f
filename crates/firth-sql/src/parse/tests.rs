//! What statements parse to, and what people are told about texts that are none.

use firth_diagnostic::{Code, Source};

use super::*;

/// The statement in its canonical spelling, or the whole message.
fn parsed(text: &str) -> String {
    match parse(text) {
        Ok(statement) => statement.to_string(),
        Err(error) => error.render(Some(Source { name: "sql", text }), false),
    }
}

#[test]
fn every_statement_has_one_spelling() {
    for (text, spelling) in [
        (
            "create or replace connection `us.shop` options(connection_type='POSTGRES', port=0x10, password=env(\"P\"), ssl = true,);",
            "CREATE OR REPLACE CONNECTION us.shop OPTIONS (connection_type = '***', port = 16, password = ENV('P'), ssl = TRUE)",
        ),
        (
            "CREATE CONNECTION IF NOT EXISTS `projects/my-p/locations/us/connections/c` OPTIONS (key = FILE('/k'), token = PROMPT(), a = [1, 'x'], t = TIMESTAMP 'x')",
            "CREATE CONNECTION IF NOT EXISTS `my-p`.us.c OPTIONS (key = FILE('/k'), token = PROMPT(), a = [1, '***'], t = TIMESTAMP '***')",
        ),
        (
            "ALTER CONNECTION IF EXISTS shop SET OPTIONS (description = NULL)",
            "ALTER CONNECTION IF EXISTS shop SET OPTIONS (description = NULL)",
        ),
        ("drop connection shop cascade", "DROP CONNECTION shop CASCADE"),
        ("SHOW CONNECTIONS", "SHOW CONNECTIONS"),
        ("show create connection `us-east4`.c", "SHOW CREATE CONNECTION `us-east4`.c"),
        ("SHOW CONNECTION TYPES", "SHOW CONNECTION TYPES"),
        ("SHOW OPTIONS FOR CONNECTION TYPE POSTGRES", "SHOW OPTIONS FOR CONNECTION TYPE 'POSTGRES'"),
        ("DESCRIBE CONNECTION c", "DESCRIBE CONNECTION c"),
        ("DESC connection", "DESCRIBE TABLE connection"),
        ("describe my-project-1.ds.t", "DESCRIBE TABLE `my-project-1`.ds.t"),
        ("CHECK CONNECTION c", "CHECK CONNECTION c"),
        (
            "CREATE SCHEMA IF NOT EXISTS my-p.web OPTIONS (location = 'us')",
            "CREATE SCHEMA IF NOT EXISTS `my-p`.web OPTIONS (location = 'us')",
        ),
        (
            "CREATE EXTERNAL SCHEMA shop WITH CONNECTION `us.shop` OPTIONS (external_source = 'postgres://shop/public')",
            "CREATE EXTERNAL SCHEMA shop WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://shop/public')",
        ),
        ("DROP EXTERNAL SCHEMA IF EXISTS shop RESTRICT", "DROP SCHEMA IF EXISTS shop RESTRICT"),
        (
            "CREATE EXTERNAL TABLE `my-p.ds.t` (a INT64 NOT NULL OPTIONS (description = 'x'), `b c` ARRAY<STRUCT<x STRING(10), y DECIMAL(10, 2)>>) WITH PARTITION COLUMNS (dt DATE) WITH CONNECTION DEFAULT OPTIONS (max_staleness = INTERVAL 4 hour)",
            "CREATE EXTERNAL TABLE `my-p`.ds.t (a INT64 NOT NULL, `b c` ARRAY<STRUCT<x STRING, y NUMERIC(10, 2)>>) WITH PARTITION COLUMNS (dt DATE) WITH CONNECTION DEFAULT OPTIONS (max_staleness = INTERVAL 4 HOUR)",
        ),
        ("DROP EXTERNAL TABLE ds.t", "DROP EXTERNAL TABLE ds.t"),
        ("CREATE VIEW v (a, `select`) AS SELECT 1, 2", "CREATE VIEW v (a, `select`) AS SELECT 1, 2"),
        ("DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v"),
        (
            "create or replace materialized view ds.v partition by day cluster by a, b options (max_staleness = interval 4 hour, enable_refresh = true) as select 1 as a",
            "CREATE OR REPLACE MATERIALIZED VIEW ds.v PARTITION BY day CLUSTER BY a, b OPTIONS (max_staleness = INTERVAL 4 HOUR, enable_refresh = TRUE) AS select 1 as a",
        ),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1",
        ),
        ("DROP MATERIALIZED VIEW IF EXISTS v", "DROP MATERIALIZED VIEW IF EXISTS v"),
        ("REFRESH MATERIALIZED VIEW ds.v", "REFRESH MATERIALIZED VIEW ds.v"),
        ("CALL BQ.REFRESH_MATERIALIZED_VIEW('my-p.ds.v')", "REFRESH MATERIALIZED VIEW `my-p`.ds.v"),
        ("call bq.refresh_external_metadata_cache('ds.t')", "REFRESH EXTERNAL TABLE ds.t"),
        ("SHOW MATERIALIZED VIEWS IN ds", "SHOW MATERIALIZED VIEWS FROM ds"),
        ("SHOW CREATE MATERIALIZED VIEW v", "SHOW CREATE TABLE v"),
        ("DESCRIBE MATERIALIZED VIEW v", "DESCRIBE TABLE v"),
        ("DESCRIBE materialized", "DESCRIBE TABLE materialized"),
        ("SHOW TABLES IN ds", "SHOW TABLES FROM ds"),
        ("SHOW DATASETS", "SHOW SCHEMAS"),
        ("SHOW CREATE VIEW v", "SHOW CREATE TABLE v"),
        (
            "alter table if exists d.t add column if not exists a string(10), rename column `b c` to select_, alter column x set data type decimal(10, 2), alter column if exists y drop not null, drop column z",
            "ALTER TABLE IF EXISTS d.t ADD COLUMN IF NOT EXISTS a STRING, RENAME COLUMN `b c` TO select_, ALTER COLUMN x SET DATA TYPE NUMERIC(10, 2), ALTER COLUMN IF EXISTS y DROP NOT NULL, DROP COLUMN z",
        ),
        ("ALTER TABLE t RENAME TO u", "ALTER TABLE t RENAME TO u"),
        ("ALTER TABLE t SET OPTIONS (description = 'x')", "ALTER TABLE t SET OPTIONS (description = 'x')"),
        ("SET pushdown.enabled = off", "SET pushdown.enabled = 'off'"),
        ("RESET ALL", "RESET ALL"),
        ("explain analyze SELECT  1 -- one", "EXPLAIN ANALYZE SELECT  1"),
        (
            "EXPORT DATA WITH CONNECTION c OPTIONS (uri = r'a\\*', n = -1.5) AS (SELECT 1)",
            "EXPORT DATA WITH CONNECTION c OPTIONS (uri = 'a\\\\*', n = -1.5) AS (SELECT 1)",
        ),
    ] {
        assert_eq!(parsed(text), spelling, "{text}");
    }
}

#[test]
fn connection_names_have_one_to_three_parts() {
    let name =
        |text: &str| connection_name(text).map(|name| name.0.join("|")).map_err(|error| error.to_string());
    assert_eq!(name("c").unwrap(), "c");
    assert_eq!(name("us-east4.c").unwrap(), "us-east4|c");
    assert_eq!(name("p.us.c").unwrap(), "p|us|c");
    assert_eq!(name("example.com:p.us.c").unwrap(), "example.com:p|us|c");
    assert_eq!(name("projects/p/locations/us/connections/c").unwrap(), "p|us|c");
    for text in ["", ".", "a..b", "a.b.c.d.e", "projects/p/locations/us/connections/", "projects/p", "a/b"] {
        assert_eq!(name(text).unwrap_err(), format!("{text:?} is not the name of a connection"));
    }
}

#[test]
fn spans_are_bytes_of_the_statement() {
    let text = "/* é */ DROP CONNECTION IF EXISTS `us.shop`;";
    let Ok(Statement::DropConnection(drop)) = parse(text) else { panic!("{}", parsed(text)) };
    assert_eq!(&text[drop.name.span.start..drop.name.span.end], "`us.shop`");
    let text = "EXPORT DATA OPTIONS () AS SELECT 'é' -- end";
    let Ok(Statement::ExportData(export)) = parse(text) else { panic!("{}", parsed(text)) };
    assert_eq!(&text[export.query.span.start..export.query.span.end], "SELECT 'é'");
    assert_eq!(export.query.text, "SELECT 'é'");
}

#[test]
fn misspelt_words_are_pointed_at() {
    insta::assert_snapshot!(parsed("SELCT 1"), @r"
    error[syntax]: expected a statement, found `SELCT`
     --> sql:1:1
    1 | SELCT 1
      | ^^^^^
    hint: Did you mean SELECT?
    ");
    insta::assert_snapshot!(parsed("SELECT a\nFORM t"), @r"
    error[syntax]: expected the end of the statement, found `t`
     --> sql:2:6
    2 | FORM t
      |      ^
    hint: Did you mean FROM in place of `FORM`?
    ");
    insta::assert_snapshot!(parsed("SELECT a, FROM (t"), @r"
    error[syntax]: expected `)` or JOIN, found the end of the statement
     --> sql:1:18
    1 | SELECT a, FROM (t
      |                  ^
    ");
    insta::assert_snapshot!(parsed("CREATE CONECTION c OPTIONS ()"), @r"
    error[syntax]: expected what to create, found `CONECTION`
     --> sql:1:8
    1 | CREATE CONECTION c OPTIONS ()
      |        ^^^^^^^^^
    hint: Did you mean CONNECTION?
    hint: CREATE takes CONNECTION, EXTERNAL TABLE, EXTERNAL SCHEMA, SCHEMA, TABLE, VIEW and MATERIALIZED VIEW.
    ");
    insta::assert_snapshot!(parsed("CREATE EXTERNAL TABLE t (a STRNG) OPTIONS ()"), @r#"
    error[not_found]: type "STRNG" does not exist
     --> sql:1:28
    1 | CREATE EXTERNAL TABLE t (a STRNG) OPTIONS ()
      |                            ^^^^^
    hint: Did you mean STRING?
    "#);
}

#[test]
fn literals_without_end_are_pointed_at_where_they_begin() {
    insta::assert_snapshot!(parsed("SELECT 'abc\nFROM t"), @r"
    error[syntax]: this string has no end
     --> sql:1:8
    1 | SELECT 'abc
      |        ^
    hint: Close it with ' on the same line, or write text of several lines in '''…'''.
    ");
    insta::assert_snapshot!(parsed("SELECT 1 /* what"), @r"
    error[syntax]: this comment has no end
     --> sql:1:10
    1 | SELECT 1 /* what
      |          ^^
    hint: Close it with */.
    ");
    insta::assert_snapshot!(parsed("DROP CONNECTION `a"), @r"
    error[syntax]: this back-quoted name has no end
     --> sql:1:17
    1 | DROP CONNECTION `a
      |                 ^
    hint: Close it with `.
    ");
}

#[test]
fn clauses_that_do_not_fit_are_named() {
    insta::assert_snapshot!(parsed("CREATE OR REPLACE CONNECTION IF NOT EXISTS c OPTIONS ()"), @r"
    error[invalid]: CREATE CONNECTION cannot have both OR REPLACE and IF NOT EXISTS
     --> sql:1:30
    1 | CREATE OR REPLACE CONNECTION IF NOT EXISTS c OPTIONS ()
      |                              ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(parsed("CREATE TEMP CONNECTION c OPTIONS ()"), @r"
    error[syntax]: CREATE CONNECTION cannot have TEMP
     --> sql:1:8
    1 | CREATE TEMP CONNECTION c OPTIONS ()
      |        ^^^^
    ");
    insta::assert_snapshot!(parsed("CREATE EXTERNAL TABLE t WITH CONNECTION us-east4.c OPTIONS ()"), @r"
    error[syntax]: expected the end of the connection's name, found `-`
     --> sql:1:43
    1 | CREATE EXTERNAL TABLE t WITH CONNECTION us-east4.c OPTIONS ()
      |                                           ^
    hint: Put back-quotes around a connection's name that has dashes in it.
    ");
    insta::assert_snapshot!(parsed("CREATE EXTERNAL TABLE t WITH CONNECTION c WITH PARTITION COLUMNS OPTIONS ()"), @r"
    error[syntax]: expected OPTIONS, found `WITH`
     --> sql:1:43
    1 | CREATE EXTERNAL TABLE t WITH CONNECTION c WITH PARTITION COLUMNS OPTIONS ()
      |                                           ^^^^
    hint: WITH PARTITION COLUMNS stands before WITH CONNECTION.
    ");
    insta::assert_snapshot!(parsed("EXPORT DATA OPTIONS (uri = 'x')"), @r"
    error[syntax]: expected AS, found the end of the statement
     --> sql:1:32
    1 | EXPORT DATA OPTIONS (uri = 'x')
      |                                ^
    hint: EXPORT DATA ends in AS and the query whose rows are written.
    ");
    insta::assert_snapshot!(parsed("CREATE CONNECTION c OPTIONS (password = hunter2, user = 'x')"), @r"
    error[syntax]: expected a value, found a word
     --> sql:1:41
    1 | CREATE CONNECTION c OPTIONS (password = hunter2, user = 'x')
      |                                         ^^^^^^^
    hint: Values are literals: 'text', 42, 1.5, TRUE, NULL, ['a', 'b'], ENV('NAME'), FILE('path') or PROMPT().
    ");
    insta::assert_snapshot!(parsed("SHOW CONECTIONS"), @r"
    error[syntax]: expected what to show, found `CONECTIONS`
     --> sql:1:6
    1 | SHOW CONECTIONS
      |      ^^^^^^^^^^
    hint: Did you mean SHOW CONNECTIONS?
    ");
}

#[test]
fn keys_are_told_apart_from_columns() {
    insta::assert_snapshot!(parsed("CREATE TABLE t (a INT64, PRIMARY KEY (a) NOT ENFORCED)"), @r"
    error[unsupported]: PRIMARY KEY is not in this version: tables have no keys
     --> sql:1:26
    1 | CREATE TABLE t (a INT64, PRIMARY KEY (a) NOT ENFORCED)
      |                          ^^^^^^^
    hint: Leave it out. GoogleSQL's keys are NOT ENFORCED: no row is refused for one, there or here.
    ");
    for text in [
        "CREATE TABLE t (a INT64, primary key (a))",
        "CREATE TABLE t (a INT64, FOREIGN KEY (a) REFERENCES u (b) NOT ENFORCED)",
        "CREATE TABLE t (a INT64, CONSTRAINT k PRIMARY KEY (a) NOT ENFORCED)",
        "CREATE TABLE t (a INT64, CONSTRAINT IF NOT EXISTS `k` FOREIGN KEY (a) REFERENCES u (b) NOT ENFORCED)",
        "CREATE TABLE t (a INT64 PRIMARY KEY NOT ENFORCED)",
        "CREATE TABLE t (a INT64 NOT NULL PRIMARY KEY NOT ENFORCED OPTIONS (description = 'x'))",
        "CREATE TABLE t (a INT64 OPTIONS (description = 'x') REFERENCES u (b))",
        "CREATE TABLE t (a INT64 REFERENCES u (b) NOT ENFORCED)",
        "CREATE TABLE t (a INT64 CONSTRAINT k REFERENCES u (b) NOT ENFORCED)",
        "ALTER TABLE t ADD PRIMARY KEY (a) NOT ENFORCED",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (b) NOT ENFORCED",
        "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (b) NOT ENFORCED",
        "ALTER TABLE t ADD COLUMN b INT64 REFERENCES u (b) NOT ENFORCED",
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS k",
        "ALTER TABLE t DROP PRIMARY KEY",
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.code(), Code::Unsupported, "{text}");
        assert_eq!(error.hints().len(), 1, "{text}");
    }
    for text in [
        "CREATE TABLE t (primary STRING, foreign INT64, constraint STRING NOT NULL, references DATE, key INT64)",
        "CREATE TABLE t (`primary` STRING, constraint STRING)",
    ] {
        assert!(parse(text).is_ok(), "{}", parsed(text));
    }
}

#[test]
fn other_statements_of_googlesql_are_told_apart() {
    insta::assert_snapshot!(parsed("DROP FUNCTION f"), @r"
    error[unsupported]: DROP FUNCTION is not in this version
     --> sql:1:1
    1 | DROP FUNCTION f
      | ^^^^
    hint: DROP takes CONNECTION, EXTERNAL TABLE, MATERIALIZED VIEW, SCHEMA, TABLE and VIEW.
    ");
    for text in [
        "CREATE TABLE t LIKE u AS SELECT 1",
        "LOAD DATA INTO t OVERWRITE PARTITIONS (a = 1) FROM FILES ()",
        "GRANT x ON t TO 'y'",
        "DELETE FROM t WHERE TRUE LIMIT 1",
        "ALTER PROJECT p SET OPTIONS ()",
        "CREATE OR REPLACE ROW ACCESS POLICY p ON t",
        "CREATE FUNCTION f() AS (1)",
        "CREATE MATERIALIZED VIEW v AS REPLICA OF w",
        "CALL f()",
        "FROM t |> WHERE a = 1",
        "SELECT 1 |> EXPORT DATA OPTIONS ()",
        "DROP FUNCTION f",
    ] {
        assert_eq!(parse(text).map_err(|error| error.code()), Err(Code::Unsupported), "{text}");
    }
    for text in [
        "",
        ";",
        "-- nothing",
        "DROP",
        "ALTER",
        "CREATE",
        "SHOW",
        "WITH",
        "SELECT 1; SELECT 2",
        "EXPLAIN",
        "REFRESH",
        "CREATE MATERIALIZED VIEW v (a) AS SELECT 1",
        "CREATE TEMP MATERIALIZED VIEW v AS SELECT 1",
        "CALL BQ.REFRESH_MATERIALIZED_VIEW(v)",
        "SET",
        "SET a",
        "€",
    ] {
        assert_eq!(parse(text).map_err(|error| error.code()), Err(Code::Syntax), "{text}");
    }
}

#[test]
fn secrets_are_in_no_message() {
    for text in [
        "CREATE CONNECTION c OPTIONS (password 'hunter2')",
        "CREATE CONNECTION c OPTIONS ('hunter2')",
        "CREATE CONNECTION c OPTIONS (password = 'hunter2' 'hunter2')",
        "CREATE CONNECTION c 'hunter2'",
        "CREATE CONNECTION c OPTIONS (password = b'hunter2')",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {:?} {:?}", error.hints(), error.detail_text());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let statement = parse("CREATE CONNECTION c OPTIONS (password = 'hunter2')").unwrap();
    assert!(!format!("{statement} {statement:?}").contains("hunter2"));
}

//! Tables of PostgreSQL of every make: the rows that `psql` reads of them, with pushdown and without.
//!
//! What is large has parts, which are read side by side: none of its rows may be lost there, or come twice.

use firth_testkit::servers::{Postgres, Servers};

use crate::{
    functions::{lines, own},
    scratch::{Schema, unique},
    session::TestSession,
};

/// Sessions over a schema as a role sees it, with pushdown and without.
async fn sessions(
    server: &Postgres,
    schema: &Schema,
    (user, password): (&str, &str),
    folder: &std::path::Path,
) -> [TestSession; 2] {
    let made = ["on", "off"].map(|pushdown| (TestSession::new(&folder.join(unique(pushdown))), pushdown));
    for (session, pushdown) in &made {
        let script = format!(
            "CREATE CONNECTION us.shop OPTIONS (connection_type = 'POSTGRES', host = '{}', port = {}, database = '{}',
               user = '{user}', password = '{password}', sslrootcert = '{}', max_backends = 4);
             CREATE EXTERNAL SCHEMA r WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://{}/{}');
             SET pushdown = '{pushdown}'",
            server.host, server.port, server.database, server.ca, server.database, schema.name,
        );
        session.run_script(&script).await.expect("connected");
    }
    made.map(|(session, _)| session)
}

async fn error(session: &TestSession, sql: &str) -> String {
    session.execute(sql).await.expect_err(sql).0
}

/// Asks each query of both sessions and, in its own words, of the server.
async fn same_rows(sessions: &[TestSession; 2], schema: &Schema, asked: &[(&str, &str)]) {
    for (ours, theirs) in asked {
        let mut wanted = own(&schema.ask(theirs));
        wanted.sort();
        assert!(!wanted.is_empty(), "{theirs}");
        for (session, pushdown) in sessions.iter().zip(["on", "off"]) {
            let mut found = lines(session, ours).await;
            found.sort();
            assert_eq!(found, wanted, "{ours} with pushdown {pushdown}");
        }
    }
}

/// The lines of EXPLAIN (PUSHDOWN), without what differs from one run to the next.
async fn sent(session: &TestSession, schema: &Schema, sql: &str) -> String {
    let plan = lines(session, &format!("EXPLAIN (PUSHDOWN) {sql}")).await;
    plan.join("\n").replace(&schema.name, "odd")
}

/// What needs more than one page in a hundred, so that it is read in parts.
const LARGE: &str = "
CREATE TABLE parent (id bigint PRIMARY KEY, k int, t text);
CREATE TABLE first (more int) INHERITS (parent);
CREATE TABLE second () INHERITS (parent);
CREATE TABLE third () INHERITS (second);
INSERT INTO parent SELECT i, i % 10, repeat('p', 200) FROM generate_series(1, 60000) i;
INSERT INTO first SELECT i, i % 10, repeat('f', 200), 1 FROM generate_series(1, 30000) i;
INSERT INTO second SELECT i, i % 10, repeat('s', 200) FROM generate_series(1, 300) i;
INSERT INTO third SELECT i, i % 10, repeat('t', 200) FROM generate_series(1, 90000) i;
DELETE FROM parent WHERE id % 7 = 0;
CREATE TABLE parts (id bigint, k int, t text) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_mid PARTITION OF parts FOR VALUES FROM (1000) TO (90000) PARTITION BY LIST (k);
CREATE TABLE parts_mid_odd PARTITION OF parts_mid FOR VALUES IN (1, 3, 5, 7, 9);
CREATE TABLE parts_mid_even PARTITION OF parts_mid DEFAULT;
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i, i % 10, repeat('x', 200) FROM generate_series(1, 120000) i;
CREATE VIEW over_parts AS SELECT id, k + 1 AS k, t FROM parts WHERE k <> 3;
CREATE UNLOGGED TABLE unlogged AS SELECT i AS id, i % 10 AS k, repeat('u', 200) AS t FROM generate_series(1, 100000) i;
CREATE INDEX ON parts (id);
ANALYZE;";

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_many_pieces_are_read_once_each() {
    let test = "tables_in_many_pieces_are_read_once_each";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(&server, &unique("pieces"), LARGE, folder.path());
    let sessions = sessions(&server, &schema, (&server.user, &server.password), folder.path()).await;
    for table in ["parent", "first", "second", "third", "parts", "over_parts", "unlogged"] {
        let asked = [
            // Nothing of these is summed up there with pushdown off; the second is read here with it, too.
            "SELECT COUNT(*), SUM(id), COUNT(DISTINCT id), MIN(t), MAX(t), SUM(k) FROM r.TABLE",
            "SELECT id, t, n FROM (SELECT id, t, COUNT(*) AS n FROM (SELECT CONCAT(t, CAST(k AS STRING)) AS t, id FROM r.TABLE) GROUP BY id, t) WHERE id < 5 OR n > 3",
        ]
        .map(|ours| ours.replace("TABLE", table));
        let theirs = [
            asked[0].replace("r.", ""),
            asked[1]
                .replace("r.", "")
                .replace("CAST(k AS STRING)", "k::text")
                .replace(&format!("FROM {table})"), &format!("FROM {table}) i"))
                .replace("GROUP BY id, t)", "GROUP BY id, t) o"),
        ];
        let pairs = [(asked[0].as_str(), theirs[0].as_str()), (asked[1].as_str(), theirs[1].as_str())];
        same_rows(&sessions, &schema, &pairs).await;
    }
    // A key of the parent is none of its children's rows: each id is there several times.
    same_rows(
        &sessions,
        &schema,
        &[(
            "SELECT COUNT(*) FROM r.parent AS a JOIN r.parent AS b ON a.id = b.id WHERE a.id < 50",
            "SELECT COUNT(*) FROM parent AS a JOIN parent AS b ON a.id = b.id WHERE a.id < 50",
        )],
    )
    .await;
    let numbered =
        "SELECT id, w FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS w FROM r.parent) WHERE w = 1";
    let kept = sent(&sessions[0], &schema, numbered).await;
    assert!(kept.contains("no primary key among its keys"), "{kept}");
}

/// A role of one test, gone when this is dropped.
struct Role<'a> {
    schema: &'a Schema,
    name: String,
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.schema.ask(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reads_what_it_may_and_no_more() {
    let test = "a_role_reads_what_it_may_and_no_more";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(
        &server,
        &unique("rights"),
        "CREATE TABLE guarded (id bigint PRIMARY KEY, owner text, t text);
         INSERT INTO guarded SELECT i, CASE WHEN i % 3 = 0 THEN 'reader' ELSE 'other' END, repeat('g', 200) FROM generate_series(1, 90000) i;
         ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON guarded USING (owner = 'reader');
         CREATE TABLE partly (id bigint, open text, secret text);
         INSERT INTO partly VALUES (1, 'a', 'x'), (2, 'b', 'y');
         CREATE TABLE closed (id bigint);
         ANALYZE;",
        folder.path(),
    );
    let role = Role { schema: &schema, name: unique("reader") };
    let name = &role.name;
    schema.ask(&format!(
        "CREATE ROLE {name} LOGIN PASSWORD 'canary'; GRANT USAGE ON SCHEMA {0} TO {name};
         GRANT SELECT ON guarded TO {name}; GRANT SELECT (id, open) ON partly TO {name}",
        schema.name
    ));
    let sessions = sessions(&server, &schema, (name, "canary"), folder.path()).await;
    same_rows(
        &sessions,
        &schema,
        &[
            (
                "SELECT COUNT(*), SUM(id), COUNT(DISTINCT id), MIN(owner) FROM r.guarded",
                "SELECT count(*), sum(id), count(DISTINCT id), min(owner) FROM guarded WHERE owner = 'reader'",
            ),
            ("SELECT COUNT(*) FROM r.guarded WHERE owner = 'other'", "SELECT 0"),
            ("SELECT id, open FROM r.partly WHERE open > 'a'", "SELECT 2, 'b'"),
            ("SELECT COUNT(*) FROM r.partly", "SELECT 2"),
        ],
    )
    .await;
    let shown = |text: String| {
        text.replace(&schema.name, "odd")
            .replace(name, "reader")
            .replace(&server.host, "HOST")
            .replace(&server.port.to_string(), "PORT")
    };
    let mut refused = Vec::new();
    for sql in
        ["SELECT * FROM r.partly", "SELECT id FROM r.partly WHERE secret = 'x'", "SELECT * FROM r.closed"]
    {
        for session in &sessions {
            refused.push(shown(error(session, sql).await));
        }
    }
    insta::assert_snapshot!(refused.join("\n"), @r#"
    error[permission_denied]: HOST:PORT does not let "reader" do this
    detail: PostgreSQL says: "permission denied for table partly" (SQLSTATE 42501)
    hint: Grant the role SELECT on what it reads, and USAGE on its schema.

    error[permission_denied]: HOST:PORT does not let "reader" do this
    detail: PostgreSQL says: "permission denied for table partly" (SQLSTATE 42501)
    hint: Grant the role SELECT on what it reads, and USAGE on its schema.

    error[permission_denied]: HOST:PORT does not let "reader" do this
    detail: PostgreSQL says: "permission denied for table partly" (SQLSTATE 42501)
    hint: Grant the role SELECT on what it reads, and USAGE on its schema.

    error[permission_denied]: HOST:PORT does not let "reader" do this
    detail: PostgreSQL says: "permission denied for table partly" (SQLSTATE 42501)
    hint: Grant the role SELECT on what it reads, and USAGE on its schema.

    error[permission_denied]: HOST:PORT does not let "reader" read table "closed"
     --> test.sql:1:15
    1 | SELECT * FROM r.closed
      |               ^^^^^^^^
    hint: Grant the role SELECT on the table, and USAGE on its schema.

    error[permission_denied]: HOST:PORT does not let "reader" read table "closed"
     --> test.sql:1:15
    1 | SELECT * FROM r.closed
      |               ^^^^^^^^
    hint: Grant the role SELECT on the table, and USAGE on its schema.
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_server_are_read_by_way_of_this_one() {
    let test = "tables_of_another_server_are_read_by_way_of_this_one";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("foreign");
    let script = format!(
        "CREATE TABLE there (id bigint PRIMARY KEY, k int, t text COLLATE \"C\", f float8);
         INSERT INTO there SELECT i, i % 10, repeat('t', 100), i / 4.0 FROM generate_series(1, 300000) i;
         CREATE TABLE folded (id bigint, t text);
         INSERT INTO folded VALUES (1, 'a'), (2, 'B'), (3, 'ä'), (4, NULL);
         SELECT pg_advisory_lock(8);
         CREATE EXTENSION IF NOT EXISTS postgres_fdw SCHEMA public;
         SELECT pg_advisory_unlock(8);
         CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw
           OPTIONS (host '{}', port '{}', dbname '{}', sslmode 'require');
         CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (user '{}', password '{}');
         CREATE FOREIGN TABLE far (id bigint, k int, t text COLLATE \"C\", f float8) SERVER {name}
           OPTIONS (schema_name '{name}', table_name 'there');
         CREATE FOREIGN TABLE far_folded (id bigint, t text) SERVER {name}
           OPTIONS (schema_name '{name}', table_name 'folded');
         CREATE TABLE mixed (id bigint, k int, t text COLLATE \"C\", f float8) PARTITION BY RANGE (id);
         CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (300001) TO (400000);
         INSERT INTO mixed SELECT i, i % 10, repeat('t', 200), 1 FROM generate_series(300001, 390000) i;
         ALTER TABLE mixed ATTACH PARTITION far FOR VALUES FROM (0) TO (300001);
         ANALYZE;",
        server.host, server.port, server.database, server.user, server.password
    );
    let schema = Schema::create(&server, &name, &script, folder.path());
    let _gone = Gone(&schema, &name);
    let sessions = sessions(&server, &schema, (&server.user, &server.password), folder.path()).await;
    for table in ["far", "mixed"] {
        let asked = [
            "SELECT COUNT(*), COUNT(DISTINCT id), SUM(id), MIN(t), MAX(t) FROM TABLE",
            "SELECT k, COUNT(*) AS n FROM TABLE WHERE id > 250000 GROUP BY k",
            "SELECT id, t FROM TABLE WHERE id IN (5, 299999, 300005)",
            "SELECT id FROM TABLE ORDER BY id DESC LIMIT 3",
        ]
        .map(|sql| sql.replace("TABLE", &format!("r.{table}")));
        for ours in &asked {
            same_rows(&sessions, &schema, &[(ours, &ours.replace("r.", ""))]).await;
        }
        // Every row travels, from both ends of the table.
        let every = format!("SELECT id, f FROM r.{table}");
        let found = lines(&sessions[0], &every).await;
        let ids: std::collections::HashSet<&str> =
            found.iter().filter_map(|line| line.split('|').next()).collect();
        assert_eq!(
            (found.len(), ids.len()),
            if table == "far" { (300_000, 300_000) } else { (390_000, 390_000) }
        );
    }
    same_rows(
        &sessions,
        &schema,
        &[(
            "SELECT id, t FROM r.far_folded WHERE t >= 'B'",
            "SELECT id, t FROM folded WHERE t COLLATE \"C\" >= 'B'",
        )],
    )
    .await;
    insta::assert_snapshot!(
        sent(&sessions[0], &schema, "SELECT id, t FROM r.far WHERE id > 5 AND t > 'B'").await,
        @r#"us.shop|SELECT "id", "t" FROM "odd"."far" WHERE ("id" > 5) AND ("t" > 'B')|1|\N|\N|read in one part: the table is small, or max_backends is 1"#
    );
}

/// A foreign server, gone when this is dropped.
struct Gone<'a>(&'a Schema, &'a str);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.ask(&format!("DROP SERVER {} CASCADE", self.1));
    }
}

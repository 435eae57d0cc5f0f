//! Killed without a warning: the home opens, and of an export nothing is to be seen.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Child,
};

use firth_testkit::servers::{self, Servers};
use futures::TryStreamExt as _;
use object_store::{ObjectStore, path::Path as Key};

use crate::{
    place::{Place, stderr, until},
    scratch::{empty, unique},
};

/// Statements that write to every table of the catalog, secrets among them.
fn changes(round: usize) -> String {
    let mut sql = String::new();
    for n in 0..40 {
        let name = format!("us.c{round}_{n}");
        sql.push_str(&format!(
            "CREATE CONNECTION {name} OPTIONS (connection_type = 'POSTGRES', host = 'h', database = 'd', user = 'u',
               password = 'secret', validate = FALSE);
             ALTER CONNECTION {name} SET OPTIONS (password = 'other', friendly_name = 'n{n}', validate = FALSE);
             CREATE SCHEMA s{round}_{n};
             CREATE VIEW s{round}_{n}.v AS SELECT {n} AS n;
             DROP CONNECTION {name};\n"
        ));
        if n % 2 == 0 {
            sql.push_str(&format!("DROP SCHEMA s{round}_{n} CASCADE;\n"));
        }
    }
    sql
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_home_opens_after_every_kill_and_nothing_acknowledged_is_lost() {
    let mut place = Place::new();
    let mut acknowledged = 0;
    for round in 0..24 {
        // The first moments of a home are the most delicate: several rounds begin with a new one. Later
        // ones do when SHOW AUDIT would leave out the oldest rows.
        if round <= 8 || acknowledged > 500 {
            place = Place::new();
            acknowledged = 0;
        }
        place.file("changes.sql", changes(round));
        let mut child = place.spawn(&["run", "changes.sql", "--stats", "json"]);
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        // After so many answers, and then wherever the next statement is.
        let answers = if round <= 8 { round } else { round * 5 };
        for line in lines.by_ref().take(answers) {
            let line = line.expect("read");
            assert!(line.starts_with('{') && !line.contains("\"error\""), "{line}");
            acknowledged += 1;
        }
        kill(child);
        acknowledged += lines.map_while(Result::ok).filter(|line| line.ends_with('}')).count();

        let audit = place.run("SHOW AUDIT");
        let rows = audit.lines().skip(1).count();
        assert!(audit.lines().skip(1).all(|row| row.ends_with(",ok")), "{audit}");
        assert!(rows >= acknowledged, "round {round}: {rows} of {acknowledged} statements are known");
        acknowledged = rows;
        for connection in place.run("SHOW CONNECTIONS").lines().skip(1) {
            let name = connection.split(',').next().expect("a name");
            let shown = place.run(&format!("SHOW CREATE CONNECTION {name}"));
            assert!(shown.contains("'***'"), "{shown}");
            // Its secret opens, so that it can be sealed anew for the next version.
            place.run(&format!(
                "ALTER CONNECTION {name} SET OPTIONS (description = 'kept'); DROP CONNECTION {name}"
            ));
            acknowledged += 2;
        }
        for schema in place.run("SHOW SCHEMAS").lines().skip(1).filter(|line| line.starts_with('s')) {
            let name = schema.split(',').next().expect("a name");
            place.run(&format!("SHOW TABLES FROM {name}; DROP SCHEMA {name} CASCADE"));
            acknowledged += 1;
        }
    }
}

#[test]
fn two_shells_at_once_see_each_others_changes() {
    let place = Place::new();
    // The long answer holds the first shell until somebody reads it.
    let sql = "CREATE SCHEMA from_one; SHOW SCHEMAS; SELECT a FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS a; SHOW SCHEMAS";
    let mut child = place.spawn(&["-c", sql]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    while !first.contains("a\n1\n") {
        assert_ne!(lines.read_line(&mut first).expect("read"), 0, "{first}");
    }
    assert!(first.contains("from_one") && !first.contains("from_two"), "{first}");
    let other = place.run("CREATE SCHEMA from_two; SHOW SCHEMAS");
    assert!(other.contains("from_one") && other.contains("from_two"), "{other}");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("read");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        rest.contains("300000\n") && rest.contains("from_two"),
        "the first shell sees what the second made"
    );
}

#[test]
fn shells_that_write_at_once_lose_nothing() {
    let place = Place::new();
    let children: Vec<_> = (0..4)
        .map(|shell| {
            let sql: String = (0..10).map(|n| format!("CREATE SCHEMA s{shell}_{n};")).collect();
            place.spawn(&["-c", &sql])
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let schemas = place.run("SHOW SCHEMAS");
    for shell in 0..4 {
        for n in 0..10 {
            assert!(schemas.contains(&format!("s{shell}_{n},")), "{schemas}");
        }
    }
}

/// How much the process has written so far, to files and sockets.
#[cfg(target_os = "linux")]
fn written(child: &Child) -> Option<u64> {
    let figures = fs::read_to_string(format!("/proc/{}/io", child.id())).expect("a process has figures");
    figures.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok())
}

#[cfg(not(target_os = "linux"))]
fn written(_: &Child) -> Option<u64> {
    None
}

/// Starts an export that never ends, and kills it when it has uploaded some parts.
fn killed_export(place: &Place, test: &str, with: &str, uri: &str) -> bool {
    let sql = format!(
        "EXPORT DATA {with} OPTIONS (format = 'CSV', uri = '{uri}') AS
         SELECT CONCAT(REPEAT('x', 1000), CAST(a AS STRING)) AS a
         FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS a CROSS JOIN UNNEST(GENERATE_ARRAY(1, 1000)) AS b"
    );
    let mut child = place.spawn(&["-c", &sql]);
    if servers::require("/proc/self/io", test, written(&child)).is_none() {
        kill(child);
        return false;
    }
    until("the first parts", || {
        let ended = child.try_wait().expect("asked");
        assert!(ended.is_none(), "the export ended: {}", {
            let mut said = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut said);
            said
        });
        written(&child).is_some_and(|bytes| bytes > 40 << 20)
    });
    kill(child);
    true
}

async fn keys(bucket: &dyn ObjectStore, prefix: &str) -> Vec<String> {
    let found = bucket.list(Some(&Key::from(prefix))).map_ok(|object| object.location.to_string());
    found.try_collect().await.expect("listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_killed_while_it_uploads_leaves_nothing_visible_on_s3() {
    let test = "an_export_killed_while_it_uploads_leaves_nothing_visible_on_s3";
    let Some(server) = Servers::from_env().require_s3(test) else { return };
    let place = Place::new();
    place.connect_s3();
    let prefix = unique("killed");
    if killed_export(
        &place,
        test,
        "WITH CONNECTION us.lake",
        &format!("s3://{}/{prefix}/x-*.csv", server.bucket),
    ) {
        assert_eq!(keys(&server.store().expect("a store"), &prefix).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_killed_while_it_uploads_leaves_nothing_visible_on_azure() {
    let test = "an_export_killed_while_it_uploads_leaves_nothing_visible_on_azure";
    let Some(server) = Servers::from_env().require_azure(test) else { return };
    let place = Place::new();
    place.run(
        "CREATE CONNECTION us.blob OPTIONS (connection_type = 'AZURE', account = ENV('FIRTH_TEST_AZURE_ACCOUNT'),
           account_key = ENV('FIRTH_TEST_AZURE_ACCOUNT_KEY'), endpoint = ENV('FIRTH_TEST_AZURE_ENDPOINT'))",
    );
    let prefix = unique("killed");
    let uri = format!("az://{}/{prefix}/x-*.csv", server.container);
    if killed_export(&place, test, "WITH CONNECTION us.blob", &uri) {
        assert_eq!(keys(&server.store().expect("a store"), &prefix).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_killed_while_it_uploads_leaves_nothing_visible_on_gcs() {
    let test = "an_export_killed_while_it_uploads_leaves_nothing_visible_on_gcs";
    let Some(server) = Servers::from_env().require_gcs(test) else { return };
    let place = Place::new();
    place.run(
        "CREATE CONNECTION us.bucket OPTIONS (connection_type = 'CLOUD_RESOURCE', endpoint = ENV('FIRTH_TEST_GCS_ENDPOINT'),
           anonymous = TRUE)",
    );
    let prefix = unique("killed");
    let uri = format!("gs://{}/{prefix}/x-*.csv", server.bucket);
    if killed_export(&place, test, "WITH CONNECTION us.bucket", &uri) {
        let bucket = server.store().expect("a store");
        assert_eq!(keys(&bucket, &prefix).await, [""; 0]);
        empty(&bucket, &prefix).await;
    }
}

#[test]
fn an_export_killed_while_it_writes_leaves_nothing_visible_in_a_folder() {
    let test = "an_export_killed_while_it_writes_leaves_nothing_visible_in_a_folder";
    let place = Place::new();
    fs::create_dir(place.path().join("out")).expect("made");
    if !killed_export(&place, test, "", &place.uri("out/x-*.csv")) {
        return;
    }
    let names = fs::read_dir(place.path().join("out"))
        .expect("listed")
        .map(|entry| entry.expect("listed").file_name());
    let visible: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".csv")).collect();
    assert!(visible.is_empty(), "{visible:?}");
    let sql = format!(
        "CREATE EXTERNAL TABLE t (a STRING) OPTIONS (format = 'CSV', uris = ['{}'])",
        place.uri("out/*")
    );
    let output = place.output(&["-c", &sql]);
    assert!(stderr(&output).starts_with("error[not_found]: no file matches"), "{}", stderr(&output));
}

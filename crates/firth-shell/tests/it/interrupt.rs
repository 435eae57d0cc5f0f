//! Ctrl-C, and readers that go away: the server hears of it within a second.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use firth_testkit::servers::{Postgres, Servers};

use crate::{
    place::{Place, signal, stderr, until},
    scratch::unique,
};

/// How soon a backend must have stopped.
const SOON: Duration = Duration::from_secs(1);

/// How many statements run on the server whose text holds `tag`.
fn running(server: &Postgres, tag: &str) -> usize {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE application_name LIKE 'firth %' AND state <> 'idle' AND query LIKE '%{tag}%'"
    );
    let connection = format!(
        "host={} port={} user={} dbname={} sslmode=verify-full sslrootcert={}",
        server.host, server.port, server.user, server.database, server.ca
    );
    let output = Command::new(&server.psql)
        .args(["-X", "-A", "-t", "-c", &sql, &connection])
        .env("PGPASSWORD", &server.password)
        .output()
        .expect("psql starts");
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Waits until nothing runs any more, and answers when it was asked for the last time.
fn stopped(server: &Postgres, tag: &str) -> Instant {
    let mut asked = Instant::now();
    until("the end of the statement on the server", || {
        asked = Instant::now();
        running(server, tag) == 0
    });
    asked
}

/// Ctrl-C while `query` of the server is read by `around`.
fn interrupted(test: &str, around: &str, query: &str) {
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let place = Place::new();
    place.connect_postgres();
    let tag = unique("interrupt");
    let call = format!("EXTERNAL_QUERY('us.shop', '''{query} -- {tag}''')");
    let mut child = place.spawn(&["-c", &around.replace("REMOTE", &call), "--format", "ndjson"]);
    // Read, so that rows keep coming.
    let stdout = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || std::io::copy(&mut BufReader::new(stdout), &mut std::io::sink()));
    until("the statement on the server", || running(&server, &tag) > 0);

    let sent = Instant::now();
    signal(&child, "-INT");
    let stopped = stopped(&server, &tag);
    let output = child.wait_with_output().expect("ended");
    reader.join().expect("no panic").expect("read to its end");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(
        stderr(&output).starts_with("error[cancelled]: the statement was interrupted\n"),
        "{}",
        stderr(&output)
    );
    assert!(stopped - sent < SOON, "the server was at work for {:?}", stopped - sent);
}

#[test]
fn a_server_that_has_not_answered_yet() {
    interrupted(
        "a_server_that_has_not_answered_yet",
        "SELECT * FROM REMOTE",
        "SELECT 1 AS a FROM pg_sleep(600)",
    );
}

#[test]
fn a_scan_that_streams() {
    interrupted("a_scan_that_streams", "SELECT * FROM REMOTE", "SELECT generate_series(1, 1000000000) AS n");
}

#[test]
fn a_scan_that_is_sorted() {
    let around = "SELECT n FROM REMOTE ORDER BY n DESC";
    interrupted("a_scan_that_is_sorted", around, "SELECT generate_series(1, 1000000000) AS n");
}

#[test]
fn a_scan_that_is_joined_with_another() {
    let around = "SELECT COUNT(*) FROM REMOTE AS a JOIN UNNEST(GENERATE_ARRAY(1, 100000)) AS b ON a.n > b";
    interrupted("a_scan_that_is_joined_with_another", around, "SELECT generate_series(1, 1000000000) AS n");
}

#[test]
fn a_reader_that_goes_away() {
    let Some(server) = Servers::from_env().require_postgres("a_reader_that_goes_away") else { return };
    let place = Place::new();
    place.connect_postgres();
    let tag = unique("closed_pipe");
    let sql = format!(
        "SELECT * FROM EXTERNAL_QUERY('us.shop', 'SELECT generate_series(1, 1000000000) AS n -- {tag}')"
    );
    let mut child = place.spawn(&["-c", &sql]);
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("the header comes");
    assert_eq!(line, "n\n");
    assert_eq!(running(&server, &tag), 1);

    let closed = Instant::now();
    drop(lines);
    let stopped = stopped(&server, &tag);
    let output = child.wait_with_output().expect("ended");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert!(stopped - closed < SOON, "the server was at work for {:?}", stopped - closed);
}

/// The files below a folder, hidden ones too.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("listed").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Wherever an interrupt finds an export that begins one file after another, it leaves none of them.
#[test]
fn an_export_of_many_files() {
    let place = Place::new();
    let target = place.path().join("out");
    let sql = format!(
        "EXPORT DATA OPTIONS (uri = 'file://{}/x-*.csv', format = 'CSV', file_size = 1000) AS
         SELECT a FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS a, UNNEST(GENERATE_ARRAY(1, 10000)) AS b",
        target.display()
    );
    for files in 1..=12 {
        let child = place.spawn(&["-c", &sql]);
        until("the export's files", || files_below(&target).len() >= files);
        signal(&child, "-INT");
        let output = child.wait_with_output().expect("ended");
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        place.run("CLEAN EXPORTS");
        assert_eq!(files_below(&target), Vec::<PathBuf>::new(), "after an interrupt at {files} files");
    }
}

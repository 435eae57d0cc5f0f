//! OPENDAL connections to real servers: SFTP, WebDAV and plain HTTP.

use std::process::{Command, Stdio};

use firth_testkit::servers::{Servers, Sftp};

use crate::place::{Place, shown, stderr, until};

/// What every store that can be written has to do: what is exported can be read, in each format, also from several files.
const ROUND_TRIP: &str = "
    CREATE SCHEMA s;
    EXPORT DATA WITH CONNECTION us.files OPTIONS (uri = 'opendal:///out/a b/rows-*.parquet', format = 'PARQUET')
      AS SELECT id, CONCAT('row ', CAST(id AS STRING)) AS word FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS id;
    EXPORT DATA WITH CONNECTION us.files OPTIONS (uri = 'opendal:///out/é/rows-*.csv', format = 'CSV', file_size = 100000)
      AS SELECT id, CONCAT('row ', CAST(id AS STRING)) AS word FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS id;
    CREATE EXTERNAL TABLE s.columns WITH CONNECTION us.files
      OPTIONS (format = 'PARQUET', uris = ['opendal:///out/a b/*.parquet']);
    CREATE EXTERNAL TABLE s.lines (id INT64, word STRING) WITH CONNECTION us.files
      OPTIONS (format = 'CSV', uris = ['opendal:///out/é/rows-*.csv']);
    SELECT COUNT(*) AS n, SUM(id) AS total, MAX(word) AS last FROM s.columns;
    SELECT COUNT(*) AS n, SUM(id) AS total, MAX(word) AS last FROM s.lines;
    SELECT word FROM s.columns WHERE id = 2077;
    SELECT COUNT(DISTINCT _FILE_NAME) > 1 AS several FROM s.lines";

const ROWS: &str = "n,total,last\n30000,450015000,row 9999\n\nn,total,last\n30000,450015000,row 9999\n\n\
                    word\nrow 2077\n\nseveral\ntrue\n";

/// The results of a script that goes well; exports' own are left out.
fn rows(place: &Place, variables: &[(&str, &str)], sql: &str) -> String {
    let mut command = place.command(&["--format", "csv", "-c", sql]);
    let output = command.envs(variables.iter().copied()).output().expect("started");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_once("n,total,last").map_or(text.clone(), |(_, rest)| format!("n,total,last{rest}"))
}

#[test]
fn webdav_is_written_and_read() {
    let Some(server) = Servers::from_env().require_webdav("webdav_is_written_and_read") else { return };
    let place = Place::new();
    let folder = crate::scratch::unique("webdav");
    let variables = [("DAV_PASSWORD", server.password.as_str())];
    let connection = format!(
        "CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'webdav', endpoint = '{}',
           username = '{}', password = ENV('DAV_PASSWORD'), root = '/{folder}')",
        server.endpoint, server.user
    );
    rows(&place, &variables, &connection);
    assert_eq!(rows(&place, &[], ROUND_TRIP), ROWS);

    // Its files are there for whoever reads them by HTTP, one by one: that lists nothing.
    let plain = format!(
        "CREATE CONNECTION us.web OPTIONS (connection_type = 'OPENDAL', scheme = 'http', endpoint = '{}');
         CREATE EXTERNAL TABLE s.web WITH CONNECTION us.web
           OPTIONS (format = 'PARQUET', uris = ['opendal:///{folder}/out/a b/rows-000000000000.parquet']);
         SELECT COUNT(*) AS n, SUM(id) AS total, MAX(word) AS last FROM s.web;
         SELECT word FROM s.web WHERE id = 2077",
        server.plain_endpoint
    );
    assert_eq!(rows(&place, &[], &plain), "n,total,last\n30000,450015000,row 9999\n\nword\nrow 2077\n");
    let listed = place.refused(&format!(
        "CREATE EXTERNAL TABLE s.all WITH CONNECTION us.web
           OPTIONS (format = 'PARQUET', uris = ['opendal:///{folder}/out/a b/*.parquet'])"
    ));
    assert!(listed.contains("has a *, and a web server does not list its files"), "{listed}");
    let missing = place.refused(&format!(
        "CREATE EXTERNAL TABLE s.none WITH CONNECTION us.web
           OPTIONS (format = 'PARQUET', uris = ['opendal:///{folder}/out/none.parquet'])"
    ));
    assert!(missing.starts_with("error[not_found]: no file matches"), "{missing}");

    let checked = place.output(&["-c", "CHECK CONNECTION us.files"]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    assert!(stderr(&checked).contains("cross the network in the clear"), "{}", stderr(&checked));
    assert!(!shown(&place.output(&["-c", "CHECK CONNECTION us.web"])).contains("in the clear"));
}

#[test]
fn a_wrong_password_of_webdav_is_called_that() {
    let Some(server) = Servers::from_env().require_webdav("a_wrong_password_of_webdav_is_called_that") else {
        return;
    };
    let place = Place::new();
    let wrong = crate::canary::canary("webdav");
    let connection = |validate: &str| {
        format!(
            "CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'webdav',
               endpoint = '{}', username = '{}', password = ENV('DAV_PASSWORD'){validate})",
            server.endpoint, server.user
        )
    };
    let run = |sql: &str| {
        let mut command = place.command(&["-c", sql]);
        let output = command.env("DAV_PASSWORD", &wrong).output().expect("started");
        let text = shown(&output).replace(&server.endpoint, "[webdav]");
        assert!(!text.contains(&wrong), "{text}");
        text
    };
    insta::assert_snapshot!(run(&connection("")), @r#"
    exit 1
    --- stdout
    --- stderr
    error[unauthenticated]: the server of "webdav:[webdav]" does not accept the connection's credential
     --> -c:1:19
    1 | CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'webdav',
      |                   ^^^^^^^^
    hint: Check it for typing errors; `ALTER CONNECTION … SET OPTIONS (…)` gives a stored connection another one.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
    run(&connection(", validate = FALSE"));
    insta::assert_snapshot!(run(
        "CREATE EXTERNAL TABLE t WITH CONNECTION us.files OPTIONS (format = 'CSV', uris = ['opendal:///x/*.csv'])"
    ), @r#"
    exit 1
    --- stdout
    --- stderr
    error[unauthenticated]: the server of "webdav:[webdav]" does not accept the connection's credential
     --> -c:1:82
    1 | CREATE EXTERNAL TABLE t WITH CONNECTION us.files OPTIONS (format = 'CSV', uris = ['opendal:///x/*.csv'])
      |                                                                                  ^^^^^^^^^^^^^^^^^^^^^^
    hint: Check it for typing errors; `ALTER CONNECTION … SET OPTIONS (…)` gives a stored connection another one.
    "#);
}

/// The variables under which `ssh` is the one that knows the server.
fn path_of(server: &Sftp) -> String {
    format!("{}:{}", server.path, std::env::var("PATH").unwrap_or_default())
}

#[test]
fn files_over_ssh_are_written_and_read() {
    let Some(server) = Servers::from_env().require_sftp("files_over_ssh_are_written_and_read") else {
        return;
    };
    let place = Place::new();
    let root = format!("{}/{}", server.root, crate::scratch::unique("sftp"));
    // A key of its own, by which its processes are told from those of other tests.
    let key = place.path().join("key");
    std::fs::copy(&server.key, &key).expect("copied with its permissions");
    let path = path_of(&server);
    let variables = [("PATH", path.as_str())];
    let connection = format!(
        "CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'sftp', endpoint = '{}',
           user = '{}', key = '{}', root = '{root}')",
        server.endpoint,
        server.user,
        key.display()
    );
    rows(&place, &variables, &connection);
    assert_eq!(rows(&place, &variables, ROUND_TRIP), ROWS);
    let checked = rows(&place, &variables, "CHECK CONNECTION us.files");
    assert!(checked.contains("OpenDAL sftp"), "{checked}");
    // The program leaves no ssh of its own behind.
    let find = || {
        Command::new("pgrep")
            .args(["-f", "--", &format!("-i {}", key.display())])
            .output()
            .expect("pgrep runs")
    };
    let left = find();
    assert!(left.stdout.is_empty(), "an ssh is left: {}", String::from_utf8_lossy(&left.stdout));
    // That would be found.
    let mut ssh = Command::new(format!("{}/ssh", server.path));
    let port = server.endpoint.rsplit(':').next().unwrap_or_default();
    ssh.args([
        "-i",
        &key.display().to_string(),
        "-l",
        &server.user,
        "-p",
        port,
        "-o",
        "BatchMode=yes",
        "-N",
        "127.0.0.1",
    ]);
    let mut master =
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    until("an ssh that is there is found", || !find().stdout.is_empty());
    let _ = master.kill();
    let _ = master.wait();
}

#[test]
fn an_unknown_server_is_not_trusted() {
    let Some(server) = Servers::from_env().require_sftp("an_unknown_server_is_not_trusted") else { return };
    let place = Place::new();
    // Another name of the same server, which nobody has vouched for.
    let endpoint = server.endpoint.replace("127.0.0.1", "localhost");
    let path = path_of(&server);
    let connection = format!(
        "CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'sftp',
           endpoint = '{endpoint}', user = '{}', key = '{}', root = '{}')",
        server.user, server.key, server.root
    );
    let mut command = place.command(&["-c", &connection]);
    let output = command.env("PATH", &path).output().expect("started");
    let port = server.endpoint.rsplit(':').next().unwrap_or_default();
    insta::assert_snapshot!(shown(&output).replace(&endpoint, "[sftp]").replace(port, "[port]"), @r#"
    exit 1
    --- stdout
    --- stderr
    error[io]: could not read or write "sftp:[sftp]"
     --> -c:1:19
    1 | CREATE CONNECTION us.files OPTIONS (connection_type = 'OPENDAL', scheme = 'sftp',
      |                   ^^^^^^^^
    detail: No ED25519 host key is known for [localhost]:[port] and you have requested strict checking.
    hint: The connection was not made; `validate = false` makes it unchecked.
    "#);
}

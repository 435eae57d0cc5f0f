//! Files of web servers: with ranges and without, with credentials, and servers that fail.

use std::fs;

use firth_testkit::{
    chaos::{Chaos, Fault},
    web_server::{WebServer, WebServerOptions},
};
use tempfile::TempDir;

use crate::session::TestSession;

const ROWS: i64 = 60_000;

/// A folder with the numbers from 1 on in several formats, and a session.
struct Files {
    folder: TempDir,
    session: TestSession,
}

impl Files {
    async fn new() -> Files {
        let folder = tempfile::tempdir().expect("a folder");
        let session = TestSession::new(&folder.path().join("home"));
        let root = folder.path().join("site");
        fs::create_dir(&root).expect("a folder");
        for format in ["csv", "parquet", "json"] {
            let header = if format == "csv" { ", header = TRUE" } else { "" };
            let sql = format!(
                "EXPORT DATA OPTIONS (uri = 'file://{}/{format}/*.{format}', format = '{format}', atomic = FALSE{header})
                   AS SELECT x, CAST(x * 7919 AS STRING) AS text FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS x",
                root.display()
            );
            session.execute(&sql).await.expect("exported");
            let written =
                fs::read_dir(root.join(format)).expect("a folder").flatten().map(|entry| entry.path());
            let written = written.filter(|path| path.extension().is_some_and(|ending| ending == format));
            let written: Vec<_> = written.collect();
            assert_eq!(written.len(), 1, "{written:?}");
            fs::rename(&written[0], root.join(format!("rows.{format}"))).expect("renamed");
        }
        fs::write(root.join("with space.csv"), "a,b\n1,x\n").expect("written");
        Files { folder, session }
    }

    async fn served(&self, options: WebServerOptions) -> WebServer {
        WebServer::start(&self.folder.path().join("site"), options).await.expect("started")
    }

    async fn one(&self, sql: &str) -> String {
        let answered = self.session.execute(sql).await.unwrap_or_else(|failure| panic!("{sql}: {failure}"));
        let row = answered
            .as_ref()
            .and_then(|answered| answered.rows.first())
            .unwrap_or_else(|| panic!("{sql}: no rows"));
        row.iter().map(|value| value.clone().unwrap_or_default()).collect::<Vec<_>>().join(" ")
    }

    async fn failure(&self, sql: &str) -> String {
        match self.session.execute(sql).await {
            Ok(answered) => panic!("{sql}: {:?}", answered.map(|answered| answered.rows)),
            Err(failure) => failure.to_string(),
        }
    }

    async fn run(&self, sql: &str) {
        self.session.execute(sql).await.unwrap_or_else(|failure| panic!("{sql}: {failure}"));
    }
}

/// What every format must answer.
fn all() -> String {
    format!("{ROWS} {} 7919", ROWS * (ROWS + 1) / 2)
}

fn asking(url: &str, format: &str) -> String {
    format!("SELECT COUNT(*), SUM(CAST(x AS INT64)), MIN(CAST(text AS INT64)) FROM '{url}/rows.{format}'")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_with_ranges_and_without() {
    let files = Files::new().await;
    for ranges in [true, false] {
        for e_tags in [true, false] {
            for heads in [true, false] {
                let server = files
                    .served(WebServerOptions { ranges, e_tags, heads, ..WebServerOptions::default() })
                    .await;
                for format in ["csv", "parquet", "json"] {
                    let answer = files.one(&asking(&server.url, format)).await;
                    assert_eq!(answer, all(), "{format}, ranges: {ranges}, ETags: {e_tags}, HEAD: {heads}");
                }
                let sql = format!("SELECT text FROM '{}/rows.parquet' WHERE x = 59999", server.url);
                assert_eq!(files.one(&sql).await, (59_999 * 7919).to_string());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_is_read_by_ranges() {
    let files = Files::new().await;
    let server = files.served(WebServerOptions::default()).await;
    let size = fs::metadata(files.folder.path().join("site/rows.parquet")).expect("there").len();
    files
        .run(&format!(
            "CREATE EXTERNAL TABLE rows_there OPTIONS (format = 'PARQUET', uris = ['{}/rows.parquet'])",
            server.url
        ))
        .await;
    assert_eq!(files.one("SELECT SUM(x) FROM rows_there").await, (ROWS * (ROWS + 1) / 2).to_string());
    let gets: Vec<_> = server.requests().into_iter().filter(|asked| asked.line.starts_with("GET")).collect();
    assert!(!gets.is_empty() && gets.iter().all(|asked| asked.range.is_some()), "{gets:?} of {size} bytes");
    assert_eq!(
        files.one("SELECT COUNT(DISTINCT _FILE_NAME) FROM rows_there").await,
        "1",
        "a file is called by its uri"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_sent_as_they_are_written() {
    let files = Files::new().await;
    let server = files.served(WebServerOptions::default()).await;
    let url = &server.url;
    assert_eq!(files.one(&format!("SELECT b FROM '{url}/with%20space.csv'")).await, "x");
    assert_eq!(
        files.one(&format!("SELECT b FROM READ('{url}/with%20space.csv?sig=a%2Fb', format => 'CSV')")).await,
        "x"
    );
    assert!(server.requests().iter().any(|asked| asked.line == "GET /with%20space.csv?sig=a%2Fb"));
    let missing =
        files.failure(&format!("SELECT * FROM READ('{url}/gone.csv?sig=hunter2', format => 'CSV')")).await;
    assert!(missing.contains("error[not_found]"), "{missing}");
    let listed = files.failure(&format!("SELECT * FROM '{url}/*.csv'")).await;
    assert!(listed.contains("has a *, and a web server neither lists files nor takes them"), "{listed}");
    let written = files
        .failure(&format!("EXPORT DATA OPTIONS (uri = '{url}/out-*.csv', format = 'CSV') AS SELECT 1 AS x"))
        .await;
    assert!(written.contains("a web server neither lists files nor takes them"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_go_to_their_server_and_to_no_other() {
    let files = Files::new().await;
    let authorization = Some("Basic bWU6aHVudGVyMg==".to_owned());
    let server = files.served(WebServerOptions { authorization, ..WebServerOptions::default() }).await;
    let url = &server.url;
    let refused = files.failure(&asking(url, "csv")).await;
    assert!(refused.contains("error[unauthenticated]"), "{refused}");
    files.run(&format!(
        "CREATE CONNECTION site OPTIONS (connection_type = 'HTTP', endpoint = '{url}', user = 'me', password = 'hunter2')"
    )).await;
    let asked = format!("SELECT COUNT(*) FROM READ('{url}/rows.parquet', connection => 'site')");
    assert_eq!(files.one(&asked).await, ROWS.to_string());
    let refused = files
        .failure(&format!(
            "CREATE CONNECTION wrong OPTIONS (connection_type = 'HTTP', endpoint = '{url}', bearer_token = 'hunter2')"
        ))
        .await;
    assert!(refused.contains("error[unauthenticated]"), "{refused}");

    // A server that sends its clients on: the other one learns nothing.
    let other = files.served(WebServerOptions::default()).await;
    let redirect = Some(other.url.clone());
    let sends_on = files.served(WebServerOptions { redirect, ..WebServerOptions::default() }).await;
    let here = &sends_on.url;
    files.run(&format!(
        "CREATE CONNECTION moved OPTIONS (connection_type = 'HTTP', endpoint = '{here}', bearer_token = 'hunter2')"
    )).await;
    let asked = format!("SELECT COUNT(*) FROM READ('{here}/rows.parquet', connection => 'moved')");
    assert_eq!(files.one(&asked).await, ROWS.to_string());
    assert!(sends_on.requests().iter().all(|asked| asked.has_authorization));
    let there = other.requests();
    assert!(!there.is_empty() && there.iter().all(|asked| !asked.has_authorization), "{there:?}");
    let outside =
        files.failure(&format!("SELECT * FROM READ('{}/rows.csv', connection => 'moved')", other.url)).await;
    assert!(outside.contains("is outside the connection's endpoint"), "{outside}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_ones_own_go_to_their_server_and_to_no_other() {
    let files = Files::new().await;
    let header = Some(("x-api-key", "hunter2"));
    let server = files.served(WebServerOptions { header, ..WebServerOptions::default() }).await;
    let url = &server.url;
    let refused = files.failure(&asking(url, "csv")).await;
    assert!(refused.contains("error[permission_denied]"), "{refused}");
    files.run(&format!(
        "CREATE CONNECTION site OPTIONS (connection_type = 'HTTP', endpoint = '{url}', headers = 'X-Api-Key: hunter2\\nX-Other: a b')"
    )).await;
    for format in ["csv", "parquet", "json"] {
        let asked = format!("SELECT COUNT(*) FROM READ('{url}/rows.{format}', connection => 'site')");
        assert_eq!(files.one(&asked).await, ROWS.to_string(), "{format}");
    }
    let last = server.requests().pop().expect("asked");
    assert!(last.headers.iter().any(|name| name == "x-other"), "{last:?}");

    // A server that sends its clients on: within itself the headers stay, and the other one learns none.
    let other = files.served(WebServerOptions::default()).await;
    let redirect = Some(other.url.clone());
    let sends_on = files.served(WebServerOptions { redirect, ..WebServerOptions::default() }).await;
    let here = &sends_on.url;
    files.run(&format!(
        "CREATE CONNECTION moved OPTIONS (connection_type = 'HTTP', endpoint = '{here}', headers = 'X-Api-Key: hunter2\\nAuthorization: Key hunter2')"
    )).await;
    let asked = format!("SELECT COUNT(*) FROM READ('{here}/rows.parquet', connection => 'moved')");
    assert_eq!(files.one(&asked).await, ROWS.to_string());
    assert!(sends_on.requests().iter().all(|asked| asked.headers.contains(&"x-api-key".to_owned())));
    let there = other.requests();
    let is_secret = |name: &String| name == "x-api-key" || name == "authorization";
    assert!(!there.is_empty() && !there.iter().any(|asked| asked.headers.iter().any(is_secret)), "{there:?}");

    // One that sends its clients round in a circle.
    let round = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let circle = Chaos::start(&format!("http://{round}")).await.expect("started");
    circle.decide(|_| Fault::Answer("302 Found", "Location: /again\r\n", ""));
    let failed = files
        .failure(&format!(
            "CREATE CONNECTION circle OPTIONS (connection_type = 'HTTP', endpoint = '{}', headers = 'X-Api-Key: hunter2')",
            circle.endpoint
        ))
        .await;
    assert!(failed.contains("the server sends on and on"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_fail_are_asked_again() {
    let files = Files::new().await;
    let server = files.served(WebServerOptions::default()).await;
    let proxy = Chaos::start(&server.url).await.expect("started");
    let times = std::sync::atomic::AtomicUsize::new(0);
    proxy.decide(move |asked| {
        let time = times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        match (asked.has("GET "), time % 3) {
            (true, 0) => Fault::HangUp(20_000),
            (_, 1) => Fault::Answer("503 Service Unavailable", "", ""),
            _ => Fault::Pass,
        }
    });
    for format in ["csv", "parquet", "json"] {
        assert_eq!(files.one(&asking(&proxy.endpoint, format)).await, all(), "{format}");
    }
    // Without an ETag nothing tells that the rest would be of the same file: an error, and never fewer rows.
    let nameless = files.served(WebServerOptions { e_tags: false, ..WebServerOptions::default() }).await;
    let proxy = Chaos::start(&nameless.url).await.expect("started");
    proxy.decide(|asked| if asked.has("GET ") { Fault::HangUp(20_000) } else { Fault::Pass });
    let cut = files.failure(&asking(&proxy.endpoint, "csv")).await;
    assert!(cut.contains("error["), "{cut}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_replaced_is_read_anew() {
    let files = Files::new().await;
    for (ranges, e_tags) in [(true, true), (false, true)] {
        let server = files.served(WebServerOptions { ranges, e_tags, ..WebServerOptions::default() }).await;
        let path = files.folder.path().join("site/changing.csv");
        for n in [1, 22, 333] {
            fs::write(&path, format!("n\n{n}\n")).expect("written");
            assert_eq!(
                files.one(&format!("SELECT n FROM '{}/changing.csv'", server.url)).await,
                n.to_string()
            );
        }
    }
}

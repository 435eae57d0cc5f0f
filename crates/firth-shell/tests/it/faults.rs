//! Stores and networks that fail: the right rows come, or an error for a person; never fewer rows.

use std::io::Read as _;

use firth_testkit::{
    chaos::{Asked, Chaos, Fault},
    s3_server::S3Server,
};
use tempfile::TempDir;

use crate::{
    place::{Place, signal, until},
    session::TestSession,
};

/// A bucket with the numbers from 1 to 20,000, and a session that reads them through a proxy.
struct Lake {
    proxy: Chaos,
    session: TestSession,
    server: S3Server,
    _folder: TempDir,
}

const FORMATS: [&str; 3] = ["csv", "parquet", "avro"];

/// The requests that objects are read with.
fn reads(asked: &Asked) -> bool {
    asked.has("GET /lake/") && asked.has("/rows-")
}

/// The requests that lists of objects are made with.
fn lists(asked: &Asked) -> bool {
    asked.has("list-type=2")
}

fn connection(name: &str, endpoint: &str) -> String {
    format!(
        "CREATE CONNECTION {name} OPTIONS (
           connection_type = 'AWS', endpoint = '{endpoint}', region = 'us-east-1', path_style = TRUE,
           access_key_id = 'key', secret_access_key = 'secret')"
    )
}

impl Lake {
    async fn new(decide: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Lake {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("lake")).expect("a bucket");
        let server = S3Server::start(&root, "key", "secret").await.expect("started");
        let proxy = Chaos::start(&server.endpoint).await.expect("started");
        let home = folder.path().join("home");
        let mut script =
            format!("{}; {};", connection("direct", &server.endpoint), connection("lake", &proxy.endpoint));
        for format in FORMATS {
            let header = if format == "csv" { ", header = FALSE" } else { "" };
            script += &format!(
                "EXPORT DATA WITH CONNECTION direct OPTIONS (
                   uri = 's3://lake/{format}/rows-*.{format}', format = '{format}'{header})
                   AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS x;
                 CREATE EXTERNAL TABLE {format} (x INT64) WITH CONNECTION lake OPTIONS (
                   format = '{format}', uris = ['s3://lake/{format}/rows-*.{format}']);"
            );
        }
        TestSession::new(&home).run_script(&script).await.expect("made");
        proxy.decide(decide);
        // Another one, which has read nothing yet.
        let session = TestSession::new(&home);
        Lake { proxy, session, server, _folder: folder }
    }

    async fn read(&self, format: &str) -> Result<Vec<String>, String> {
        let sql = format!("SELECT COUNT(*), SUM(x) FROM {format}");
        let answer = self.session.execute(&sql).await.map_err(|failure| failure.to_string())?;
        Ok(answer.expect("rows").rows.into_iter().flatten().flatten().collect())
    }

    /// Changes options of the connection through the proxy.
    async fn alter(&self, options: &str) {
        let sql = format!("ALTER CONNECTION lake SET OPTIONS ({options}, validate = FALSE)");
        self.session.execute(&sql).await.expect("altered");
    }

    /// Every format has all of its rows, and something went wrong on the way.
    async fn reads_all(&self) {
        for format in FORMATS {
            let rows = self.read(format).await;
            assert_eq!(rows, Ok(vec!["20000".to_owned(), "200010000".to_owned()]), "{format}");
        }
    }

    /// Every format fails with these words, and a hint.
    async fn fails(&self, words: &str, hint: &str) {
        for format in FORMATS {
            let failure = self.read(format).await.expect_err("rows came in spite of the fault");
            assert!(failure.contains(words), "{format}: {failure}");
            assert!(failure.contains(hint), "{format}: {failure}");
            assert!(failure.contains(&format!("s3://lake/{format}/")), "{format}: {failure}");
            assert!(!failure.contains("internal"), "{format}: {failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_waited_out() {
    for status in ["429 Too Many Requests", "500 Internal Server Error", "503 Slow Down"] {
        let lake = Lake::new(move |asked| match asked.before {
            0 | 1 if lists(asked) || reads(asked) => Fault::Answer(status, "", "<Code>SlowDown</Code>"),
            _ => Fault::Pass,
        })
        .await;
        lake.reads_all().await;
        assert!(lake.proxy.requests("list-type=2") >= 3, "the list was asked for again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_end_within_a_body_are_resumed() {
    for fault in [Fault::HangUp(700), Fault::Reset(700), Fault::HangUp(0), Fault::Reset(0)] {
        let lake = Lake::new(move |asked| match reads(asked) && asked.before < 3 {
            true => fault,
            false => Fault::Pass,
        })
        .await;
        lake.reads_all().await;
        for format in FORMATS {
            assert!(lake.proxy.requests(&format!("GET /lake/{format}/rows-")) > 3, "{format} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_in_drips_is_whole() {
    let lake = Lake::new(|asked| if reads(asked) { Fault::Drip(101) } else { Fault::Pass }).await;
    lake.reads_all().await;
}

/// `Content-Length` agrees with what came, so that HTTP sees nothing wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_cut_on_its_way_is_never_fewer_rows() {
    let lake = Lake::new(|asked| if reads(asked) { Fault::CutShort(600) } else { Fault::Pass }).await;
    for format in FORMATS {
        match lake.read(format).await {
            // Asking again for what is missing brings it in the end, 600 bytes at a time.
            Ok(rows) => assert_eq!(rows, ["20000", "200010000"], "{format}"),
            Err(failure) => {
                assert!(failure.contains("hint: ") && !failure.contains("internal"), "{format}: {failure}");
                assert!(failure.contains("s3://lake/"), "{format}: {failure}");
            }
        }
        assert!(lake.proxy.requests(&format!("GET /lake/{format}/rows-")) > 0, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_cut_is_asked_for_again() {
    for fault in [Fault::HangUp(200), Fault::Reset(0), Fault::CutShort(200)] {
        let lake = Lake::new(move |asked| match lists(asked) && asked.before < 2 {
            true => fault,
            false => Fault::Pass,
        })
        .await;
        lake.reads_all().await;
        assert_eq!(lake.proxy.requests("list-type=2"), 3 * FORMATS.len(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_always_breaks_off_is_an_error() {
    let lake = Lake::new(|_| Fault::Pass).await;
    lake.alter("max_tries = 2").await;
    for fault in [Fault::HangUp(200), Fault::CutShort(200)] {
        lake.proxy.decide(move |asked| if lists(asked) { fault } else { Fault::Pass });
        lake.fails("error[", "hint: ").await;
        assert_eq!(lake.proxy.requests("list-type=2"), 2 * FORMATS.len(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_says_how_long_it_waits_and_how_often_it_asks() {
    let lake = Lake::new(|_| Fault::Pass).await;
    lake.alter("max_tries = 3").await;
    lake.proxy.decide(|asked| match lists(asked) {
        true => Fault::Answer("503 Slow Down", "", "<Code>SlowDown</Code>"),
        false => Fault::Pass,
    });
    lake.fails("error[", "hint: ").await;
    assert_eq!(lake.proxy.requests("list-type=2"), 3 * FORMATS.len());

    // A store that never answers is given up after a second, and asked once more.
    lake.alter("max_tries = 2, request_timeout = 1").await;
    lake.proxy.decide(|asked| if lists(asked) { Fault::Hang } else { Fault::Pass });
    for format in FORMATS {
        let failure = lake.read(format).await.expect_err("nothing answers");
        assert!(failure.contains("no answer in time"), "{failure}");
    }
    assert_eq!(lake.proxy.requests("list-type=2"), 2 * FORMATS.len());

    // After the total time nothing is asked again, whatever number of tries is left.
    lake.alter("max_tries = 9, request_timeout = 2, total_timeout = 1").await;
    lake.proxy.decide(|asked| if lists(asked) { Fault::Hang } else { Fault::Pass });
    for format in FORMATS {
        let failure = lake.read(format).await.expect_err("nothing answers");
        assert!(failure.contains("no answer in time"), "{failure}");
    }
    assert_eq!(lake.proxy.requests("list-type=2"), FORMATS.len());

    // One request at a time reads the same rows.
    lake.proxy.decide(|_| Fault::Pass);
    lake.alter("max_requests = 1, request_timeout = NULL, total_timeout = NULL").await;
    let rows = lake.session.execute("SELECT COUNT(*), SUM(a.x) FROM csv AS a JOIN parquet AS b ON a.x = b.x");
    let rows: Vec<String> =
        rows.await.expect("rows").expect("rows").rows.into_iter().flatten().flatten().collect();
    assert_eq!(rows, ["20000", "200010000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_to_do() {
    let body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
    let lake = Lake::new(move |asked| match reads(asked) {
        true => Fault::Answer("403 Forbidden", "", body),
        false => Fault::Pass,
    })
    .await;
    lake.fails("has expired", "ALTER CONNECTION").await;

    let body =
        "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>";
    let lake = Lake::new(move |asked| match lists(asked) {
        true => Fault::Answer("403 Forbidden", "", body),
        false => Fault::Pass,
    })
    .await;
    lake.fails("RequestTimeTooSkewed", "clock").await;

    let body =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-west-1'</Message></Error>";
    for (status, headers) in
        [("400 Bad Request", ""), ("301 Moved Permanently", "x-amz-bucket-region: eu-west-1\r\n")]
    {
        let lake = Lake::new(move |asked| match lists(asked) {
            true => Fault::Answer(status, headers, body),
            false => Fault::Pass,
        })
        .await;
        lake.fails("in another region", "\"region\"").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_a_wait_for_a_store() {
    let lake = Lake::new(|_| Fault::Pass).await;
    let hanging = Chaos::start(&lake.server.endpoint).await.expect("started");
    // CREATE CONNECTION asks, too, and gives up by itself.
    hanging.decide(|asked| if lists(asked) { Fault::Hang } else { Fault::Pass });
    let sql = format!(
        "{};
         CREATE EXTERNAL TABLE t (x INT64) WITH CONNECTION lake OPTIONS (
           format = 'CSV', uris = ['s3://lake/csv/rows-*.csv'])",
        connection("lake", &hanging.endpoint)
    );
    let ended = tokio::task::block_in_place(|| {
        let place = Place::new();
        let mut child = place.spawn(&["-c", &sql]);
        until("the request that hangs", || hanging.requests("list-type=2") > 0);
        signal(&child, "-INT");
        let code = child.wait().expect("ended").code();
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (code, said)
    });
    assert_eq!(ended.0, Some(130), "{}", ended.1);
    assert!(ended.1.starts_with("error[cancelled]"), "{}", ended.1);
}

//! Exports to the S3 server of the demo, which lists without ETags, and needs nothing installed.

use firth_testkit::s3_server::S3Server;

use crate::session::TestSession;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_read_back_from_a_server_that_lists_without_etags() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("lake")).expect("a bucket");
    let server = S3Server::start(&root, "key", "secret").await.expect("started");
    let session = TestSession::new(&folder.path().join("home"));
    let export = |rows: &str| {
        format!(
            "EXPORT DATA WITH CONNECTION lake OPTIONS (
               uri = 's3://lake/out/rows-*.csv', format = 'CSV', header = TRUE, overwrite = TRUE) AS SELECT x FROM UNNEST([{rows}]) AS x"
        )
    };
    let setup = format!(
        "CREATE CONNECTION lake OPTIONS (
           connection_type = 'AWS', endpoint = '{}', region = 'us-east-1', path_style = TRUE,
           access_key_id = 'key', secret_access_key = 'secret');
         {};
         CREATE EXTERNAL TABLE t (x INT64) WITH CONNECTION lake OPTIONS (
           format = 'CSV', uris = ['s3://lake/out/rows-*.csv'], skip_leading_rows = 1)",
        server.endpoint,
        export("1, 2, 3")
    );
    session.run_script(&setup).await.expect("exported");
    assert_eq!(numbers(&session).await, ["1", "2", "3"]);

    // And again, over what is there.
    session.run_script(&export("40, 50")).await.expect("exported again");
    assert_eq!(numbers(&session).await, ["40", "50"]);
}

async fn numbers(session: &TestSession) -> Vec<String> {
    let answer = session.execute("SELECT x FROM t ORDER BY x").await.expect("answered").expect("rows");
    answer.rows.into_iter().flatten().flatten().collect()
}

//! Random queries over Parquet files give the same rows however often what they read was read before, and the rows of the
//! tables that were written to these files.
//!
//! A session that keeps nothing reads each file anew; the other keeps columns from their second reading on. Files have row groups of a few
//! rows, so that filters of joins leave some of them whole, some in part, and some not at all.

use std::path::Path;

use firth_testkit::servers::Servers;

use crate::{
    random_queries::{Random, TABLES},
    scratch::{Schema, unique},
    session::{Answered, Failure, TestSession},
    tpch::same,
};

/// How many queries a push waits for; `FIRTH_RANDOM_QUERIES` asks as many.
const QUERIES: u64 = 80;

/// A session that has the files as `r.a` and `r.b`.
async fn over_files(folder: &Path, name: &str, cache: &str) -> TestSession {
    let session = TestSession::new(&folder.join(name));
    let files = folder.display();
    let script = format!(
        "SET cache_memory = '{cache}'; CREATE SCHEMA r;
         CREATE EXTERNAL TABLE r.a OPTIONS (format = 'PARQUET', uris = ['file://{files}/a-*.parquet']);
         CREATE EXTERNAL TABLE r.b OPTIONS (format = 'PARQUET', uris = ['file://{files}/b-*.parquet'])"
    );
    session.run_script(&script).await.expect("tables are made");
    session
}

fn rows(answer: Result<Option<Answered>, Failure>) -> Result<Answered, String> {
    answer.map(|answer| answer.expect("a query answers rows")).map_err(|failure| failure.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_read_again_have_the_same_rows() {
    let test = "files_that_are_read_again_have_the_same_rows";
    let Some(server) = Servers::from_env().require_postgres(test) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::create(&server, &unique("again"), TABLES, folder.path());
    let source = TestSession::new(&folder.path().join("source"));
    let files = folder.path().display();
    let script = format!(
        "CREATE CONNECTION us.shop OPTIONS (connection_type = 'POSTGRES', host = '{}', port = {}, database = '{}',
           user = '{}', password = '{}', sslrootcert = '{}');
         CREATE EXTERNAL SCHEMA r WITH CONNECTION us.shop OPTIONS (external_source = 'postgres://{}/{}');
         SET pushdown = 'off';
         EXPORT DATA OPTIONS (uri = 'file://{files}/a-*.parquet', format = 'PARQUET', row_group_size = 7)
           AS SELECT * FROM r.a ORDER BY id;
         EXPORT DATA OPTIONS (uri = 'file://{files}/b-*.parquet', format = 'PARQUET', row_group_size = 5)
           AS SELECT * FROM r.b ORDER BY id",
        server.host, server.port, server.database, server.user, server.password, server.ca, server.database, schema.name,
    );
    source.run_script(&script).await.expect("files are written");
    let cold = over_files(folder.path(), "cold", "1K").await;
    let warm = over_files(folder.path(), "warm", "64M").await;

    let (mut answered, mut found) = (0, 0);
    let asked = std::env::var("FIRTH_RANDOM_QUERIES").ok().and_then(|text| text.parse().ok());
    let count: u64 = asked.unwrap_or(QUERIES);
    for seed in 1..=count {
        let query = Random(seed).query();
        let first = rows(cold.execute(&query.sql).await);
        for time in 1..=3 {
            let again = rows(warm.execute(&query.sql).await);
            match (&first, &again) {
                (Ok(first), Ok(again)) => {
                    if let Err(difference) = same(first, again, query.ordered) {
                        panic!("seed {seed}, time {time}: {}\n{difference}", query.sql);
                    }
                }
                (first, again) => assert_eq!(
                    first.as_ref().err(),
                    again.as_ref().err(),
                    "seed {seed}, time {time}: {}",
                    query.sql
                ),
            }
        }
        let Ok(first) = first else { continue };
        answered += 1;
        found += u64::from(!first.rows.is_empty());
        let at_source = rows(source.execute(&query.sql).await)
            .unwrap_or_else(|failure| panic!("seed {seed}: {}\nfails at the source: {failure}", query.sql));
        if let Err(difference) = same(&at_source, &first, query.ordered) {
            panic!("seed {seed}: {}\nin files: {difference}", query.sql);
        }
    }
    assert!(answered * 10 > count * 9 && found * 2 > count, "{answered} answered, {found} found rows");
    let kept = rows(warm.execute("SHOW CACHES").await).expect("caches are shown").rows;
    let columns = kept.iter().find(|line| line[0].as_deref() == Some("columns")).expect("columns are kept");
    assert_ne!(columns[1].as_deref(), Some("0"), "{kept:?}");
    let kept = rows(cold.execute("SHOW CACHES").await).expect("caches are shown").rows;
    let columns = kept.iter().find(|line| line[0].as_deref() == Some("columns")).expect("columns are listed");
    let bytes: usize = columns[2].as_deref().and_then(|bytes| bytes.parse().ok()).expect("a number");
    assert!(bytes <= 1024, "{kept:?}");
}

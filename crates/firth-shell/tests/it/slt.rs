//! Every suite below `testdata/slt`, each in sessions of its own.
//!
//! Besides the servers' variables a file has `${FILES}` (the folder `testdata/files`), `${WORK}` (an
//! empty folder), `${PREFIX}` (a word for the names of objects in buckets; what bears it is deleted
//! afterwards) and, in the suites that have a `setup.sql`, `${SCHEMA}` (a schema of the PostgreSQL
//! server in which that script was run).

use std::{
    fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use firth_testkit::{servers::Servers, slt::Suite};
use futures::FutureExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as Key};

use crate::{
    scratch::{Schema, buckets, empty, unique},
    session::TestSession,
};

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");

/// How many files of a suite run at a time.
const JOBS: usize = 2;
/// The suites whose queries are asked three times, for what was read of files is kept in memory.
const ASKED_AGAIN: [&str; 4] = ["files", "native", "s3", "cross"];

/// Tables that other programs made, which the suites of stores read in their bucket.
const TABLES: &[&str] = &["delta/partitioned", "delta/vectors", "iceberg/deleted", "iceberg/partitioned"];

/// The bucket that a suite is about, if its server runs.
fn bucket_of(suite: &str, servers: &Servers) -> Option<Arc<dyn ObjectStore>> {
    match suite {
        "s3" => Some(Arc::new(servers.s3.as_ref()?.store().expect("a store"))),
        "azure" => Some(Arc::new(servers.azure.as_ref()?.store().expect("a store"))),
        "gcs" => Some(Arc::new(servers.gcs.as_ref()?.store().expect("a store"))),
        _ => None,
    }
}

/// Puts the tables below `prefix`, each with its folders.
async fn upload(bucket: &dyn ObjectStore, prefix: &str, files: &Path) {
    for table in TABLES {
        for file in files_below(&files.join(table)) {
            let name = file.strip_prefix(files).expect("it is below").to_str().expect("UTF-8");
            let key = Key::parse(format!("{prefix}/{name}")).expect("a key");
            let bytes = fs::read(&file).expect("a file");
            bucket.put(&key, bytes.into()).await.expect("put");
        }
    }
}

/// The files of a folder and of those in it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

async fn run(suite: &str) {
    let folder = Path::new(TESTDATA).canonicalize().expect("testdata is there");
    let work = tempfile::tempdir().expect("a folder");
    let prefix = unique("slt");
    let servers = Servers::from_env();
    let files = folder.join("slt").join(suite);
    let mut slt = Suite::below(&files)
        .with_variable("FILES", folder.join("files").display().to_string())
        .with_variable("WORK", work.path().display().to_string())
        .with_variable("PREFIX", &prefix);
    let script = fs::read_to_string(files.join("setup.sql")).ok();
    let schema = match (&servers.postgres, script) {
        (Some(server), Some(script)) => Some(Schema::create(server, &prefix, &script, &files)),
        _ => None,
    };
    if let Some(schema) = &schema {
        slt = slt.with_variable("SCHEMA", &schema.name);
    } else {
        // Files that need the server are skipped for its sake before anyone looks at the name.
        slt = slt.with_variable("SCHEMA", "none");
    }
    if let Some(bucket) = bucket_of(suite, &servers) {
        upload(bucket.as_ref(), &prefix, &folder.join("files")).await;
    }
    let homes = work.path().join("homes");
    let run = slt.run(JOBS, |file| {
        let home = homes.join(file.file_stem().expect("a file has a name"));
        let before = if ASKED_AGAIN.contains(&suite) { 2 } else { 0 };
        async move { Ok(TestSession::new(&home).having_asked(before)) }
    });
    let done = AssertUnwindSafe(run).catch_unwind().await;
    for bucket in buckets(&servers) {
        empty(bucket.as_ref(), &prefix).await;
    }
    if let Err(failed) = done {
        resume_unwind(failed);
    }
}

/// One test for each suite: its name and its folder.
macro_rules! suites {
    ($($name:ident: $folder:literal,)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            run($folder).await;
        }
    )+

        #[test]
        fn every_suite_runs() {
            let listed = [$($folder),+];
            for entry in fs::read_dir(Path::new(TESTDATA).join("slt")).expect("testdata/slt is there") {
                let entry = entry.expect("an entry");
                let name = entry.file_name();
                if !entry.path().is_dir() {
                    continue;
                }
                assert!(listed.iter().any(|folder| name == *folder), "no test runs testdata/slt/{name:?}");
            }
        }
    };
}

suites! {
    core: "core",
    files: "files",
    native: "native",
    s3: "s3",
    azure: "azure",
    gcs: "gcs",
    postgres: "postgres",
    postgres_writes: "postgres-writes",
    spanner_stub: "spanner-stub",
    cross: "cross",
}

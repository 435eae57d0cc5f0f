//! Places on the shared servers that one test has for itself, and takes away with it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use firth_testkit::servers::{Postgres, Servers};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as Key};

/// A word that no other test of this or another run has: lower-case letters and digits.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{what}_{:x}_{time:x}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Every bucket that there is.
pub(crate) fn buckets(servers: &Servers) -> Vec<Arc<dyn ObjectStore>> {
    let mut buckets: Vec<Arc<dyn ObjectStore>> = Vec::new();
    if let Some(s3) = &servers.s3 {
        buckets.push(Arc::new(s3.store().expect("a store")));
    }
    if let Some(azure) = &servers.azure {
        buckets.push(Arc::new(azure.store().expect("a store")));
    }
    if let Some(gcs) = &servers.gcs {
        buckets.push(Arc::new(gcs.store().expect("a store")));
    }
    buckets
}

/// Deletes every object below `prefix`.
pub(crate) async fn empty(bucket: &dyn ObjectStore, prefix: &str) {
    let prefix = Key::from(prefix);
    let found: Vec<_> = bucket.list(Some(&prefix)).try_collect().await.expect("listed");
    futures::stream::iter(found)
        .for_each_concurrent(4, |object| async move {
            // Another test's clean-up is not ours to fail over.
            let _ = bucket.delete(&object.location).await;
        })
        .await;
}

/// A schema of the test database, gone when this is dropped.
pub(crate) struct Schema {
    server: Postgres,
    /// Its name.
    pub(crate) name: String,
}

impl Schema {
    /// Makes the schema and runs `script` in it, `psql`'s own commands too, from `folder`.
    pub(crate) fn create(server: &Postgres, name: &str, script: &str, folder: &Path) -> Schema {
        let schema = Schema { server: server.clone(), name: name.to_owned() };
        schema.psql(&format!("CREATE SCHEMA {name}; SET search_path = {name};\n{script}"), folder);
        schema
    }

    /// What the database itself answers in this schema: a row a line, values between bars, NULL as `\N`.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let mut psql = self.command();
        psql.args(["-A", "-t", "-F", "|", "-P", "null=\\N"]);
        let answer = psql.args(["-c", &format!("SET search_path = {}", self.name), "-c", sql]).output();
        let answer = answer.expect("psql starts");
        assert!(answer.status.success(), "{sql}\n{}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).expect("it is in UTF-8")
    }

    fn psql(&self, script: &str, folder: &Path) {
        let mut psql = self.command();
        psql.args(["-f", "-"]).current_dir(folder);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("psql starts");
        child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("psql reads");
        assert!(child.wait().expect("psql ends").success(), "psql failed on the set-up of {}", self.name);
    }

    /// `psql`, about to connect.
    pub(crate) fn command(&self) -> Command {
        let server = &self.server;
        let mut psql = Command::new(&server.psql);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql.arg(format!(
            "host={} port={} user={} dbname={} sslmode=verify-full sslrootcert={}",
            server.host, server.port, server.user, server.database, server.ca
        ));
        psql.env("PGPASSWORD", &server.password).env("PGOPTIONS", "-c client_min_messages=warning");
        psql.env("PGCLIENTENCODING", "UTF8");
        psql
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.psql(&format!("DROP SCHEMA {} CASCADE;", self.name), Path::new("."));
    }
}

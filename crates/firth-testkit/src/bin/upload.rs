//! `upload s3|azure|gcs PREFIX FOLDER…`: the files of local folders into the bucket of a test server.
//!
//! The servers are those of the `FIRTH_TEST_…` variables.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use firth_testkit::servers::Servers;
use firth_testkit::upload::upload;
use object_store::ObjectStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [server, prefix, folders @ ..] = words.as_slice() else {
        return Err("usage: upload s3|azure|gcs PREFIX FOLDER…".into());
    };
    let servers = Servers::from_env();
    let missing = || format!("the server {server} does not run");
    let store: Arc<dyn ObjectStore> = match server.as_str() {
        "s3" => Arc::new(servers.s3.ok_or_else(missing)?.store()?),
        "azure" => Arc::new(servers.azure.ok_or_else(missing)?.store()?),
        "gcs" => Arc::new(servers.gcs.ok_or_else(missing)?.store()?),
        _ => return Err(format!("there is no object store {server:?}").into()),
    };
    for folder in folders {
        upload(Arc::clone(&store), Path::new(folder), prefix).await?;
    }
    Ok(())
}

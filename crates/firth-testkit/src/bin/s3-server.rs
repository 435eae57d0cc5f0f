//! `s3-server ROOT PORT [BUCKET…]`: an S3 server on 127.0.0.1 over a folder. Says `ready` when it is.
//!
//! The key comes in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`: other users can read a command line.

use std::env;
use std::error::Error;
use std::io::Write;
use std::path::Path;

use firth_testkit::s3_server::S3Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [root, port, buckets @ ..] = words.as_slice() else {
        return Err("usage: s3-server ROOT PORT [BUCKET…]".into());
    };
    let root = Path::new(root);
    for bucket in buckets {
        tokio::fs::create_dir_all(root.join(bucket)).await?;
    }
    let (access_key, secret_key) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_SECRET_ACCESS_KEY")?);
    let server = S3Server::start_on(port.parse()?, root, &access_key, &secret_key).await?;
    writeln!(std::io::stdout(), "ready {}", server.endpoint)?;
    server.wait().await;
    Ok(())
}

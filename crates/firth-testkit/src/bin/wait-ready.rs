//! `wait-ready`: makes the buckets of the running servers and waits until each takes a write.
//!
//! The servers are those of the `FIRTH_TEST_…` variables.

use std::time::Duration;

use firth_testkit::{ready, servers::Servers};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(ready::prepare(&Servers::from_env(), Duration::from_secs(60)).await?)
}

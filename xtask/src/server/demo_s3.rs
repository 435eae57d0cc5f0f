//! The S3 server of the demo: `s3-server` of `firth-testkit`, which every machine can run.

use std::process::Command;
use std::time::Duration;

use super::process::{self, Process, Stop};
use super::{Place, ServerSpec, Unavailable, Variables, ports, random_hex, with_attempts};

pub(super) const SERVER: ServerSpec =
    ServerSpec { name: "s3", doc: "Amazon S3, by s3s over a folder", start };

fn start(place: &Place) -> Result<Variables, Unavailable> {
    let access_key = format!("AKIA{}", random_hex(8)?.to_uppercase());
    let secret_key = random_hex(20)?;
    let port = with_attempts("s3", || {
        let [port] = ports::free()?;
        let mut command = Command::new(place.programs.join("s3-server"));
        command.env("AWS_ACCESS_KEY_ID", &access_key).env("AWS_SECRET_ACCESS_KEY", &secret_key);
        command.arg(place.state.join("s3/data")).args([&port.to_string(), "lake"]);
        let mut server = Process::start("s3", &place.state, Stop::TERM, &mut command)?;
        server.wait_until(Duration::from_secs(20), || process::accepts(port))?;
        Ok(port)
    })?;
    Ok(vec![
        ("S3_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("S3_BUCKET", "lake".to_string()),
        ("S3_REGION", "us-east-1".to_string()),
        ("S3_ACCESS_KEY_ID", access_key.clone()),
        ("S3_SECRET_ACCESS_KEY", secret_key.clone()),
        // It knows one key.
        ("S3_RO_ACCESS_KEY_ID", access_key),
        ("S3_RO_SECRET_ACCESS_KEY", secret_key),
    ])
}

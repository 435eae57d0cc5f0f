//! Azurite, Microsoft's emulator of Azure Blob Storage.

use std::process::Command;
use std::time::Duration;

use super::process::{self, Process, Stop};
use super::{Place, ServerSpec, Unavailable, Variables, install, ports, random_hex, with_attempts};

pub(super) const SERVER: ServerSpec =
    ServerSpec { name: "azure", doc: "Azure Blob Storage, by Azurite", start };

/// The newest that Node.js 20 runs; later ones want 22.
const PACKAGE: &str = "azurite@3.35.0";
const ACCOUNT: &str = "firthtest";

fn start(place: &Place) -> Result<Variables, Unavailable> {
    let program = install::npm_package(&place.tools, PACKAGE)?.join("node_modules/.bin/azurite-blob");
    let key = random_hex(48)?;
    let port = with_attempts("azure", || {
        let [port] = ports::free()?;
        let mut command = Command::new(&program);
        command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{key}"));
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--location"]);
        command.arg(place.state.join("azure/data"));
        // Telemetry is on by default; clients newer than it are refused by default.
        command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"]);
        let mut azurite = Process::start("azure", &place.state, Stop::TERM, &mut command)?;
        azurite.wait_until(Duration::from_secs(60), || process::accepts(port))?;
        Ok(port)
    })?;
    Ok(vec![
        ("AZURE_ENDPOINT", format!("http://127.0.0.1:{port}/{ACCOUNT}")),
        ("AZURE_ACCOUNT", ACCOUNT.to_string()),
        ("AZURE_ACCOUNT_KEY", key),
        ("AZURE_CONTAINER", "lake".to_string()),
    ])
}

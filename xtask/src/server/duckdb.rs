//! DuckDB with its ducklake extension, in a Python environment of its own: not a server, but another program that
//! reads what Firth writes.

use super::{Place, ServerSpec, Unavailable, Variables, install};

pub(super) const SERVER: ServerSpec =
    ServerSpec { name: "duckdb", doc: "DuckDB with its ducklake extension, in Python", start };

/// The packages, and their version: an extension fits one version of DuckDB.
const PACKAGES: [&str; 3] = ["duckdb", "duckdb-extension-ducklake", "duckdb-extension-sqlite-scanner"];
const VERSION: &str = "1.5.5";

fn start(place: &Place) -> Result<Variables, Unavailable> {
    let requirements: Vec<String> = PACKAGES.iter().map(|package| format!("{package}=={VERSION}")).collect();
    let folder =
        install::python_packages(&place.tools, &format!("duckdb-ducklake-{VERSION}"), &requirements)?;
    Ok(vec![("DUCKDB_PYTHON", folder.join("bin/python").display().to_string())])
}

//! The package for Debian and its kin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Release;
use crate::command::{self, run_quietly};
use crate::error::{Context, Result};

/// Packs the tree, and answers the file.
pub(super) fn pack(release: &Release, tree: &Path, out: &Path) -> Result<PathBuf> {
    command::find("dpkg-deb").ok_or("dpkg-deb is not installed; it writes the package (Debian: dpkg)")?;
    let root = out.join("deb");
    let control = root.join("DEBIAN");
    fs::create_dir_all(&control).context(control.display())?;
    // The tree itself, not a copy: the program is large.
    let usr = root.join("usr");
    fs::rename(tree, &usr).context(usr.display())?;
    let glibc = newest(&glibc_versions(&release.program)?);
    let bytes = fs::metadata(&release.program).context(release.program.display())?.len();
    let text = control_file(release, glibc, bytes);
    fs::write(control.join("control"), text).context(control.display())?;
    let file = out.join(format!("firth_{}_{}.deb", release.version, architecture(&release.target)?));
    let mut pack = Command::new("dpkg-deb");
    let level = if release.quickly { "-z1" } else { "-z9" };
    pack.args(["--root-owner-group", "-Zgzip", level, "--build"]).arg(&root).arg(&file);
    let packed = run_quietly(pack.env("SOURCE_DATE_EPOCH", &release.time));
    fs::rename(&usr, tree).context(tree.display())?;
    fs::remove_dir_all(&root).context(root.display())?;
    packed.map(|_| file)
}

/// Debian's word for a machine.
fn architecture(target: &str) -> Result<&'static str> {
    match target.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => Err(format!("Debian's name of the machine {target} is not known here")),
    }
}

fn control_file(release: &Release, glibc: Option<(u32, u32)>, bytes: u64) -> String {
    let version = &release.version;
    // Known only for what packs: an unknown machine has no package.
    let architecture = architecture(&release.target).unwrap_or("any");
    // A static program needs nothing. The certificates are those that TLS trusts.
    let needs = glibc.map_or_else(String::new, |(major, minor)| {
        format!("Depends: libc6 (>= {major}.{minor}), libgcc-s1\n")
    });
    format!(
        "Package: firth\nVersion: {version}\nArchitecture: {architecture}\n{needs}Recommends: ca-certificates\n\
         Section: database\nPriority: optional\nInstalled-Size: {size}\nMaintainer: The Firth authors <firth@localhost>\n\
         Description: one SQL query over data that lives apart\n \
         Firth reads files in S3, Azure Blob Storage and Google Cloud Storage, tables in\n \
         PostgreSQL and local files, with the statements of BigQuery.\n",
        size = bytes / 1024,
    )
}

/// The versions of the C library whose functions a program calls, a line each; nothing if it calls none.
fn glibc_versions(program: &Path) -> Result<String> {
    // Not a loop of ours: it would take longer than the packing where this is compiled without optimization.
    let found = Command::new("grep").args(["-aoE", "GLIBC_[0-9.]+"]).arg(program).output();
    Ok(String::from_utf8_lossy(&found.context("could not start grep")?.stdout).into_owned())
}

fn newest(versions: &str) -> Option<(u32, u32)> {
    let versions = versions.lines().filter_map(|version| {
        let mut numbers = version.strip_prefix("GLIBC_")?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_symbol_says_which_library_is_needed() {
        assert_eq!(newest("GLIBC_2.2.5\nGLIBC_2.34\nGLIBC_2.9\n"), Some((2, 34)));
        assert_eq!(newest(""), None, "it is static");
    }

    #[test]
    fn a_static_program_depends_on_nothing() {
        let release = Release {
            program: PathBuf::new(),
            version: "1.2.3".to_string(),
            target: "aarch64-unknown-linux-musl".to_string(),
            time: "0".to_string(),
            quickly: false,
        };
        let text = control_file(&release, None, 4096);
        assert!(text.contains("Version: 1.2.3\nArchitecture: arm64\nRecommends:"), "{text}");
        assert!(text.contains("Installed-Size: 4\n"), "{text}");
        assert!(control_file(&release, Some((2, 34)), 0).contains("Depends: libc6 (>= 2.34), libgcc-s1\n"));
    }
}

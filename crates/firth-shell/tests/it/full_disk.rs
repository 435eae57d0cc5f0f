//! A full disk, below each of the things that are written: told clearly, and nothing half-written stays.

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;

use crate::place::{Place, assert_is_clear, stderr};

fn place() -> Place {
    let place = Place::new();
    place.run("CREATE SCHEMA s");
    place
}

/// A file system of a few hundred kilobytes.
struct TinyDisk<'a>(&'a Path);

impl<'a> TinyDisk<'a> {
    /// `None`, with a line that says so, where file systems cannot be mounted.
    fn mount(folder: &'a Path, test: &str) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(folder).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        firth_testkit::servers::require(
            "root, who may mount a tmpfs",
            test,
            mounted.then_some(TinyDisk(folder)),
        )
    }

    /// Leaves no byte of room.
    fn fill(&self) {
        let mut size = 1 << 20;
        let mut count = 0;
        while size > 0 {
            count += 1;
            if fs::write(self.0.join(format!("fill-{count}")), vec![b'x'; size]).is_err() {
                size /= 2;
            }
        }
    }

    fn clear(&self) {
        for entry in fs::read_dir(self.0).expect("listed") {
            let path = entry.expect("listed").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fill-")) {
                fs::remove_file(path).expect("removed");
            }
        }
    }
}

impl Drop for TinyDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn disk_full_below_the_output() {
    let place = place();
    let folder = place.path().join("disk");
    let Some(_disk) = TinyDisk::mount(&folder, "disk_full_below_the_output") else { return };
    let numbers = "SELECT a FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS a";
    assert_snapshot!(place.refused_with(numbers, &["-o", "disk/out.csv"]), @"
    error[exhausted]: the disk is full while the result is written
     --> -c:1:1
    1 | SELECT a FROM UNNEST(GENERATE_ARRAY(1, 300000)) AS a
      | ^^^^^^
    hint: Free some space, or write to another place with `-o`.
    ");
    let uri = place.uri("disk/out-*.csv");
    let sql = format!("EXPORT DATA OPTIONS (\n  format = 'CSV', uri = '{uri}') AS\n{numbers}");
    assert_snapshot!(place.refused(&sql), @r#"
    error[exhausted]: the disk is full: could not write "file:///tmp/firth-folder/disk/out-000000000000.csv"
     --> -c:2:25
    2 |   format = 'CSV', uri = 'file:///tmp/firth-folder/disk/out-*.csv') AS
      |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    detail: No space left on device (os error 28)
    hint: Free some space, or write to another place.
    "#);
    let left: Vec<_> = fs::read_dir(place.path().join("disk")).expect("listed").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn disk_full_below_the_catalog() {
    let place = place();
    let folder = place.path().join("disk");
    let Some(disk) = TinyDisk::mount(&folder, "disk_full_below_the_catalog") else { return };
    let firth = |sql: &str| place.output(&["--home", "disk/firth", "-c", sql]);
    assert_eq!(firth("CREATE SCHEMA s").status.code(), Some(0));
    disk.fill();
    let output = firth("CREATE SCHEMA more");
    assert_eq!(output.status.code(), Some(1));
    let shown = stderr(&output);
    assert_is_clear(&shown);
    let shown = shown.replace(&place.path().display().to_string(), "/tmp/firth-folder");
    assert_snapshot!(shown, @r#"
    error[exhausted]: the catalog "disk/firth/catalog.db" could not be written: the disk is full
     --> -c:1:15
    1 | CREATE SCHEMA more
      |               ^^^^
    hint: Free some space and run the statement again. Nothing was changed.
    "#);
    disk.clear();
    let output = firth("SHOW SCHEMAS");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let schemas = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(schemas.contains("\ns,") && !schemas.contains("more"), "{schemas}");
}

#[test]
fn standard_output_full() {
    let place = place();
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Some(full) = firth_testkit::servers::require("/dev/full", "standard_output_full", full.ok()) else {
        return;
    };
    let output = place.command(&["-c", "SELECT 1 AS a"]).stdout(full).output().expect("started");
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(stderr(&output), @"
    error[exhausted]: the disk is full while the result is written
     --> -c:1:1
    1 | SELECT 1 AS a
      | ^^^^^^
    hint: Free some space, or write to another place with `-o`.
    ");
}

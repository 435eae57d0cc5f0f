//! Tables of Iceberg and Delta Lake of which a file is cut or missing: an error, or all their rows.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{session::TestSession, slt::files_below};

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/files");

fn copied(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(target.parent().expect("it has a folder")).expect("made");
        fs::copy(&file, &target).expect("copied");
    }
}

/// Every row of the table in `folder`, in a session that has read nothing before.
async fn rows(folder: &Path, format: &str, query: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let home = TempDir::new().expect("a folder");
    let session = TestSession::new(home.path());
    let uri = folder.display();
    let create = format!("CREATE EXTERNAL TABLE t OPTIONS (uris = ['file://{uri}'], {format})");
    session.execute(&create).await.map_err(|error| error.0)?;
    let answered = session.execute(query).await.map_err(|error| error.0)?;
    Ok(answered.expect("rows").rows)
}

/// Damages each file of a table in turn. Answers how many of them were missed.
async fn damaged(table: &str, format: &str, query: &str) -> usize {
    let source = Path::new(TABLES).join(table);
    let work = TempDir::new().expect("a folder");
    let folder = work.path().join("t");
    copied(&source, &folder);
    let whole = rows(&folder, format, query).await.expect("the table is whole");
    let mut missed = 0;
    for file in files_below(&folder) {
        let bytes = fs::read(&file).expect("read");
        for damage in ["cut", "gone"] {
            match damage {
                "cut" => fs::write(&file, &bytes[..bytes.len() / 2]).expect("cut"),
                _ => fs::remove_file(&file).expect("removed"),
            }
            match rows(&folder, format, query).await {
                // Files of older snapshots are not read.
                Ok(found) => assert_eq!(found, whole, "{} {damage}", file.display()),
                Err(report) => {
                    missed += 1;
                    assert!(!report.contains("panic") && !report.contains("internal"), "{report}");
                }
            }
            fs::write(&file, &bytes).expect("whole again");
        }
    }
    assert_eq!(rows(&folder, format, query).await, Ok(whole));
    missed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_iceberg_table_never_has_fewer_rows() {
    let query = "SELECT id, kind, part FROM t ORDER BY part, id";
    let missed = damaged("iceberg/deleted", "format = 'ICEBERG', allow_moved_paths = TRUE", query).await;
    // Metadata, the newest list, its manifests, the data files and the lists of deleted rows, each cut and gone.
    assert!(missed >= 2 * 14, "{missed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_delta_table_has_an_older_state_or_none() {
    // The last commit of a log is not missed by what is left of it.
    let source = Path::new(TABLES).join("delta/vectors");
    let work = TempDir::new().expect("a folder");
    let folder = work.path().join("t");
    copied(&source, &folder);
    let (format, query) = ("format = 'DELTA_LAKE'", "SELECT f, id FROM t ORDER BY f, id");
    let whole = rows(&folder, format, query).await.expect("the table is whole");
    for file in files_below(&folder) {
        let bytes = fs::read(&file).expect("read");
        fs::write(&file, &bytes[..bytes.len() / 2]).expect("cut");
        let found = rows(&folder, format, query).await;
        // Nothing of this file is read: all its rows are gone.
        if file.ends_with("d.parquet") {
            assert!(found.as_ref().is_err() || found.as_ref() == Ok(&whole));
        } else {
            assert!(found.is_err(), "{} is cut: {found:?}", file.display());
        }
        fs::write(&file, &bytes).expect("whole again");
    }
    fs::remove_file(folder.join("_delta_log/00000000000000000000.json")).expect("removed");
    let report = rows(&folder, format, query).await.expect_err("a version is missing");
    assert!(report.contains("lacks version 0"), "{report}");
}

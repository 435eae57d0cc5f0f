//! The files of a home: who may read them, what is in them, and what opening does to odd ones.

use std::fs;

use insta::assert_snapshot;

use super::*;
use crate::{DatasetName, DropBehavior};

/// Every file under the folder that holds `canary`.
fn holding(folder: &Path, canary: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    let holds = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).expect("readable");
        bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
    };
    entries.filter(holds).map(|path| path.display().to_string()).collect()
}

#[test]
fn no_plaintext_of_a_secret_is_in_any_file() {
    let home = folder();
    let catalog = opened(home.path());
    create(&catalog, &shop("c", "CANARY-password"), OnExisting::Fail).expect("made");
    let token = [("host", text("visible-host")), ("token", text("CANARY-token"))];
    create(&catalog, &definition("d", &token), OnExisting::Fail).expect("made");
    alter(&catalog, &read(&catalog, "c"), &[("password", text("CANARY-altered"))]).expect("altered");
    let error = create(&catalog, &shop("c", "CANARY-refused"), OnExisting::Fail).expect_err("exists");
    catalog.audit_failure(ANNA, "CREATE_CONNECTION", "us.c", &error).expect("recorded");
    catalog.drop_connection(ANNA, &name("c"), DropBehavior::Leave).expect("dropped");

    // The write-ahead log is still there while the catalog is open, and merged when it is closed.
    assert!(home.path().join("catalog.db-wal").exists());
    assert_eq!(holding(home.path(), "CANARY"), [""; 0]);
    assert_ne!(holding(home.path(), "visible-host"), [""; 0], "the search can find something");
    assert!(!format!("{:?} {catalog:?}", read(&catalog, "d")).contains("CANARY"));
    drop(catalog);
    assert_eq!(holding(home.path(), "CANARY"), [""; 0]);
    assert_ne!(holding(home.path(), "visible-host"), [""; 0], "the search can find something");
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = folder();
    let home = parent.path().join("new").join("home");
    let catalog = opened(&home);
    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    for file in ["catalog.db", "catalog.db-wal", "catalog.db-shm", "key"] {
        assert_eq!(mode(&home.join(file)), 0o600, "{file}");
    }
    let mut names: Vec<String> = fs::read_dir(&home)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["catalog.db", "catalog.db-shm", "catalog.db-wal", "key", "lock"],
        "nothing is left over"
    );
}

#[test]
fn an_empty_folder_becomes_a_durable_catalog_with_one_dataset() {
    let home = folder();
    let catalog = opened(home.path());
    let names: Vec<DatasetName> =
        catalog.datasets().expect("readable").into_iter().map(|dataset| dataset.name).collect();
    assert_eq!(names, [DatasetName::main()]);
    assert_eq!((catalog.connections().map(|all| all.len()), audit(&catalog)), (Ok(0), Vec::new()));
    let main = catalog.dataset(&DatasetName::main());
    assert_eq!(opened(home.path()).dataset(&DatasetName::main()), main, "opening again makes nothing new");

    let settings = catalog.read(|transaction| {
        let journal: String = transaction.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let synchronous: i64 = transaction.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok((journal, synchronous))
    });
    assert_eq!(settings, Ok(("wal".to_owned(), 2)), "2 is FULL");
}

#[test]
fn what_is_not_a_catalog_is_left_as_it_is() {
    let home = folder();
    let path = home.path().join("catalog.db");
    let refused = || {
        let before = fs::read(&path).expect("readable");
        let error = Catalog::open_with(home.path(), CatalogOptions::default()).expect_err("refused");
        assert!(fs::read(&path).expect("readable") == before, "the file was changed");
        rendered(&error, home.path())
    };
    fs::write(&path, "a shopping list, and a long one at that: ".repeat(200)).expect("written");
    assert_snapshot!(refused(), @r#"
    error[bad_data]: the catalog "HOME/catalog.db" is not a Firth catalog
    detail: file is not a database
    hint: Nothing was overwritten. Restore the file from a backup, or choose another folder with `--home`.
    "#);

    fs::remove_file(&path).expect("removed");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("CREATE TABLE recipes (name TEXT)").expect("valid");
    drop(other);
    assert_snapshot!(refused(), @r#"
    error[bad_data]: "HOME/catalog.db" is a database, but not a Firth catalog
    hint: Nothing was changed in it. Choose another folder with `--home`.
    "#);

    fs::remove_file(&path).expect("removed");
    drop(opened(home.path()));
    let newer = rusqlite::Connection::open(&path).expect("opens");
    newer.pragma_update(None, "user_version", 99).expect("valid");
    drop(newer);
    assert_snapshot!(refused(), @r#"
    error[unsupported]: the catalog "HOME/catalog.db" was written by a newer Firth
    detail: it has layout 99, and this Firth knows layouts up to 3
    hint: Use the newer Firth, or choose another folder with `--home`. Nothing was changed.
    "#);
}

#[test]
fn a_damaged_page_is_an_error_that_names_the_file() {
    let home = folder();
    let path = home.path().join("catalog.db");
    let catalog = opened(home.path());
    for number in 0..50 {
        create(&catalog, &shop(&format!("c{number}"), "p"), OnExisting::Fail).expect("made");
    }
    drop(catalog);
    let mut bytes = fs::read(&path).expect("readable");
    bytes[4096..].fill(0xA5);
    fs::write(&path, &bytes).expect("written");
    let opened = Catalog::open_with(home.path(), CatalogOptions::default());
    let error = opened.and_then(|catalog| catalog.connections()).expect_err("damaged");
    assert_snapshot!(rendered(&error, home.path()), @r#"
    error[bad_data]: the catalog "HOME/catalog.db" is damaged
    detail: database disk image is malformed
    hint: Nothing was overwritten. Restore the file from a backup, or choose another folder with `--home`.
    "#);
}

#[test]
fn a_home_that_cannot_be_made_is_named() {
    let home = folder();
    let file = home.path().join("file");
    fs::write(&file, "").expect("written");
    let error = Catalog::open_with(&file.join("home"), CatalogOptions::default()).expect_err("refused");
    assert_eq!(error.code().word(), "io");
    assert!(
        rendered(&error, home.path()).starts_with("error[io]: could not make the folder \"HOME/file/home\"")
    );
}

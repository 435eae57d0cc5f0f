//! Where the key comes from, and what is said when it does not fit.

use std::fs;

use insta::assert_snapshot;

use super::*;

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
}

#[test]
fn a_key_is_made_with_the_first_secret_and_not_before() {
    let home = folder();
    let key = home.path().join("key");
    let catalog = opened(home.path());
    create(&catalog, &definition("open", &[("host", text("h"))]), OnExisting::Fail).expect("made");
    assert_eq!(catalog.unseal(&read(&catalog, "open"), SPECS).map(|options| options.has_secret()), Ok(false));
    assert!(!key.exists(), "a connection without a secret needs no key");

    create(&catalog, &shop("c", "p"), OnExisting::Fail).expect("made");
    assert_eq!(fs::read(&key).expect("a key file").len(), 32);
    let before = fs::read(&key).expect("a key file");
    create(&catalog, &shop("d", "q"), OnExisting::Fail).expect("made");
    assert_eq!(fs::read(&key).expect("a key file"), before);
    assert_eq!(password(&opened(home.path()), "c"), Ok("p".to_owned()));
}

#[test]
fn a_missing_key_is_an_error_and_never_a_new_key() {
    let home = folder();
    let key = home.path().join("key");
    create(&opened(home.path()), &shop("c", "p"), OnExisting::Fail).expect("made");
    let bytes = fs::read(&key).expect("a key file");
    fs::remove_file(&key).expect("removed");

    let catalog = opened(home.path());
    assert_snapshot!(rendered(&password(&catalog, "c").expect_err("no key"), home.path()), @r#"
    error[not_found]: key file "HOME/key" is missing
    detail: the stored secrets in "HOME/catalog.db" open only with it; nothing in there was lost
    hint: Put the key file back where it was. If it is gone for good, choose another folder with `--home` and make the connections again.
    "#);
    let error = create(&catalog, &shop("d", "q"), OnExisting::Fail).expect_err("no key");
    assert_eq!(error.code().word(), "not_found");
    let error =
        create(&with_passphrase(home.path(), "x"), &shop("d", "q"), OnExisting::Fail).expect_err("no key");
    assert_eq!(error.code().word(), "not_found", "the source was chosen once");
    assert!(!key.exists());
    assert_eq!(
        catalog.connections().map(|all| all.len()),
        Ok(1),
        "the rest still works, and nothing was added"
    );

    fs::write(&key, bytes).expect("written");
    #[cfg(unix)]
    set_mode(&key, 0o600);
    assert_eq!(password(&catalog, "c"), Ok("p".to_owned()), "nothing was lost");
}

#[test]
fn another_key_is_told_from_the_right_one() {
    let home = folder();
    let key = home.path().join("key");
    create(&opened(home.path()), &shop("c", "p"), OnExisting::Fail).expect("made");
    let bytes = fs::read(&key).expect("a key file");

    fs::write(&key, [7; 32]).expect("written");
    let catalog = opened(home.path());
    assert_snapshot!(rendered(&password(&catalog, "c").expect_err("wrong key"), home.path()), @r#"
    error[unauthenticated]: key file "HOME/key" does not open this catalog's secrets
    detail: it is not the key that "HOME/catalog.db" was sealed with; nothing was changed
    hint: Put back the key file that belongs to this folder.
    "#);
    assert!(create(&catalog, &shop("d", "q"), OnExisting::Fail).is_err(), "nothing is sealed with it either");
    for length in [0, 31, 33] {
        fs::write(&key, vec![7; length]).expect("written");
        let error = password(&catalog, "c").expect_err("not a key");
        assert_eq!(error.detail_text(), Some(format!("it holds {length} bytes instead of 32").as_str()));
    }
    fs::write(&key, bytes).expect("written");
    assert_eq!(password(&catalog, "c"), Ok("p".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    let home = folder();
    let key = home.path().join("key");
    create(&opened(home.path()), &shop("c", "p"), OnExisting::Fail).expect("made");
    set_mode(&key, 0o644);
    let error = password(&opened(home.path()), "c").expect_err("refused");
    assert_snapshot!(rendered(&error, home.path()), @r#"
    error[permission_denied]: key file "HOME/key" is open to other users
    detail: its mode is 0644, and must be 0600
    hint: Run `chmod 600 HOME/key`.
    "#);
    for mode in [0o600, 0o400] {
        set_mode(&key, mode);
        assert_eq!(password(&opened(home.path()), "c"), Ok("p".to_owned()));
    }
}

#[test]
fn a_passphrase_is_asked_for_ever_after() {
    let home = folder();
    create(&with_passphrase(home.path(), "correct horse"), &shop("c", "p"), OnExisting::Fail).expect("made");
    assert!(!home.path().join("key").exists());
    let again = with_passphrase(home.path(), "correct horse");
    assert_eq!(password(&again, "c"), Ok("p".to_owned()));
    create(&again, &shop("d", "q"), OnExisting::Fail).expect("made");

    let wrong = with_passphrase(home.path(), "wrong horse");
    assert_snapshot!(rendered(&password(&wrong, "c").expect_err("wrong"), home.path()), @r#"
    error[unauthenticated]: the passphrase does not open the secrets in "HOME/catalog.db"
    hint: Set FIRTH_PASSPHRASE to the passphrase that was set when the first secret was stored.
    "#);
    let error = create(&wrong, &shop("e", "r"), OnExisting::Fail).expect_err("wrong");
    assert_eq!(error.code().word(), "unauthenticated");
    assert_snapshot!(rendered(&password(&opened(home.path()), "c").expect_err("none"), home.path()), @r#"
    error[unauthenticated]: the secrets in "HOME/catalog.db" need a passphrase
    hint: Set FIRTH_PASSPHRASE to the passphrase that was set when the first secret was stored.
    "#);
    let empty = with_passphrase(home.path(), "");
    assert_eq!(password(&empty, "c"), password(&opened(home.path()), "c"), "the empty passphrase is none");
    assert!(!home.path().join("key").exists());
    assert_eq!(password(&again, "d"), Ok("q".to_owned()));
}

#[test]
fn a_first_secret_that_fails_to_be_stored_chooses_no_key() {
    let home = folder();
    let catalog = with_passphrase(home.path(), "one");
    let uuid = Uuid::new_v4();
    catalog
        .create_connection(ANNA, &definition("a", &[("host", text("h"))]), uuid, OnExisting::Fail)
        .expect("made");
    let record = read(&catalog, "a");
    alter(&catalog, &record, &[("tls", GivenValue::Bool(true))]).expect("altered");
    let error = alter(&catalog, &record, &[("password", text("p"))]).expect_err("stale");
    assert_eq!(error.code().word(), "conflict");

    // So the next one may choose, and both handles use what was chosen.
    create(&opened(home.path()), &shop("c", "p"), OnExisting::Fail).expect("made");
    assert_eq!(password(&catalog, "c"), Ok("p".to_owned()));
    assert!(home.path().join("key").exists());
}

#[test]
fn a_sealed_secret_opens_in_its_own_place_only() {
    let home = folder();
    let catalog = opened(home.path());
    create(&catalog, &shop("c", "mine"), OnExisting::Fail).expect("made");
    create(&catalog, &shop("d", "yours"), OnExisting::Fail).expect("made");
    let vandalise = |statement: &str| {
        let connection = rusqlite::Connection::open(home.path().join("catalog.db")).expect("opens");
        assert!(connection.execute(statement, []).expect("valid") > 0, "{statement}");
    };
    let unopened = || {
        let error = password(&catalog, "c").expect_err("does not open");
        assert_eq!(error.code().word(), "bad_data");
        error
    };

    vandalise(r#"UPDATE connections SET options = '{"host":"evil.example"}'"#);
    assert_snapshot!(rendered(&unopened(), home.path()), @r#"
    error[bad_data]: the stored secret "password" of connection us.c does not belong to it
    detail: the connection's endpoint, or the secret, was changed by something other than Firth
    hint: Make the connection again with `CREATE OR REPLACE CONNECTION`, and give the secret.
    "#);
    vandalise(r#"UPDATE connections SET options = '{"host":"db.internal","port":1}'"#);
    unopened();
    vandalise(r#"UPDATE connections SET options = '{"host":"db.internal","tls":false}'"#);
    assert_eq!(password(&catalog, "c"), Ok("mine".to_owned()), "tls is no endpoint option here");

    for (change, back) in [
        ("UPDATE connections SET version = 2", "UPDATE connections SET version = 1"),
        ("UPDATE connections SET connection_type = 'T'", "UPDATE connections SET connection_type = 'TEST'"),
        (
            "UPDATE connections SET when_option = 'a', when_value = 'b'",
            "UPDATE connections SET when_option = NULL, when_value = NULL",
        ),
        ("UPDATE secrets SET option = 'token'", "UPDATE secrets SET option = 'password'"),
    ] {
        vandalise(change);
        assert!(catalog.unseal(&read(&catalog, "c"), SPECS).is_err(), "{change}");
        vandalise(back);
        assert_eq!(password(&catalog, "c"), Ok("mine".to_owned()), "{back}");
    }
    vandalise(
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets AS other WHERE other.connection <> secrets.connection)",
    );
    unopened();
}

#[test]
fn an_unreasonable_derivation_is_refused_before_it_takes_the_memory() {
    let home = folder();
    create(&with_passphrase(home.path(), "x"), &shop("c", "p"), OnExisting::Fail).expect("made");
    let connection = rusqlite::Connection::open(home.path().join("catalog.db")).expect("opens");
    connection.execute("UPDATE sealing_key SET memory_kib = 4000000000", []).expect("valid");
    let error = password(&with_passphrase(home.path(), "x"), "c").expect_err("refused");
    assert_eq!(error.detail_text(), Some("its cost is beyond all reason"));
}

//! The sealing key in the operating system's keyring, when the user asks for it.

use std::process::Output;

use firth_testkit::servers::Servers;
use insta::assert_snapshot;

use crate::{
    canary::{Written, canary},
    place::{Place, stderr},
};

/// A connection with a secret, which needs no server.
fn create(name: &str, secret: &str) -> String {
    format!(
        "CREATE CONNECTION {name} OPTIONS (connection_type = 'POSTGRES', host = '127.0.0.1', port = 1, database = 'd',
           user = 'u', password = '{secret}', validate = false)"
    )
}

fn run(place: &Place, bus: &str, source: Option<&str>, sql: &str) -> Output {
    let mut command = place.command(&["-c", sql]);
    command.env("DBUS_SESSION_BUS_ADDRESS", bus).envs(source.map(|word| ("FIRTH_KEY_SOURCE", word)));
    command.output().expect("started")
}

#[test]
fn a_key_in_the_keyring_opens_the_secrets_ever_after() {
    let test = "a_key_in_the_keyring_opens_the_secrets_ever_after";
    let Some(keyring) = Servers::from_env().require_keyring(test) else { return };
    let (place, secret) = (Place::new(), canary("keyring"));
    let made = run(&place, &keyring.bus, Some("keyring"), &create("c", &secret));
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    assert!(!place.path().join("home/key").exists(), "no key file is made");
    let mut written = Written::default();
    written.home(&place);
    written.assert_without(std::slice::from_ref(&secret));

    // The source was recorded: nobody has to ask again. A server that is not there is only asked once
    // the password is open.
    let checked = run(&place, &keyring.bus, None, "CHECK CONNECTION c");
    assert!(stderr(&checked).starts_with("error[unreachable]: "), "{}", stderr(&checked));
    assert!(stderr(&checked).contains("127.0.0.1"), "{}", stderr(&checked));
    let second = run(&place, &keyring.bus, Some("file"), &create("d", &secret));
    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    assert!(!place.path().join("home/key").exists(), "a catalog keeps the source it began with");

    // A home may move: the entry does not hang on its path.
    let (home, moved) = (place.path().join("home"), place.path().join("moved"));
    std::fs::rename(&home, &moved).expect("moved");
    let mut command = place.command(&["--home", "moved", "-c", "CHECK CONNECTION d"]);
    let there = command.env("DBUS_SESSION_BUS_ADDRESS", &keyring.bus).output().expect("started");
    assert!(stderr(&there).contains("127.0.0.1"), "{}", stderr(&there));
    std::fs::rename(&moved, &home).expect("moved back");

    // Without the keyring nothing opens, nothing is made anew, and nothing is lost.
    let without = run(&place, "unix:abstract=firth-nobody-listens", None, "SELECT 1");
    assert_eq!(without.status.code(), Some(0), "a statement without secrets needs no keyring");
    let without = run(&place, "unix:abstract=firth-nobody-listens", None, "CHECK CONNECTION c");
    assert!(
        stderr(&without).starts_with("error[unreachable]: the operating system's keyring cannot be used\n"),
        "{}",
        stderr(&without)
    );
    let again = run(&place, &keyring.bus, None, "CHECK CONNECTION c");
    assert!(stderr(&again).contains("127.0.0.1"), "{}", stderr(&again));
}

#[test]
fn an_unknown_source_is_refused_before_anything_is_made() {
    let place = Place::new();
    let refused = run(&place, "", Some("vault"), &create("c", "p"));
    assert_eq!(refused.status.code(), Some(1));
    assert_snapshot!(stderr(&refused), @r#"
    error[invalid]: FIRTH_KEY_SOURCE is "vault", which is no source of a key
     --> -c:1:1
    1 | CREATE CONNECTION c OPTIONS (connection_type = 'POSTGRES', host = '127.0.0.1', port = 1, database = 'd',
      | ^^^^^^
    hint: Set it to file, passphrase or keyring, or unset it.
    "#);
    assert!(!place.path().join("home/key").exists());
}

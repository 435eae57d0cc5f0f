//! Which options fit together, and how uris read.

use super::*;
use crate::object_store::test_options::{Given, options, refusal};

fn azure(given: &[Given<'_>]) -> Azure {
    Azure::try_new(&options(&CONNECTION_TYPE, given)).expect("valid")
}

fn refused(given: &[Given<'_>]) -> String {
    refusal(Azure::try_new(&options(&CONNECTION_TYPE, given)))
}

#[test]
fn one_credential_is_enough() {
    assert_eq!(
        refused(&[("account", "a".into()), ("account_key", "aGk=".into()), ("sas_token", "sig=x".into())]),
        "options \"account_key\" and \"sas_token\" exclude each other"
    );
    assert_eq!(
        refused(&[("account", "a".into()), ("anonymous", true.into()), ("sas_token", "sig=x".into())]),
        "an anonymous AZURE connection has option \"sas_token\""
    );
    assert_eq!(refused(&[("account_key", "aGk=".into())]), "option \"account\" is missing");
    assert_eq!(
        refused(&[("account", "a".into()), ("connection_string", "AccountName=b;AccountKey=aGk=".into())]),
        "option \"connection_string\" is of another account than \"a\""
    );
    assert_eq!(
        refused(&[("account", "a.blob.core.windows.net".into())]),
        "\"a.blob.core.windows.net\" is not the name of a storage account"
    );
}

#[test]
fn malformed_credentials_are_refused_without_quoting_them() {
    assert_eq!(
        refused(&[("account", "a".into()), ("account_key", "hunter2!".into())]),
        "the account key in option \"account_key\" is not base64"
    );
    assert_eq!(
        refused(&[("account", "a".into()), ("sas_token", "hunter2".into())]),
        "option \"sas_token\" has no shared access signature"
    );
    assert_eq!(
        refused(&[("connection_string", "AccountName=a;AccountKey=hunter2!".into())]),
        "the account key in option \"connection_string\" is not base64"
    );
}

#[test]
fn a_signature_comes_with_or_without_its_question_mark() {
    let credential = |token: &str| azure(&[("account", "a".into()), ("sas_token", token.into())]).credential;
    assert_eq!(credential("?sv=1&sig=x%3D"), credential("sv=1&sig=x%3D"));
    assert_eq!(credential("sv=1&sig=x%3D"), Credential::Sas(Secret::new("sv=1&sig=x%3D")));
}

#[test]
fn only_a_service_signature_is_bound_to_one_container() {
    let bound =
        |token: &str| azure(&[("account", "a".into()), ("sas_token", token.into())]).is_bound_to_one_bucket();
    assert!(bound("sv=1&sr=c&sig=x"));
    assert!(!bound("sv=1&ss=b&srt=co&sig=x"));
}

#[test]
fn an_endpoint_by_address_has_the_account_in_its_path() {
    let place = |endpoint: &str| {
        azure(&[("account", "a".into()), ("account_key", "aGk=".into()), ("endpoint", endpoint.into())])
            .place()
    };
    assert_eq!(place("http://127.0.0.1:10000"), "http://127.0.0.1:10000/a");
    assert_eq!(place("http://127.0.0.1:10000/a/"), "http://127.0.0.1:10000/a");
    assert_eq!(place("https://a.blob.core.usgovcloudapi.net"), "https://a.blob.core.usgovcloudapi.net");
    assert_eq!(azure(&[("account", "a".into())]).place(), "https://a.blob.core.windows.net");
}

#[test]
fn uris_of_all_schemes_lead_to_one_place() {
    let azure = azure(&[("account", "a".into()), ("anonymous", true.into())]);
    let expected = ObjectLocation { bucket: "lake".to_owned(), key: "x y/*.csv".to_owned() };
    for uri in [
        "azure://a.blob.core.windows.net/lake/x y/*.csv",
        "azure://A.dfs.core.windows.net/lake//x y/*.csv",
        "az://lake/x y/*.csv",
        "abfss://lake@a.dfs.core.windows.net/x y/*.csv",
    ] {
        assert_eq!(azure.locate(uri).expect("valid"), expected, "{uri}");
    }
    let back = azure.uri("lake", &Path::parse("x y/%41").expect("a path"));
    assert_eq!(back, "azure://a.blob.core.windows.net/lake/x y/%41");
    assert_eq!(azure.locate(&back).expect("valid").key, "x y/%41");
}

#[test]
fn uris_of_other_accounts_are_refused() {
    let azure = azure(&[("account", "a".into()), ("anonymous", true.into())]);
    let refused = |uri: &str| refusal(azure.locate(uri));
    assert_eq!(
        refused("azure://b.blob.core.windows.net/lake/x"),
        "uri \"azure://b.blob.core.windows.net/lake/x\" is in account \"b\", the connection in \"a\""
    );
    assert_eq!(refused("azure://lake/x"), "uri \"azure://lake/x\" names no storage account");
    assert_eq!(refused("abfss://lake/x"), "uri \"abfss://lake/x\" names no container");
    assert_eq!(
        refused("azure://a.blob.core.windows.net/"),
        "uri \"azure://a.blob.core.windows.net/\" names no bucket"
    );
}

#[test]
fn debug_shows_no_secret() {
    let connection = "AccountName=a;AccountKey=aHVudGVyMg==";
    let shown = format!("{:?}", azure(&[("connection_string", connection.into())]));
    assert!(!shown.contains("aHVudGVyMg"), "{shown}");
}

//! Getting in, and what is said when that fails.

use super::support::Place;

async fn checked(place: &Place, changed: &[(&str, &str)]) -> String {
    match place.open(changed).expect("valid options").check().await {
        Ok(report) => {
            assert!(report.server_version.starts_with("PostgreSQL "), "{}", report.server_version);
            assert!(!report.latency.is_zero());
            let identity = report.identity.replace(&place.name, "ROLE");
            format!("{}, {identity}\n{}", report.tls, report.warnings.join("\n"))
        }
        Err(error) => place.shown(&error),
    }
}

#[tokio::test]
async fn every_tls_mode_says_what_it_proves() {
    let Some(place) = Place::new("tls_modes").await else { return };
    let mismatched = place.server.mismatched_host.as_str();
    insta::assert_snapshot!(checked(&place, &[]).await, @"TLSv1.3, ROLE");
    insta::assert_snapshot!(checked(&place, &[("sslmode", "verify-ca"), ("host", mismatched)]).await, @r"
    TLSv1.3, ROLE
    sslmode = 'verify-ca' does not look at the name in the server's certificate.
    ");
    insta::assert_snapshot!(checked(&place, &[("sslmode", "require"), ("sslrootcert", "")]).await, @r"
    TLSv1.3, ROLE
    sslmode = 'require' takes any certificate: whoever answers could be someone else.
    ");
    insta::assert_snapshot!(checked(&place, &[("sslmode", "disable"), ("sslrootcert", "")]).await, @r"
    none, ROLE
    sslmode = 'disable': everything but the password crosses the network in the clear.
    ");
    insta::assert_snapshot!(checked(&place, &[("host", "localhost")]).await, @"TLSv1.3, ROLE");
}

#[tokio::test]
async fn a_server_that_is_not_proven_is_refused() {
    let Some(place) = Place::new("tls_refused").await else { return };
    let (other_ca, mismatched) = (place.server.other_ca.as_str(), place.server.mismatched_host.as_str());
    insta::assert_snapshot!(checked(&place, &[("host", mismatched)]).await, @r#"
    error[unreachable]: the certificate of 127.0.0.2:PORT cannot be trusted
    detail: it is not made out to "127.0.0.2"
    hint: Set host to a name or address that the certificate carries. sslmode = 'verify-ca' does not look at the name.
    "#);
    insta::assert_snapshot!(checked(&place, &[("sslrootcert", other_ca)]).await, @r#"
    error[unreachable]: the certificate of 127.0.0.1:PORT cannot be trusted
    detail: no trusted authority has signed it
    hint: "OTHER_CA" does not hold its authority.
    "#);
    insta::assert_snapshot!(
        checked(&place, &[("sslmode", "verify-ca"), ("sslrootcert", other_ca)]).await, @r#"
    error[unreachable]: the certificate of 127.0.0.1:PORT cannot be trusted
    detail: no trusted authority has signed it
    hint: "OTHER_CA" does not hold its authority.
    "#);
    insta::assert_snapshot!(checked(&place, &[("sslrootcert", "/nowhere/ca.crt")]).await, @r#"
    error[io]: could not read sslrootcert file "/nowhere/ca.crt"
    detail: No such file or directory (os error 2)
    "#);
}

#[tokio::test]
async fn no_password_goes_out_in_the_clear() {
    let Some(place) = Place::new("in_the_clear").await else { return };
    let server = &place.server;
    let plain = [("sslmode", "disable"), ("sslrootcert", "")];
    let with = |more: &[(&'static str, &str)]| {
        let more: Vec<(&str, String)> =
            more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let place = &place;
        async move {
            let all: Vec<(&str, &str)> =
                plain.into_iter().chain(more.iter().map(|(name, value)| (*name, value.as_str()))).collect();
            checked(place, &all).await
        }
    };
    insta::assert_snapshot!(with(&[("database", &server.legacy_database)]).await, @r"
    error[unauthenticated]: the password is not sent to 127.0.0.1:PORT in the clear
    detail: the server asked for the password itself on a connection without TLS
    hint: Leave out sslmode = 'disable', or let the server ask by scram-sha-256.
    ");
    let md5 = [
        ("database", server.legacy_database.as_str()),
        ("user", &server.md5_user),
        ("password", &server.password),
    ];
    insta::assert_snapshot!(with(&md5).await, @r"
    error[unauthenticated]: the password is not sent to 127.0.0.1:PORT in the clear
    detail: the server asked for the password as an MD5 hash on a connection without TLS
    hint: Leave out sslmode = 'disable', or let the server ask by scram-sha-256.
    ");
    insta::assert_snapshot!(with(&[("database", &server.database)]).await, @r#"
    error[unauthenticated]: 127.0.0.1:PORT does not let "ROLE" into database "app"
    detail: PostgreSQL says: "pg_hba.conf rejects connection for host \"127.0.0.1\", user \"ROLE\", database \"app\", no encryption" (SQLSTATE 28000)
    hint: The server may accept this only with TLS: leave out sslmode = 'disable'.
    "#);
}

#[tokio::test]
async fn what_keeps_us_out_is_named() {
    let Some(place) = Place::new("kept_out").await else { return };
    insta::assert_snapshot!(checked(&place, &[("password", "wrong")]).await, @r#"
    error[unauthenticated]: 127.0.0.1:PORT does not accept the password of "ROLE"
    detail: PostgreSQL says: "password authentication failed for user \"ROLE\"" (SQLSTATE 28P01)
    hint: Check options user and password.
    "#);
    insta::assert_snapshot!(checked(&place, &[("password", "")]).await, @r"
    error[unauthenticated]: the server at 127.0.0.1:PORT asks for a password
    hint: Add `password = …` to the connection.
    ");
    insta::assert_snapshot!(checked(&place, &[("database", "nowhere")]).await, @r#"
    error[not_found]: 127.0.0.1:PORT has no database "nowhere"
    detail: PostgreSQL says: "database \"nowhere\" does not exist" (SQLSTATE 3D000)
    hint: Check option database.
    "#);
    insta::assert_snapshot!(checked(&place, &[("port", "1")]).await, @r"
    error[unreachable]: could not reach the PostgreSQL server at 127.0.0.1:1
    detail: Connection refused (os error 111)
    hint: Check host and port, that the server runs, and that no firewall is in between.
    ");
    let unknown = checked(&place, &[("host", "no-such-host.invalid")]).await;
    assert!(unknown.contains("the name \"no-such-host.invalid\" has no address"), "{unknown}");
}

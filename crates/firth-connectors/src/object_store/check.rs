//! CHECK CONNECTION for a cloud: one request that no permission is needed for.
//!
//! A connection knows no bucket. So it asks for an object of a bucket that cannot exist: "there is no
//! such bucket" is said only to those whose signature was found good, and costs nothing.

use std::time::Instant;

use firth_connector::{CheckReport, object_error};
use firth_diagnostic::{Code, Result};
use object_store::{ObjectStoreExt, path::Path};
use uuid::Uuid;

use super::cloud::Cloud;
use crate::http_client::{client::Patience, limits::Limits};

/// Proves that the cloud can be reached and, as far as it says, that it accepts the credential.
pub(super) async fn check(cloud: &dyn Cloud, limits: Limits) -> Result<CheckReport> {
    let name = format!("firth-check-{}", Uuid::new_v4().simple());
    let bucket = cloud.bucket(&name, Patience::OneTry(limits))?;
    let path = Path::from("check");
    let began = Instant::now();
    let answer = bucket.store.get(&path).await;
    let mut report = CheckReport {
        latency: began.elapsed(),
        server_version: String::new(),
        tls: "TLS".to_owned(),
        identity: cloud.identity(),
        warnings: Vec::new(),
    };
    if let Some(endpoint) = cloud.endpoint().filter(|endpoint| endpoint.is_plain_http()) {
        report.tls = "none".to_owned();
        if !endpoint.is_loopback() {
            report.warnings.push(
                "The endpoint is plain http: rows and signatures can be read by everybody on the way there."
                    .to_owned(),
            );
        }
    }
    let Err(error) = answer else { return Ok(report) };
    let error = object_error(error, &cloud.place());
    match error.code() {
        Code::NotFound => {}
        Code::PermissionDenied => report.warnings.push(format!(
            "The server can be reached, but does not say whether it accepts the credential: {error}."
        )),
        Code::Unauthenticated if cloud.is_bound_to_one_bucket() => report.warnings.push(
            "The server can be reached; the token is for one container only, so that it is not known yet whether \
             it is accepted there."
                .to_owned(),
        ),
        _ => return Err(error),
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use firth_connector::ConnectionType;

    use super::*;
    use crate::object_store::{
        aws, azure, google,
        test_options::{Given, default_limits, options},
    };

    /// An endpoint of this machine at which nobody listens.
    fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    }

    fn all(endpoint: &str) -> Vec<Box<dyn Cloud>> {
        fn given<'a>(
            kind: &ConnectionType,
            more: &[Given<'a>],
            endpoint: &'a str,
        ) -> firth_connector::Options {
            let mut given = vec![("endpoint", endpoint.into()), ("anonymous", true.into())];
            given.extend_from_slice(more);
            options(kind, &given)
        }
        let aws = given(&aws::CONNECTION_TYPE, &[], endpoint);
        let azure = given(&azure::CONNECTION_TYPE, &[("account", "a".into())], endpoint);
        let google = given(&google::CONNECTION_TYPE, &[], endpoint);
        vec![
            Box::new(aws::S3::try_new(&aws).expect("valid")),
            Box::new(azure::Azure::try_new(&azure).expect("valid")),
            Box::new(google::Google::try_new(&google).expect("valid")),
        ]
    }

    #[tokio::test]
    async fn a_closed_port_is_unreachable_and_named() {
        let endpoint = closed();
        let host = endpoint.trim_start_matches("http://");
        for cloud in all(&endpoint) {
            let error = check(&*cloud, default_limits()).await.expect_err("nobody listens");
            assert_eq!(error.code(), Code::Unreachable);
            assert_eq!(error.message(), format!("could not reach {host}"));
        }
    }

    #[tokio::test]
    async fn statements_do_not_wait_long_for_a_closed_port() {
        for cloud in all(&closed()) {
            let bucket = cloud.bucket("lake", Patience::Persistent(default_limits())).expect("built");
            let began = Instant::now();
            let error = bucket.store.get(&Path::from("k")).await.expect_err("nobody listens");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            assert_eq!(object_error(error, "s3://lake/k").code(), Code::Unreachable);
        }
    }
}

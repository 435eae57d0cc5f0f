//! CHECK CONNECTION for a cloud: one request that no permission is needed for.
//!
//! A connection knows no bucket. So it asks for an object of a bucket that cannot exist: "there is no
//! such bucket" is said only to those whose signature was found good, and costs nothing.

use std::time::Instant;

use firth_connector::{CheckReport, object_error};
use firth_diagnostic::{Code, Result};
use object_store::{ObjectStoreExt, path::Path};
use uuid::Uuid;

use super::{client::Patience, cloud::Cloud};

/// Proves that the cloud can be reached and, as far as it says, that it accepts the credential.
pub(super) async fn check(cloud: &dyn Cloud) -> Result<CheckReport> {
    let name = format!("firth-check-{}", Uuid::new_v4().simple());
    let bucket = cloud.bucket(&name, Patience::OneTry)?;
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

//! Files in Amazon S3, Azure Blob Storage, Google Cloud Storage, on web servers, and on this machine.
//!
//! A cloud ([`cloud::Cloud`]) says how its uris read and how the client of one bucket is built; the rest
//! is the same for all: one client per bucket, made when first asked for ([`remote`]), one way to
//! prove a credential ([`check`]), one network behaviour ([`crate::http_client`]).

mod aws;
mod azure;
mod check;
mod cloud;
mod cloud_staging;
mod connection_string;
mod google;
mod http;
mod http_answer;
mod http_headers;
mod http_store;
mod local;
mod local_staging;
mod remote;
mod rooted;
#[cfg(test)]
mod test_options;
mod uri;

use std::sync::Arc;

use firth_connector::{ConnectionType, Connector, Options, Remote, RemoteId};
use firth_diagnostic::{Diagnostic, Result};

use self::{cloud::Cloud, remote::CloudRemote};
use crate::http_client::limits::Limits;

/// The connector of AWS, AZURE, CLOUD_RESOURCE, HTTP and LOCAL connections.
pub(crate) struct ObjectStores;

const TYPES: &[ConnectionType] = &[
    aws::CONNECTION_TYPE,
    azure::CONNECTION_TYPE,
    google::CONNECTION_TYPE,
    local::CONNECTION_TYPE,
    http::CONNECTION_TYPE,
];

impl Connector for ObjectStores {
    fn connection_types(&self) -> &'static [ConnectionType] {
        TYPES
    }

    fn open(
        &self,
        _id: RemoteId,
        connection_type: &'static ConnectionType,
        options: Options,
    ) -> Result<Arc<dyn Remote>> {
        Ok(match connection_type.name {
            "AWS" => cloud(aws::S3::try_new(&options)?, &options)?,
            "AZURE" => cloud(azure::Azure::try_new(&options)?, &options)?,
            "CLOUD_RESOURCE" => cloud(google::Google::try_new(&options)?, &options)?,
            "HTTP" => Arc::new(http::Http::try_new(&options)?),
            "LOCAL" => Arc::new(local::Local::try_new(&options)?),
            other => return Err(Diagnostic::internal(format!("no object store is of type {other}"))),
        })
    }
}

fn cloud<C: Cloud>(cloud: C, options: &Options) -> Result<Arc<dyn Remote>> {
    Ok(Arc::new(CloudRemote::new(cloud, Limits::try_new(options)?)))
}

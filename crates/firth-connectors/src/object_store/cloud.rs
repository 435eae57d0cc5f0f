//! What the three clouds differ in.

use std::sync::Arc;

use firth_connector::ObjectLocation;
use firth_diagnostic::Result;
use object_store::{ObjectStore, multipart::MultipartStore, path::Path};

use crate::http_client::{client::Patience, endpoint::Endpoint};

/// One cloud's uris, credentials and clients.
pub(super) trait Cloud: Send + Sync + 'static {
    /// Reads a uri of this cloud.
    fn locate(&self, uri: &str) -> Result<ObjectLocation>;

    /// Writes a uri of this cloud.
    fn uri(&self, bucket: &str, path: &Path) -> String;

    /// Builds the client of a bucket. Sends nothing, but may read a credential's file.
    fn bucket(&self, name: &str, patience: Patience) -> Result<Bucket>;

    /// Where requests go, if not to the cloud itself.
    fn endpoint(&self) -> Option<&Endpoint>;

    /// Where the connection leads, for messages about no object in particular.
    fn place(&self) -> String;

    /// Whom the cloud takes us for, as far as the options say.
    fn identity(&self) -> String;

    /// Whether the credential is good for one container only, so that a request for another one
    /// fails as a wrong credential would.
    fn is_bound_to_one_bucket(&self) -> bool {
        false
    }
}

/// The client of one bucket, seen from two sides.
#[derive(Clone)]
pub(super) struct Bucket {
    /// Reading and writing.
    pub(super) store: Arc<dyn ObjectStore>,
    /// Uploads that are completed by hand.
    pub(super) multipart: Arc<dyn MultipartStore>,
}

impl Bucket {
    /// Both sides of `client`.
    pub(super) fn new<C: ObjectStore + MultipartStore>(client: C) -> Self {
        let client = Arc::new(client);
        Bucket { store: Arc::clone(&client) as _, multipart: client }
    }
}

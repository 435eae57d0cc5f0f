//! An opened connection to a cloud: one client per bucket, made when first asked for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use firth_connector::{CheckReport, ObjectLocation, Objects, Remote, Staging};
use firth_diagnostic::Result;
use object_store::{ObjectStore, path::Path};

use super::{
    check,
    cloud::{Bucket, Cloud},
    cloud_staging::CloudStaging,
};
use crate::http_client::{client::Patience, limits::Limits};

/// A connection's buckets.
pub(super) struct CloudRemote<C> {
    cloud: C,
    limits: Limits,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl<C: Cloud> CloudRemote<C> {
    /// No client yet.
    pub(super) fn new(cloud: C, limits: Limits) -> Self {
        CloudRemote { cloud, limits, buckets: Mutex::default() }
    }

    fn bucket(&self, name: &str) -> Result<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(name) {
            return Ok(bucket.clone());
        }
        let bucket = self.cloud.bucket(name, Patience::Persistent(self.limits))?;
        buckets.insert(name.to_owned(), bucket.clone());
        Ok(bucket)
    }
}

#[async_trait]
impl<C: Cloud> Remote for CloudRemote<C> {
    async fn check(&self) -> Result<CheckReport> {
        check::check(&self.cloud, self.limits).await
    }

    fn objects(self: Arc<Self>) -> Option<Arc<dyn Objects>> {
        Some(self)
    }
}

impl<C: Cloud> Objects for CloudRemote<C> {
    fn locate(&self, uri: &str) -> Result<ObjectLocation> {
        self.cloud.locate(uri)
    }

    fn uri(&self, bucket: &str, path: &Path) -> String {
        self.cloud.uri(bucket, path)
    }

    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(self.bucket(bucket)?.store)
    }

    fn staging(&self, bucket: &str) -> Result<Option<Arc<dyn Staging>>> {
        Ok(Some(Arc::new(CloudStaging::new(self.bucket(bucket)?))))
    }
}

//! The stores of one statement, registered under their connection.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use datafusion::{
    error::{DataFusionError, Result as DataFusionResult},
    execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl},
};
use firth_connector::{ObjectLocation, Objects, OpenedRemote};
use firth_diagnostic::{Diagnostic, Result};
use object_store::{ObjectMeta, ObjectStore, path::Path};
use url::Url;
use uuid::Uuid;

use super::{Caches, SeenObject, StatementStore};

/// The stores of one statement. What DataFusion asks for by url, and the resolver by connection.
#[derive(Debug, Default)]
pub(crate) struct StatementStores {
    caches: Arc<Caches>,
    stores: RwLock<HashMap<String, Arc<StatementStore>>>,
    /// The connections' names, by url as well.
    names: RwLock<HashMap<String, String>>,
}

/// One bucket of one connection: its store, and how paths in plans relate to keys in it.
#[derive(Clone)]
pub(crate) struct StoreHandle {
    /// What plans call it.
    pub(crate) url: ObjectStoreUrl,
    /// The store; takes paths that begin with [`StatementStore::prefix`].
    pub(crate) store: Arc<StatementStore>,
}

impl StatementStores {
    /// No stores yet.
    pub(crate) fn new(caches: Arc<Caches>) -> Self {
        StatementStores { caches, stores: RwLock::default(), names: RwLock::default() }
    }

    /// What the session remembers of stores.
    pub(crate) fn caches(&self) -> &Arc<Caches> {
        &self.caches
    }

    /// What the statement has found or read of each bucket, with the connection's name if there is one.
    pub(crate) fn seen(&self) -> Vec<(Option<String>, Vec<SeenObject>)> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<&String> = stores.keys().collect();
        keys.sort_by_key(|key| names.get(*key));
        let bucket = |key: &String| {
            let name = names.get(key).filter(|name| !name.is_empty()).cloned();
            Some((name, stores.get(key)?.all_seen()))
        };
        keys.into_iter().filter_map(bucket).collect()
    }

    /// The store of a bucket, opened and registered when first asked for.
    pub(crate) fn open(
        &self,
        remote: &OpenedRemote,
        objects: &Arc<dyn Objects>,
        location: &ObjectLocation,
    ) -> Result<StoreHandle> {
        let bucket = &location.bucket;
        let uuid = remote.id.uuid.simple();
        let text = format!("{SCHEME}{uuid}://{}", host(bucket));
        let url = ObjectStoreUrl::parse(&text).map_err(|error| {
            Diagnostic::internal(format!("bucket {bucket:?} does not make a url: {error}"))
        })?;
        let key = url.as_str().to_owned();
        let mut stores = self.stores.write().unwrap_or_else(PoisonError::into_inner);
        let store = match stores.get(&key) {
            Some(store) => Arc::clone(store),
            None => {
                let prefix = Path::from(format!("{uuid}/{bucket}"));
                let inner = objects.store(bucket)?;
                let namer = Arc::clone(objects);
                let named = bucket.clone();
                let store = Arc::new(StatementStore::new(
                    inner,
                    prefix,
                    Arc::clone(&remote.metrics),
                    Box::new(move |path| namer.uri(&named, path)),
                    self.caches.store_id(remote.id.uuid, bucket),
                    Arc::clone(&self.caches),
                ));
                let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
                names.insert(key.clone(), remote.id.name.clone());
                stores.insert(key, Arc::clone(&store));
                store
            }
        };
        Ok(StoreHandle { url, store })
    }
}

/// Urls of stores begin with this and the id of the remote.
const SCHEME: &str = "firth-";

/// The id of the remote whose store a url names.
pub(crate) fn remote_of(url: &ObjectStoreUrl) -> Option<Uuid> {
    let (scheme, _) = url.as_str().split_once("://")?;
    Uuid::try_parse(scheme.strip_prefix(SCHEME)?).ok()
}

/// A bucket as the host of a url. Different buckets make different hosts: what a host cannot hold, such
/// as the slash of "account/container", becomes its number, and so does a dash before an `x`.
fn host(bucket: &str) -> String {
    let mut host = String::with_capacity(bucket.len());
    let bytes = bucket.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'-' if bytes.get(at + 1) == Some(&b'x') => host.push_str("-x2d"),
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => host.push(char::from(*byte)),
            other => host.push_str(&format!("-x{other:02x}")),
        }
    }
    host
}

impl StoreHandle {
    /// An object's description with the path that plans use.
    pub(crate) fn planned(&self, meta: ObjectMeta) -> ObjectMeta {
        ObjectMeta { location: self.store.outer(&meta.location), ..meta }
    }
}

impl ObjectStoreRegistry for StatementStores {
    fn register_store(&self, _url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        // Only `open` adds stores; DataFusion's own paths to this method are not in use.
        Some(store)
    }

    fn get_store(&self, url: &Url) -> DataFusionResult<Arc<dyn ObjectStore>> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{}://{}/", url.scheme(), url.host_str().unwrap_or_default());
        match stores.get(&key) {
            Some(store) => Ok(Arc::clone(store) as Arc<dyn ObjectStore>),
            None => Err(DataFusionError::Internal(format!("no store is open under {key}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_buckets_make_different_hosts() {
        let buckets = ["lake", "la-ke", "la_ke", "la/ke", "la-x5fke", "LAKE", "la.ke", "la-x2fke", "la-x2d"];
        let mut hosts: Vec<String> = buckets.iter().map(|bucket| host(bucket)).collect();
        assert_eq!(hosts[0], "lake");
        for host in &hosts {
            Url::parse(&format!("firth-0://{host}")).expect("a host");
        }
        hosts.sort();
        hosts.dedup();
        assert_eq!(hosts.len(), buckets.len());
    }
}

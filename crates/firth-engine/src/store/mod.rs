//! Object stores as one statement sees them.
//!
//! DataFusion finds stores by `scheme://host` and caches footers by path alone. Both would let two
//! connections to one bucket share what they must not share, so a statement's stores are registered
//! under the connection's identity, and every path begins with it.

mod cache;
mod registry;
mod statement_store;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use cache::StoreId;
pub(crate) use cache::{CacheReport, Caches, DecodedColumn, FileColumns, YieldingPool, forget_on_disk};
pub(crate) use registry::{StatementStores, StoreHandle, remote_of};
pub(crate) use statement_store::{ChangedWhileReading, LIST_PAGE, SeenObject, StatementStore};

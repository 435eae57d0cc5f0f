//! What a session remembers of objects between statements: bytes, decoded columns, Parquet footers, listings.
//!
//! Everything is kept under an [`ObjectKey`]: connection, its version, bucket, path, ETag or version and
//! size. A statement learns the ETag from its own listing, so what it finds here belongs to the object that
//! is there now. An object without a strong ETag and without a version is never kept.
//!
//! Bytes are also kept in files, for other processes, if that is wanted ([`disk`]).
//!
//! Memory is charged to the session's pool, and given back when a query asks for it ([`pool`]).

mod aged;

mod caches;
mod columns;
mod disk;
mod kept_array;
mod narrow;
mod object_key;
mod pool;
mod ranges;
mod repeated;
#[cfg(test)]
mod tests;

pub(crate) use aged::Aged;
pub(crate) use caches::{CacheReport, Caches};
pub(crate) use columns::{DecodedColumn, FileColumns};
pub(crate) use disk::{DiskCache, forget_on_disk};
pub(crate) use object_key::{ObjectKey, StoreId};
pub(crate) use pool::YieldingPool;

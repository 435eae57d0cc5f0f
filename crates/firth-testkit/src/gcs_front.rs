//! A front for fake-gcs-server that adds Google Cloud Storage's XML writes.
//!
//! The emulator has the JSON interface and the XML reads. `object_store` writes through XML: put,
//! multipart upload and copy. Those are turned into requests of the JSON interface here; everything
//! else passes through as it is, streaming in both directions.
//!
//! Parts of an unfinished upload are kept in memory and are visible to nobody. The front is the only
//! holder of them: an upload lasts as long as the front. Credentials are not looked at, as the emulator
//! does not look at them either.

mod front;
mod resource;
mod uploads;

pub use front::serve;

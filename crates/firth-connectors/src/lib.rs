//! The connectors: one folder for each kind of system.
//!
//! Drivers compile here and nowhere else. A connector never imports another; what two of them need
//! stands in the SPI.

use std::sync::Arc;

use firth_connector::{Connector, Connectors};

mod http_client;
mod label;
mod object_store;
mod opendal;
mod postgres;
mod spanner;

/// For the counting of instructions; nothing else reads it.
pub use postgres::counted::{batches_of_postgres_copy, postgres_copy_of};

/// The stand-in Spanner server behind `stub_data`: what it was asked, and what it is to do wrong.
///
/// Tests of other crates read it; nothing else does.
pub use spanner::{
    client::{SpannerCode, SpannerError},
    stub::{StubFault, StubOutcome, StubRequest, StubRequestKind, StubServer},
};

/// Every connector, in the order in which their types are listed.
pub fn all() -> Connectors {
    Connectors::new([
        Arc::new(object_store::ObjectStores) as Arc<dyn Connector>,
        Arc::new(postgres::Postgres),
        Arc::new(spanner::Spanner),
        Arc::new(opendal::OpenDal),
    ])
}

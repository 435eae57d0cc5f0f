//! The connectors: one folder for each kind of system.
//!
//! Drivers compile here and nowhere else. A connector never imports another; what two of them need
//! stands in the SPI.

use std::sync::Arc;

use firth_connector::{Connector, Connectors};

mod label;
mod object_store;
mod opendal;
mod postgres;

/// Every connector, in the order in which their types are listed.
pub fn all() -> Connectors {
    Connectors::new([
        Arc::new(object_store::ObjectStores) as Arc<dyn Connector>,
        Arc::new(postgres::Postgres),
        Arc::new(opendal::OpenDal),
    ])
}

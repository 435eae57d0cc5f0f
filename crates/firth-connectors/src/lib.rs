//! The connectors: one folder for each kind of system.
//!
//! Drivers compile here and nowhere else. A connector never imports another; what two of them need
//! stands in the SPI.

mod postgres;

use firth_connector::Connectors;

/// Every connector, in the order in which their types are listed.
pub fn all() -> Connectors {
    Connectors::new([std::sync::Arc::new(postgres::Postgres) as std::sync::Arc<dyn firth_connector::Connector>])
}

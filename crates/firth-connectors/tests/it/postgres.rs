//! PostgreSQL, by way of the SPI alone.

mod cancel;
mod connect;
mod members;
mod query;
mod read;
mod snapshot;
mod support;
mod table;

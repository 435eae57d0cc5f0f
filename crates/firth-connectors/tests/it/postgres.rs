//! PostgreSQL, by way of the SPI alone.

mod budget;
mod cancel;
mod connect;
mod members;
mod pooler;
mod query;
mod read;
mod snapshot;
mod support;
mod table;
mod types;
mod value_text;
mod write;

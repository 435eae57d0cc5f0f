//! PostgreSQL, by way of the SPI alone.

mod cancel;
mod connect;
mod query;
mod read;
mod support;
mod table;

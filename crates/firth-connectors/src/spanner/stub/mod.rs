//! A stand-in for the Spanner service: a database over a folder of files, in this process.
//!
//! ```text
//! server   takes requests, records them, fails or stalls when told to
//! tables   the folder's files as tables with Spanner's types
//! query    what Spanner would accept of a text, and what it says to the rest
//! ```

mod query;
mod request;
mod server;
mod tables;
#[cfg(test)]
mod tests;

pub use request::{StubFault, StubOutcome, StubRequest, StubRequestKind};
pub use server::StubServer;

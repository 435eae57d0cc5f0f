//! One statement in, one outcome out.
//!
//! [`Session`] is the only way in. A statement walks through *resolve* (the only I/O before planning:
//! names to tables, connections to opened remotes), *plan* (pure) and *execute* (streams batches).
//! This crate names no connector; the list of them comes from outside.

mod coercion;
mod context;
mod decimal_aggregates;
mod distinct_values;
mod error;
mod export;
mod field_names;
mod field_projections;
mod files;
mod functions;
mod lateral_unnest;
mod local_uri;
mod materialized;
mod membership;
mod native;
mod object_table;
mod outcome;
mod overflow;
mod planner;
mod rejected;
mod remote_sink;
mod report;
mod resolve;
mod session;
mod setting;
mod shared;
mod sink;
mod statement;
mod store;
pub mod value;
mod versioned;
mod zero_keys;

pub use error::diagnostic;
pub use export::{DATABASE_EXPORT_OPTIONS, EXPORT_OPTIONS, Observer};
pub use files::{EXTERNAL_TABLE_OPTIONS, sql_type};
pub use functions::function_names;
pub use materialized::MATERIALIZED_VIEW_OPTIONS;
pub use object_table::OBJECT_TABLE_OPTIONS;
pub use outcome::{Exported, Outcome, Rows};
pub use rejected::{RejectedReport, RejectedRow, RejectedRows};
pub use session::{Prompt, Session, SessionOptions};
pub use setting::{SETTINGS, SettingKind, SettingSpec, Settings};
pub use statement::{EXTERNAL_SCHEMA_OPTIONS, SCHEMA_OPTIONS, TABLE_OPTIONS};

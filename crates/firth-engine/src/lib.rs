//! One statement in, one outcome out.
//!
//! [`Session`] is the only way in. A statement walks through *resolve* (the only I/O before planning:
//! names to tables, connections to opened remotes), *plan* (pure) and *execute* (streams batches).
//! This crate names no connector; the list of them comes from outside.

mod outcome;
mod session;
mod setting;

pub use outcome::{Outcome, Rows, diagnostic};
pub use session::{Prompt, Session, SessionOptions};
pub use setting::{SETTINGS, SettingKind, SettingSpec, Settings};

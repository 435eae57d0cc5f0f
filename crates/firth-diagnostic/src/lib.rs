//! What text and people share: places in a text, messages about them, names, and secrets.
//!
//! Every crate of Firth depends on this one, and this one on none of them. It has no I/O and knows
//! nothing of SQL; it knows how a message points at a text.

mod code;
mod diagnostic;
mod name;
mod render;
mod secret;
mod span;
mod suggest;
mod userinfo;

pub use code::Code;
pub use diagnostic::{Diagnostic, Result, Severity};
pub use name::Name;
pub use render::Source;
pub use secret::Secret;
pub use span::{Span, Spanned};
pub use suggest::did_you_mean;
pub use userinfo::userinfo_in;

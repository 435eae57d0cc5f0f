//! Exports: rows into files that become visible together, after the last row.

mod encoder;
mod naming;
mod options;
mod upload;

pub(crate) use encoder::{Encoder, ExportFormat};
pub(crate) use naming::FileNames;
pub use options::EXPORT_OPTIONS;
pub(crate) use upload::Upload;

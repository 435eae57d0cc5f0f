//! Exports: rows into files that become visible together, after the last row.

use std::fmt::Write as _;

mod bounds;
mod checkpoints;
mod commit;
mod destination;
mod format;
mod journal;
mod layout;
mod manifest;
mod naming;
mod options;
mod reading;
mod recovery;
mod requests;
mod sources;
mod upload;
mod whole_files;
mod writer;

pub(crate) use bounds::{Bounds, ColumnBounds};
pub(crate) use checkpoints::Checkpoints;
pub use checkpoints::Observer;
pub(crate) use commit::{SUCCESS_MARKER, delete, finish, put, put_marker};
pub(crate) use destination::Destination;
pub(crate) use format::{Chunk, ChunkEncoder, ExportFormat, FileBody};
pub(crate) use journal::Journal;
pub(crate) use layout::Layout;
pub(crate) use manifest::{Column, Export, ManifestFile, Snapshot, StagedUpload, State};
pub(crate) use naming::FileNames;
pub use options::{DATABASE_EXPORT_OPTIONS, EXPORT_OPTIONS};
pub(crate) use reading::{Honoured, above_partitions, honoured, manifest_folder};
pub(crate) use recovery::{recover, recover_same, settle};
pub(crate) use requests::{CountedStaging, CountedStore, Requests};
pub(crate) use sources::{databases, files_and_tables};
pub(crate) use upload::Upload;
pub(crate) use writer::{Writing, Written, chunks_ahead, write_rows};

/// A digest as manifests have it.
pub(crate) fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold("sha256:".to_owned(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

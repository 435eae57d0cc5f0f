//! Names the file that DataFusion's readers stumbled over.

use std::sync::Arc;

use firth_diagnostic::Diagnostic;

use super::ExternalFiles;
use crate::error::InFile as _;

/// The message with the uri of the file that it is about, if it names one as plans do: by its key.
pub(crate) fn name_file(error: Diagnostic, tables: &[Arc<ExternalFiles>]) -> Diagnostic {
    let Some(text) = error.detail_text() else { return error };
    for listed in tables.iter().flat_map(|table| table.files()) {
        for file in &listed.files {
            if let Some((_, words)) = text.split_once(&format!("/{}: ", file.location)) {
                let words = words.trim_start_matches("Parquet error: ").to_owned();
                return error.detail(words).in_file(&listed.uri(file));
            }
        }
    }
    error
}

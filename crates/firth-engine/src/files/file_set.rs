//! Which uris a table's options mean: those of its statement, or those that its manifests list.

use firth_connector::{OpenedRemote, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::ObjectStoreExt as _;

use super::{Staleness, list_files, listing::objects_of};
use crate::store::StatementStores;

/// The uris of a table's files. Reads the manifests, if the uris are of such.
pub(crate) async fn file_set(
    stores: &StatementStores,
    remote: &OpenedRemote,
    uris: &[String],
    options: &Options,
) -> Result<Vec<String>> {
    if options.string("file_set_spec_type") != Some("NEW_LINE_DELIMITED_MANIFEST") {
        return Ok(uris.to_vec());
    }
    let mut found = Vec::new();
    for listed in list_files(stores, remote, uris, Staleness::default()).await? {
        for file in &listed.files {
            let store = &listed.handle.store;
            let manifest = listed.uri(file);
            let failed = |error| object_error(error, &manifest);
            let bytes = store
                .get(&store.outer(&file.location))
                .await
                .map_err(failed)?
                .bytes()
                .await
                .map_err(failed)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                Diagnostic::error(Code::BadData, format!("manifest {manifest:?} is not UTF-8"))
                    .hint("A manifest lists one uri a line.")
            })?;
            for (line, uri) in text.lines().map(str::trim).enumerate().filter(|(_, uri)| !uri.is_empty()) {
                if uri.contains('*') {
                    return Err(Diagnostic::error(
                        Code::BadData,
                        format!(
                            "{manifest}, line {}: {uri:?} has a *, which a manifest cannot have",
                            line + 1
                        ),
                    ));
                }
                found.push(uri.to_owned());
            }
        }
    }
    if found.is_empty() {
        return Err(Diagnostic::error(Code::BadData, "the manifests list no file")
            .hint("A manifest lists one uri a line."));
    }
    Ok(found)
}

/// What the paths of a partitioned table's files begin with: the option `hive_partition_uri_prefix`, as a key.
pub(crate) fn partition_prefix(remote: &OpenedRemote, options: &Options) -> Result<Option<String>> {
    let Some(uri) = options.string("hive_partition_uri_prefix") else { return Ok(None) };
    if uri.contains(['*', '{']) {
        return Err(Diagnostic::error(
            Code::Invalid,
            format!("option \"hive_partition_uri_prefix\" cannot be {uri:?}"),
        )
        .hint(
            "It ends before the first key; keys and their types stand in WITH PARTITION COLUMNS (name TYPE).",
        ));
    }
    let location = objects_of(remote)?.locate(uri.trim_end_matches('/'))?;
    Ok(Some(location.key.trim_end_matches('/').to_owned()))
}

//! Manifests as readers take them: the old export or the new one, never a mixture.

use std::collections::{HashMap, HashSet};

use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{ObjectMeta, path::Path};

use super::{Export, FileNames, Snapshot, State, manifest::may_be_same, naming::may_be_exported};
use crate::store::StoreHandle;

/// What manifests say of a listing.
pub(crate) enum Honoured {
    /// These are the files.
    Files(Vec<ObjectMeta>),
    /// The listing saw more than one moment: list again, or report this.
    Changed(Diagnostic),
}

/// Takes from `found` what committed exports have replaced. `listed` are the manifests that the same
/// listing showed, `others` folders that may have one; `matches` says which keys were asked for.
pub(crate) async fn honoured(
    handle: &StoreHandle,
    others: &[Path],
    listed: &[ObjectMeta],
    found: Vec<ObjectMeta>,
    matches: impl Fn(&Path) -> bool,
) -> Result<Honoured> {
    let listed =
        listed.iter().filter_map(|meta| Some((FileNames::folder_of_manifest(&meta.location)?, Some(meta))));
    let manifests = listed.chain(others.iter().map(|folder| (folder.clone(), None)));
    let mut found = found;
    for (folder, meta) in manifests {
        let path = FileNames::manifest_in(&folder);
        let uri = handle.store.uri(&handle.store.outer(&path));
        let snapshot = match Snapshot::read(handle.store.bucket().as_ref(), &path, &uri).await {
            Ok(snapshot) => snapshot,
            // Who may not list is told the same of what is not there: nothing says that there is one.
            Err(error) if meta.is_none() && error.code() == Code::PermissionDenied => continue,
            Err(error) => return Err(error),
        };
        let tag = snapshot.version.as_ref().and_then(|version| version.e_tag.as_deref());
        if meta.is_some_and(|meta| !may_be_same(meta.e_tag.as_deref(), tag)) {
            return Ok(Honoured::Changed(changing(&uri)));
        }
        for (pattern, export) in &snapshot.manifest.exports {
            let Some(names) = FileNames::of_entry(folder.as_ref(), pattern) else { continue };
            match honour(&names, export, found, &matches, &uri)? {
                Honoured::Files(files) => found = files,
                changed @ Honoured::Changed(_) => return Ok(changed),
            }
        }
    }
    Ok(Honoured::Files(found))
}

/// The folder to ask for a manifest when one file was named, if an export may have written it.
pub(crate) fn manifest_folder(key: &Path) -> Option<Path> {
    if !may_be_exported(key) {
        return None;
    }
    let folder = key.as_ref().rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = Path::parse(folder).ok()?;
    Some(above_partitions(&folder).unwrap_or(folder))
}

/// The folder that holds the folders of all partitions, if this is one of them.
pub(crate) fn above_partitions(prefix: &Path) -> Option<Path> {
    let mut folders: Vec<&str> = prefix.as_ref().split('/').collect();
    let all = folders.len();
    while folders.last().is_some_and(|folder| folder.contains('=')) {
        folders.pop();
    }
    if folders.len() == all {
        return None;
    }
    Path::parse(folders.join("/")).ok()
}

fn honour(
    names: &FileNames,
    export: &Export,
    found: Vec<ObjectMeta>,
    matches: &impl Fn(&Path) -> bool,
    uri: &str,
) -> Result<Honoured> {
    let asked_for: HashMap<&str, _> = export
        .files
        .iter()
        .filter(|file| names.key(&file.name).is_ok_and(|key| matches(&key)))
        .map(|file| (file.name.as_str(), file))
        .collect();
    let is_concerned =
        !asked_for.is_empty() || found.iter().any(|meta| names.name_of(&meta.location).is_some());
    if !is_concerned {
        return Ok(Honoured::Files(found));
    }
    if export.state == State::Committing {
        return Err(Diagnostic::error(Code::Conflict, format!("an export is being committed: {uri:?}")).hint(
            "Try again in a moment. If the program that exported has died, `firth clean` there, or its next export, \
             finishes it.",
        ));
    }
    let mut kept = Vec::with_capacity(found.len());
    let mut seen = HashSet::new();
    for meta in found {
        let Some(name) = names.name_of(&meta.location) else {
            kept.push(meta);
            continue;
        };
        // What matches the pattern and is not in the manifest was replaced.
        let Some(file) = asked_for.get(name) else { continue };
        if meta.size != file.bytes || !may_be_same(meta.e_tag.as_deref(), file.e_tag.as_deref()) {
            return Ok(Honoured::Changed(replaced(uri, name)));
        }
        seen.insert(file.name.as_str());
        kept.push(meta);
    }
    if let Some(missing) = asked_for.keys().find(|name| !seen.contains(**name)) {
        return Ok(Honoured::Changed(replaced(uri, missing)));
    }
    Ok(Honoured::Files(kept))
}

fn changing(uri: &str) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("the exports of {uri:?} change all the time"))
        .hint(
            "Run the query again. If nobody is exporting there, delete that manifest: then the files are taken as they \
             are.",
        )
}

fn replaced(uri: &str, name: &str) -> Diagnostic {
    Diagnostic::error(Code::Conflict, format!("file {name:?} is not the one that was exported"))
        .detail(format!("{uri} says which files belong together"))
        .hint("If it was replaced or removed on purpose, delete that manifest: then the files are taken as they are.")
}

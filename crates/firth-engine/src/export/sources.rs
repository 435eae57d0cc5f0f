//! What an export read, and at which state: the manifest's `sources`.
//!
//! It is for whoever asks later which rows an export has. Nothing of Firth decides by it, so the manifest holds it as
//! plain JSON, and one with kinds of sources that this version does not know is read all the same.

use std::fmt::Write as _;

use firth_connector::OpenedRemote;
use firth_diagnostic::Result;
use serde::Serialize;
use serde_json::Value;

use crate::{resolve::Resolver, store::SeenObject};

/// As many files of a connection are listed one by one. Of more there is their number and a digest.
const LISTED: usize = 100;

/// One thing that was read.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Source {
    /// Files of one bucket, as the statement found them, those too that its filters then left out.
    Files {
        #[serde(skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        count: usize,
        bytes: u64,
        /// SHA-256 over a line for each file, in the order of uris: uri, size, ETag, version, time of change, a tab between.
        digest: String,
        /// Where there are no more than [`LISTED`].
        #[serde(skip_serializing_if = "Vec::is_empty")]
        files: Vec<SeenObject>,
    },
    /// A database, in its own words.
    Database {
        connection: String,
        #[serde(rename = "type")]
        kind: String,
        /// Which transactions are seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot: Option<String>,
        /// How far its log had come.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<String>,
        /// The time there.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// A native table, or a materialized view's rows.
    Table { table: String, snapshot: i64 },
}

/// Asks the databases of a plan that is about to run at which state it reads them: in the transaction that the reads are in.
pub(crate) async fn databases(resolver: &Resolver<'_>) -> Result<Vec<Value>> {
    let mut sources = Vec::new();
    for remote in resolver.remotes.expected() {
        sources.push(json(&database(&remote).await?));
    }
    Ok(sources)
}

async fn database(remote: &OpenedRemote) -> Result<Source> {
    let state = remote.scope().await?.state().await?;
    if state.is_some() {
        remote.metrics.add_request();
    }
    let state = state.unwrap_or_default();
    Ok(Source::Database {
        connection: remote.id.name.clone(),
        kind: remote.id.kind.clone(),
        snapshot: state.snapshot,
        position: state.position,
        at: state.at,
    })
}

/// The files and tables that a statement has read.
pub(crate) fn files_and_tables(resolver: &Resolver<'_>) -> Vec<Value> {
    let own = resolver.session.catalog().ok().and_then(|catalog| {
        let folder = catalog.data_folder();
        crate::local_uri::local_uri(&folder)
    });
    let mut sources = Vec::new();
    for (connection, mut objects) in resolver.stores.seen() {
        // A native table's files say less than its snapshot.
        objects.retain(|object| !own.as_ref().is_some_and(|own| object.uri.starts_with(own.as_str())));
        if !objects.is_empty() {
            sources.push(json(&files(connection, objects)));
        }
    }
    sources.extend(
        resolver.tables_read().into_iter().map(|(table, snapshot)| json(&Source::Table { table, snapshot })),
    );
    sources
}

fn files(connection: Option<String>, mut objects: Vec<SeenObject>) -> Source {
    for object in &mut objects {
        object.uri = without_query(&object.uri).to_owned();
    }
    objects.sort_by(|one, other| one.uri.cmp(&other.uri));
    let mut lines = String::new();
    for object in &objects {
        let SeenObject { uri, bytes, e_tag, version, modified } = object;
        let (e_tag, version) = (e_tag.as_deref().unwrap_or(""), version.as_deref().unwrap_or(""));
        let _ = writeln!(lines, "{uri}\t{bytes}\t{e_tag}\t{version}\t{modified}");
    }
    Source::Files {
        connection,
        count: objects.len(),
        bytes: objects.iter().map(|object| object.bytes).sum(),
        digest: super::sha256(&lines),
        files: if objects.len() > LISTED { Vec::new() } else { objects },
    }
}

/// The uri without what may be a signature: a manifest is read by others.
fn without_query(uri: &str) -> &str {
    let is_web = uri.starts_with("http://") || uri.starts_with("https://");
    match uri.split_once('?') {
        Some((before, _)) if is_web => before,
        _ => uri,
    }
}

fn json(source: &Source) -> Value {
    serde_json::to_value(source).expect("texts and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(uri: &str) -> SeenObject {
        SeenObject {
            uri: uri.to_owned(),
            bytes: 2,
            e_tag: Some("tag".to_owned()),
            version: None,
            modified: "2026-01-02T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn many_files_are_a_number_and_a_digest() {
        let many = |count: usize| (0..count).map(|at| object(&format!("s3://b/{at}"))).collect::<Vec<_>>();
        let (few, more) = (json(&files(None, many(LISTED))), json(&files(None, many(LISTED + 1))));
        assert_eq!(few["files"].as_array().map(Vec::len), Some(LISTED));
        assert_eq!(more.get("files"), None);
        assert_eq!((&more["count"], &more["bytes"]), (&Value::from(101), &Value::from(202)));
        let mut turned = many(LISTED);
        turned.reverse();
        assert_eq!(json(&files(None, turned))["digest"], few["digest"], "whatever their order was");
        assert_ne!(more["digest"], few["digest"]);
    }

    #[test]
    fn a_signature_stays_here() {
        assert_eq!(without_query("https://h/a.csv?sig=secret"), "https://h/a.csv");
        assert_eq!(without_query("s3://b/what?.csv"), "s3://b/what?.csv");
    }
}

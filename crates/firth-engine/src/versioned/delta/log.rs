//! Delta Lake's log: a commit is a file of JSON, and some versions are summed up as a checkpoint.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::common::runtime::SpawnedTask;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectMeta;
use parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};

use super::action::{Action, Add, MetaData, Protocol};
use crate::{error::not_joined, versioned::place::TablePlace};

/// Files of the log that are read at once.
const AT_ONCE: usize = 8;
/// What a checkpoint has of each line; the parsed forms of texts that are in them too are left there.
const CHECKPOINT_COLUMNS: [&str; 11] = [
    "add.path",
    "add.partitionValues",
    "add.size",
    "add.modificationTime",
    "add.stats",
    "add.deletionVector",
    "metaData.schemaString",
    "metaData.partitionColumns",
    "metaData.configuration",
    "protocol",
    "sidecar.path",
];

/// A table as its log leaves it.
#[derive(Debug)]
pub(super) struct TableState {
    pub(super) meta_data: MetaData,
    pub(super) protocol: Protocol,
    pub(super) files: Vec<Add>,
}

/// The files of a log, by version.
#[derive(Debug, Default)]
struct LogFiles {
    commits: BTreeMap<u64, ObjectMeta>,
    /// Whole checkpoints, with their parts.
    checkpoints: BTreeMap<u64, Vec<String>>,
}

/// Reads the log of the table in `folder` up to its newest version, or to that of a time.
pub(super) async fn replay(
    place: &TablePlace<'_>,
    folder: &str,
    time: Option<DateTime<Utc>>,
) -> Result<TableState> {
    let log = format!("{folder}/_delta_log");
    let files = LogFiles::new(&place.list(&log).await?);
    let newest = files.commits.keys().chain(files.checkpoints.keys()).max().copied();
    let Some(newest) = newest else {
        return Err(Diagnostic::error(
            Code::NotFound,
            format!("{folder:?} has no log of a Delta Lake table"),
        )
        .hint("Option uris names the table's folder, in which there is a folder _delta_log."));
    };
    let version = match time {
        None => newest,
        Some(time) => version_at(place, &log, &files, time).await?,
    };
    let mut state = State::default();
    let start = match files.checkpoints.range(..=version).next_back() {
        None => 0,
        Some((number, parts)) => {
            let parts = parts.iter().map(|name| format!("{log}/{name}")).collect();
            let mut sidecars = Vec::new();
            for action in checkpoints(place, parts).await? {
                if let Some(sidecar) = &action.sidecar {
                    sidecars.push(format!("{log}/_sidecars/{}", sidecar.path));
                }
                state.apply(action);
            }
            for action in checkpoints(place, sidecars).await? {
                state.apply(action);
            }
            number + 1
        }
    };
    for number in start..=version {
        if !files.commits.contains_key(&number) {
            return Err(Diagnostic::error(
                Code::BadData,
                format!("the log of the Delta Lake table {folder:?} lacks version {number}"),
            )
            .hint("The table cannot be read without it."));
        }
    }
    let mut reads = Vec::new();
    for number in start..=version {
        reads.push(commit(place, format!("{log}/{number:020}.json")));
    }
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    while let Some(actions) = reads.try_next().await? {
        actions.into_iter().for_each(|action| state.apply(action));
    }
    state.finish(folder)
}

impl LogFiles {
    fn new(listed: &[ObjectMeta]) -> Self {
        let mut files = LogFiles::default();
        let mut parts: BTreeMap<(u64, u32), Vec<String>> = BTreeMap::new();
        for file in listed {
            let Some(name) = file.location.filename() else { continue };
            let words: Vec<&str> = name.split('.').collect();
            let Some(version) = words[0].parse::<u64>().ok().filter(|_| words[0].len() == 20) else {
                continue;
            };
            match words[1..] {
                ["json"] => {
                    files.commits.insert(version, file.clone());
                }
                ["checkpoint", "parquet"] | ["checkpoint", _, "parquet" | "json"] => {
                    files.checkpoints.insert(version, vec![name.to_owned()]);
                }
                ["checkpoint", _, of, "parquet"] => {
                    let Ok(of) = of.parse() else { continue };
                    parts.entry((version, of)).or_default().push(name.to_owned());
                }
                _ => {}
            }
        }
        // One of which a part is missing is none.
        for ((version, of), names) in parts {
            if u32::try_from(names.len()) == Ok(of) {
                files.checkpoints.entry(version).or_insert(names);
            }
        }
        files
    }
}

/// The newest version that is no younger than `time`.
async fn version_at(place: &TablePlace<'_>, log: &str, files: &LogFiles, time: DateTime<Utc>) -> Result<u64> {
    let mut reads = Vec::new();
    for (version, file) in &files.commits {
        let path = format!("{log}/{version:020}.json");
        reads.push(async move { Ok::<_, Diagnostic>((*version, moment_of(place, path, file).await?)) });
    }
    let moments: Vec<(u64, DateTime<Utc>)> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let mut latest = DateTime::<Utc>::MIN_UTC;
    let mut found = None;
    for (version, moment) in moments {
        // Clocks may run apart; a later version is no older.
        latest = latest.max(moment);
        if latest <= time {
            found = Some(version);
        }
    }
    found.ok_or_else(|| {
        Diagnostic::error(Code::NotFound, format!("the table has no version of {time}"))
            .hint("Its first may be younger, or its log does not reach as far back.")
    })
}

/// When a commit was made: it says so if the table wants that; else its file does.
async fn moment_of(place: &TablePlace<'_>, path: String, file: &ObjectMeta) -> Result<DateTime<Utc>> {
    let actions = commit(place, path).await?;
    let told = actions.iter().find_map(|action| action.commit_info.as_ref()?.in_commit_timestamp);
    Ok(told.and_then(DateTime::from_timestamp_millis).unwrap_or(file.last_modified))
}

/// The lines of a commit.
async fn commit(place: &TablePlace<'_>, path: String) -> Result<Vec<Action>> {
    lines(&place.read(&path).await?).map_err(|error| damaged(&path, error.to_string()))
}

/// The lines of these parts of a checkpoint.
async fn checkpoints(place: &TablePlace<'_>, paths: Vec<String>) -> Result<Vec<Action>> {
    let mut reads = Vec::with_capacity(paths.len());
    for path in paths {
        reads.push(checkpoint(place, path));
    }
    let read: Vec<Vec<Action>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

/// The lines of a checkpoint, or of a part of it.
async fn checkpoint(place: &TablePlace<'_>, path: String) -> Result<Vec<Action>> {
    let bytes = place.read(&path).await?;
    if path.ends_with(".json") {
        return lines(&bytes).map_err(|error| damaged(&path, error.to_string()));
    }
    let rows = SpawnedTask::spawn_blocking(move || rows_as_lines(bytes)).join().await.map_err(not_joined)?;
    let rows = rows.map_err(|error| damaged(&path, error.to_string()))?;
    lines(&rows).map_err(|error| damaged(&path, error.to_string()))
}

fn lines(bytes: &[u8]) -> serde_json::Result<Vec<Action>> {
    serde_json::Deserializer::from_slice(bytes).into_iter().collect()
}

/// The rows of a checkpoint, written as the lines that they stand for.
fn rows_as_lines(bytes: Bytes) -> Result<Vec<u8>, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), CHECKPOINT_COLUMNS);
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    for batch in builder.with_projection(mask).build()? {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(writer.into_inner())
}

fn damaged(path: &str, why: String) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("{path:?} of the log of a Delta Lake table cannot be read"))
        .detail(why)
}

#[derive(Default)]
struct State {
    meta_data: Option<MetaData>,
    protocol: Option<Protocol>,
    /// By path and deletion vector.
    files: HashMap<(String, Option<String>), Add>,
}

impl State {
    fn apply(&mut self, action: Action) {
        if let Some(remove) = action.remove {
            let vector = remove.deletion_vector.map(|vector| vector.id());
            self.files.remove(&(remove.path, vector));
        }
        if let Some(add) = action.add {
            let vector = add.deletion_vector.as_ref().map(|vector| vector.id());
            self.files.insert((add.path.clone(), vector), add);
        }
        self.meta_data = action.meta_data.or(self.meta_data.take());
        self.protocol = action.protocol.or(self.protocol.take());
    }

    fn finish(self, folder: &str) -> Result<TableState> {
        let (Some(meta_data), Some(protocol)) = (self.meta_data, self.protocol) else {
            return Err(Diagnostic::error(
                Code::BadData,
                format!("the log of the Delta Lake table {folder:?} does not say what the table is"),
            ));
        };
        // In the order of their names, so that a query reads them in the same order every time.
        let mut files: Vec<Add> = self.files.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(TableState { meta_data, protocol, files })
    }
}

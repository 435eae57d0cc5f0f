//! Rows that are gone by their place: lists in Parquet files, and bitmaps in Puffin files.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::AsArray,
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use firth_diagnostic::{Code, Diagnostic, Result};
use futures::{StreamExt as _, stream};
use parquet::{
    arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};

use super::manifest::FileEntry;
use crate::{
    error::not_joined,
    native::Deletions,
    versioned::{bitmap, place::TablePlace},
};

/// Lists that are read at once.
const AT_ONCE: usize = 8;

/// The rows that are gone from each of these files, by the file's place among them.
///
/// A list is about files that came before it or with it.
pub(super) async fn deletions(
    place: &TablePlace<'_>,
    files: &[FileEntry],
    lists: &[FileEntry],
) -> Result<HashMap<usize, Deletions>> {
    let by_path: HashMap<&str, usize> =
        files.iter().enumerate().map(|(at, file)| (file.path.as_str(), at)).collect();
    let rows: HashMap<String, u64> = files.iter().map(|file| (file.path.clone(), file.rows)).collect();
    let rows = Arc::new(rows);
    let mut gone: HashMap<usize, Deletions> = HashMap::new();
    let mut reads = Vec::new();
    for list in lists {
        // A list may say that it is about one file, which may be gone itself.
        if list.referenced.as_ref().is_some_and(|path| !by_path.contains_key(path.as_str())) {
            continue;
        }
        let rows = Arc::clone(&rows);
        reads.push(async move { Ok::<_, Diagnostic>((list, read(place, list, rows).await?)) });
    }
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    while let Some(read) = reads.next().await {
        let (list, rows) = read?;
        for (path, rows) in rows {
            let Some(at) = by_path.get(path.as_str()) else { continue };
            if files[*at].sequence <= list.sequence {
                gone.entry(*at).or_default().extend(&rows);
            }
        }
    }
    Ok(gone)
}

/// What a list says of files that the table has. `rows` is how many each of them has.
async fn read(
    place: &TablePlace<'_>,
    list: &FileEntry,
    rows: Arc<HashMap<String, u64>>,
) -> Result<HashMap<String, Deletions>> {
    match (list.format.as_str(), &list.vector, &list.referenced) {
        ("PUFFIN", Some(range), Some(path)) => {
            let bytes = place.read_range(&list.path, range.clone()).await?;
            let rows = rows.get(path).copied().unwrap_or_default();
            let gone = bitmap::from_sized(&bytes, rows).map_err(|why| damaged(&list.path, why))?;
            Ok(HashMap::from([(path.clone(), gone)]))
        }
        ("PARQUET", _, _) => {
            let bytes = place.read(&list.path).await?;
            let path = list.path.clone();
            SpawnedTask::spawn_blocking(move || {
                read_parquet(bytes, &rows).map_err(|error| damaged(&path, error.to_string()))
            })
            .join()
            .await
            .map_err(not_joined)?
        }
        (other, _, _) => Err(Diagnostic::error(
            Code::Unsupported,
            format!(
                "the Iceberg table lists deleted rows in a file of format {other}, which is not in this version"
            ),
        )),
    }
}

fn read_parquet(
    bytes: Bytes,
    files: &HashMap<String, u64>,
) -> Result<HashMap<String, Deletions>, ParquetError> {
    let lacks = |name: &str| ParquetError::General(format!("it has no column {name}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["file_path", "pos"]);
    let mut found: HashMap<String, Deletions> = HashMap::new();
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        let paths = batch.column_by_name("file_path").ok_or_else(|| lacks("file_path"))?;
        let paths = cast(paths, &DataType::Utf8)?;
        let paths = paths.as_string::<i32>();
        let rows = batch
            .column_by_name("pos")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| lacks("pos"))?;
        // Lists are sorted by file, so that most rows are of the same file as the one before.
        let mut start = 0;
        while start < rows.len() {
            let path = paths.value(start);
            let end = (start..rows.len()).find(|at| paths.value(*at) != path).unwrap_or(rows.len());
            let places = start..end;
            start = end;
            let Some(count) = files.get(path) else { continue };
            let gone = found.entry(path.to_owned()).or_default();
            for at in places {
                let row = rows.value(at);
                let Some(row) = u64::try_from(row).ok().filter(|row| row < count) else {
                    return Err(ParquetError::General(format!("it has row {row} of a file of {count} rows")));
                };
                gone.insert(row);
            }
        }
    }
    Ok(found)
}

fn damaged(path: &str, why: String) -> Diagnostic {
    Diagnostic::error(Code::BadData, format!("the list of deleted rows {path:?} cannot be read")).detail(why)
}

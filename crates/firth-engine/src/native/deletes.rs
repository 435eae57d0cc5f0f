//! Lists of rows that are deleted: which rows of a file, written beside it in DuckLake's form.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use arrow::{
    array::{AsArray, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Int64Type, Schema},
};
use datafusion::{
    common::runtime::SpawnedTask,
    datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess},
};
use firth_catalog::{COLUMN_ID, Catalog, DataFile, NewDeleteFile};
use firth_diagnostic::{Code, Diagnostic, Result};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection},
    },
    file::metadata::ParquetMetaData,
};

use super::{TablePlace, place};
use crate::error::{from_datafusion, not_joined};

/// The numbers that DuckLake and Iceberg give the columns of such files.
const PATH_COLUMN: (&str, i64) = ("file_path", 2_147_483_646);
const POSITION_COLUMN: (&str, i64) = ("pos", 2_147_483_645);

/// The deleted rows of one data file: a bit for each row up to the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletions {
    words: Vec<u64>,
    rows: u64,
}

impl Deletions {
    /// Adds a row. False if it was there.
    pub(crate) fn insert(&mut self, row: u64) -> bool {
        let word = relative(row / 64);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (row % 64);
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.rows += u64::from(is_new);
        is_new
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.rows
    }

    /// Adds all of another.
    pub(crate) fn extend(&mut self, other: &Deletions) {
        for row in other.iter() {
            self.insert(row);
        }
    }

    /// The rows, in order.
    fn iter(&self) -> impl Iterator<Item = u64> {
        self.words.iter().zip(0_u64..).flat_map(|(word, index)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * 64 + bit)
        })
    }

    /// Which rows of the file are read.
    pub(crate) fn access_plan(&self, metadata: &ParquetMetaData) -> ParquetAccessPlan {
        let mut begin = 0;
        let mut groups = Vec::new();
        let mut deleted_rows = self.iter().peekable();
        for group in metadata.row_groups() {
            let rows = group.num_rows().unsigned_abs();
            let end = begin + rows;
            let mut kept = Vec::new();
            let mut next = begin;
            while let Some(deleted) = deleted_rows.next_if(|row| *row < end) {
                if deleted > next {
                    kept.push(relative(next - begin)..relative(deleted - begin));
                }
                next = deleted + 1;
            }
            if next < end {
                kept.push(relative(next - begin)..relative(rows));
            }
            let is_whole = next == begin;
            groups.push(if kept.is_empty() {
                RowGroupAccess::Skip
            } else if is_whole {
                RowGroupAccess::Scan
            } else {
                RowGroupAccess::Selection(RowSelection::from_consecutive_ranges(
                    kept.into_iter(),
                    relative(rows),
                ))
            });
            begin = end;
        }
        ParquetAccessPlan::new(groups)
    }
}

fn relative(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// Reads the lists of these files, by the files' numbers.
pub(crate) async fn read_deletes(catalog: &Catalog, files: &[DataFile]) -> Result<HashMap<i64, Deletions>> {
    let folder = catalog.data_folder();
    let lists: Vec<(i64, PathBuf, u64)> = files
        .iter()
        .filter_map(|file| file.deletes.as_ref().map(|list| (file.id, folder.join(&list.path), list.rows)))
        .collect();
    if lists.is_empty() {
        return Ok(HashMap::new());
    }
    SpawnedTask::spawn_blocking(move || {
        let read = lists.into_iter().map(|(id, path, rows)| Ok((id, read_list(&path, rows)?)));
        read.collect()
    })
    .join()
    .await
    .map_err(not_joined)?
}

fn read_list(path: &std::path::Path, rows: u64) -> Result<Deletions> {
    let damaged = |why: String| {
        Diagnostic::error(Code::BadData, format!("the list of deleted rows {path:?} cannot be read"))
            .detail(why)
    };
    let file = std::fs::File::open(path).map_err(|error| place::failed("read", path, &error))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|error| damaged(error.to_string()))?;
    let mut found = Deletions::default();
    for batch in reader {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        let positions = batch
            .column_by_name(POSITION_COLUMN.0)
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| damaged("it has no column pos".to_owned()))?;
        for row in positions.iter().flatten() {
            found.insert(row.unsigned_abs());
        }
    }
    if found.len() != rows {
        return Err(damaged(format!("it has {} rows in place of {rows}", found.len())));
    }
    Ok(found)
}

/// Writes the lists of deleted rows of data files. Each holds all that are deleted of its file. They are in no
/// snapshot yet.
pub(crate) async fn write_deletes(
    place: &TablePlace,
    catalog: &Catalog,
    deletions: BTreeMap<i64, Deletions>,
    files: &[DataFile],
) -> Result<Vec<NewDeleteFile>> {
    let folder = std::path::absolute(catalog.data_folder()).unwrap_or_else(|_| catalog.data_folder());
    let path_of = |id: i64| {
        let file = files.iter().find(|file| file.id == id);
        file.map(|file| folder.join(&file.path).display().to_string())
    };
    let mut lists = Vec::new();
    for (id, deleted) in deletions {
        let path =
            path_of(id).ok_or_else(|| Diagnostic::internal(format!("file {id} is not the table's")))?;
        lists.push((id, path, deleted));
    }
    let place = place.clone();
    SpawnedTask::spawn_blocking(move || {
        let mut written: Vec<NewDeleteFile> = Vec::new();
        for (id, path, deleted) in lists {
            match write_list(&place, id, &path, &deleted) {
                Ok(file) => written.push(file),
                Err(error) => {
                    place.discard(written.iter().map(|file| file.name.as_str()));
                    return Err(error);
                }
            }
        }
        place.sync()?;
        Ok(written)
    })
    .join()
    .await
    .map_err(not_joined)?
}

fn write_list(
    place: &TablePlace,
    data_file: i64,
    data_path: &str,
    deleted: &Deletions,
) -> Result<NewDeleteFile> {
    let field = |(name, id): (&str, i64), data_type| {
        let metadata = HashMap::from([(COLUMN_ID.to_owned(), id.to_string())]);
        Field::new(name, data_type, true).with_metadata(metadata)
    };
    let schema = Arc::new(Schema::new(vec![
        field(PATH_COLUMN, DataType::Utf8),
        field(POSITION_COLUMN, DataType::Int64),
    ]));
    let positions: Int64Array = deleted.iter().map(|row| i64::try_from(row).ok()).collect();
    let paths = StringArray::from(vec![data_path; positions.len()]);
    let write = || -> Result<NewDeleteFile> {
        let (name, path, mut file) = place.create("-delete")?;
        let encoded = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(paths), Arc::new(positions)])
            .map_err(parquet::errors::ParquetError::from)
            .and_then(|batch| {
                let mut writer = ArrowWriter::try_new(&mut file, Arc::clone(&schema), None)?;
                writer.write(&batch)?;
                writer.close()
            });
        let sealed = match encoded {
            Ok(_) => place::seal(&mut file, &path),
            Err(error) => Err(from_datafusion(error.into())),
        };
        let (bytes, footer_bytes) = sealed.inspect_err(|_| place.discard([name.as_str()]))?;
        Ok(NewDeleteFile { data_file, name, rows: deleted.len(), bytes, footer_bytes })
    };
    write()
}

//! The footer of a Parquet file: read once for each state of the file.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::{
    common::{ColumnStatistics, Statistics},
    datasource::physical_plan::parquet::metadata::DFParquetMetadata,
    error::Result as DataFusionResult,
};
use object_store::{ObjectMeta, ObjectStore as _};
use parquet::{
    DecodeResult,
    arrow::{PARQUET_FIELD_ID_META_KEY, parquet_to_arrow_schema},
    basic::ConvertedType,
    errors::ParquetError,
    file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder},
};

use super::nan;
use crate::store::StatementStore;

/// The end of a file that is asked for first, in bytes: a part of its size, since larger files have longer
/// footers, within bounds. One request then mostly brings the footer and the page index.
const END_SHARE: u64 = 256;
const END_AT_LEAST: u64 = 64 * 1024;
const END_AT_MOST: u64 = 1024 * 1024;
/// A file of this size is fetched whole: a second request would cost more than the bytes.
const WHOLE: u64 = 1024 * 1024;
/// Statistics kept for each file: one for each way in which tables declare its columns.
const MOST_STATISTICS: usize = 4;

/// A footer with its page index, and what was derived from it.
#[derive(Debug)]
pub(crate) struct Footer {
    metadata: Arc<ParquetMetaData>,
    statistics: Mutex<Vec<(SchemaRef, Arc<Statistics>)>>,
}

/// The footer of a file, from the cache or from the file.
pub(crate) async fn footer(
    store: &StatementStore,
    file: &ObjectMeta,
) -> parquet::errors::Result<Arc<Footer>> {
    if let Some(known) = store.footer(file) {
        return Ok(known);
    }
    let metadata = nan::without_greatest(read(store, file).await?)?;
    let footer = Arc::new(Footer { metadata: Arc::new(metadata), statistics: Mutex::default() });
    store.keep_footer(file, &footer);
    Ok(footer)
}

async fn read(store: &StatementStore, file: &ObjectMeta) -> parquet::errors::Result<ParquetMetaData> {
    let size = file.size;
    let mut decoder =
        ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Optional);
    let end = if size <= WHOLE { size } else { (size / END_SHARE).clamp(END_AT_LEAST, END_AT_MOST) };
    let mut wanted: Vec<_> = std::iter::once(size - end..size).collect();
    loop {
        let bytes: Vec<Bytes> = store
            .get_ranges(&file.location, &wanted)
            .await
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        decoder.push_ranges(wanted, bytes)?;
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => return Ok(metadata),
            DecodeResult::NeedsData(ranges) => wanted = ranges,
            DecodeResult::Finished => {
                return Err(ParquetError::General("the footer ended before it was read".to_owned()));
            }
        }
    }
}

impl Footer {
    /// The footer as readers take it.
    pub(crate) fn metadata(&self) -> &Arc<ParquetMetaData> {
        &self.metadata
    }

    /// The names of the columns of Parquet's type ENUM, but for those within others.
    pub(crate) fn enums(&self) -> impl Iterator<Item = &str> {
        let fields = self.metadata.file_metadata().schema_descr().root_schema().get_fields();
        let is_enum = |field: &&Arc<parquet::schema::types::Type>| {
            field.is_primitive() && field.get_basic_info().converted_type() == ConvertedType::ENUM
        };
        fields.iter().filter(is_enum).map(|field| field.name())
    }

    /// What it holds in memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.metadata.memory_size()
    }

    /// The file's own columns, without its metadata.
    pub(crate) fn schema(&self) -> DataFusionResult<Schema> {
        let numbered = self.numbered_schema()?;
        let fields = numbered.fields().iter();
        let plain = fields.map(|field| Arc::new(field.as_ref().clone().with_metadata(Default::default())));
        Ok(Schema::new(plain.collect::<Vec<FieldRef>>()))
    }

    /// The file's own columns, with their numbers if it has any.
    fn numbered_schema(&self) -> DataFusionResult<Schema> {
        let file = self.metadata.file_metadata();
        Ok(parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?)
    }

    /// Statistics for the columns of a table. If they are numbered, and the file's are, they are found by their numbers,
    /// and nothing is known of those that have another type in the file; else by their names, which may differ from the
    /// file's by case: a column that the file lacks counts as all NULL, and is read so.
    pub(crate) fn statistics(&self, schema: &SchemaRef) -> DataFusionResult<Arc<Statistics>> {
        let known = || self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, statistics)) = known().iter().find(|(of, _)| of == schema) {
            return Ok(Arc::clone(statistics));
        }
        let own = self.numbered_schema()?;
        let by_number = [&own, schema.as_ref()]
            .iter()
            .all(|schema| schema.fields().iter().any(|field| number(field).is_some()));
        let (mut others, mut absent) = (Vec::new(), Vec::new());
        let spelled = schema.fields().iter().enumerate().map(|(at, field)| {
            let is_it = |own: &&FieldRef| match by_number {
                true => number(field).is_some() && number(own) == number(field),
                false => own.name().eq_ignore_ascii_case(field.name()),
            };
            match own.fields().iter().find(is_it) {
                Some(own) if by_number && !is_alike(own.data_type(), field.data_type()) => {
                    others.push(at);
                    Arc::clone(own)
                }
                Some(own) => Arc::new(field.as_ref().clone().with_name(own.name())),
                None if by_number => {
                    absent.push(at);
                    // Another column of the file may have the name.
                    Arc::new(field.as_ref().clone().with_name(format!("\0{at}")))
                }
                None => Arc::clone(field),
            }
        });
        let spelled = Arc::new(Schema::new(spelled.collect::<Vec<FieldRef>>()));
        let mut statistics = DFParquetMetadata::statistics_from_parquet_metadata(&self.metadata, &spelled)?;
        for at in others {
            statistics.column_statistics[at] = ColumnStatistics::new_unknown();
        }
        for at in absent {
            let nulls = ColumnStatistics::new_unknown().with_null_count(statistics.num_rows);
            statistics.column_statistics[at] = nulls;
        }
        let statistics = Arc::new(statistics);
        let mut known = known();
        if known.len() == MOST_STATISTICS {
            known.remove(0);
        }
        known.push((Arc::clone(schema), Arc::clone(&statistics)));
        Ok(statistics)
    }
}

/// The number of a column.
fn number(field: &FieldRef) -> Option<&String> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)
}

/// Whether a file's values are the table's but for how they are laid out in memory.
fn is_alike(own: &DataType, table: &DataType) -> bool {
    let text = |data_type: &DataType| data_type.is_string();
    let bytes = |data_type: &DataType| data_type.is_binary();
    own == table
        || (text(own) && text(table))
        || (bytes(own) && bytes(table))
        || (own.is_nested() && table.is_nested())
}

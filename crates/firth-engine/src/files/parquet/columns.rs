//! One row group, read column by column: from memory what is kept decoded, from the file the rest.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions},
    datatypes::{DataType, Schema, SchemaRef},
};
use datafusion::error::{DataFusionError, Result};
use parquet::{
    DecodeResult,
    arrow::{
        ProjectionMask,
        arrow_reader::ArrowReaderMetadata,
        async_reader::AsyncFileReader,
        push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder},
    },
};

use super::late::{LateFilter, Survivors};
use crate::store::{DecodedColumn, FileColumns};

/// A column of a row group is not gathered to be kept beyond so many bytes.
const GATHERED_AT_MOST: usize = 64 * 1024 * 1024;

/// The columns that a scan reads of a file.
pub(super) struct Read {
    pub(super) metadata: ArrowReaderMetadata,
    /// Their numbers among the file's outermost columns, ascending.
    pub(super) columns: Vec<usize>,
    pub(super) schema: SchemaRef,
    /// Rows in a batch.
    pub(super) batch_size: usize,
    /// What is kept of the file. `None` if nothing tells its states apart.
    pub(super) kept: Option<FileColumns>,
}

/// A row group that is being read.
pub(super) struct RowGroup {
    group: usize,
    rows: usize,
    /// The number of the next batch.
    next: usize,
    /// For each column of the scan its arrays, if they are there already.
    known: Vec<Option<Arc<DecodedColumn>>>,
    /// What decodes the others.
    decoding: Option<Decoding>,
    /// Which rows of each batch are left.
    masks: Option<Vec<BooleanArray>>,
}

/// Columns that are decoded side by side.
struct Decoding {
    decoder: ParquetPushDecoder,
    /// Their places among the columns of the scan.
    places: Vec<usize>,
    /// What was decoded of each, if it is to be kept.
    gathered: Vec<Option<DecodedColumn>>,
}

/// Rows of one batch, and which of them are left.
pub(super) struct Rows {
    pub(super) batch: RecordBatch,
    pub(super) mask: Option<BooleanArray>,
}

impl RowGroup {
    /// Begins to read. With a filter its columns come first: `None` if it leaves no row.
    pub(super) async fn begin(
        read: &Read,
        reader: &mut Box<dyn AsyncFileReader + Send>,
        group: usize,
        filter: Option<LateFilter>,
        survivors: &Survivors,
    ) -> Result<Option<Self>> {
        let rows = usize::try_from(read.metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
        let batches = rows.div_ceil(read.batch_size);
        let known = read.columns.iter().enumerate().map(|(place, column)| {
            let known = read.kept.as_ref()?.get(group, *column, read.data_type(place), read.batch_size)?;
            (known.len() == batches).then_some(known)
        });
        let known = known.collect();
        let mut this = RowGroup { group, rows, next: 0, known, decoding: None, masks: None };
        if let Some(filter) = filter
            && !this.apply(read, reader, filter, survivors).await?
        {
            return Ok(None);
        }
        let missing = |place: &usize| this.known[*place].is_none();
        let places: Vec<usize> = (0..read.columns.len()).filter(missing).collect();
        if !places.is_empty() {
            this.decoding = Some(Decoding::begin(read, group, places)?);
        }
        Ok(Some(this))
    }

    /// Reads the filter's columns and applies it. Whether any row is left.
    async fn apply(
        &mut self,
        read: &Read,
        reader: &mut Box<dyn AsyncFileReader + Send>,
        filter: LateFilter,
        survivors: &Survivors,
    ) -> Result<bool> {
        let needed = filter.columns();
        let places: Vec<usize> =
            (0..read.columns.len()).filter(|place| needed.contains(&read.columns[*place])).collect();
        let missing: Vec<usize> =
            places.iter().copied().filter(|place| self.known[*place].is_none()).collect();
        if !missing.is_empty() {
            let mut decoding = Decoding::begin(read, self.group, missing)?;
            let mut arrays = vec![Vec::new(); decoding.places.len()];
            while let Some(batch) = decoding.next(reader).await? {
                for (arrays, array) in arrays.iter_mut().zip(batch.columns()) {
                    arrays.push(Arc::clone(array));
                }
            }
            for (place, arrays) in decoding.places.iter().zip(arrays) {
                let column = DecodedColumn::new(read.data_type(*place).clone(), read.batch_size, arrays);
                self.known[*place] = Some(Arc::new(column));
            }
            decoding.keep(read, self.group);
        }
        let schema = Arc::new(read.schema.project(&places)?);
        let filter = filter.over(&schema)?;
        let (mut masks, mut left) = (Vec::new(), 0);
        for number in 0..self.rows.div_ceil(read.batch_size) {
            let arrays = places.iter().map(|place| self.array(*place, number)).collect::<Result<_>>()?;
            let mask = filter.mask(&RecordBatch::try_new(Arc::clone(&schema), arrays)?)?;
            left += mask.true_count();
            masks.push(mask);
        }
        survivors.add(self.rows, left);
        self.masks = (left < self.rows).then_some(masks);
        Ok(left > 0)
    }

    fn array(&self, place: usize, number: usize) -> Result<ArrayRef> {
        let known = self.known[place].as_ref().and_then(|known| known.batch(number));
        Ok(known.ok_or_else(|| ended_early(self.group))??)
    }

    /// The next rows; none of them are left out yet.
    pub(super) async fn next(
        &mut self,
        read: &Read,
        reader: &mut Box<dyn AsyncFileReader + Send>,
    ) -> Result<Option<Rows>> {
        let number = self.next;
        let rows = self.rows.saturating_sub(number * read.batch_size).min(read.batch_size);
        if rows == 0 {
            if let Some(decoding) = self.decoding.take() {
                decoding.keep(read, self.group);
            }
            return Ok(None);
        }
        self.next += 1;
        let decoded = match &mut self.decoding {
            Some(decoding) => Some(decoding.next(reader).await?.ok_or_else(|| ended_early(self.group))?),
            None => None,
        };
        let mut decoded = decoded.iter().flat_map(|batch| batch.columns());
        let arrays = (0..read.columns.len()).map(|place| match &self.known[place] {
            Some(_) => self.array(place, number),
            None => decoded.next().map(Arc::clone).ok_or_else(|| ended_early(self.group)),
        });
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&read.schema), arrays, &options)?;
        let mask = self.masks.as_ref().and_then(|masks| masks.get(number).cloned());
        Ok(Some(Rows { batch, mask }))
    }
}

/// A file that has fewer values than its footer says: batches would not fit together.
fn ended_early(group: usize) -> DataFusionError {
    DataFusionError::Execution(format!("row group {group} has fewer values than the file's footer says"))
}

impl Read {
    /// The columns of these numbers, to be read in batches of so many rows.
    pub(super) fn try_new(
        metadata: ArrowReaderMetadata,
        physical: &Schema,
        columns: Vec<usize>,
        batch_size: usize,
        kept: Option<FileColumns>,
    ) -> Result<Self> {
        let schema = Arc::new(physical.project(&columns)?);
        Ok(Read { metadata, columns, schema, batch_size: batch_size.max(1), kept })
    }

    fn data_type(&self, place: usize) -> &DataType {
        self.schema.field(place).data_type()
    }
}

impl Decoding {
    fn begin(read: &Read, group: usize, places: Vec<usize>) -> Result<Self> {
        let roots = places.iter().map(|place| read.columns[*place]);
        let mask = ProjectionMask::roots(read.metadata.parquet_schema(), roots);
        let decoder = ParquetPushDecoderBuilder::new_with_metadata(read.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(read.batch_size)
            .build()?;
        let gathered = places.iter().map(|place| {
            let kept = read.kept.as_ref()?;
            let is_wanted = kept.is_wanted(group, read.columns[*place]);
            is_wanted.then(|| DecodedColumn::empty(read.data_type(*place).clone(), read.batch_size))
        });
        let gathered = gathered.collect();
        Ok(Decoding { decoder, places, gathered })
    }

    /// The next values of all columns.
    async fn next(&mut self, reader: &mut Box<dyn AsyncFileReader + Send>) -> Result<Option<RecordBatch>> {
        loop {
            match self.decoder.try_decode()? {
                DecodeResult::NeedsData(ranges) => {
                    let bytes = reader.get_byte_ranges(ranges.clone()).await?;
                    self.decoder.push_ranges(ranges, bytes)?;
                }
                DecodeResult::Data(batch) => {
                    for (gathered, array) in self.gathered.iter_mut().zip(batch.columns()) {
                        if let Some(known) = gathered
                            && known.add(array) > GATHERED_AT_MOST
                        {
                            *gathered = None;
                        }
                    }
                    return Ok(Some(batch));
                }
                DecodeResult::Finished => return Ok(None),
            }
        }
    }

    /// Keeps what was gathered, once all was decoded.
    fn keep(self, read: &Read, group: usize) {
        let Some(kept) = &read.kept else { return };
        for (place, gathered) in self.places.iter().zip(self.gathered) {
            if let Some(gathered) = gathered {
                kept.keep(group, read.columns[*place], gathered);
            }
        }
    }
}

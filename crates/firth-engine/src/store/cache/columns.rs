//! Columns of Parquet files as readers decoded them: what is read again need not be decompressed and decoded again.
//! Numbers and texts that repeat are kept in as few bytes as they need ([`KeptArray`]).

use std::{collections::HashSet, sync::Arc};

use arrow::{array::ArrayRef, buffer::Buffer, datatypes::DataType, error::ArrowError};

use super::{Aged, Caches, ObjectKey, kept_array::KeptArray};

/// Columns whose first reading is remembered, at most.
const SEEN: usize = 1 << 16;

/// One column of one row group of one state of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ColumnKey {
    pub(super) object: ObjectKey,
    row_group: usize,
    /// The number of the column among the file's outermost ones.
    column: usize,
}

/// All values of a column in a row group, in arrays of `batch_size` rows; the last may be shorter.
#[derive(Debug)]
pub(crate) struct DecodedColumn {
    data_type: DataType,
    batch_size: usize,
    batches: Vec<KeptArray>,
    /// Where the buffers are that were counted: several arrays share one, as views of one dictionary do.
    counted: HashSet<usize>,
    bytes: usize,
}

impl DecodedColumn {
    /// For soon: the arrays as they are.
    pub(crate) fn new(data_type: DataType, batch_size: usize, batches: Vec<ArrayRef>) -> Self {
        let mut column = DecodedColumn::empty(data_type, batch_size);
        for array in batches {
            column.push(KeptArray::Whole(array));
        }
        column
    }

    /// To be kept: without arrays yet.
    pub(crate) fn empty(data_type: DataType, batch_size: usize) -> Self {
        DecodedColumn { data_type, batch_size, batches: Vec::new(), counted: HashSet::new(), bytes: 0 }
    }

    /// Takes in the next array, in the fewest bytes. Answers how many all hold now.
    pub(crate) fn add(&mut self, array: &ArrayRef) -> usize {
        self.push(KeptArray::packed(array));
        self.bytes
    }

    fn push(&mut self, array: KeptArray) {
        let counted = &mut self.counted;
        let mut new = |buffer: &Buffer| {
            if counted.insert(buffer.data_ptr().addr().get()) { buffer.capacity() } else { 0 }
        };
        self.bytes += array.memory_size(&mut new);
        self.batches.push(array);
    }

    /// How many arrays there are.
    pub(crate) fn len(&self) -> usize {
        self.batches.len()
    }

    /// The array of this number.
    pub(crate) fn batch(&self, number: usize) -> Option<Result<ArrayRef, ArrowError>> {
        self.batches.get(number).map(KeptArray::array)
    }
}

/// Decoded columns that were read at least twice.
///
/// A column's first reading is only remembered: most are read once. When there is no room, a column takes the place of
/// those that were not used since it was read before (as LRU-2 has it), so that reading in turn more than there is room for keeps
/// a part of it instead of nothing.
#[derive(Debug, Default)]
pub(super) struct Columns {
    kept: Aged<ColumnKey, Arc<DecodedColumn>>,
    /// When columns that are not kept were last read, by the clock of `kept`.
    seen: Aged<ColumnKey, u64>,
}

impl Columns {
    pub(super) fn weight(&self) -> usize {
        self.kept.weight()
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    fn get(
        &mut self,
        key: &ColumnKey,
        data_type: &DataType,
        batch_size: usize,
    ) -> Option<Arc<DecodedColumn>> {
        let known = self.kept.get(key)?;
        (known.data_type == *data_type && known.batch_size == batch_size).then(|| Arc::clone(known))
    }

    /// Notes that a column is about to be decoded; answers whether it was before.
    fn is_wanted(&mut self, key: &ColumnKey) -> bool {
        if self.seen.get(key).is_some() {
            return true;
        }
        let now = self.kept.clock();
        self.seen.insert(key.clone(), now, 1);
        while self.seen.len() > SEEN && self.seen.remove_oldest() {}
        false
    }

    /// Keeps a column if there is room for it within `limit` bytes, or others have been unused for longer.
    fn keep(&mut self, key: ColumnKey, column: Arc<DecodedColumn>, limit: usize) {
        let weight = column.bytes;
        let now = self.kept.clock();
        let seen = self.seen.get(&key).copied().unwrap_or(now);
        while self.kept.weight() + weight > limit {
            if weight > limit || self.kept.oldest_use().is_none_or(|used| used >= seen) {
                self.seen.insert(key, now, 1);
                return;
            }
            self.kept.remove_oldest();
        }
        self.kept.insert(key, column, weight);
    }

    pub(super) fn remove_oldest(&mut self) -> bool {
        self.kept.remove_oldest()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&ColumnKey) -> bool) {
        self.kept.retain(&keep);
        self.seen.retain(&keep);
    }
}

/// The decoded columns of one state of one file.
#[derive(Clone, Debug)]
pub(crate) struct FileColumns {
    caches: Arc<Caches>,
    object: ObjectKey,
}

impl FileColumns {
    pub(crate) fn new(caches: Arc<Caches>, object: ObjectKey) -> Self {
        FileColumns { caches, object }
    }

    fn key(&self, row_group: usize, column: usize) -> ColumnKey {
        ColumnKey { object: self.object.clone(), row_group, column }
    }

    /// A column in this type and these batches, if it is kept.
    pub(crate) fn get(
        &self,
        row_group: usize,
        column: usize,
        data_type: &DataType,
        batch_size: usize,
    ) -> Option<Arc<DecodedColumn>> {
        let key = self.key(row_group, column);
        self.caches.with_columns(|columns, _| columns.get(&key, data_type, batch_size))
    }

    /// Notes that a column is about to be decoded; answers whether to keep it then.
    pub(crate) fn is_wanted(&self, row_group: usize, column: usize) -> bool {
        let key = self.key(row_group, column);
        self.caches.with_columns(|columns, limit| limit > 0 && columns.is_wanted(&key))
    }

    /// Keeps a column, if there is room.
    pub(crate) fn keep(&self, row_group: usize, column: usize, decoded: DecodedColumn) {
        let key = self.key(row_group, column);
        self.caches.with_columns(|columns, limit| columns.keep(key, Arc::new(decoded), limit));
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use object_store::path::Path;

    use super::*;
    use crate::store::cache::StoreId;

    fn key(row_group: usize) -> ColumnKey {
        let store = StoreId::new(uuid::Uuid::nil(), 0, "bucket");
        let object =
            ObjectKey::try_new(&store, &Path::from("f"), Some("e"), None, 1).expect("it has an ETag");
        ColumnKey { object, row_group, column: 0 }
    }

    fn column() -> Arc<DecodedColumn> {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        Arc::new(DecodedColumn::new(DataType::Int64, 1000, vec![values]))
    }

    /// Reads a column as a scan does. Whether it was kept.
    fn read(columns: &mut Columns, row_group: usize, limit: usize) -> bool {
        if columns.get(&key(row_group), &DataType::Int64, 1000).is_some() {
            return true;
        }
        if columns.is_wanted(&key(row_group)) {
            columns.keep(key(row_group), column(), limit);
        }
        false
    }

    #[test]
    fn the_second_reading_is_kept_in_its_type_only() {
        let mut columns = Columns::default();
        assert_eq!([0; 3].map(|group| read(&mut columns, group, 1 << 20)), [false, false, true]);
        assert!(columns.get(&key(0), &DataType::Int32, 1000).is_none());
        assert!(columns.get(&key(0), &DataType::Int64, 500).is_none());
        assert!(columns.weight() >= 8000 && columns.weight() < 9000, "{}", columns.weight());
    }

    #[test]
    fn reading_in_turn_more_than_fits_keeps_a_part() {
        let mut columns = Columns::default();
        let room_for_two = 20_000;
        let passes: Vec<usize> =
            (0..6).map(|_| (0..4).filter(|group| read(&mut columns, *group, room_for_two)).count()).collect();
        assert_eq!(passes, [0, 0, 2, 2, 2, 2]);
    }

    #[test]
    fn what_is_read_now_takes_the_place_of_what_no_longer_is() {
        let mut columns = Columns::default();
        let room_for_two = 20_000;
        let mut pass = |groups: [usize; 2]| groups.map(|group| read(&mut columns, group, room_for_two));
        assert_eq!([pass([0, 1]), pass([0, 1]), pass([0, 1])], [[false; 2], [false; 2], [true; 2]]);
        assert_eq!([pass([2, 3]), pass([2, 3]), pass([2, 3])], [[false; 2], [false; 2], [true; 2]]);
    }

    #[test]
    fn shared_buffers_count_once() {
        let long = "a text that is too long to lie within its view";
        let all: ArrayRef = Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(long, 1000)));
        let mut whole = DecodedColumn::empty(DataType::Utf8View, 1000);
        let mut halves = DecodedColumn::empty(DataType::Utf8View, 500);
        halves.add(&all.slice(0, 500));
        let (whole, halves) = (whole.add(&all), halves.add(&all.slice(500, 500)));
        assert!(halves < whole + 400, "{halves} {whole}");
    }
}

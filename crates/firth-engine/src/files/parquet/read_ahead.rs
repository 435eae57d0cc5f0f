//! Which row groups to fetch before they are asked for.
//!
//! A reader asks for the column chunks of one row group, decodes them, and asks for the next. A request
//! for each would leave the network idle while rows are decoded, and cost a round trip for each row group.
//! When row groups are asked for one after the other, the chunks of those that follow are fetched too, more
//! of them each time, as operating systems do with files. A reader that jumps, because statistics rule row
//! groups out, fetches what it asks for and no more.
//!
//! A filter is read in rounds: its own columns first, then, for rows that passed, the others. The columns
//! that were asked for whole in one row group, in all rounds, are what is fetched of the next: columns of
//! which no row or only some pages were needed are not.

use std::{collections::BTreeSet, ops::Range};

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

/// What is fetched ahead at first and at most, in bytes.
const FIRST: u64 = 4 * 1024 * 1024;
const MOST: u64 = 16 * 1024 * 1024;

/// The pattern in which a reader asks.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    /// The row group asked for last.
    last: Option<usize>,
    /// Its columns that were asked for whole.
    columns: BTreeSet<usize>,
    /// The last row group that was fetched or is being fetched.
    fetched: usize,
    window: u64,
}

impl ReadAhead {
    /// Notes that `ranges` are asked for now; answers the ranges to fetch beside them. `part` is the part of
    /// the file that the reader reads.
    pub(super) fn next(
        &mut self,
        metadata: &ParquetMetaData,
        part: Option<&Range<u64>>,
        ranges: &[Range<u64>],
    ) -> Vec<Range<u64>> {
        let Some((group, columns)) = asked_for(metadata, self.last, ranges) else { return Vec::new() };
        if self.last == Some(group) {
            self.columns.extend(columns);
            return Vec::new();
        }
        let follows = self.last.is_some_and(|last| last + 1 == group);
        let expected = std::mem::replace(&mut self.columns, columns.into_iter().collect());
        self.last = Some(group);
        if !follows || expected.is_empty() {
            self.fetched = group;
            self.window = FIRST;
            return Vec::new();
        }
        // More than one row group that was fetched is still unread: no hurry.
        if self.fetched > group + 1 {
            return Vec::new();
        }
        let mut ahead = Vec::new();
        let mut bytes = 0;
        let mut next = self.fetched.max(group) + 1;
        while let Some(row_group) = metadata.row_groups().get(next) {
            if bytes >= self.window || !lies_in(row_group, part) {
                break;
            }
            for column in &expected {
                let Some(chunk) = chunk(row_group, *column) else { return ahead };
                bytes += chunk.end - chunk.start;
                ahead.push(chunk);
            }
            self.fetched = next;
            next += 1;
        }
        self.window = (self.window * 2).min(MOST);
        ahead
    }
}

/// The row group that holds `ranges`, and the columns of which they are the whole chunks. `near` is where to
/// look first.
fn asked_for(
    metadata: &ParquetMetaData,
    near: Option<usize>,
    ranges: &[Range<u64>],
) -> Option<(usize, Vec<usize>)> {
    let first = ranges.first()?;
    let groups = metadata.row_groups();
    let holds = |group: &RowGroupMetaData| {
        (0..group.num_columns()).any(|column| {
            chunk(group, column).is_some_and(|chunk| chunk.start <= first.start && first.end <= chunk.end)
        })
    };
    let from = near.unwrap_or_default();
    let index = (from..groups.len()).chain(0..from.min(groups.len())).find(|index| holds(&groups[*index]))?;
    let group = &groups[index];
    let whole = (0..group.num_columns())
        .filter(|column| chunk(group, *column).is_some_and(|chunk| ranges.contains(&chunk)));
    Some((index, whole.collect()))
}

/// Where a column's chunk lies. `None` for what a broken file claims.
fn chunk(group: &RowGroupMetaData, column: usize) -> Option<Range<u64>> {
    let column = group.column(column);
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(column.compressed_size()).ok()?)?)
}

/// Whether the reader of a part of the file reads this row group: DataFusion's rule is that its first page
/// begins there.
fn lies_in(group: &RowGroupMetaData, part: Option<&Range<u64>>) -> bool {
    let Some(part) = part else { return true };
    group.num_columns() > 0 && chunk(group, 0).is_some_and(|chunk| part.contains(&chunk.start))
}

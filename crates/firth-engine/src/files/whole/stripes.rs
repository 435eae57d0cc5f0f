//! Which stripes of an ORC file a filter leaves, by the statistics in the file's footer.
//!
//! Only statistics that bound what is read are used. A field that a writer left out reads as 0 or as empty text in
//! them, so such bounds are taken for unknown. Bounds of timestamps are wider here than written: writers do not agree
//! on whether the offset of their time zone is in them (ORC-135). Floating-point numbers are left alone for NaN, decimals
//! and `char(n)` for how they are written.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, UInt64Array},
    datatypes::{DataType, SchemaRef, TimeUnit},
};
use datafusion::{
    common::{Column, ScalarValue, pruning::PruningStatistics},
    physical_expr_common::physical_expr::snapshot_physical_expr,
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{PhysicalExpr, metrics::Count},
};
use orc_rust::{
    reader::metadata::FileMetadata,
    schema::DataType as OrcType,
    statistics::{ColumnStatistics, TypeStatistics},
    stripe::StripeMetadata,
};

/// Milliseconds by which a timestamp's bound may be off: more than any time zone's offset.
const ZONES: i64 = 26 * 60 * 60 * 1000;

/// Every stripe.
pub(super) const WHOLE: Range<usize> = 0..usize::MAX;

/// A filter, and the table whose columns it names.
#[derive(Clone)]
pub(super) struct StripeFilter {
    pub(super) predicate: Arc<dyn PhysicalExpr>,
    pub(super) table: SchemaRef,
    /// Stripes that were not read.
    pub(super) left_out: Count,
}

impl StripeFilter {
    /// Where the stripes begin that may hold rows the filter lets pass, as ranges of the file's bytes.
    pub(super) fn ranges(&self, file: &FileMetadata) -> Vec<Range<usize>> {
        let stripes = file.stripe_metadatas();
        let kept = self.kept(file);
        // Stripes in another order would be in two ranges, or in none.
        if kept.iter().all(|kept| *kept) || !stripes.is_sorted_by(|one, next| one.offset() < next.offset()) {
            return vec![WHOLE];
        }
        self.left_out.add(kept.iter().filter(|kept| !**kept).count());
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut follows = false;
        for (stripe, kept) in stripes.iter().zip(kept) {
            // An offset that does not fit cannot be read either, and the reader says so.
            let begin = usize::try_from(stripe.offset()).unwrap_or(usize::MAX - 1);
            match ranges.last_mut() {
                Some(range) if kept && follows => range.end = begin.saturating_add(1),
                _ if kept => ranges.push(begin..begin.saturating_add(1)),
                _ => {}
            }
            follows = kept;
        }
        ranges
    }

    /// For each stripe whether rows of it may pass.
    fn kept(&self, file: &FileMetadata) -> Vec<bool> {
        let all = vec![true; file.stripe_metadatas().len()];
        // What a join or a top-k has learned by now.
        let Ok(predicate) = snapshot_physical_expr(Arc::clone(&self.predicate)) else { return all };
        let predicate =
            PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.table)).build(predicate);
        // What cannot be judged is read.
        let kept = predicate.and_then(|predicate| predicate.prune(&Known { table: &self.table, file }).ok());
        kept.unwrap_or(all)
    }
}

struct Known<'a> {
    table: &'a SchemaRef,
    file: &'a FileMetadata,
}

impl<'a> Known<'a> {
    /// The file's column of this name, if there is one and no other.
    fn column(&self, name: &str) -> Option<&'a OrcType> {
        let columns = self.file.root_data_type().children().iter();
        let mut named = columns.filter(|column| column.name().to_lowercase() == name.to_lowercase());
        let (only, other) = (named.next()?, named.next());
        other.is_none().then(|| only.data_type())
    }

    fn statistics(&self, column: &OrcType) -> impl Iterator<Item = Stripe<'a>> + use<'a> {
        let index = column.column_index();
        let stripes = self.file.stripe_metadatas().iter();
        stripes.map(move |stripe| Stripe { stripe, statistics: stripe.column_statistics().get(index) })
    }

    fn bounds(
        &self,
        column: &Column,
        bound: impl Fn((ScalarValue, ScalarValue)) -> ScalarValue,
    ) -> Option<ArrayRef> {
        let target = self.table.field_with_name(&column.name).ok()?.data_type();
        let type_ = self.column(&column.name)?;
        let null = ScalarValue::try_from(target).ok()?;
        let values = self.statistics(type_).map(|stripe| {
            let bounds = stripe.statistics.and_then(|statistics| bounds(statistics, type_, target));
            bounds.map_or_else(|| null.clone(), &bound)
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

struct Stripe<'a> {
    stripe: &'a StripeMetadata,
    statistics: Option<&'a ColumnStatistics>,
}

impl Stripe<'_> {
    fn nulls(&self) -> Option<u64> {
        let statistics = self.statistics?;
        let (rows, values) = (self.stripe.number_of_rows(), statistics.number_of_values());
        // Nothing but zeros may be statistics that were not written.
        (values > 0 || statistics.has_null()).then(|| rows.checked_sub(values)).flatten()
    }
}

/// The least and the greatest value, or what is beyond them, as a table's column of this type has them.
fn bounds(
    statistics: &ColumnStatistics,
    type_: &OrcType,
    target: &DataType,
) -> Option<(ScalarValue, ScalarValue)> {
    let (least, greatest) = match (statistics.type_statistics()?, type_, target) {
        (
            TypeStatistics::Integer { min, max, .. },
            OrcType::Byte { .. } | OrcType::Short { .. } | OrcType::Int { .. } | OrcType::Long { .. },
            DataType::Int64,
        ) if min <= max && (*min, *max) != (0, 0) => {
            (ScalarValue::Int64(Some(*min)), ScalarValue::Int64(Some(*max)))
        }
        (TypeStatistics::Date { min, max }, OrcType::Date { .. }, DataType::Date32)
            if min <= max && (*min, *max) != (0, 0) =>
        {
            (ScalarValue::Date32(Some(*min)), ScalarValue::Date32(Some(*max)))
        }
        (
            TypeStatistics::String { lower_bound, upper_bound, .. },
            OrcType::String { .. } | OrcType::Varchar { .. },
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8,
        ) if lower_bound <= upper_bound && !upper_bound.is_empty() => {
            (text(lower_bound, target)?, text(upper_bound, target)?)
        }
        (
            TypeStatistics::Timestamp { min_utc, max_utc, .. },
            OrcType::Timestamp { .. } | OrcType::TimestampWithLocalTimezone { .. },
            DataType::Timestamp(TimeUnit::Microsecond, zone),
        ) if min_utc <= max_utc && (*min_utc, *max_utc) != (0, 0) => {
            let least = min_utc.checked_sub(ZONES)?.checked_mul(1000)?;
            let greatest = max_utc.checked_add(ZONES)?.checked_mul(1000)?;
            let moment = |micros| ScalarValue::TimestampMicrosecond(Some(micros), zone.clone());
            (moment(least), moment(greatest))
        }
        _ => return None,
    };
    Some((least, greatest))
}

fn text(value: &str, target: &DataType) -> Option<ScalarValue> {
    ScalarValue::from(value).cast_to(target).ok()
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(least, _)| least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(_, greatest)| greatest)
    }

    fn num_containers(&self) -> usize {
        self.file.stripe_metadatas().len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let type_ = self.column(&column.name)?;
        Some(Arc::new(self.statistics(type_).map(|stripe| stripe.nulls()).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let stripes = self.file.stripe_metadatas().iter();
        Some(Arc::new(stripes.map(|stripe| Some(stripe.number_of_rows())).collect::<UInt64Array>()))
    }

    fn contained(
        &self,
        _column: &Column,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<BooleanArray> {
        None
    }
}

#[cfg(test)]
mod tests;

//! What of a whole query a source does as we do: grouping, ordering, aggregates.

use arrow::datatypes::DataType;

use crate::Operand;

/// An aggregate over rows that are not NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// How many.
    Count,
    /// How many different ones.
    CountDistinct,
    /// Their sum.
    Sum,
    /// Their mean: of decimals cut off, not rounded, at the scale of the result.
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// Why something is done here, in words for a person: completes "kept local: …".
pub type Reason = String;

/// The part of a dialect that writes whole queries: joins, groups, order. Joins are by conditions that
/// the dialect lists as operations, inner, left, and by EXISTS.
///
/// As everywhere, what is not listed is done here, and the reason is shown by EXPLAIN.
pub trait QueryDialect: Send + Sync {
    /// A select item whose values arrive as exactly `data_type`.
    fn item(&self, operand: &Operand<'_>, data_type: &DataType) -> Result<String, Reason>;

    /// An item of GROUP BY, and of the select list beside it: rows fall together as they do here, and
    /// what arrives is one of the group's equal values.
    fn group(&self, operand: &Operand<'_>) -> Result<String, Reason>;

    /// An aggregate whose value arrives as exactly `result`. What overflows `result` is an error.
    fn aggregate(
        &self,
        aggregate: Aggregate,
        operand: &Operand<'_>,
        result: &DataType,
    ) -> Result<String, Reason>;

    /// How many rows there are, as INT64.
    fn count_rows(&self) -> &'static str {
        "count(*)"
    }

    /// An item of ORDER BY, with the place of NULL: rows come in the order they have here.
    fn order(&self, operand: &Operand<'_>, descending: bool, nulls_first: bool) -> Result<String, Reason>;
}

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

/// A function over the rows around a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    /// The row's place, from 1.
    RowNumber,
    /// One more than the rows before those that are equal to it.
    Rank,
    /// How many different rows there are up to it.
    DenseRank,
    /// The value in the row that is so many before.
    Lag(u32),
    /// The value in the row that is so many after.
    Lead(u32),
    /// The value in the frame's first row.
    FirstValue,
    /// The value in the frame's last row.
    LastValue,
    /// Over the frame's rows; `None` for how many there are.
    Aggregate(Option<Aggregate>),
}

/// Why something is done here, in words for a person: completes "kept local: …".
pub type Reason = String;

/// A part of a query, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its text.
    pub sql: String,
    /// The source's own type of its values, where it is known: as with what is rendered.
    pub remote_type: Option<String>,
}

impl Written {
    /// Of a type that is not known.
    pub fn new(sql: impl Into<String>) -> Self {
        Written { sql: sql.into(), remote_type: None }
    }

    /// Of this type.
    pub fn typed(sql: impl Into<String>, remote_type: impl Into<String>) -> Self {
        Written { sql: sql.into(), remote_type: Some(remote_type.into()) }
    }

    /// An operand, as it is.
    pub fn operand(operand: &Operand<'_>) -> Self {
        Written { sql: operand.sql.to_owned(), remote_type: operand.remote_type.map(str::to_owned) }
    }
}

/// The part of a dialect that writes whole queries: joins, groups, order. Joins are by conditions that
/// the dialect lists as operations, inner, left, and by EXISTS.
///
/// As everywhere, what is not listed is done here, and the reason is shown by EXPLAIN.
pub trait QueryDialect: Send + Sync {
    /// A select item whose values arrive as exactly `data_type`.
    fn item(&self, operand: &Operand<'_>, data_type: &DataType) -> Result<Written, Reason>;

    /// An item of GROUP BY, and of the select list beside it: rows fall together as they do here, and
    /// what arrives is one of the group's equal values.
    fn group(&self, operand: &Operand<'_>) -> Result<Written, Reason>;

    /// An aggregate whose value arrives as exactly `result`. What overflows `result` is an error.
    fn aggregate(
        &self,
        aggregate: Aggregate,
        operand: &Operand<'_>,
        result: &DataType,
    ) -> Result<Written, Reason>;

    /// A window function whose value arrives as exactly `result`, or, of row numbers and ranks, which are unsigned
    /// here, as INT64. `over` stands between the parentheses after OVER: its keys are this dialect's.
    fn window(
        &self,
        function: WindowFunction,
        operand: Option<&Operand<'_>>,
        over: &str,
        result: &DataType,
    ) -> Result<Written, Reason> {
        let _ = (function, operand, over, result);
        Err("window functions are not sent to this source".to_owned())
    }

    /// How many rows there are, as INT64.
    fn count_rows(&self) -> &'static str {
        "count(*)"
    }

    /// An item of ORDER BY, with the place of NULL: rows come in the order they have here.
    fn order(&self, operand: &Operand<'_>, descending: bool, nulls_first: bool) -> Result<String, Reason>;
}

//! The least and the greatest value of each column of a file, as the manifest has them: for whoever wants to
//! leave a file out without opening it.

use std::{cmp::Ordering, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    functions_aggregate::min_max::{MaxAccumulator, MinAccumulator},
    logical_expr::Accumulator,
    scalar::ScalarValue,
};
use parquet::file::{metadata::ColumnChunkMetaData, statistics::Statistics};
use serde::{Deserialize, Serialize};

use crate::{files::sql_type, value::Values};

/// Letters of a text that are kept.
const LETTERS: usize = 64;

/// What lies around all values of a column of a file that are not NULL, as text of the column's type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnBounds {
    pub(crate) name: String,
    /// No value is less. Of a long text, its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<String>,
    /// No value is greater. Of a long text, what follows every text with its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<String>,
}

/// The bounds of some rows, by column.
#[derive(Clone, Debug)]
pub(crate) struct Bounds(Vec<Known>);

#[derive(Clone, Debug)]
enum Known {
    /// There was no value but NULL.
    Nothing,
    Between(ScalarValue, ScalarValue),
    /// A type without an order that everybody shares, or a NaN among the values.
    Unordered,
}

impl Bounds {
    /// Of no rows.
    pub(crate) fn none(schema: &Schema) -> Self {
        let columns = schema.fields().iter();
        Bounds(
            columns.map(|field| if is_ordered(field) { Known::Nothing } else { Known::Unordered }).collect(),
        )
    }

    /// Of the rows of `batches`, whose columns are those of `schema`, strings in any layout.
    pub(crate) fn of(schema: &Schema, batches: &[RecordBatch]) -> Self {
        Bounds::none(schema).around(batches, |_| true)
    }

    /// As [`Bounds::of`] but for columns of text, of which nothing is said: see [`Bounds::set_text`].
    pub(crate) fn without_texts(schema: &Schema, batches: &[RecordBatch]) -> Self {
        Bounds::none(schema).around(batches, |index| !is_text(schema.field(index)))
    }

    fn around(mut self, batches: &[RecordBatch], is_asked: impl Fn(usize) -> bool) -> Self {
        for batch in batches {
            for (index, (known, array)) in self.0.iter_mut().zip(batch.columns()).enumerate() {
                if !matches!(known, Known::Unordered) && is_asked(index) {
                    known.widen(Known::of(array));
                }
            }
        }
        self
    }

    /// Takes the bounds of a column of text from what was written of it: its writer has compared all values.
    /// (It leaves NaN out, so those of numbers are not taken from there.)
    pub(crate) fn set_text(&mut self, schema: &Schema, written: &ColumnChunkMetaData) {
        let [name] = written.column_path().parts() else { return };
        if let Some((column, field)) = schema.column_with_name(name)
            && is_text(field)
        {
            self.0[column] = Known::written(written);
        }
    }

    /// Takes in other rows of the same columns.
    pub(crate) fn widen(&mut self, other: Bounds) {
        for (known, more) in self.0.iter_mut().zip(other.0) {
            known.widen(more);
        }
    }

    /// As the manifest has them: columns of which something is known.
    pub(crate) fn columns(&self, schema: &Schema) -> Vec<ColumnBounds> {
        let columns = schema.fields().iter().zip(&self.0);
        columns
            .filter_map(|(field, known)| {
                let Known::Between(least, greatest) = known else { return None };
                let (least, greatest) = (text(field, least)?, text(field, greatest)?);
                let is_text = is_text(field);
                Some(ColumnBounds {
                    name: field.name().clone(),
                    min: Some(if is_text { least.chars().take(LETTERS).collect() } else { least }),
                    max: if is_text { above(greatest) } else { Some(greatest) },
                })
            })
            .collect()
    }
}

impl Known {
    fn of(array: &ArrayRef) -> Self {
        let (least, greatest) =
            (MinAccumulator::try_new(array.data_type()), MaxAccumulator::try_new(array.data_type()));
        let (Some(least), Some(greatest)) = (evaluated(least, array), evaluated(greatest, array)) else {
            return Known::Unordered;
        };
        if least.is_null() || greatest.is_null() {
            return Known::Nothing;
        }
        // Which end NaN is at depends on whom one asks.
        if is_nan(&least) || is_nan(&greatest) {
            return Known::Unordered;
        }
        Known::Between(least, greatest)
    }

    /// Of a column of text. Long ones are cut, the greatest upwards.
    fn written(chunk: &ColumnChunkMetaData) -> Self {
        let Some(Statistics::ByteArray(statistics)) = chunk.statistics() else { return Known::Unordered };
        let text = |value: &parquet::data_type::ByteArray| Some(value.as_utf8().ok()?.to_owned());
        match (statistics.min_opt().map(text), statistics.max_opt().map(text)) {
            (Some(Some(least)), Some(Some(greatest))) => {
                Known::Between(ScalarValue::Utf8View(Some(least)), ScalarValue::Utf8View(Some(greatest)))
            }
            (None, None)
                if i64::try_from(statistics.null_count_opt().unwrap_or(0)) == Ok(chunk.num_values()) =>
            {
                Known::Nothing
            }
            _ => Known::Unordered,
        }
    }

    fn widen(&mut self, more: Known) {
        let before = std::mem::replace(self, Known::Unordered);
        *self = match (before, more) {
            (Known::Unordered, _) | (_, Known::Unordered) => Known::Unordered,
            (known, Known::Nothing) | (Known::Nothing, known) => known,
            (Known::Between(least, greatest), Known::Between(less, greater)) => {
                match (less.partial_cmp(&least), greater.partial_cmp(&greatest)) {
                    (Some(below), Some(above)) => Known::Between(
                        if below == Ordering::Less { less } else { least },
                        if above == Ordering::Greater { greater } else { greatest },
                    ),
                    (None, _) | (_, None) => Known::Unordered,
                }
            }
        };
    }
}

fn evaluated(
    accumulator: datafusion::error::Result<impl Accumulator>,
    array: &ArrayRef,
) -> Option<ScalarValue> {
    let mut accumulator = accumulator.ok()?;
    accumulator.update_batch(&[Arc::clone(array)]).ok()?;
    accumulator.evaluate().ok()
}

fn is_ordered(field: &Field) -> bool {
    match field.data_type() {
        DataType::Boolean
        | DataType::Date32
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => true,
        other => is_text(field) || other.is_integer() || other.is_floating(),
    }
}

/// JSON is text too, and has no order.
fn is_text(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        && sql_type(field) == "STRING"
}

fn is_nan(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float64(Some(number)) => number.is_nan(),
        ScalarValue::Float32(Some(number)) => number.is_nan(),
        ScalarValue::Float16(Some(number)) => number.is_nan(),
        _ => false,
    }
}

/// As exports to CSV write it.
fn text(field: &Field, value: &ScalarValue) -> Option<String> {
    Values::try_new(field, &value.to_array().ok()?).ok()?.text(0)
}

/// The text itself, or, if it is long, a shorter one that is not less.
fn above(text: String) -> Option<String> {
    if text.chars().nth(LETTERS).is_none() {
        return Some(text);
    }
    let mut letters: Vec<char> = text.chars().take(LETTERS).collect();
    while let Some(last) = letters.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringViewArray};
    use insta::assert_snapshot;

    use super::*;

    fn rows(numbers: Vec<Option<i64>>, floats: Vec<f64>, texts: Vec<&str>) -> RecordBatch {
        let columns: [(&str, ArrayRef); 3] = [
            ("n", Arc::new(Int64Array::from(numbers))),
            ("f", Arc::new(Float64Array::from(floats))),
            ("t", Arc::new(StringViewArray::from(texts))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    fn shown(batches: &[RecordBatch]) -> String {
        let schema = batches[0].schema();
        let mut bounds = Bounds::none(&schema);
        for batch in batches {
            bounds.widen(Bounds::of(&schema, std::slice::from_ref(batch)));
        }
        let columns = bounds.columns(&schema);
        columns.iter().map(|column| serde_json::to_string(column).expect("JSON") + "\n").collect()
    }

    #[test]
    fn bounds_lie_around_the_rows_of_all_chunks() {
        let first = rows(vec![Some(3), None], vec![0.5, 2.0], vec!["b", "ä"]);
        let second = rows(vec![Some(-1), Some(i64::MAX)], vec![-0.5, 1.0], vec!["", "c"]);
        assert_snapshot!(shown(&[first, second]), @r#"
        {"name":"n","min":"-1","max":"9223372036854775807"}
        {"name":"f","min":"-0.5","max":"2.0"}
        {"name":"t","min":"","max":"ä"}
        "#);
    }

    #[test]
    fn columns_of_nulls_or_with_nan_have_none() {
        let nan = rows(vec![None, None], vec![1.0, f64::NAN], vec!["a", "a"]);
        let after = rows(vec![None], vec![2.0], vec!["a"]);
        assert_snapshot!(shown(&[nan, after]), @r#"{"name":"t","min":"a","max":"a"}"#);
    }

    #[test]
    fn long_texts_are_cut_and_the_greatest_is_raised() {
        let long = "z".repeat(LETTERS + 1);
        assert_eq!(above(long.clone()), Some("z".repeat(LETTERS - 1) + "{"));
        assert_eq!(above("z".repeat(LETTERS)), Some("z".repeat(LETTERS)), "not too long");
        assert_eq!(above(char::MAX.to_string().repeat(LETTERS + 1)), None);
        let before_surrogates = format!("{}\u{D7FF}x", "a".repeat(LETTERS - 1));
        assert_eq!(above(before_surrogates), Some("a".repeat(LETTERS - 1) + "\u{E000}"));
        let batch = rows(vec![Some(1)], vec![1.0], vec![&long]);
        assert!(shown(&[batch]).contains(&format!("\"min\":\"{}\"", "z".repeat(LETTERS))));
    }
}

//! Casts that need not be sent.

use arrow::datatypes::DataType;
use datafusion::{logical_expr::Expr, scalar::ScalarValue};
use firth_connector::Operation;

/// Whether a cast from the first type to the second can be left out.
pub(super) type Keeps = fn(&DataType, &DataType) -> bool;

/// The value of a cast of a literal, or `None` if it is not one or fails.
///
/// A failing cast stays as it is, and fails or is NULL where it is evaluated.
pub(super) fn folded_cast(inner: &Expr, target: &DataType) -> Option<ScalarValue> {
    match inner {
        Expr::Literal(value, _) => value.cast_to(target).ok(),
        _ => None,
    }
}

/// Whether a cast only changes how Arrow lays the value out: no source can tell the difference.
pub(super) fn keeps_value(from: &DataType, to: &DataType) -> bool {
    let text =
        |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let bytes = |data_type: &DataType| {
        matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
    };
    from == to || (text(from) && text(to)) || (bytes(from) && bytes(to))
}

/// Whether values compare before a cast as they do after it, as with wider integers and decimals.
/// They need not add up alike: the narrower type overflows earlier.
pub(super) fn keeps_comparisons(from: &DataType, to: &DataType) -> bool {
    if keeps_value(from, to) {
        return true;
    }
    if let (
        DataType::Decimal128(precision, scale),
        DataType::Decimal128(wide_precision, wide_scale) | DataType::Decimal256(wide_precision, wide_scale),
    ) = (from, to)
    {
        let integer_digits = i16::from(*precision) - i16::from(*scale);
        let wide_integer_digits = i16::from(*wide_precision) - i16::from(*wide_scale);
        return wide_scale >= scale && wide_integer_digits >= integer_digits;
    }
    let (Some((from_signed, from_bits)), Some((to_signed, to_bits))) = (integer(from), integer(to)) else {
        return false;
    };
    match (from_signed, to_signed) {
        (true, true) | (false, false) => from_bits <= to_bits,
        (false, true) => from_bits < to_bits,
        (true, false) => false,
    }
}

/// Whether arithmetic on decimals has room here for every digit after the point, so that nothing is rounded
/// which a source would not round. True of other types.
pub(super) fn keeps_scale(
    operation: Operation<'_>,
    left: &DataType,
    right: &DataType,
    result: &DataType,
) -> bool {
    let (Some(left), Some(right), Some(result)) = (scale(left), scale(right), scale(result)) else {
        return scale(result).is_none();
    };
    match operation {
        Operation::Add | Operation::Subtract => result == left.max(right),
        Operation::Multiply => result == left + right,
        _ => false,
    }
}

fn scale(data_type: &DataType) -> Option<i16> {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some((*scale).into()),
        _ => None,
    }
}

/// Whether it is signed, and how wide.
fn integer(data_type: &DataType) -> Option<(bool, u32)> {
    Some(match data_type {
        DataType::Int8 => (true, 8),
        DataType::Int16 => (true, 16),
        DataType::Int32 => (true, 32),
        DataType::Int64 => (true, 64),
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_casts_that_keep_every_value_keep_comparisons() {
        let keeps = |from, to| keeps_comparisons(&from, &to);
        assert!(keeps(DataType::Int32, DataType::Int64));
        assert!(keeps(DataType::UInt32, DataType::Int64));
        assert!(keeps(DataType::Utf8, DataType::Utf8View));
        assert!(keeps(DataType::Decimal128(12, 2), DataType::Decimal128(38, 9)));
        assert!(!keeps(DataType::Int64, DataType::Int32));
        assert!(!keeps(DataType::Int32, DataType::UInt64));
        assert!(!keeps(DataType::UInt64, DataType::Int64));
        assert!(!keeps(DataType::Int64, DataType::Float64));
        assert!(!keeps(DataType::Decimal128(38, 2), DataType::Decimal128(38, 9)));
        assert!(!keeps(DataType::Date32, DataType::Utf8));
    }
}

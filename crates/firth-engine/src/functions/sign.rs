//! `SIGN`, of the type of its argument; DataFusion's `signum` is FLOAT64 always.

use std::{cmp::Ordering, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Decimal128Array, Decimal256Array, Float64Array, Int64Array},
    datatypes::{DataType, Decimal128Type, Decimal256Type, Float64Type, Int64Type, i256},
};
use datafusion::{
    error::{DataFusionError, Result},
    logical_expr::{Signature, Volatility},
};

use super::{Function, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    vec![Function {
        name: "sign",
        signature: Signature::numeric(1, Volatility::Immutable),
        result: |types| match types {
            [decimal @ (DataType::Decimal128(..) | DataType::Decimal256(..))] => Ok(decimal.clone()),
            [DataType::Int64] => Ok(DataType::Int64),
            [number] if number.is_numeric() => Ok(DataType::Float64),
            [DataType::Null] => Ok(DataType::Int64),
            _ => Err(DataFusionError::Plan("SIGN takes a number".to_owned())),
        },
        columns: signs,
    }]
}

fn signs(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [values] = columns else { return Err(wrong_arguments("SIGN")) };
    Ok(match values.data_type() {
        DataType::Int64 => {
            Arc::new(values.as_primitive::<Int64Type>().unary::<_, Int64Type>(i64::signum)) as ArrayRef
        }
        DataType::Decimal128(precision, scale) => {
            let one = 10_i128.pow(u32::from(scale.unsigned_abs()));
            let signs: Decimal128Array =
                values.as_primitive::<Decimal128Type>().unary(|value| value.signum() * one);
            Arc::new(signs.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Decimal256(precision, scale) => {
            let one = i256::from_i128(10).wrapping_pow(u32::from(scale.unsigned_abs()));
            let sign = |value: i256| match value.cmp(&i256::ZERO) {
                Ordering::Less => one.wrapping_neg(),
                Ordering::Equal => i256::ZERO,
                Ordering::Greater => one,
            };
            let signs: Decimal256Array = values.as_primitive::<Decimal256Type>().unary(sign);
            Arc::new(signs.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Null => Arc::new(Int64Array::new_null(values.len())),
        _ => {
            let values = arrow::compute::cast(values, &DataType::Float64)?;
            // NaN and both zeros have no sign.
            let sign = |value: f64| if value == 0.0 || value.is_nan() { value } else { value.signum() };
            let signs: Float64Array = values.as_primitive::<Float64Type>().unary(sign);
            Arc::new(signs)
        }
    })
}

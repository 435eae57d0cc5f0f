//! Divisions of FLOAT64 that do not fail: `SAFE_DIVIDE` is NULL by zero and where the quotient is too large, `IEEE_DIVIDE` goes by IEEE 754.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array},
    compute::kernels::numeric::div,
    datatypes::{DataType, Float64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{Signature, Volatility},
};

use super::{Function, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    let function = |name, columns| Function {
        name,
        signature: Signature::exact(vec![DataType::Float64, DataType::Float64], Volatility::Immutable),
        result: |_| Ok(DataType::Float64),
        columns,
    };
    vec![function("safe_divide", safe_quotients), function("ieee_divide", quotients)]
}

fn quotients(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [dividends, divisors] = columns else { return Err(wrong_arguments("IEEE_DIVIDE")) };
    Ok(div(dividends, divisors)?)
}

fn safe_quotients(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [dividends, divisors] = columns else { return Err(wrong_arguments("SAFE_DIVIDE")) };
    let pairs = dividends.as_primitive::<Float64Type>().iter().zip(divisors.as_primitive::<Float64Type>());
    let quotient = |(dividend, divisor): (Option<f64>, Option<f64>)| {
        let (dividend, divisor) = (dividend?, divisor?);
        let quotient = dividend / divisor;
        let is_one = divisor != 0.0 && (quotient.is_finite() || !dividend.is_finite() || divisor.is_nan());
        is_one.then_some(quotient)
    };
    Ok(Arc::new(pairs.map(quotient).collect::<Float64Array>()))
}

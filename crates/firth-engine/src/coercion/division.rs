//! Division of FLOAT64, which fails on a zero divisor and on a quotient that is too large: GoogleSQL's `/`. IEEE's infinities are for
//! functions that ask for them.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, AsArray, Float64Array},
    compute::kernels::numeric::div,
    datatypes::{DataType, Float64Type},
    error::ArrowError,
};
use datafusion::{
    common::cast::as_float64_array,
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use firth_diagnostic::{Code, Diagnostic};

/// The function behind `/`.
pub(super) fn divide() -> Arc<ScalarUDF> {
    static DIVIDE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(Divide::new())));
    Arc::clone(&DIVIDE)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    signature: Signature,
}

impl Divide {
    fn new() -> Self {
        let types = vec![DataType::Float64, DataType::Float64];
        Divide { signature: Signature::exact(types, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        "divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let (dividend, divisor) = (as_float64_array(&arrays[0])?, as_float64_array(&arrays[1])?);
        if has_zero_below(dividend, divisor) {
            return Err(ArrowError::DivideByZero.into());
        }
        let quotient = div(dividend, divisor)?;
        if let Some((dividend, divisor)) = overflow(dividend, divisor, quotient.as_primitive()) {
            let message = format!("the quotient of {dividend:?} and {divisor:?} is no FLOAT64");
            let diagnostic = Diagnostic::error(Code::BadData, message)
                .hint("SAFE_DIVIDE is NULL and IEEE_DIVIDE is infinite instead.");
            return Err(DataFusionError::External(Box::new(diagnostic)));
        }
        let scalar = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        if scalar && quotient.len() == 1 {
            let quotient = quotient.as_primitive::<Float64Type>();
            let value = (!quotient.is_null(0)).then(|| quotient.value(0));
            return Ok(ColumnarValue::Scalar(value.into()));
        }
        Ok(ColumnarValue::Array(quotient))
    }
}

/// Two numbers whose quotient is too large. An infinity of them is none.
fn overflow(dividend: &Float64Array, divisor: &Float64Array, quotient: &Float64Array) -> Option<(f64, f64)> {
    if !quotient.values().iter().any(|value| value.is_infinite()) {
        return None;
    }
    (0..quotient.len())
        .filter(|&row| quotient.is_valid(row) && quotient.value(row).is_infinite())
        .map(|row| (dividend.value(row), divisor.value(row)))
        .find(|(dividend, _)| dividend.is_finite())
}

/// Whether a dividend that is not NULL stands over a zero. NULL / 0 is NULL.
fn has_zero_below(dividend: &Float64Array, divisor: &Float64Array) -> bool {
    // Most columns hold no zero at all; that is quick to see.
    divisor.values().contains(&0.0)
        && (0..divisor.len())
            .any(|row| !dividend.is_null(row) && !divisor.is_null(row) && divisor.value(row) == 0.0)
}

//! Dates and times plus an interval, within the years 1 to 9999 as GoogleSQL has them; DataFusion goes on beyond both ends.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{ArrayRef, AsArray},
    compute::{
        kernels::numeric::{add, sub},
        max, min,
    },
    datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType},
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use crate::functions::bad_value;

/// Days from 1970-01-01 to 0001-01-01 and 9999-12-31.
const DAYS: (i32, i32) = (-719_162, 2_932_896);
const MICROS_OF_DAY: i64 = 86_400_000_000;
/// Microseconds to 0001-01-01 00:00:00 and 9999-12-31 23:59:59.999999.
const MICROS: (i64, i64) = (DAYS.0 as i64 * MICROS_OF_DAY, (DAYS.1 as i64 + 1) * MICROS_OF_DAY - 1);

/// `left op right` where one is a date or time and the other an interval; `None` if they are something else.
pub(super) fn shifted(op: Operator, left: &DataType, right: &DataType) -> Option<Arc<ScalarUDF>> {
    static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 2]> =
        LazyLock::new(|| [false, true].map(|back| Arc::new(ScalarUDF::from(Shifted::new(back)))));
    let is_time = |data_type: &DataType| {
        matches!(data_type, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _))
    };
    let is_interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
    let [forth, back] = &*FUNCTIONS;
    match op {
        Operator::Plus if is_time(left) && is_interval(right) || is_interval(left) && is_time(right) => {
            Some(Arc::clone(forth))
        }
        Operator::Minus if is_time(left) && is_interval(right) => Some(Arc::clone(back)),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shifted {
    back: bool,
    signature: Signature,
}

impl Shifted {
    fn new(back: bool) -> Self {
        Shifted { back, signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Shifted {
    fn name(&self) -> &str {
        if self.back { "checked_shift_back" } else { "checked_shift" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let time = arguments.iter().find(|argument| !matches!(argument, DataType::Interval(_)));
        time.cloned().ok_or_else(|| DataFusionError::Internal(format!("{} of no time", self.name())))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = &arguments.args[..] else {
            return Err(DataFusionError::Internal(format!("{} takes two arguments", self.name())));
        };
        let kernel = if self.back { sub } else { add };
        let outcome = match (left, right) {
            (ColumnarValue::Array(left), ColumnarValue::Array(right)) => kernel(left, right)?,
            (ColumnarValue::Array(left), ColumnarValue::Scalar(right)) => kernel(left, &right.to_scalar()?)?,
            (ColumnarValue::Scalar(left), ColumnarValue::Array(right)) => kernel(&left.to_scalar()?, right)?,
            (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) => {
                let value = within(kernel(&left.to_scalar()?, &right.to_scalar()?)?)?;
                return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?));
            }
        };
        Ok(ColumnarValue::Array(within(outcome)?))
    }
}

/// The same, unless something is too early or too late.
fn within(times: ArrayRef) -> Result<ArrayRef> {
    let is_within = match times.data_type() {
        DataType::Date32 => {
            let days = times.as_primitive::<Date32Type>();
            min(days).is_none_or(|first| first >= DAYS.0) && max(days).is_none_or(|last| last <= DAYS.1)
        }
        _ => {
            let micros = times.as_primitive::<TimestampMicrosecondType>();
            min(micros).is_none_or(|first| first >= MICROS.0)
                && max(micros).is_none_or(|last| last <= MICROS.1)
        }
    };
    match is_within {
        true => Ok(times),
        false => Err(bad_value(
            "a date or time plus or minus an interval is outside of the years 1 to 9999".to_owned(),
            "Take a smaller interval, or leave such rows out.",
        )),
    }
}

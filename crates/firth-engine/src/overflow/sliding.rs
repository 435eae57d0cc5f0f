//! SUM and AVG of FLOAT64 over a window that slides.
//!
//! DataFusion takes a row that leaves the window off the sum again. Of FLOAT64 that leaves nothing of the small numbers that stood beside a large
//! one, and an infinity or NaN never leaves. Here nothing is taken off: the window is a queue of two stacks. Values come in on one; of the
//! other every place holds the sum from there to its end, so that a value leaves by going to the next place. Each value is moved once.

use std::{
    mem::size_of_val,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Field, FieldRef, Float64Type},
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use super::finite::overflow;

/// The function that takes the place of SUM or AVG of FLOAT64, by its name.
pub(super) fn sliding(name: &str) -> Option<Arc<AggregateUDF>> {
    static FUNCTIONS: LazyLock<[Arc<AggregateUDF>; 2]> =
        LazyLock::new(|| [false, true].map(|average| Arc::new(AggregateUDF::from(Sliding::new(average)))));
    FUNCTIONS.iter().find(|function| function.name() == name).cloned()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sliding {
    average: bool,
    signature: Signature,
}

impl Sliding {
    fn new(average: bool) -> Self {
        Sliding { average, signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Sliding {
    fn name(&self) -> &str {
        if self.average { "avg" } else { "sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Window { average: self.average, ..Window::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field =
            |what: &str| Arc::new(Field::new(format!("{}[{what}]", args.name), DataType::Float64, true));
        Ok(vec![field("sum"), field("count")])
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The values of a window. NULLs are not in it.
#[derive(Debug, Default)]
struct Window {
    average: bool,
    /// The sums of the older values, each with all that came after it; the oldest last.
    older: Vec<f64>,
    newer: Vec<f64>,
    newer_sum: f64,
    /// How many of them are infinite or NaN.
    not_finite: usize,
}

impl Window {
    fn leave(&mut self) {
        if self.older.is_empty() {
            let mut sum = 0.0;
            while let Some(value) = self.newer.pop() {
                sum += value;
                self.older.push(sum);
            }
            self.newer_sum = 0.0;
        }
        self.older.pop();
    }

    fn count(&self) -> usize {
        self.older.len() + self.newer.len()
    }

    fn result(&self) -> Option<f64> {
        let sum = self.older.last().copied().unwrap_or(0.0) + self.newer_sum;
        (self.count() > 0).then(|| if self.average { sum / self.count() as f64 } else { sum })
    }
}

fn numbers(columns: &[ArrayRef]) -> Result<&Float64Array> {
    columns
        .first()
        .and_then(|column| column.as_primitive_opt::<Float64Type>())
        .ok_or_else(|| DataFusionError::Internal("a sum of FLOAT64 over something else".to_owned()))
}

impl Accumulator for Window {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for value in numbers(columns)?.iter().flatten() {
            self.not_finite += usize::from(!value.is_finite());
            self.newer.push(value);
            self.newer_sum += value;
        }
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let column = numbers(columns)?;
        for value in column.iter().flatten() {
            self.not_finite -= usize::from(!value.is_finite());
            self.leave();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(DataFusionError::Internal("the sum of a window is computed in one place".to_owned()))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(DataFusionError::Internal("the sum of a window is computed in one place".to_owned()))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = self.result();
        if self.not_finite == 0 && result.is_some_and(|result| !result.is_finite()) {
            return Err(overflow());
        }
        Ok(ScalarValue::Float64(result))
    }

    fn size(&self) -> usize {
        size_of_val(self) + (self.older.capacity() + self.newer.capacity()) * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_window_leaves_nothing_behind() {
        let mut window = Window::default();
        let mut sums = Vec::new();
        let values = [1e300, 1.0, f64::NAN, f64::INFINITY, 2.0, 3.0, -1e300, 0.5];
        for (index, value) in values.into_iter().enumerate() {
            let column: ArrayRef = Arc::new(Float64Array::from(vec![value]));
            window.update_batch(&[Arc::clone(&column)]).expect("numbers");
            if index >= 2 {
                window.retract_batch(&[column]).expect("numbers");
            }
            sums.push(format!("{:?}", window.result().expect("not empty")));
        }
        assert_eq!(sums, ["1e300", "1e300", "NaN", "NaN", "inf", "5.0", "-1e300", "-1e300"]);
        window.leave();
        assert_eq!(window.result(), Some(0.5));
        window.leave();
        assert_eq!(window.result(), None);
    }
}

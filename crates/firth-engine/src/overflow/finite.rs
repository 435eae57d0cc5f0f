//! SUM and AVG of FLOAT64 that overflow are errors; DataFusion's are infinite. An infinity or NaN that was among the values may be in the
//! result, so it is noted which groups have one.

use std::{
    collections::HashSet,
    mem::size_of_val,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    datatypes::{DataType, FieldRef, Float64Type},
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    functions_aggregate::sum::sum_udaf,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};

use crate::{decimal_aggregates::average, functions::bad_value};

/// The function that takes the place of SUM or AVG of FLOAT64, by its name.
pub(super) fn finite(name: &str) -> Option<Arc<AggregateUDF>> {
    static FUNCTIONS: LazyLock<[Arc<AggregateUDF>; 2]> =
        LazyLock::new(|| [sum_udaf(), average()].map(|inner| Arc::new(AggregateUDF::from(Finite { inner }))));
    FUNCTIONS.iter().find(|function| function.name() == name).cloned()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Finite {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Finite {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(FiniteTotal { inner: self.inner.accumulator(args)?, is_given: false }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(FiniteTotals {
            inner: self.inner.create_groups_accumulator(args)?,
            given: HashSet::new(),
        }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// The error for a sum beyond FLOAT64.
pub(super) fn overflow() -> DataFusionError {
    bad_value(
        "the sum of these FLOAT64 values is too large for FLOAT64".to_owned(),
        "FLOAT64 ends at 1.8e308: divide the values before they are added up.",
    )
}

/// The rows whose value is infinite or NaN; hardly ever any.
fn not_finite(column: &dyn Array) -> Vec<usize> {
    let Some(numbers) = column.as_primitive_opt::<Float64Type>() else { return Vec::new() };
    if numbers.values().iter().all(|number| number.is_finite()) {
        return Vec::new();
    }
    (0..numbers.len()).filter(|row| numbers.is_valid(*row) && !numbers.value(*row).is_finite()).collect()
}

/// One sum or mean.
#[derive(Debug)]
struct FiniteTotal {
    inner: Box<dyn Accumulator>,
    /// Whether a value was infinite or NaN.
    is_given: bool,
}

impl FiniteTotal {
    fn check(&self, value: &ScalarValue) -> Result<()> {
        match value {
            ScalarValue::Float64(Some(number)) if !number.is_finite() && !self.is_given => Err(overflow()),
            _ => Ok(()),
        }
    }
}

impl Accumulator for FiniteTotal {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.is_given |= !not_finite(&columns[0]).is_empty();
        self.inner.update_batch(columns)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states {
            self.is_given |= match state.as_list_opt::<i32>() {
                // Different values.
                Some(lists) => !not_finite(lists.values()).is_empty(),
                // Of sums that were checked.
                None => !not_finite(state).is_empty(),
            };
        }
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.inner.state()?;
        state.iter().try_for_each(|value| self.check(value))?;
        Ok(state)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = self.inner.evaluate()?;
        self.check(&result)?;
        Ok(result)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

/// Those of all groups.
struct FiniteTotals {
    inner: Box<dyn GroupsAccumulator>,
    /// The groups of which a value was infinite or NaN.
    given: HashSet<usize>,
}

impl FiniteTotals {
    fn note(&mut self, column: &dyn Array, groups: &[usize], filter: Option<&BooleanArray>) {
        for row in not_finite(column) {
            if filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)) {
                self.given.insert(groups[row]);
            }
        }
    }

    /// Fails if a group among the first, which are taken out, is infinite by itself.
    fn check(&mut self, taken: &[ArrayRef], emit_to: EmitTo) -> Result<()> {
        for column in taken {
            if not_finite(column).iter().any(|group| !self.given.contains(group)) {
                return Err(overflow());
            }
        }
        self.given = match emit_to {
            EmitTo::All => HashSet::new(),
            EmitTo::First(count) => self.given.iter().filter_map(|group| group.checked_sub(count)).collect(),
        };
        Ok(())
    }
}

impl GroupsAccumulator for FiniteTotals {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.note(&columns[0], groups, filter);
        self.inner.update_batch(columns, groups, filter, total_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        for state in states {
            self.note(state, groups, None);
        }
        self.inner.merge_batch(states, groups, total_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let results = self.inner.evaluate(emit_to)?;
        self.check(std::slice::from_ref(&results), emit_to)?;
        Ok(results)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let state = self.inner.state(emit_to)?;
        self.check(&state, emit_to)?;
        Ok(state)
    }

    fn convert_to_state(&self, columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(columns, filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size() + self.given.capacity() * size_of::<usize>()
    }
}

//! SUM of INT64 that fails where the sum is no INT64. It counts in 128 bits, so that only the sum itself
//! decides, and not the order in which partitions and rows arrive.

use std::{
    mem::size_of_val,
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, builder::Int64Builder},
    datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type},
    error::ArrowError,
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
        Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::{AggregateOrderSensitivity, format_state_name},
    },
};

use crate::distinct_values::DistinctValues;

/// Holds the sum of 2^63 INT64 values.
const STATE: DataType = DataType::Decimal128(38, 0);

/// The aggregate function, by the name of the one it stands for.
pub(super) fn checked_sum() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(CheckedSum::new())));
    Arc::clone(&SUM)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    signature: Signature,
}

impl CheckedSum {
    fn new() -> Self {
        CheckedSum { signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match args.is_distinct {
            true => Ok(Box::new(DistinctTotal { values: DistinctValues::new(DataType::Int64) })),
            false => Ok(Box::new(Total::default())),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if args.is_distinct {
            let item = Field::new_list_field(DataType::Int64, true);
            return Ok(vec![Arc::new(Field::new_list(
                format_state_name(args.name, "sum distinct"),
                item,
                false,
            ))]);
        }
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), STATE, true))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Totals::default()))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn int64(total: i128) -> Result<i64> {
    i64::try_from(total)
        .map_err(|_| ArrowError::ArithmeticOverflow(format!("the SUM is {total}, which is no INT64")).into())
}

fn state_array(values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
    Arc::new(values.collect::<Decimal128Array>().with_data_type(STATE))
}

/// One sum. Rows may be taken back, for a window that slides.
#[derive(Debug, Default)]
struct Total {
    total: i128,
    /// How many values are in it; of none the sum is NULL.
    values: usize,
}

impl Accumulator for Total {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let column = integers(columns)?;
        self.total += column.iter().flatten().map(i128::from).sum::<i128>();
        self.values += column.len() - column.null_count();
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let column = integers(columns)?;
        self.total -= column.iter().flatten().map(i128::from).sum::<i128>();
        self.values -= column.len() - column.null_count();
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for total in states[0].as_primitive::<Decimal128Type>().iter().flatten() {
            self.total += total;
            self.values += 1;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128((self.values > 0).then_some(self.total), 38, 0)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(if self.values > 0 { Some(int64(self.total)?) } else { None }))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// One sum of what is different. Rows may be taken back, too.
#[derive(Debug)]
struct DistinctTotal {
    values: DistinctValues<Int64Type>,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values.add(&columns[0]);
        Ok(())
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values.take_back(&columns[0]);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge(&states[0]);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.values.state()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total: i128 = self.values.iter().map(i128::from).sum();
        Ok(ScalarValue::Int64(if self.values.is_empty() { None } else { Some(int64(total)?) }))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.memory_size()
    }
}

fn integers(columns: &[ArrayRef]) -> Result<&Int64Array> {
    columns
        .first()
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| DataFusionError::Internal("SUM of INT64 over something else".to_owned()))
}

/// The sums of all groups.
#[derive(Debug, Default)]
struct Totals {
    /// None: no value yet.
    totals: Vec<Option<i128>>,
}

impl Totals {
    fn add(
        &mut self,
        values: impl Iterator<Item = Option<i128>>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) {
        self.totals.resize(total_groups, None);
        for (row, (value, &group)) in values.zip(groups).enumerate() {
            let kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let (Some(value), true) = (value, kept) {
                *self.totals[group].get_or_insert(0) += value;
            }
        }
    }
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        let values = integers(columns)?.iter().map(|value| value.map(i128::from));
        self.add(values, groups, filter, total_groups);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.add(states[0].as_primitive::<Decimal128Type>().iter(), groups, None, total_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        let mut sums = Int64Builder::with_capacity(totals.len());
        for total in totals {
            sums.append_option(total.map(int64).transpose()?);
        }
        Ok(Arc::new(sums.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![state_array(emit_to.take_needed(&mut self.totals).into_iter())])
    }

    fn convert_to_state(&self, columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = integers(columns)?.iter().enumerate().map(|(row, value)| {
            let kept = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            value.filter(|_| kept).map(i128::from)
        });
        Ok(vec![state_array(values)])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<Option<i128>>() + size_of_val(self)
    }
}

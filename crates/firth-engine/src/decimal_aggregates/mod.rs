//! AVG of decimals, rounded, and SUM of wide ones, which does not wrap.
//!
//! DataFusion's AVG has four decimals more than its argument and cuts off the rest; GoogleSQL's has the nine of a NUMERIC, or the
//! 38 of a BIGNUMERIC, and rounds half away from zero. DataFusion's SUM adds up in the width of its result and wraps beyond it: what 25
//! digits cannot fill in any table is left to it, the rest is added up here.
//!
//! Sums are exact whatever comes on the way ([`totals`]): only the result decides whether it is too large, and not the order in which rows
//! and partitions arrive.

mod groups;
mod single;
mod totals;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, Field,
    FieldRef,
};
use datafusion::{
    error::{DataFusionError, Result},
    functions_aggregate::{average::avg_udaf, sum::sum_udaf},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::format_state_name,
    },
};

use self::{
    groups::Groups,
    single::{Distinct, Single},
    totals::Width,
};
use crate::{files::sql_type, functions::bad_value};

/// Decimals of a NUMERIC, and of a BIGNUMERIC.
const NUMERIC_SCALE: i8 = 9;
const BIGNUMERIC_SCALE: i8 = 38;
/// Digits of values whose sum is within 38 digits for as many rows as there may be.
const NARROW: u8 = 25;

/// AVG: of decimals this module's, of all else DataFusion's.
pub(crate) fn average() -> Arc<AggregateUDF> {
    static AVERAGE: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(DecimalAggregate { inner: avg_udaf(), is_mean: true })));
    Arc::clone(&AVERAGE)
}

/// SUM of decimals that might wrap.
pub(crate) fn exact_sum() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::from(DecimalAggregate { inner: sum_udaf(), is_mean: false }))
    });
    Arc::clone(&SUM)
}

/// Whether DataFusion's SUM of such values might wrap.
pub(crate) fn may_wrap(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, _) => *precision > NARROW,
        DataType::Decimal256(..) => true,
        _ => false,
    }
}

/// What is made of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Sum,
    /// With so many decimals more than the values.
    Mean(u32),
}

/// What is computed, of values of which type, as which.
#[derive(Clone, Debug)]
struct Aggregate {
    answer: Answer,
    value: DataType,
    result: DataType,
}

impl Aggregate {
    /// The sum modulo the width, how often that was passed, and how many values there were.
    fn state_fields(&self, name: &str, is_distinct: bool) -> Vec<FieldRef> {
        let field =
            |what: &str, data_type: DataType| Field::new(format_state_name(name, what), data_type, true);
        if is_distinct {
            let item = Field::new_list_field(self.value.clone(), true);
            return vec![Arc::new(Field::new_list(format_state_name(name, "distinct"), item, false))];
        }
        let low = field("low", self.low_type());
        vec![
            Arc::new(low),
            Arc::new(field("carry", DataType::Int32)),
            Arc::new(field("count", DataType::UInt64)),
        ]
    }

    /// All that fits the width.
    fn low_type(&self) -> DataType {
        match self.value {
            DataType::Decimal256(_, scale) => DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale),
            DataType::Decimal128(_, scale) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale),
            ref other => other.clone(),
        }
    }

    fn accumulator(self, is_distinct: bool) -> Result<Box<dyn Accumulator>> {
        Ok(match (&self.value, is_distinct) {
            (DataType::Decimal128(..), false) => Box::new(Single::<Decimal128Type>::new(self)),
            (DataType::Decimal128(..), true) => Box::new(Distinct::<Decimal128Type>::new(self)),
            (DataType::Decimal256(..), false) => Box::new(Single::<Decimal256Type>::new(self)),
            (DataType::Decimal256(..), true) => Box::new(Distinct::<Decimal256Type>::new(self)),
            _ => return Err(no_decimals()),
        })
    }

    fn groups(self) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(match &self.value {
            DataType::Decimal128(..) => Box::new(Groups::<Decimal128Type>::new(self)),
            DataType::Decimal256(..) => Box::new(Groups::<Decimal256Type>::new(self)),
            _ => return Err(no_decimals()),
        })
    }

    /// The result for a sum of so many values; fails if its type does not hold it.
    fn result<T: Width>(&self, low: T::Native, carry: i32, count: u64) -> Result<Option<T::Native>> {
        if count == 0 {
            return Ok(None);
        }
        let (name, result) = match self.answer {
            Answer::Sum => ("SUM", (carry == 0).then_some(low)),
            Answer::Mean(more) => ("AVG", T::mean(low, carry, count, more)),
        };
        let precision = match self.result {
            DataType::Decimal128(precision, _) | DataType::Decimal256(precision, _) => precision,
            _ => 0,
        };
        match result.filter(|result| T::is_valid_decimal_precision(*result, precision)) {
            Some(result) => Ok(Some(result)),
            None => Err(bad_value(
                format!(
                    "the {name} is too large for {}",
                    sql_type(&Field::new(name, self.result.clone(), true))
                ),
                "CAST the values to BIGNUMERIC, or to FLOAT64, which has fewer digits.",
            )),
        }
    }
}

fn no_decimals() -> DataFusionError {
    DataFusionError::Internal("an aggregate of decimals over something else".to_owned())
}

/// The type of the mean of such values, and how many more decimals it has.
fn mean_type(value: &DataType) -> Option<(DataType, u32)> {
    let wider = |precision: u8, scale: i8, target: i8, most: u8| {
        let target = target.max(scale);
        let more = u8::try_from(i16::from(target) - i16::from(scale)).unwrap_or(0);
        (precision.saturating_add(more).min(most), target, u32::from(more))
    };
    match *value {
        DataType::Decimal128(precision, scale) => {
            let (precision, scale, more) = wider(precision, scale, NUMERIC_SCALE, DECIMAL128_MAX_PRECISION);
            Some((DataType::Decimal128(precision, scale), more))
        }
        DataType::Decimal256(precision, scale) => {
            let (precision, scale, more) =
                wider(precision, scale, BIGNUMERIC_SCALE, DECIMAL256_MAX_PRECISION);
            Some((DataType::Decimal256(precision, scale), more))
        }
        _ => None,
    }
}

/// SUM or AVG: of some decimals this module's, of all else DataFusion's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalAggregate {
    inner: Arc<AggregateUDF>,
    is_mean: bool,
}

impl DecimalAggregate {
    /// What is computed here of such arguments, if it is.
    fn own(&self, fields: &[FieldRef]) -> Result<Option<Aggregate>> {
        let Some(value) = fields.first().map(|field| field.data_type()) else { return Ok(None) };
        let answer = match (self.is_mean, mean_type(value)) {
            (true, Some((_, more))) => Answer::Mean(more),
            (false, Some(_)) if may_wrap(value) => Answer::Sum,
            _ => return Ok(None),
        };
        let result = self.return_type(std::slice::from_ref(value))?;
        Ok(Some(Aggregate { answer, value: value.clone(), result }))
    }
}

impl AggregateUDFImpl for DecimalAggregate {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first().and_then(mean_type) {
            Some((mean, _)) if self.is_mean => Ok(mean),
            _ => self.inner.return_type(arguments),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match self.own(args.input_fields)? {
            Some(aggregate) => Ok(aggregate.state_fields(args.name, args.is_distinct)),
            None => self.inner.state_fields(args),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.own(args.expr_fields)? {
            Some(aggregate) => aggregate.accumulator(args.is_distinct),
            None => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match self.own(args.expr_fields)? {
            Some(aggregate) => aggregate.accumulator(args.is_distinct),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        match self.own(args.expr_fields) {
            Ok(Some(_)) => !args.is_distinct,
            _ => self.inner.groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match self.own(args.expr_fields)? {
            Some(aggregate) => aggregate.groups(),
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

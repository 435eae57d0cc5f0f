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

use arrow::{
    datatypes::{
        DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, Field,
        FieldRef,
    },
    error::ArrowError,
};
use datafusion::{
    error::{DataFusionError, Result},
    functions_aggregate::{average::Avg, sum::Sum},
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

/// Decimals of a NUMERIC, and of a BIGNUMERIC.
const NUMERIC_SCALE: i8 = 9;
const BIGNUMERIC_SCALE: i8 = 38;
/// Digits of values whose sum is within 38 digits for as many rows as there may be.
const NARROW: u8 = 25;

/// AVG: of decimals this module's, of all else DataFusion's.
pub(crate) fn average() -> Arc<AggregateUDF> {
    static AVERAGE: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(DecimalAverage { inner: Avg::new() })));
    Arc::clone(&AVERAGE)
}

/// SUM of decimals that might wrap.
pub(crate) fn exact_sum() -> Arc<AggregateUDF> {
    static SUM: LazyLock<Arc<AggregateUDF>> =
        LazyLock::new(|| Arc::new(AggregateUDF::from(ExactSum { inner: Sum::new() })));
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
    fn mean(value: &DataType) -> Option<Self> {
        let (result, more) = mean_type(value)?;
        Some(Aggregate { answer: Answer::Mean(more), value: value.clone(), result })
    }

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
            _ => {
                return Err(DataFusionError::Internal(
                    "an aggregate of decimals over something else".to_owned(),
                ));
            }
        })
    }

    fn groups(self) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(match &self.value {
            DataType::Decimal128(..) => Box::new(Groups::<Decimal128Type>::new(self)),
            DataType::Decimal256(..) => Box::new(Groups::<Decimal256Type>::new(self)),
            _ => {
                return Err(DataFusionError::Internal(
                    "an aggregate of decimals over something else".to_owned(),
                ));
            }
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
            None => {
                Err(ArrowError::ArithmeticOverflow(format!("the {name} is too large for its type")).into())
            }
        }
    }
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

fn argument(fields: &[FieldRef]) -> Result<&DataType> {
    let argument = fields.first().map(|field| field.data_type());
    argument.ok_or_else(|| DataFusionError::Internal("an aggregate without an argument".to_owned()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalAverage {
    inner: Avg,
}

impl AggregateUDFImpl for DecimalAverage {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first().and_then(mean_type) {
            Some((mean, _)) => Ok(mean),
            None => self.inner.return_type(arguments),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match Aggregate::mean(argument(args.input_fields)?) {
            Some(aggregate) => Ok(aggregate.state_fields(args.name, args.is_distinct)),
            None => self.inner.state_fields(args),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match Aggregate::mean(argument(args.expr_fields)?) {
            Some(aggregate) => aggregate.accumulator(args.is_distinct),
            None => self.inner.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match Aggregate::mean(argument(args.expr_fields)?) {
            Some(aggregate) => aggregate.accumulator(args.is_distinct),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        match argument(args.expr_fields).ok().and_then(mean_type) {
            Some(_) => !args.is_distinct,
            None => self.inner.groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match Aggregate::mean(argument(args.expr_fields)?) {
            Some(aggregate) => aggregate.groups(),
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactSum {
    inner: Sum,
}

impl ExactSum {
    fn aggregate(&self, fields: &[FieldRef]) -> Result<Aggregate> {
        let value = argument(fields)?.clone();
        let result = self.inner.return_type(std::slice::from_ref(&value))?;
        Ok(Aggregate { answer: Answer::Sum, value, result })
    }
}

impl AggregateUDFImpl for ExactSum {
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
        Ok(self.aggregate(args.input_fields)?.state_fields(args.name, args.is_distinct))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.aggregate(args.expr_fields)?.accumulator(args.is_distinct)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.aggregate(args.expr_fields)?.groups()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }
}

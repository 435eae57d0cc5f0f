//! Elements of arrays: `a[OFFSET(i)]`, `a[ORDINAL(i)]`, and `x IN UNNEST(a)`.
//!
//! A place outside of the array is an error, and NULL with SAFE; DataFusion's `array_element` is NULL there, and counts from the end below 0.
//! `IN UNNEST` is what IN is: not found among NULLs is NULL. Of no array, and of an empty one, it is false.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt64Array},
    compute::{cast, take},
    datatypes::{DataType, Field, Float64Type, Int64Type},
};
use datafusion::{
    error::{DataFusionError, Result},
    functions_nested::array_has::array_has_udf,
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::{Function, bad_value, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    let function = |name, columns| Function {
        name,
        signature: Signature::any(2, Volatility::Immutable),
        result: |types| match types {
            [DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _), _] => {
                Ok(item.data_type().clone())
            }
            [DataType::Null, _] => Ok(DataType::Null),
            _ => Err(not_an_array(types)),
        },
        columns,
    };
    vec![
        function("array_offset_element", |columns| elements(columns, Place { first: 0, safe: false })),
        function("array_ordinal_element", |columns| elements(columns, Place { first: 1, safe: false })),
        function("array_safe_offset_element", |columns| elements(columns, Place { first: 0, safe: true })),
        function("array_safe_ordinal_element", |columns| elements(columns, Place { first: 1, safe: true })),
    ]
}

fn not_an_array(types: &[DataType]) -> DataFusionError {
    let found = types.first().unwrap_or(&DataType::Null);
    DataFusionError::Plan(format!("[…] takes an element of an ARRAY, and this is a value of type {found}"))
}

#[derive(Clone, Copy)]
struct Place {
    /// What the first element is counted as.
    first: i64,
    /// NULL instead of an error.
    safe: bool,
}

fn elements(columns: &[ArrayRef], place: Place) -> Result<ArrayRef> {
    let [arrays, places] = columns else { return Err(wrong_arguments("an element of an array")) };
    let arrays = match arrays.data_type() {
        DataType::Null => return Ok(Arc::clone(arrays)),
        DataType::List(_) => Arc::clone(arrays),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            cast(arrays, &DataType::List(Arc::clone(item)))?
        }
        other => return Err(not_an_array(std::slice::from_ref(other))),
    };
    let arrays = arrays.as_list::<i32>();
    let places = cast(places, &DataType::Int64)?;
    let places: &Int64Array = places.as_primitive::<Int64Type>();
    let mut taken = Vec::with_capacity(arrays.len());
    for row in 0..arrays.len() {
        if arrays.is_null(row) || places.is_null(row) {
            taken.push(None);
            continue;
        }
        let (start, end) = (arrays.value_offsets()[row], arrays.value_offsets()[row + 1]);
        let length = i64::from(end - start);
        let index = places.value(row).saturating_sub(place.first);
        if (0..length).contains(&index) {
            taken.push(u64::try_from(i64::from(start) + index).ok());
        } else if place.safe {
            taken.push(None);
        } else {
            let message = format!("there is no element {} in an array of {length}", places.value(row));
            return Err(bad_value(
                message,
                "SAFE_OFFSET and SAFE_ORDINAL are NULL where there is no element.",
            ));
        }
    }
    Ok(take(arrays.values(), &UInt64Array::from(taken), None)?)
}

/// `x IN UNNEST(a)`, in the place of DataFusion's `array_has(a, x)`.
pub(crate) fn member_of() -> Arc<ScalarUDF> {
    static MEMBER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::from(MemberOf)));
    Arc::clone(&MEMBER)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MemberOf;

impl ScalarUDFImpl for MemberOf {
    fn name(&self) -> &str {
        "in_unnest"
    }

    fn signature(&self) -> &Signature {
        array_has_udf_signature()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<Arc<Field>> {
        Ok(Arc::new(Field::new(self.name(), DataType::Boolean, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let columns = columns.iter().map(without_negative_zero).collect::<Result<Vec<_>>>()?;
        let [arrays, values] = &columns[..] else { return Err(wrong_arguments("IN UNNEST")) };
        let found = if arrays.data_type() == &DataType::Null {
            BooleanArray::from(vec![false; arrays.len()])
        } else {
            let found = array_has_udf().invoke_with_args(ScalarFunctionArgs {
                args: columns.iter().cloned().map(ColumnarValue::Array).collect(),
                ..arguments
            })?;
            let found = found.into_array(arrays.len())?;
            members(&cast(arrays, &list_of(arrays.data_type()))?, values, found.as_boolean())
        };
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn array_has_udf_signature() -> &'static Signature {
    static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| array_has_udf().signature().clone());
    &SIGNATURE
}

fn list_of(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => DataType::List(Arc::clone(item)),
        other => other.clone(),
    }
}

/// Numbers with 0 for -0: the two are equal, and DataFusion compares all bits.
fn without_negative_zero(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float64 => {
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|x| x + 0.0))
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type() == &DataType::Float64 =>
        {
            let list = cast(array, &DataType::List(Arc::clone(item)))?;
            let list = list.as_list::<i32>();
            let values = without_negative_zero(list.values())?;
            Arc::new(ListArray::try_new(
                Arc::clone(item),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?)
        }
        _ => Arc::clone(array),
    })
}

fn members(arrays: &ArrayRef, values: &ArrayRef, found: &BooleanArray) -> BooleanArray {
    let arrays = arrays.as_list::<i32>();
    let elements = arrays.values();
    let member = |row: usize| {
        if arrays.is_null(row) || arrays.value_length(row) == 0 {
            return Some(false);
        }
        if values.is_null(row) {
            return None;
        }
        if found.is_valid(row) && found.value(row) {
            return Some(true);
        }
        let (start, end) = (arrays.value_offsets()[row], arrays.value_offsets()[row + 1]);
        let has_null = elements.null_count() > 0
            && (start..end).any(|index| usize::try_from(index).is_ok_and(|index| elements.is_null(index)));
        (!has_null).then_some(false)
    };
    (0..arrays.len()).map(member).collect()
}

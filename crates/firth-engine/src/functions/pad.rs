//! `REPEAT`, `LPAD` and `RPAD`, of STRING and of BYTES. A negative number is an error, of which DataFusion's make an empty text.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryBuilder, Int64Array, StringBuilder},
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{Function, bad_value, wrong_arguments};

/// The longest value that one call makes.
const LONGEST: usize = 1 << 30;

pub(super) fn functions() -> Vec<Function> {
    let exact = |others: &[DataType]| {
        [DataType::Utf8, DataType::Binary].map(|data_type| {
            let mut types = vec![data_type.clone()];
            types.extend(others.iter().map(|other| match other {
                DataType::Utf8 => data_type.clone(),
                other => other.clone(),
            }));
            TypeSignature::Exact(types)
        })
    };
    let repeat = exact(&[DataType::Int64]).to_vec();
    let pad = [exact(&[DataType::Int64]), exact(&[DataType::Int64, DataType::Utf8])].concat();
    let function = |name, forms: &[TypeSignature], columns| Function {
        name,
        signature: Signature::one_of(forms.to_vec(), Volatility::Immutable),
        result: |types| {
            Ok(match types.first() {
                Some(DataType::Binary) => DataType::Binary,
                _ => DataType::Utf8,
            })
        },
        columns,
    };
    vec![
        function("repeat", &repeat, |columns| made(columns, "REPEAT", repeated)),
        function("lpad", &pad, |columns| {
            made(columns, "LPAD", |value, length, fill, text| padded(value, length, fill, text, true))
        }),
        function("rpad", &pad, |columns| {
            made(columns, "RPAD", |value, length, fill, text| padded(value, length, fill, text, false))
        }),
    ]
}

/// Of a value, a number, what fills, and whether it is text. None: too long.
type Make = fn(&[u8], usize, &[u8], bool) -> Option<Vec<u8>>;

fn made(columns: &[ArrayRef], name: &str, make: Make) -> Result<ArrayRef> {
    let [values, numbers, fill @ ..] = columns else { return Err(wrong_arguments(name)) };
    let is_text = values.data_type() != &DataType::Binary;
    let values = cast(values, &DataType::Binary)?;
    let fill = fill.first().map(|fill| cast(fill, &DataType::Binary)).transpose()?;
    let (values, fill) = (values.as_binary::<i32>(), fill.as_ref().map(|fill| fill.as_binary::<i32>()));
    let numbers: &Int64Array = numbers.as_primitive::<Int64Type>();
    let mut results = BinaryBuilder::new();
    for row in 0..values.len() {
        if values.is_null(row) || numbers.is_null(row) || fill.is_some_and(|fill| fill.is_null(row)) {
            results.append_null();
            continue;
        }
        let Ok(number) = usize::try_from(numbers.value(row)) else {
            let message = format!("{name} is given the negative number {}", numbers.value(row));
            return Err(bad_value(message, "GREATEST(number, 0) makes an empty value instead."));
        };
        let fill = fill.map_or(&b" "[..], |fill| fill.value(row));
        if fill.is_empty() {
            return Err(bad_value(
                format!("{name} has nothing to fill with"),
                "The third argument must not be empty.",
            ));
        }
        match make(values.value(row), number, fill, is_text) {
            Some(value) => results.append_value(value),
            None => {
                let message = format!("{name} would make a value of more than {LONGEST} bytes");
                return Err(bad_value(message, "Give it a smaller number."));
            }
        }
    }
    let results = results.finish();
    if !is_text {
        return Ok(Arc::new(results));
    }
    let mut texts = StringBuilder::new();
    for value in &results {
        texts.append_option(value.and_then(|value| std::str::from_utf8(value).ok()));
    }
    Ok(Arc::new(texts.finish()))
}

fn repeated(value: &[u8], times: usize, _fill: &[u8], _text: bool) -> Option<Vec<u8>> {
    (value.len().checked_mul(times)? <= LONGEST).then(|| value.repeat(times))
}

fn padded(value: &[u8], length: usize, fill: &[u8], text: bool, before: bool) -> Option<Vec<u8>> {
    let ends = ends(value, text);
    if length <= ends.len() {
        let end = length.checked_sub(1).map_or(0, |last| ends[last]);
        return Some(value[..end].to_vec());
    }
    let missing = length - ends.len();
    if missing.checked_mul(4)? > LONGEST {
        return None;
    }
    let characters =
        starts(fill, text).into_iter().zip(self::ends(fill, text)).map(|(start, end)| &fill[start..end]);
    let filler = characters.cycle().take(missing).flatten().copied();
    let mut padded = Vec::with_capacity(value.len() + missing);
    if before {
        padded.extend(filler);
        padded.extend_from_slice(value);
    } else {
        padded.extend_from_slice(value);
        padded.extend(filler);
    }
    Some(padded)
}

/// Where the characters of a text, or the bytes of a value, end.
fn ends(value: &[u8], text: bool) -> Vec<usize> {
    let starts = starts(value, text);
    starts.iter().skip(1).copied().chain((!starts.is_empty()).then_some(value.len())).collect()
}

fn starts(value: &[u8], text: bool) -> Vec<usize> {
    // Every byte of UTF-8 but those that continue a character begins one.
    (0..value.len()).filter(|&place| !text || value[place] & 0xC0 != 0x80).collect()
}

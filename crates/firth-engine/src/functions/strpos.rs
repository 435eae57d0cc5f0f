//! `INSTR` and `STRPOS`: the place of a text in another, from one, 0 where it is not; INSTR also from a position on, below 0 from the end
//! backwards, and the nth time.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, Int64Builder},
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    error::Result,
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{Function, bad_value, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    let mut forms = Vec::new();
    for data_type in [DataType::Utf8, DataType::Binary] {
        for numbers in 0..=2 {
            let mut types = vec![data_type.clone(), data_type.clone()];
            types.extend(vec![DataType::Int64; numbers]);
            forms.push(TypeSignature::Exact(types));
        }
    }
    vec![Function {
        name: "instr",
        signature: Signature::one_of(forms, Volatility::Immutable),
        result: |_| Ok(DataType::Int64),
        columns: places,
    }]
}

fn places(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [values, parts, numbers @ ..] = columns else { return Err(wrong_arguments("INSTR")) };
    let is_text = values.data_type() != &DataType::Binary;
    let (values, parts) = (cast(values, &DataType::Binary)?, cast(parts, &DataType::Binary)?);
    let (values, parts) = (values.as_binary::<i32>(), parts.as_binary::<i32>());
    let numbers: Vec<&Int64Array> =
        numbers.iter().map(|numbers| numbers.as_primitive::<Int64Type>()).collect();
    let mut places = Int64Builder::with_capacity(values.len());
    for row in 0..values.len() {
        if values.is_null(row) || parts.is_null(row) || numbers.iter().any(|numbers| numbers.is_null(row)) {
            places.append_null();
            continue;
        }
        let number = |at: usize| numbers.get(at).map_or(1, |numbers| numbers.value(row));
        let (position, occurrence) = (number(0), number(1));
        if position == 0 {
            return Err(bad_value(
                "INSTR begins at position 0".to_owned(),
                "Positions are counted from 1, or from the end below 0.",
            ));
        }
        if occurrence < 1 {
            return Err(bad_value(
                format!("INSTR looks for occurrence {occurrence}"),
                "Occurrences are counted from 1.",
            ));
        }
        places.append_value(place(values.value(row), parts.value(row), position, occurrence, is_text));
    }
    Ok(Arc::new(places.finish()))
}

fn place(value: &[u8], part: &[u8], position: i64, occurrence: i64, is_text: bool) -> i64 {
    // Every byte of UTF-8 but those that continue a character begins one.
    let starts: Vec<usize> =
        (0..value.len()).filter(|&place| !is_text || value[place] & 0xC0 != 0x80).collect();
    let skipped = usize::try_from(position.unsigned_abs() - 1).unwrap_or(usize::MAX);
    if part.is_empty() || skipped >= starts.len() {
        return 0;
    }
    let is_here = |&character: &usize| value[starts[character]..].starts_with(part);
    let nth = usize::try_from(occurrence - 1).unwrap_or(usize::MAX);
    let found = if position > 0 {
        (skipped..starts.len()).filter(is_here).nth(nth)
    } else {
        (0..starts.len() - skipped).rev().filter(is_here).nth(nth)
    };
    found.map_or(0, |character| i64::try_from(character).map_or(0, |character| character + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_either_end() {
        let found =
            |position, occurrence| place("bänänä".as_bytes(), "än".as_bytes(), position, occurrence, true);
        assert_eq!((found(1, 1), found(1, 2), found(3, 1), found(1, 3)), (2, 4, 4, 0));
        assert_eq!((found(-1, 1), found(-1, 2), found(-4, 1), found(-9, 1)), (4, 2, 2, 0));
        assert_eq!(place(b"aaa", b"aa", 1, 2, true), 2);
        assert_eq!(place("ä".as_bytes(), &[0xA4], 1, 1, false), 2);
    }
}

//! `SPLIT`: by an empty delimiter into characters, and an empty text into one empty text. DataFusion's `string_to_array` goes by
//! PostgreSQL in both.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryBuilder, ListBuilder, StringBuilder},
    datatypes::{DataType, Field},
};
use datafusion::{
    error::Result,
    logical_expr::{Signature, TypeSignature, Volatility},
};

use super::{Function, wrong_arguments};

pub(super) fn functions() -> Vec<Function> {
    let pair = |data_type: DataType| TypeSignature::Exact(vec![data_type.clone(), data_type]);
    vec![Function {
        name: "split",
        signature: Signature::one_of(
            vec![pair(DataType::Utf8), pair(DataType::Binary)],
            Volatility::Immutable,
        ),
        result: |types| {
            let item = types.first().cloned().unwrap_or(DataType::Utf8);
            Ok(DataType::List(Arc::new(Field::new_list_field(item, true))))
        },
        columns: split,
    }]
}

fn split(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [values, delimiters] = columns else { return Err(wrong_arguments("SPLIT")) };
    if values.data_type() == &DataType::Binary {
        return Ok(split_bytes(values, delimiters));
    }
    let (values, delimiters) = (values.as_string::<i32>(), delimiters.as_string::<i32>());
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (value, delimiter) in values.iter().zip(delimiters) {
        let (Some(value), Some(delimiter)) = (value, delimiter) else {
            lists.append_null();
            continue;
        };
        if delimiter.is_empty() && !value.is_empty() {
            let mut character = [0; 4];
            value.chars().for_each(|part| lists.values().append_value(part.encode_utf8(&mut character)));
        } else if delimiter.is_empty() {
            lists.values().append_value("");
        } else {
            value.split(delimiter).for_each(|part| lists.values().append_value(part));
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn split_bytes(values: &ArrayRef, delimiters: &ArrayRef) -> ArrayRef {
    let mut lists = ListBuilder::new(BinaryBuilder::new());
    for (value, delimiter) in values.as_binary::<i32>().iter().zip(delimiters.as_binary::<i32>()) {
        let (Some(mut rest), Some(delimiter)) = (value, delimiter) else {
            lists.append_null();
            continue;
        };
        if delimiter.is_empty() && !rest.is_empty() {
            rest.chunks(1).for_each(|byte| lists.values().append_value(byte));
        } else {
            while !delimiter.is_empty()
                && let Some(place) = rest.windows(delimiter.len()).position(|window| window == delimiter)
            {
                lists.values().append_value(&rest[..place]);
                rest = &rest[place + delimiter.len()..];
            }
            lists.values().append_value(rest);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

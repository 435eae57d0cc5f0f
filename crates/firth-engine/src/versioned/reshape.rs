//! Values of a file in the table's shape: fields found by their numbers or names, others NULL, types widened.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, AsArray, ListArray, StructArray, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, Fields},
    error::ArrowError,
};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::table::ColumnSource;

/// The number that a file gives a column, if it does.
pub(super) fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok()
}

/// Whether a file numbers its columns.
pub(super) fn has_ids(fields: &Fields) -> bool {
    fields.iter().any(|field| field_id(field).is_some())
}

/// Where among a file's columns, or a column's fields, this one is.
pub(super) fn position(source: &ColumnSource, fields: &Fields, by_id: bool) -> Option<usize> {
    match source.id {
        Some(id) if by_id => fields.iter().position(|field| field_id(field) == Some(id)),
        _ => {
            let named = |name: &String| fields.iter().position(|field| field.name() == name);
            source.names.iter().find_map(named).or_else(|| {
                let alike =
                    |name: &String| fields.iter().position(|field| field.name().eq_ignore_ascii_case(name));
                source.names.iter().find_map(alike)
            })
        }
    }
}

/// Whether values of the file's field are values of the table's as they are.
pub(super) fn is_same(from: &DataType, to: &DataType, source: &ColumnSource, by_id: bool) -> bool {
    match (from, to) {
        (DataType::Struct(from), DataType::Struct(to)) => {
            from == to
                && source.children.len() == to.len()
                && source.children.iter().zip(from.iter().zip(to)).enumerate().all(|(at, (child, (a, b)))| {
                    position(child, from, by_id) == Some(at)
                        && is_same(a.data_type(), b.data_type(), child, by_id)
                })
        }
        (DataType::List(a), DataType::List(b)) => {
            a == b
                && source
                    .children
                    .first()
                    .is_some_and(|child| is_same(a.data_type(), b.data_type(), child, by_id))
        }
        _ => from == to,
    }
}

/// The values in the table's type.
pub(super) fn reshape(
    array: &ArrayRef,
    to: &DataType,
    source: &ColumnSource,
    by_id: bool,
) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let array = array.as_struct();
            Ok(Arc::new(reshape_struct(array, fields, &source.children, by_id)?))
        }
        (DataType::Map(..), DataType::List(item)) => {
            let map = array.as_map();
            let DataType::Struct(fields) = item.data_type() else {
                return Err(ArrowError::CastError(format!("a map cannot be {to}")));
            };
            let mut columns = Vec::with_capacity(fields.len());
            for ((column, field), child) in map.entries().columns().iter().zip(fields).zip(&source.children) {
                columns.push(reshape(column, field.data_type(), child, by_id)?);
            }
            let entries = StructArray::try_new(fields.clone(), columns, None)?;
            let list = ListArray::try_new(
                Arc::clone(item),
                map.offsets().clone(),
                Arc::new(entries),
                map.nulls().cloned(),
            )?;
            Ok(Arc::new(list))
        }
        (DataType::LargeList(inner) | DataType::FixedSizeList(inner, _), DataType::List(_)) => {
            let list = converted(array, &DataType::List(Arc::clone(inner)))?;
            reshape(&list, to, source, by_id)
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let unknown = ColumnSource::default();
            let child = source.children.first().unwrap_or(&unknown);
            let values = reshape(list.values(), item.data_type(), child, by_id)?;
            let list =
                ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, list.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        (from, to) if from == to => Ok(Arc::clone(array)),
        _ => converted(array, to),
    }
}

fn reshape_struct(
    array: &StructArray,
    fields: &Fields,
    sources: &[ColumnSource],
    by_id: bool,
) -> Result<StructArray, ArrowError> {
    let mut columns = Vec::with_capacity(fields.len());
    for (field, source) in fields.iter().zip(sources) {
        columns.push(match position(source, array.fields(), by_id) {
            Some(at) => reshape(array.column(at), field.data_type(), source, by_id)?,
            None => absent(field, source, array.len())?,
        });
    }
    if columns.is_empty() {
        return Ok(StructArray::new_empty_fields(array.len(), array.nulls().cloned()));
    }
    StructArray::try_new(fields.clone(), columns, array.nulls().cloned())
}

/// What rows have that were written before there was the field.
fn absent(field: &FieldRef, source: &ColumnSource, rows: usize) -> Result<ArrayRef, ArrowError> {
    match &source.default {
        Some(value) => {
            value.to_array_of_size(rows).map_err(|error| ArrowError::ExternalError(Box::new(error)))
        }
        None => Ok(new_null_array(field.data_type(), rows)),
    }
}

fn converted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

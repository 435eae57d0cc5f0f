//! A file's columns as the table's.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
        new_null_array,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, SchemaRef, TimeUnit},
    error::ArrowError,
};
use firth_diagnostic::{Code, Diagnostic, Result};
use uuid::Uuid;

use crate::files::{schema::normalized_field, sql_type};

/// The metadata by which Arrow says that 16 bytes are a UUID.
const EXTENSION: &str = "ARROW:extension:name";
const UUID: &str = "arrow.uuid";

/// A file's column as GoogleSQL has it. `None` if it has no such type.
///
/// Maps are arrays of keys and values, as in BigQuery. Without logical types, dates and times are numbers.
pub(super) fn shown_field(field: &FieldRef, logical_types: bool) -> Option<FieldRef> {
    let shown = |data_type| Arc::new(Field::new(field.name(), data_type, true));
    Some(match field.data_type() {
        DataType::FixedSizeBinary(16) if is_uuid(field) => shown(DataType::Utf8),
        DataType::Date32 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(_, _)
            if !logical_types =>
        {
            shown(DataType::Int64)
        }
        DataType::Null => shown(DataType::Utf8),
        DataType::Map(entries, _) => shown(DataType::List(shown_field(entries, logical_types)?)),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            shown(DataType::List(shown_field(item, logical_types)?))
        }
        DataType::Struct(fields) => shown(DataType::Struct(
            fields.iter().map(|field| shown_field(field, logical_types)).collect::<Option<_>>()?,
        )),
        DataType::Union(..)
        | DataType::Interval(_)
        | DataType::Duration(_)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => return None,
        _ => normalized_field(field),
    })
}

fn is_uuid(field: &Field) -> bool {
    field.metadata().get(EXTENSION).is_some_and(|name| name == UUID)
        || field.metadata().get("logicalType").is_some_and(|name| name == "uuid")
}

/// The table's columns of a batch of a file. A column that the file lacks is NULL.
pub(super) fn conformed(batch: &RecordBatch, schema: &SchemaRef, uri: &str) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let lower = field.name().to_lowercase();
        let found = batch.schema_ref().fields().iter().position(|own| own.name().to_lowercase() == lower);
        let Some(index) = found else { return Ok(new_null_array(field.data_type(), batch.num_rows())) };
        let own = batch.schema_ref().field(index);
        converted(batch.column(index), own, field).map_err(|error| different(uri, own, field, error))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| Diagnostic::internal(error.to_string()))
}

fn different(uri: &str, own: &Field, field: &Field, error: Option<ArrowError>) -> Diagnostic {
    let known = shown_field(&Arc::new(own.clone()), true);
    let type_name = known.map_or_else(|| own.data_type().to_string(), |own| sql_type(&own));
    let message =
        format!("{uri}: column {:?} is {type_name}, and {} in the table", field.name(), sql_type(field));
    let error = match error {
        Some(error) => Diagnostic::error(Code::BadData, message).detail(error.to_string()),
        None => Diagnostic::error(Code::BadData, message),
    };
    error.hint("Make one table for each kind of file, or give the column the type that all files fit.")
}

/// An array as another type, if that loses nothing. `Err(None)` if the types do not fit.
fn converted(array: &ArrayRef, from: &Field, to: &Field) -> Result<ArrayRef, Option<ArrowError>> {
    if array.data_type() == to.data_type() {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), to.data_type()) {
        (DataType::FixedSizeBinary(16), DataType::Utf8) if is_uuid(from) => {
            let uuids = array.as_fixed_size_binary();
            let texts = uuids.iter().map(|bytes| {
                bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()).map(|uuid| uuid.to_string())
            });
            Ok(Arc::new(texts.collect::<StringArray>()))
        }
        (DataType::Map(entries, _), DataType::List(item)) => {
            let map = array.as_map();
            let own: ArrayRef = Arc::new(map.entries().clone());
            let values = converted(&own, entries, item)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls).map_err(Some)?))
        }
        (DataType::List(own), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = converted(list.values(), own, item)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls).map_err(Some)?))
        }
        (DataType::LargeList(own) | DataType::FixedSizeList(own, _), DataType::List(_)) => {
            let plain = DataType::List(Arc::clone(own));
            let list = lossless(array, &plain)?;
            converted(&list, &Field::new(from.name(), plain, true), to)
        }
        (DataType::Struct(own), DataType::Struct(fields)) => {
            let values = array.as_struct();
            let columns = fields.iter().map(|field| {
                let lower = field.name().to_lowercase();
                match own.iter().position(|own| own.name().to_lowercase() == lower) {
                    Some(index) => converted(values.column(index), &own[index], field),
                    None => Ok(new_null_array(field.data_type(), array.len())),
                }
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let nulls = values.nulls().cloned();
            if columns.is_empty() {
                return Ok(Arc::new(StructArray::new_empty_fields(array.len(), nulls)));
            }
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, nulls).map_err(Some)?))
        }
        (own, wanted) if widens(own, wanted) => lossless(array, wanted),
        _ => Err(None),
    }
}

fn lossless(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Option<ArrowError>> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(Some)
}

/// Whether every value of one type is one of the other, or an error where it is not.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        BinaryView, Boolean, Date32, Date64, Decimal32, Decimal64, Decimal128, Decimal256, Dictionary,
        FixedSizeBinary, Float16, Float32, Float64, Int64, LargeBinary, LargeUtf8, Null, Time32, Time64,
        Timestamp, Utf8, Utf8View,
    };
    let unit = |unit: &TimeUnit| matches!(unit, TimeUnit::Microsecond);
    match (from, to) {
        (Null, _) => true,
        (Dictionary(_, value), to) => **value == *to || widens(value, to),
        (Boolean, Boolean) => true,
        (from, Int64) if from.is_integer() => true,
        // As numbers: what Avro's logical types are without their meaning.
        (Date32 | Time32(_) | Time64(_) | Timestamp(_, _), Int64) => true,
        (Float16 | Float32, Float64) => true,
        (Utf8 | LargeUtf8 | Utf8View, DataType::Utf8) => true,
        (LargeBinary | BinaryView | FixedSizeBinary(_), DataType::Binary) => true,
        (from, Decimal128(..) | Decimal256(..)) if from.is_integer() => true,
        (
            Decimal32(own, own_scale)
            | Decimal64(own, own_scale)
            | Decimal128(own, own_scale)
            | Decimal256(own, own_scale),
            Decimal128(wanted, scale) | Decimal256(wanted, scale),
        ) => {
            scale >= own_scale
                && i16::from(*wanted) - i16::from(*scale) >= i16::from(*own) - i16::from(*own_scale)
        }
        // `decimal_target_types` says so.
        (Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..), Utf8) => true,
        (Date64, Date32) => true,
        (Time32(_) | Time64(_), Time64(to)) => unit(to),
        (Timestamp(_, Some(_)), Timestamp(to, Some(_))) | (Timestamp(_, None), Timestamp(to, None)) => {
            unit(to)
        }
        _ => false,
    }
}

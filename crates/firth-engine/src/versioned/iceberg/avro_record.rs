//! Records of an Avro file: what manifests are written as.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray, StructArray},
    datatypes::{DataType, Int32Type, Int64Type},
};
use arrow_avro::{
    reader::{ReaderBuilder, read_header_info},
    schema::AvroSchema,
};
use bytes::Bytes;
use firth_diagnostic::{Code, Diagnostic, Result};
use serde_json::Value;

use crate::files::open_avro;

/// A file's records, in batches, and what its head says.
pub(super) struct Records {
    batches: Vec<StructArray>,
    head: HashMap<String, String>,
}

/// One record, or a record within one.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    fields: &'a StructArray,
    row: usize,
}

impl Records {
    pub(super) fn try_new(bytes: Bytes, path: &str) -> Result<Self> {
        let damaged = |error: arrow::error::ArrowError| {
            Diagnostic::error(Code::BadData, format!("{path:?} is not readable as Avro"))
                .detail(error.to_string())
                .hint("It is a manifest of an Iceberg table; the table cannot be read without it.")
        };
        let reader = match readable(&bytes) {
            Some(schema) => open_avro(bytes, ReaderBuilder::new().with_reader_schema(schema)),
            None => open_avro(bytes, ReaderBuilder::new()),
        };
        let reader = reader.map_err(damaged)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = reader.avro_header().metadata().map(|(key, value)| (text(key), text(value))).collect();
        let mut batches = Vec::new();
        for batch in reader {
            batches.push(StructArray::from(batch.map_err(damaged)?));
        }
        Ok(Records { batches, head })
    }

    /// What the file's head says under a name.
    pub(super) fn head(&self, name: &str) -> Option<&str> {
        self.head.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.batches.iter().flat_map(|fields| (0..fields.len()).map(move |row| Record { fields, row }))
    }
}

/// The file's schema without records of no field, which are partitions of tables that have none: the reader refuses
/// them (arrow-avro 59.3). `None` if there are none, and where the reader will say what is wrong.
fn readable(bytes: &Bytes) -> Option<AvroSchema> {
    let header = read_header_info(bytes.as_ref()).ok()?;
    let mut schema: Value = serde_json::from_str(&header.writer_schema().ok()?.json_string).ok()?;
    drop_empty(&mut schema).then(|| AvroSchema::new(schema.to_string()))
}

/// Takes fields that are such records out of a type. Whether there were some.
fn drop_empty(schema: &mut Value) -> bool {
    let is_empty = |field: &Value| {
        field["type"]["type"] == "record" && field["type"]["fields"].as_array().is_some_and(Vec::is_empty)
    };
    let mut dropped = false;
    if let Some(fields) = schema.get_mut("fields").and_then(Value::as_array_mut) {
        let count = fields.len();
        fields.retain(|field| !is_empty(field));
        dropped = fields.len() < count;
        for field in fields {
            if let Some(inner) = field.get_mut("type") {
                dropped |= drop_empty(inner);
            }
        }
    }
    dropped
}

impl<'a> Record<'a> {
    /// The value of a field as an array and a place in it, unless it is absent or NULL.
    fn value(self, name: &str) -> Option<&'a ArrayRef> {
        self.fields.column_by_name(name).filter(|column| !column.is_null(self.row))
    }

    pub(super) fn record(self, name: &str) -> Option<Record<'a>> {
        let fields = self.value(name)?.as_struct_opt()?;
        Some(Record { fields, row: self.row })
    }

    pub(super) fn number(self, name: &str) -> Option<i64> {
        number(self.value(name)?, self.row)
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let column = self.value(name)?;
        match column.data_type() {
            DataType::Utf8 => Some(column.as_string::<i32>().value(self.row)),
            DataType::Utf8View => Some(column.as_string_view().value(self.row)),
            _ => None,
        }
    }

    pub(super) fn numbers(self, name: &str) -> Option<Vec<i64>> {
        let items = self.value(name)?.as_list_opt::<i32>()?.value(self.row);
        (0..items.len()).map(|at| number(&items, at)).collect()
    }

    /// A map that Avro has as an array of pairs, as all whose keys are numbers.
    pub(super) fn map<T>(self, name: &str, read: impl Fn(&ArrayRef, usize) -> Option<T>) -> HashMap<i32, T> {
        let pairs = self.value(name).and_then(|column| Some(column.as_list_opt::<i32>()?.value(self.row)));
        let Some(pairs) = pairs else { return HashMap::new() };
        let Some(pairs) = pairs.as_struct_opt() else { return HashMap::new() };
        let (Some(keys), Some(values)) = (pairs.column_by_name("key"), pairs.column_by_name("value")) else {
            return HashMap::new();
        };
        let pair = |at| Some((i32::try_from(number(keys, at)?).ok()?, read(values, at)?));
        (0..pairs.len()).filter_map(pair).collect()
    }

    /// The fields of this record, by their names and in their order.
    pub(super) fn fields(self) -> impl Iterator<Item = (&'a str, &'a ArrayRef)> {
        self.fields
            .fields()
            .iter()
            .zip(self.fields.columns())
            .map(|(field, column)| (field.name().as_str(), column))
    }

    /// Where in its arrays the record is.
    pub(super) fn row(self) -> usize {
        self.row
    }
}

pub(super) fn number(column: &ArrayRef, row: usize) -> Option<i64> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Int32 => Some(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(row)),
        _ => None,
    }
}

pub(super) fn bytes(column: &ArrayRef, row: usize) -> Option<Arc<[u8]>> {
    match column.data_type() {
        DataType::Binary if !column.is_null(row) => Some(column.as_binary::<i32>().value(row).into()),
        _ => None,
    }
}

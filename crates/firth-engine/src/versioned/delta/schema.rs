//! Delta Lake's types as GoogleSQL's, and where files hold columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use firth_diagnostic::{Code, Diagnostic, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::action::MetaData;
use crate::{
    files::viewed,
    versioned::table::{ColumnSource, TableColumn},
};

/// How columns are found in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapping {
    /// By the columns' names.
    None,
    /// By names that never change.
    Name,
    /// By numbers.
    Id,
}

#[derive(Debug, Deserialize)]
struct StructJson {
    fields: Vec<FieldJson>,
}

#[derive(Debug, Deserialize)]
struct FieldJson {
    name: String,
    #[serde(rename = "type")]
    data_type: TypeJson,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TypeJson {
    Primitive(String),
    Nested(Box<NestedJson>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum NestedJson {
    Struct { fields: Vec<FieldJson> },
    Array { element_type: TypeJson },
    Map { key_type: TypeJson, value_type: TypeJson },
}

/// The columns that the log says the table has.
pub(super) fn columns(meta_data: &MetaData) -> Result<Vec<TableColumn>> {
    let mode = meta_data.configuration.get("delta.columnMapping.mode").cloned().flatten();
    let mapping = match mode.as_deref() {
        None | Some("none") => Mapping::None,
        Some("name") => Mapping::Name,
        Some("id") => Mapping::Id,
        Some(other) => {
            return Err(Diagnostic::error(
                Code::Unsupported,
                format!("the Delta Lake table finds its columns by {other:?}, which is not in this version"),
            ));
        }
    };
    let schema: StructJson = serde_json::from_str(&meta_data.schema_string).map_err(|error| {
        Diagnostic::error(Code::BadData, "the schema of the Delta Lake table cannot be read")
            .detail(error.to_string())
    })?;
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let (field, source) = field.read(mapping)?;
        // Strings are views at the top, as in all tables over Parquet.
        let viewed = viewed(&Schema::new(vec![field]));
        columns.push(TableColumn { field: Arc::clone(&viewed.fields()[0]), source });
    }
    Ok(columns)
}

impl FieldJson {
    fn read(&self, mapping: Mapping) -> Result<(FieldRef, ColumnSource)> {
        let (data_type, children) = self.data_type.read(&self.name, mapping)?;
        let physical = self.metadata.get("delta.columnMapping.physicalName").and_then(Value::as_str);
        let id = self.metadata.get("delta.columnMapping.id").and_then(Value::as_i64);
        let lacks = |what: &str| {
            Diagnostic::error(
                Code::BadData,
                format!("column {:?} of the Delta Lake table has no {what} to be found by", self.name),
            )
        };
        let name = match mapping {
            Mapping::None => self.name.clone(),
            Mapping::Name | Mapping::Id => physical.ok_or_else(|| lacks("name"))?.to_owned(),
        };
        let id = match mapping {
            Mapping::None | Mapping::Name => None,
            Mapping::Id => Some(id.and_then(|id| i32::try_from(id).ok()).ok_or_else(|| lacks("number"))?),
        };
        let source = ColumnSource { id, names: vec![name], default: None, children };
        Ok((Arc::new(Field::new(&self.name, data_type, true)), source))
    }
}

impl TypeJson {
    fn read(&self, name: &str, mapping: Mapping) -> Result<(DataType, Vec<ColumnSource>)> {
        let within = |children| ColumnSource { children, ..ColumnSource::default() };
        let nested = match self {
            TypeJson::Primitive(text) => {
                let data_type = primitive(text).ok_or_else(|| {
                    Diagnostic::error(
                        Code::Unsupported,
                        format!("column {name:?} of the Delta Lake table is of type {text}, which is not in this version"),
                    )
                })?;
                return Ok((data_type, Vec::new()));
            }
            TypeJson::Nested(nested) => nested.as_ref(),
        };
        match nested {
            NestedJson::Struct { fields } => {
                let mut read = Vec::with_capacity(fields.len());
                let mut children = Vec::with_capacity(fields.len());
                for field in fields {
                    let (field, source) = field.read(mapping)?;
                    read.push(field);
                    children.push(source);
                }
                Ok((DataType::Struct(Fields::from(read)), children))
            }
            NestedJson::Array { element_type } => {
                let (item, children) = element_type.read(name, mapping)?;
                Ok((DataType::List(Arc::new(Field::new("item", item, true))), vec![within(children)]))
            }
            NestedJson::Map { key_type, value_type } => {
                let (key, of_key) = key_type.read(name, mapping)?;
                let (value, of_value) = value_type.read(name, mapping)?;
                let fields =
                    Fields::from(vec![Field::new("key", key, true), Field::new("value", value, true)]);
                let list = DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)));
                Ok((list, vec![within(of_key), within(of_value)]))
            }
        }
    }
}

fn primitive(text: &str) -> Option<DataType> {
    Some(match text {
        "boolean" => DataType::Boolean,
        "byte" | "short" | "integer" | "long" => DataType::Int64,
        "float" | "double" => DataType::Float64,
        "string" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "decimal" => DataType::Decimal128(10, 0),
        _ => {
            let digits = text.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            DataType::Decimal128(precision.trim().parse().ok()?, scale.trim().parse().ok()?)
        }
    })
}

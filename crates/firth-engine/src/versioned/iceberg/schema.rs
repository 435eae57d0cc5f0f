//! Iceberg's types as GoogleSQL's, by BigQuery's table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::common::ScalarValue;
use firth_diagnostic::{Code, Diagnostic, Result};
use serde::Deserialize;

use super::{metadata::NameMapping, value::from_json};
use crate::{
    files::viewed,
    versioned::table::{ColumnSource, TableColumn},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SchemaJson {
    #[serde(default)]
    pub(super) schema_id: i32,
    pub(super) fields: Vec<FieldJson>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FieldJson {
    pub(super) id: i32,
    name: String,
    #[serde(rename = "type")]
    data_type: TypeJson,
    /// What rows have that were written before there was the column.
    initial_default: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TypeJson {
    Primitive(String),
    Nested(Box<NestedJson>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "kebab-case")]
enum NestedJson {
    Struct { fields: Vec<FieldJson> },
    List { element_id: i32, element: TypeJson },
    Map { key_id: i32, key: TypeJson, value_id: i32, value: TypeJson },
}

impl SchemaJson {
    /// The columns of a table with this schema.
    pub(super) fn columns(&self, names: &[NameMapping]) -> Result<Vec<TableColumn>> {
        self.fields.iter().map(|field| field.column(names)).collect()
    }

    /// The column of this number. Fields within columns have none.
    pub(super) fn column(&self, id: i32, names: &[NameMapping]) -> Option<Result<TableColumn>> {
        self.fields.iter().find(|field| field.id == id).map(|field| field.column(names))
    }
}

impl FieldJson {
    fn column(&self, names: &[NameMapping]) -> Result<TableColumn> {
        let (field, source) = self.field(names)?;
        // Strings are views at the top, as in all tables over Parquet.
        let viewed = viewed(&arrow::datatypes::Schema::new(vec![field]));
        let field = Arc::clone(&viewed.fields()[0]);
        let default = source.default.map(|value| value.cast_to(field.data_type())).transpose();
        let default = default.map_err(crate::error::from_datafusion)?;
        Ok(TableColumn { field, source: ColumnSource { default, ..source } })
    }

    fn field(&self, names: &[NameMapping]) -> Result<(FieldRef, ColumnSource)> {
        let (data_type, mut source) = self.data_type.read(self.id, &self.name, names)?;
        if let Some(json) = self.initial_default.as_ref().filter(|json| !json.is_null()) {
            source.default = Some(from_json(json, &data_type).ok_or_else(|| {
                Diagnostic::error(
                    Code::Unsupported,
                    format!("the default of column {:?} cannot be read", self.name),
                )
            })?);
        }
        Ok((Arc::new(Field::new(&self.name, data_type, true)), source))
    }
}

impl TypeJson {
    /// The type and where files hold it. `id` and `name` are those of the column or of its part.
    fn read(&self, id: i32, name: &str, names: &[NameMapping]) -> Result<(DataType, ColumnSource)> {
        let mapped = names.iter().find(|mapped| mapped.field_id == Some(id));
        let within = mapped.map_or(&[][..], |mapped| &mapped.fields);
        let source = ColumnSource {
            id: Some(id),
            names: mapped.map(|mapped| mapped.names.clone()).unwrap_or_default(),
            ..ColumnSource::default()
        };
        let nested = match self {
            TypeJson::Primitive(text) => {
                let data_type = primitive(text).ok_or_else(|| {
                    Diagnostic::error(
                        Code::Unsupported,
                        format!("column {name:?} of the Iceberg table is of type {text}, which is not in this version"),
                    )
                })?;
                return Ok((data_type, source));
            }
            TypeJson::Nested(nested) => nested.as_ref(),
        };
        match nested {
            NestedJson::Struct { fields } => {
                let mut read = Vec::with_capacity(fields.len());
                let mut children = Vec::with_capacity(fields.len());
                for field in fields {
                    let (field, child) = field.field(within)?;
                    read.push(field);
                    children.push(child);
                }
                Ok((DataType::Struct(Fields::from(read)), ColumnSource { children, ..source }))
            }
            NestedJson::List { element_id, element } => {
                let (item, child) = element.read(*element_id, name, within)?;
                let list = DataType::List(Arc::new(Field::new("item", item, true)));
                Ok((list, ColumnSource { children: vec![child], ..source }))
            }
            NestedJson::Map { key_id, key, value_id, value } => {
                let (key, key_source) = key.read(*key_id, name, within)?;
                let (value, value_source) = value.read(*value_id, name, within)?;
                let fields =
                    Fields::from(vec![Field::new("key", key, true), Field::new("value", value, true)]);
                let list = DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)));
                Ok((list, ColumnSource { children: vec![key_source, value_source], ..source }))
            }
        }
    }
}

/// The type that holds values of a primitive type of Iceberg.
pub(super) fn primitive(text: &str) -> Option<DataType> {
    let utc = || Some(Arc::from("UTC"));
    Some(match text {
        "boolean" => DataType::Boolean,
        "int" | "long" => DataType::Int64,
        "float" | "double" => DataType::Float64,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        "string" => DataType::Utf8,
        "uuid" | "binary" => DataType::Binary,
        _ if text.starts_with("fixed[") => DataType::Binary,
        _ => {
            let digits = text.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            DataType::Decimal128(precision.trim().parse().ok()?, scale.trim().parse().ok()?)
        }
    })
}

/// A value of a column as its type in plans.
pub(super) fn in_column(value: &ScalarValue, column: &TableColumn) -> Option<ScalarValue> {
    value.cast_to(column.field.data_type()).ok()
}

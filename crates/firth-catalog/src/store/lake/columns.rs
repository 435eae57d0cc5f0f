//! Columns: Arrow's fields as rows of `ducklake_column`, and back.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use firth_diagnostic::{Code, Diagnostic, Result};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::{
    COLUMN_ID,
    error::{StoreError, StoreResult},
};

/// The metadata by which a STRING is known to be JSON, in the engine and here.
const TYPE_METADATA: &str = "firth.type";

/// The columns with their numbers, from `first` on, nested ones too: what a table's files are written by.
/// Fails on a type that native tables do not have.
pub fn numbered_columns(schema: &Schema, first: i64) -> Result<SchemaRef> {
    let mut next = first;
    let fields = schema.fields().iter().map(|field| numbered(field, &mut next));
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<FieldRef>>>()?)))
}

fn numbered(field: &Field, next: &mut i64) -> Result<FieldRef> {
    let id = *next;
    *next += 1;
    if type_name(field).is_none() {
        return Err(Diagnostic::error(
            Code::Unsupported,
            format!("column {:?} has a type that tables do not hold: {}", field.name(), field.data_type()),
        )
        .hint("Native tables have no BIGNUMERIC of more than 38 digits and no INTERVAL: cast it."));
    }
    let data_type = match field.data_type() {
        DataType::List(item) => {
            let item = Arc::new(item.as_ref().clone().with_name("element").with_nullable(true));
            DataType::List(numbered(&item, next)?)
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| numbered(field, next)).collect::<Result<_>>()?)
        }
        other => other.clone(),
    };
    let mut metadata = HashMap::from([(COLUMN_ID.to_owned(), id.to_string())]);
    if is_json(field) {
        metadata.insert(TYPE_METADATA.to_owned(), "JSON".to_owned());
    }
    Ok(Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata)))
}

fn is_json(field: &Field) -> bool {
    field.metadata().get(TYPE_METADATA).is_some_and(|name| name == "JSON")
}

/// DuckLake's name of a field's type.
fn type_name(field: &Field) -> Option<String> {
    Some(match field.data_type() {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 if is_json(field) => "json".to_owned(),
        DataType::Utf8 => "varchar".to_owned(),
        DataType::Binary => "blob".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Time64(TimeUnit::Microsecond) => "time".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz".to_owned(),
        DataType::List(_) => "list".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        _ => return None,
    })
}

/// The number of a numbered field.
pub(crate) fn column_id(field: &Field) -> StoreResult<i64> {
    field
        .metadata()
        .get(COLUMN_ID)
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| StoreError::stored("a column's number", field.name()))
}

/// Adds the columns of a table.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    snapshot: i64,
    table_id: i64,
    columns: &Schema,
) -> StoreResult<()> {
    for field in columns.fields() {
        insert_one(transaction, snapshot, table_id, field, None)?;
    }
    Ok(())
}

pub(super) fn insert_one(
    transaction: &Transaction<'_>,
    snapshot: i64,
    table_id: i64,
    field: &Field,
    parent: Option<i64>,
) -> StoreResult<()> {
    let id = column_id(field)?;
    let name = type_name(field).ok_or_else(|| StoreError::stored("a column's type", field.data_type()))?;
    let is_leaf = !field.data_type().is_nested();
    transaction.execute(
        "INSERT INTO ducklake_column (column_id, begin_snapshot, table_id, column_order, column_name, column_type,
             default_value, nulls_allowed, parent_column, default_value_type, default_value_dialect)
         VALUES (?, ?, ?, ?, ?, ?, 'NULL', ?, ?, ?, 'duckdb')",
        params![
            id,
            snapshot,
            table_id,
            id,
            field.name(),
            name,
            field.is_nullable(),
            parent,
            if is_leaf { "literal" } else { "" }
        ],
    )?;
    for child in within(field) {
        insert_one(transaction, snapshot, table_id, child, Some(id))?;
    }
    Ok(())
}

/// Makes the columns of a table others from this snapshot on. Those without a number are new, and get one that no column
/// of the table has had.
pub(super) fn change(
    transaction: &Transaction<'_>,
    snapshot: i64,
    table_id: i64,
    before: &[FieldRef],
    after: &[FieldRef],
) -> StoreResult<()> {
    let known: Vec<i64> = after.iter().filter_map(|field| column_id(field).ok()).collect();
    for field in before {
        if !known.contains(&column_id(field)?) {
            end(transaction, snapshot, table_id, field)?;
        }
    }
    for field in after {
        let Ok(id) = column_id(field) else {
            let new = Schema::new(vec![Arc::clone(field)]);
            for field in numbered_columns(&new, next_id(transaction, table_id)?)?.fields() {
                insert_one(transaction, snapshot, table_id, field, None)?;
            }
            continue;
        };
        let mut was = None;
        for field in before {
            if column_id(field)? == id {
                was = Some(field);
            }
        }
        let was = was.ok_or_else(|| StoreError::stored("a column's number", id))?;
        if was != field {
            change_one(transaction, snapshot, table_id, was, field)?;
        }
    }
    Ok(())
}

/// A number that no column of the table has had. Ended columns are kept as long as a file may hold them.
fn next_id(transaction: &Transaction<'_>, table_id: i64) -> StoreResult<i64> {
    Ok(transaction.query_row(
        "SELECT IFNULL(MAX(column_id), 0) + 1 FROM
           (SELECT column_id FROM ducklake_column WHERE table_id = ?1
            UNION ALL SELECT column_id FROM ducklake_file_column_stats WHERE table_id = ?1)",
        [table_id],
        |row| row.get(0),
    )?)
}

/// Ends a column and what is within it.
fn end(transaction: &Transaction<'_>, snapshot: i64, table_id: i64, field: &Field) -> StoreResult<()> {
    let id = column_id(field)?;
    transaction.execute(
        "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND column_id = ? AND end_snapshot IS NULL",
        [snapshot, table_id, id],
    )?;
    for child in within(field) {
        end(transaction, snapshot, table_id, child)?;
    }
    Ok(())
}

/// A column of another name, another type that is not nested, or that may be NULL. Its place and its number stay.
fn change_one(
    transaction: &Transaction<'_>,
    snapshot: i64,
    table_id: i64,
    was: &Field,
    field: &Field,
) -> StoreResult<()> {
    if was.data_type() != field.data_type() && (was.data_type().is_nested() || field.data_type().is_nested())
    {
        return Err(Diagnostic::internal("the fields of a STRUCT are not changed").into());
    }
    let id = column_id(field)?;
    let name = type_name(field).ok_or_else(|| StoreError::stored("a column's type", field.data_type()))?;
    transaction.execute(
        "UPDATE ducklake_column SET end_snapshot = ? WHERE table_id = ? AND column_id = ? AND end_snapshot IS NULL",
        [snapshot, table_id, id],
    )?;
    transaction.execute(
        "INSERT INTO ducklake_column (column_id, begin_snapshot, table_id, column_order, column_name, column_type,
             initial_default, default_value, nulls_allowed, parent_column, default_value_type, default_value_dialect)
         SELECT column_id, ?1, table_id, column_order, ?2, ?3, initial_default, default_value, ?4, parent_column,
             default_value_type, default_value_dialect
         FROM ducklake_column WHERE table_id = ?5 AND column_id = ?6 AND end_snapshot = ?1",
        params![snapshot, field.name(), name, field.is_nullable(), table_id, id],
    )?;
    Ok(())
}

/// The fields of a STRUCT, the element of an ARRAY.
fn within(field: &Field) -> Vec<&FieldRef> {
    match field.data_type() {
        DataType::List(item) => vec![item],
        DataType::Struct(fields) => fields.iter().collect(),
        _ => Vec::new(),
    }
}

/// DuckDB adds columns that have a value in the rows of older files, in its own SQL. Those would be read as NULL here.
pub(super) fn refuse_values_of_old_rows(
    connection: &Connection,
    table_id: i64,
    snapshot: i64,
) -> StoreResult<()> {
    let found: Option<String> = connection
        .query_row(
            "SELECT column_name FROM ducklake_column AS added
             WHERE table_id = ?1 AND begin_snapshot <= ?2 AND (end_snapshot IS NULL OR end_snapshot > ?2)
               AND initial_default IS NOT NULL AND initial_default <> 'NULL'
               AND EXISTS (SELECT 1 FROM ducklake_data_file AS file
                 WHERE file.table_id = ?1 AND file.begin_snapshot <= ?2
                   AND (file.end_snapshot IS NULL OR file.end_snapshot > ?2)
                   AND file.begin_snapshot < (SELECT MIN(begin_snapshot) FROM ducklake_column AS ever
                     WHERE ever.table_id = ?1 AND ever.column_id = added.column_id))
             LIMIT 1",
            [table_id, snapshot],
            |row| row.get(0),
        )
        .optional()?;
    match found {
        None => Ok(()),
        Some(column) => Err(StoreError::stored(
            "a table's column",
            format!("another program added {column:?} with a value for the rows that were there"),
        )),
    }
}

/// The columns that another program gave a DEFAULT. The text 'NULL' as one is written as none is, and means none in DuckDB too.
pub(super) fn defaulted(connection: &Connection, table_id: i64, snapshot: i64) -> StoreResult<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT column_name FROM ducklake_column
         WHERE table_id = ?1 AND begin_snapshot <= ?2 AND (end_snapshot IS NULL OR end_snapshot > ?2)
           AND parent_column IS NULL AND default_value IS NOT NULL AND default_value <> 'NULL'
         ORDER BY column_order, column_id",
    )?;
    let names = statement.query_map([table_id, snapshot], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

struct Column {
    id: i64,
    name: String,
    type_name: String,
    nullable: bool,
    parent: Option<i64>,
}

/// The columns of a table at a snapshot.
pub(super) fn read(connection: &Connection, table_id: i64, snapshot: i64) -> StoreResult<SchemaRef> {
    let mut statement = connection.prepare_cached(
        "SELECT column_id, column_name, column_type, nulls_allowed, parent_column FROM ducklake_column
         WHERE table_id = ?1 AND begin_snapshot <= ?2 AND (end_snapshot IS NULL OR end_snapshot > ?2)
         ORDER BY column_order, column_id",
    )?;
    let rows = statement.query_map([table_id, snapshot], |row| {
        Ok(Column {
            id: row.get(0)?,
            name: row.get(1)?,
            type_name: row.get(2)?,
            nullable: row.get(3)?,
            parent: row.get(4)?,
        })
    })?;
    let columns = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Schema::new(children(&columns, None)?)))
}

fn children(columns: &[Column], parent: Option<i64>) -> StoreResult<Vec<FieldRef>> {
    columns.iter().filter(|column| column.parent == parent).map(|column| field(columns, column)).collect()
}

fn field(columns: &[Column], column: &Column) -> StoreResult<FieldRef> {
    let unknown = || StoreError::stored("a column's type", &column.type_name);
    let mut metadata = HashMap::from([(COLUMN_ID.to_owned(), column.id.to_string())]);
    let data_type = match column.type_name.as_str() {
        "boolean" => DataType::Boolean,
        "int64" | "int32" | "int16" | "int8" | "uint8" | "uint16" | "uint32" => DataType::Int64,
        "float64" | "float32" => DataType::Float64,
        "varchar" => DataType::Utf8,
        "json" => {
            metadata.insert(TYPE_METADATA.to_owned(), "JSON".to_owned());
            DataType::Utf8
        }
        "blob" => DataType::Binary,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        "list" => {
            let mut items = children(columns, Some(column.id))?.into_iter();
            DataType::List(items.next().ok_or_else(unknown)?)
        }
        "struct" => DataType::Struct(children(columns, Some(column.id))?.into()),
        other => decimal(other).ok_or_else(unknown)?,
    };
    Ok(Arc::new(Field::new(&column.name, data_type, column.nullable).with_metadata(metadata)))
}

fn decimal(name: &str) -> Option<DataType> {
    let (precision, scale) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    Some(DataType::Decimal128(precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

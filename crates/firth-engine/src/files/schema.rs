//! The schema of files, in GoogleSQL's types.
//!
//! Files come in more widths than GoogleSQL has types: every integer is INT64, every float FLOAT64
//! (BigQuery's tables of file formats). Decimals keep their precision and scale, which is finer than
//! NUMERIC's fixed (38, 9): sums and products then have room, and no digit is lost.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_sql::ColumnType;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;

use super::{
    ListedFiles, TableFormat, footer,
    text::{CsvHeader, CsvSpec, TextFormat},
};
use crate::error::{InFile as _, from_datafusion};

/// How many files are asked for their schema at once, and how many at most.
const AT_ONCE: usize = 8;
const FILES_TO_COMPARE: usize = 1000;

/// The metadata key under which a field says that it is more than its Arrow type.
pub(crate) const TYPE_METADATA: &str = "firth.type";

/// Reads the schema of a table's files.
///
/// Parquet says its own, and every file's must agree. Text formats are read from the first rows of the first
/// file; where the columns of CSV are found by their names, later files may have more of them. Finds out the
/// header and the delimiter of CSV if they are not known. Names keep the files' spelling.
pub(crate) async fn describe_files(
    format: &mut TableFormat,
    header: CsvHeader,
    buckets: &[ListedFiles],
) -> Result<SchemaRef> {
    let files = || buckets.iter().flat_map(|listed| listed.files.iter().map(move |file| (listed, file)));
    let Some((first_bucket, first)) = files().next() else {
        return Err(Diagnostic::internal("a table without files is to be described"));
    };
    let others: Vec<_> = files().skip(1).take(FILES_TO_COMPARE).collect();
    let schema = match format {
        TableFormat::Parquet { .. } | TableFormat::Whole(_) => {
            merged(format, (first_bucket, first), others).await?
        }
        TableFormat::Text(TextFormat::Json(json)) => Arc::new(json.infer(first_bucket, first).await?),
        TableFormat::Text(TextFormat::Csv(csv)) => {
            let inferred = csv.infer(header, first_bucket, first).await?;
            csv.learn(&inferred, true);
            let schema = Arc::new(inferred.schema);
            if csv.skip_rows() > 0 {
                with_headers(csv, schema, (first_bucket, first), others).await?
            } else {
                schema
            }
        }
    };
    if schema.fields().is_empty() {
        return Err(Diagnostic::error(
            Code::BadData,
            format!("file {:?} has no columns to read a schema from", first_bucket.uri(first)),
        )
        .hint("List the columns in the statement."));
    }
    Ok(schema)
}

async fn merged(
    format: &TableFormat,
    (first_bucket, first): (&ListedFiles, &ObjectMeta),
    others: Vec<(&ListedFiles, &ObjectMeta)>,
) -> Result<SchemaRef> {
    let mut schema = own_schema(format, first_bucket, first).await?;
    // Futures made in a loop, not in a closure: a closure over borrowed pairs would keep the whole
    // statement's future from being `Send`.
    let mut schemas = Vec::new();
    for (listed, file) in others {
        schemas.push(async move {
            let other = own_schema(format, listed, file).await?;
            Ok::<_, Diagnostic>((listed, file, other))
        });
    }
    let mut schemas = stream::iter(schemas).buffered(AT_ONCE);
    while let Some((listed, file, other)) = schemas.try_next().await? {
        agree(&schema, &first_bucket.uri(first), &other, &listed.uri(file))?;
        schema = with_new_columns(schema, &other);
    }
    Ok(schema)
}

/// What a file says of itself.
async fn own_schema(format: &TableFormat, listed: &ListedFiles, file: &ObjectMeta) -> Result<SchemaRef> {
    if let TableFormat::Whole(whole) = format {
        return whole.schema(listed, file).await;
    }
    let planned = listed.handle.planned(file.clone());
    let failed = |error| from_datafusion(error).in_file(&listed.uri(file));
    let footer = footer(&listed.handle.store, &planned).await.map_err(|error| failed(error.into()))?;
    let schema = normalized(&footer.schema().map_err(failed)?);
    if !matches!(format, TableFormat::Parquet { enum_as_string: true }) {
        return Ok(Arc::new(schema));
    }
    let enums: Vec<&str> = footer.enums().collect();
    let fields = schema.fields().iter().map(|field| {
        if enums.contains(&field.name().as_str()) {
            return Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8));
        }
        Arc::clone(field)
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The schema with the columns that only later files have, in the order in which they appear.
fn with_new_columns(schema: SchemaRef, other: &Schema) -> SchemaRef {
    let is_new = |field: &&FieldRef| {
        !schema.fields().iter().any(|known| known.name().eq_ignore_ascii_case(field.name()))
    };
    let new: Vec<FieldRef> = other.fields().iter().filter(is_new).cloned().collect();
    if new.is_empty() {
        return schema;
    }
    Arc::new(Schema::new(schema.fields().iter().cloned().chain(new).collect::<Vec<_>>()))
}

fn agree(schema: &Schema, uri: &str, other: &Schema, other_uri: &str) -> Result<()> {
    for field in other.fields() {
        let Some(known) =
            schema.fields().iter().find(|known| known.name().eq_ignore_ascii_case(field.name()))
        else {
            continue;
        };
        if known.data_type() != field.data_type() {
            return Err(Diagnostic::error(
                Code::BadData,
                format!("column {:?} has different types in the files of this table", field.name()),
            )
            .detail(format!("{} in {uri}\n{} in {other_uri}", sql_type(known), sql_type(field)))
            .hint("Make one table for each kind of file, or narrow the uris."));
        }
    }
    Ok(())
}

/// The schema with the columns that only later files' headers have. Where columns are found by their place,
/// files whose headers differ would give wrong rows.
async fn with_headers(
    csv: &CsvSpec,
    mut schema: SchemaRef,
    first: (&ListedFiles, &ObjectMeta),
    others: Vec<(&ListedFiles, &ObjectMeta)>,
) -> Result<SchemaRef> {
    let Some(known) = csv.header(first.0, first.1).await? else { return Ok(schema) };
    let mut headers = Vec::new();
    for (listed, file) in others {
        headers.push(async move { Ok::<_, Diagnostic>((listed, file, csv.header(listed, file).await?)) });
    }
    let mut headers = stream::iter(headers).buffered(AT_ONCE);
    while let Some((listed, file, other)) = headers.try_next().await? {
        let Some(other) = other else { continue };
        if csv.by_name() {
            let is_known = |name: &String| {
                schema.fields().iter().any(|field| field.name().to_lowercase() == name.to_lowercase())
            };
            if !other.iter().all(is_known) {
                let inferred = csv.infer(CsvHeader::LastSkipped, listed, file).await?;
                schema = with_new_columns(schema, &inferred.schema);
            }
            continue;
        }
        let same = |(one, two): (&String, &String)| one.eq_ignore_ascii_case(two);
        if other.len() != known.len() || !known.iter().zip(&other).all(same) {
            return Err(Diagnostic::error(Code::BadData, "the files of this table have different columns")
                .detail(format!(
                    "{} in {}\n{} in {}",
                    known.join(", "),
                    first.0.uri(first.1),
                    other.join(", "),
                    listed.uri(file)
                ))
                .hint("Find columns by their names: source_column_match = 'NAME'; or narrow the uris."));
        }
    }
    Ok(schema)
}

/// The schema with GoogleSQL's widths, without the files' own metadata.
pub(super) fn normalized(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(normalized_field).collect::<Vec<_>>())
}

/// A field in the types that GoogleSQL has.
pub(crate) fn normalized_field(field: &FieldRef) -> FieldRef {
    let plain = |data_type| Arc::new(Field::new(field.name(), data_type, true));
    let utc = || Some(Arc::from("UTC"));
    plain(match field.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => DataType::Int64,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Dictionary(_, value) => {
            return normalized_field(&plain(value.as_ref().clone()));
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(normalized_field(item))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(normalized_field).collect()),
        other => other.clone(),
    })
}

/// The Arrow type that a GoogleSQL type is held in.
pub(crate) fn arrow_type(column_type: &ColumnType) -> DataType {
    match column_type {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Numeric(None) => DataType::Decimal128(38, 9),
        ColumnType::Numeric(Some((precision, scale))) => DataType::Decimal128(*precision, *scale as i8),
        ColumnType::BigNumeric(None) => DataType::Decimal256(76, 38),
        // What fits 128 bits is held in 128 bits, whatever it is called.
        ColumnType::BigNumeric(Some((precision, scale))) if *precision <= 38 => {
            DataType::Decimal128(*precision, *scale as i8)
        }
        ColumnType::BigNumeric(Some((precision, scale))) => DataType::Decimal256(*precision, *scale as i8),
        ColumnType::String | ColumnType::Json => DataType::Utf8,
        ColumnType::Bytes => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Datetime => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        ColumnType::Array(item) => DataType::List(Arc::new(Field::new("item", arrow_type(item), true))),
        ColumnType::Struct(fields) => DataType::Struct(
            fields.iter().map(|(name, field_type)| Field::new(name, arrow_type(field_type), true)).collect(),
        ),
    }
}

/// A declared column as a field. JSON says so in its metadata.
pub(crate) fn declared_field(name: &str, column_type: &ColumnType, nullable: bool) -> Field {
    let field = Field::new(name, arrow_type(column_type), nullable);
    match column_type {
        ColumnType::Json => {
            field.with_metadata(HashMap::from([(TYPE_METADATA.to_owned(), "JSON".to_owned())]))
        }
        _ => field,
    }
}

/// Whether a field of text holds JSON.
pub(crate) fn is_json(field: &Field) -> bool {
    field.metadata().get(TYPE_METADATA).is_some_and(|name| name == "JSON")
}

/// The GoogleSQL type of a field, for statements that Firth writes itself.
pub(crate) fn column_type(field: &Field) -> ColumnType {
    firth_sql::parse_type(&sql_type(field)).unwrap_or(ColumnType::String)
}

/// The GoogleSQL name of a field's type, as DESCRIBE and INFORMATION_SCHEMA show it.
pub fn sql_type(field: &Field) -> String {
    if is_json(field) {
        return "JSON".to_owned();
    }
    match field.data_type() {
        DataType::Null => "NULL".to_owned(),
        DataType::Boolean => "BOOL".to_owned(),
        data_type if data_type.is_integer() => "INT64".to_owned(),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "FLOAT64".to_owned(),
        DataType::Decimal128(38, 9) => "NUMERIC".to_owned(),
        // BigQuery's NUMERIC(p, s) has at most 9 digits after the point and 29 before it.
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            let fits = (0..=9).contains(s) && i16::from(*p) - i16::from(*s) <= 29;
            format!("{}({p}, {s})", if fits { "NUMERIC" } else { "BIGNUMERIC" })
        }
        DataType::Decimal256(76, 38) => "BIGNUMERIC".to_owned(),
        DataType::Decimal256(p, s) => format!("BIGNUMERIC({p}, {s})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "BYTES".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".to_owned(),
        DataType::Timestamp(_, None) => "DATETIME".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".to_owned(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("ARRAY<{}>", sql_type(item))
        }
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| {
                    format!("{} {}", firth_diagnostic::Name::new([field.name().as_str()]), sql_type(field))
                })
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        DataType::Dictionary(_, value) => sql_type(&Field::new("", value.as_ref().clone(), true)),
        other => other.to_string().to_uppercase(),
    }
}

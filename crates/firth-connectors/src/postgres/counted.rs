//! A binary `COPY` without a server, for counting what its bytes cost.

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef, TimeUnit},
};
use bytes::{Bytes, BytesMut};
use firth_diagnostic::{Code, Diagnostic, Result};
use postgres_types::Type;

use super::{
    copy::Decoder,
    encode::{self, Encoder, HEADER, TRAILER},
    types::Wire,
};

/// The stream that `INSERT` sends for these rows, as a whole.
///
/// # Errors
///
/// Columns of other types than BOOL, INT64, FLOAT64, NUMERIC, STRING, DATE, DATETIME and TIMESTAMP are refused, and so
/// are values that PostgreSQL does not take.
pub fn postgres_copy_of(batch: &RecordBatch) -> Result<Bytes> {
    let encoder = |type_: &DataType| Encoder::new(type_, &remote_type(type_)?, None);
    let schema = batch.schema();
    let fields = schema.fields().iter();
    let encoders =
        fields.map(|field| encoder(field.data_type()).ok_or_else(|| not_counted(field.data_type())));
    let encoders = encoders.collect::<Result<Vec<_>>>()?;
    let mut stream = BytesMut::from(HEADER);
    encode::rows(batch, &encoders, &mut stream)?;
    stream.extend_from_slice(TRAILER);
    Ok(stream.freeze())
}

/// The batches that a scan makes of a stream with these columns.
///
/// # Errors
///
/// Types that [`postgres_copy_of`] refuses are refused; a stream that is not whole is bad data.
pub fn batches_of_postgres_copy(schema: &SchemaRef, stream: Bytes) -> Result<Vec<RecordBatch>> {
    let wire = |type_: &DataType| Wire::reading(&remote_type(type_)?, type_);
    let fields = schema.fields().iter();
    let wires = fields.map(|field| wire(field.data_type()).ok_or_else(|| not_counted(field.data_type())));
    let mut decoder = Decoder::new(schema.clone(), &wires.collect::<Result<Vec<_>>>()?, &[]);
    let mut batches = Vec::new();
    decoder.feed(stream);
    while decoder.fill()? {
        batches.extend(decoder.take_batch()?);
    }
    decoder.finish()?;
    batches.extend(decoder.take_batch()?);
    Ok(batches)
}

/// The type of a table's column that is read as this.
fn remote_type(type_: &DataType) -> Option<Type> {
    Some(match type_ {
        DataType::Boolean => Type::BOOL,
        DataType::Int64 => Type::INT8,
        DataType::Float64 => Type::FLOAT8,
        DataType::Decimal128(..) => Type::NUMERIC,
        DataType::Utf8 => Type::TEXT,
        DataType::Date32 => Type::DATE,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Type::TIMESTAMP,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Type::TIMESTAMPTZ,
        _ => return None,
    })
}

fn not_counted(type_: &DataType) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("a COPY of {type_} is not counted"))
}

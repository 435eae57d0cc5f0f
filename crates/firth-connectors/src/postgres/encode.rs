//! Arrow values as a binary `COPY` takes them: the way back of `column`.

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
        IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    },
};
use bytes::{BufMut, BytesMut};
use firth_diagnostic::{Code, Diagnostic, Result};
use postgres_types::{Kind, Type};

use super::{
    numeric::{self, Literal},
    types::numeric_modifier,
};

/// Days and microseconds from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// How values of one column are written.
#[derive(Clone, Debug)]
pub(super) enum Encoder {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric {
        /// Of the values that come.
        scale: i8,
        /// Of the column, if it has one: it would round the rest without a word.
        keeps: Option<i32>,
    },
    /// A number as text, or as FLOAT64.
    NumericText {
        keeps: Option<i32>,
    },
    /// One byte.
    Char,
    /// So many bits, or as many as come.
    Bits {
        exactly: bool,
        most: Option<usize>,
    },
    Text,
    Uuid,
    Jsonb,
    Bytes,
    Date,
    Time,
    Timestamp,
    Interval,
    /// With the type of the elements.
    Array(Type, Box<Encoder>),
    /// Field by field, with their types.
    Composite(Vec<(Type, Encoder)>),
}

/// Why a value cannot be written.
enum Unfit {
    OutOfRange(String),
    /// The column has fewer decimals.
    Rounded(String),
    /// Not the text of a value of this type.
    NotA(&'static str, String),
    Nul,
}

/// What a binary `COPY` begins with, and ends with.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

impl Encoder {
    /// How values of `data_type` are written to a column of `type_`; `None` if they are not.
    ///
    /// What the type's modifier is may not be known: within a domain or a composite.
    pub(super) fn new(data_type: &DataType, type_: &Type, modifier: Option<i32>) -> Option<Self> {
        Some(match (data_type, type_.kind()) {
            (_, Kind::Domain(base)) => return Encoder::new(data_type, base, None),
            (DataType::List(field), Kind::Array(element)) => {
                let encoder = Encoder::new(field.data_type(), element, modifier)?;
                Encoder::Array(element.clone(), Box::new(encoder))
            }
            (DataType::Struct(fields), Kind::Composite(into)) if fields.len() == into.len() => {
                let fields = fields.iter().zip(into);
                let fields = fields.map(|(field, into)| {
                    Some((into.type_().clone(), Encoder::new(field.data_type(), into.type_(), None)?))
                });
                Encoder::Composite(fields.collect::<Option<_>>()?)
            }
            (DataType::Utf8, Kind::Enum(_)) => Encoder::Text,
            (DataType::Utf8, _) if type_.name() == "citext" => Encoder::Text,
            _ => match (data_type, type_) {
                (DataType::Boolean, &Type::BOOL) => Encoder::Bool,
                (DataType::Int64, &Type::INT2) => Encoder::Int2,
                (DataType::Int64, &Type::INT4) => Encoder::Int4,
                (DataType::Int64, &Type::INT8) => Encoder::Int8,
                (DataType::Int64, &Type::OID) => Encoder::Oid,
                (DataType::Float64, &Type::FLOAT4) => Encoder::Float4,
                (DataType::Float64, &Type::FLOAT8) => Encoder::Float8,
                (DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale), &Type::NUMERIC) => {
                    let keeps = modifier.and_then(numeric_modifier).map(|(_, scale)| scale);
                    Encoder::Numeric { scale: *scale, keeps }
                }
                // Of unknown decimals they might be rounded.
                (DataType::Utf8 | DataType::Float64, &Type::NUMERIC) => {
                    Encoder::NumericText { keeps: numeric_modifier(modifier?).map(|(_, scale)| scale) }
                }
                (DataType::Utf8, &Type::CHAR) => Encoder::Char,
                (DataType::Binary, &Type::BIT) => {
                    let most = usize::try_from(modifier?).ok().filter(|bits| *bits > 0)?;
                    Encoder::Bits { exactly: true, most: Some(most) }
                }
                (DataType::Binary, &Type::VARBIT) => {
                    let most = modifier.and_then(|bits| usize::try_from(bits).ok()).filter(|bits| *bits > 0);
                    Encoder::Bits { exactly: false, most }
                }
                (
                    DataType::Utf8,
                    &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::XML | &Type::JSON,
                ) => Encoder::Text,
                (DataType::Utf8, &Type::UUID) => Encoder::Uuid,
                (DataType::Utf8, &Type::JSONB) => Encoder::Jsonb,
                (DataType::Binary, &Type::BYTEA) => Encoder::Bytes,
                (DataType::Date32, &Type::DATE) => Encoder::Date,
                (DataType::Time64(TimeUnit::Microsecond), &Type::TIME) => Encoder::Time,
                (DataType::Timestamp(TimeUnit::Microsecond, None), &Type::TIMESTAMP)
                | (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), &Type::TIMESTAMPTZ) => {
                    Encoder::Timestamp
                }
                (DataType::Interval(IntervalUnit::MonthDayNano), &Type::INTERVAL) => Encoder::Interval,
                _ => return None,
            },
        })
    }

    /// Appends the length of a value and its bytes, or −1 for NULL.
    fn value(&self, values: &dyn Array, row: usize, into: &mut BytesMut) -> Result<(), Unfit> {
        if values.is_null(row) {
            into.put_i32(-1);
            return Ok(());
        }
        let place = into.len();
        into.put_i32(0);
        self.bytes(values, row, into)?;
        let length = into.len() - place - 4;
        let length =
            i32::try_from(length).map_err(|_| Unfit::OutOfRange(format!("a value of {length} bytes")))?;
        into[place..place + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn bytes(&self, values: &dyn Array, row: usize, into: &mut BytesMut) -> Result<(), Unfit> {
        let integer = || values.as_primitive::<Int64Type>().value(row);
        let out_of_range = |number: i64| Unfit::OutOfRange(number.to_string());
        match self {
            Encoder::Bool => into.put_u8(values.as_boolean().value(row).into()),
            Encoder::Int2 => into.put_i16(i16::try_from(integer()).map_err(|_| out_of_range(integer()))?),
            Encoder::Int4 => into.put_i32(i32::try_from(integer()).map_err(|_| out_of_range(integer()))?),
            Encoder::Int8 => into.put_i64(integer()),
            Encoder::Oid => into.put_u32(u32::try_from(integer()).map_err(|_| out_of_range(integer()))?),
            Encoder::Float4 => {
                let number = values.as_primitive::<Float64Type>().value(row);
                let narrow = number as f32;
                if narrow.is_infinite() && number.is_finite() {
                    return Err(Unfit::OutOfRange(number.to_string()));
                }
                into.put_f32(narrow);
            }
            Encoder::Float8 => into.put_f64(values.as_primitive::<Float64Type>().value(row)),
            Encoder::Numeric { scale, keeps } => {
                let digits = match values.data_type() {
                    DataType::Decimal128(..) => {
                        values.as_primitive::<Decimal128Type>().value(row).to_string()
                    }
                    _ => values.as_primitive::<Decimal256Type>().value(row).to_string(),
                };
                let scale = usize::try_from(*scale).unwrap_or_default();
                if !numeric::keeps_all(&digits, scale, *keeps) {
                    let mut bytes = BytesMut::new();
                    numeric::encode(&digits, scale, &mut bytes);
                    return Err(Unfit::Rounded(numeric::shown(&bytes)));
                }
                numeric::encode(&digits, scale, into);
            }
            Encoder::NumericText { keeps } => {
                let written = match values.data_type() {
                    DataType::Float64 => values.as_primitive::<Float64Type>().value(row).to_string(),
                    _ => text(values, row)?.to_owned(),
                };
                match Literal::read(&written) {
                    Some(Literal::Number { digits, scale }) if numeric::keeps_all(&digits, scale, *keeps) => {
                        numeric::encode(&digits, scale, into);
                    }
                    Some(Literal::Number { .. }) => return Err(Unfit::Rounded(written)),
                    Some(Literal::Special(sign)) => {
                        [0, 0, sign, 0].into_iter().for_each(|word| into.put_u16(word))
                    }
                    None => return Err(Unfit::NotA("numeric", written)),
                }
            }
            Encoder::Char => into.put_u8(char_byte(text(values, row)?)?),
            Encoder::Bits { exactly, most } => {
                let bytes = values.as_binary::<i32>().value(row);
                let bits = most.map_or(8 * bytes.len(), |most| most.min(8 * bytes.len()));
                let unfit = || Unfit::OutOfRange(format!("0x{}", hex(bytes)));
                // Bits that there is no room for are those that reading has added.
                let fits = (bits == 8 * bytes.len()
                    || bits.div_ceil(8) == bytes.len() && unused(bytes, bits) == 0)
                    && (!exactly || most.is_none_or(|most| most == bits));
                if !fits {
                    return Err(unfit());
                }
                into.put_i32(i32::try_from(bits).map_err(|_| unfit())?);
                into.put_slice(bytes);
            }
            Encoder::Text => into.put_slice(text(values, row)?.as_bytes()),
            Encoder::Uuid => {
                let text = text(values, row)?;
                let uuid = uuid::Uuid::parse_str(text);
                into.put_slice(uuid.map_err(|_| Unfit::NotA("uuid", text.to_owned()))?.as_bytes());
            }
            Encoder::Jsonb => {
                into.put_u8(1);
                into.put_slice(text(values, row)?.as_bytes());
            }
            Encoder::Bytes => into.put_slice(values.as_binary::<i32>().value(row)),
            Encoder::Date => {
                let days = values.as_primitive::<Date32Type>().value(row);
                // The least number is not a date there, but -infinity.
                let there = days.checked_sub(EPOCH_DAYS).filter(|days| *days != i32::MIN);
                into.put_i32(
                    there.ok_or_else(|| Unfit::OutOfRange(format!("a date {days} days after 1970-01-01")))?,
                );
            }
            Encoder::Time => into.put_i64(values.as_primitive::<Time64MicrosecondType>().value(row)),
            Encoder::Timestamp => {
                let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
                let there = micros.checked_sub(EPOCH_MICROS).filter(|micros| *micros != i64::MIN);
                into.put_i64(there.ok_or_else(|| {
                    Unfit::OutOfRange(format!("a time {micros} microseconds after 1970-01-01"))
                })?);
            }
            Encoder::Interval => {
                let value = values.as_primitive::<IntervalMonthDayNanoType>().value(row);
                if value.nanoseconds % 1000 != 0 {
                    return Err(Unfit::OutOfRange(format!("{} nanoseconds", value.nanoseconds)));
                }
                into.put_i64(value.nanoseconds / 1000);
                into.put_i32(value.days);
                into.put_i32(value.months);
            }
            Encoder::Array(type_, encoder) => {
                let elements = values.as_list::<i32>().value(row);
                into.put_i32(i32::from(!elements.is_empty()));
                into.put_i32(i32::from(elements.null_count() > 0));
                into.put_u32(type_.oid());
                if !elements.is_empty() {
                    into.put_i32(elements.len() as i32);
                    into.put_i32(1);
                }
                for element in 0..elements.len() {
                    encoder.value(&elements, element, into)?;
                }
            }
            Encoder::Composite(fields) => {
                into.put_i32(fields.len() as i32);
                for ((type_, encoder), values) in fields.iter().zip(values.as_struct().columns()) {
                    into.put_u32(type_.oid());
                    encoder.value(values, row, into)?;
                }
            }
        }
        Ok(())
    }
}

/// What the last byte holds beyond so many bits.
fn unused(bytes: &[u8], bits: usize) -> u8 {
    bytes.last().map_or(0, |last| if bits.is_multiple_of(8) { 0 } else { last << (bits % 8) })
}

fn hex(bytes: &[u8]) -> String {
    /// Bytes beyond which it is cut.
    const LONGEST: usize = 32;
    let shown = bytes.iter().take(LONGEST).map(|byte| format!("{byte:02x}")).collect::<String>();
    if bytes.len() > LONGEST { format!("{shown}…") } else { shown }
}

/// The byte of a `"char"`, as PostgreSQL writes it: none for zero, and beyond ASCII `\ooo`.
fn char_byte(text: &str) -> Result<u8, Unfit> {
    let unfit = || Unfit::OutOfRange(format!("{text:?}"));
    match text.as_bytes() {
        [] => Ok(0),
        [byte] => Ok(*byte),
        [b'\\', octal @ ..] if octal.len() == 3 => {
            let octal = std::str::from_utf8(octal).map_err(|_| unfit())?;
            u8::from_str_radix(octal, 8).ok().filter(|byte| *byte > 0x7f).ok_or_else(unfit)
        }
        _ => Err(unfit()),
    }
}

/// The protocol takes any bytes, but no text of PostgreSQL holds a NUL.
fn text(values: &dyn Array, row: usize) -> Result<&str, Unfit> {
    let text = values.as_string::<i32>().value(row);
    if text.contains('\0') { Err(Unfit::Nul) } else { Ok(text) }
}

/// Appends the rows of a batch, whose columns have the types that the encoders were made for.
pub(super) fn rows(batch: &RecordBatch, encoders: &[Encoder], into: &mut BytesMut) -> Result<()> {
    for row in 0..batch.num_rows() {
        into.put_i16(encoders.len() as i16);
        for (index, (encoder, values)) in encoders.iter().zip(batch.columns()).enumerate() {
            encoder.value(values, row, into).map_err(|unfit| {
                let name = batch.schema_ref().field(index).name().clone();
                let what = match unfit {
                    Unfit::OutOfRange(value) => format!("{value} does not fit column {name:?}"),
                    Unfit::Rounded(value) => {
                        format!("{value} does not fit column {name:?}, which would round it")
                    }
                    Unfit::NotA(type_, value) => {
                        format!("{value:?} is not a {type_}, which column {name:?} holds")
                    }
                    Unfit::Nul => {
                        format!(
                            "a text for column {name:?} holds a NUL character, which PostgreSQL does not take"
                        )
                    }
                };
                Diagnostic::error(Code::BadData, what).hint("Nothing was written.")
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, TimestampMicrosecondArray};

    use super::*;

    /// What is sent for one value, or why it is not.
    fn sent(values: ArrayRef, encoder: Encoder) -> String {
        let batch = RecordBatch::try_from_iter([("x", values)]).expect("a batch");
        let mut bytes = BytesMut::new();
        match rows(&batch, &[encoder], &mut bytes) {
            // After the number of columns and the value's length.
            Ok(()) => hex(&bytes[6..]),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn what_would_be_infinite_there_or_lie_beyond_is_refused() {
        let date = |days: i32| sent(Arc::new(Date32Array::from(vec![days])), Encoder::Date);
        let time =
            |micros: i64| sent(Arc::new(TimestampMicrosecondArray::from(vec![micros])), Encoder::Timestamp);
        assert_eq!(date(EPOCH_DAYS), "00000000");
        assert_eq!(date(i32::MAX), "7fffd532");
        assert_eq!(date(i32::MIN + EPOCH_DAYS + 1), "80000001");
        for days in [i32::MIN + EPOCH_DAYS, i32::MIN] {
            assert_eq!(date(days), format!("a date {days} days after 1970-01-01 does not fit column \"x\""));
        }
        assert_eq!(time(EPOCH_MICROS - 1), "ffffffffffffffff");
        for micros in [i64::MIN + EPOCH_MICROS, i64::MIN] {
            let shown = format!("a time {micros} microseconds after 1970-01-01 does not fit column \"x\"");
            assert_eq!(time(micros), shown);
        }
    }
}

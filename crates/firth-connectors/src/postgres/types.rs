//! PostgreSQL's types on the wire: how values of each are read into Arrow. What a column becomes is
//! decided in `mapping`.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use postgres_types::{Kind, Type};

/// The wire format of a type that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    /// `smallint`, `integer` and `bigint`: the length tells them apart.
    Integer,
    /// `oid`, `xid` and `cid`: 32 bits without a sign.
    Unsigned,
    /// `real` and `double precision`: the length tells them apart.
    Float,
    /// A `numeric` that fits 128 bits, with its precision and scale.
    Numeric(u8, i8),
    /// A `numeric` that needs 256 bits, with its precision and scale.
    BigNumeric(u8, i8),
    /// UTF-8, as it is.
    Text,
    /// Sixteen bytes.
    Uuid,
    /// A version byte, then UTF-8.
    Jsonb,
    /// Bytes, as they are.
    Bytes,
    /// A length in bits, then bytes.
    Bits,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// Microseconds, days, months.
    Interval,
    /// An array of one dimension.
    List(Box<Wire>),
    /// A composite, field by field.
    Struct(Vec<Wire>),
}

/// Precision and scale of GoogleSQL's NUMERIC.
pub(super) const NUMERIC: (u8, i8) = (38, 9);
/// Precision and scale of GoogleSQL's BIGNUMERIC, as far as 256 bits go.
pub(super) const BIGNUMERIC: (u8, i8) = (76, 38);

impl Wire {
    /// How values of `type_` are read as `data_type`; `None` if they are not.
    ///
    /// Every `numeric` can be read as every decimal: what does not fit is found value by value.
    pub(super) fn reading(type_: &Type, data_type: &DataType) -> Option<Self> {
        match (type_.kind(), data_type) {
            // The server already looks through domains when it describes columns; this is for those it does not.
            (Kind::Domain(base), _) => return Wire::reading(base, data_type),
            (Kind::Array(element), DataType::List(field)) => {
                return Some(Wire::List(Box::new(Wire::reading(element, field.data_type())?)));
            }
            (Kind::Composite(fields), DataType::Struct(into)) if fields.len() == into.len() => {
                let fields = fields.iter().zip(into);
                let fields = fields.map(|(field, into)| Wire::reading(field.type_(), into.data_type()));
                return Some(Wire::Struct(fields.collect::<Option<_>>()?));
            }
            _ => {}
        }
        let wire = match (type_, data_type) {
            (&Type::NUMERIC, DataType::Decimal128(precision, scale)) => Wire::Numeric(*precision, *scale),
            (&Type::NUMERIC, DataType::Decimal256(precision, scale)) => Wire::BigNumeric(*precision, *scale),
            _ => Wire::simple(type_)?,
        };
        (wire.data_type()? == *data_type).then_some(wire)
    }

    /// The format of a type that is one value and always becomes the same.
    pub(super) fn simple(type_: &Type) -> Option<Self> {
        if matches!(type_.kind(), Kind::Enum(_)) || type_.name() == "citext" {
            return Some(Wire::Text);
        }
        Some(match *type_ {
            Type::BOOL => Wire::Bool,
            Type::INT2 | Type::INT4 | Type::INT8 => Wire::Integer,
            Type::OID | Type::XID | Type::CID => Wire::Unsigned,
            Type::FLOAT4 | Type::FLOAT8 => Wire::Float,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::XML | Type::JSON => Wire::Text,
            Type::UUID => Wire::Uuid,
            Type::JSONB => Wire::Jsonb,
            Type::BYTEA => Wire::Bytes,
            Type::BIT | Type::VARBIT => Wire::Bits,
            Type::DATE => Wire::Date,
            Type::TIME => Wire::Time,
            Type::TIMESTAMP => Wire::Timestamp,
            Type::TIMESTAMPTZ => Wire::TimestampTz,
            Type::INTERVAL => Wire::Interval,
            _ => return None,
        })
    }

    /// The Arrow type its values become; `None` where the names of fields are wanting.
    pub(super) fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Wire::Bool => DataType::Boolean,
            Wire::Integer | Wire::Unsigned => DataType::Int64,
            Wire::Float => DataType::Float64,
            Wire::Numeric(precision, scale) => DataType::Decimal128(*precision, *scale),
            Wire::BigNumeric(precision, scale) => DataType::Decimal256(*precision, *scale),
            Wire::Text | Wire::Uuid | Wire::Jsonb => DataType::Utf8,
            Wire::Bytes | Wire::Bits => DataType::Binary,
            Wire::Date => DataType::Date32,
            Wire::Time => DataType::Time64(TimeUnit::Microsecond),
            Wire::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Wire::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Wire::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Wire::List(element) => DataType::new_list(element.data_type()?, true),
            Wire::Struct(_) => return None,
        })
    }
}

/// Where every value of a `numeric` of this modifier fits; `None` if it promises nothing, or too much.
///
/// Declared precision and scale are kept: they are finer than NUMERIC's fixed (38, 9), so that sums and
/// products have room and no digit is lost. One whose scale is negative or above its precision is
/// NUMERIC or BIGNUMERIC.
pub(super) fn declared_decimal(modifier: i32) -> Option<DataType> {
    let (precision, scale) = numeric_modifier(modifier)?;
    if (0..=precision).contains(&scale) {
        let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
        return match precision {
            1..=38 => Some(DataType::Decimal128(precision, scale)),
            39..=76 => Some(DataType::Decimal256(precision, scale)),
            _ => None,
        };
    }
    let fits = |(most, fraction): (u8, i8)| {
        scale <= i32::from(fraction) && precision - scale <= i32::from(most) - i32::from(fraction)
    };
    if fits(NUMERIC) {
        Some(DataType::Decimal128(NUMERIC.0, NUMERIC.1))
    } else {
        fits(BIGNUMERIC).then_some(DataType::Decimal256(BIGNUMERIC.0, BIGNUMERIC.1))
    }
}

/// Precision and scale in a `numeric`'s modifier. The scale has eleven bits and a sign.
pub(super) fn numeric_modifier(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    Some((packed >> 16, ((packed & 0x7ff) ^ 1024) - 1024))
}

/// The type as the server's `format_type` writes it, for columns of a query.
pub(super) fn format_type(type_: &Type, modifier: i32) -> String {
    let length = modifier.checked_sub(4).filter(|length| *length >= 0);
    let sized = |name: &str, length: Option<i32>| match length {
        Some(length) => format!("{name}({length})"),
        None => name.to_owned(),
    };
    match *type_ {
        Type::BOOL => "boolean".to_owned(),
        Type::INT2 => "smallint".to_owned(),
        Type::INT4 => "integer".to_owned(),
        Type::INT8 => "bigint".to_owned(),
        Type::FLOAT4 => "real".to_owned(),
        Type::FLOAT8 => "double precision".to_owned(),
        Type::NUMERIC => match numeric_modifier(modifier) {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => "numeric".to_owned(),
        },
        Type::VARCHAR => sized("character varying", length),
        Type::BPCHAR => sized("character", length),
        Type::BIT => sized("bit", Some(modifier).filter(|length| *length >= 0)),
        Type::VARBIT => sized("bit varying", Some(modifier).filter(|length| *length >= 0)),
        Type::TIME => "time without time zone".to_owned(),
        Type::TIMETZ => "time with time zone".to_owned(),
        Type::TIMESTAMP => "timestamp without time zone".to_owned(),
        Type::TIMESTAMPTZ => "timestamp with time zone".to_owned(),
        _ => match type_.kind() {
            Kind::Array(element) => format!("{}[]", format_type(element, modifier)),
            Kind::Domain(base) => format_type(base, modifier),
            _ => type_.name().to_owned(),
        },
    }
}

/// Whether values are text with a collation.
pub(super) fn is_collatable(type_: &Type) -> bool {
    matches!(*type_, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME) || type_.name() == "citext"
}

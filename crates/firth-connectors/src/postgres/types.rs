//! PostgreSQL's types: what each becomes here, and what its values look like on the wire.
//!
//! The mapping is BigQuery's for federated queries, and beyond it `uuid`, `jsonb`, `citext` and
//! enums as STRING. What is not listed is not supported: `money`, `interval`, network addresses,
//! geometry, ranges, arrays and composites.

use arrow::datatypes::{DataType, TimeUnit};
use postgres_types::{Kind, Type};

/// The wire format of a supported type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    /// `smallint`, `integer` and `bigint`: the length tells them apart.
    Integer,
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
}

/// Precision and scale of GoogleSQL's NUMERIC.
pub(super) const NUMERIC: (u8, i8) = (38, 9);
/// Precision and scale of GoogleSQL's BIGNUMERIC, as far as 256 bits go.
pub(super) const BIGNUMERIC: (u8, i8) = (76, 38);

impl Wire {
    /// The format of a built-in or known type, or `None` if it is not supported.
    ///
    /// `oid` and `modifier` are those of a domain's base type: domains are sent as their base.
    pub(super) fn new(oid: u32, modifier: i32, is_enum: bool, name: &str) -> Option<Self> {
        let Some(known) = Type::from_oid(oid) else {
            return (is_enum || name == "citext").then_some(Wire::Text);
        };
        Some(match known {
            Type::BOOL => Wire::Bool,
            Type::INT2 | Type::INT4 | Type::INT8 => Wire::Integer,
            Type::FLOAT4 | Type::FLOAT8 => Wire::Float,
            Type::NUMERIC => return numeric(modifier),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::XML | Type::JSON => Wire::Text,
            Type::UUID => Wire::Uuid,
            Type::JSONB => Wire::Jsonb,
            Type::BYTEA => Wire::Bytes,
            Type::BIT | Type::VARBIT => Wire::Bits,
            Type::DATE => Wire::Date,
            Type::TIME => Wire::Time,
            Type::TIMESTAMP => Wire::Timestamp,
            Type::TIMESTAMPTZ => Wire::TimestampTz,
            _ => return None,
        })
    }

    /// The format of a prepared column.
    pub(super) fn of(type_: &Type, modifier: i32) -> Option<Self> {
        match type_.kind() {
            // The server already looks through domains when it describes columns; this is for those it does not.
            Kind::Domain(base) => Wire::of(base, modifier),
            kind => Wire::new(type_.oid(), modifier, matches!(kind, Kind::Enum(_)), type_.name()),
        }
    }

    /// The Arrow type its values become.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Wire::Bool => DataType::Boolean,
            Wire::Integer => DataType::Int64,
            Wire::Float => DataType::Float64,
            Wire::Numeric(precision, scale) => DataType::Decimal128(precision, scale),
            Wire::BigNumeric(precision, scale) => DataType::Decimal256(precision, scale),
            Wire::Text | Wire::Uuid | Wire::Jsonb => DataType::Utf8,
            Wire::Bytes | Wire::Bits => DataType::Binary,
            Wire::Date => DataType::Date32,
            Wire::Time => DataType::Time64(TimeUnit::Microsecond),
            Wire::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Wire::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// Declared precision and scale are kept: they are finer than NUMERIC's fixed (38, 9), so that sums and
/// products have room and no digit is lost. A type that promises nothing is NUMERIC; one whose scale is
/// negative or above its precision is NUMERIC or BIGNUMERIC, where every value fits.
/// EXTERNAL_QUERY's `default_type_for_decimal_columns` will choose here.
fn numeric(modifier: i32) -> Option<Wire> {
    let whole = |(precision, scale): (u8, i8)| Wire::Numeric(precision, scale);
    let Some((precision, scale)) = numeric_modifier(modifier) else { return Some(whole(NUMERIC)) };
    if (0..=precision).contains(&scale) {
        let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
        return match precision {
            1..=38 => Some(Wire::Numeric(precision, scale)),
            39..=76 => Some(Wire::BigNumeric(precision, scale)),
            _ => None,
        };
    }
    let fits = |(most, fraction): (u8, i8)| {
        scale <= i32::from(fraction) && precision - scale <= i32::from(most) - i32::from(fraction)
    };
    if fits(NUMERIC) {
        Some(whole(NUMERIC))
    } else {
        fits(BIGNUMERIC).then_some(Wire::BigNumeric(BIGNUMERIC.0, BIGNUMERIC.1))
    }
}

/// Precision and scale in a `numeric`'s modifier. The scale has eleven bits and a sign.
fn numeric_modifier(modifier: i32) -> Option<(i32, i32)> {
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
        Type::TIMESTAMP => "timestamp without time zone".to_owned(),
        Type::TIMESTAMPTZ => "timestamp with time zone".to_owned(),
        _ => type_.name().to_owned(),
    }
}

/// Whether values are text with a collation.
pub(super) fn is_collatable(type_: &Type) -> bool {
    matches!(*type_, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME) || type_.name() == "citext"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(type_: &Type, modifier: i32) -> String {
        let data_type = Wire::of(type_, modifier).map(|wire| wire.data_type().to_string());
        format!("{} -> {}", format_type(type_, modifier), data_type.as_deref().unwrap_or("not supported"))
    }

    #[test]
    fn types_become_what_bigquery_makes_of_them() {
        let plain = [
            Type::BOOL,
            Type::INT2,
            Type::INT4,
            Type::INT8,
            Type::FLOAT4,
            Type::FLOAT8,
            Type::NUMERIC,
            Type::TEXT,
            Type::VARCHAR,
            Type::BPCHAR,
            Type::NAME,
            Type::XML,
            Type::JSON,
            Type::JSONB,
            Type::UUID,
            Type::BYTEA,
            Type::BIT,
            Type::VARBIT,
            Type::DATE,
            Type::TIME,
            Type::TIMESTAMP,
            Type::TIMESTAMPTZ,
            Type::MONEY,
            Type::INTERVAL,
            Type::INET,
            Type::TIMETZ,
            Type::INT4_ARRAY,
        ];
        let lines: Vec<String> = plain.iter().map(|type_| shown(type_, -1)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        boolean -> Boolean
        smallint -> Int64
        integer -> Int64
        bigint -> Int64
        real -> Float64
        double precision -> Float64
        numeric -> Decimal128(38, 9)
        text -> Utf8
        character varying -> Utf8
        character -> Utf8
        name -> Utf8
        xml -> Utf8
        json -> Utf8
        jsonb -> Utf8
        uuid -> Utf8
        bytea -> Binary
        bit -> Binary
        bit varying -> Binary
        date -> Date32
        time without time zone -> Time64(µs)
        timestamp without time zone -> Timestamp(µs)
        timestamp with time zone -> Timestamp(µs, "UTC")
        money -> not supported
        interval -> not supported
        inet -> not supported
        timetz -> not supported
        _int4 -> not supported
        "#);
    }

    #[test]
    fn numeric_goes_where_every_value_fits() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | (scale & 0x7ff)) + 4;
        let lines: Vec<String> =
            [(38, 9), (12, 2), (5, -3), (2, 5), (38, 10), (39, 9), (76, 38), (77, 38), (50, 0)]
                .iter()
                .map(|(precision, scale)| shown(&Type::NUMERIC, modifier(*precision, *scale)))
                .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        numeric(38,9) -> Decimal128(38, 9)
        numeric(12,2) -> Decimal128(12, 2)
        numeric(5,-3) -> Decimal128(38, 9)
        numeric(2,5) -> Decimal128(38, 9)
        numeric(38,10) -> Decimal128(38, 10)
        numeric(39,9) -> Decimal256(39, 9)
        numeric(76,38) -> Decimal256(76, 38)
        numeric(77,38) -> not supported
        numeric(50,0) -> Decimal256(50, 0)
        "#);
    }
}

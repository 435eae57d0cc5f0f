use super::{super::types::format_type, *};

const DEFAULT: TypeOptions = TypeOptions {
    numeric_as: DecimalType::Numeric,
    every_numeric: false,
    unsupported_type: UnsupportedType::String,
};

fn shown(options: TypeOptions, type_: &Type, modifier: i32) -> String {
    let mapped = match options.mapping(type_, modifier, 0) {
        Some(Mapping { data_type, read_as: Some(cast) }) => format!("{data_type} as {cast}"),
        Some(Mapping { data_type, read_as: None }) => data_type.to_string(),
        None => "nothing".to_owned(),
    };
    format!("{} -> {mapped}", format_type(type_, modifier))
}

fn lines(options: TypeOptions, types: &[Type]) -> String {
    types.iter().map(|type_| shown(options, type_, -1)).collect::<Vec<_>>().join("\n")
}

#[test]
fn types_become_what_bigquery_makes_of_them() {
    let types = [
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
        Type::BYTEA,
        Type::BIT,
        Type::VARBIT,
        Type::DATE,
        Type::TIME,
        Type::TIMESTAMP,
        Type::TIMESTAMPTZ,
    ];
    insta::assert_snapshot!(lines(DEFAULT, &types), @r#"
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
    bytea -> Binary
    bit -> Binary
    bit varying -> Binary
    date -> Date32
    time without time zone -> Time64(µs)
    timestamp without time zone -> Timestamp(µs)
    timestamp with time zone -> Timestamp(µs, "UTC")
    "#);
}

#[test]
fn what_bigquery_refuses_becomes_what_is_nearest() {
    let pair = Kind::Composite(vec![
        postgres_types::Field::new("low".to_owned(), Type::INT4),
        postgres_types::Field::new("high".to_owned(), Type::INT4_ARRAY),
    ]);
    let located = Kind::Composite(vec![postgres_types::Field::new("at".to_owned(), Type::POINT)]);
    let own = |name: &str, kind| Type::new(name.to_owned(), 16_400, kind, "public".to_owned());
    let types = [
        Type::UUID,
        Type::JSONB,
        Type::MONEY,
        Type::INTERVAL,
        Type::OID,
        Type::CHAR,
        Type::INT4_ARRAY,
        Type::MONEY_ARRAY,
        Type::INET,
        Type::INET_ARRAY,
        Type::TIMETZ,
        Type::INT4_RANGE,
        Type::POINT,
        Type::TS_VECTOR,
        Type::RECORD,
        Type::VOID,
        own("mood", Kind::Enum(vec![])),
        own("price", Kind::Domain(Type::NUMERIC)),
        own("pair", pair.clone()),
        own("_pair", Kind::Array(own("pair", pair))),
        own("located", located),
        own("rows", Kind::Domain(Type::INT4_ARRAY)),
        own("_rows", Kind::Array(own("rows", Kind::Domain(Type::INT4_ARRAY)))),
        own("hstore", Kind::Simple),
    ];
    insta::assert_snapshot!(lines(DEFAULT, &types), @r#"
    uuid -> Utf8
    jsonb -> Utf8
    money -> Decimal128(38, 9) as numeric
    interval -> Interval(MonthDayNano)
    oid -> Int64
    char -> Utf8 as text
    integer[] -> List(Int64)
    money[] -> List(Decimal128(38, 9)) as numeric[]
    inet -> Utf8 as name::text
    inet[] -> List(Utf8) as name[]::text[]
    time with time zone -> Utf8 as text
    int4range -> Utf8 as text
    point -> Utf8 as text
    tsvector -> Utf8 as text
    record -> Utf8 as text
    void -> nothing
    mood -> Utf8
    numeric -> Decimal128(38, 9)
    pair -> Struct("low": Int64, "high": List(Int64))
    pair[] -> List(Struct("low": Int64, "high": List(Int64)))
    located -> Utf8 as text
    integer[] -> List(Int64)
    integer[][] -> List(Utf8) as text[]
    hstore -> Utf8 as text
    "#);
    let strict = TypeOptions { unsupported_type: UnsupportedType::Error, ..DEFAULT };
    assert_eq!(strict.mapping(&Type::INET, -1, 0), None);
    assert_eq!(strict.mapping(&Type::INET_ARRAY, -1, 0), None);
    assert_eq!(strict.mapping(&Type::INT4_ARRAY, -1, 2), None);
    assert_eq!(DEFAULT.mapping(&Type::INT4_ARRAY, -1, 2), Some(Mapping::text(&Type::INT4_ARRAY)));
}

#[test]
fn numeric_goes_where_every_value_fits() {
    let modifier = |precision: i32, scale: i32| (precision << 16 | (scale & 0x7ff)) + 4;
    let lines = |options: TypeOptions| {
        let declared = [(38, 9), (12, 2), (5, -3), (2, 5), (38, 10), (39, 9), (76, 38), (77, 38), (50, 0)];
        let declared = declared.map(|(precision, scale)| modifier(precision, scale));
        let lines = declared.iter().chain([&-1]).map(|modifier| shown(options, &Type::NUMERIC, *modifier));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(lines(DEFAULT), @r#"
    numeric(38,9) -> Decimal128(38, 9)
    numeric(12,2) -> Decimal128(12, 2)
    numeric(5,-3) -> Decimal128(38, 9)
    numeric(2,5) -> Decimal128(38, 9)
    numeric(38,10) -> Decimal128(38, 10)
    numeric(39,9) -> Decimal256(39, 9)
    numeric(76,38) -> Decimal256(76, 38)
    numeric(77,38) -> Utf8 as text
    numeric(50,0) -> Decimal256(50, 0)
    numeric -> Decimal128(38, 9)
    "#);
    let last = |numeric_as| {
        let lines = lines(TypeOptions { numeric_as, ..DEFAULT });
        lines.lines().last().map(str::to_owned).unwrap_or_default()
    };
    assert_eq!(last(DecimalType::BigNumeric), "numeric -> Decimal256(76, 38)");
    assert_eq!(last(DecimalType::String), "numeric -> Utf8 as text");
    assert_eq!(last(DecimalType::Float64), "numeric -> Float64 as float8");
}

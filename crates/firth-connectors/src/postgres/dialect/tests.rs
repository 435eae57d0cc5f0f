//! The dialect's list, as text.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::scalar::ScalarValue;
use firth_connector::{Comparison, Operand, Operation, RemoteDialect};

use super::Dialect;

const COMPARISONS: [Comparison; 6] =
    [Comparison::Eq, Comparison::NotEq, Comparison::Lt, Comparison::LtEq, Comparison::Gt, Comparison::GtEq];

fn shown(operation: Operation<'_>, operands: &[Operand<'_>]) -> String {
    match Dialect.operation(operation, operands) {
        Some(rendered) if rendered.exact => rendered.sql,
        Some(rendered) => format!("{} and again here", rendered.sql),
        None => "here".to_owned(),
    }
}

/// `column of this type, operation, these literals`.
fn pushed(remote_type: &str, operation: Operation<'_>, literals: &[ScalarValue]) -> String {
    let data_type = literals.first().map_or(DataType::Boolean, ScalarValue::data_type);
    let texts: Vec<Option<String>> = literals.iter().map(|literal| Dialect.literal(literal)).collect();
    let mut operands =
        vec![Operand { sql: "\"c\"", data_type: &data_type, remote_type: Some(remote_type), literal: None }];
    for (text, literal) in texts.iter().zip(literals) {
        let Some(sql) = text.as_deref() else { return "no literal".to_owned() };
        operands.push(Operand { sql, data_type: &data_type, remote_type: None, literal: Some(literal) });
    }
    shown(operation, &operands)
}

fn compared(remote_type: &str, literal: &ScalarValue) -> String {
    let lines: Vec<String> = COMPARISONS
        .iter()
        .map(|comparison| pushed(remote_type, Operation::Compare(*comparison), std::slice::from_ref(literal)))
        .collect();
    lines.join("\n")
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

#[test]
fn names_mean_exactly_themselves() {
    assert_eq!(Dialect.identifier(r#"a"b;--"#), r#""a""b;--""#);
}

#[test]
fn literals_read_back_exactly() {
    let literals = [
        ScalarValue::Boolean(Some(true)),
        ScalarValue::Int64(Some(0)),
        ScalarValue::Int64(Some(-5)),
        ScalarValue::Int64(Some(i64::MIN)),
        ScalarValue::Int64(Some(i64::MAX)),
        ScalarValue::Float64(Some(0.1)),
        ScalarValue::Float64(Some(-1e300)),
        ScalarValue::Float64(Some(f64::MIN_POSITIVE / 4.0)),
        ScalarValue::Float64(Some(f64::NAN)),
        ScalarValue::Float64(Some(f64::INFINITY)),
        ScalarValue::Decimal128(Some(-1_234_500_000_000), 38, 9),
        ScalarValue::Decimal128(Some(1), 38, 9),
        text(r"it's \ü"),
        text("a\0b"),
        ScalarValue::Binary(Some(vec![0, 0xff, b'\''])),
        ScalarValue::Date32(Some(0)),
        ScalarValue::Date32(Some(-719_162)),
        ScalarValue::Date32(Some(-719_163)),
        ScalarValue::Date32(Some(2_932_897)),
        ScalarValue::Time64Microsecond(Some(86_399_999_999)),
        ScalarValue::TimestampMicrosecond(Some(-1), None),
        ScalarValue::TimestampMicrosecond(Some(1_700_000_000_000_001), Some("UTC".into())),
        ScalarValue::TimestampNanosecond(Some(1), None),
        ScalarValue::Int64(None),
        ScalarValue::Null,
    ];
    let lines: Vec<String> = literals
        .iter()
        .map(|value| {
            Dialect.literal(value).unwrap_or_else(|| format!("none: {value:?}").replace('\0', "NUL"))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    TRUE
    0
    (-5)
    '-9223372036854775808'::int8
    9223372036854775807
    '0.1'::float8
    '-1e300'::float8
    '5.562684646268003e-309'::float8
    none: Float64(NaN)
    none: Float64(inf)
    '-1234.500000000'::numeric
    '0.000000001'::numeric
    'it''s \ü'
    none: Utf8("aNULb")
    '\x00ff27'::bytea
    DATE '1970-01-01'
    DATE '0001-01-01'
    none: Date32("0000-12-31")
    none: Date32("+10000-01-01")
    TIME '23:59:59.999999'
    TIMESTAMP '1969-12-31 23:59:59.999999'
    TIMESTAMPTZ '2023-11-14 22:13:20.000001+00'
    none: TimestampNanosecond(1, None)
    none: Int64(NULL)
    none: NULL
    "#);
}

#[test]
fn numbers_and_dates_compare_alike() {
    insta::assert_snapshot!(compared("integer", &ScalarValue::Int64(Some(-1))), @r#"
    ("c" = (-1))
    ("c" <> (-1))
    ("c" < (-1))
    ("c" <= (-1))
    ("c" > (-1))
    ("c" >= (-1))
    "#);
    let eq = |remote_type, literal| pushed(remote_type, Operation::Compare(Comparison::Lt), &[literal]);
    let lines = [
        eq("numeric(12,2)", ScalarValue::Decimal128(Some(1), 38, 9)),
        eq("boolean", ScalarValue::Boolean(Some(true))),
        eq("date", ScalarValue::Date32(Some(0))),
        eq("time without time zone", ScalarValue::Time64Microsecond(Some(0))),
        eq("timestamp with time zone", ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into()))),
        eq("bytea", ScalarValue::Binary(Some(vec![1]))),
        eq("bit(8)", ScalarValue::Binary(Some(vec![1]))),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ("c" < '0.000000001'::numeric)
    ("c" < TRUE)
    ("c" < DATE '1970-01-01')
    ("c" < TIME '00:00:00.000000')
    ("c" < TIMESTAMPTZ '1970-01-01 00:00:00.000000+00')
    ("c" < '\x01'::bytea)
    here
    "#);
}

#[test]
fn floats_are_filtered_again_where_nan_and_zero_differ() {
    insta::assert_snapshot!(compared("real", &ScalarValue::Float64(Some(1.5))), @r#"
    ("c" = '1.5'::float8)
    ("c" <> '1.5'::float8)
    ("c" < '1.5'::float8)
    ("c" <= '1.5'::float8)
    ("c" > '1.5'::float8) and again here
    ("c" >= '1.5'::float8) and again here
    "#);
    insta::assert_snapshot!(compared("double precision", &ScalarValue::Float64(Some(0.0))), @r#"
    ("c" = '0.0'::float8) and again here
    here
    here
    ("c" <= '0.0'::float8)
    ("c" > '0.0'::float8) and again here
    ("c" >= '0.0'::float8) and again here
    "#);
}

#[test]
fn text_compares_by_bytes() {
    insta::assert_snapshot!(compared("character varying(10)", &text("x")), @r#"
    ("c" = 'x')
    ("c" <> 'x')
    ("c" COLLATE "C" < 'x')
    ("c" COLLATE "C" <= 'x')
    ("c" COLLATE "C" > 'x')
    ("c" COLLATE "C" >= 'x')
    "#);
    let eq = |remote_type| {
        format!("{remote_type}: {}", pushed(remote_type, Operation::Compare(Comparison::Eq), &[text("x")]))
    };
    let types = [
        "text",
        "text COLLATE ?",
        "text COLLATE ignore_case",
        "character(10)",
        "character(10) COLLATE ?",
        "uuid",
        "jsonb",
        "xml",
        "name",
        "mood",
        "public.citext",
        "text ENCODING LATIN1",
        "text_like",
    ];
    insta::assert_snapshot!(types.map(eq).join("\n"), @r#"
    text: ("c" = 'x')
    text COLLATE ?: ("c"::text COLLATE "C" = 'x')
    text COLLATE ignore_case: ("c"::text COLLATE "C" = 'x')
    character(10): here
    character(10) COLLATE ?: here
    uuid: ("c"::text COLLATE "C" = 'x')
    jsonb: ("c"::text COLLATE "C" = 'x')
    xml: here
    name: ("c"::text COLLATE "C" = 'x')
    mood: ("c"::text COLLATE "C" = 'x')
    public.citext: ("c"::text COLLATE "C" = 'x')
    text ENCODING LATIN1: here
    text_like: ("c"::text COLLATE "C" = 'x')
    "#);
}

#[test]
fn two_columns_compare_when_they_are_of_one_type() {
    let pair = |data_type: DataType, a: &'static str, b: &'static str| {
        let operand = |sql, remote_type| Operand {
            sql,
            data_type: &data_type,
            remote_type: Some(remote_type),
            literal: None,
        };
        shown(Operation::Compare(Comparison::Eq), &[operand("\"a\"", a), operand("\"b\"", b)])
    };
    insta::assert_snapshot!(pair(DataType::Utf8, "text", "text"), @r#"("a" COLLATE "C" = "b" COLLATE "C")"#);
    insta::assert_snapshot!(pair(DataType::Int64, "integer", "bigint"), @r#"("a" = "b")"#);
    insta::assert_snapshot!(pair(DataType::Float64, "real", "real"), @"here");
    let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
    insta::assert_snapshot!(pair(naive, "timestamp", "timestamp"), @r#"("a" = "b")"#);
}

#[test]
fn lists_and_patterns() {
    let numbers = [ScalarValue::Int64(Some(1)), ScalarValue::Int64(Some(2))];
    insta::assert_snapshot!(pushed("bigint", Operation::In, &numbers), @r#"("c" IN (1, 2))"#);
    insta::assert_snapshot!(pushed("bigint", Operation::NotIn, &numbers), @r#"("c" NOT IN (1, 2))"#);
    insta::assert_snapshot!(pushed("uuid", Operation::In, &[text("a")]), @r#"("c"::text COLLATE "C" IN ('a'))"#);
    insta::assert_snapshot!(pushed("character(2)", Operation::In, &[text("a")]), @"here");
    let zero = [ScalarValue::Float64(Some(0.0)), ScalarValue::Float64(Some(1.0))];
    insta::assert_snapshot!(pushed("real", Operation::In, &zero), @r#"("c" IN ('0.0'::float8, '1.0'::float8)) and again here"#);
    insta::assert_snapshot!(pushed("real", Operation::NotIn, &zero), @"here");
    insta::assert_snapshot!(pushed("text", Operation::Like, &[text(r"a\%'%")]), @r#"("c" LIKE 'a\%''%')"#);
    insta::assert_snapshot!(pushed("text", Operation::Like, &[text(r"a\")]), @"here");
    insta::assert_snapshot!(pushed("text", Operation::Like, &[text(r"a\\")]), @r#"("c" LIKE 'a\\')"#);
    insta::assert_snapshot!(pushed("bigint", Operation::Function("sqrt"), &[]), @"here");
    insta::assert_snapshot!(pushed("boolean", Operation::Not, &[]), @r#"(NOT "c")"#);
    insta::assert_snapshot!(pushed("xml", Operation::IsNull, &[]), @r#"("c" IS NULL)"#);
}

#[test]
fn numbers_made_of_others() {
    let column = |sql: &'static str, data_type: &'static DataType, remote_type: &'static str| Operand {
        sql,
        data_type,
        remote_type: Some(remote_type),
        literal: None,
    };
    let (big, small) =
        (column("\"b\"", &DataType::Int64, "bigint"), column("\"s\"", &DataType::Int64, "smallint"));
    const PRICE: DataType = DataType::Decimal128(12, 2);
    const WIDE: DataType = DataType::Decimal128(38, 9);
    let (price, wide) = (column("\"p\"", &PRICE, "numeric(12,2)"), column("\"w\"", &WIDE, "numeric"));
    let float = column("\"f\"", &DataType::Float64, "double precision");
    let flag = column("\"y\"", &DataType::Boolean, "boolean");
    let word = column("\"t\"", &DataType::Utf8, "text");
    insta::assert_snapshot!(shown(Operation::Add, &[big.clone(), small.clone()]), @r#"("b" + "s"::int8)"#);
    insta::assert_snapshot!(shown(Operation::Multiply, &[price.clone(), wide.clone()]), @r#"("p" * "w")"#);
    insta::assert_snapshot!(shown(Operation::Subtract, &[float.clone(), float.clone()]), @"here");
    insta::assert_snapshot!(shown(Operation::Subtract, &[big.clone(), price.clone()]), @"here");
    insta::assert_snapshot!(shown(Operation::Case, &[flag.clone(), big.clone(), small.clone()]), @r#"(CASE WHEN "y" THEN "b" ELSE "s" END)"#);
    insta::assert_snapshot!(shown(Operation::Case, &[flag.clone(), word.clone()]), @r#"(CASE WHEN "y" THEN "t" END)"#);
    insta::assert_snapshot!(shown(Operation::Case, &[flag.clone(), float.clone()]), @r#"(CASE WHEN "y" THEN "f" END)"#);
    insta::assert_snapshot!(shown(Operation::Cast(&DataType::Float64), std::slice::from_ref(&small)), @r#""s"::float8"#);
    insta::assert_snapshot!(shown(Operation::Cast(&DataType::Float64), std::slice::from_ref(&price)), @"here");
    insta::assert_snapshot!(shown(Operation::Cast(&WIDE), std::slice::from_ref(&price)), @r#""p""#);
    insta::assert_snapshot!(shown(Operation::Cast(&PRICE), std::slice::from_ref(&wide)), @"here");
    insta::assert_snapshot!(shown(Operation::Cast(&DataType::Decimal128(20, 0)), std::slice::from_ref(&small)), @r#""s"::numeric"#);
    insta::assert_snapshot!(shown(Operation::Cast(&DataType::Decimal128(10, 0)), std::slice::from_ref(&small)), @"here");
}

/// The function of a column of this type and literals, with the type of what it answers.
fn called(name: &str, remote_type: &str, data_type: DataType, literals: &[ScalarValue]) -> String {
    let texts: Vec<String> =
        literals.iter().map(|literal| Dialect.literal(literal).expect("it is written")).collect();
    let types: Vec<DataType> = literals.iter().map(ScalarValue::data_type).collect();
    let column =
        Operand { sql: "\"c\"", data_type: &data_type, remote_type: Some(remote_type), literal: None };
    let mut operands = vec![column];
    for ((literal, sql), data_type) in literals.iter().zip(&texts).zip(&types) {
        operands.push(Operand { sql, data_type, remote_type: None, literal: Some(literal) });
    }
    if matches!(name, "date_part" | "date_trunc") {
        operands.reverse();
    }
    let operation = if name == "||" { Operation::Concat } else { Operation::Function(name) };
    match Dialect.operation(operation, &operands) {
        Some(rendered) => format!("{} ({})", rendered.sql, rendered.remote_type.unwrap_or_default()),
        None => format!("here: {}", Dialect.reason(operation, &operands).unwrap_or_default()),
    }
}

#[test]
fn texts_made_of_others_have_a_collation() {
    let of = |name: &str, remote_type: &str, literals: &[ScalarValue]| {
        called(name, remote_type, DataType::Utf8, literals)
    };
    let number = |number: i64| ScalarValue::Int64(Some(number));
    let lines = [
        of("substr", "text", &[number(2)]),
        of("substr", "text BY CODE POINT", &[number(1), number(3)]),
        of("substr", "text COLLATE ?", &[number(1)]),
        of("substr", "uuid", &[number(1)]),
        of("substr", "text", &[number(0)]),
        of("substr", "text", &[number(1), number(-1)]),
        of("substr", "character(4)", &[number(1)]),
        of("substr", "text ENCODING LATIN1", &[number(1)]),
        of("right", "text", &[number(2)]),
        of("||", "character varying(10)", &[text("ä")]),
        of("nullif", "text", &[text("a")]),
        of("character_length", "text", &[]),
        of("upper", "text", &[]),
        of("repeat", "text", &[number(2)]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    pg_catalog.substr("c", 2) (text)
    pg_catalog.substr("c", 1, 3) (text BY CODE POINT)
    pg_catalog.substr("c"::text COLLATE "C", 1) (text BY CODE POINT)
    pg_catalog.substr("c"::text COLLATE "C", 1) (text BY CODE POINT)
    here: SUBSTR is sent with a literal start of 1 or more, and a literal length, or none
    here: SUBSTR is sent with a literal start of 1 or more, and a literal length, or none
    here: "c" is of type character(4), whose trailing spaces PostgreSQL ignores
    here: the database is in LATIN1, not in UTF-8
    pg_catalog.right("c", 2) (text)
    ("c" || 'ä') (text)
    (CASE WHEN ("c" = 'a') THEN NULL ELSE "c" END) (text)
    pg_catalog.char_length("c")::int8 ()
    here: PostgreSQL changes the case of letters by the column's locale, here Unicode decides
    here: the function repeat is not on PostgreSQL's list
    "#);
    let two = |a: &'static str, b: &'static str| {
        let operand = |sql, remote_type| Operand {
            sql,
            data_type: &DataType::Utf8,
            remote_type: Some(remote_type),
            literal: None,
        };
        shown(Operation::Concat, &[operand("\"a\"", a), operand("\"b\"", b)])
    };
    insta::assert_snapshot!(two("text", "text"), @r#"("a" COLLATE "C" || "b" COLLATE "C")"#);
    insta::assert_snapshot!(two("text", "character(2)"), @"here");
    // In which letters beyond ASCII a database can be told is known of its columns only.
    let (flag, known, unknown) = (ScalarValue::Boolean(Some(true)), text("a"), text("ä"));
    let literal =
        |sql, data_type, literal| Operand { sql, data_type, remote_type: None, literal: Some(literal) };
    let condition = literal("TRUE", &DataType::Boolean, &flag);
    let case =
        |sql, value| shown(Operation::Case, &[condition.clone(), literal(sql, &DataType::Utf8, value)]);
    insta::assert_snapshot!(case("'a'", &known), @r#"(CASE WHEN TRUE THEN 'a' COLLATE "C" END)"#);
    insta::assert_snapshot!(case("'ä'", &unknown), @"here");
}

#[test]
fn numbers_and_parts_of_times() {
    let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let lines = [
        called("abs", "smallint", DataType::Int64, &[]),
        called("abs", "numeric(12,2)", DataType::Decimal128(12, 2), &[]),
        called("abs", "real", DataType::Float64, &[]),
        called("nullif", "integer", DataType::Int64, &[ScalarValue::Int64(Some(3))]),
        called("date_part", "date", DataType::Date32, &[text("year")]),
        called("date_part", "timestamp", naive.clone(), &[text("SECOND")]),
        called("date_part", "timestamp with time zone", instant.clone(), &[text("hour")]),
        called("date_part", "date", DataType::Date32, &[text("hour")]),
        called("date_part", "timestamp", naive.clone(), &[text("epoch")]),
        called("date_trunc", "timestamp", naive, &[text("month")]),
        called("date_trunc", "timestamp with time zone", instant, &[text("day")]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    pg_catalog.abs("c"::int8) (bigint)
    pg_catalog.abs("c") ()
    here: ABS is sent of INT64 and decimals
    (CASE WHEN ("c" = 3) THEN NULL ELSE "c" END) ()
    EXTRACT(YEAR FROM "c")::int8 ()
    pg_catalog.floor(EXTRACT(SECOND FROM "c"))::int8 ()
    EXTRACT(HOUR FROM ("c" AT TIME ZONE 'UTC'))::int8 ()
    here: this part of this type is not on PostgreSQL's list
    here: this part of this type is not on PostgreSQL's list
    pg_catalog.date_trunc('month', "c") ()
    (pg_catalog.date_trunc('day', ("c" AT TIME ZONE 'UTC')) AT TIME ZONE 'UTC') ()
    "#);
    let remainder = |divisor: i64| {
        let (value, sql) = (ScalarValue::Int64(Some(divisor)), divisor.to_string());
        let divisor =
            Operand { sql: &sql, data_type: &DataType::Int64, remote_type: None, literal: Some(&value) };
        let column = Operand {
            sql: "\"c\"",
            data_type: &DataType::Int64,
            remote_type: Some("integer"),
            literal: None,
        };
        shown(Operation::Remainder, &[column, divisor])
    };
    insta::assert_snapshot!(remainder(7), @r#"("c"::int8 % 7::int8)"#);
    insta::assert_snapshot!(remainder(0), @"here");
    insta::assert_snapshot!(remainder(-1), @"here");
}

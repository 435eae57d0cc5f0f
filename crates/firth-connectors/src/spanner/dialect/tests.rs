//! What is written for a value, and what is pushed at all.

use insta::assert_snapshot;

use super::*;

fn literal(value: ScalarValue) -> String {
    SpannerDialect.literal(&value).unwrap_or_else(|| "-".to_owned())
}

#[test]
fn literals_have_exactly_their_value() {
    assert_eq!(literal(ScalarValue::from(true)), "TRUE");
    assert_eq!(literal(ScalarValue::from(-5_i64)), "-5");
    assert_eq!(literal(ScalarValue::from(i64::MIN)), "-");
    assert_eq!(literal(ScalarValue::from(1.0_f64)), "1.0");
    assert_eq!(literal(ScalarValue::from(1e300_f64)), "1e300");
    assert_eq!(literal(ScalarValue::from(f64::NAN)), "-");
    assert_eq!(literal(ScalarValue::from("it's \\ `x` -- \n é")), "'it\\'s \\\\ `x` -- \\n é'");
    assert_eq!(literal(ScalarValue::Date32(Some(20_000))), "DATE '2024-10-04'");
    assert_eq!(literal(ScalarValue::Date32(Some(i32::MAX))), "-");
    assert_eq!(literal(ScalarValue::Decimal128(Some(-5), 15, 2)), "NUMERIC '-0.05'");
    assert_eq!(literal(ScalarValue::Decimal128(Some(12345), 15, 0)), "NUMERIC '12345'");
    assert_eq!(literal(ScalarValue::Decimal128(Some(1), 38, 10)), "-");
    assert_eq!(literal(ScalarValue::Decimal128(Some(10_i128.pow(37)), 38, 2)), "-");
    assert_eq!(
        literal(ScalarValue::TimestampMicrosecond(Some(-1), Some("UTC".into()))),
        "TIMESTAMP '1969-12-31T23:59:59.999999Z'"
    );
    assert_eq!(literal(ScalarValue::TimestampMicrosecond(Some(-1), None)), "-");
    assert_eq!(literal(ScalarValue::Int64(None)), "-");
}

#[test]
fn names_are_quoted() {
    assert_eq!(SpannerDialect.identifier("select"), "`select`");
    assert_eq!(SpannerDialect.identifier("a`b\\"), "`a\\`b\\\\`");
}

/// `a <op> value` for a column of the value's type, in both orders.
fn compared(value: ScalarValue) -> String {
    let data_type = value.data_type();
    let text = SpannerDialect.literal(&value).expect("it has a literal");
    let column = Operand { sql: "a", data_type: &data_type, remote_type: Some("T"), literal: None };
    let value = Operand { sql: &text, data_type: &data_type, remote_type: None, literal: Some(&value) };
    let all = [
        Comparison::Eq,
        Comparison::NotEq,
        Comparison::Lt,
        Comparison::LtEq,
        Comparison::Gt,
        Comparison::GtEq,
    ];
    let mut shown = Vec::new();
    for comparison in all {
        let pushed =
            SpannerDialect.operation(Operation::Compare(comparison), &[column.clone(), value.clone()]);
        let mirrored = SpannerDialect
            .operation(Operation::Compare(mirrored(comparison)), &[value.clone(), column.clone()]);
        assert_eq!(pushed, mirrored, "both orders mean the same");
        shown.push(pushed.map_or_else(|| "-".to_owned(), |rendered| rendered.sql));
    }
    shown.join(" ")
}

#[test]
fn comparisons_that_agree_are_pushed() {
    assert_snapshot!(compared(ScalarValue::from("x")), @"(a = 'x') (a <> 'x') (a < 'x') (a <= 'x') (a > 'x') (a >= 'x')");
    assert_snapshot!(compared(ScalarValue::from(1_i64)), @"(a = 1) (a <> 1) (a < 1) (a <= 1) (a > 1) (a >= 1)");
    assert_snapshot!(compared(ScalarValue::from(1.5_f64)), @"(a = 1.5) (a <> 1.5) (a < 1.5) (a <= 1.5) - -");
    assert_snapshot!(compared(ScalarValue::from(-0.0_f64)), @"- - - - - -");
    assert_snapshot!(
        compared(ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into()))),
        @"- - (a < TIMESTAMP '1970-01-01T00:00:00.000000Z') - - (a >= TIMESTAMP '1970-01-01T00:00:00.000000Z')"
    );
}

#[test]
fn operations_not_listed_stay_here() {
    let float = DataType::Float64;
    let text = DataType::Utf8;
    let column = |data_type| Operand { sql: "a", data_type, remote_type: Some("T"), literal: None };
    let pushed =
        |operation, operands: &[Operand<'_>]| SpannerDialect.operation(operation, operands).is_some();
    assert!(!pushed(Operation::Compare(Comparison::Lt), &[column(&float), column(&float)]));
    assert!(!pushed(Operation::Compare(Comparison::Eq), &[column(&text), column(&DataType::Int64)]));
    assert!(!pushed(Operation::Like, &[column(&text), column(&text)]));
    assert!(!pushed(Operation::Add, &[column(&float), column(&float)]));
    assert!(!pushed(Operation::Cast(&text), &[column(&float)]));
    assert!(!pushed(Operation::Function("lower"), &[column(&text)]));
    assert!(pushed(Operation::IsNull, &[column(&float)]));
}

#[test]
fn lists_hold_literals_only() {
    let text = DataType::Utf8;
    let value = ScalarValue::from("x");
    let column = Operand { sql: "a", data_type: &text, remote_type: Some("T"), literal: None };
    let item = Operand { sql: "'x'", data_type: &text, remote_type: None, literal: Some(&value) };
    let pushed = |operation, operands: &[Operand<'_>]| {
        SpannerDialect.operation(operation, operands).map_or_else(|| "-".to_owned(), |rendered| rendered.sql)
    };
    assert_eq!(pushed(Operation::In, &[column.clone(), item.clone(), item.clone()]), "(a IN ('x', 'x'))");
    assert_eq!(pushed(Operation::NotIn, &[column.clone(), item.clone()]), "(a NOT IN ('x'))");
    assert_eq!(pushed(Operation::In, std::slice::from_ref(&column)), "-");
    assert_eq!(pushed(Operation::In, &[column.clone(), column.clone()]), "-");
    assert_eq!(pushed(Operation::And, &[column.clone(), item.clone(), item]), "(a AND 'x' AND 'x')");
    assert_eq!(pushed(Operation::Not, &[column]), "(NOT a)");
}

//! Every Arrow type as text and as JSON.

use std::collections::HashMap;

use arrow::{
    array::*,
    buffer::OffsetBuffer,
    datatypes::{Fields, Int32Type, IntervalMonthDayNano, i256},
};
use insta::assert_snapshot;

use super::*;

/// Each row as text, then as JSON.
fn shown(array: impl Array + 'static) -> String {
    let field = Field::new("a", array.data_type().clone(), true);
    lines(&field, &(Arc::new(array) as ArrayRef))
}

fn lines(field: &Field, array: &ArrayRef) -> String {
    let values = Values::try_new(field, array).expect("every type is handled");
    let mut out = String::new();
    for row in 0..array.len() {
        if values.is_null(row) {
            out.push_str("(null)");
        } else {
            values.push_text(row, &mut out);
        }
        out.push_str("  ");
        values.push_json(row, &mut out);
        out.push('\n');
    }
    out
}

#[test]
fn numbers() {
    assert_snapshot!(shown(Int8Array::from(vec![Some(-128), None])), @"
    -128  -128
    (null)  null
    ");
    assert_snapshot!(shown(UInt64Array::from(vec![u64::MAX])), @"18446744073709551615  18446744073709551615");
    assert_snapshot!(
        shown(Float64Array::from(vec![0.1, 1.0, -0.0, 1e300, 1e-7, 123456789.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])),
        @r#"
    0.1  0.1
    1.0  1.0
    -0.0  -0.0
    1e300  1e300
    1e-7  1e-7
    123456789.5  123456789.5
    NaN  "NaN"
    inf  "inf"
    -inf  "-inf"
    "#
    );
    assert_snapshot!(shown(Float32Array::from(vec![0.1, 16777216.0])), @"
    0.1  0.1
    16777216.0  16777216.0
    ");
    assert_snapshot!(
        shown(Decimal128Array::from(vec![Some(1500), Some(-1), None]).with_precision_and_scale(38, 3).expect("fits")),
        @r#"
    1.5  "1.5"
    -0.001  "-0.001"
    (null)  null
    "#
    );
    assert_snapshot!(
        shown(Decimal256Array::from(vec![i256::from_i128(100)]).with_precision_and_scale(76, 38).expect("fits")),
        @r#"0.000000000000000000000000000000000001  "0.000000000000000000000000000000000001""#
    );
    assert_snapshot!(
        shown(Decimal32Array::from(vec![250]).with_precision_and_scale(9, 2).expect("fits")),
        @r#"2.5  "2.5""#
    );
    assert_snapshot!(shown(BooleanArray::from(vec![true, false])), @"
    true  true
    false  false
    ");
    assert_snapshot!(shown(NullArray::new(1)), @"(null)  null");
}

#[test]
fn texts_and_bytes() {
    for array in [
        Arc::new(StringArray::from(vec![Some("a\"b"), Some(""), None])) as ArrayRef,
        Arc::new(LargeStringArray::from(vec![Some("a\"b"), Some(""), None])),
        Arc::new(StringViewArray::from(vec![Some("a\"b"), Some(""), None])),
        Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("a\"b"), Some(""), None])),
    ] {
        let field = Field::new("a", array.data_type().clone(), true);
        assert_eq!(
            lines(&field, &array),
            "a\"b  \"a\\\"b\"\n  \"\"\n(null)  null\n",
            "{}",
            array.data_type()
        );
    }
    for array in [
        Arc::new(BinaryArray::from(vec![b"\xff\x00\x01".as_slice()])) as ArrayRef,
        Arc::new(LargeBinaryArray::from(vec![b"\xff\x00\x01".as_slice()])),
        Arc::new(BinaryViewArray::from(vec![b"\xff\x00\x01".as_slice()])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([b"\xff\x00\x01"].iter()).expect("one length")),
    ] {
        let field = Field::new("a", array.data_type().clone(), true);
        assert_eq!(lines(&field, &array), "/wAB  \"/wAB\"\n", "{}", array.data_type());
    }
}

#[test]
fn runs_are_unfolded() {
    let runs: RunArray<Int32Type> = [Some("x"), Some("x"), None].into_iter().collect();
    assert_snapshot!(shown(runs), @r#"
    x  "x"
    x  "x"
    (null)  null
    "#);
}

#[test]
fn dates_and_times() {
    assert_snapshot!(shown(Date32Array::from(vec![20_455, -719_162])), @r#"
    2026-01-02  "2026-01-02"
    0001-01-01  "0001-01-01"
    "#);
    assert_snapshot!(shown(Date64Array::from(vec![86_400_000, -1])), @r#"
    1970-01-02  "1970-01-02"
    1969-12-31  "1969-12-31"
    "#);
    assert_snapshot!(shown(Time32SecondArray::from(vec![11_045])), @r#"03:04:05  "03:04:05""#);
    assert_snapshot!(shown(Time64MicrosecondArray::from(vec![11_045_000_006])), @r#"03:04:05.000006  "03:04:05.000006""#);
    assert_snapshot!(
        shown(TimestampMicrosecondArray::from(vec![1_767_323_045_000_006])),
        @r#"2026-01-02T03:04:05.000006  "2026-01-02T03:04:05.000006""#
    );
    assert_snapshot!(
        shown(TimestampMicrosecondArray::from(vec![1_767_323_045_000_000]).with_timezone("UTC")),
        @r#"2026-01-02T03:04:05Z  "2026-01-02T03:04:05Z""#
    );
    assert_snapshot!(
        shown(TimestampSecondArray::from(vec![0]).with_timezone("+02:00")),
        @r#"1970-01-01T00:00:00Z  "1970-01-01T00:00:00Z""#
    );
    assert_snapshot!(
        shown(TimestampNanosecondArray::from(vec![1])),
        @r#"1970-01-01T00:00:00.000000001  "1970-01-01T00:00:00.000000001""#
    );
    assert_snapshot!(
        shown(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(14, 3, 1_500_000_000)])),
        @r#"1-2 3 0:0:1.500000  "1-2 3 0:0:1.500000""#
    );
    assert_snapshot!(shown(IntervalYearMonthArray::from(vec![25])), @r#"2-1 0 0:0:0  "2-1 0 0:0:0""#);
    assert_snapshot!(shown(DurationMillisecondArray::from(vec![90_061_000])), @r#"0-0 0 25:1:1  "0-0 0 25:1:1""#);
}

#[test]
fn nested_values_are_json() {
    let items =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None]);
    assert_snapshot!(shown(items.clone()), @"
    [1,null]  [1,null]
    []  []
    (null)  null
    ");
    // A slice begins inside its values.
    assert_snapshot!(lines(&Field::new("a", items.data_type().clone(), true), &(Arc::new(items.slice(1, 1)) as ArrayRef)), @"[]  []");

    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        [Some(vec![Some(1), Some(2)]), Some(vec![Some(3), Some(4)])],
        2,
    );
    assert_snapshot!(lines(&Field::new("a", fixed.data_type().clone(), true), &(Arc::new(fixed.slice(1, 1)) as ArrayRef)), @"[3,4]  [3,4]");

    let view: ListViewArray = items.clone().into();
    assert_snapshot!(shown(view), @"
    [1,null]  [1,null]
    []  []
    (null)  null
    ");

    let json = HashMap::from([("firth.type".to_owned(), "JSON".to_owned())]);
    let fields = Fields::from(vec![
        Field::new("n \"1\"", DataType::Int64, true),
        Field::new("j", DataType::Utf8, true).with_metadata(json.clone()),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![Some("{ \"x\": [1.10] }"), None])),
    ];
    assert_snapshot!(shown(StructArray::new(fields, columns, None)), @r#"
    {"n \"1\"":1,"j":{"x":[1.10]}}  {"n \"1\"":1,"j":{"x":[1.10]}}
    {"n \"1\"":null,"j":null}  {"n \"1\"":null,"j":null}
    "#);

    let field = Field::new("a", DataType::Utf8, true).with_metadata(json);
    let documents = Arc::new(StringArray::from(vec!["{ \"x\": 1 }", "oops"])) as ArrayRef;
    assert_snapshot!(lines(&field, &documents), @r#"
    { "x": 1 }  {"x":1}
    oops  "oops"
    "#);
}

#[test]
fn maps_are_objects() {
    let entries = StructArray::new(
        Fields::from(vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Int64, true),
        ]),
        vec![Arc::new(StringArray::from(vec!["a", "b"])), Arc::new(Int64Array::from(vec![Some(1), None]))],
        None,
    );
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(field, OffsetBuffer::from_lengths([2, 0]), entries, None, false);
    assert_snapshot!(shown(map), @r#"
    {"a":1,"b":null}  {"a":1,"b":null}
    {}  {}
    "#);
}

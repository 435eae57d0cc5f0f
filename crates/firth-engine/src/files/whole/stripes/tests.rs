//! Stripes that filters leave of `testdata/files/orc/stripes.orc`, whose stripes begin at 3000, 0, 5000, 1000, 7000,
//! 2000, 6000 and 4000: `x` is read.

use std::fs::File;

use arrow::datatypes::{Field, Schema};
use datafusion::{
    common::DFSchema,
    execution::context::SessionContext,
    logical_expr::{Expr, cast, col, ident, lit},
    physical_expr::{expressions::DynamicFilterPhysicalExpr, expressions::lit as physical_lit},
};
use orc_rust::reader::metadata::read_metadata;

use super::*;

fn table() -> SchemaRef {
    let field = |name, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("N", DataType::Int64),
        field("zero", DataType::Int64),
        field("part", DataType::Int64),
        field("day", DataType::Date32),
        field("word", DataType::Utf8),
        field("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("f", DataType::Float64),
        field("price", DataType::Decimal128(12, 2)),
        field("elsewhere", DataType::Int64),
    ]))
}

fn file() -> FileMetadata {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/files/orc/stripes.orc");
    read_metadata(&mut File::open(path).expect("the file")).expect("its footer")
}

fn filter(predicate: Arc<dyn PhysicalExpr>) -> StripeFilter {
    StripeFilter { predicate, table: table(), left_out: Count::new() }
}

fn read(expr: Expr) -> String {
    let named = DFSchema::try_from(table()).expect("columns");
    let expr = SessionContext::new().create_physical_expr(expr, &named).expect("an expression");
    shown(&filter(expr).kept(&file()))
}

fn shown(kept: &[bool]) -> String {
    kept.iter().map(|kept| if *kept { 'x' } else { '.' }).collect()
}

#[test]
fn bounds_of_integers_dates_and_texts_leave_stripes_out() {
    assert_eq!(read(ident("N").lt(lit(1500_i64))), ".x.x....");
    assert_eq!(read(ident("N").eq(lit(7099_i64))), "....x...");
    assert_eq!(read(ident("N").gt(lit(7099_i64))), "........");
    assert_eq!(read(ident("N").in_list(vec![lit(5001_i64), lit(6099_i64)], false)), "..x...x.");
    let day = |days| lit(ScalarValue::Date32(Some(days)));
    // From 2026-01-01 on.
    assert_eq!(read(col("day").gt_eq(day(20_454))), "....x.x.");
    // All text of the second stripe is empty, which may be text that was not written.
    assert_eq!(read(col("word").eq(lit("w7000-"))), ".x..x...");
    assert_eq!(read(col("word").lt(lit("w1"))), ".x......");
}

#[test]
fn a_timestamps_bounds_are_a_day_wider_than_written() {
    let at = |text: &str| {
        let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        cast(lit(text), zone)
    };
    assert_eq!(read(col("at").gt(at("2027-01-01T00:00:00Z"))), "....x...");
    // The last is of 2027-06-01 00:34:07.
    assert_eq!(read(col("at").gt(at("2027-06-02T00:00:00Z"))), "....x...");
    assert_eq!(read(col("at").gt(at("2027-06-03T03:00:00Z"))), "........");
}

#[test]
fn nulls_are_counted() {
    // The third stripe has no value of `part`, the others no NULL.
    assert_eq!(read(col("part").is_null()), "..x.....");
    assert_eq!(read(col("part").is_not_null()), "xx.xxxxx");
    assert_eq!(read(col("part").gt(lit(0_i64))), "xx.xxxxx");
}

#[test]
fn what_is_not_known_is_read() {
    // Bounds of 0 alone may be bounds that were not written.
    assert_eq!(read(col("zero").eq(lit(1_i64))), "xxxxxxxx");
    // NaN is in no bounds.
    assert_eq!(read(col("f").gt(lit(9e9))), "xxxxxxxx");
    assert_eq!(read(col("price").gt(lit(ScalarValue::Decimal128(Some(1), 12, 2)))), "xxxxxxxx");
    assert_eq!(read(col("elsewhere").eq(lit(1_i64))), "xxxxxxxx");
    assert_eq!(read(ident("N").lt(lit(0_i64)).or(col("f").gt(lit(0.0)))), "xxxxxxxx");
}

#[test]
fn a_filter_that_a_join_learns_counts_as_far_as_it_is_known() {
    let named = DFSchema::try_from(table()).expect("columns");
    let expr = |expr| SessionContext::new().create_physical_expr(expr, &named).expect("an expression");
    let column = expr(ident("N"));
    let learned = Arc::new(DynamicFilterPhysicalExpr::new(vec![column], physical_lit(true)));
    let filter = filter(Arc::clone(&learned) as Arc<dyn PhysicalExpr>);
    assert_eq!(shown(&filter.kept(&file())), "xxxxxxxx");
    learned.update(expr(ident("N").lt(lit(500_i64)))).expect("the same columns");
    assert_eq!(shown(&filter.kept(&file())), ".x......");
}

#[test]
fn stripes_side_by_side_are_one_range() {
    let named = DFSchema::try_from(table()).expect("columns");
    let expr = SessionContext::new().create_physical_expr(ident("N").lt(lit(4000_i64)), &named);
    let (filter, file) = (filter(expr.expect("an expression")), file());
    let begins: Vec<usize> = file.stripe_metadatas().iter().map(|stripe| stripe.offset() as usize).collect();
    // The stripes at 3000 and 0; at 1000; at 2000.
    let wanted = [begins[0]..begins[1] + 1, begins[3]..begins[3] + 1, begins[5]..begins[5] + 1];
    assert_eq!(filter.ranges(&file), wanted);
    assert_eq!(filter.left_out.value(), 4);
}

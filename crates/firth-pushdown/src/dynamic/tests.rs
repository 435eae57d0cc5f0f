//! What filters say, as text: of each kind of filter that operators make.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::{
    common::config::ConfigOptions,
    functions::core::r#struct,
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{BinaryExpr, CaseExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNullExpr, lit},
    },
    scalar::ScalarValue,
};

use super::wanted::wanted;

type Filter = Arc<dyn PhysicalExpr>;

fn schema() -> Schema {
    Schema::new(vec![Field::new("k", DataType::Int64, true), Field::new("l", DataType::Int64, true)])
}

fn column(name: &str) -> Filter {
    Arc::new(Column::new_with_schema(name, &schema()).unwrap())
}

fn binary(left: Filter, operator: Operator, right: Filter) -> Filter {
    Arc::new(BinaryExpr::new(left, operator, right))
}

fn between(low: i64, high: i64) -> Filter {
    binary(
        binary(column("k"), Operator::GtEq, lit(low)),
        Operator::And,
        binary(column("k"), Operator::LtEq, lit(high)),
    )
}

fn is_in(values: &[Option<i64>]) -> Filter {
    let list = values.iter().map(|value| lit(ScalarValue::Int64(*value))).collect();
    Arc::new(InListExpr::try_new(column("k"), list, false, &schema()).unwrap())
}

/// What a join of one partition says.
fn join(low: i64, high: i64, values: &[Option<i64>]) -> Filter {
    binary(between(low, high), Operator::And, is_in(values))
}

fn routed(branches: Vec<Filter>, otherwise: Filter) -> Filter {
    let when = branches.into_iter().enumerate().map(|(n, then)| (lit(n as i64), then)).collect();
    Arc::new(CaseExpr::try_new(Some(column("l")), when, Some(otherwise)).unwrap())
}

fn shown(filter: Filter) -> String {
    format!("{:?}", wanted(&filter)).replace("Column(Column { relation: None, name: \"k\" })", "k")
}

#[test]
fn keys_and_bounds_of_one_key_are_put_together() {
    insta::assert_snapshot!(
        shown(join(1, 5, &[Some(5), None, Some(1), Some(5)])),
        @"Key(Key { key: k, values: Some([Int64(1), Int64(5)]), low: Some(Int64(1)), high: Some(Int64(5)) })"
    );
}

#[test]
fn partitions_are_united() {
    let routed = routed(vec![join(1, 5, &[Some(1), Some(5)]), join(2, 9, &[Some(9)])], lit(false));
    insta::assert_snapshot!(
        shown(routed),
        @"Key(Key { key: k, values: Some([Int64(1), Int64(5), Int64(9)]), low: Some(Int64(1)), high: Some(Int64(9)) })"
    );
}

#[test]
fn a_partition_without_keys_leaves_the_bounds() {
    let routed = routed(vec![join(1, 5, &[Some(1)]), between(2, 9)], lit(false));
    insta::assert_snapshot!(
        shown(routed),
        @"Key(Key { key: k, values: None, low: Some(Int64(1)), high: Some(Int64(9)) })"
    );
}

#[test]
fn a_partition_that_is_not_known_leaves_nothing() {
    assert_eq!(shown(routed(vec![join(1, 5, &[Some(1)])], lit(true))), "All");
    assert_eq!(shown(routed(vec![join(1, 5, &[Some(1)]), lit(true)], lit(false))), "All");
}

#[test]
fn no_key_means_no_row() {
    assert_eq!(shown(is_in(&[None])), "Nothing");
    assert_eq!(shown(lit(false)), "Nothing");
    assert_eq!(shown(routed(vec![lit(false), lit(false)], lit(false))), "Nothing");
}

#[test]
fn a_filter_that_has_not_arrived_says_nothing() {
    let filter = Arc::new(DynamicFilterPhysicalExpr::new(vec![column("k")], lit(true)));
    assert_eq!(shown(Arc::clone(&filter) as Filter), "All");
    filter.update(is_in(&[Some(1)])).unwrap();
    assert!(shown(filter).starts_with("Key("));
}

#[test]
fn what_is_or_ed_is_kept() {
    let is_null: Filter = Arc::new(IsNullExpr::new(column("k")));
    insta::assert_snapshot!(
        shown(binary(is_in(&[Some(1)]), Operator::Or, is_null)),
        @"Either([Key(Key { key: k, values: Some([Int64(1)]), low: None, high: None }), Condition(IsNull(k))])"
    );
}

#[test]
fn several_keys_are_known_each_by_itself() {
    let list: Vec<Filter> = [(1, 7), (2, 7)]
        .iter()
        .map(|(k, l)| {
            let fields = [Field::new("c0", DataType::Int64, true), Field::new("c1", DataType::Int64, true)];
            let value = datafusion::common::scalar::ScalarStructBuilder::new()
                .with_scalar(fields[0].clone(), ScalarValue::Int64(Some(*k)))
                .with_scalar(fields[1].clone(), ScalarValue::Int64(Some(*l)))
                .build()
                .unwrap();
            lit(value)
        })
        .collect();
    let fields = vec![Field::new("c0", DataType::Int64, true), Field::new("c1", DataType::Int64, true)];
    let keys = ScalarFunctionExpr::new(
        "struct",
        r#struct(),
        vec![column("k"), column("l")],
        Arc::new(Field::new("struct", DataType::Struct(fields.into()), true)),
        Arc::new(ConfigOptions::default()),
    );
    let filter: Filter = Arc::new(InListExpr::try_new(Arc::new(keys), list, false, &schema()).unwrap());
    let shown = shown(filter);
    assert!(shown.contains("values: Some([Int64(1), Int64(2)])"), "{shown}");
    assert!(shown.contains("values: Some([Int64(7)])"), "{shown}");
}

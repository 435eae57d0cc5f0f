//! What is moved answers as before, and lets statistics rule out row groups.

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMillisecondArray, TimestampSecondArray},
    datatypes::{Field, SchemaRef},
};
use datafusion::{
    datasource::physical_plan::{
        ParquetFileMetrics,
        parquet::{ParquetAccessPlan, RowGroupAccessPlanFilter},
    },
    physical_expr_adapter::PhysicalExprAdapterFactory,
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{
        expressions::{CastExpr, Column, not},
        metrics::ExecutionPlanMetricsSet,
    },
};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    file::properties::WriterProperties,
};

use super::*;
use crate::files::{unmoved_cast, widened::FileSchemaAdapter};

const OPERATORS: [Operator; 8] = [
    Operator::Eq,
    Operator::NotEq,
    Operator::Lt,
    Operator::LtEq,
    Operator::Gt,
    Operator::GtEq,
    Operator::IsDistinctFrom,
    Operator::IsNotDistinctFrom,
];

fn schema(unit: TimeUnit) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("ts", DataType::Timestamp(unit, None), true)]))
}

fn micros(count: i64) -> Arc<dyn PhysicalExpr> {
    Arc::new(Literal::new(ScalarValue::TimestampMicrosecond(Some(count), None)))
}

fn answers(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> BooleanArray {
    let answer = expr.evaluate(batch).and_then(|answer| answer.into_array(batch.num_rows()));
    answer.expect("it is evaluated").as_boolean().clone()
}

fn literals(ratio: i64) -> impl Iterator<Item = i64> {
    let near = |count: i64| (-2..=2).map(move |step| count.saturating_add(step));
    [i64::MIN, i64::MAX, 0].into_iter().chain((-3..=3).map(move |count| count * ratio)).flat_map(near)
}

#[test]
fn comparisons_answer_as_before() {
    let milliseconds: ArrayRef =
        Arc::new(TimestampMillisecondArray::from_iter([None, Some(-2), Some(-1), Some(0), Some(1), Some(2)]));
    let seconds: ArrayRef =
        Arc::new(TimestampSecondArray::from_iter([None, Some(-2), Some(-1), Some(0), Some(1), Some(2)]));
    let mut moved_count = 0;
    for (unit, array) in [(TimeUnit::Millisecond, milliseconds), (TimeUnit::Second, seconds)] {
        let schema = schema(unit);
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).expect("a batch");
        let cast = CastExpr::new(
            Arc::new(Column::new("ts", 0)),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            None,
        );
        let cast = unmoved_cast(cast, &schema).expect("a cast");
        let mut filters: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        for literal in literals(1_000_000 / in_a_second(unit)) {
            for op in OPERATORS {
                filters.push(both(Arc::clone(&cast), op, micros(literal)));
                filters.push(both(micros(literal), op, Arc::clone(&cast)));
            }
            for negated in [false, true] {
                let list = vec![micros(literal), micros(0), micros(1)];
                filters.push(in_list(Arc::clone(&cast), list, &negated, &schema).expect("a list"));
            }
        }
        for filter in filters {
            for filter in [Arc::clone(&filter), not(filter).expect("a filter")] {
                let moved = compared_in_file_units(Arc::clone(&filter), &schema).expect("it moves");
                moved_count += usize::from(moved.to_string() != filter.to_string());
                assert_eq!(answers(&moved, &batch), answers(&filter, &batch), "{filter} became {moved}");
            }
        }
    }
    assert!(moved_count > 500, "{moved_count} were moved");
}

#[test]
fn values_that_finer_units_cannot_count_are_compared_too() {
    let schema = schema(TimeUnit::Second);
    let array: ArrayRef = Arc::new(TimestampSecondArray::from_iter_values([i64::MIN, 0, i64::MAX]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).expect("a batch");
    let cast =
        CastExpr::new(Arc::new(Column::new("ts", 0)), DataType::Timestamp(TimeUnit::Microsecond, None), None);
    let cast = unmoved_cast(cast, &schema).expect("a cast");
    let filter =
        compared_in_file_units(both(cast, Operator::Gt, micros(i64::MAX)), &schema).expect("it moves");
    assert_eq!(answers(&filter, &batch), BooleanArray::from(vec![false, false, true]));
}

#[test]
fn a_local_time_that_is_read_as_an_instant_is_left_alone() {
    let schema = schema(TimeUnit::Millisecond);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("+01:00".into()));
    let cast =
        unmoved_cast(CastExpr::new(Arc::new(Column::new("ts", 0)), instant, None), &schema).expect("a cast");
    let literal = ScalarValue::TimestampMicrosecond(Some(0), Some("+01:00".into()));
    let filter = both(cast, Operator::Eq, Arc::new(Literal::new(literal)));
    let moved = compared_in_file_units(Arc::clone(&filter), &schema).expect("a filter");
    assert_eq!(moved.to_string(), filter.to_string());
}

/// Which row groups of a file statistics leave, each of three rows from `-5` milliseconds on, and which hold rows that pass.
#[test]
fn row_groups_are_ruled_out_and_none_that_has_rows() {
    const GROUPS: i64 = 4;
    let physical = schema(TimeUnit::Millisecond);
    let values: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(-5..GROUPS * 3 - 5));
    let batch = RecordBatch::try_new(Arc::clone(&physical), vec![values]).expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, Arc::clone(&physical), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("a file");
    let groups = file.metadata().row_groups();
    assert_eq!(groups.len() as i64, GROUPS);

    let logical = schema(TimeUnit::Microsecond);
    let adapter = FileSchemaAdapter.create(Arc::clone(&logical), Arc::clone(&physical)).expect("an adapter");
    let mut ruled_out = 0;
    for literal in (-7_000..9_000).step_by(250) {
        for op in &OPERATORS[..6] {
            let filter = both(Arc::new(Column::new("ts", 0)), *op, micros(literal));
            let filter = adapter.rewrite(filter).expect("adapted");
            let passes = answers(&filter, &batch);
            let Some(pruning) = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&physical))
                .build(Arc::clone(&filter))
            else {
                panic!("nothing can be ruled out by {filter}");
            };
            let metrics = ParquetFileMetrics::new(0, "f", &ExecutionPlanMetricsSet::new());
            let mut left = RowGroupAccessPlanFilter::new(ParquetAccessPlan::new_all(groups.len()));
            left.prune_by_statistics(&physical, file.parquet_schema(), groups, &pruning, &metrics);
            let left = left.build().row_group_indexes();
            ruled_out += groups.len() - left.len();
            for group in 0..groups.len() {
                let has_rows = (group * 3..group * 3 + 3).any(|row| passes.value(row));
                assert!(!has_rows || left.contains(&group), "{filter} leaves out row group {group}");
            }
        }
    }
    assert!(ruled_out > 200, "{ruled_out} row groups were ruled out");
}

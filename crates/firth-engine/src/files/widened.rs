//! Timestamps of files that count in coarser units than microseconds.
//!
//! A table's timestamps are microseconds, and a file may hold seconds or milliseconds; DataFusion then
//! casts the file's column. Comparing such a cast with a literal, it moves the cast to the literal
//! (`CAST(ts AS µs) < lit` becomes `ts < CAST(lit AS ms)`) and rounds it, which loses rows: with
//! `ts = …20.000` and `lit = …20.000001` the comparison turns false (DataFusion 55.2,
//! `datafusion_expr_common::casts::try_cast_literal_to_type`). So the cast is made by an expression that
//! the optimizer does not know, and cannot move; `coarser` then moves the literal, and rounds it rightly.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit},
};
use datafusion::{
    common::tree_node::{Transformed, TreeNode},
    error::Result,
    logical_expr::ColumnarValue,
    physical_expr_adapter::{
        DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
    },
    physical_plan::{
        PhysicalExpr,
        expressions::{CastExpr, Column},
    },
};

use super::coarser::compared_in_file_units;

/// Adapts expressions to a file's schema as DataFusion does, but for timestamps and for names that differ
/// by case only.
#[derive(Debug)]
pub(crate) struct FileSchemaAdapter;

impl PhysicalExprAdapterFactory for FileSchemaAdapter {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        // Column names do not differ by case, so a file's `ID` is the table's `id`.
        let spelled: Vec<FieldRef> = physical
            .fields()
            .iter()
            .map(|field| {
                let known =
                    logical.fields().iter().find(|known| known.name().eq_ignore_ascii_case(field.name()));
                match known {
                    Some(known) if known.name() != field.name() => {
                        Arc::new(field.as_ref().clone().with_name(known.name()))
                    }
                    _ => Arc::clone(field),
                }
            })
            .collect();
        let inner = DefaultPhysicalExprAdapterFactory.create(logical, Arc::new(Schema::new(spelled)))?;
        Ok(Arc::new(Adapter { inner, physical }))
    }
}

#[derive(Debug)]
struct Adapter {
    inner: Arc<dyn PhysicalExprAdapter>,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let rewritten = self.inner.rewrite(expr)?;
        let widened = rewritten.transform_up(|expr| {
            if let Some(column) = expr.downcast_ref::<Column>()
                && let Some(field) = self.physical.fields().get(column.index())
                && field.name() != column.name()
            {
                let own = Column::new(field.name(), column.index());
                return Ok(Transformed::yes(Arc::new(own) as Arc<dyn PhysicalExpr>));
            }
            let Some(cast) = expr.downcast_ref::<CastExpr>() else { return Ok(Transformed::no(expr)) };
            let from = cast.expr().data_type(&self.physical)?;
            if !is_widening(&from, cast.cast_type()) {
                return Ok(Transformed::no(expr));
            }
            let cast = unmoved_cast(cast.clone(), &self.physical)?;
            Ok(Transformed::yes(cast))
        })?;
        compared_in_file_units(widened.data, &self.physical)
    }
}

/// The cast, hidden from the optimizer if it gives timestamps more digits.
pub(crate) fn unmoved_cast(cast: CastExpr, physical: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
    let widens = is_widening(&cast.expr().data_type(physical)?, cast.cast_type());
    let cast: Arc<dyn PhysicalExpr> = Arc::new(cast);
    if widens {
        return Ok(Arc::new(Widened { cast }));
    }
    Ok(cast)
}

/// Whether a cast gives timestamps more digits than they have.
fn is_widening(from: &DataType, to: &DataType) -> bool {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    match (from, to) {
        (DataType::Timestamp(from, _), DataType::Timestamp(to, _)) => digits(from) < digits(to),
        _ => false,
    }
}

/// A cast that nothing looks into.
#[derive(Debug)]
pub(super) struct Widened {
    cast: Arc<dyn PhysicalExpr>,
}

impl PhysicalExpr for Widened {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.cast.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.cast.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.cast.evaluate(batch)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.cast.return_field(schema)
    }

    /// The cast's own operands, so that columns are found and renumbered.
    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.cast.children()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let cast = Arc::clone(&self.cast).with_new_children(children)?;
        Ok(Arc::new(Widened { cast }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt_sql(f)
    }
}

impl fmt::Display for Widened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cast.fmt(f)
    }
}

impl PartialEq for Widened {
    fn eq(&self, other: &Self) -> bool {
        self.cast.eq(&other.cast)
    }
}

impl Eq for Widened {}

impl Hash for Widened {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cast.hash(state);
    }
}

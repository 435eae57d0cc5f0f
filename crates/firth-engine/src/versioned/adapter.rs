//! Expressions over a table's columns as expressions over a file's.
//!
//! A column is found in a file by its number or, where the file has none, by its names. So it may have another
//! name there, another place and another type. Where numbers are, a name says nothing: a column that was dropped
//! and made anew has the old one's name in old files, and is NULL there.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, FieldRef, Schema, SchemaRef},
};
use datafusion::{
    common::{
        ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    error::{DataFusionError, Result},
    logical_expr::ColumnarValue,
    physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory},
    physical_plan::{
        PhysicalExpr,
        expressions::{CastExpr, Column, Literal},
    },
};
use firth_diagnostic::{Code, Diagnostic};
use firth_sql::ROW_COLUMN;

use super::{
    reshape::{has_ids, is_same, position, reshape},
    table::{ColumnSource, TableColumn},
};
use crate::files::{compared_in_file_units, unmoved_cast};

/// Finds a table's columns in its files.
#[derive(Debug)]
pub(crate) struct ColumnFinder {
    pub(super) columns: Arc<[TableColumn]>,
}

impl ColumnFinder {
    /// Finds columns by the numbers that `numbered` gives them; in files that have none, by their names. `columns` are the
    /// same without numbers, as plans know them.
    pub(crate) fn by_number(numbered: &Schema, columns: &Schema) -> Self {
        let columns = numbered.fields().iter().zip(columns.fields()).map(|(numbered, field)| TableColumn {
            field: Arc::clone(field),
            source: ColumnSource::of(numbered),
        });
        ColumnFinder { columns: columns.collect() }
    }
}

impl PhysicalExprAdapterFactory for ColumnFinder {
    fn create(&self, _logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let by_id = has_ids(physical.fields());
        Ok(Arc::new(Adapter { columns: Arc::clone(&self.columns), physical, by_id }))
    }
}

#[derive(Debug)]
struct Adapter {
    columns: Arc<[TableColumn]>,
    physical: SchemaRef,
    /// Whether the file numbers its columns.
    by_id: bool,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        // Downwards and not into what came of a column: a file's name may be another column's in the table.
        let rewritten = expr.transform_down(|expr| match expr.downcast_ref::<Column>() {
            Some(column) => {
                let found = self.found(column)?;
                Ok(Transformed::new(found, true, datafusion::common::tree_node::TreeNodeRecursion::Jump))
            }
            None => Ok(Transformed::no(expr)),
        })?;
        compared_in_file_units(rewritten.data, &self.physical)
    }
}

impl Adapter {
    fn found(&self, column: &Column) -> Result<Arc<dyn PhysicalExpr>> {
        let Some(known) = self.columns.iter().find(|known| known.field.name() == column.name()) else {
            // What the reader itself adds is called alike in both.
            if let Some((at, _)) = self.physical.column_with_name(ROW_COLUMN)
                && column.name() == ROW_COLUMN
            {
                return Ok(Arc::new(Column::new(ROW_COLUMN, at)));
            }
            return Err(DataFusionError::Internal(format!("the table has no column {:?}", column.name())));
        };
        let to = &known.field;
        if !self.by_id && self.columns.iter().all(|column| column.source.names.is_empty()) {
            let error = Diagnostic::error(
                Code::BadData,
                format!("column {:?} cannot be found in a data file of the table: the file does not number its columns", to.name()),
            )
            .hint("Iceberg tables with such files have a name mapping, the property schema.name-mapping.default.");
            return Err(DataFusionError::External(Box::new(error)));
        }
        let Some(at) = position(&known.source, self.physical.fields(), self.by_id) else {
            let value = match &known.source.default {
                Some(value) => value.clone(),
                None => ScalarValue::try_from(to.data_type())?,
            };
            return Ok(Arc::new(Literal::new(value)));
        };
        let from = self.physical.field(at);
        let own: Arc<dyn PhysicalExpr> = Arc::new(Column::new(from.name(), at));
        if is_same(from.data_type(), to.data_type(), &known.source, self.by_id) {
            return Ok(own);
        }
        if is_nested(from.data_type()) || is_nested(to.data_type()) {
            return Ok(Arc::new(Reshaped {
                column: own,
                to: Arc::clone(to),
                source: known.source.clone(),
                by_id: self.by_id,
            }));
        }
        let to = Arc::new(to.as_ref().clone().with_nullable(true));
        unmoved_cast(CastExpr::new_with_target_field(own, to, None), &self.physical)
    }
}

fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested()
}

/// A column of STRUCTs or ARRAYs in the table's shape.
#[derive(Debug)]
struct Reshaped {
    column: Arc<dyn PhysicalExpr>,
    to: FieldRef,
    source: ColumnSource,
    by_id: bool,
}

impl PhysicalExpr for Reshaped {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn nullable(&self, _schema: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(reshape(&array, self.to.data_type(), &self.source, self.by_id)?))
    }

    fn return_field(&self, _schema: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(self.to.as_ref().clone().with_nullable(true)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.pop().unwrap_or_else(|| Arc::clone(&self.column));
        Ok(Arc::new(Reshaped {
            column,
            to: Arc::clone(&self.to),
            source: self.source.clone(),
            by_id: self.by_id,
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt_sql(f)
    }
}

impl fmt::Display for Reshaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt(f)
    }
}

impl PartialEq for Reshaped {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.to == other.to
    }
}

impl Eq for Reshaped {}

impl Hash for Reshaped {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.to.hash(state);
    }
}

//! The plan that reads an object table: one partition, for a listing is one after the other.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::tree_node::TreeNodeRecursion,
    error::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};

use super::{
    Filters,
    patterns::Patterns,
    rows::{Reading, rows},
};

/// Lists objects and makes rows of them.
#[derive(Debug)]
pub(super) struct ObjectScan {
    patterns: Patterns,
    schema: SchemaRef,
    filters: Filters,
    table: SchemaRef,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl ObjectScan {
    /// `schema` is what is read of `table`.
    pub(super) fn new(
        patterns: Patterns,
        schema: SchemaRef,
        filters: Filters,
        table: SchemaRef,
        limit: Option<usize>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        ObjectScan { patterns, schema, filters, table, limit, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ObjectScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectScan: uris={:?}", self.patterns)?;
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, ", projection=[{}]", names.join(", "))?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ObjectScan {
    fn name(&self) -> &'static str {
        "ObjectScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reading = Reading {
            patterns: self.patterns.clone(),
            filters: self.filters.clone(),
            table: Arc::clone(&self.table),
            schema: Arc::clone(&self.schema),
            limit: self.limit,
        };
        let rows = rows(reading, &context);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }
}

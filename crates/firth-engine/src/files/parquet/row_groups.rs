//! The rows of a part of a file: its row groups, one after the other.

use std::{collections::VecDeque, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::BatchCoalescer,
    datatypes::SchemaRef,
};
use datafusion::{
    datasource::physical_plan::{
        ParquetFileMetrics,
        parquet::{ParquetAccessPlan, RowGroupAccessPlanFilter},
    },
    error::Result,
    physical_expr::{
        expressions::DynamicFilterTracking,
        projection::{ProjectionExprs, Projector},
        utils::reassign_expr_columns,
    },
    physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder},
    physical_plan::PhysicalExpr,
};
use futures::{StreamExt, stream, stream::BoxStream};
use parquet::arrow::async_reader::AsyncFileReader;

use super::{
    columns::{Read, RowGroup, Rows},
    late::{LateFilters, Survivors},
};

/// From the columns that are read to the columns of the scan.
pub(super) struct Output {
    projector: Projector,
    schema: SchemaRef,
    /// Whether the projector's fields differ from the scan's by more than their values, as in metadata.
    is_renamed: bool,
}

impl Output {
    /// `projection` is over the file's columns, `schema` what the scan promises.
    pub(super) fn try_new(projection: &ProjectionExprs, read: &SchemaRef, schema: SchemaRef) -> Result<Self> {
        let projection = projection.clone().try_map_exprs(|part| reassign_expr_columns(part, read))?;
        let projector = projection.make_projector(read)?;
        let is_renamed = projector.output_schema() != &schema;
        Ok(Output { projector, schema, is_renamed })
    }

    fn map(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = self.projector.project_batch(batch)?;
        if !self.is_renamed {
            return Ok(batch);
        }
        let (_, arrays, rows) = batch.into_parts();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

/// Rules out row groups by filters that change while the scan runs.
pub(super) struct Ruler {
    pub(super) predicate: Arc<dyn PhysicalExpr>,
    pub(super) tracking: DynamicFilterTracking,
    pub(super) physical: SchemaRef,
    pub(super) most_in_list: usize,
    /// What the filters say now of statistics; `None` if nothing.
    pub(super) now: Option<Arc<PruningPredicate>>,
}

impl Ruler {
    /// Whether no row of the group can pass, as its statistics say.
    fn rules_out(&mut self, read: &Read, group: usize, metrics: &ParquetFileMetrics) -> bool {
        let Some(watcher) = self.tracking.watcher() else { return false };
        if watcher.changed() {
            self.now = PruningPredicateBuilder::new()
                .with_file_schema(Arc::clone(&self.physical))
                .with_max_in_list_size(self.most_in_list)
                .build(Arc::clone(&self.predicate));
        }
        let Some(now) = &self.now else { return false };
        let groups = read.metadata.metadata().row_groups();
        let mut plan = ParquetAccessPlan::new_none(groups.len());
        plan.scan(group);
        let mut filter = RowGroupAccessPlanFilter::new(plan);
        filter.prune_by_statistics(&self.physical, read.metadata.parquet_schema(), groups, now, metrics);
        if filter.is_empty() {
            metrics.row_groups_pruned_dynamic_filter.add(1);
        }
        filter.is_empty()
    }
}

/// Row groups of one file, and how they are read.
pub(super) struct RowGroups {
    pub(super) read: Read,
    pub(super) reader: Box<dyn AsyncFileReader + Send>,
    pub(super) output: Output,
    pub(super) rest: VecDeque<usize>,
    pub(super) ruler: Option<Ruler>,
    pub(super) late: LateFilters,
    pub(super) survivors: Arc<Survivors>,
    pub(super) metrics: ParquetFileMetrics,
    /// For what [`Ruler`] counts a second time.
    pub(super) uncounted: ParquetFileMetrics,
    pub(super) current: Option<RowGroup>,
    /// Rows of batches of which filters left a part.
    pub(super) few: Option<BatchCoalescer>,
    pub(super) is_over: bool,
}

impl RowGroups {
    /// The rows. Ends after the first error.
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<RecordBatch>> {
        stream::unfold(self, |mut this| async move {
            if this.is_over {
                return None;
            }
            let next = this.next().await;
            this.is_over = next.is_err();
            Some((next.transpose()?, this))
        })
        .fuse()
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.few.as_mut().and_then(BatchCoalescer::next_completed_batch) {
                return self.output.map(&batch).map(Some);
            }
            let Some(group) = &mut self.current else {
                if !self.begin_next().await? {
                    return self.flush();
                }
                continue;
            };
            let Some(Rows { batch, mask }) = group.next(&self.read, &mut self.reader).await? else {
                self.current = None;
                continue;
            };
            let left = mask.as_ref().map_or(batch.num_rows(), |mask| mask.true_count());
            self.metrics.pushdown_rows_pruned.add(batch.num_rows() - left);
            match mask {
                Some(_) if left == 0 => {}
                Some(mask) => {
                    let (schema, size) = (&self.read.schema, self.read.batch_size);
                    let few = self.few.get_or_insert_with(|| BatchCoalescer::new(Arc::clone(schema), size));
                    few.push_batch_with_filter(batch, &mask)?;
                }
                None => match &mut self.few {
                    // Rows keep their order.
                    Some(few) if !few.is_empty() => few.push_batch(batch)?,
                    _ => return self.output.map(&batch).map(Some),
                },
            }
        }
    }

    /// Begins the next row group that may have rows; `false` if there is none.
    async fn begin_next(&mut self) -> Result<bool> {
        while let Some(group) = self.rest.pop_front() {
            if let Some(ruler) = &mut self.ruler
                && ruler.rules_out(&self.read, group, &self.uncounted)
            {
                self.metrics.row_groups_pruned_dynamic_filter.add(1);
                continue;
            }
            let filter = if self.survivors.are_few() { self.late.now()? } else { None };
            let begun = RowGroup::begin(&self.read, &mut self.reader, group, filter, &self.survivors).await?;
            if begun.is_some() {
                self.current = begun;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What filters left of the last batches.
    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        let Some(few) = &mut self.few else { return Ok(None) };
        few.finish_buffered_batch()?;
        few.next_completed_batch().map(|batch| self.output.map(&batch)).transpose()
    }
}

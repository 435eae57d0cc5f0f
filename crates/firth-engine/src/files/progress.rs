//! How far the scan of a table's files has come.

use std::sync::Arc;

use datafusion::{
    datasource::{physical_plan::FileScanConfig, source::DataSourceExec},
    physical_plan::{ExecutionPlan, statistics::StatisticsArgs},
};
use firth_connector::ScanProgress;
use firth_pushdown::LeafProgress;

use crate::store::remote_of;

/// The name under which DataFusion counts the parts of files that it is done with.
const PARTS_DONE: &str = "files_processed";

/// How far a node of a plan has come, if it reads files.
pub(crate) fn leaf_progress(node: &Arc<dyn ExecutionPlan>) -> Option<LeafProgress> {
    let scan = node.downcast_ref::<DataSourceExec>()?;
    let config = scan.data_source().downcast_ref::<FileScanConfig>()?;
    let remote = remote_of(&config.object_store_url)?;
    let parts = config.file_groups.iter().map(|group| group.len() as u64).sum();
    let statistics = scan.statistics_from_inputs(&[], &StatisticsArgs::new()).ok();
    let expected_rows = statistics.and_then(|known| known.num_rows.get_value().map(|rows| *rows as u64));
    let node = Arc::clone(node);
    Some(Box::new(move || {
        let metrics = node.metrics().unwrap_or_default();
        let done = metrics.sum_by_name(PARTS_DONE).map_or(0, |done| done.as_usize() as u64);
        let rows = metrics.output_rows().unwrap_or(0) as u64;
        ScanProgress { remote, parts, done, rows, expected_rows }
    }))
}

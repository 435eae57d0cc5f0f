//! How DataFusion plans scans of files and what stands right above them. Figures: ADR 18.

use datafusion::config::ConfigOptions;

/// The build side of a join that one thread builds for all, in rows and bytes, on a machine of one core.
/// More cores divide it: the more there are, the longer they would wait for the one.
const BUILD_ROWS: usize = 16_000_000;
const BUILD_BYTES: usize = 512 * 1024 * 1024;

/// Sets by what scans of files are planned. Called after the number of partitions is set.
pub(crate) fn tune_scans(options: &mut ConfigOptions) {
    let threads = options.execution.target_partitions.max(1);
    let optimizer = &mut options.optimizer;
    // Where both sides of a join are divided by their keys, every row of the larger side is copied first.
    // On few cores that costs more than it brings.
    optimizer.hash_join_single_partition_threshold_rows =
        optimizer.hash_join_single_partition_threshold_rows.max(BUILD_ROWS / threads);
    optimizer.hash_join_single_partition_threshold =
        optimizer.hash_join_single_partition_threshold.max(BUILD_BYTES / threads);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(threads: usize) -> usize {
        let mut options = ConfigOptions::default();
        options.execution.target_partitions = threads;
        tune_scans(&mut options);
        options.optimizer.hash_join_single_partition_threshold_rows
    }

    #[test]
    fn few_cores_build_large_sides_once_and_many_cores_divide_them() {
        assert_eq!(rows(2), 8_000_000);
        assert_eq!(rows(256), ConfigOptions::default().optimizer.hash_join_single_partition_threshold_rows);
    }
}

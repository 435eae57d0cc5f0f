//! How many requests a file costs: cold, warm, and beside DataFusion's own reader.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{
    datasource::{
        listing::PartitionedFile,
        physical_plan::{ParquetFileReaderFactory, parquet::DefaultParquetFileReaderFactory},
    },
    execution::memory_pool::{FairSpillPool, MemoryPool},
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use firth_connector::SourceMetrics;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, memory::InMemory, path::Path};
use parquet::{
    arrow::{
        ArrowWriter, ProjectionMask,
        async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder},
    },
    file::properties::WriterProperties,
};

use super::ReaderFactory;
use crate::store::{Caches, StatementStore, StoreId};

const ROW_GROUPS: usize = 24;
const ROWS_IN_GROUP: usize = 25_000;

/// A file of three columns that do not compress: 200 kB for each column of each row group.
async fn file() -> (Arc<dyn ObjectStore>, ObjectMeta) {
    let names = ["a", "b", "c"];
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Int64, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(ROWS_IN_GROUP))
        .set_dictionary_enabled(false)
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), Some(properties)).expect("a writer");
    for group in 0..ROW_GROUPS {
        let column = |column: usize| -> ArrayRef {
            let seed = (group * names.len() + column) as i64;
            let values = (0..ROWS_IN_GROUP as i64)
                .map(|row| (row + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64));
            Arc::new(Int64Array::from_iter_values(values))
        };
        let columns = (0..names.len()).map(column).collect();
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch")).expect("written");
    }
    writer.close().expect("closed");
    let store = InMemory::new();
    let path = Path::from("t/a.parquet");
    store.put(&path, bytes.into()).await.expect("put");
    let meta = store.head(&path).await.expect("is there");
    (Arc::new(store), meta)
}

/// A statement of its own over the same caches.
fn statement(
    inner: &Arc<dyn ObjectStore>,
    caches: &Arc<Caches>,
) -> (Arc<StatementStore>, Arc<SourceMetrics>) {
    let metrics = Arc::new(SourceMetrics::default());
    let id = StoreId::new(uuid::Uuid::nil(), 0, "lake");
    let store = StatementStore::new(
        Arc::clone(inner),
        Path::from("c/lake"),
        Arc::clone(&metrics),
        Box::new(|path| path.to_string()),
        id,
        Arc::clone(caches),
    );
    (Arc::new(store), metrics)
}

fn caches() -> Arc<Caches> {
    let caches = Arc::new(Caches::default());
    let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(1 << 30));
    caches.charge(&pool, 1 << 30);
    caches
}

/// Reads columns of row groups; answers how many rows there were.
async fn read(
    factory: &dyn ParquetFileReaderFactory,
    meta: &ObjectMeta,
    columns: &[usize],
    groups: Range<usize>,
) -> usize {
    let file = PartitionedFile::new_from_meta(meta.clone());
    let metrics = ExecutionPlanMetricsSet::new();
    let reader: Box<dyn AsyncFileReader> = factory.create_reader(0, file, None, &metrics).expect("a reader");
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await.expect("a footer");
    let mask = ProjectionMask::leaves(builder.parquet_schema(), columns.iter().copied());
    let stream = builder.with_projection(mask).with_row_groups(groups.collect()).build().expect("a stream");
    stream.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows()) }).await.expect("read")
}

/// Requests for a scan: with DataFusion's reader, with ours cold, and with ours again.
async fn requests(columns: &[usize], groups: Range<usize>) -> (u64, u64, u64) {
    let (inner, mut meta) = file().await;
    let rows = groups.len() * ROWS_IN_GROUP;
    let caches = caches();
    let (store, metrics) = statement(&inner, &Arc::default());
    store.remember(&meta);
    meta.location = store.outer(&meta.location);
    let plain = DefaultParquetFileReaderFactory::new(store);
    assert_eq!(read(&plain, &meta, columns, groups.clone()).await, rows);
    let mut counts = vec![metrics.report(None, "").requests];
    for _ in 0..2 {
        let (store, metrics) = statement(&inner, &caches);
        store.remember(&ObjectMeta { location: store.inner_path(&meta.location), ..meta.clone() });
        assert_eq!(read(&ReaderFactory::new(store), &meta, columns, groups.clone()).await, rows);
        counts.push(metrics.report(None, "").requests);
    }
    (counts[0], counts[1], counts[2])
}

#[tokio::test]
async fn a_scan_of_a_file_costs_few_requests_and_none_again() {
    // Two for the footer and one for each row group; ours are one for the footer, then windows that grow.
    assert_eq!(requests(&[0, 1, 2], 0..ROW_GROUPS).await, (26, 5, 0));
    assert_eq!(requests(&[1], 0..ROW_GROUPS).await, (26, 5, 0));
}

#[tokio::test]
async fn columns_that_lie_apart_cost_few_requests_too() {
    assert_eq!(requests(&[0, 2], 0..ROW_GROUPS).await, (26, 4, 0));
}

#[tokio::test]
async fn a_scan_of_one_row_group_fetches_no_other() {
    assert_eq!(requests(&[0], 7..8).await, (3, 2, 0));
}

//! What is whole is read, however its bytes come; what was cut is an error, never fewer rows.

use std::{io::Cursor, sync::Arc};

use arrow::{
    array::{Array as _, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
    ipc::writer::{FileWriter, StreamWriter},
};
use datafusion::{
    common::runtime::SpawnedTask,
    execution::memory_pool::{GreedyMemoryPool, MemoryPool},
};
use futures::{StreamExt as _, stream};
use object_store::{GetResult, GetResultPayload, ObjectMeta, path::Path};

use super::{AvroSpec, WholeFormat, file_bytes::FileBytes};

const AVRO: WholeFormat = WholeFormat::Avro(AvroSpec { logical_types: false });
/// Rows of the files, in three batches.
const ROWS: usize = 30;

fn batches() -> Vec<RecordBatch> {
    let schema =
        Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("word", DataType::Utf8, true)]);
    let batch = |from: i64| {
        let ids: Int64Array = (from..from + 10).collect();
        let words: StringArray =
            (from..from + 10).map(|id| (id % 3 != 0).then(|| format!("word {id}"))).collect();
        RecordBatch::try_new(Arc::new(schema.clone()), vec![Arc::new(ids), Arc::new(words)]).expect("columns")
    };
    vec![batch(0), batch(10), batch(20)]
}

fn with_footer() -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batches()[0].schema()).expect("a writer");
    batches().iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
    writer.into_inner().expect("bytes")
}

fn as_stream() -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches()[0].schema()).expect("a writer");
    batches().iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
    writer.into_inner().expect("bytes")
}

fn avro() -> Vec<u8> {
    let schema = batches()[0].schema().as_ref().clone();
    let mut writer = arrow_avro::writer::AvroWriter::new(Cursor::new(Vec::new()), schema).expect("a writer");
    batches().iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.finish().expect("finished");
    writer.into_inner().into_inner()
}

/// How many rows come, and how many values of the first wanted column, of bytes that come in pieces of this size.
async fn read(format: &WholeFormat, bytes: &[u8], piece: usize, wanted: &[&str]) -> Result<usize, String> {
    let pieces: Vec<_> = bytes.chunks(piece.max(1)).map(|piece| Ok(piece.to_vec().into())).collect();
    let size = bytes.len() as u64;
    let meta = ObjectMeta {
        location: Path::from("a"),
        last_modified: chrono::Utc::now(),
        size,
        e_tag: None,
        version: None,
    };
    let payload = GetResultPayload::Stream(stream::iter(pieces).boxed());
    let answer = GetResult { payload, meta, range: 0..size, attributes: Default::default() };
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
    let (bytes, _coming) = FileBytes::new(answer, &pool);
    let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    let format = format.clone();
    let read = SpawnedTask::spawn_blocking(move || {
        let mut rows = 0;
        for batch in format.batches(bytes, &wanted, 7).map_err(|error| error.to_string())? {
            let batch = batch.map_err(|error| error.to_string())?;
            assert!(wanted.is_empty() || batch.num_columns() == wanted.len());
            assert!(batch.columns().iter().all(|column| column.len() == batch.num_rows()));
            rows += batch.num_rows();
        }
        Ok(rows)
    });
    read.join().await.expect("it ends")
}

#[tokio::test]
async fn files_are_read_as_their_bytes_come() {
    for (format, file) in
        [(WholeFormat::ArrowIpc, with_footer()), (WholeFormat::ArrowIpc, as_stream()), (AVRO, avro())]
    {
        for piece in [1, 7, 64, 1 << 20] {
            for wanted in [&["id", "word"][..], &["WORD"], &[]] {
                assert_eq!(read(&format, &file, piece, wanted).await, Ok(ROWS), "{} {piece}", format.name());
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_was_cut_anywhere_is_an_error() {
    for (format, file) in
        [(WholeFormat::ArrowIpc, with_footer()), (WholeFormat::ArrowIpc, as_stream()), (AVRO, avro())]
    {
        // An Avro file may end after its header or any block: that it has fewer of them, nothing in it says.
        let mut whole = Vec::new();
        for end in 0..file.len() {
            if let Ok(rows) = read(&format, &file[..end], 1 << 20, &["id"]).await {
                whole.push(rows);
            }
        }
        match format {
            WholeFormat::ArrowIpc | WholeFormat::Orc => assert_eq!(whole, Vec::<usize>::new()),
            WholeFormat::Avro(_) => {
                assert!(whole.len() <= 3 && whole.iter().all(|rows| rows % 10 == 0), "{whole:?}")
            }
        }
    }
}

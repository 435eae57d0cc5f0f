//! Parquet: row groups are encoded apart from their file, several at once.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::SchemaRef,
};
use firth_diagnostic::Result;
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::Compression,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::ColumnPath,
};
use tokio::task::yield_now;

use super::{Chunk, FileBody, dictionary::is_repetitive, encoding};

/// Bytes of a row group besides those of its columns.
const ROW_GROUP_SLACK: usize = 4 << 10;

/// The encoder of row groups of one schema.
pub(crate) struct RowGroups {
    schema: SchemaRef,
    properties: WriterProperties,
}

impl RowGroups {
    pub(crate) fn try_new(schema: &SchemaRef, compression: Compression) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_created_by(concat!("firth ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        // Fails here, not at the first rows, on a schema that Parquet cannot hold.
        writer(schema, &properties)?;
        Ok(RowGroups { schema: Arc::clone(schema), properties })
    }

    /// A row group of all rows of `batches`.
    ///
    /// One column after another: only one has a dictionary and pages in the making, in memory that the next one
    /// takes over, and a column's rows go as soon as they are encoded. Between columns others may go on.
    pub(crate) async fn encode(&self, batches: Vec<RecordBatch>) -> Result<Vec<ArrowColumnChunk>> {
        let (_, factory) = writer(&self.schema, &self.properties_for(&batches))?;
        let mut writers = factory.create_column_writers(0).map_err(encoding)?.into_iter();
        let mut chunks = Vec::with_capacity(writers.len());
        let mut columns: Vec<_> = batches.into_iter().map(|batch| batch.into_parts().1.into_iter()).collect();
        for field in self.schema.fields() {
            let mut leaf_writers: Vec<ArrowColumnWriter> = Vec::new();
            for array in columns.iter_mut().filter_map(Iterator::next) {
                let leaves = compute_leaves(field, &array).map_err(encoding)?;
                let missing = leaves.len() - leaf_writers.len().min(leaves.len());
                leaf_writers.extend(writers.by_ref().take(missing));
                for (writer, leaf) in leaf_writers.iter_mut().zip(&leaves) {
                    writer.write(leaf).map_err(encoding)?;
                }
            }
            for writer in leaf_writers {
                chunks.push(writer.close().map_err(encoding)?);
            }
            yield_now().await;
        }
        Ok(chunks)
    }

    /// How these rows are encoded: with dictionaries where values repeat.
    fn properties_for(&self, batches: &[RecordBatch]) -> WriterProperties {
        let mut builder = self.properties.clone().into_builder();
        for (index, field) in self.schema.fields().iter().enumerate() {
            let arrays: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
            if !is_repetitive(&arrays) {
                let path = ColumnPath::from(vec![field.name().clone()]);
                builder = builder.set_column_dictionary_enabled(path, false);
            }
        }
        builder.build()
    }

    /// An empty file.
    pub(crate) fn begin(&self) -> Result<ParquetBody> {
        Ok(ParquetBody(writer(&self.schema, &self.properties)?.0))
    }
}

fn writer(
    schema: &SchemaRef,
    properties: &WriterProperties,
) -> Result<(SerializedFileWriter<Vec<u8>>, ArrowRowGroupWriterFactory)> {
    ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties.clone()))
        .and_then(ArrowWriter::into_serialized_writer)
        .map_err(encoding)
}

/// A file: its row groups one after another, and their index at the end.
pub(crate) struct ParquetBody(SerializedFileWriter<Vec<u8>>);

impl ParquetBody {
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.0.inner_mut())
    }
}

impl FileBody for ParquetBody {
    fn begin(&mut self) -> Result<Vec<u8>> {
        Ok(self.take())
    }

    fn append(&mut self, chunk: Chunk) -> Result<Vec<u8>> {
        let Chunk::RowGroup(columns) = chunk else { return Err(encoding("a chunk of another format")) };
        // Its size is known: a buffer that grows is copied each time.
        let bytes: u64 = columns.iter().map(|column| column.close().bytes_written).sum();
        self.0.inner_mut().reserve(usize::try_from(bytes).unwrap_or_default() + ROW_GROUP_SLACK);
        let mut group = self.0.next_row_group().map_err(encoding)?;
        for column in columns {
            column.append_to_row_group(&mut group).map_err(encoding)?;
        }
        group.close().map_err(encoding)?;
        self.0.flush().map_err(encoding)?;
        Ok(self.take())
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(encoding)
    }
}

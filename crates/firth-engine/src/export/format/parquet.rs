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
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::Compression,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::ColumnPath,
};

use super::{Chunk, FileBody, dictionary::is_repetitive, encoding};

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
    pub(crate) fn encode(&self, batches: &[RecordBatch]) -> Result<Vec<ArrowColumnChunk>> {
        let (_, factory) = writer(&self.schema, &self.properties_for(batches))?;
        let mut writers = factory.create_column_writers(0).map_err(encoding)?;
        for batch in batches {
            let mut next = writers.iter_mut();
            for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                for leaf in compute_leaves(field, column).map_err(encoding)? {
                    let writer = next.next().ok_or_else(|| encoding("a column has too many leaves"))?;
                    writer.write(&leaf).map_err(encoding)?;
                }
            }
        }
        writers.into_iter().map(|writer| writer.close().map_err(encoding)).collect()
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

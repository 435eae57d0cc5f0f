//! A Parquet file: one result set, Zstandard, row groups of a bounded size.

use ::arrow::{array::RecordBatch, datatypes::SchemaRef};
use ::parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::{Between, Format, ResultWriter, Sink, WriteError, with_distinct_names};

pub(super) const FORMAT: Format = Format {
    name: "parquet",
    extensions: &["parquet"],
    between: Between::OnlyOneInAFile,
    is_text: false,
    open: |schema, sink, _| {
        let schema = with_distinct_names(schema);
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(sink, SchemaRef::clone(&schema), Some(properties))?;
        Ok(Box::new(ParquetWriter { writer: Some(writer), schema }))
    },
};

/// A row group is written out when it has grown to this many bytes in memory.
const ROW_GROUP_BYTES: usize = 128 << 20;

struct ParquetWriter<'a> {
    /// Taken by `finish`.
    writer: Option<ArrowWriter<Sink<'a>>>,
    schema: SchemaRef,
}

impl ResultWriter for ParquetWriter<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(&batch.clone().with_schema(SchemaRef::clone(&self.schema))?)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES {
            writer.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), WriteError> {
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        Ok(())
    }
}

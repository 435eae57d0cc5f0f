//! Arrow's IPC stream format, one stream a result set. Several in a row are several streams in a row.

use ::arrow::{array::RecordBatch, ipc::writer::StreamWriter};

use super::{Between, Format, ResultWriter, Sink, WriteError};

pub(super) const FORMAT: Format = Format {
    name: "arrow",
    extensions: &["arrows", "arrow", "ipc"],
    between: Between::Nothing,
    is_text: false,
    open: |schema, sink, _| Ok(Box::new(ArrowWriter { writer: StreamWriter::try_new(sink, schema)? })),
};

struct ArrowWriter<'a> {
    writer: StreamWriter<Sink<'a>>,
}

impl ResultWriter for ArrowWriter<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        self.writer.write(batch)?;
        Ok(self.writer.flush()?)
    }

    fn finish(&mut self) -> Result<(), WriteError> {
        self.writer.finish()?;
        Ok(self.writer.flush()?)
    }
}

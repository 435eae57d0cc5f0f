//! Arrow's file format (IPC): batches as they are.

use arrow::{
    datatypes::SchemaRef,
    ipc::writer::{FileWriter, IpcWriteOptions},
};
use firth_diagnostic::Result;

use super::{Chunk, FileBody, encoding};

/// A file of batches.
pub(crate) struct ArrowBody(FileWriter<Vec<u8>>);

impl ArrowBody {
    pub(crate) fn try_new(schema: &SchemaRef) -> Result<Self> {
        let options = IpcWriteOptions::default();
        FileWriter::try_new_with_options(Vec::new(), schema, options).map(ArrowBody).map_err(encoding)
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.0.get_mut())
    }
}

impl FileBody for ArrowBody {
    fn begin(&mut self) -> Result<Vec<u8>> {
        Ok(self.take())
    }

    fn append(&mut self, chunk: Chunk) -> Result<Vec<u8>> {
        let Chunk::Batches(batches) = chunk else { return Err(encoding("a chunk of another format")) };
        for batch in &batches {
            self.0.write(batch).map_err(encoding)?;
        }
        Ok(self.take())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<u8>> {
        self.0.finish().map_err(encoding)?;
        Ok(self.take())
    }
}

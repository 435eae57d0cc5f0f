//! Avro's container files: blocks of rows, each compressed by itself.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::datatypes::SchemaRef;
use arrow_avro::{
    compression::CompressionCodec,
    writer::{Writer, WriterBuilder, format::AvroOcfFormat},
};
use firth_diagnostic::Result;

use super::{Chunk, FileBody, encoding};

/// A file of blocks.
pub(crate) struct AvroBody {
    writer: Writer<Ready, AvroOcfFormat>,
    ready: Ready,
}

/// The bytes that the writer has made and nobody has taken: the writer does not lend what it writes to.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<Vec<u8>>>);

impl Ready {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Ready {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AvroBody {
    pub(crate) fn try_new(schema: &SchemaRef, compression: Option<CompressionCodec>) -> Result<Self> {
        let ready = Ready::default();
        let writer = WriterBuilder::new(schema.as_ref().clone())
            .with_compression(compression)
            .build::<_, AvroOcfFormat>(ready.clone())
            .map_err(encoding)?;
        Ok(AvroBody { writer, ready })
    }
}

impl FileBody for AvroBody {
    fn begin(&mut self) -> Result<Vec<u8>> {
        Ok(self.ready.take())
    }

    fn append(&mut self, chunk: Chunk) -> Result<Vec<u8>> {
        let Chunk::Batches(batches) = chunk else { return Err(encoding("a chunk of another format")) };
        for batch in &batches {
            self.writer.write(batch).map_err(encoding)?;
        }
        Ok(self.ready.take())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<u8>> {
        self.writer.finish().map_err(encoding)?;
        Ok(self.ready.take())
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, sync::Arc};

    use arrow::{
        array::{
            Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array,
            Int64Array, RecordBatch, StringArray, StructArray, Time64MicrosecondArray,
            TimestampMicrosecondArray,
        },
        datatypes::Field,
        util::pretty::pretty_format_batches,
    };
    use arrow_avro::reader::ReaderBuilder;

    use super::*;

    fn rows() -> RecordBatch {
        let numbers = Int64Array::from(vec![Some(1), None]);
        let texts = StringArray::from(vec![Some("é"), None]);
        let field = Arc::new(Field::new("inner", numbers.data_type().clone(), true));
        let nested = StructArray::from(vec![(field, Arc::new(numbers.clone()) as ArrayRef)]);
        let decimals =
            Decimal128Array::from(vec![Some(-1_500_000_000), None]).with_precision_and_scale(38, 9);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("number", Arc::new(numbers)),
            ("text", Arc::new(texts)),
            ("float", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"ab"[..]), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(20_000), None]))),
            ("o_clock", Arc::new(Time64MicrosecondArray::from(vec![Some(1), None]))),
            ("civil", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]))),
            ("price", Arc::new(decimals.expect("they fit"))),
            ("nested", Arc::new(nested)),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .expect("columns of one length")
    }

    #[test]
    fn what_is_written_is_what_another_reader_reads() {
        for compression in [None, Some(CompressionCodec::Deflate), Some(CompressionCodec::Snappy)] {
            let rows = rows();
            let mut body = AvroBody::try_new(&rows.schema(), compression).expect("a file");
            let mut file = body.begin().expect("begun");
            for _ in 0..2 {
                file.extend(body.append(Chunk::Batches(vec![rows.clone()])).expect("appended"));
            }
            file.extend(Box::new(body).finish().expect("ended"));
            let reader = ReaderBuilder::new().build(Cursor::new(file)).expect("a reader");
            let read: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
            let text = |batches: &[RecordBatch]| pretty_format_batches(batches).expect("text").to_string();
            assert_eq!(text(&read), text(&[rows.clone(), rows]), "{compression:?}");
        }
    }
}

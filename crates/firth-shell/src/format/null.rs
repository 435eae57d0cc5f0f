//! No output: every row is made and thrown away. For measuring, and for statements whose rows nobody wants.

use arrow::array::RecordBatch;

use super::{Between, Format, ResultWriter, WriteError};

pub(super) const FORMAT: Format = Format {
    name: "null",
    extensions: &[],
    between: Between::Nothing,
    is_text: true,
    open: |_, _, _| Ok(Box::new(Null)),
};

struct Null;

impl ResultWriter for Null {
    fn write(&mut self, _: &RecordBatch) -> Result<(), WriteError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), WriteError> {
        Ok(())
    }
}

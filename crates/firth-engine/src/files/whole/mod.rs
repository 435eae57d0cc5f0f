//! Avro, ORC and Arrow IPC: formats that say their own schema, and that readers of their own read from start to end.
//!
//! A file is decoded by one thread, as its bytes come; of ORC only the wanted columns come. `conform` gives its batches the table's columns: by name, without
//! regard to case; NULL where a file lacks one; widened where that loses nothing.

mod arrow_ipc;
mod avro;
mod conform;
mod file_bytes;
mod orc;
mod source;
mod stripes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
};
use datafusion::{
    common::runtime::SpawnedTask,
    execution::memory_pool::{MemoryPool, UnboundedMemoryPool},
};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};
use object_store::{ObjectMeta, ObjectStoreExt as _};

pub(crate) use avro::open as open_avro;
pub(crate) use source::WholeSource;

use self::{file_bytes::FileBytes, orc::OrcBytes};
use super::ListedFiles;
use crate::error::from_datafusion;

/// A format that is read from start to end.
#[derive(Clone, Debug)]
pub(crate) enum WholeFormat {
    Avro(AvroSpec),
    Orc,
    ArrowIpc,
}

/// How Avro is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AvroSpec {
    /// Whether dates and times are what their logical types say, or numbers as in BigQuery's default.
    logical_types: bool,
}

impl AvroSpec {
    pub(crate) fn new(options: &Options) -> Self {
        AvroSpec { logical_types: options.bool("enable_logical_types").unwrap_or(false) }
    }
}

/// The batches of a file, as they are written in it.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

impl WholeFormat {
    /// What the format is called.
    fn name(&self) -> &'static str {
        match self {
            WholeFormat::Avro(_) => "Avro",
            WholeFormat::Orc => "ORC",
            WholeFormat::ArrowIpc => "Arrow IPC",
        }
    }

    /// The columns of a file, in GoogleSQL's types.
    pub(crate) async fn schema(&self, listed: &ListedFiles, file: &ObjectMeta) -> Result<SchemaRef> {
        let uri = listed.uri(file);
        let schema = match self {
            WholeFormat::Orc => self.orc_schema(listed, file, &uri).await?,
            WholeFormat::Avro(_) | WholeFormat::ArrowIpc => self.streamed_schema(listed, file, &uri).await?,
        };
        let fields = schema.fields().iter().map(|field| {
            conform::shown_field(field, self.has_logical_types()).ok_or_else(|| {
                let name = field.name();
                Diagnostic::error(
                    Code::Unsupported,
                    format!("{uri}: column {name:?} has a type that cannot be read: {}", field.data_type()),
                )
                .hint("List the columns without it in the statement.")
            })
        });
        Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
    }

    async fn orc_schema(&self, listed: &ListedFiles, file: &ObjectMeta, uri: &str) -> Result<SchemaRef> {
        let store = &listed.handle.store;
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let bytes = OrcBytes::new(Arc::clone(store), store.outer(&file.location), file.size, &pool);
        let failed = bytes.failed();
        // A task of its own: what is wrong with a file may end the thread that reads it.
        let read = SpawnedTask::spawn(orc::schema(bytes)).join().await;
        let schema = read.map_err(|error| self.broken(uri, &ArrowError::ExternalError(Box::new(error))))?;
        schema.map_err(|error| match failed.take() {
            Some(error) => from_datafusion(error),
            None => self.broken(uri, &error),
        })
    }

    async fn streamed_schema(&self, listed: &ListedFiles, file: &ObjectMeta, uri: &str) -> Result<SchemaRef> {
        let answer = listed
            .handle
            .store
            .get(&listed.handle.store.outer(&file.location))
            .await
            .map_err(|error| firth_connector::object_error(error, uri))?;
        // No more than the beginning is read.
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let (bytes, _coming) = FileBytes::new(answer, &pool);
        let (is_avro, failed) = (matches!(self, WholeFormat::Avro(_)), bytes.failed());
        let read = SpawnedTask::spawn_blocking(move || match is_avro {
            true => avro::schema(bytes),
            false => arrow_ipc::schema(bytes),
        });
        let schema = read.join().await.map_err(|error| Diagnostic::internal(error.to_string()))?;
        schema.map_err(|error| match failed.take() {
            Some(error) => from_datafusion(error),
            None => self.broken(uri, &error),
        })
    }

    fn has_logical_types(&self) -> bool {
        match self {
            WholeFormat::Avro(spec) => spec.logical_types,
            WholeFormat::ArrowIpc | WholeFormat::Orc => true,
        }
    }

    /// The batches of a file that is read as its bytes come, with at least the columns of these names, if it has them.
    fn batches(&self, bytes: FileBytes, wanted: &[String], batch_size: usize) -> Result<Batches, ArrowError> {
        match self {
            WholeFormat::Avro(_) => avro::batches(bytes, wanted, batch_size),
            WholeFormat::ArrowIpc => arrow_ipc::batches(bytes, wanted),
            WholeFormat::Orc => Err(ArrowError::NotYetImplemented("ORC is read from its end".to_owned())),
        }
    }

    /// The error for a file that cannot be read.
    fn broken(&self, uri: &str, error: &ArrowError) -> Diagnostic {
        Diagnostic::error(Code::BadData, format!("file {uri:?} is not readable as {}", self.name()))
            .detail(error.to_string().lines().next().unwrap_or_default())
            .hint("The file may be cut short or of another format; the other files are not affected.")
    }
}

/// Which of a file's columns have one of these names.
fn positions(schema: &Schema, wanted: &[String]) -> Vec<usize> {
    let is_wanted = |name: &str| wanted.iter().any(|wanted| wanted.to_lowercase() == name.to_lowercase());
    schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| is_wanted(field.name()))
        .map(|(index, _)| index)
        .collect()
}

//! EXPORT DATA: validate everything, upload every byte, then make the files visible.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use firth_connector::{Objects, Options, object_error};
use firth_diagnostic::{Code, Diagnostic, Result, Span};
use firth_sql::ExportData;
use futures::TryStreamExt;
use object_store::ObjectStore;

use super::{options, query::blaming};
use crate::{
    Outcome,
    error::from_datafusion,
    export::{EXPORT_OPTIONS, ExportFormat, FileNames, Upload},
    report::Report,
    resolve::{Resolver, connection_reference},
};

/// Bytes of a file, before compression, after which the next begins: as BigQuery's, about 1 GB.
const FILE_BYTES: u64 = 1 << 30;

/// Where an export goes.
struct Target {
    objects: Arc<dyn Objects>,
    store: Arc<dyn ObjectStore>,
    bucket: String,
    names: FileNames,
    format: ExportFormat,
}

/// A file whose bytes are at the store, and which is not visible yet.
struct Pending {
    upload: Upload,
    rows: u64,
}

pub(super) async fn execute(resolver: &Resolver<'_>, statement: &ExportData) -> Result<Outcome> {
    let given = options::given(resolver.session, &statement.options.value)?;
    let options = Options::validate("exports", EXPORT_OPTIONS, &given, statement.options.span)?;
    let uri_span = given
        .iter()
        .find(|option| option.name.value.eq_ignore_ascii_case("uri"))
        .map_or(statement.options.span, |option| option.value.span);
    let target = target(resolver, statement, &options, uri_span)?;
    let planned = resolver.plan_query(&statement.query, 0).await?;
    let schema = crate::resolve::headed_schema(planned.plan.schema().as_arrow(), &planned.headers);
    target.format.check(&schema).map_err(|error| error.or_at(statement.query.span))?;
    if !options.bool("overwrite").unwrap_or(false) {
        target
            .refuse_existing(options.string("uri").unwrap_or_default())
            .await
            .map_err(|error| error.or_at(uri_span))?;
    }
    let stream = blaming(resolver, resolver.run(planned).await?);
    let mut pending = Vec::new();
    match target.upload_all(stream, &mut pending).await {
        Ok(()) => {}
        Err(error) => {
            for file in pending {
                file.upload.abort().await;
            }
            return Err(error.or_at(uri_span));
        }
    }
    let mut files = Vec::new();
    for file in pending {
        let row = (file.upload.uri().to_owned(), file.rows, file.upload.bytes());
        file.upload.complete().await.map_err(|error| {
            error.or_at(uri_span).hint(format!("{} of this export's files are visible already.", files.len()))
        })?;
        files.push(row);
    }
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Report::new()
        .texts("uri", files.iter().map(|(uri, _, _)| uri))
        .integers("rows", files.iter().map(|(_, rows, _)| integer(*rows)))
        .integers("bytes", files.iter().map(|(_, _, bytes)| integer(*bytes)))
        .outcome())
}

fn target(
    resolver: &Resolver<'_>,
    statement: &ExportData,
    options: &Options,
    uri_span: Span,
) -> Result<Target> {
    let uri = options.string("uri").unwrap_or_default();
    let format = ExportFormat::try_new(options).map_err(|error| error.or_at(statement.options.span))?;
    let connection = statement.connection.as_ref().map(connection_reference).transpose()?;
    let remote = resolver
        .open_for_files(connection.as_ref().map(|(name, span)| (name, Some(*span))), &[uri.to_owned()])
        .map_err(|error| error.or_at(uri_span))?;
    let objects = Arc::clone(&remote.remote).objects().ok_or_else(|| {
        Diagnostic::error(Code::Invalid, format!("connection {} has no files to export to", remote.id))
            .or_at(connection.as_ref().map_or(uri_span, |(_, span)| *span))
    })?;
    let location = objects.locate(uri).map_err(|error| error.or_at(uri_span))?;
    let names = FileNames::try_new(&location, uri).map_err(|error| error.or_at(uri_span))?;
    let handle = resolver.stores.open(&remote, &objects, &location).map_err(|error| error.or_at(uri_span))?;
    Ok(Target { objects, store: Arc::clone(handle.store.bucket()), bucket: handle.bucket, names, format })
}

impl Target {
    /// Fails if a file of the pattern is there. (Another writer may still come in between: with the
    /// commit protocol of a later version one of the two will lose.)
    async fn refuse_existing(&self, uri: &str) -> Result<()> {
        let folder = self.names.folder();
        let mut listing = self.store.list(Some(&folder));
        while let Some(meta) = listing.try_next().await.map_err(|error| object_error(error, uri))? {
            if self.names.matches(&meta.location) {
                let found = self.objects.uri(&self.bucket, &meta.location);
                return Err(Diagnostic::error(
                    Code::AlreadyExists,
                    format!("there is a file already: {found:?}"),
                )
                .hint("`overwrite = true` replaces files of the same names; or choose another uri."));
            }
        }
        Ok(())
    }

    /// Sends every row. `pending` holds what was begun, also after a failure.
    async fn upload_all(
        &self,
        mut stream: SendableRecordBatchStream,
        pending: &mut Vec<Pending>,
    ) -> Result<()> {
        let schema = stream.schema();
        let mut encoder = self.next_file(&schema, pending).await?;
        let mut plain_bytes = 0u64;
        while let Some(batch) = stream.try_next().await.map_err(from_datafusion)? {
            if plain_bytes >= FILE_BYTES {
                self.finish_file(encoder, pending).await?;
                encoder = self.next_file(&schema, pending).await?;
                plain_bytes = 0;
            }
            plain_bytes += batch.get_array_memory_size() as u64;
            encoder.write(&batch)?;
            if let Some(file) = pending.last_mut() {
                file.rows += batch.num_rows() as u64;
                file.upload.write(&encoder.take()).await?;
            }
        }
        self.finish_file(encoder, pending).await
    }

    async fn next_file(
        &self,
        schema: &SchemaRef,
        pending: &mut Vec<Pending>,
    ) -> Result<crate::export::Encoder> {
        let encoder = self.format.encoder(schema)?;
        let path = self
            .names
            .path(pending.len() as u64)
            .map_err(|error| Diagnostic::internal(format!("a file's name is not a path: {error}")))?;
        let uri = self.objects.uri(&self.bucket, &path);
        let upload = Upload::begin(self.store.as_ref(), &path, uri).await?;
        pending.push(Pending { upload, rows: 0 });
        Ok(encoder)
    }

    async fn finish_file(&self, encoder: crate::export::Encoder, pending: &mut [Pending]) -> Result<()> {
        let rest = encoder.finish()?;
        if let Some(file) = pending.last_mut() {
            file.upload.write(&rest).await?;
            file.upload.flush().await?;
        }
        Ok(())
    }
}

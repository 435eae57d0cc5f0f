//! From a listing to rows, in stages that ask for no more than the query needs.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, AsArray, BinaryBuilder, Int64Array, ListBuilder, RecordBatch, RecordBatchOptions,
        StringArray, StringBuilder, StructBuilder, new_null_array,
    },
    compute::cast,
    datatypes::{DataType, Field, SchemaRef, TimeUnit},
};
use bytes::Bytes;
use datafusion::{
    error::{DataFusionError, Result},
    execution::{
        TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_plan::PhysicalExpr,
};
use firth_connector::object_error;
use firth_diagnostic::{Code, Diagnostic};
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{Attribute, GetOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, path::Path};

use super::{
    ASKED_FOR, CONTENT_TYPE, DATA, Filters, GENERATION, METADATA, SIZE, Stage, UPDATED, URI, known_at,
    patterns::Patterns,
};
use crate::store::StatementStore;

/// Objects that are asked for at once.
const ASKED_AT_ONCE: usize = 16;
/// Objects whose bytes are read at once, and stand in one batch.
const READ_AT_ONCE: usize = 4;

/// An object, and what is known of it so far.
struct Object {
    store: Arc<StatementStore>,
    /// With the key in the bucket.
    meta: ObjectMeta,
    uri: String,
    asked: Option<Asked>,
    data: Option<Data>,
}

/// What the store says about an object.
struct Asked {
    generation: Option<i64>,
    content_type: Option<String>,
    metadata: Vec<(String, String)>,
}

/// An object's bytes, which the memory of the session is charged with as long as they stand here.
struct Data {
    bytes: Bytes,
    _charged: MemoryReservation,
}

/// What is to be read.
pub(super) struct Reading {
    pub(super) patterns: Patterns,
    pub(super) filters: Filters,
    /// All columns of the table.
    pub(super) table: SchemaRef,
    /// Those that are wanted.
    pub(super) schema: SchemaRef,
    pub(super) limit: Option<usize>,
}

/// The rows of a table.
pub(super) fn rows(reading: Reading, context: &TaskContext) -> BoxStream<'static, Result<RecordBatch>> {
    let Reading { patterns, filters, table, schema, limit } = reading;
    let wants = |names: &[&str]| schema.fields().iter().any(|field| names.contains(&field.name().as_str()));
    let batch_size = context.session_config().batch_size();
    let Filters { listed, asked } = filters;
    let objects = listing(patterns);
    let mut objects = filtered(objects, listed, known_at(&table, Stage::Listed), batch_size);
    if wants(&ASKED_FOR) || !asked.is_empty() {
        objects = objects.map(|object| async move { object?.asked().await }).buffered(ASKED_AT_ONCE).boxed();
        objects = filtered(objects, asked, known_at(&table, Stage::Asked), batch_size);
    }
    if let Some(limit) = limit {
        objects = objects.take(limit).boxed();
    }
    let at_once = if wants(&[DATA]) {
        let pool = Arc::clone(context.memory_pool());
        objects = objects
            .map(move |object| {
                let charged = MemoryConsumer::new("object").register(&pool);
                async move { object?.read(charged).await }
            })
            .buffered(READ_AT_ONCE)
            .boxed();
        READ_AT_ONCE
    } else {
        batch_size
    };
    objects
        .try_ready_chunks(at_once)
        .map(move |objects| match objects {
            Ok(objects) => batch(&objects, &schema),
            Err(chunk) => Err(chunk.1),
        })
        .boxed()
}

/// The objects that the patterns match, each once.
fn listing(patterns: Patterns) -> BoxStream<'static, Result<Object>> {
    let patterns = Arc::new(patterns);
    stream::iter(0..patterns.patterns.len())
        .flat_map(move |at| {
            let pattern = &patterns.patterns[at];
            let store = Arc::clone(&pattern.handle.store);
            let keys: Option<Vec<Path>> = match (&patterns.named, pattern.only_key()) {
                (Some(named), _) => {
                    Some(named.iter().filter_map(|uri| patterns.key_of(uri, pattern)).collect())
                }
                (None, Some(key)) => Some(vec![key]),
                (None, None) => None,
            };
            let (uri, owner) = (pattern.uri.clone(), Arc::clone(&patterns));
            let found = match keys {
                Some(keys) => {
                    let keys =
                        keys.into_iter().filter(|key| patterns.is_first_of(at, key)).collect::<Vec<_>>();
                    named(store, keys, uri)
                }
                None => {
                    let lister = Arc::clone(&store);
                    let objects = lister.list(Some(&lister.outer(&pattern.folder)));
                    objects
                        .map_err(move |error| external(object_error(error, &uri)))
                        .map_ok(move |meta| Object::new(&store, meta))
                        .boxed()
                }
            };
            found
                .try_filter(move |object| {
                    futures::future::ready(owner.is_first_of(at, &object.meta.location))
                })
                .boxed()
        })
        .boxed()
}

/// The objects of these keys that are there.
fn named(store: Arc<StatementStore>, keys: Vec<Path>, uri: String) -> BoxStream<'static, Result<Object>> {
    stream::iter(keys)
        .map(move |key| {
            let (store, uri) = (Arc::clone(&store), uri.clone());
            async move {
                match store.head(&store.outer(&key)).await {
                    Ok(meta) => Ok(Some(Object::new(&store, meta))),
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(external(object_error(error, &uri))),
                }
            }
        })
        .buffered(ASKED_AT_ONCE)
        .try_filter_map(|found| async move { Ok(found) })
        .boxed()
}

/// The objects that the filters do not make false. One that fails is applied by the plan again.
fn filtered(
    objects: BoxStream<'static, Result<Object>>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    known: SchemaRef,
    batch_size: usize,
) -> BoxStream<'static, Result<Object>> {
    if filters.is_empty() {
        return objects;
    }
    let kept = move |objects: Vec<Object>| -> Result<Vec<Result<Object>>> {
        let rows = batch(&objects, &known)?;
        let mut kept = vec![true; objects.len()];
        for filter in &filters {
            let Ok(answer) = filter.evaluate(&rows).and_then(|answer| answer.into_array(rows.num_rows()))
            else {
                continue;
            };
            for (kept, answer) in kept.iter_mut().zip(answer.as_boolean()) {
                *kept &= answer == Some(true);
            }
        }
        Ok(objects.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(object, _)| Ok(object)).collect())
    };
    objects
        .try_ready_chunks(batch_size)
        .flat_map(move |chunk| {
            stream::iter(match chunk {
                Ok(objects) => kept(objects).unwrap_or_else(|error| vec![Err(error)]),
                Err(chunk) => {
                    // What came before the failure is passed on before it.
                    let mut passed = kept(chunk.0).unwrap_or_else(|error| vec![Err(error)]);
                    passed.push(Err(chunk.1));
                    passed
                }
            })
        })
        .boxed()
}

fn external(error: Diagnostic) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl Object {
    /// `meta` as the statement's store tells it.
    fn new(store: &Arc<StatementStore>, meta: ObjectMeta) -> Self {
        let uri = store.uri(&meta.location);
        let meta = ObjectMeta { location: store.inner_path(&meta.location), ..meta };
        Object { store: Arc::clone(store), meta, uri, asked: None, data: None }
    }

    /// From here on requests are of the object that was listed, or fail. Of a listing alone the store remembers nothing: it may be long.
    fn pin(&self) {
        self.store.remember(&self.meta);
    }

    async fn asked(mut self) -> Result<Self> {
        self.pin();
        let options = GetOptions { head: true, ..GetOptions::default() };
        let answer = self.store.get_opts(&self.store.outer(&self.meta.location), options).await?;
        let mut asked = Asked {
            // Cloud Storage numbers its versions; others have names for theirs.
            generation: answer.meta.version.and_then(|version| version.parse().ok()),
            content_type: None,
            metadata: Vec::new(),
        };
        for (attribute, value) in &answer.attributes {
            match attribute {
                Attribute::ContentType => asked.content_type = Some(value.to_string()),
                Attribute::Metadata(name) => asked.metadata.push((name.to_string(), value.to_string())),
                _ => {}
            }
        }
        asked.metadata.sort_unstable();
        self.asked = Some(asked);
        Ok(self)
    }

    async fn read(mut self, charged: MemoryReservation) -> Result<Self> {
        let size = usize::try_from(self.meta.size).ok().filter(|size| i32::try_from(*size).is_ok());
        let Some(size) = size else {
            return Err(external(
                Diagnostic::error(
                    Code::Unsupported,
                    format!(
                        "{:?} has {} bytes: a value of BYTES has 2 GiB at most",
                        self.uri, self.meta.size
                    ),
                )
                .hint("Leave such objects out: WHERE size < 2147483648."),
            ));
        };
        // Once as it is fetched, and once in its batch.
        charged.try_grow(size.saturating_mul(2))?;
        self.pin();
        let answer =
            self.store.get_opts(&self.store.outer(&self.meta.location), GetOptions::default()).await?;
        let bytes = answer.bytes().await?;
        if bytes.len() != size {
            let diagnostic = Diagnostic::error(
                Code::Remote,
                format!("the answer for {:?} ended after {} of {size} bytes", self.uri, bytes.len()),
            );
            return Err(external(diagnostic.hint("Run the statement again.")));
        }
        self.data = Some(Data { bytes, _charged: charged });
        Ok(self)
    }
}

/// The columns of `schema` for these objects; NULL where something was not asked for.
fn batch(objects: &[Object], schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| column(objects, field)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(objects.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn column(objects: &[Object], field: &Field) -> Result<ArrayRef> {
    let asked = || objects.iter().map(|object| object.asked.as_ref());
    Ok(match field.name().as_str() {
        URI => Arc::new(StringArray::from_iter_values(objects.iter().map(|object| &object.uri))),
        SIZE => {
            let sizes = objects.iter().map(|object| i64::try_from(object.meta.size).ok());
            Arc::new(sizes.collect::<Int64Array>())
        }
        UPDATED => {
            let moments = objects.iter().map(|object| object.meta.last_modified.timestamp_micros());
            let moments = cast(
                &Int64Array::from_iter_values(moments),
                &DataType::Timestamp(TimeUnit::Microsecond, None),
            )?;
            // Counts of microseconds are instants already: the zone is only a name.
            let DataType::Timestamp(_, zone) = field.data_type() else {
                return Err(DataFusionError::Internal("updated is no TIMESTAMP".to_owned()));
            };
            let moments = moments.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone();
            Arc::new(moments.with_timezone_opt(zone.clone()))
        }
        GENERATION => {
            let generations = asked().map(|asked| asked.and_then(|asked| asked.generation));
            Arc::new(generations.collect::<Int64Array>())
        }
        CONTENT_TYPE => {
            let types = asked().map(|asked| asked.and_then(|asked| asked.content_type.as_deref()));
            Arc::new(types.collect::<StringArray>())
        }
        METADATA => metadata(objects, field)?,
        DATA => {
            let size = objects.iter().flat_map(|object| &object.data).map(|data| data.bytes.len()).sum();
            let mut values = BinaryBuilder::with_capacity(objects.len(), size);
            for object in objects {
                values.append_option(object.data.as_ref().map(|data| &data.bytes));
            }
            Arc::new(values.finish())
        }
        // What stores call an ETag is an MD5 hash for some objects, and does not say for which.
        _ => new_null_array(field.data_type(), objects.len()),
    })
}

fn metadata(objects: &[Object], field: &Field) -> Result<ArrayRef> {
    let DataType::List(item) = field.data_type() else {
        return Err(DataFusionError::Internal("metadata is no ARRAY".to_owned()));
    };
    let DataType::Struct(pair) = item.data_type() else {
        return Err(DataFusionError::Internal("metadata holds no STRUCT".to_owned()));
    };
    let pairs = StructBuilder::new(
        pair.clone(),
        vec![Box::new(StringBuilder::new()) as _, Box::new(StringBuilder::new()) as _],
    );
    let mut lists = ListBuilder::new(pairs).with_field(Arc::clone(item));
    for object in objects {
        for (name, value) in object.asked.iter().flat_map(|asked| &asked.metadata) {
            let pairs = lists.values();
            for (at, text) in [name, value].into_iter().enumerate() {
                if let Some(texts) = pairs.field_builder::<StringBuilder>(at) {
                    texts.append_value(text);
                }
            }
            pairs.append(true);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

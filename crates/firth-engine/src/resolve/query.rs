//! Queries: rewritten, their tables found, planned.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::RecordBatch,
    compute::cast,
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit},
};
use datafusion::{
    common::{Column, metadata::FieldMetadata},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Cast, Expr, LogicalPlan, LogicalPlanBuilder},
    physical_plan::stream::RecordBatchStreamAdapter,
    sql::{parser, sqlparser::ast},
};
use firth_diagnostic::{Diagnostic, Result, Span};
use firth_pushdown::NAME_METADATA;
use firth_sql::{Headers, Parameters, Query, TokenKind};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};

use super::Resolver;
use crate::{
    error::from_datafusion,
    files::{ExternalFiles, leaf_progress},
};

/// How many tables of a query are looked up at a time.
const LOOKUPS_AT_ONCE: usize = 16;

/// A query that is planned but not optimized, and how its columns are headed.
pub(crate) struct PlannedQuery {
    pub(crate) plan: LogicalPlan,
    /// One name for each column of the plan, spelled as the query or the source spells it.
    pub(crate) headers: Vec<String>,
}

impl Resolver<'_> {
    /// Resolves and plans a query. Errors point into the statement that the query stands in.
    pub(crate) async fn plan_query(&self, query: &Query, depth: usize) -> Result<PlannedQuery> {
        // A view that is kept means the same to every session.
        let rewritten = match self.materialized.is_of_view() {
            true => firth_sql::rewrite(query, &Parameters::default())?,
            false => firth_sql::rewrite(query, &self.session.options.parameters)?,
        };
        let mut distinct = HashSet::new();
        let mut lookups = Vec::new();
        for table in rewritten.tables.iter().filter(|table| distinct.insert(&table.key)) {
            let found = async move {
                let provider = match &table.as_of {
                    Some(time) => self.table_as_of(&table.name, time, depth).await,
                    None => self.table_with(&table.name, depth, table.pseudo).await,
                };
                provider.map_err(|error| error.or_at(table.span))
            };
            lookups.push(found.map(|provider| (&table.key, provider)).boxed());
        }
        for call in &rewritten.external_queries {
            let found =
                async move { self.external_query(call).await.map_err(|error| error.or_at(call.span)) };
            lookups.push(found.map(|provider| (&call.key, provider)).boxed());
        }
        for read in &rewritten.file_reads {
            let found =
                async move { self.file_read(read, depth).await.map_err(|error| error.or_at(read.span)) };
            lookups.push(found.map(|provider| (&read.key, provider)).boxed());
        }
        // Together, so that it takes as long as the slowest source; told in the order of the text, so that
        // of two errors the same one is told every time.
        for (key, provider) in stream::iter(lookups).buffered(LOOKUPS_AT_ONCE).collect::<Vec<_>>().await {
            let provider = provider?;
            // A view's text is another one.
            if depth == 0
                && let Some(files) = provider.downcast_ref::<ExternalFiles>()
                && let Some(table) = rewritten.tables.iter().find(|table| table.key == *key)
            {
                files.named_at(table.span);
            }
            self.register(key, provider)?;
        }
        let statement = parser::Statement::Statement(Box::new(ast::Statement::Query(rewritten.query)));
        let plan = self
            .context
            .state()
            .statement_to_plan(statement)
            .await
            .map_err(|error| placed(from_datafusion(error), query))?;
        let headers = headers(plan.schema().as_arrow(), &rewritten.headers);
        Ok(PlannedQuery { plan, headers })
    }

    /// The same for the query of a view. Its type is spelled out, for views nest.
    pub(crate) fn plan_view<'a>(
        &'a self,
        query: &'a Query,
        depth: usize,
    ) -> BoxFuture<'a, Result<PlannedQuery>> {
        self.plan_query(query, depth).boxed()
    }

    /// Resolves and plans a query for rows that are written somewhere.
    pub(crate) async fn plan_rows(&self, query: &Query, depth: usize) -> Result<PlannedQuery> {
        self.typed(self.plan_query(query, depth).await?).map_err(|error| placed(error, query))
    }

    /// A planned query whose columns have the types of its rows.
    ///
    /// Before it is analyzed a plan takes `5 / 2` for an INT64, as DataFusion has it.
    pub(crate) fn typed(&self, PlannedQuery { plan, headers }: PlannedQuery) -> Result<PlannedQuery> {
        let types = self.analyzed(plan.clone()).map_err(from_datafusion)?;
        if plan.schema().fields().len() != types.fields().len() {
            return Err(Diagnostic::internal("a plan that has other columns once it is analyzed"));
        }
        let same = |(before, after): (&FieldRef, &FieldRef)| before.data_type() == after.data_type();
        if plan.schema().fields().iter().zip(types.fields()).all(same) {
            return Ok(PlannedQuery { plan, headers });
        }
        let columns = plan.schema().iter().zip(types.fields()).map(|((qualifier, field), typed)| {
            let column = Expr::Column(Column::from((qualifier, field)));
            if field.data_type() == typed.data_type() {
                return column;
            }
            Expr::Cast(Cast::new(Box::new(column), typed.data_type().clone()))
                .alias_qualified(qualifier.cloned(), field.name())
        });
        let columns: Vec<Expr> = columns.collect();
        let plan = LogicalPlanBuilder::from(plan)
            .project(columns)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        Ok(PlannedQuery { plan, headers })
    }

    /// The columns of a plan's rows.
    pub(super) fn analyzed(&self, plan: LogicalPlan) -> datafusion::error::Result<SchemaRef> {
        let state = self.context.state();
        let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
        Ok(Arc::clone(analyzed.schema().inner()))
    }

    fn register(&self, key: &str, provider: Arc<dyn datafusion::catalog::TableProvider>) -> Result<()> {
        let reference = datafusion::common::TableReference::bare(key);
        // A view inside may have named the same table already.
        if self.context.table_exist(reference.clone()).map_err(from_datafusion)? {
            self.context.deregister_table(reference.clone()).map_err(from_datafusion)?;
        }
        self.context.register_table(reference, provider).map_err(from_datafusion)?;
        Ok(())
    }

    /// Optimizes and runs a plan. The stream's batches have exactly the schema it says.
    pub(crate) async fn run(&self, planned: PlannedQuery) -> Result<SendableRecordBatchStream> {
        let headers = planned.headers.clone();
        let stream = self.stream(planned).await?;
        let schema = headed_schema(&stream.schema(), &headers);
        Ok(headed(stream, schema))
    }

    /// The same, for whoever encodes rows: strings and bytes keep the layout that they were read in. `before` is done when
    /// it is known what will be read, and before anything is.
    pub(crate) async fn run_as_read<T>(
        &self,
        planned: PlannedQuery,
        before: impl Future<Output = Result<T>>,
    ) -> Result<(SendableRecordBatchStream, T)> {
        let headers = planned.headers.clone();
        let state = self.context.state();
        let physical = state.create_physical_plan(&planned.plan).await.map_err(from_datafusion)?;
        firth_pushdown::expect_scans(&physical, &self.remotes).map_err(from_datafusion)?;
        let before = before.await?;
        let stream = firth_pushdown::execute(physical, TaskContext::from(&state), leaf_progress)
            .map_err(from_datafusion)?;
        let read = stream.schema();
        let fields = headed_schema(&read, &headers);
        let fields = fields.fields().iter().zip(read.fields()).map(|(shown, read)| match read.data_type() {
            DataType::Utf8View | DataType::BinaryView => {
                shown.as_ref().clone().with_data_type(read.data_type().clone())
            }
            _ => shown.as_ref().clone(),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok((headed(stream, schema), before))
    }

    async fn stream(&self, planned: PlannedQuery) -> Result<SendableRecordBatchStream> {
        let state = self.context.state();
        let physical = state.create_physical_plan(&planned.plan).await.map_err(from_datafusion)?;
        firth_pushdown::execute(physical, TaskContext::from(&state), leaf_progress).map_err(from_datafusion)
    }
}

impl PlannedQuery {
    /// The plan with its columns named in lower case, and their spelling beside it: for a view.
    pub(crate) fn named(self, columns: Option<&[String]>) -> Result<LogicalPlan> {
        let names = columns.map_or(self.headers, <[String]>::to_vec);
        let expressions: Vec<Expr> = self
            .plan
            .schema()
            .iter()
            .zip(&names)
            .map(|((qualifier, field), name)| {
                let spelling = FieldMetadata::from(HashMap::from([(NAME_METADATA.to_owned(), name.clone())]));
                Expr::Column(Column::from((qualifier, field)))
                    .alias_with_metadata(name.to_lowercase(), Some(spelling))
            })
            .collect();
        LogicalPlanBuilder::from(self.plan)
            .project(expressions)
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)
    }
}

/// The name of each column: the query's spelling where it names the column, else the source's.
fn headers(schema: &Schema, spelled: &Headers) -> Vec<String> {
    let columns = schema.fields().len();
    let named = spelled.items.iter().flatten().count();
    let stars = spelled.items.len() - named;
    let own = |field: &Field| match field.metadata().get(NAME_METADATA) {
        Some(name) if name.to_lowercase() == *field.name() => name.clone(),
        _ => field.name().clone(),
    };
    if stars == 0 && named == columns {
        return spelled.items.iter().flatten().cloned().collect();
    }
    if stars == 1 && named <= columns {
        let wide = columns - named;
        let mut fields = schema.fields().iter();
        let mut names = Vec::with_capacity(columns);
        for item in &spelled.items {
            match item {
                Some(name) => {
                    fields.next();
                    names.push(name.clone());
                }
                None => names.extend(fields.by_ref().take(wide).map(|field| own(field))),
            }
        }
        return names;
    }
    schema.fields().iter().map(|field| own(field)).collect()
}

/// A stream whose columns have the names and types of `schema`.
fn headed(stream: SendableRecordBatchStream, schema: SchemaRef) -> SendableRecordBatchStream {
    let shown = Arc::clone(&schema);
    let batches = stream.and_then(move |batch| {
        let schema = Arc::clone(&shown);
        async move {
            let columns = batch
                .columns()
                .iter()
                .zip(schema.fields())
                .map(|(column, field)| {
                    if column.data_type() == field.data_type() {
                        Ok(Arc::clone(column))
                    } else {
                        cast(column, field.data_type())
                    }
                })
                .collect::<Result<Vec<_>, _>>()?;
            let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

/// The schema of results: other names for the columns, and times and strings in one form.
pub(crate) fn headed_schema(schema: &Schema, names: &[String]) -> SchemaRef {
    let fields = schema.fields().iter().zip(names).map(|(field, name)| {
        let data_type = match field.data_type() {
            DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
            other => other.clone(),
        };
        let mut metadata = field.metadata().clone();
        metadata.remove(NAME_METADATA);
        Field::new(name, data_type, true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Points a message about a name at where the query says that name, if it does so in one way.
fn placed(error: Diagnostic, query: &Query) -> Diagnostic {
    if error.span().is_some() {
        return error;
    }
    let Some(name) = error.message().split('"').nth(1) else { return error.at(whole(query)) };
    let name = name.rsplit('.').next().unwrap_or(name).to_owned();
    let found = firth_sql::lex(&query.text).into_iter().find(|token| {
        let text = &query.text[token.span.start..token.span.end];
        matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdentifier)
            && text.trim_matches('`').eq_ignore_ascii_case(&name)
    });
    match found {
        Some(token) => error.at(token.span.shifted(query.span.start)),
        None => error.at(whole(query)),
    }
}

fn whole(query: &Query) -> Span {
    let text = query.text.trim_end();
    let line = text.find('\n').unwrap_or(text.len());
    Span::new(query.span.start, query.span.start + line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: &[(&str, Option<&str>)], items: &[Option<&str>]) -> String {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, spelling)| {
                let metadata =
                    spelling.iter().map(|spelling| (NAME_METADATA.to_owned(), (*spelling).to_owned()));
                Field::new(*name, DataType::Int64, true).with_metadata(metadata.collect())
            })
            .collect();
        let spelled = Headers { items: items.iter().map(|item| item.map(str::to_owned)).collect() };
        headers(&Schema::new(fields), &spelled).join(", ")
    }

    #[test]
    fn a_column_is_headed_as_the_query_spells_it() {
        assert_eq!(shown(&[("id", Some("ID")), ("f0_", None)], &[Some("Id"), Some("f0_")]), "Id, f0_");
    }

    #[test]
    fn a_star_is_headed_as_the_source_spells_it() {
        let columns = [("a", None), ("customerid", Some("CustomerId")), ("name", None), ("z", None)];
        assert_eq!(shown(&columns, &[Some("A"), None, Some("Z")]), "A, CustomerId, name, Z");
        assert_eq!(shown(&columns, &[None]), "a, CustomerId, name, z");
        assert_eq!(shown(&columns, &[None, None]), "a, CustomerId, name, z");
    }
}

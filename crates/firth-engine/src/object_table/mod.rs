//! Object tables: one row for each object that the uris match, with what the store says about it.
//!
//! The steps: `patterns` says which objects a query's filters leave to be listed; `rows` lists them page by page, drops those that
//! filters over the listing's columns drop, asks the store for what a listing does not tell, and reads objects whole, each only
//! where a column of the query needs it; `exec` is that as a plan. A query holds one page and a few objects at a time.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::DFSchema,
    datasource::TableType,
    error::Result as DataFusionResult,
    logical_expr::{Expr, TableProviderFilterPushDown, Volatility},
    physical_plan::{ExecutionPlan, PhysicalExpr},
};
use firth_connector::{OpenedRemote, OptionSpec, Options};
use firth_diagnostic::{Code, Diagnostic, Result};
use firth_pushdown::shown_schema;
use firth_sql::ColumnType;

mod exec;
mod patterns;
mod rows;

use crate::{
    files::{Staleness, declared_field},
    store::StatementStores,
};
use exec::ObjectScan;
use patterns::Patterns;

/// BigQuery's options of object tables.
pub const OBJECT_TABLE_OPTIONS: &[OptionSpec] = &[
    OptionSpec::string("object_metadata")
        .required()
        .choice(&["SIMPLE"])
        .doc("SIMPLE: the table has a row for each object, and no format and no columns of its own."),
    OptionSpec::strings("uris")
        .required()
        .doc("Which objects, with at most one * in each, which also matches slashes."),
    OptionSpec::interval("max_staleness")
        .doc("Read for BigQuery's sake: every query lists the objects that there are."),
    OptionSpec::string("metadata_cache_mode")
        .choice(&["AUTOMATIC", "MANUAL"])
        .doc("Read for BigQuery's sake, with max_staleness."),
    OptionSpec::string("description").doc("A sentence about the table."),
];

/// The option that makes a table one of objects.
pub(crate) const OBJECT_METADATA: &str = "object_metadata";

const URI: &str = "uri";
const GENERATION: &str = "generation";
const CONTENT_TYPE: &str = "content_type";
const SIZE: &str = "size";
const MD5_HASH: &str = "md5_hash";
const UPDATED: &str = "updated";
const METADATA: &str = "metadata";
/// The objects' bytes: no column of `*`.
const DATA: &str = "_data";

/// What a listing tells of an object.
const LISTED: [&str; 3] = [URI, SIZE, UPDATED];
/// What the store tells when it is asked for the object.
const ASKED_FOR: [&str; 3] = [GENERATION, CONTENT_TYPE, METADATA];

/// BigQuery's columns of object tables.
pub(crate) fn columns() -> SchemaRef {
    let pair = vec![("name".to_owned(), ColumnType::String), ("value".to_owned(), ColumnType::String)];
    let columns = [
        (URI, ColumnType::String),
        (GENERATION, ColumnType::Int64),
        (CONTENT_TYPE, ColumnType::String),
        (SIZE, ColumnType::Int64),
        (MD5_HASH, ColumnType::String),
        (UPDATED, ColumnType::Timestamp),
        (METADATA, ColumnType::Array(Box::new(ColumnType::Struct(pair)))),
    ];
    let fields = columns.iter().map(|(name, column_type)| declared_field(name, column_type, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Checks the options of an object table; answers its uris.
pub(crate) fn check_options(options: &Options) -> Result<Vec<String>> {
    Staleness::try_new(options)?;
    let uris = options.strings("uris").unwrap_or_default();
    if uris.is_empty() {
        return Err(Diagnostic::error(Code::Invalid, "option \"uris\" names no object"));
    }
    Ok(uris.to_vec())
}

/// An object table as plans see it. Nothing is listed before it runs.
#[derive(Debug)]
pub(crate) struct ObjectTable {
    patterns: Patterns,
    shown: SchemaRef,
}

impl ObjectTable {
    /// The table of these uris; with the column `_data`, the last one, if `data` asks for it.
    pub(crate) fn try_new(
        stores: &StatementStores,
        remote: &OpenedRemote,
        uris: &[String],
        data: bool,
    ) -> Result<Self> {
        let patterns = Patterns::try_new(stores, remote, uris)?;
        let mut fields: Vec<_> = shown_schema(&columns())?.fields().iter().cloned().collect();
        if data {
            let field = declared_field(DATA, &ColumnType::Bytes, true);
            fields.extend(shown_schema(&Schema::new(vec![field]))?.fields().iter().cloned());
        }
        Ok(ObjectTable { patterns, shown: Arc::new(Schema::new(fields)) })
    }
}

#[async_trait]
impl TableProvider for ObjectTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shown)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters are applied before anything is asked for that they do not need, and again by the plan above.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let supported = |filter: &&Expr| match stage(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(supported).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.shown.project(projection)?),
            None => Arc::clone(&self.shown),
        };
        let of_stage = |wanted: Stage| -> DataFusionResult<Vec<Arc<dyn PhysicalExpr>>> {
            let known = known_at(&self.shown, wanted);
            let named = DFSchema::try_from(known)?;
            let filters = filters.iter().filter(|filter| stage(filter) == Some(wanted));
            filters.map(|filter| session.create_physical_expr(filter.clone(), &named)).collect()
        };
        Ok(Arc::new(ObjectScan::new(
            self.patterns.narrowed(filters),
            schema,
            Filters { listed: of_stage(Stage::Listed)?, asked: of_stage(Stage::Asked)? },
            Arc::clone(&self.shown),
            limit,
        )))
    }
}

/// What has to be known of an object before a filter can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What a listing tells.
    Listed,
    /// What the store tells when it is asked for the object, too.
    Asked,
}

/// Filters over the columns that are known at each stage.
#[derive(Clone, Debug)]
struct Filters {
    listed: Vec<Arc<dyn PhysicalExpr>>,
    asked: Vec<Arc<dyn PhysicalExpr>>,
}

/// The columns that are known at a stage.
fn known_at(schema: &SchemaRef, stage: Stage) -> SchemaRef {
    let is_known = |field: &&Arc<Field>| match stage {
        Stage::Listed => LISTED.contains(&field.name().as_str()),
        Stage::Asked => field.name() != DATA,
    };
    Arc::new(Schema::new(schema.fields().iter().filter(is_known).cloned().collect::<Vec<_>>()))
}

/// When a filter can be applied. `None` for one that needs the bytes, or that may answer otherwise when it is asked again.
fn stage(filter: &Expr) -> Option<Stage> {
    let changes = |expr: &Expr| match expr {
        Expr::ScalarFunction(function) => function.func.signature().volatility == Volatility::Volatile,
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::OuterReferenceColumn(..) => {
            true
        }
        _ => false,
    };
    use datafusion::common::tree_node::TreeNode as _;
    if filter.exists(|expr| Ok(changes(expr))).unwrap_or(true) {
        return None;
    }
    let columns = filter.column_refs();
    let needs = |names: &[&str]| columns.iter().any(|column| names.contains(&column.name.as_str()));
    match () {
        () if needs(&[DATA]) => None,
        () if needs(&ASKED_FOR) || needs(&[MD5_HASH]) => Some(Stage::Asked),
        () => Some(Stage::Listed),
    }
}

//! A session over a fake remote: text in, text out.

use std::sync::Arc;

use arrow::{
    array::{BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
    util::pretty::pretty_format_batches,
};
use async_trait::async_trait;
use datafusion::{
    catalog,
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::DataFusionError,
    execution::{SessionStateBuilder, context::QueryPlanner},
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, displayable, filter::FilterExec},
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
    prelude::{SessionConfig, SessionContext},
};
use firth_connector::{Relation, Remote, RemoteId, Remotes, StatementId};
use firth_diagnostic::Diagnostic;
use firth_pushdown::{Pushdown, RemoteScanExec, RemoteTable, push_down, tell_keys};
use firth_testkit::fake_remote::FakeRemote;
use uuid::Uuid;

/// Pushes down, and plans the rest as DataFusion does.
#[derive(Debug)]
struct Pushing;

#[async_trait]
impl QueryPlanner for Pushing {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn catalog::Session,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let pushed = push_down(plan.clone())?;
        tell_keys(DefaultPhysicalPlanner::default().create_physical_plan(&pushed.plan, session).await?)
    }
}

/// `t (id INT64, small INT32, name STRING, flag BOOL)`, with NULLs in each.
pub(crate) fn rows() -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("small", DataType::Int32, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("flag", DataType::Boolean, true),
    ]);
    let columns: Vec<Arc<dyn arrow::array::Array>> = vec![
        Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3), Some(4), None])),
        Arc::new(Int32Array::from(vec![Some(1), Some(20), None, Some(40), Some(50)])),
        Arc::new(StringArray::from(vec![Some("a"), Some("A"), Some("b"), None, Some("it's")])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false)])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// A remote with `t`.
pub(crate) fn remote() -> FakeRemote {
    FakeRemote::new().with_table("", "t", rows())
}

pub(crate) struct Session {
    pub(crate) remote: Arc<FakeRemote>,
    pub(crate) context: SessionContext,
    id: RemoteId,
    pushdown: Pushdown,
}

impl Session {
    /// A session that knows the remote's table `t` by that name.
    pub(crate) async fn over(remote: FakeRemote) -> Self {
        Self::new(remote, true).await
    }

    /// The same, with pushdown turned off.
    pub(crate) async fn without_pushdown(remote: FakeRemote) -> Self {
        Self::new(remote, false).await
    }

    async fn new(remote: FakeRemote, pushdown: bool) -> Self {
        let mut session = Self::empty(remote, pushdown, 1);
        session.register("t", "", "t").await;
        session
    }

    /// A session without tables, with so many partitions.
    pub(crate) fn empty(remote: FakeRemote, pushdown: bool, partitions: usize) -> Self {
        let remote = Arc::new(remote);
        let id = RemoteId { uuid: Uuid::from_u128(7), name: "us.shop".to_owned(), kind: "FAKE".to_owned() };
        let remotes = Remotes::new(StatementId::random());
        remotes.insert(id.clone(), Arc::clone(&remote) as Arc<dyn Remote>);
        let config =
            SessionConfig::new().with_target_partitions(partitions).with_extension(Arc::new(remotes));
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_query_planner(Arc::new(Pushing))
            .build();
        let context = SessionContext::new_with_state(state);
        let pushdown = if pushdown { Pushdown::Safe } else { Pushdown::Off };
        Session { remote, context, id, pushdown }
    }

    /// The same, with whole queries sent.
    pub(crate) fn composing(mut self) -> Self {
        self.pushdown = Pushdown::On;
        self
    }

    /// Makes the remote's table `schema.table` known as `name`.
    pub(crate) async fn register(&mut self, name: &str, schema: &str, table: &str) {
        let spec = firth_connector::TableSpec { schema: schema.to_owned(), name: table.to_owned() };
        let description = self.remote.describe(&spec).await.unwrap();
        self.register_relation(name, Relation::Table(spec), description).unwrap();
    }

    /// The same, after changing what is known of it.
    pub(crate) async fn register_described(
        &mut self,
        name: &str,
        schema: &str,
        table: &str,
        change: impl FnOnce(&mut firth_connector::TableDescription),
    ) {
        let spec = firth_connector::TableSpec { schema: schema.to_owned(), name: table.to_owned() };
        let mut description = self.remote.describe(&spec).await.unwrap();
        change(&mut description);
        self.register_relation(name, Relation::Table(spec), description).unwrap();
    }

    /// Makes the remote's answer to `query` known as `name`.
    pub(crate) async fn register_query(&mut self, name: &str, query: &str) {
        let sql = Arc::clone(&self.remote).sql().unwrap();
        let (relation, description) = sql.describe_query(query, None).await.unwrap();
        self.register_relation(name, relation, description).unwrap();
    }

    fn register_relation(
        &mut self,
        name: &str,
        relation: Relation,
        description: firth_connector::TableDescription,
    ) -> Result<(), Diagnostic> {
        let sql = Arc::clone(&self.remote).sql().unwrap();
        let table = RemoteTable::try_new(self.id.clone(), sql, relation, description, self.pushdown)?;
        self.context.register_table(name, Arc::new(table)).unwrap();
        Ok(())
    }

    pub(crate) async fn plan(&self, sql: &str) -> Arc<dyn ExecutionPlan> {
        self.context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
    }

    /// The plan, as EXPLAIN shows it.
    pub(crate) async fn explained(&self, sql: &str) -> String {
        displayable(self.plan(sql).await.as_ref()).indent(false).to_string()
    }

    /// The result.
    pub(crate) async fn query(&self, sql: &str) -> Result<String, DataFusionError> {
        let batches = self.context.sql(sql).await?.collect().await?;
        Ok(pretty_format_batches(&batches)?.to_string())
    }

    /// The diagnostic that a failing query ends with.
    pub(crate) async fn diagnostic(&self, sql: &str) -> Diagnostic {
        let error = self.query(sql).await.expect_err("the query fails");
        let DataFusionError::External(error) = error.find_root() else { panic!("not external: {error}") };
        error.downcast_ref::<Diagnostic>().expect("a diagnostic").clone()
    }
}

/// What `sql` sends to the remote, and below it the filters that are evaluated here.
pub(crate) async fn pushed(sql: &str) -> String {
    described(&Session::over(remote()).await.plan(sql).await)
}

/// The remote SQL and the local filters of a plan.
pub(crate) fn described(plan: &Arc<dyn ExecutionPlan>) -> String {
    let (mut sent, mut here) = (Vec::new(), Vec::new());
    plan.apply(|node| {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            sent.push(scan.sql().to_owned());
        }
        if let Some(filter) = node.downcast_ref::<FilterExec>() {
            here.push(format!("here: {}", filter.predicate()));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    sent.extend(here);
    sent.join("\n")
}

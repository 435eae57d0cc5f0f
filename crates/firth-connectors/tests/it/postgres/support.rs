//! A role and a schema for each test, and the SPI's calls in short.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::RecordBatch,
    datatypes::{FieldRef, SchemaRef},
    util::pretty::pretty_format_batches,
};
use datafusion::{error::DataFusionError, execution::SendableRecordBatchStream};
use firth_connector::{
    ColumnDescription, GivenOption, GivenValue, Options, ReadScope, Relation, Remote, RemoteId, RemoteRead,
    RemoteSql, SourceMetrics, Split, StatementId, TableDescription,
};
use firth_diagnostic::{Diagnostic, Result, Secret, Span, Spanned};
use firth_testkit::servers::{Postgres, Servers};
use futures::TryStreamExt;
use tokio_postgres::{Client, NoTls};

/// A place of its own on the server, in the database that can also be reached without TLS.
pub(crate) struct Place {
    pub(crate) server: Postgres,
    /// A role and a schema of that name.
    pub(crate) name: String,
    /// A connection of the superuser.
    pub(crate) admin: Client,
}

impl Place {
    /// `None`, with a visible line, where there is no server.
    pub(crate) async fn new(test: &str) -> Option<Place> {
        let server = Servers::from_env().require_postgres(test)?;
        let mut config = tokio_postgres::Config::new();
        config.host(&server.host).port(server.port).dbname(&server.plain_database);
        config.user(&server.user).password(&server.password);
        let (admin, connection) = config.connect(NoTls).await.expect("the superuser can connect");
        tokio::spawn(connection);
        let name = format!("{test}_{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let place = Place { server, name, admin };
        place.run("CREATE ROLE {} LOGIN PASSWORD 'canary'; CREATE SCHEMA {} AUTHORIZATION {}").await;
        Some(place)
    }

    /// Runs statements as the superuser. `{}` is the place's name.
    pub(crate) async fn run(&self, sql: &str) {
        self.admin.batch_execute(&sql.replace("{}", &self.name)).await.expect("the test's own SQL is right");
    }

    /// Tables of the test, made and owned by its role.
    pub(crate) async fn create(&self, sql: &str) {
        self.run(&format!("SET ROLE {{}}; SET search_path = {{}}; {sql}; RESET search_path; RESET ROLE"))
            .await;
    }

    /// Opens a connection as the place's role, with TLS and these options instead of the usual ones.
    pub(crate) fn open(&self, changed: &[(&str, &str)]) -> Result<Arc<dyn Remote>> {
        let port = self.server.port.to_string();
        let mut options = vec![
            ("host", self.server.host.as_str()),
            ("port", port.as_str()),
            ("database", &self.server.plain_database),
            ("user", &self.name),
            ("password", "canary"),
            ("sslrootcert", &self.server.ca),
        ];
        options.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        options.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
        let given: Vec<GivenOption> = options
            .into_iter()
            .map(|(name, value)| GivenOption {
                name: Spanned::new(name.to_owned(), Span::default()),
                value: Spanned::new(given_value(name, value), Span::default()),
            })
            .collect();

        let connectors = firth_connectors::all();
        let (connector, kind) = connectors.find("POSTGRES", |_| None)?;
        let options = Options::validate("POSTGRES connections", kind.options, &given, Span::default())?;
        let id =
            RemoteId { uuid: uuid::Uuid::new_v4(), name: "us.test".to_owned(), kind: "POSTGRES".to_owned() };
        connector.open(id, kind, options)
    }

    pub(crate) fn sql(&self, changed: &[(&str, &str)]) -> Arc<dyn RemoteSql> {
        self.open(changed).expect("valid options").sql().expect("a SQL side")
    }

    /// How many backends of the test's role the server has, of those that a condition is true for.
    pub(crate) async fn backends(&self, condition: &str) -> i64 {
        let sql =
            format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND {condition}", self.name);
        self.admin.query_one(&sql, &[]).await.expect("readable").get(0)
    }

    /// Waits until that many backends are so; says how long it took.
    pub(crate) async fn until(&self, count: i64, condition: &str) -> Duration {
        let before = Instant::now();
        while self.backends(condition).await != count {
            assert!(before.elapsed() < Duration::from_secs(10), "never {count} backends with {condition}");
            // Inside a transaction the server shows what it saw first, unless told to look again.
            self.run("SELECT pg_sleep(0.01), pg_stat_clear_snapshot()").await;
        }
        before.elapsed()
    }

    /// Hides what differs from run to run.
    pub(crate) fn shown(&self, error: &Diagnostic) -> String {
        let shown = error.render(None, false);
        assert!(!shown.contains("canary") && !shown.contains(&self.server.password), "{shown}");
        shown
            .replace(&self.name, "ROLE")
            .replace(&format!(":{}", self.server.port), ":PORT")
            .replace(&self.server.other_ca, "OTHER_CA")
            .replace(&self.server.ca, "CA")
    }
}

fn given_value(name: &str, value: &str) -> GivenValue {
    match value.parse() {
        Ok(number) if name != "password" => GivenValue::Int64(number),
        _ => GivenValue::Text(Secret::new(value)),
    }
}

/// Begins a statement of one scan.
pub(crate) async fn begin(sql: &Arc<dyn RemoteSql>) -> Arc<dyn ReadScope> {
    begin_scans(sql, Some(1)).await
}

/// Begins a statement of so many scans.
pub(crate) async fn begin_scans(sql: &Arc<dyn RemoteSql>, scans: Option<usize>) -> Arc<dyn ReadScope> {
    sql.begin(StatementId::random(), scans).await.expect("lazy")
}

/// A stream of a text that gives these columns.
pub(crate) fn stream(scope: &Arc<dyn ReadScope>, sql: &str, schema: &SchemaRef) -> SendableRecordBatchStream {
    let metrics = Arc::new(SourceMetrics::default());
    let read = RemoteRead {
        sql: sql.to_owned(),
        schema: Arc::clone(schema),
        split: Split::default(),
        labels: Vec::new(),
        metrics,
    };
    Arc::clone(scope).read(read).expect("lazy")
}

/// What a query gives, as EXTERNAL_QUERY would.
pub(crate) async fn query(
    sql: &Arc<dyn RemoteSql>,
    text: &str,
) -> Result<(TableDescription, Vec<RecordBatch>)> {
    let (relation, description) = sql.describe_query(text, None).await?;
    let batches = read(sql, relation, description.clone()).await?;
    Ok((description, batches))
}

/// All columns of a relation, read as a scan would.
pub(crate) async fn read(
    sql: &Arc<dyn RemoteSql>,
    relation: Relation,
    description: TableDescription,
) -> Result<Vec<RecordBatch>> {
    let dialect = sql.dialect();
    let item = |(field, about): (&FieldRef, &ColumnDescription)| {
        let name = dialect.identifier(field.name());
        let value = about.read_as.as_ref().map_or(name.clone(), |type_| dialect.read_as(&name, type_));
        format!("{value} AS {name}")
    };
    let items: Vec<String> = description.schema.fields().iter().zip(&description.columns).map(item).collect();
    let from = match relation {
        Relation::Query(text) => format!("(\n{text}\n) AS q"),
        Relation::Table(table) => {
            format!("{}.{}", dialect.identifier(&table.schema), dialect.identifier(&table.name))
        }
    };
    let text = format!("SELECT {} FROM {from}", items.join(", "));
    stream(&begin(sql).await, &text, &description.schema).try_collect().await.map_err(diagnostic)
}

/// The rows as text.
pub(crate) async fn queried(place: &Place, sql: &Arc<dyn RemoteSql>, text: &str) -> String {
    match query(sql, text).await {
        Ok((_, batches)) => pretty_format_batches(&batches).expect("printable").to_string(),
        Err(error) => place.shown(&error),
    }
}

pub(crate) fn diagnostic(error: DataFusionError) -> Diagnostic {
    match error {
        DataFusionError::External(error) => *error.downcast::<Diagnostic>().expect("a diagnostic"),
        other => panic!("not a diagnostic: {other}"),
    }
}

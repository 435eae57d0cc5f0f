//! Statements: what the parser answers and the engine executes.

use firth_diagnostic::{Name, Secret, Spanned};

use crate::{
    AlterTable, CleanTables, ColumnType, CopyKind, CopyTable, CreateTable, Insert, LoadData, Query, RowChange,
};

/// One statement. Equality ignores where things were written and how they were spaced.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `SELECT …`, `WITH …`, `(…)`, `VALUES …`, `FROM …`.
    Query(Query),
    /// `EXPLAIN [ANALYZE] query | EXPORT DATA …`.
    Explain(Explain),
    /// `ASSERT condition [AS 'what is claimed']`.
    Assert(Assert),
    /// `EXPORT DATA …`.
    ExportData(ExportData),
    /// `CLEAN EXPORTS`: ends what killed exports have left.
    CleanExports,
    /// `CREATE CONNECTION …`.
    CreateConnection(CreateConnection),
    /// `ALTER CONNECTION … SET OPTIONS (…)`.
    AlterConnection(AlterConnection),
    /// `DROP CONNECTION …`.
    DropConnection(Drop),
    /// `SHOW CONNECTIONS`.
    ShowConnections,
    /// `DESCRIBE CONNECTION c`.
    DescribeConnection(Spanned<Name>),
    /// `CHECK CONNECTION c`.
    CheckConnection(Spanned<Name>),
    /// `SHOW CREATE CONNECTION c`.
    ShowCreateConnection(Spanned<Name>),
    /// `SHOW CONNECTION TYPES`.
    ShowConnectionTypes,
    /// `SHOW OPTIONS FOR CONNECTION TYPE t`.
    ShowOptions(Spanned<String>),
    /// `CREATE SCHEMA …`.
    CreateSchema(CreateSchema),
    /// `CREATE EXTERNAL SCHEMA …`.
    CreateExternalSchema(CreateExternalSchema),
    /// `DROP [EXTERNAL] SCHEMA …`.
    DropSchema(Drop),
    /// `CREATE TABLE …`.
    CreateTable(CreateTable),
    /// `CREATE TABLE … LIKE | COPY | CLONE …`.
    CopyTable(CopyTable),
    /// `ALTER TABLE …`.
    AlterTable(AlterTable),
    /// `DROP TABLE …`.
    DropTable(Drop),
    /// `TRUNCATE TABLE t`.
    TruncateTable(Spanned<Name>),
    /// `INSERT …`.
    Insert(Insert),
    /// `UPDATE …`, `DELETE …`, `MERGE …`.
    RowChange(RowChange),
    /// `LOAD DATA …`.
    LoadData(LoadData),
    /// `OPTIMIZE [TABLE] t`: writes small files of a table anew as few large ones.
    Optimize(Spanned<Name>),
    /// `CLEAN TABLES …`.
    CleanTables(CleanTables),
    /// `CREATE EXTERNAL TABLE …`.
    CreateExternalTable(CreateExternalTable),
    /// `DROP EXTERNAL TABLE …`.
    DropExternalTable(Drop),
    /// `REFRESH EXTERNAL TABLE t` (also `CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('t')`).
    RefreshExternalTable(Spanned<Name>),
    /// `CREATE VIEW …`.
    CreateView(CreateView),
    /// `DROP VIEW …`.
    DropView(Drop),
    /// `CREATE MATERIALIZED VIEW …`.
    CreateMaterializedView(CreateMaterializedView),
    /// `DROP MATERIALIZED VIEW …`.
    DropMaterializedView(Drop),
    /// `REFRESH MATERIALIZED VIEW v` (also `CALL BQ.REFRESH_MATERIALIZED_VIEW('v')`).
    RefreshMaterializedView(Spanned<Name>),
    /// `SHOW MATERIALIZED VIEWS [FROM | IN schema]`.
    ShowMaterializedViews(Option<Spanned<Name>>),
    /// `SHOW SCHEMAS`.
    ShowSchemas,
    /// `SHOW TABLES [FROM | IN schema]`.
    ShowTables(Option<Spanned<Name>>),
    /// `DESCRIBE t` (also `DESC t`, `DESCRIBE TABLE t`).
    DescribeTable(Spanned<Name>),
    /// `SHOW CREATE TABLE t` (also `SHOW CREATE VIEW v`, `SHOW CREATE MATERIALIZED VIEW v`).
    ShowCreateTable(Spanned<Name>),
    /// `SHOW SETTINGS`.
    ShowSettings,
    /// `SET name = value`.
    Set(SetSetting),
    /// `RESET name`.
    Reset(Spanned<String>),
    /// `SHOW AUDIT`: the audit trail, newest first.
    ShowAudit,
    /// `SHOW CACHES`.
    ShowCaches,
}

impl Statement {
    /// BigQuery's statementType, where it has one, else a name in its manner: for `--stats json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Statement::Query(_) => "SELECT",
            Statement::Explain(_) => "EXPLAIN",
            Statement::Assert(_) => "ASSERT",
            Statement::ExportData(_) => "EXPORT_DATA",
            Statement::CleanExports => "CLEAN_EXPORTS",
            Statement::CreateConnection(_) => "CREATE_CONNECTION",
            Statement::AlterConnection(_) => "ALTER_CONNECTION",
            Statement::DropConnection(_) => "DROP_CONNECTION",
            Statement::ShowConnections => "SHOW_CONNECTIONS",
            Statement::DescribeConnection(_) => "DESCRIBE_CONNECTION",
            Statement::CheckConnection(_) => "CHECK_CONNECTION",
            Statement::ShowCreateConnection(_) => "SHOW_CREATE_CONNECTION",
            Statement::ShowConnectionTypes => "SHOW_CONNECTION_TYPES",
            Statement::ShowOptions(_) => "SHOW_OPTIONS",
            Statement::CreateSchema(_) => "CREATE_SCHEMA",
            Statement::CreateExternalSchema(_) => "CREATE_EXTERNAL_SCHEMA",
            Statement::DropSchema(_) => "DROP_SCHEMA",
            Statement::CreateTable(create) if create.query.is_some() => "CREATE_TABLE_AS_SELECT",
            Statement::CreateTable(_) => "CREATE_TABLE",
            Statement::CopyTable(copy) if copy.kind == CopyKind::Like => "CREATE_TABLE",
            Statement::CopyTable(_) => "CREATE_TABLE_AS_SELECT",
            Statement::AlterTable(_) => "ALTER_TABLE",
            Statement::DropTable(_) => "DROP_TABLE",
            Statement::TruncateTable(_) => "TRUNCATE_TABLE",
            Statement::Insert(_) => "INSERT",
            Statement::RowChange(change) => change.kind.word(),
            Statement::LoadData(_) => "LOAD_DATA",
            Statement::Optimize(_) => "OPTIMIZE",
            Statement::CleanTables(_) => "CLEAN_TABLES",
            Statement::CreateExternalTable(_) => "CREATE_EXTERNAL_TABLE",
            Statement::DropExternalTable(_) => "DROP_EXTERNAL_TABLE",
            Statement::RefreshExternalTable(_) => "REFRESH_EXTERNAL_TABLE",
            Statement::CreateView(_) => "CREATE_VIEW",
            Statement::DropView(_) => "DROP_VIEW",
            Statement::CreateMaterializedView(_) => "CREATE_MATERIALIZED_VIEW",
            Statement::DropMaterializedView(_) => "DROP_MATERIALIZED_VIEW",
            Statement::RefreshMaterializedView(_) => "REFRESH_MATERIALIZED_VIEW",
            Statement::ShowMaterializedViews(_) => "SHOW_MATERIALIZED_VIEWS",
            Statement::ShowSchemas => "SHOW_SCHEMAS",
            Statement::ShowTables(_) => "SHOW_TABLES",
            Statement::DescribeTable(_) => "DESCRIBE_TABLE",
            Statement::ShowCreateTable(_) => "SHOW_CREATE_TABLE",
            Statement::ShowSettings => "SHOW_SETTINGS",
            Statement::Set(_) => "SET",
            Statement::Reset(_) => "RESET",
            Statement::ShowAudit => "SHOW_AUDIT",
            Statement::ShowCaches => "SHOW_CACHES",
        }
    }
}

/// What EXPLAIN tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainKind {
    /// The plan.
    Plan,
    /// `ANALYZE`: the plan, executed, with figures.
    Analyze,
    /// `(PUSHDOWN)`: what is sent to sources, and why the rest is not.
    Pushdown,
}

/// `EXPLAIN [ANALYZE | (PUSHDOWN)] …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explain {
    /// What it tells.
    pub kind: ExplainKind,
    /// A query or an EXPORT DATA.
    pub statement: Box<Statement>,
}

/// `ASSERT condition [AS 'what is claimed']`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assert {
    /// `SELECT TRUE WHERE condition`: it has a row if the condition is TRUE, and none if it is FALSE or NULL. Its
    /// text is the condition's.
    pub condition: Query,
    /// What is claimed, in words.
    pub description: Option<Spanned<String>>,
}

/// `EXPORT DATA [WITH CONNECTION c] OPTIONS (…) AS query`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportData {
    /// The connection, if named.
    pub connection: Option<ConnectionReference>,
    /// The options as written.
    pub options: OptionList,
    /// What is exported.
    pub query: Query,
}

/// `CREATE [OR REPLACE] CONNECTION [IF NOT EXISTS] name OPTIONS (…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateConnection {
    /// What to do if it exists.
    pub creation: Creation,
    /// `c`, `location.c` or `project.location.c`.
    pub name: Spanned<Name>,
    /// The options as written.
    pub options: OptionList,
}

/// `ALTER CONNECTION [IF EXISTS] name SET OPTIONS (…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterConnection {
    /// Whether it is no error if there is none.
    pub if_exists: bool,
    /// The connection.
    pub name: Spanned<Name>,
    /// The options to set, or with NULL to unset.
    pub options: OptionList,
}

/// `DROP … [IF EXISTS] name [RESTRICT | CASCADE]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    /// Whether it is no error if there is none.
    pub if_exists: bool,
    /// What is dropped.
    pub name: Spanned<Name>,
    /// What happens to what depends on it.
    pub behavior: DropBehavior,
}

/// `CREATE [OR REPLACE] SCHEMA [IF NOT EXISTS] name [OPTIONS (…)]`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSchema {
    /// What to do if it exists.
    pub creation: Creation,
    /// `dataset` or `project.dataset`.
    pub name: Spanned<Name>,
    /// The options as written.
    pub options: OptionList,
}

/// `CREATE [OR REPLACE] EXTERNAL SCHEMA [IF NOT EXISTS] name WITH CONNECTION c OPTIONS (…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateExternalSchema {
    /// What to do if it exists.
    pub creation: Creation,
    /// `dataset` or `project.dataset`.
    pub name: Spanned<Name>,
    /// The connection, if named.
    pub connection: Option<ConnectionReference>,
    /// The options as written.
    pub options: OptionList,
}

/// `CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] name [(columns)] [WITH PARTITION COLUMNS
/// [(columns)]] [WITH CONNECTION c] OPTIONS (…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateExternalTable {
    /// What to do if it exists.
    pub creation: Creation,
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub name: Spanned<Name>,
    /// The columns, if listed; else they are read from the files.
    pub columns: Option<Vec<ColumnDefinition>>,
    /// Whether and how the uris hold hive keys.
    pub partition_columns: PartitionColumns,
    /// The connection, if named.
    pub connection: Option<ConnectionReference>,
    /// The options as written.
    pub options: OptionList,
}

/// `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name AS query`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    /// What to do if it exists.
    pub creation: Creation,
    /// `view`, `dataset.view` or `project.dataset.view`.
    pub name: Spanned<Name>,
    /// Names for the query's columns, if listed.
    pub columns: Option<Vec<Spanned<String>>>,
    /// What it shows.
    pub query: Query,
}

/// `CREATE [OR REPLACE] MATERIALIZED VIEW [IF NOT EXISTS] name [PARTITION BY …] [CLUSTER BY …] [OPTIONS (…)]
/// AS query`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateMaterializedView {
    /// What to do if it exists.
    pub creation: Creation,
    /// `view`, `dataset.view` or `project.dataset.view`.
    pub name: Spanned<Name>,
    /// The expression of PARTITION BY as written.
    pub partition_by: Option<Spanned<String>>,
    /// The columns of CLUSTER BY.
    pub cluster_by: Vec<Spanned<String>>,
    /// The options as written.
    pub options: OptionList,
    /// What it shows.
    pub query: Query,
}

/// `SET name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct SetSetting {
    /// The setting.
    pub name: Spanned<String>,
    /// Its new value.
    pub value: Spanned<OptionLiteral>,
}

/// What CREATE does if the thing exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Fails.
    New,
    /// OR REPLACE: takes its place.
    OrReplace,
    /// IF NOT EXISTS: leaves it as it is.
    IfNotExists,
}

/// What DROP does to what depends on the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropBehavior {
    /// Nothing was said.
    Unspecified,
    /// RESTRICT: refuses while there is any.
    Restrict,
    /// CASCADE: drops it too.
    Cascade,
}

/// `WITH PARTITION COLUMNS …`.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionColumns {
    /// Absent.
    None,
    /// Present, without a list: keys and types are read from the uris.
    Inferred,
    /// Present with a list, in path order.
    Listed(Vec<ColumnDefinition>),
}

/// `name type [NOT NULL] [OPTIONS (…)]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// The name as written.
    pub name: Spanned<String>,
    /// The type.
    pub column_type: Spanned<ColumnType>,
    /// NOT NULL.
    pub not_null: bool,
}

/// `WITH CONNECTION …`. Equality ignores where it was written.
#[derive(Clone, Debug)]
pub enum ConnectionReference {
    /// A name of one to three parts, or a resource path's parts in that order.
    Named(Spanned<Name>),
    /// `DEFAULT`.
    Default(firth_diagnostic::Span),
}

impl PartialEq for ConnectionReference {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ConnectionReference::Named(name), ConnectionReference::Named(other)) => name == other,
            (ConnectionReference::Default(_), ConnectionReference::Default(_)) => true,
            (ConnectionReference::Named(_), ConnectionReference::Default(_))
            | (ConnectionReference::Default(_), ConnectionReference::Named(_)) => false,
        }
    }
}

/// `OPTIONS (…)`. Its own place is where to point when an option is missing.
pub type OptionList = Spanned<Vec<SqlOption>>;

/// `name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlOption {
    /// The name as written.
    pub name: Spanned<String>,
    /// The value.
    pub value: Spanned<OptionLiteral>,
}

/// The value of an option. Every text is a secret until the option's table says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionLiteral {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Bool(bool),
    /// `42`, `-1`, `0x2A`
    Int64(i64),
    /// `1.5`
    Float64(f64),
    /// `'text'`
    String(Secret),
    /// `[…]`
    Array(Vec<OptionLiteral>),
    /// `ENV('NAME')`: the value of an environment variable when the statement runs.
    Env(String),
    /// `FILE('path')`: the contents of a file when the statement runs, without one final line end.
    File(String),
    /// `PROMPT()`: asked of the person at the terminal when the statement runs.
    Prompt,
    /// A literal of another type, such as `INTERVAL 4 HOUR` or `TIMESTAMP '…'`: type name and text.
    Other(&'static str, String),
}

//! The statements about Firth's own tables, and about rows: what the parser answers and the engine executes.

use firth_diagnostic::{Name, Span, Spanned};
use sqlparser::ast;

use crate::{
    ColumnDefinition, ColumnType, ConnectionReference, Creation, OptionList, PartitionColumns, Query,
};

/// `CREATE [OR REPLACE] [TEMP] TABLE [IF NOT EXISTS] name [(columns)] [PARTITION BY …] [CLUSTER BY …]
/// [WITH CONNECTION c] [OPTIONS (…)] [AS query]`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// What to do if it exists.
    pub creation: Creation,
    /// Whether it is gone when the session ends.
    pub temporary: bool,
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub name: Spanned<Name>,
    /// The columns, if listed; else they are the query's.
    pub columns: Option<Vec<ColumnDefinition>>,
    /// The expression after PARTITION BY, as written.
    pub partition_by: Option<Spanned<String>>,
    /// The columns after CLUSTER BY.
    pub cluster_by: Vec<Spanned<String>>,
    /// The connection, if named: of a table that is kept elsewhere.
    pub connection: Option<ConnectionReference>,
    /// The options as written.
    pub options: OptionList,
    /// The rows it begins with.
    pub query: Option<Query>,
}

/// What of another table a new one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyKind {
    /// Its columns and how it is laid out.
    Like,
    /// Its rows, too.
    Copy,
    /// Its rows as they are or were at some time.
    Clone,
}

/// `CREATE [OR REPLACE] [TEMP] TABLE [IF NOT EXISTS] name LIKE | COPY | CLONE source
/// [FOR SYSTEM_TIME AS OF …] [OPTIONS (…)]`. The time stands behind CLONE only.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyTable {
    /// What to do if it exists.
    pub creation: Creation,
    /// Whether it is gone when the session ends.
    pub temporary: bool,
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub name: Spanned<Name>,
    /// What of the source it has.
    pub kind: CopyKind,
    /// The table that it is made after.
    pub source: Spanned<Name>,
    /// The expression behind FOR SYSTEM_TIME AS OF, as written.
    pub as_of: Option<Spanned<String>>,
    /// The options as written. Those that are not given are the source's.
    pub options: OptionList,
}

/// `ALTER TABLE [IF EXISTS] name action [, action …]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// Whether it is no error if there is none.
    pub if_exists: bool,
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub name: Spanned<Name>,
    /// What is changed, one after the other, all or nothing.
    pub actions: Vec<TableAction>,
}

/// One change of ALTER TABLE.
#[derive(Clone, Debug, PartialEq)]
pub enum TableAction {
    /// `ADD COLUMN [IF NOT EXISTS] name type`
    AddColumn {
        /// Whether it is no error if there is one.
        if_not_exists: bool,
        /// The column.
        column: ColumnDefinition,
    },
    /// `DROP COLUMN [IF EXISTS] name`
    DropColumn {
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// The column.
        column: Spanned<String>,
    },
    /// `RENAME COLUMN [IF EXISTS] a TO b`
    RenameColumn {
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// The column.
        column: Spanned<String>,
        /// Its new name.
        to: Spanned<String>,
    },
    /// `RENAME TO name`
    RenameTo(Spanned<String>),
    /// `SET OPTIONS (…)`
    SetOptions(OptionList),
    /// `ALTER COLUMN [IF EXISTS] name SET DATA TYPE type`
    SetDataType {
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// The column.
        column: Spanned<String>,
        /// Its new type.
        column_type: Spanned<ColumnType>,
    },
    /// `ALTER COLUMN [IF EXISTS] name DROP NOT NULL`
    DropNotNull {
        /// Whether it is no error if there is none.
        if_exists: bool,
        /// The column.
        column: Spanned<String>,
    },
}

/// `INSERT [INTO] name [(columns)] query`. VALUES is a query too; a DEFAULT in it is NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub target: Spanned<Name>,
    /// The columns that the query's columns go to, in its order; without a list, all.
    pub columns: Option<Vec<Spanned<String>>>,
    /// The rows.
    pub query: Query,
    /// Whether the word DEFAULT stands for a value. The query has NULL there.
    pub says_default: bool,
}

/// `CLEAN TABLES [OLDER THAN n DAYS]`: forgets old states of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanTables {
    /// How many days states are kept.
    pub older_than: Option<Spanned<u64>>,
}

/// Which statement a [`RowChange`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowChangeKind {
    /// `UPDATE t SET … [FROM …] WHERE …`
    Update,
    /// `DELETE [FROM] t WHERE …`
    Delete,
    /// `MERGE [INTO] t USING … ON … WHEN …`
    Merge,
}

impl RowChangeKind {
    /// The word it begins with.
    pub const fn word(self) -> &'static str {
        match self {
            RowChangeKind::Update => "UPDATE",
            RowChangeKind::Delete => "DELETE",
            RowChangeKind::Merge => "MERGE",
        }
    }
}

/// UPDATE, DELETE or MERGE. Printing gives the text it came from; equality compares the trees.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// Which of them.
    pub kind: RowChangeKind,
    /// The table whose rows change.
    pub target: Spanned<Name>,
    /// The tree, still in GoogleSQL.
    pub tree: Box<ast::Statement>,
    /// The statement's own text.
    pub text: String,
    /// Where that text is.
    pub span: Span,
}

impl PartialEq for RowChange {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

/// `LOAD DATA {INTO | OVERWRITE} [TEMP TABLE] name [(columns)] [PARTITIONS (…)] [PARTITION BY …] [CLUSTER BY …]
/// [OPTIONS (…)] FROM FILES (…) [WITH PARTITION COLUMNS [(columns)]] [WITH CONNECTION c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadData {
    /// OVERWRITE: the table is replaced. INTO: rows are added, and the table is made if there is none.
    pub overwrite: bool,
    /// Whether a table that is made is gone when the session ends.
    pub temporary: bool,
    /// `table`, `dataset.table` or `project.dataset.table`.
    pub name: Spanned<Name>,
    /// The columns, if listed.
    pub columns: Option<Vec<ColumnDefinition>>,
    /// `(column = value)` after PARTITIONS, as written.
    pub partitions: Option<Spanned<String>>,
    /// The expression after PARTITION BY, as written.
    pub partition_by: Option<Spanned<String>>,
    /// The columns after CLUSTER BY.
    pub cluster_by: Vec<Spanned<String>>,
    /// The table's options as written.
    pub options: OptionList,
    /// What stands in FROM FILES: options of external tables.
    pub files: OptionList,
    /// Whether and how the uris hold hive keys.
    pub partition_columns: PartitionColumns,
    /// The connection, if named.
    pub connection: Option<ConnectionReference>,
}

//! Statements as GoogleSQL text, in one canonical spelling that parses back to the same statement.
//!
//! In the statements about connections every string value is printed as `'***'`: the parser cannot
//! know which options are secret.

use std::fmt;

use firth_diagnostic::{Name, Secret, Spanned};

use crate::lexer::{quote_identifier, quote_string};
use crate::{
    AlterConnection, AlterTable, Assert, ColumnDefinition, ConnectionReference, CopyKind, CopyTable,
    CreateConnection, CreateExternalSchema, CreateExternalTable, CreateMaterializedView, CreateSchema,
    CreateTable, CreateView, Creation, Drop, DropBehavior, Explain, ExplainKind, ExportData, Insert,
    LoadData, OptionLiteral, PartitionColumns, Query, SetSetting, SqlOption, Statement, TableAction,
};

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Query(query) => write!(f, "{query}"),
            Statement::Explain(explain) => write!(f, "{explain}"),
            Statement::Assert(assert) => write!(f, "{assert}"),
            Statement::ExportData(export) => write!(f, "{export}"),
            Statement::CreateConnection(create) => write!(f, "{create}"),
            Statement::AlterConnection(alter) => write!(f, "{alter}"),
            Statement::DropConnection(drop) => write_drop(f, "CONNECTION", drop),
            Statement::ShowConnections => f.write_str("SHOW CONNECTIONS"),
            Statement::DescribeConnection(name) => write!(f, "DESCRIBE CONNECTION {}", Path(&name.value)),
            Statement::CheckConnection(name) => write!(f, "CHECK CONNECTION {}", Path(&name.value)),
            Statement::ShowCreateConnection(name) => {
                write!(f, "SHOW CREATE CONNECTION {}", Path(&name.value))
            }
            Statement::ShowConnectionTypes => f.write_str("SHOW CONNECTION TYPES"),
            Statement::ShowOptions(name) => {
                write!(f, "SHOW OPTIONS FOR CONNECTION TYPE {}", quote_string(&name.value))
            }
            Statement::CreateSchema(create) => write!(f, "{create}"),
            Statement::CreateExternalSchema(create) => write!(f, "{create}"),
            Statement::DropSchema(drop) => write_drop(f, "SCHEMA", drop),
            Statement::CreateTable(create) => write!(f, "{create}"),
            Statement::CopyTable(copy) => write!(f, "{copy}"),
            Statement::AlterTable(alter) => write!(f, "{alter}"),
            Statement::DropTable(drop) => write_drop(f, "TABLE", drop),
            Statement::TruncateTable(name) => write!(f, "TRUNCATE TABLE {}", Path(&name.value)),
            Statement::Insert(insert) => write!(f, "{insert}"),
            Statement::RowChange(change) => f.write_str(&change.text),
            Statement::LoadData(load) => write!(f, "{load}"),
            Statement::Optimize(name) => write!(f, "OPTIMIZE TABLE {}", Path(&name.value)),
            Statement::CleanTables(clean) => match &clean.older_than {
                Some(days) => write!(f, "CLEAN TABLES OLDER THAN {} DAYS", days.value),
                None => f.write_str("CLEAN TABLES"),
            },
            Statement::CreateExternalTable(create) => write!(f, "{create}"),
            Statement::DropExternalTable(drop) => write_drop(f, "EXTERNAL TABLE", drop),
            Statement::RefreshExternalTable(name) => {
                write!(f, "REFRESH EXTERNAL TABLE {}", Path(&name.value))
            }
            Statement::CreateView(create) => write!(f, "{create}"),
            Statement::DropView(drop) => write_drop(f, "VIEW", drop),
            Statement::ShowSchemas => f.write_str("SHOW SCHEMAS"),
            Statement::ShowTables(None) => f.write_str("SHOW TABLES"),
            Statement::ShowTables(Some(schema)) => write!(f, "SHOW TABLES FROM {}", Path(&schema.value)),
            Statement::DescribeTable(name) => write!(f, "DESCRIBE TABLE {}", Path(&name.value)),
            Statement::ShowCreateTable(name) => write!(f, "SHOW CREATE TABLE {}", Path(&name.value)),
            Statement::CreateMaterializedView(create) => write!(f, "{create}"),
            Statement::DropMaterializedView(drop) => write_drop(f, "MATERIALIZED VIEW", drop),
            Statement::RefreshMaterializedView(name) => {
                write!(f, "REFRESH MATERIALIZED VIEW {}", Path(&name.value))
            }
            Statement::ShowMaterializedViews(None) => f.write_str("SHOW MATERIALIZED VIEWS"),
            Statement::ShowMaterializedViews(Some(schema)) => {
                write!(f, "SHOW MATERIALIZED VIEWS FROM {}", Path(&schema.value))
            }
            Statement::ShowSettings => f.write_str("SHOW SETTINGS"),
            Statement::Set(set) => write!(f, "{set}"),
            Statement::Reset(name) => write!(f, "RESET {}", setting(&name.value)),
            Statement::CleanExports => f.write_str("CLEAN EXPORTS"),
            Statement::ShowAudit => f.write_str("SHOW AUDIT"),
            Statement::ShowCaches => f.write_str("SHOW CACHES"),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ExplainKind::Plan => "",
            ExplainKind::Analyze => "ANALYZE ",
            ExplainKind::Pushdown => "(PUSHDOWN) ",
        };
        write!(f, "EXPLAIN {kind}{}", self.statement)
    }
}

impl fmt::Display for Assert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ASSERT {}", self.condition)?;
        match &self.description {
            Some(description) => write!(f, " AS {}", quote_string(&description.value)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ExportData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EXPORT DATA")?;
        write_connection(f, self.connection.as_ref())?;
        write_options(f, &self.options.value, Texts::Shown)?;
        write!(f, " AS {}", self.query)
    }
}

/// ` OPTIONS (…)` with every text shown: for options whose secrets were already replaced.
#[derive(Clone, Copy, Debug)]
pub struct ShownOptions<'a>(pub &'a [SqlOption]);

impl fmt::Display for ShownOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_options(f, self.0, Texts::Shown)
    }
}

impl fmt::Display for CreateConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "CONNECTION", &self.name.value)?;
        write_options(f, &self.options.value, Texts::Hidden)
    }
}

impl fmt::Display for AlterConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let if_exists = if self.if_exists { "IF EXISTS " } else { "" };
        write!(f, "ALTER CONNECTION {if_exists}{} SET", Path(&self.name.value))?;
        write_options(f, &self.options.value, Texts::Hidden)
    }
}

impl fmt::Display for CreateSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "SCHEMA", &self.name.value)?;
        if self.options.value.is_empty() {
            Ok(())
        } else {
            write_options(f, &self.options.value, Texts::Shown)
        }
    }
}

impl fmt::Display for CreateExternalSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "EXTERNAL SCHEMA", &self.name.value)?;
        write_connection(f, self.connection.as_ref())?;
        write_options(f, &self.options.value, Texts::Shown)
    }
}

impl fmt::Display for CreateTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.temporary { "TEMP TABLE" } else { "TABLE" };
        write_create(f, self.creation, kind, &self.name.value)?;
        if let Some(columns) = &self.columns {
            write_columns(f, columns)?;
        }
        write_layout(f, self.partition_by.as_ref(), &self.cluster_by)?;
        write_connection(f, self.connection.as_ref())?;
        if !self.options.value.is_empty() {
            write_options(f, &self.options.value, Texts::Shown)?;
        }
        match &self.query {
            Some(query) => write!(f, " AS {query}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CopyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.temporary { "TEMP TABLE" } else { "TABLE" };
        write_create(f, self.creation, kind, &self.name.value)?;
        let word = match self.kind {
            CopyKind::Like => "LIKE",
            CopyKind::Copy => "COPY",
            CopyKind::Clone => "CLONE",
        };
        write!(f, " {word} {}", Path(&self.source.value))?;
        if let Some(as_of) = &self.as_of {
            write!(f, " FOR SYSTEM_TIME AS OF {}", as_of.value)?;
        }
        match self.options.value.is_empty() {
            true => Ok(()),
            false => write_options(f, &self.options.value, Texts::Shown),
        }
    }
}

impl fmt::Display for AlterTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let if_exists = if self.if_exists { "IF EXISTS " } else { "" };
        write!(f, "ALTER TABLE {if_exists}{}", Path(&self.name.value))?;
        for (index, action) in self.actions.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { " " })?;
            write!(f, "{action}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TableAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = |if_exists: &bool| if *if_exists { "IF EXISTS " } else { "" };
        match self {
            TableAction::AddColumn { if_not_exists, column } => {
                f.write_str(if *if_not_exists { "ADD COLUMN IF NOT EXISTS " } else { "ADD COLUMN " })?;
                write_column(f, column)
            }
            TableAction::DropColumn { if_exists, column } => {
                write!(f, "DROP COLUMN {}{}", when(if_exists), quote_identifier(&column.value))
            }
            TableAction::RenameColumn { if_exists, column, to } => {
                let (column, to) = (quote_identifier(&column.value), quote_identifier(&to.value));
                write!(f, "RENAME COLUMN {}{column} TO {to}", when(if_exists))
            }
            TableAction::RenameTo(name) => write!(f, "RENAME TO {}", quote_identifier(&name.value)),
            TableAction::SetOptions(options) => {
                f.write_str("SET")?;
                write_options(f, &options.value, Texts::Shown)
            }
            TableAction::SetDataType { if_exists, column, column_type } => {
                let column = quote_identifier(&column.value);
                write!(f, "ALTER COLUMN {}{column} SET DATA TYPE {}", when(if_exists), column_type.value)
            }
            TableAction::DropNotNull { if_exists, column } => {
                let column = quote_identifier(&column.value);
                write!(f, "ALTER COLUMN {}{column} DROP NOT NULL", when(if_exists))
            }
        }
    }
}

impl fmt::Display for LoadData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.overwrite { "OVERWRITE" } else { "INTO" };
        let kind = if self.temporary { "TEMP TABLE " } else { "" };
        write!(f, "LOAD DATA {word} {kind}{}", Path(&self.name.value))?;
        if let Some(columns) = &self.columns {
            write_columns(f, columns)?;
        }
        if let Some(partitions) = &self.partitions {
            write!(f, " PARTITIONS {}", partitions.value)?;
        }
        write_layout(f, self.partition_by.as_ref(), &self.cluster_by)?;
        if !self.options.value.is_empty() {
            write_options(f, &self.options.value, Texts::Shown)?;
        }
        f.write_str(" FROM")?;
        write_option_list(f, " FILES (", &self.files.value, Texts::Shown)?;
        write_partition_columns(f, &self.partition_columns)?;
        write_connection(f, self.connection.as_ref())
    }
}

impl fmt::Display for Insert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INSERT INTO {}", Path(&self.target.value))?;
        if let Some(columns) = &self.columns {
            write_list(f, " (", columns, ")", |f, column| f.write_str(&quote_identifier(&column.value)))?;
        }
        write!(f, " {}", self.query)
    }
}

impl fmt::Display for CreateExternalTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "EXTERNAL TABLE", &self.name.value)?;
        if let Some(columns) = &self.columns {
            write_columns(f, columns)?;
        }
        write_partition_columns(f, &self.partition_columns)?;
        write_connection(f, self.connection.as_ref())?;
        write_options(f, &self.options.value, Texts::Shown)
    }
}

impl fmt::Display for CreateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "VIEW", &self.name.value)?;
        if let Some(columns) = &self.columns {
            write_list(f, " (", columns, ")", |f, column| f.write_str(&quote_identifier(&column.value)))?;
        }
        write!(f, " AS {}", self.query)
    }
}

impl fmt::Display for CreateMaterializedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_create(f, self.creation, "MATERIALIZED VIEW", &self.name.value)?;
        write_layout(f, self.partition_by.as_ref(), &self.cluster_by)?;
        if !self.options.value.is_empty() {
            write_options(f, &self.options.value, Texts::Shown)?;
        }
        write!(f, " AS {}", self.query)
    }
}

impl fmt::Display for SetSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SET {} = ", setting(&self.name.value))?;
        write_literal(f, &self.value.value, Texts::Shown)
    }
}

/// A name whose every part is quoted where it has to be.
struct Path<'a>(&'a Name);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.0.iter().map(|part| quote_identifier(part)).collect();
        f.write_str(&parts.join("."))
    }
}

/// Whether string values are printed.
#[derive(Clone, Copy)]
enum Texts {
    Shown,
    Hidden,
}

fn write_create(f: &mut fmt::Formatter<'_>, creation: Creation, kind: &str, name: &Name) -> fmt::Result {
    let (before, after) = match creation {
        Creation::New => ("", ""),
        Creation::OrReplace => ("OR REPLACE ", ""),
        Creation::IfNotExists => ("", "IF NOT EXISTS "),
    };
    write!(f, "CREATE {before}{kind} {after}{}", Path(name))
}

fn write_drop(f: &mut fmt::Formatter<'_>, kind: &str, drop: &Drop) -> fmt::Result {
    let if_exists = if drop.if_exists { "IF EXISTS " } else { "" };
    let behavior = match drop.behavior {
        DropBehavior::Unspecified => "",
        DropBehavior::Restrict => " RESTRICT",
        DropBehavior::Cascade => " CASCADE",
    };
    write!(f, "DROP {kind} {if_exists}{}{behavior}", Path(&drop.name.value))
}

fn write_connection(f: &mut fmt::Formatter<'_>, connection: Option<&ConnectionReference>) -> fmt::Result {
    match connection {
        None => Ok(()),
        Some(ConnectionReference::Default(_)) => f.write_str(" WITH CONNECTION DEFAULT"),
        Some(ConnectionReference::Named(name)) => write!(f, " WITH CONNECTION {}", Path(&name.value)),
    }
}

fn write_columns(f: &mut fmt::Formatter<'_>, columns: &[ColumnDefinition]) -> fmt::Result {
    write_list(f, " (", columns, ")", write_column)
}

fn write_column(f: &mut fmt::Formatter<'_>, column: &ColumnDefinition) -> fmt::Result {
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    write!(f, "{} {}{not_null}", quote_identifier(&column.name.value), column.column_type.value)
}

fn write_partition_columns(f: &mut fmt::Formatter<'_>, columns: &PartitionColumns) -> fmt::Result {
    match columns {
        PartitionColumns::None => Ok(()),
        PartitionColumns::Inferred => f.write_str(" WITH PARTITION COLUMNS"),
        PartitionColumns::Listed(columns) => {
            f.write_str(" WITH PARTITION COLUMNS")?;
            write_columns(f, columns)
        }
    }
}

fn write_layout(
    f: &mut fmt::Formatter<'_>,
    partition_by: Option<&Spanned<String>>,
    cluster_by: &[Spanned<String>],
) -> fmt::Result {
    if let Some(partition_by) = partition_by {
        write!(f, " PARTITION BY {}", partition_by.value)?;
    }
    if cluster_by.is_empty() {
        return Ok(());
    }
    write_list(f, " CLUSTER BY ", cluster_by, "", |f, column| f.write_str(&quote_identifier(&column.value)))
}

fn write_options(f: &mut fmt::Formatter<'_>, options: &[SqlOption], texts: Texts) -> fmt::Result {
    write_option_list(f, " OPTIONS (", options, texts)
}

fn write_option_list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    options: &[SqlOption],
    texts: Texts,
) -> fmt::Result {
    write_list(f, before, options, ")", |f, option| {
        write!(f, "{} = ", quote_identifier(&option.name.value))?;
        write_literal(f, &option.value.value, texts)
    })
}

fn write_literal(f: &mut fmt::Formatter<'_>, literal: &OptionLiteral, texts: Texts) -> fmt::Result {
    match literal {
        OptionLiteral::Null => f.write_str("NULL"),
        OptionLiteral::Bool(true) => f.write_str("TRUE"),
        OptionLiteral::Bool(false) => f.write_str("FALSE"),
        OptionLiteral::Int64(value) => write!(f, "{value}"),
        OptionLiteral::Float64(value) => write!(f, "{value:?}"),
        OptionLiteral::String(text) => f.write_str(&match texts {
            Texts::Shown => quote_string(text.expose_secret()),
            Texts::Hidden => quote_string(Secret::PLACEHOLDER),
        }),
        OptionLiteral::Array(items) => {
            write_list(f, "[", items, "]", |f, item| write_literal(f, item, texts))
        }
        OptionLiteral::Env(name) => write!(f, "ENV({})", quote_string(name)),
        OptionLiteral::File(path) => write!(f, "FILE({})", quote_string(path)),
        OptionLiteral::Prompt => f.write_str("PROMPT()"),
        OptionLiteral::Other("INTERVAL", text) => write!(f, "INTERVAL {text}"),
        OptionLiteral::Other(name, text) => match texts {
            Texts::Shown => write!(f, "{name} {}", quote_string(text)),
            Texts::Hidden => write!(f, "{name} {}", quote_string(Secret::PLACEHOLDER)),
        },
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    items: &[T],
    after: &str,
    mut write_item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str(before)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_item(f, item)?;
    }
    f.write_str(after)
}

/// A setting's name, whose dots are its own.
fn setting(name: &str) -> String {
    if name == "all" {
        return "ALL".to_string();
    }
    name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".")
}

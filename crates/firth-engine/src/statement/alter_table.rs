//! ALTER TABLE: what becomes of a table's columns, by BigQuery's rules. Rows are not written anew: files hold their columns
//! under numbers, and what a file lacks is NULL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use firth_catalog::{DatasetKind, NativeShape, TableName, numbered_columns};
use firth_connector::{GivenOption, GivenValue, Options};
use firth_diagnostic::{Code, Diagnostic, Name, Result, Spanned, did_you_mean};
use firth_sql::{AlterTable, ColumnDefinition, TableAction, TokenKind, lex};

use super::{
    audited,
    create_table::{TABLE_OPTIONS, stored},
    options,
};
use crate::{
    Outcome, Session,
    files::{declared_field, sql_type},
    resolve::{Resolver, no_table},
};

/// Digits before the point that an INT64 may have.
const INT64_DIGITS: i16 = 19;

pub(super) fn execute(session: &Session, resolver: &Resolver<'_>, statement: &AlterTable) -> Result<Outcome> {
    let result = alter(session, resolver, statement).map_err(|error| error.or_at(statement.name.span));
    audited(session, "ALTER_TABLE", &statement.name.value.dotted(), result)
}

fn alter(session: &Session, resolver: &Resolver<'_>, statement: &AlterTable) -> Result<Outcome> {
    let home = resolver.home_of(&statement.name.value, false)?;
    if !home.is_temporary {
        match resolver.dataset(&home.name.dataset_name())?.kind {
            DatasetKind::Native => {}
            DatasetKind::External { .. } => {
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("{} is a table of a database, and ALTER TABLE takes Firth's own", home.name),
                )
                .hint("Alter it at its source."));
            }
        }
    }
    if home.catalog.table(&home.name)?.is_none() {
        if statement.if_exists {
            return Ok(Outcome::nothing());
        }
        let tables = home.catalog.tables(&home.name.dataset_name())?;
        return Err(no_table(&home.name, tables.iter().map(|table| table.name.table.as_str())));
    }
    let options = match statement.actions.as_slice() {
        [TableAction::SetOptions(list)] => {
            let given = options::given(session, &list.value)?;
            Some((Options::validate("tables", TABLE_OPTIONS, &given, list.span)?, given))
        }
        _ => None,
    };
    home.catalog.alter_native_table(session.actor(), &home.name, &|mut shape| {
        for action in &statement.actions {
            apply(&mut shape, action)?;
        }
        if let Some((options, given)) = &options {
            set_options(&mut shape, options, given);
        }
        session.checkpoints.reach("table_to_be_altered");
        Ok(shape)
    })?;
    session.checkpoints.reach("table_altered");
    Ok(Outcome::nothing())
}

fn apply(shape: &mut NativeShape, action: &TableAction) -> Result<()> {
    match action {
        TableAction::AddColumn { if_not_exists, column } => add(shape, column, *if_not_exists),
        TableAction::DropColumn { if_exists, column } => {
            let Some(at) = place(shape, column, *if_exists)? else { return Ok(()) };
            refuse_layout(shape, column, "dropped")?;
            if shape.columns.len() == 1 {
                return Err(Diagnostic::error(Code::Invalid, "a table has at least one column")
                    .at(column.span)
                    .hint("DROP TABLE drops the table."));
            }
            shape.columns.remove(at);
            Ok(())
        }
        TableAction::RenameColumn { if_exists, column, to } => {
            let Some(at) = place(shape, column, *if_exists)? else { return Ok(()) };
            refuse_layout(shape, column, "renamed")?;
            if found(shape, &to.value).is_some_and(|other| other != at) {
                return Err(exists(to));
            }
            change(&mut shape.columns[at], |field| field.with_name(&to.value));
            Ok(())
        }
        TableAction::RenameTo(to) => {
            let name = TableName::try_from_name(&Name(vec![to.value.clone()]));
            shape.name.table = name.map_err(|error| error.or_at(to.span))?.table;
            Ok(())
        }
        TableAction::SetDataType { if_exists, column, column_type } => {
            let Some(at) = place(shape, column, *if_exists)? else { return Ok(()) };
            let to = declared_field(&column.value, &column_type.value, true);
            let from = Arc::clone(&shape.columns[at]);
            if sql_type(&from) == sql_type(&to) {
                return Ok(());
            }
            if !widens(from.data_type(), to.data_type()) {
                let (from, to) = (sql_type(&from), sql_type(&to));
                let message = format!("column {:?} cannot become {to}: it is {from}", column.value);
                return Err(Diagnostic::error(Code::Invalid, message).at(column_type.span).hint(
                    "INT64 becomes NUMERIC or FLOAT64, and NUMERIC one of more digits or FLOAT64. For other types make the \
                     table anew by CREATE TABLE … AS SELECT.",
                ));
            }
            holds(&to).map_err(|error| error.or_at(column_type.span))?;
            change(&mut shape.columns[at], |field| field.with_data_type(to.data_type().clone()));
            Ok(())
        }
        TableAction::DropNotNull { if_exists, column } => {
            if let Some(at) = place(shape, column, *if_exists)? {
                change(&mut shape.columns[at], |field| field.with_nullable(true));
            }
            Ok(())
        }
        // Read before the catalog is asked: an option's value may come from elsewhere.
        TableAction::SetOptions(_) => Ok(()),
    }
}

fn add(shape: &mut NativeShape, column: &ColumnDefinition, if_not_exists: bool) -> Result<()> {
    let name = &column.name;
    if found(shape, &name.value).is_some() {
        return if if_not_exists { Ok(()) } else { Err(exists(name)) };
    }
    if column.not_null {
        let message = format!("column {:?} cannot be added as NOT NULL", name.value);
        return Err(Diagnostic::error(Code::Invalid, message)
            .at(name.span)
            .detail("the rows that are there have no value for it")
            .hint("Add it without NOT NULL."));
    }
    let field = declared_field(&name.value, &column.column_type.value, true);
    holds(&field).map_err(|error| error.or_at(column.column_type.span))?;
    shape.columns.push(Arc::new(field));
    Ok(())
}

fn change(column: &mut FieldRef, to: impl FnOnce(Field) -> Field) {
    *column = Arc::new(to(column.as_ref().clone()));
}

/// Fails on a type that native tables do not have.
fn holds(field: &Field) -> Result<()> {
    numbered_columns(&Schema::new(vec![field.clone()]), 1).map(|_| ())
}

fn found(shape: &NativeShape, name: &str) -> Option<usize> {
    shape.columns.iter().position(|field| field.name().eq_ignore_ascii_case(name))
}

/// Where the column is. `None`: there is none, and that is no error.
fn place(shape: &NativeShape, column: &Spanned<String>, if_exists: bool) -> Result<Option<usize>> {
    let found = found(shape, &column.value);
    if found.is_some() || if_exists {
        return Ok(found);
    }
    let near = did_you_mean(&column.value, shape.columns.iter().map(|field| field.name().as_str()));
    Err(Diagnostic::error(Code::NotFound, format!("the table has no column {:?}", column.value))
        .at(column.span)
        .hint_if(near.map(|near| format!("Did you mean {near:?}?"))))
}

fn exists(column: &Spanned<String>) -> Diagnostic {
    Diagnostic::error(Code::AlreadyExists, format!("the table has a column {:?} already", column.value))
        .at(column.span)
}

/// Columns of PARTITION BY and CLUSTER BY stay, as in BigQuery.
fn refuse_layout(shape: &NativeShape, column: &Spanned<String>, what: &str) -> Result<()> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(&column.value);
    let partition_by = shape.table.partition_by.as_deref().unwrap_or_default();
    let partitions = lex(partition_by).iter().any(|token| {
        let text = token.text(partition_by);
        match token.kind {
            TokenKind::Word => is_it(text),
            TokenKind::QuotedIdentifier => is_it(text.trim_matches('`')),
            _ => false,
        }
    });
    let clause = match (partitions, shape.table.cluster_by.iter().any(|name| is_it(name))) {
        (true, _) => "PARTITION BY",
        (false, true) => "CLUSTER BY",
        (false, false) => return Ok(()),
    };
    let message = format!("column {:?} cannot be {what}: the table's {clause} has it", column.value);
    Err(Diagnostic::error(Code::Invalid, message)
        .at(column.span)
        .hint("Make the table anew by CREATE TABLE … AS SELECT."))
}

/// Whether every value of one type is one of the other, in BigQuery's sense: FLOAT64 rounds.
fn widens(from: &DataType, to: &DataType) -> bool {
    let digits = |precision: &u8, scale: &i8| (i16::from(*precision) - i16::from(*scale), *scale);
    match (from, to) {
        (DataType::Int64 | DataType::Decimal128(..), DataType::Float64) => true,
        (DataType::Int64, DataType::Decimal128(p, s) | DataType::Decimal256(p, s)) => {
            digits(p, s).0 >= INT64_DIGITS
        }
        (DataType::Decimal128(p, s), DataType::Decimal128(to_p, to_s) | DataType::Decimal256(to_p, to_s)) => {
            let (from, to) = (digits(p, s), digits(to_p, to_s));
            to.0 >= from.0 && to.1 >= from.1
        }
        _ => false,
    }
}

/// Options with NULL are unset, and those that are not given stay.
fn set_options(shape: &mut NativeShape, options: &Options, given: &[GivenOption]) {
    for option in given.iter().filter(|option| matches!(option.value.value, GivenValue::Null)) {
        shape.table.options.retain(|name, _| !name.eq_ignore_ascii_case(&option.name.value));
    }
    shape.table.options.extend(stored(options));
    let description = shape.table.options.get("description").and_then(|text| text.as_str());
    shape.description = description.map(str::to_owned);
}

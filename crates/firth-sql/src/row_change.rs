//! UPDATE, DELETE and MERGE as queries: a row for each row that changes, with where it is and what becomes of it.
//!
//! ```text
//! UPDATE t SET a = x WHERE c   →  SELECT file, row, 2, x, t.b FROM target AS t WHERE c
//! DELETE FROM t WHERE c        →  SELECT file, row, 3 FROM target AS t WHERE c
//! MERGE t USING s ON c WHEN …  →  SELECT file, row, CASE … END, CASE … END, … FROM target AS t JOIN s ON c
//! ```
//!
//! The target has two columns more than the table: the file that a row is in, and its place there.

use std::ops::ControlFlow;

use firth_diagnostic::{Code, Diagnostic, Result, Span, did_you_mean};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    self, Assignment, AssignmentTarget, BinaryOperator, CaseWhen, DataType, ExactNumberInfo, Expr, FromTable,
    Ident, Join, JoinConstraint, JoinOperator, MergeAction, MergeClause, MergeClauseKind, MergeInsertKind,
    ObjectName, SelectItem, TableAlias, TableFactor, TableWithJoins, TimezoneInfo, UpdateTableFromKind,
    Value,
};

use crate::parse::{is_default, place};
use crate::rewrite::build;
use crate::{ColumnType, Query, RowChange};

/// The name by which the query calls the table whose rows change.
pub const TARGET_TABLE: &str = "firth target";
/// The target's column that says which file a row is in.
pub const FILE_COLUMN: &str = "firth_file";
/// The target's column that says which row of its file it is, from 0.
pub const ROW_COLUMN: &str = "firth_row";
/// The query's column that says what becomes of a row: an [`Action`]'s number, or NULL for nothing.
pub const ACTION_COLUMN: &str = "firth_action";

/// The column of a MERGE's source that is there if the source has a row.
const THERE: &str = "firth_there";

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Insert,
    /// It goes, and another takes its place.
    Update,
    /// It goes.
    Delete,
}

impl Action {
    /// Its number in [`ACTION_COLUMN`].
    pub const fn number(self) -> i64 {
        match self {
            Action::Insert => 1,
            Action::Update => 2,
            Action::Delete => 3,
        }
    }

    /// The action of this number.
    pub fn of_number(number: i64) -> Option<Self> {
        [Action::Insert, Action::Update, Action::Delete].into_iter().find(|action| action.number() == number)
    }
}

impl RowChange {
    /// The first of these columns of the target that the statement leaves to its DEFAULT: by the word, or as a column that
    /// INSERT of MERGE does not list.
    pub fn left_to_default<'a>(&self, columns: &'a [String]) -> Option<&'a str> {
        let of = |name: &ObjectName| {
            let last = name.0.last().and_then(|part| part.as_ident())?;
            columns.iter().find(|column| column.eq_ignore_ascii_case(&last.value))
        };
        let assigned = |assignments: &[Assignment]| {
            assignments.iter().filter(|assignment| is_default(&assignment.value)).find_map(|assignment| {
                match &assignment.target {
                    AssignmentTarget::ColumnName(name) => of(name),
                    AssignmentTarget::Tuple(names) => names.iter().find_map(of),
                }
            })
        };
        let found = match self.tree.as_ref() {
            ast::Statement::Update(update) => assigned(&update.assignments),
            ast::Statement::Merge(merge) => merge.clauses.iter().find_map(|clause| match &clause.action {
                MergeAction::Update(update) => assigned(&update.assignments),
                MergeAction::Insert(insert) => {
                    let says_default = match &insert.kind {
                        MergeInsertKind::Values(values) => {
                            values.rows.iter().any(|row| row.content.iter().any(is_default))
                        }
                        MergeInsertKind::Row => false,
                    };
                    let listed: Vec<&String> = insert.columns.iter().filter_map(of).collect();
                    let omitted = columns.iter().find(|column| !listed.contains(column));
                    match (says_default, insert.columns.is_empty()) {
                        // Which of the values it is does not matter: the statement has to be written otherwise.
                        (true, _) => columns.first(),
                        (false, true) => None,
                        (false, false) => omitted,
                    }
                }
                MergeAction::Delete { .. } => None,
            }),
            _ => None,
        };
        found.map(String::as_str)
    }

    /// A query that has the columns of a MERGE's source.
    pub fn source(&self) -> Option<Query> {
        let ast::Statement::Merge(merge) = self.tree.as_ref() else { return None };
        let every = SelectItem::Wildcard(ast::WildcardAdditionalOptions::default());
        Some(self.as_query(build::select(vec![every], vec![from(merge.source.clone())], None)))
    }

    /// The query. Its columns are [`FILE_COLUMN`], [`ROW_COLUMN`], [`ACTION_COLUMN`], and, but for DELETE, one for each of
    /// `columns`, the target's. `source_columns` are those of [`Self::source`].
    pub fn query(&self, columns: &[(String, ColumnType)], source_columns: &[String]) -> Result<Query> {
        let body = match self.tree.as_ref() {
            ast::Statement::Update(update) => self.update(update, columns)?,
            ast::Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
                let [table] = tables.as_slice() else {
                    return Err(Diagnostic::internal("DELETE of no table"));
                };
                let target = Target::of(&table.relation)?;
                let items = target.place(build::number(Action::Delete.number()));
                build::select(items, vec![from(target.factor)], delete.selection.clone())
            }
            ast::Statement::Merge(merge) => self.merge(merge, columns, source_columns)?,
            _ => return Err(Diagnostic::internal("a change of rows that is none")),
        };
        Ok(self.as_query(body))
    }

    fn as_query(&self, tree: Box<ast::Query>) -> Query {
        Query { tree, text: self.text.clone(), span: self.span }
    }

    fn update(&self, update: &ast::Update, columns: &[(String, ColumnType)]) -> Result<Box<ast::Query>> {
        let target = Target::of(&update.table.relation)?;
        let values = self.assigned(&update.assignments, columns, &target.alias)?;
        let mut items = target.place(build::number(Action::Update.number()));
        items.extend(values.into_iter().zip(columns).enumerate().map(|(index, (value, column))| {
            named(value.unwrap_or_else(|| target.column(&column.0)), &output_column(index))
        }));
        let mut tables = vec![from(target.factor)];
        if let Some(UpdateTableFromKind::AfterSet(others) | UpdateTableFromKind::BeforeSet(others)) =
            &update.from
        {
            tables.extend(others.iter().cloned());
        }
        Ok(build::select(items, tables, update.selection.clone()))
    }

    fn merge(
        &self,
        merge: &ast::Merge,
        columns: &[(String, ColumnType)],
        source_columns: &[String],
    ) -> Result<Box<ast::Query>> {
        let target = Target::of(&merge.table)?;
        let source_alias = alias_of(&merge.source).ok_or_else(|| {
            self.invalid("the source of MERGE needs a name").hint("Write USING (…) AS name.")
        })?;
        let in_target = Expr::IsNotNull(Box::new(target.column(FILE_COLUMN)));
        let there = column_of(&source_alias, THERE);
        let in_source = Expr::IsNotNull(Box::new(there));
        let mut actions = Vec::new();
        let mut values: Vec<Vec<CaseWhen>> = vec![Vec::new(); columns.len()];
        let (mut keeps_source, mut keeps_target) = (false, false);
        for clause in &merge.clauses {
            let state = match clause.clause_kind {
                MergeClauseKind::Matched => {
                    build::binary(in_target.clone(), BinaryOperator::And, in_source.clone())
                }
                MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
                    keeps_source = true;
                    Expr::IsNull(Box::new(target.column(FILE_COLUMN)))
                }
                MergeClauseKind::NotMatchedBySource => {
                    keeps_target = true;
                    Expr::IsNull(Box::new(column_of(&source_alias, THERE)))
                }
            };
            // Where one side has no row, the other's columns alone are in scope.
            let mut clause = clause.clone();
            match clause.clause_kind {
                MergeClauseKind::Matched => {}
                MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
                    qualify(&mut clause, &source_alias, |name| {
                        source_columns.iter().any(|column| column.eq_ignore_ascii_case(name))
                    });
                }
                MergeClauseKind::NotMatchedBySource => qualify(&mut clause, &target.alias, |name| {
                    columns.iter().any(|(column, _)| column.eq_ignore_ascii_case(name))
                }),
            }
            let condition = match clause.predicate.clone() {
                Some(predicate) => {
                    build::binary(state, BinaryOperator::And, Expr::Nested(Box::new(predicate)))
                }
                None => state,
            };
            let (action, row) = self.clause(&clause, &target, &source_alias, columns, source_columns)?;
            actions.push(CaseWhen { condition: condition.clone(), result: build::number(action.number()) });
            for (cases, value) in values.iter_mut().zip(row) {
                cases.push(CaseWhen { condition: condition.clone(), result: value });
            }
        }
        let mut items = target.place(cases(actions));
        items.extend(
            values.into_iter().enumerate().map(|(index, column)| named(cases(column), &output_column(index))),
        );
        let on = JoinConstraint::On(merge.on.as_ref().clone());
        let join_operator = match (keeps_target, keeps_source) {
            (true, true) => JoinOperator::FullOuter(on),
            (true, false) => JoinOperator::LeftOuter(on),
            (false, true) => JoinOperator::RightOuter(on),
            (false, false) => JoinOperator::Inner(on),
        };
        let join = Join { relation: marked(&merge.source, &source_alias), global: false, join_operator };
        let tables = vec![TableWithJoins { relation: target.factor, joins: vec![join] }];
        Ok(build::select(items, tables, None))
    }

    /// What a clause of MERGE does, and the row that it makes.
    fn clause(
        &self,
        clause: &MergeClause,
        target: &Target,
        source_alias: &str,
        columns: &[(String, ColumnType)],
        source_columns: &[String],
    ) -> Result<(Action, Vec<Expr>)> {
        match &clause.action {
            MergeAction::Delete { .. } => Ok((Action::Delete, vec![build::null(); columns.len()])),
            MergeAction::Update(update) => {
                let values = self.assigned(&update.assignments, columns, &target.alias)?;
                let row = values.into_iter().zip(columns);
                let row = row.map(|(value, column)| value.unwrap_or_else(|| target.column(&column.0)));
                Ok((Action::Update, row.collect()))
            }
            MergeAction::Insert(insert) => {
                let listed: Vec<usize> = match insert.columns.as_slice() {
                    [] => (0..columns.len()).collect(),
                    names => names
                        .iter()
                        .map(|name| self.column_index(name, columns, &target.alias))
                        .collect::<Result<_>>()?,
                };
                let given: Vec<Expr> = match &insert.kind {
                    MergeInsertKind::Row => {
                        source_columns.iter().map(|column| column_of(source_alias, column)).collect()
                    }
                    MergeInsertKind::Values(values) => match values.rows.as_slice() {
                        [row] => row.content.clone(),
                        _ => return Err(self.invalid("INSERT of MERGE has more than one row")),
                    },
                };
                if given.len() != listed.len() {
                    return Err(self.invalid(format!(
                        "INSERT of MERGE has {} values for {} columns",
                        given.len(),
                        listed.len()
                    )));
                }
                let mut row = vec![build::null(); columns.len()];
                for (index, value) in listed.into_iter().zip(given) {
                    row[index] = typed(&value, &columns[index].1);
                }
                Ok((Action::Insert, row))
            }
        }
    }

    /// The new value of each column, where it has one.
    fn assigned(
        &self,
        assignments: &[Assignment],
        columns: &[(String, ColumnType)],
        alias: &str,
    ) -> Result<Vec<Option<Expr>>> {
        let mut values = vec![None; columns.len()];
        for assignment in assignments {
            let AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(self.invalid("a list of columns cannot be assigned"));
            };
            let index = self.column_index(name, columns, alias)?;
            let value = typed(&assignment.value, &columns[index].1);
            if values[index].replace(value).is_some() {
                return Err(self.invalid(format!("column {:?} is assigned twice", columns[index].0)));
            }
        }
        Ok(values)
    }

    fn column_index(
        &self,
        name: &ObjectName,
        columns: &[(String, ColumnType)],
        alias: &str,
    ) -> Result<usize> {
        let span = place(ast::Spanned::span(name)).unwrap_or(self.span);
        let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let column = match parts.as_slice() {
            [column] => column,
            [table, column] if table.value.eq_ignore_ascii_case(alias) => column,
            _ => {
                let path: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                return Err(Diagnostic::error(
                    Code::Unsupported,
                    format!("a change of a field of a STRUCT, {:?}, is not in this version", path.join(".")),
                )
                .at(span)
                .hint("Assign the whole column."));
            }
        };
        let found = columns.iter().position(|(known, _)| known.eq_ignore_ascii_case(&column.value));
        found.ok_or_else(|| {
            let near = did_you_mean(&column.value, columns.iter().map(|(name, _)| name.as_str()));
            Diagnostic::error(Code::NotFound, format!("the table has no column {:?}", column.value))
                .at(span)
                .hint_if(near.map(|near| format!("Did you mean {near:?}?")))
        })
    }

    fn invalid(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Code::Invalid, message).at(Span::new(self.span.start, self.span.start))
    }
}

/// The table whose rows change, under the name that the statement gives it.
struct Target {
    alias: String,
    factor: TableFactor,
}

impl Target {
    fn of(factor: &TableFactor) -> Result<Self> {
        let alias = alias_of(factor).ok_or_else(|| Diagnostic::internal("a target without a name"))?;
        let factor = build::table(TARGET_TABLE, Some(table_alias(&alias)));
        Ok(Target { alias, factor })
    }

    fn column(&self, name: &str) -> Expr {
        column_of(&self.alias, name)
    }

    /// The columns that every change begins with.
    fn place(&self, action: Expr) -> Vec<SelectItem> {
        vec![
            named(self.column(FILE_COLUMN), FILE_COLUMN),
            named(self.column(ROW_COLUMN), ROW_COLUMN),
            named(action, ACTION_COLUMN),
        ]
    }
}

/// The value with its column's type, where it is a literal: those coerce, and among other values the planner would
/// not know. DEFAULT is NULL.
fn typed(value: &Expr, column_type: &ColumnType) -> Expr {
    if is_default(value) {
        return build::null();
    }
    let is_number =
        |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    let is_numeric = is_number(value) || matches!(value, Expr::UnaryOp { expr, .. } if is_number(expr));
    let data_type = match column_type {
        ColumnType::Date => DataType::Date,
        ColumnType::Datetime => DataType::Datetime(None),
        ColumnType::Time => DataType::Time(None, TimezoneInfo::None),
        ColumnType::Timestamp => DataType::Timestamp(None, TimezoneInfo::None),
        ColumnType::Numeric(_) if is_numeric => DataType::Numeric(ExactNumberInfo::None),
        ColumnType::Float64 if is_numeric => DataType::Float64,
        _ => return value.clone(),
    };
    if is_numeric || build::literal_string(value).is_some() {
        build::cast(value.clone(), data_type)
    } else {
        value.clone()
    }
}

/// Puts the table before the columns that a clause names alone. Subqueries have columns of their own, and are left.
fn qualify(clause: &mut MergeClause, table: &str, is_column: impl Fn(&str) -> bool) {
    let values = match &mut clause.action {
        MergeAction::Insert(insert) => match &mut insert.kind {
            MergeInsertKind::Values(values) => {
                values.rows.iter_mut().flat_map(|row| &mut row.content).collect()
            }
            MergeInsertKind::Row => Vec::new(),
        },
        MergeAction::Update(update) => {
            update.assignments.iter_mut().map(|assignment| &mut assignment.value).collect()
        }
        MergeAction::Delete { .. } => Vec::new(),
    };
    for expr in values.into_iter().chain(&mut clause.predicate) {
        let has_query = ast::visit_expressions(expr, |expr| match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        if has_query.is_break() {
            continue;
        }
        let _ = ast::visit_expressions_mut(expr, |expr| {
            if let Expr::Identifier(ident) = expr
                && is_column(&ident.value)
            {
                *expr = Expr::CompoundIdentifier(vec![build::identifier(table), ident.clone()]);
            }
            ControlFlow::<()>::Continue(())
        });
    }
}

fn output_column(index: usize) -> String {
    format!("firth_column_{index}")
}

fn column_of(table: &str, column: &str) -> Expr {
    Expr::CompoundIdentifier(vec![build::identifier(table), build::identifier(column)])
}

fn named(expr: Expr, alias: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: build::identifier(alias) }
}

fn from(relation: TableFactor) -> TableWithJoins {
    TableWithJoins { relation, joins: Vec::new() }
}

/// The name by which columns of a table in FROM are qualified.
fn alias_of(factor: &TableFactor) -> Option<String> {
    let (alias, name) = match factor {
        TableFactor::Table { alias, name, .. } => (alias, Some(name)),
        TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (alias, None),
        _ => return None,
    };
    if let Some(alias) = alias {
        return Some(alias.name.value.clone());
    }
    let last = name?.0.last()?.as_ident()?.value.clone();
    last.rsplit('.').next().map(str::to_owned)
}

/// `(SELECT *, TRUE AS there FROM source) AS alias`: tells a source's row of NULLs from no row.
fn marked(source: &TableFactor, alias: &str) -> TableFactor {
    let every = SelectItem::Wildcard(ast::WildcardAdditionalOptions::default());
    let there = named(build::value(Value::Boolean(true)), THERE);
    TableFactor::Derived {
        lateral: false,
        subquery: build::select(vec![every, there], vec![from(source.clone())], None),
        alias: Some(table_alias(alias)),
        sample: None,
    }
}

fn cases(conditions: Vec<CaseWhen>) -> Expr {
    if conditions.is_empty() {
        return build::null();
    }
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: None,
    }
}

fn table_alias(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: build::identifier(name), columns: Vec::new(), at: None }
}

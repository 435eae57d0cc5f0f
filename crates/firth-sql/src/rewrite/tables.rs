//! FROM: tables, CTEs, subqueries, EXTERNAL_QUERY, files and UNNEST.

use firth_diagnostic::{Code, Diagnostic, Name, Result, Span, Spanned};
use std::ops::ControlFlow;

use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    SelectItem, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, TableVersion,
    TableWithJoins, Value,
};

use super::scope::{Visible, lowered};
use super::{
    Rewriter, build,
    file_read::{is_read, named_file},
};
use crate::{ExternalQueryCall, PseudoColumns, TableReference};

/// The table function whose arguments are a connection and SQL for it.
const EXTERNAL_QUERY: &str = "EXTERNAL_QUERY";

impl Rewriter<'_> {
    pub(super) fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<()> {
        let start = self.scope.parts().list.len();
        self.table_factor(&mut table.relation)?;
        for join in &mut table.joins {
            self.join(join, start)?;
        }
        Ok(())
    }

    /// A join whose left side is the FROM's parts from `start`.
    fn join(&mut self, join: &mut Join, start: usize) -> Result<()> {
        let middle = self.scope.parts().list.len();
        self.table_factor(&mut join.relation)?;
        let constraint = match &mut join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint) => constraint,
            _ => return Err(self.unsupported("this kind of join", &join.relation)),
        };
        match constraint {
            JoinConstraint::On(condition) => self.expression(condition),
            JoinConstraint::Using(_) => self.using(join, start, middle),
            JoinConstraint::Natural | JoinConstraint::None => Ok(()),
        }
    }

    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<()> {
        let span = self.span_of(factor);
        match factor {
            TableFactor::Table { name, alias, args: Some(args), .. } if is_external_query(name) => {
                let call = self.external_query(args, span)?;
                let key = call.key.clone();
                self.external_queries.push(call);
                *factor = self.named_table(&key, alias.take(), &key, Vec::new(), span)?;
                Ok(())
            }
            TableFactor::Table { name, alias, args: Some(args), .. } if is_read(name) => {
                *factor = self.read(args, alias.take(), span)?;
                Ok(())
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                *name = ObjectName::from(
                    idents(name)
                        .iter()
                        .map(|ident| Ident::new(ident.value.to_lowercase()))
                        .collect::<Vec<_>>(),
                );
                for argument in &mut args.args {
                    self.argument(argument)?;
                }
                let default = name.to_string();
                self.alias(alias, &default, Vec::new(), span)
            }
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                Err(self.unsupported("TABLESAMPLE", factor))
            }
            TableFactor::Table { name, alias, version: None, .. } if named_file(name).is_some() => {
                let uri = named_file(name).unwrap_or_default();
                *factor = self.file(uri, alias.take())?;
                Ok(())
            }
            TableFactor::Table { name, alias, version, .. } => {
                let path: Vec<String> = idents(name).iter().map(|ident| ident.value.clone()).collect();
                let (alias, version) = (alias.take(), version.take());
                let as_of = match version {
                    None => None,
                    Some(TableVersion::ForSystemTimeAsOf(time)) => Some(time),
                    Some(_) => return Err(self.unsupported("this kind of time travel", factor)),
                };
                *factor = self.table(&path, alias, as_of, span)?;
                Ok(())
            }
            TableFactor::Derived { subquery, alias, .. } => {
                self.query(subquery)?;
                // DataFusion would let the names inside be seen outside.
                self.alias(alias, &format!("subquery_{}", span.start), Vec::new(), span)
            }
            TableFactor::UNNEST { array_exprs, alias, with_offset, with_offset_alias, .. } => {
                let lateral = !self.scope.parts().list.is_empty();
                for array in array_exprs.iter_mut() {
                    self.expression(array)?;
                    if !lateral {
                        refuse_columns(array, span)?;
                    }
                }
                let alias_of_offset = with_offset_alias.take();
                let offset = with_offset.then(|| {
                    alias_of_offset.map_or_else(|| build::identifier("offset"), |alias| lowered(&alias))
                });
                *with_offset = false;
                if offset.is_some()
                    && let [array] = array_exprs.as_slice()
                {
                    array_exprs.push(offsets(array));
                }
                self.unnest_alias(alias, offset, span)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.table_with_joins(table_with_joins)?;
                match alias {
                    Some(_) => self.alias(alias, "", Vec::new(), span),
                    None => Ok(()),
                }
            }
            TableFactor::Pivot { .. } => Err(self.unsupported("PIVOT", factor)),
            TableFactor::Unpivot { .. } => Err(self.unsupported("UNPIVOT", factor)),
            _ => Err(self.unsupported("this kind of table", factor)),
        }
    }

    /// A plain name in FROM: a CTE or a table. `FROM orders AS o, o.items` is an array of a table.
    fn table(
        &mut self,
        path: &[String],
        alias: Option<TableAlias>,
        as_of: Option<Expr>,
        span: Span,
    ) -> Result<TableFactor> {
        if let [single] = path
            && as_of.is_none()
            && let Some(planned_name) = self.scope.cte(single)
        {
            return self.named_table(&planned_name, alias, single, Vec::new(), span);
        }
        if path.len() > 1 && self.scope.has_alias(&path[0]) {
            return self.unnest_path(path, alias, span);
        }
        if path.iter().any(String::is_empty) {
            let message = format!("table name {:?} has an empty part", path.join("."));
            return Err(Diagnostic::error(Code::Invalid, message).at(span));
        }
        let last = path.last().map_or("", String::as_str);
        let called = alias.as_ref().map_or(last, |alias| alias.name.value.as_str());
        let pseudo = self.file_name.of_table(called);
        let mut key = self.table_key(path, pseudo);
        let as_of = match as_of {
            None => None,
            Some(mut time) => {
                self.expression(&mut time)?;
                key = format!("{key} as of {time}");
                let item = SelectItem::ExprWithAlias { expr: time, alias: build::identifier("time") };
                Some(build::select(vec![item], Vec::new(), None))
            }
        };
        let name = Name::new(path.iter().cloned());
        self.tables.push(TableReference { key: key.clone(), name, as_of, span, pseudo });
        self.named_table(&key, alias, last, path.to_vec(), span)
    }

    /// `FROM orders AS o, o.items`.
    fn unnest_path(
        &mut self,
        path: &[String],
        mut alias: Option<TableAlias>,
        span: Span,
    ) -> Result<TableFactor> {
        let idents: Vec<Ident> = path.iter().map(Ident::new).collect();
        if self.scope.is_outer(&lowered(&idents[0])) {
            return Err(unnest_of_a_column(span));
        }
        let mut array = Expr::CompoundIdentifier(idents);
        self.expression(&mut array)?;
        alias.get_or_insert_with(|| table_alias(&path[path.len() - 1]));
        self.unnest_alias(&mut alias, None, span)?;
        Ok(TableFactor::UNNEST {
            alias,
            array_exprs: vec![array],
            with_offset: false,
            with_offset_alias: None,
            with_ordinality: false,
        })
    }

    /// The dotted name, unless the key of an EXTERNAL_QUERY or of files could be the same. A table has another one where it
    /// has `_FILE_NAME`.
    fn table_key(&self, path: &[String], pseudo: PseudoColumns) -> String {
        let key = match path {
            [single] if single.starts_with("external_query_") || single.starts_with("file_read_") => {
                format!("`{single}`")
            }
            _ => path.join("."),
        };
        let file_name = if pseudo.file_name { " with _FILE_NAME" } else { "" };
        let data = if pseudo.data { " with _DATA" } else { "" };
        format!("{key}{file_name}{data}")
    }

    /// The table `key` as DataFusion is to see it, brought into scope.
    pub(super) fn named_table(
        &mut self,
        key: &str,
        mut alias: Option<TableAlias>,
        default: &str,
        path: Vec<String>,
        span: Span,
    ) -> Result<TableFactor> {
        self.alias(&mut alias, default, path, span)?;
        Ok(build::table(key, alias))
    }

    /// Lower-cases the alias, or makes one from `default`, and brings it into scope.
    fn alias(
        &mut self,
        alias: &mut Option<TableAlias>,
        default: &str,
        path: Vec<String>,
        span: Span,
    ) -> Result<()> {
        let path = if alias.is_some() { Vec::new() } else { path };
        let mut given = alias.take().unwrap_or_else(|| table_alias(default));
        given.name = alias_name(&given.name, span)?;
        for column in &mut given.columns {
            column.name = lowered(&column.name);
        }
        let name = given.name.value.clone();
        *alias = Some(given);
        if !self.scope.add_table(Visible { alias: name.clone(), path, element: false }) {
            return Err(Diagnostic::error(
                Code::Invalid,
                format!("two tables in this FROM are called {name:?}"),
            )
            .at(span)
            .hint(format!("Give one of them another name: … AS {name}_2.")));
        }
        Ok(())
    }

    /// In GoogleSQL the alias of UNNEST names the value; in DataFusion, a table. So it names both.
    fn unnest_alias(
        &mut self,
        alias: &mut Option<TableAlias>,
        offset: Option<Ident>,
        span: Span,
    ) -> Result<()> {
        let name =
            alias.as_ref().map_or_else(|| format!("unnest_{}", span.start), |alias| alias.name.value.clone());
        self.alias(alias, &name, Vec::new(), span)?;
        if let Some(alias) = alias
            && alias.columns.is_empty()
        {
            let names = [Some(build::identifier(name.to_lowercase())), offset];
            alias.columns.extend(
                names.into_iter().flatten().map(|name| TableAliasColumnDef { name, data_type: None }),
            );
            self.scope.last_is_an_element();
        }
        Ok(())
    }

    fn external_query(&mut self, args: &TableFunctionArgs, span: Span) -> Result<ExternalQueryCall> {
        let mut texts = Vec::new();
        for argument in &args.args {
            texts.push(self.constant_string(argument, span)?);
        }
        let mut texts = texts.into_iter();
        let (Some(connection), Some(sql), options, None) =
            (texts.next(), texts.next(), texts.next(), texts.next())
        else {
            return Err(Diagnostic::error(Code::Invalid, format!("EXTERNAL_QUERY does not take {} arguments", args.args.len()))
                .at(span)
                .hint("Write EXTERNAL_QUERY('connection', 'sql') or EXTERNAL_QUERY('connection', 'sql', 'options')."));
        };
        let key = format!("external_query_{}", self.external_queries.len() + 1);
        Ok(ExternalQueryCall { key, connection, sql, options, span })
    }

    fn constant_string(&self, argument: &FunctionArg, call: Span) -> Result<Spanned<String>> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else {
            return Err(not_constant(self.span_of(argument)));
        };
        let span = crate::parse::place(sqlparser::ast::Spanned::span(expr)).unwrap_or(call);
        let expr = match expr {
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) => self.parameter(name, span)?,
                _ => expr.clone(),
            },
            _ => expr.clone(),
        };
        build::literal_string(&expr)
            .map(|text| Spanned::new(text.to_string(), span))
            .ok_or_else(|| not_constant(span))
    }
}

/// The name after AS, in lower case. sqlparser takes a string there too, without saying where.
pub(super) fn alias_name(ident: &Ident, near: Span) -> Result<Ident> {
    if ident.quote_style == Some('\'') {
        return Err(Diagnostic::error(Code::Syntax, "expected a name, found a string")
            .at(crate::parse::place(ident.span).unwrap_or(near))
            .hint("Put back-quotes, not quotes, around a name."));
    }
    Ok(lowered(ident))
}

/// The identifiers of a name. sqlparser's other kind of part is for functions that make names.
pub(super) fn idents(name: &ObjectName) -> Vec<Ident> {
    name.0.iter().filter_map(|part| part.as_ident().cloned()).collect()
}

fn is_external_query(name: &ObjectName) -> bool {
    matches!(idents(name).as_slice(), [single] if single.value.eq_ignore_ascii_case(EXTERNAL_QUERY))
}

/// The places of an array's elements, from 0: what is unnested beside it.
fn offsets(array: &Expr) -> Expr {
    let length = build::cast(build::call("cardinality", [array.clone()]), super::types::int64());
    build::call("range", [build::number(0), length])
}

/// UNNEST of a column that a query further out has is not run.
fn refuse_columns(array: &Expr, span: Span) -> Result<()> {
    let found = ast::visit_expressions(array, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if found.is_break() { Err(unnest_of_a_column(span)) } else { Ok(()) }
}

fn unnest_of_a_column(span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::Unsupported,
        "UNNEST of a column of a query around this one is not in this version",
    )
    .at(span)
    .hint("In the FROM of its own table it is: FROM t, UNNEST(t.items) AS item.")
}

fn not_constant(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Invalid, "an argument of EXTERNAL_QUERY is not a string literal")
        .at(span)
        .hint("Its arguments are string literals or @parameters that are strings.")
}

fn table_alias(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: build::identifier(name), columns: Vec::new(), at: None }
}

//! The walk over expressions: children first, then the expression itself.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, Subscript, UnaryOperator, Value, WindowFrameBound, WindowSpec, WindowType,
};

use super::scope::lowered;
use super::{Rewriter, build, dates, functions, types};

impl Rewriter<'_> {
    pub(super) fn expressions(&mut self, expressions: &mut [Expr]) -> Result<()> {
        expressions.iter_mut().try_for_each(|expr| self.expression(expr))
    }

    pub(super) fn expression(&mut self, expr: &mut Expr) -> Result<()> {
        // Chains such as a AND b AND c lean to the left and may be long: they are walked in a loop.
        if let Expr::CompoundFieldAccess { .. } = expr {
            return self.children(expr);
        }
        let mut expr = expr;
        while let Expr::BinaryOp { left, right, .. } = expr {
            self.expression(right)?;
            expr = left;
        }
        self.children(expr)?;
        self.replace(expr)
    }

    fn children(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::TypedString(_) => {
                Ok(())
            }
            // The smallest INT64 is written as the negative of what is no INT64.
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } if is_negative_of_smallest(inner) => {
                Ok(())
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) | Expr::MatchAgainst { .. } => Ok(()),
            Expr::BinaryOp { left, right, .. }
            | Expr::AnyOp { left, right, .. }
            | Expr::AllOp { left, right, .. }
            | Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right) => {
                self.expression(left)?;
                self.expression(right)
            }
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::Nested(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::Convert { expr: inner, .. }
            | Expr::Extract { expr: inner, .. }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. }
            | Expr::Collate { expr: inner, .. }
            | Expr::Prefixed { value: inner, .. }
            | Expr::Named { expr: inner, .. }
            | Expr::JsonAccess { value: inner, .. }
            | Expr::IsNormalized { expr: inner, .. }
            | Expr::OuterJoin(inner)
            | Expr::Prior(inner) => self.expression(inner),
            Expr::Like { expr, pattern, .. }
            | Expr::ILike { expr, pattern, .. }
            | Expr::SimilarTo { expr, pattern, .. }
            | Expr::RLike { expr, pattern, .. } => {
                self.expression(expr)?;
                self.expression(pattern)
            }
            Expr::Between { expr, low, high, .. } => {
                self.expression(expr)?;
                self.expression(low)?;
                self.expression(high)
            }
            Expr::InList { expr, list, .. } => {
                self.expression(expr)?;
                self.expressions(list)
            }
            Expr::InSubquery { expr, subquery, .. } => {
                self.expression(expr)?;
                self.query(subquery)
            }
            Expr::InUnnest { expr, array_expr, .. } => {
                self.expression(expr)?;
                self.expression(array_expr)
            }
            Expr::Exists { subquery, .. } => self.query(subquery),
            Expr::Subquery(subquery) => self.query(subquery),
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.expression(timestamp)?;
                self.expression(time_zone)
            }
            Expr::Position { expr, r#in } => {
                self.expression(expr)?;
                self.expression(r#in)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.expression(expr)?;
                self.options([substring_from, substring_for])
            }
            Expr::Trim { trim_what, expr, trim_characters, .. } => {
                self.expression(expr)?;
                self.options([trim_what])?;
                trim_characters.as_mut().map_or(Ok(()), |characters| self.expressions(characters))
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.expression(expr)?;
                self.expression(overlay_what)?;
                self.expression(overlay_from)?;
                self.options([overlay_for])
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.options([operand])?;
                for case in conditions {
                    self.expression(&mut case.condition)?;
                    self.expression(&mut case.result)?;
                }
                self.options([else_result])
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter_mut().try_for_each(|set| self.expressions(set))
            }
            Expr::Tuple(items) => self.expressions(items),
            Expr::Struct { values, .. } => {
                values.iter_mut().for_each(|value| self.keep_name(value));
                self.expressions(values)
            }
            Expr::Array(array) => self.expressions(&mut array.elem),
            Expr::Interval(interval) => self.expression(&mut interval.value),
            Expr::Function(function) => self.function(function),
            Expr::CompoundFieldAccess { root, access_chain } => {
                let replaced = self.access(root, access_chain)?;
                *expr = replaced;
                Ok(())
            }
            Expr::Lambda(_) | Expr::Dictionary(_) | Expr::Map(_) | Expr::MemberOf(_) => {
                Err(self.unsupported("this expression", expr))
            }
        }
    }

    fn options<const N: usize>(&mut self, options: [&mut Option<Box<Expr>>; N]) -> Result<()> {
        options.into_iter().flatten().try_for_each(|expr| self.expression(expr))
    }

    fn function(&mut self, function: &mut Function) -> Result<()> {
        match &mut function.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => self.query(query)?,
            FunctionArguments::List(list) => {
                if functions::makes_structure(&function.name) {
                    for argument in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument {
                            self.keep_name(value);
                        }
                    }
                }
                // What stands where a part of a date stands is no column.
                let part = dates::takes_part(&function.name).then(|| list.args.len().saturating_sub(1));
                for (index, argument) in list.args.iter_mut().enumerate() {
                    if part != Some(index) {
                        self.argument(argument)?;
                    }
                }
                for clause in &mut list.clauses {
                    match clause {
                        FunctionArgumentClause::OrderBy(items) => self.order_by(items)?,
                        FunctionArgumentClause::Limit(limit) => self.expression(limit)?,
                        FunctionArgumentClause::Having(bound) => self.expression(&mut bound.1)?,
                        _ => {}
                    }
                }
            }
        }
        self.options([&mut function.filter])?;
        self.order_by(&mut function.within_group)?;
        match &mut function.over {
            Some(WindowType::WindowSpec(spec)) => self.window(spec),
            Some(WindowType::NamedWindow(name)) => {
                *name = lowered(name);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A column that USING has made keeps its name as a field, whatever it stands for.
    fn keep_name(&self, field: &mut Expr) {
        if let Expr::Identifier(ident) = field {
            let name = lowered(ident);
            if self.scope.merged(&name.value).is_some() {
                *field = Expr::Named { expr: Box::new(Expr::Identifier(name.clone())), name };
            }
        }
    }

    pub(super) fn argument(&mut self, argument: &mut FunctionArg) -> Result<()> {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            argument;
        match arg {
            FunctionArgExpr::Expr(expr) => self.expression(expr),
            FunctionArgExpr::QualifiedWildcard(_)
            | FunctionArgExpr::Wildcard
            | FunctionArgExpr::WildcardWithOptions(_) => Ok(()),
        }
    }

    pub(super) fn window(&mut self, spec: &mut WindowSpec) -> Result<()> {
        spec.window_name = spec.window_name.as_ref().map(lowered);
        self.expressions(&mut spec.partition_by)?;
        self.order_by(&mut spec.order_by)?;
        let Some(frame) = &mut spec.window_frame else { return Ok(()) };
        for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
            if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
                self.expression(expr)?;
            }
        }
        Ok(())
    }

    /// `a.b[OFFSET(0)].c`: a path as far as it goes, then field by field and element by element, since
    /// DataFusion's own paths take neither expressions before the dot nor elements inside.
    fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Result<Expr> {
        let mut path: Vec<Ident> = match root {
            Expr::Identifier(ident) => vec![ident.clone()],
            Expr::CompoundIdentifier(path) => path.clone(),
            _ => Vec::new(),
        };
        let mut steps = chain.iter().peekable();
        while !path.is_empty()
            && let Some(AccessExpr::Dot(Expr::Identifier(ident))) = steps.peek()
        {
            path.push(ident.clone());
            steps.next();
        }
        let mut accessed = match path.len() {
            0 => root.clone(),
            1 => Expr::Identifier(path.remove(0)),
            _ => Expr::CompoundIdentifier(path),
        };
        self.expression(&mut accessed)?;
        for step in steps {
            accessed = match step {
                AccessExpr::Dot(Expr::Identifier(field)) => build::field(accessed, &field.value),
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let mut index = index.clone();
                    self.expression(&mut index)?;
                    match build::literal_string(&index) {
                        Some(field) => build::field(accessed, field),
                        None => functions::array_element(accessed, index),
                    }
                }
                AccessExpr::Dot(_) | AccessExpr::Subscript(Subscript::Slice { .. }) => {
                    return Err(self.unsupported("this access to a part", step));
                }
            };
        }
        Ok(accessed)
    }

    /// Replaces one expression whose children are done.
    fn replace(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(ident) => {
                let name = lowered(ident);
                *expr = self.scope.merged(&name.value).unwrap_or(Expr::Identifier(name));
            }
            Expr::CompoundIdentifier(path) => {
                let (mut resolved, table) = self.scope.resolve(path);
                // DataFusion finds columns of queries around this one, and no fields in them.
                let is_outer = table > 0 && resolved.first().is_some_and(|table| self.scope.is_outer(table));
                let fields = if is_outer { resolved.split_off(resolved.len().min(2)) } else { Vec::new() };
                let column = Expr::CompoundIdentifier(resolved);
                *expr = fields.iter().fold(column, |column, field| build::field(column, &field.value));
            }
            Expr::Value(value) => {
                if let Value::Placeholder(name) = &value.value {
                    let span = crate::parse::place(value.span).unwrap_or(self.whole);
                    *expr = self.parameter(name, span)?;
                } else if let Value::Number(digits, _) = &value.value
                    && is_integer(digits)
                    && digits.parse::<i64>().is_err()
                {
                    let span = crate::parse::place(value.span).unwrap_or(self.whole);
                    return Err(too_large(digits, span));
                }
            }
            Expr::TypedString(typed) => {
                let span = crate::parse::place(typed.value.span).unwrap_or(self.whole);
                typed.data_type = types::planned(&types::read(&typed.data_type, span)?);
            }
            Expr::Cast { expr: inner, data_type, format, .. } => {
                let span = self.span_of(inner.as_ref());
                if format.is_some() {
                    return Err(self.unsupported("CAST … FORMAT", inner.as_ref()));
                }
                *data_type = types::planned(&types::read(data_type, span)?);
            }
            // ~x, which DataFusion lacks.
            Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: inner } => {
                *expr = build::binary(build::number(-1), BinaryOperator::Minus, (**inner).clone());
            }
            Expr::InUnnest { expr: item, array_expr, negated } => {
                let found = build::call("array_has", [(**array_expr).clone(), (**item).clone()]);
                *expr = if *negated { build::not(found) } else { found };
            }
            Expr::Struct { values, fields } => {
                let span = self.span_of(&values.first().cloned().unwrap_or(build::null()));
                *expr = functions::structure(std::mem::take(values), fields, span)?;
            }
            Expr::Interval(interval) => {
                let span = self.span_of(interval.value.as_ref());
                *expr = dates::interval(interval, span)?;
            }
            Expr::Extract { field, expr: inner, .. } => {
                let span = self.span_of(inner.as_ref());
                let moment = match inner.as_ref() {
                    Expr::AtTimeZone { timestamp, time_zone } => {
                        build::call("local_datetime", [(**timestamp).clone(), (**time_zone).clone()])
                    }
                    other => other.clone(),
                };
                *expr = dates::extract(&field.to_string(), moment, span)?;
            }
            Expr::Substring { expr: text, substring_from: Some(from), substring_for, .. } => {
                let length = substring_for.as_ref().map(|length| (**length).clone());
                let arguments = [(**text).clone(), (**from).clone()].into_iter().chain(length).collect();
                *expr = functions::substring(arguments);
            }
            Expr::Function(function) => {
                let span = self.span_of(function);
                if let Some(replaced) = functions::replaced(function, span)? {
                    *expr = replaced;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the text of a number is that of an integer: digits and nothing else.
fn is_integer(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_negative_of_smallest(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(&value.value, Value::Number(digits, _)
        if digits.parse() == Ok(i64::MIN.unsigned_abs())))
}

fn too_large(digits: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::Invalid, format!("integer literal {digits} is out of range"))
        .at(span)
        .hint("INT64 ends at 9223372036854775807. Write NUMERIC '…' or BIGNUMERIC '…' for larger numbers.")
}

//! Window functions: values of a row that depend on the rows around it.
//!
//! Only those of which there is one answer. A function that looks at single rows (their number, the one
//! before) needs an order in which no two rows are equal: a primary key among its keys. Otherwise two
//! systems may both be right and give different rows.
//!
//! ```text
//! Filter: rank() … <= 3            SELECT … FROM (SELECT o.*, rank() OVER (PARTITION BY … ORDER BY …) AS c9
//!   Window: rank() …         ⇒                     FROM orders o) t WHERE t.c9 <= 3
//!     TableScan: orders
//! ```
//!
//! By itself a window makes more travel, so it is sent with what makes fewer rows of it: a filter, groups,
//! the first rows of an order.

use std::collections::HashSet;

use datafusion::{
    logical_expr::{
        Expr, Window as WindowNode, WindowFrame, WindowFrameBound, WindowFrameUnits,
        WindowFunctionDefinition,
        expr::{NullTreatment, WindowFunction},
    },
    scalar::ScalarValue,
};
use firth_connector::{Operand, Reason, WindowFunction as Function};

use super::{
    aggregate,
    compose::{Composed, Composer, Refusal, own, queries, unlisted},
    select::Select,
};
use crate::render::{Renderer, Scope, ScopeColumn};

const NO_TOTAL_ORDER: &str = "its order may hold rows for equal, since it has no primary key among its keys: their places could be others there";

/// What a function sees of its partition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// Which rows are equal to it, and which come before those.
    Peers,
    /// The rows of a frame, together.
    Frame,
    /// One row of the frame.
    RowOfFrame,
    /// One row, whatever the frame.
    Row,
}

impl Composer {
    /// The input's rows with the functions' values beside them, as one relation: nothing else may be done in the
    /// query that windows are of.
    pub(super) fn window(&self, window: &WindowNode) -> Composed {
        let mut input = self.below(&window.input)?.plain(|| self.alias());
        let mut columns = input.columns.columns().to_vec();
        let fields = &window.schema.fields()[columns.len()..];
        for (expr, field) in window.window_expr.iter().zip(fields) {
            let function =
                function(expr).ok_or_else(|| own("window functions of this form are done here"))?;
            columns.push(value(&input, function, field)?);
        }
        input.columns = Scope::new(columns);
        input.ordered = false;
        input.estimate.composed = true;
        Ok(input.nested(&self.alias()))
    }
}

fn function(expr: &Expr) -> Option<&WindowFunction> {
    match expr {
        Expr::Alias(alias) => function(&alias.expr),
        Expr::WindowFunction(function) => Some(function),
        _ => None,
    }
}

/// One function's value.
fn value(
    input: &Select,
    function: &WindowFunction,
    field: &arrow::datatypes::FieldRef,
) -> Result<ScopeColumn, Refusal> {
    let params = &function.params;
    if params.filter.is_some()
        || params.distinct
        || matches!(params.null_treatment, Some(NullTreatment::IgnoreNulls))
    {
        return Err(own("window functions with FILTER, DISTINCT or IGNORE NULLS are done here"));
    }
    let renderer = Renderer::new(input.dialect(), &input.columns);
    let queries = queries(input);
    let (known, sees, argument) = known(function).map_err(Refusal::Own)?;

    let mut keys = HashSet::new();
    let mut asked = |operand: &Operand<'_>| match operand.literal {
        // Every row has it: which of several is left out is not worth a rule.
        Some(_) => Err("OVER by a constant".to_owned()),
        None => {
            keys.insert(operand.sql.to_owned());
            Ok(())
        }
    };
    let mut partition = Vec::with_capacity(params.partition_by.len());
    for key in &params.partition_by {
        let item = renderer.with_operand(key, |operand| {
            asked(operand)?;
            queries.group(operand)
        });
        partition.push(item.ok_or_else(|| unlisted(key, &renderer))?.map_err(Refusal::Own)?.sql);
    }
    let mut order = Vec::with_capacity(params.order_by.len());
    for key in &params.order_by {
        let item = renderer.with_key(&key.expr, |operand| {
            asked(operand)?;
            queries.order(operand, !key.asc, key.nulls_first)
        });
        order.push(item.ok_or_else(|| unlisted(&key.expr, &renderer))?.map_err(Refusal::Own)?);
    }
    let is_total = !input.estimate.key.is_empty() && input.estimate.key.iter().all(|key| keys.contains(key));
    let needs_total = match sees {
        Sees::Peers => false,
        Sees::Frame => params.window_frame.units == WindowFrameUnits::Rows && !is_whole(&params.window_frame),
        Sees::RowOfFrame | Sees::Row => true,
    };
    if needs_total && !is_total {
        return Err(own(NO_TOTAL_ORDER));
    }
    let mut over = Vec::new();
    if !partition.is_empty() {
        over.push(format!("PARTITION BY {}", partition.join(", ")));
    }
    if !order.is_empty() {
        over.push(format!("ORDER BY {}", order.join(", ")));
    }
    if matches!(sees, Sees::Frame | Sees::RowOfFrame) {
        over.push(frame(&params.window_frame, !order.is_empty()).map_err(Refusal::Own)?);
    }
    let over = over.join(" ");
    let written = match argument {
        None => queries.window(known, None, &over, field.data_type()),
        Some(argument) => renderer
            .with_operand(argument, |operand| queries.window(known, Some(operand), &over, field.data_type()))
            .ok_or_else(|| unlisted(argument, &renderer))?,
    };
    Ok(ScopeColumn::written(field, written.map_err(Refusal::Own)?))
}

/// Which function it is, what it looks at, and what it is of.
fn known(function: &WindowFunction) -> Result<(Function, Sees, Option<&Expr>), Reason> {
    let args = function.params.args.as_slice();
    let udf = match &function.fun {
        WindowFunctionDefinition::AggregateUDF(udf) => {
            let (aggregate, argument) = match aggregate::named(udf.name(), false, args)? {
                None => (None, None),
                Some((aggregate, argument)) => (Some(aggregate), Some(argument)),
            };
            return Ok((Function::Aggregate(aggregate), Sees::Frame, argument));
        }
        WindowFunctionDefinition::WindowUDF(udf) => udf,
    };
    Ok(match (udf.name(), args) {
        ("row_number", []) => (Function::RowNumber, Sees::Row, None),
        ("rank", []) => (Function::Rank, Sees::Peers, None),
        ("dense_rank", []) => (Function::DenseRank, Sees::Peers, None),
        ("first_value", [value]) => (Function::FirstValue, Sees::RowOfFrame, Some(value)),
        ("last_value", [value]) => (Function::LastValue, Sees::RowOfFrame, Some(value)),
        ("lag", [value, rest @ ..]) => (Function::Lag(rows_away(rest)?), Sees::Row, Some(value)),
        ("lead", [value, rest @ ..]) => (Function::Lead(rows_away(rest)?), Sees::Row, Some(value)),
        (name, _) => return Err(format!("{name} is not known to mean the same at the source")),
    })
}

/// How far LAG and LEAD look.
fn rows_away(args: &[Expr]) -> Result<u32, Reason> {
    let is_null = |expr: &Expr| matches!(expr, Expr::Literal(value, _) if value.is_null());
    match args {
        [] => Ok(1),
        [Expr::Literal(ScalarValue::Int64(Some(rows)), _), rest @ ..] if rest.iter().all(is_null) => {
            u32::try_from(*rows)
                .ok()
                .filter(|rows| i32::try_from(*rows).is_ok())
                .ok_or_else(|| format!("LAG and LEAD by {rows} rows are done here"))
        }
        _ => {
            Err("LAG and LEAD with a default, or by a number of rows that is none, are done here".to_owned())
        }
    }
}

/// Whether every row of the partition is in the frame of each.
fn is_whole(frame: &WindowFrame) -> bool {
    frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
}

/// The frame, in full: what it is if nothing is said depends on the order, and on who is asked.
fn frame(frame: &WindowFrame, has_order: bool) -> Result<String, Reason> {
    let (start, end) = (&frame.start_bound, &frame.end_bound);
    let refused = || Err(format!("the frame {frame} is done here"));
    let (Some(first), Some(last)) = (place(start, true), place(end, false)) else { return refused() };
    let is_near = |place: i128| matches!(place, 0 | i128::MIN | i128::MAX);
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        // Distances of values differ by type; without an order all rows are equal.
        WindowFrameUnits::Range if is_whole(frame) || has_order && is_near(first) && is_near(last) => "RANGE",
        WindowFrameUnits::Range | WindowFrameUnits::Groups => return refused(),
    };
    if first > last {
        return refused();
    }
    Ok(format!("{units} BETWEEN {} AND {}", bound(start), bound(end)))
}

/// How many rows after its own a bound lies; `None` if it is none that is sent.
fn place(bound: &WindowFrameBound, is_start: bool) -> Option<i128> {
    let rows = |value: &ScalarValue| match value {
        ScalarValue::UInt64(Some(rows)) => i64::try_from(*rows).ok().map(i128::from),
        _ => None,
    };
    match bound {
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Preceding(value) if value.is_null() => is_start.then_some(i128::MIN),
        WindowFrameBound::Following(value) if value.is_null() => (!is_start).then_some(i128::MAX),
        WindowFrameBound::Preceding(value) => rows(value).map(|rows| -rows),
        WindowFrameBound::Following(value) => rows(value),
    }
}

fn bound(bound: &WindowFrameBound) -> String {
    match bound {
        WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
        WindowFrameBound::Preceding(value) if value.is_null() => "UNBOUNDED PRECEDING".to_owned(),
        WindowFrameBound::Following(value) if value.is_null() => "UNBOUNDED FOLLOWING".to_owned(),
        WindowFrameBound::Preceding(value) => format!("{value} PRECEDING"),
        WindowFrameBound::Following(value) => format!("{value} FOLLOWING"),
    }
}

//! Intervals, parts of dates, and the arithmetic of both.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{BinaryOperator, DataType, Expr, Interval};

use super::{build, types};
use crate::ColumnType;

/// `INTERVAL 3 DAY` with its unit inside a string, as DataFusion reads it. An amount that is not a
/// literal is made text first.
pub(super) fn interval(interval: &Interval, span: Span) -> Result<Expr> {
    let Some(unit) = &interval.leading_field else {
        return Err(Diagnostic::error(Code::Syntax, "this interval has no unit")
            .at(span)
            .hint("Write INTERVAL 3 DAY."));
    };
    if interval.last_field.is_some() {
        return Err(Diagnostic::error(
            Code::Unsupported,
            "an interval of several units is not in this version",
        )
        .at(span)
        .hint("Add intervals of one unit each."));
    }
    amount_of(&interval.value, &unit.to_string(), span)
}

fn amount_of(amount: &Expr, unit: &str, span: Span) -> Result<Expr> {
    let unit = unit.to_ascii_uppercase();
    let (factor, planned_unit) = match unit.trim_end_matches('S') {
        "QUARTER" => (3, "MONTH"),
        "WEEK" => (7, "DAY"),
        "YEAR" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND" | "MICROSECOND" => {
            (1, unit.trim_end_matches('S'))
        }
        _ => {
            return Err(Diagnostic::error(Code::Invalid, format!("{unit} is not a unit of an interval"))
                .at(span)
                .hint("Units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND and MICROSECOND."));
        }
    };
    let literal =
        build::literal_integer(amount).or_else(|| build::literal_string(amount)?.trim().parse().ok());
    match literal.map(|amount| amount.checked_mul(factor)) {
        Some(Some(amount)) => Ok(build::interval(format!("{amount} {planned_unit}"))),
        Some(None) => Err(Diagnostic::error(Code::Invalid, "this interval is out of range").at(span)),
        // DataFusion does not multiply intervals; it reads them from text.
        None => {
            let amount = match factor {
                1 => amount.clone(),
                _ => build::binary(amount.clone(), BinaryOperator::Multiply, build::number(factor)),
            };
            let digits = build::cast(amount, types::planned(&ColumnType::String));
            let text = build::binary(
                digits,
                BinaryOperator::StringConcat,
                build::string(format!(" {planned_unit}")),
            );
            Ok(build::cast(text, DataType::Interval { fields: None, precision: None }))
        }
    }
}

/// `DATE_ADD(d, INTERVAL …)` and its like. The interval is done already.
pub(super) fn shifted(op: BinaryOperator, arguments: Vec<Expr>) -> Option<Expr> {
    let [date, interval] = <[Expr; 2]>::try_from(arguments).ok()?;
    Some(build::binary(date, op, interval))
}

/// The name of a date part, which the parser took for a column.
fn part(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.to_uppercase()),
        // WEEK(MONDAY)
        Expr::Function(_) => Some(expr.to_string().replace('"', "").to_uppercase()),
        _ => None,
    }
}

/// `DATE_TRUNC(d, PART)`. DataFusion's answers a timestamp: `result` is what it is cast to, if anything.
pub(super) fn truncated(arguments: &[Expr], result: Option<&ColumnType>, span: Span) -> Result<Option<Expr>> {
    let [date, unit] = arguments else { return Ok(None) };
    let Some(unit) = part(unit) else { return Ok(None) };
    let truncate = |unit: &str, date: Expr| build::call("date_trunc", [build::string(unit), date]);
    let truncated = match unit.as_str() {
        // DataFusion's week begins on Monday.
        "ISOWEEK" | "WEEK(MONDAY)" => truncate("week", date.clone()),
        "WEEK" | "WEEK(SUNDAY)" => {
            let day = || build::interval("1 DAY");
            let shifted = build::binary(date.clone(), BinaryOperator::Plus, day());
            build::binary(truncate("week", shifted), BinaryOperator::Minus, day())
        }
        "YEAR" | "QUARTER" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND"
        | "MICROSECOND" => truncate(&unit.to_lowercase(), date.clone()),
        _ => return Err(unknown_part(&unit, span)),
    };
    Ok(Some(match result {
        Some(result) => build::cast(truncated, types::planned(result)),
        None => truncated,
    }))
}

/// `EXTRACT(PART FROM x)`.
pub(super) fn extract(unit: &str, date: Expr, span: Span) -> Result<Expr> {
    let part = |name: &str, date: Expr| {
        build::cast(build::call("date_part", [build::string(name), date]), types::int64())
    };
    let modulo = |expr, by: i64| build::binary(expr, BinaryOperator::Modulo, build::number(by));
    let unit = unit.to_uppercase();
    Ok(match unit.as_str() {
        "YEAR" | "QUARTER" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND" => {
            part(&unit.to_lowercase(), date)
        }
        "DAYOFYEAR" => part("doy", date),
        // GoogleSQL counts from Sunday as 1, DataFusion from 0.
        "DAYOFWEEK" => build::binary(part("dow", date), BinaryOperator::Plus, build::number(1)),
        "ISOWEEK" => part("week", date),
        "ISOYEAR" => part("isoyear", date),
        // DataFusion's have the whole seconds in them.
        "MILLISECOND" => modulo(part("millisecond", date), 1_000),
        "MICROSECOND" => modulo(part("microsecond", date), 1_000_000),
        "DATE" => build::cast(date, types::planned(&ColumnType::Date)),
        "TIME" => build::cast(date, types::planned(&ColumnType::Time)),
        "DATETIME" => build::cast(date, types::planned(&ColumnType::Datetime)),
        _ => return Err(unknown_part(&unit, span)),
    })
}

/// How many of a part lie between a fixed day and a date.
type Count<'a> = dyn Fn(&Expr) -> Result<Expr> + 'a;

/// `DATE_DIFF(a, b, PART)`: how many boundaries of that part lie between them.
pub(super) fn date_difference(arguments: &[Expr], span: Span) -> Result<Option<Expr>> {
    let [later, earlier, unit] = arguments else { return Ok(None) };
    let Some(unit) = part(unit) else { return Ok(None) };
    let date = |expr: &Expr| build::cast(expr.clone(), types::planned(&ColumnType::Date));
    let days = |expr: &Expr| build::cast(build::cast(date(expr), DataType::Int(None)), types::int64());
    let year = |expr: &Expr, scale: i64| {
        let year = extract("YEAR", date(expr), span)?;
        Ok::<_, Diagnostic>(build::binary(year, BinaryOperator::Multiply, build::number(scale)))
    };
    let with = |scale: i64, smaller: &str, expr: &Expr| {
        Ok::<_, Diagnostic>(build::binary(
            year(expr, scale)?,
            BinaryOperator::Plus,
            extract(smaller, date(expr), span)?,
        ))
    };
    // 1970-01-01 was a Thursday: the shift moves the week's first day to a multiple of seven.
    let weeks = |shift: i64, expr: &Expr| {
        let shifted = build::binary(days(expr), BinaryOperator::Plus, build::number(shift));
        let quotient = build::binary(shifted, BinaryOperator::Divide, build::number("7.0"));
        build::cast(build::call("floor", [quotient]), types::int64())
    };
    let count: Box<Count<'_>> = match unit.as_str() {
        "DAY" => Box::new(|expr| Ok(days(expr))),
        "WEEK" | "WEEK(SUNDAY)" => Box::new(|expr| Ok(weeks(4, expr))),
        "ISOWEEK" | "WEEK(MONDAY)" => Box::new(|expr| Ok(weeks(3, expr))),
        "MONTH" => Box::new(|expr| with(12, "MONTH", expr)),
        "QUARTER" => Box::new(|expr| with(4, "QUARTER", expr)),
        "YEAR" => Box::new(|expr| year(expr, 1)),
        _ => return Err(unknown_part(&unit, span)),
    };
    Ok(Some(build::binary(count(later)?, BinaryOperator::Minus, count(earlier)?)))
}

fn unknown_part(unit: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("date part {unit} is not in this version")).at(span)
}

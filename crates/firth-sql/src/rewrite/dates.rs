//! Intervals, parts of dates, and the arithmetic of both.

use firth_diagnostic::{Code, Diagnostic, Result, Span};
use sqlparser::ast::{BinaryOperator, DataType, Expr, Interval, ObjectName};

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

/// Whether the last argument of this function is the name of a part of a date.
pub(super) fn takes_part(function: &ObjectName) -> bool {
    let name = function.to_string().to_uppercase();
    name == "LAST_DAY"
        || ["_TRUNC", "_DIFF"].iter().any(|ending| {
            name.strip_suffix(ending)
                .is_some_and(|of| ["DATE", "DATETIME", "TIME", "TIMESTAMP"].contains(&of))
        })
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

/// The day that a week of this part begins with, from Sunday as 0: `WEEK`, `ISOWEEK`, `WEEK(TUESDAY)`.
fn first_day(unit: &str) -> Option<i64> {
    const DAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];
    match unit {
        "WEEK" => Some(0),
        "ISOWEEK" => Some(1),
        _ => {
            let day = unit.strip_prefix("WEEK(")?.strip_suffix(')')?;
            DAYS.iter().position(|name| *name == day).and_then(|index| i64::try_from(index).ok())
        }
    }
}

/// `DATE_TRUNC(d, PART)`. DataFusion's answers a timestamp: of `DATE_TRUNC` it is made a DATE again where it was one. What is made
/// of the parts of a date gets the type of what it is of, too.
pub(super) fn truncated(arguments: &[Expr], is_date: bool, span: Span) -> Result<Option<Expr>> {
    let [date, unit] = arguments else { return Ok(None) };
    let Some(unit) = part(unit) else { return Ok(None) };
    let truncate = |unit: &str, date: Expr| build::call("date_trunc", [build::string(unit), date]);
    let truncated = if let Some(first) = first_day(&unit) {
        // DataFusion's week begins on Monday.
        match (8 - first) % 7 {
            0 => truncate("week", date.clone()),
            days => {
                let shift = || build::interval(format!("{days} DAY"));
                let shifted = build::binary(date.clone(), BinaryOperator::Plus, shift());
                build::binary(truncate("week", shifted), BinaryOperator::Minus, shift())
            }
        }
    } else {
        match unit.as_str() {
            // The year's first week has its fourth of January.
            "ISOYEAR" => {
                let year = extract("ISOYEAR", date.clone(), span)?;
                truncate("week", build::call("make_date", [year, build::number(1), build::number(4)]))
            }
            "YEAR" | "QUARTER" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND" | "MILLISECOND"
            | "MICROSECOND" => truncate(&unit.to_lowercase(), date.clone()),
            _ => return Err(unknown_part(&unit, span)),
        }
    };
    Ok(Some(match is_date || unit == "ISOYEAR" {
        true => build::call("truncated_as", [truncated, date.clone()]),
        false => truncated,
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
        // Days before the first one of the week's first days are in week 0.
        _ => match first_day(&unit) {
            Some(first) => {
                let weekday = modulo(
                    build::binary(part("dow", date.clone()), BinaryOperator::Plus, build::number(7 - first)),
                    7,
                );
                let day = build::binary(part("doy", date), BinaryOperator::Plus, build::number(6));
                whole(build::binary(day, BinaryOperator::Minus, weekday), 7)
            }
            None => return Err(unknown_part(&unit, span)),
        },
    })
}

/// The quotient by a number, towards minus infinity.
fn whole(count: Expr, by: i64) -> Expr {
    let quotient = build::binary(count, BinaryOperator::Divide, build::number(format!("{by}.0")));
    build::cast(build::call("floor", [quotient]), types::int64())
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
    let weeks = |first: i64, expr: &Expr| {
        whole(build::binary(days(expr), BinaryOperator::Plus, build::number(4 - first)), 7)
    };
    let count: Box<Count<'_>> = match unit.as_str() {
        "DAY" => Box::new(|expr| Ok(days(expr))),
        "MONTH" => Box::new(|expr| with(12, "MONTH", expr)),
        "QUARTER" => Box::new(|expr| with(4, "QUARTER", expr)),
        "YEAR" => Box::new(|expr| year(expr, 1)),
        "ISOYEAR" => Box::new(|expr| extract("ISOYEAR", date(expr), span)),
        _ => match first_day(&unit) {
            Some(first) => Box::new(move |expr| Ok(weeks(first, expr))),
            None => return Err(unknown_part(&unit, span)),
        },
    };
    Ok(Some(build::binary(count(later)?, BinaryOperator::Minus, count(earlier)?)))
}

/// The microseconds of a part that is as long everywhere.
fn micros(unit: &str) -> Option<i64> {
    Some(match unit {
        "MICROSECOND" => 1,
        "MILLISECOND" => 1_000,
        "SECOND" => 1_000_000,
        "MINUTE" => 60_000_000,
        "HOUR" => 3_600_000_000,
        _ => return None,
    })
}

fn between(name: &str, [later, earlier]: [&Expr; 2], moment: &ColumnType, unit: i64) -> Expr {
    let micros =
        |expr: &Expr| build::call("unix_micros", [build::cast(expr.clone(), types::planned(moment))]);
    build::call(name, [micros(later), micros(earlier), build::number(unit)])
}

/// `TIMESTAMP_DIFF(a, b, PART)`: how many whole ones lie between them.
pub(super) fn timestamp_difference(arguments: &[Expr], span: Span) -> Result<Option<Expr>> {
    let [later, earlier, unit] = arguments else { return Ok(None) };
    let Some(unit) = part(unit) else { return Ok(None) };
    let micros = match unit.as_str() {
        "DAY" => 86_400_000_000,
        _ => micros(&unit).ok_or_else(|| unknown_part(&unit, span))?,
    };
    Ok(Some(between("whole_units_between", [later, earlier], &ColumnType::Timestamp, micros)))
}

/// `DATETIME_DIFF(a, b, PART)`: how many boundaries of that part lie between them.
pub(super) fn datetime_difference(arguments: &[Expr], span: Span) -> Result<Option<Expr>> {
    let [later, earlier, unit] = arguments else { return Ok(None) };
    match part(unit).as_deref().and_then(micros) {
        Some(micros) => {
            Ok(Some(between("unit_boundaries_between", [later, earlier], &ColumnType::Datetime, micros)))
        }
        None => date_difference(arguments, span),
    }
}

/// `LAST_DAY(d)`, `LAST_DAY(d, PART)`.
pub(super) fn last_day(arguments: &[Expr], span: Span) -> Result<Option<Expr>> {
    let (day, unit) = match arguments {
        [day] => (day, "MONTH".to_owned()),
        [day, unit] => match part(unit) {
            Some(unit) => (day, unit),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let day = build::cast(day.clone(), types::planned(&ColumnType::Date));
    let months = match unit.as_str() {
        "MONTH" => 1,
        "QUARTER" => 3,
        "YEAR" => 12,
        _ if first_day(&unit).is_some() => {
            let unit = Expr::Identifier(build::identifier(unit));
            let Some(first) = truncated(&[day, unit], true, span)? else { return Ok(None) };
            return Ok(Some(build::binary(first, BinaryOperator::Plus, build::interval("6 DAY"))));
        }
        _ => return Err(unknown_part(&unit, span)),
    };
    Ok(Some(build::call("last_day_of_month", [day, build::number(months)])))
}

/// `UNIX_DATE(d)`: the days since 1970-01-01.
pub(super) fn unix_date(arguments: Vec<Expr>) -> Option<Expr> {
    let [day] = <[Expr; 1]>::try_from(arguments).ok()?;
    let days = build::cast(build::cast(day, types::planned(&ColumnType::Date)), DataType::Int(None));
    Some(build::cast(days, types::int64()))
}

/// `DATE_FROM_UNIX_DATE(n)`.
pub(super) fn of_days(arguments: Vec<Expr>) -> Option<Expr> {
    let [days] = <[Expr; 1]>::try_from(arguments).ok()?;
    Some(build::cast(build::cast(days, DataType::Int(None)), types::planned(&ColumnType::Date)))
}

fn unknown_part(unit: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::Unsupported, format!("date part {unit} is not in this version")).at(span)
}

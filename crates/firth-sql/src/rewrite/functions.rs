//! GoogleSQL's functions as DataFusion's.
//!
//! One list says what becomes of each name. A function that is not in the list keeps its name, in lower
//! case, and its arguments.

use firth_diagnostic::{Result, Span};
use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, ObjectName, StructField,
};

use super::tables::idents;
use super::{build, dates, types};
use crate::ColumnType;

/// What becomes of a function.
#[derive(Clone, Copy)]
enum Becomes {
    /// Another name: the arguments, DISTINCT and OVER stay.
    Named(&'static str),
    /// Another name, and its result cast to INT64, which DataFusion's is not.
    Int64(&'static str),
    /// Another name, and a last argument if that is missing.
    WithDefault(&'static str, usize, &'static str),
    /// Another expression, made of the arguments. `None` leaves the call as it is.
    Built(fn(Vec<Expr>, Span) -> Result<Option<Expr>>),
    /// The first argument is replaced, the call stays an aggregate or window function.
    Argument(&'static str, fn(Expr) -> Expr),
}

use Becomes::{Argument, Built, Int64, Named, WithDefault};

/// By name in upper case, in order.
const FUNCTIONS: &[(&str, Becomes)] = &[
    ("ANY_VALUE", Named("first_value")),
    ("APPROX_COUNT_DISTINCT", Int64("approx_distinct")),
    ("ARRAY_CONCAT", Named("array_concat")),
    ("ARRAY_LENGTH", Int64("cardinality")),
    ("BYTE_LENGTH", Int64("octet_length")),
    ("CEILING", Named("ceil")),
    ("CHARACTER_LENGTH", Int64("character_length")),
    ("CHAR_LENGTH", Int64("character_length")),
    ("CONCAT", Built(|arguments, _| Ok(concatenated(arguments)))),
    ("COUNTIF", Argument("count", |condition| build::case(condition, build::number(1), None))),
    ("CURRENT_DATE", Built(|arguments, _| Ok(no_zone(&arguments).then(|| build::call("current_date", []))))),
    ("CURRENT_DATETIME", Built(|arguments, _| Ok(no_zone(&arguments).then(|| now(&ColumnType::Datetime))))),
    ("CURRENT_TIME", Built(|arguments, _| Ok(no_zone(&arguments).then(|| build::call("current_time", []))))),
    ("CURRENT_TIMESTAMP", Built(|_, _| Ok(Some(now(&ColumnType::Timestamp))))),
    ("DATE", Built(|arguments, _| Ok(date(arguments)))),
    ("DATETIME", Built(|arguments, _| Ok(datetime(arguments)))),
    ("DATETIME_ADD", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Plus, arguments)))),
    ("DATETIME_DIFF", Built(|arguments, span| dates::datetime_difference(&arguments, span))),
    ("DATETIME_SUB", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Minus, arguments)))),
    ("DATETIME_TRUNC", Built(|arguments, span| dates::truncated(&arguments, false, span))),
    ("DATE_ADD", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Plus, arguments)))),
    ("DATE_DIFF", Built(|arguments, span| dates::date_difference(&arguments, span))),
    ("DATE_FROM_UNIX_DATE", Built(|arguments, _| Ok(dates::of_days(arguments)))),
    ("DATE_SUB", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Minus, arguments)))),
    ("DATE_TRUNC", Built(|arguments, span| dates::truncated(&arguments, true, span))),
    ("DENSE_RANK", Int64("dense_rank")),
    ("DIV", Built(|arguments, _| Ok(whole_division(arguments)))),
    ("ENDS_WITH", Named("ends_with")),
    ("GENERATE_ARRAY", Named("generate_series")),
    ("GENERATE_UUID", Named("uuid")),
    ("IF", Built(|arguments, _| Ok(if_else(arguments)))),
    ("IFNULL", Named("coalesce")),
    ("IS_NAN", Named("isnan")),
    ("LAST_DAY", Built(|arguments, span| dates::last_day(&arguments, span))),
    ("LENGTH", Int64("length")),
    ("LOG", Built(|arguments, _| Ok(logarithm(arguments)))),
    ("LOGICAL_AND", Named("bool_and")),
    ("LOGICAL_OR", Named("bool_or")),
    ("MD5", Built(|arguments, _| Ok(Some(hashed(arguments))))),
    ("MOD", Built(|arguments, _| Ok(operator(BinaryOperator::Modulo, arguments)))),
    ("NTILE", Int64("ntile")),
    ("POW", Named("power")),
    ("RAND", Named("random")),
    ("RANK", Int64("rank")),
    ("REGEXP_CONTAINS", Named("regexp_like")),
    ("REGEXP_EXTRACT", Built(|arguments, _| Ok(first_match(arguments)))),
    ("REGEXP_REPLACE", WithDefault("regexp_replace", 3, "g")),
    ("ROW_NUMBER", Int64("row_number")),
    ("SPLIT", WithDefault("split", 1, ",")),
    ("STARTS_WITH", Named("starts_with")),
    ("STRING_AGG", WithDefault("string_agg", 1, ",")),
    ("STRPOS", Int64("strpos")),
    ("STRUCT", Built(|arguments, span| structure(arguments, &[], span).map(Some))),
    ("SUBSTR", Built(|arguments, _| Ok(Some(substring(arguments))))),
    ("SUBSTRING", Built(|arguments, _| Ok(Some(substring(arguments))))),
    ("TIMESTAMP", Built(|arguments, _| Ok(cast_single(arguments, &ColumnType::Timestamp)))),
    ("TIMESTAMP_ADD", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Plus, arguments)))),
    ("TIMESTAMP_DIFF", Built(|arguments, span| dates::timestamp_difference(&arguments, span))),
    ("TIMESTAMP_SUB", Built(|arguments, _| Ok(dates::shifted(BinaryOperator::Minus, arguments)))),
    ("TIMESTAMP_TRUNC", Built(|arguments, span| dates::truncated(&arguments, false, span))),
    ("TO_HEX", WithDefault("encode", 1, "hex")),
    ("UNIX_DATE", Built(|arguments, _| Ok(dates::unix_date(arguments)))),
    ("VARIANCE", Named("var_samp")),
];

/// The functions of GoogleSQL that become something else, in upper case.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

/// Renames a function in place, or answers what takes the place of the call.
pub(super) fn replaced(function: &mut Function, span: Span) -> Result<Option<Expr>> {
    let name = idents(&function.name).iter().map(|ident| ident.value.clone()).collect::<Vec<_>>().join(".");
    let upper = name.to_uppercase();
    let found = FUNCTIONS.binary_search_by_key(&upper.as_str(), |(name, _)| name).ok();
    let Some(becomes) = found.map(|index| FUNCTIONS[index].1) else {
        rename(function, &name.to_lowercase());
        return Ok(None);
    };
    match becomes {
        Named(new) => rename(function, new),
        Int64(new) => {
            rename(function, new);
            return Ok(Some(build::cast(Expr::Function(function.clone()), types::int64())));
        }
        WithDefault(new, arguments, default) => {
            rename(function, new);
            if let FunctionArguments::List(list) = &mut function.args
                && list.args.len() == arguments
            {
                list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(build::string(default))));
            }
        }
        Argument(new, build_argument) => {
            rename(function, new);
            if let FunctionArguments::List(list) = &mut function.args
                && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = list.args.as_mut_slice()
            {
                *expr = build_argument(expr.clone());
            }
        }
        Built(build_call) => {
            let built =
                plain_arguments(function).map_or(Ok(None), |arguments| build_call(arguments, span))?;
            if built.is_none() {
                rename(function, &name.to_lowercase());
            }
            return Ok(built);
        }
    }
    Ok(None)
}

fn rename(function: &mut Function, name: &str) {
    let parts: Vec<Ident> = name.split('.').map(Ident::new).collect();
    function.name = ObjectName::from(parts);
}

/// The arguments, if the call is nothing but its arguments.
fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() {
        return None;
    }
    let list = match &function.args {
        FunctionArguments::None => return Some(Vec::new()),
        FunctionArguments::List(list) => list,
        FunctionArguments::Subquery(_) => return None,
    };
    if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)) || !list.clauses.is_empty() {
        return None;
    }
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

fn pair(arguments: Vec<Expr>) -> Option<(Expr, Expr)> {
    let [first, second] = <[Expr; 2]>::try_from(arguments).ok()?;
    Some((first, second))
}

fn operator(op: BinaryOperator, arguments: Vec<Expr>) -> Option<Expr> {
    let (left, right) = pair(arguments)?;
    Some(build::binary(left, op, right))
}

/// NULL if any is, which DataFusion's `concat` is not.
fn concatenated(arguments: Vec<Expr>) -> Option<Expr> {
    let single = arguments.len() == 1;
    let joined = arguments.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::StringConcat,
        right: Box::new(right),
    })?;
    Some(if single { joined } else { Expr::Nested(Box::new(joined)) })
}

fn if_else(arguments: Vec<Expr>) -> Option<Expr> {
    let [condition, result, otherwise] = <[Expr; 3]>::try_from(arguments).ok()?;
    Some(build::case(condition, result, Some(otherwise)))
}

/// Towards zero. By way of decimals, since `/` answers FLOAT64 and FLOAT64 has 53 bits.
fn whole_division(arguments: Vec<Expr>) -> Option<Expr> {
    let (dividend, divisor) = pair(arguments)?;
    let exact = |expr| build::cast(expr, types::planned(&ColumnType::Numeric(Some((20, 0)))));
    let quotient = build::binary(exact(dividend), BinaryOperator::Divide, exact(divisor));
    Some(build::cast(build::call("trunc", [quotient]), types::int64()))
}

/// GoogleSQL has the base last, DataFusion first; without one it is e.
fn logarithm(mut arguments: Vec<Expr>) -> Option<Expr> {
    if arguments.len() == 1 {
        return Some(build::call("ln", arguments));
    }
    arguments.reverse();
    Some(build::call("log", arguments))
}

fn first_match(arguments: Vec<Expr>) -> Option<Expr> {
    let (text, pattern) = pair(arguments)?;
    Some(build::call("array_element", [build::call("regexp_match", [text, pattern]), build::number(1)]))
}

fn no_zone(arguments: &[Expr]) -> bool {
    arguments.is_empty()
}

fn now(column_type: &ColumnType) -> Expr {
    build::cast(build::call("now", []), types::planned(column_type))
}

fn cast_single(arguments: Vec<Expr>, column_type: &ColumnType) -> Option<Expr> {
    let [value] = <[Expr; 1]>::try_from(arguments).ok()?;
    Some(build::cast(value, types::planned(column_type)))
}

fn date(arguments: Vec<Expr>) -> Option<Expr> {
    if arguments.len() == 3 {
        return Some(build::call("make_date", arguments));
    }
    if arguments.len() == 2 {
        return Some(build::cast(
            build::call("local_datetime", arguments),
            types::planned(&ColumnType::Date),
        ));
    }
    cast_single(arguments, &ColumnType::Date)
}

fn datetime(arguments: Vec<Expr>) -> Option<Expr> {
    if arguments.len() == 2 {
        return Some(build::call("local_datetime", arguments));
    }
    cast_single(arguments, &ColumnType::Datetime)
}

/// A negative start counts from the end, which DataFusion's does not.
pub(super) fn substring(arguments: Vec<Expr>) -> Expr {
    let start = arguments.get(1).and_then(build::literal_integer);
    match start {
        Some(start) if start < 0 => {
            let mut arguments = arguments.into_iter();
            let text = arguments.next().unwrap_or_else(build::null);
            let tail = build::call("right", [text, build::number(start.unsigned_abs())]);
            match arguments.nth(1) {
                Some(length) => build::call("left", [tail, length]),
                None => tail,
            }
        }
        // 0 is the first character too.
        Some(0) => {
            let replaced = arguments.into_iter().enumerate();
            build::call(
                "substr",
                replaced.map(|(index, expr)| if index == 1 { build::number(1) } else { expr }),
            )
        }
        _ => build::call("substr", arguments),
    }
}

/// `MD5(x)`: DataFusion's is text.
fn hashed(arguments: Vec<Expr>) -> Expr {
    build::call("decode", [build::call("md5", arguments), build::string("hex")])
}

/// Whether this is the function whose arguments become fields, named like the columns they are.
pub(super) fn makes_structure(name: &ObjectName) -> bool {
    matches!(idents(name).as_slice(), [name] if name.value.eq_ignore_ascii_case("STRUCT"))
}

/// `STRUCT(a, 1 AS b)` and `STRUCT<a INT64>(1)`. A column keeps its name, other values have none.
pub(super) fn structure(values: Vec<Expr>, fields: &[StructField], span: Span) -> Result<Expr> {
    let mut arguments = Vec::with_capacity(values.len() * 2);
    for (index, value) in values.into_iter().enumerate() {
        let field = fields.get(index);
        let declared = field.and_then(|field| field.field_name.as_ref()).map(|name| name.value.clone());
        let (name, value) = match value {
            Expr::Named { expr, name } => (Some(name.value), *expr),
            Expr::Identifier(ref ident) => (Some(ident.value.clone()), value),
            Expr::CompoundIdentifier(ref path) => (path.last().map(|ident| ident.value.clone()), value),
            value => (None, value),
        };
        let name = declared.or(name).unwrap_or_else(|| types::anonymous_field(index));
        let value = match field {
            Some(field) => build::cast(value, types::planned(&types::read(&field.field_type, span)?)),
            None => value,
        };
        arguments.extend([build::string(name), value]);
    }
    Ok(build::call("named_struct", arguments))
}

/// The element of an array: `a[OFFSET(0)]`, `a[0]`, `a[ORDINAL(1)]`, and with SAFE_ NULL where there is none.
pub(super) fn array_element(array: Expr, index: Expr) -> Expr {
    if let Expr::Function(function) = &index
        && let Some([position]) = plain_arguments(function).as_deref()
    {
        let name = match function.name.to_string().to_uppercase().as_str() {
            "OFFSET" => Some("array_offset_element"),
            "ORDINAL" => Some("array_ordinal_element"),
            "SAFE_OFFSET" => Some("array_safe_offset_element"),
            "SAFE_ORDINAL" => Some("array_safe_ordinal_element"),
            _ => None,
        };
        if let Some(name) = name {
            return build::call(name, [array, position.clone()]);
        }
    }
    build::call("array_offset_element", [array, index])
}

#[cfg(test)]
mod list_tests {
    #[test]
    fn the_list_is_in_order() {
        assert!(super::FUNCTIONS.is_sorted_by_key(|(name, _)| *name));
    }
}

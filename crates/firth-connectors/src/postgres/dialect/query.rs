//! Whole queries: what PostgreSQL groups, orders and adds up as we do.

use arrow::datatypes::{DataType, TimeUnit};
use firth_connector::{Aggregate, Operand, QueryDialect, Reason, WindowFunction, Written};

use super::super::types::NUMERIC;
use super::{Dialect, is_bytea, text, window};

impl QueryDialect for Dialect {
    fn item(&self, operand: &Operand<'_>, data_type: &DataType) -> Result<Written, Reason> {
        let same = operand.data_type == data_type;
        match data_type {
            // A column arrives as it was described.
            _ if same && operand.remote_type.is_some() => Ok(Written::operand(operand)),
            // A literal without a type could be taken for something else than text. Which letters beyond
            // ASCII the database has is not known here.
            DataType::Utf8 if same && operand.literal.is_some() && text::is_ascii(operand) => {
                Ok(Written::typed(format!("{}::text COLLATE \"C\"", operand.sql), text::made_type()))
            }
            DataType::Int64 if same => Ok(Written::typed(format!("{}::int8", operand.sql), "bigint")),
            DataType::Boolean
            | DataType::Float64
            | DataType::Date32
            | DataType::Time64(TimeUnit::Microsecond)
            | DataType::Timestamp(TimeUnit::Microsecond, _)
                if same =>
            {
                Ok(Written::operand(operand))
            }
            DataType::Decimal128(..) | DataType::Decimal256(..) if same => {
                Ok(Written::new(decimal(operand.sql, data_type)))
            }
            _ => Err(format!("PostgreSQL would send {} of another type", operand.sql)),
        }
    }

    fn group(&self, operand: &Operand<'_>) -> Result<Written, Reason> {
        match operand.data_type {
            // Equal there is equal here, and equal ones look alike once they are read.
            plain if compares_alike(plain) => Ok(Written::operand(operand)),
            DataType::Utf8 => match operand.remote_type {
                // Compared as 16 bytes, which its text follows.
                Some("uuid") => Ok(Written::operand(operand)),
                _ => match text::comparand(operand) {
                    Some(sql) if sql == operand.sql => Ok(Written::operand(operand)),
                    Some(sql) => Ok(Written::typed(sql, text::made_type())),
                    None => Err(differs(operand, "compares")),
                },
            },
            DataType::Binary if is_bytea(operand) => Ok(Written::operand(operand)),
            // −0 and 0 are one group there, and two here.
            DataType::Float64 => Err("groups of FLOAT64: PostgreSQL holds 0 and −0 for equal".to_owned()),
            other => Err(format!("groups of {other} are not on PostgreSQL's list")),
        }
    }

    fn aggregate(
        &self,
        aggregate: Aggregate,
        operand: &Operand<'_>,
        result: &DataType,
    ) -> Result<Written, Reason> {
        aggregated(aggregate, operand, "", result)
    }

    fn window(
        &self,
        function: WindowFunction,
        operand: Option<&Operand<'_>>,
        over: &str,
        result: &DataType,
    ) -> Result<Written, Reason> {
        window::function(function, operand, over, result)
    }

    fn order(&self, operand: &Operand<'_>, descending: bool, nulls_first: bool) -> Result<String, Reason> {
        let key = match operand.data_type {
            plain if compares_alike(plain) => operand.sql.to_owned(),
            // By code point. Where the column's own collation is another, its index is no help.
            DataType::Utf8 => text::ordered(operand).ok_or_else(|| differs(operand, "orders"))?,
            DataType::Binary if is_bytea(operand) => operand.sql.to_owned(),
            DataType::Float64 => {
                return Err("order of FLOAT64: PostgreSQL holds 0 and −0 for equal".to_owned());
            }
            other => return Err(format!("order of {other} is not on PostgreSQL's list")),
        };
        let direction = if descending { "DESC" } else { "ASC" };
        // Its own default: NULL is larger than every value.
        let nulls = if nulls_first == descending {
            ""
        } else if nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        };
        Ok(format!("{key} {direction}{nulls}"))
    }
}

/// Whether values of this type are equal, and ordered, there as here, whatever type the remote calls it.
pub(super) fn compares_alike(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int64
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Date32
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            // Numbers of rows, which are `bigint` there.
            | DataType::UInt64
    )
}

/// An aggregate. `over` is empty, or has OVER and what stands behind it.
pub(super) fn aggregated(
    aggregate: Aggregate,
    operand: &Operand<'_>,
    over: &str,
    result: &DataType,
) -> Result<Written, Reason> {
    let sql = match aggregate {
        Aggregate::Count => format!("count({}){over}", operand.sql),
        Aggregate::CountDistinct => format!("count(DISTINCT {}){over}", Dialect.group(operand)?.sql),
        Aggregate::Sum => sum(operand, over, result)?,
        Aggregate::Average => average(operand, over, result)?,
        Aggregate::Min => extreme("min", "bool_and", operand, over, result)?,
        Aggregate::Max => extreme("max", "bool_or", operand, over, result)?,
    };
    Ok(match (aggregate, result) {
        // By code point is how they were compared.
        (Aggregate::Min | Aggregate::Max, DataType::Utf8) => Written::typed(sql, text::made_type()),
        _ => Written::new(sql),
    })
}

/// PostgreSQL adds bigints up as a `numeric`, so an overflow is seen when the sum is cast back: an error
/// there, as our own sum is one here.
fn sum(operand: &Operand<'_>, over: &str, result: &DataType) -> Result<String, Reason> {
    match (operand.data_type, result) {
        (DataType::Int64, DataType::Int64) => Ok(format!("sum({}){over}::int8", operand.sql)),
        (
            DataType::Decimal128(_, from) | DataType::Decimal256(_, from),
            DataType::Decimal128(_, to) | DataType::Decimal256(_, to),
        ) if from == to => Ok(decimal(&format!("sum({}){over}", operand.sql), result)),
        // As double precision, also a `real`, whose own sum has six digits. The order of addition is not
        // ours, nor is ours always the same: the last digits differ.
        (DataType::Float64, DataType::Float64) => Ok(format!("sum({}::float8){over}", operand.sql)),
        (from, to) => Err(format!("SUM of {from} as {to} is not on PostgreSQL's list")),
    }
}

/// Of decimals PostgreSQL's own average is rounded twice: to digits of its choice, and by a cast to ours. `div` cuts off, so that
/// half of the count is added to what is divided, which has as many digits as the result. Floats are added up in another order, as with SUM.
fn average(operand: &Operand<'_>, over: &str, result: &DataType) -> Result<String, Reason> {
    match (operand.data_type, result) {
        (DataType::Float64, DataType::Float64) => Ok(format!("avg({}::float8){over}", operand.sql)),
        (
            DataType::Decimal128(..) | DataType::Decimal256(..),
            DataType::Decimal128(_, scale @ 0..) | DataType::Decimal256(_, scale @ 0..),
        ) => {
            let (sum, count) =
                (format!("sum({}){over}", operand.sql), format!("count({}){over}", operand.sql));
            let mean = format!(
                "(pg_catalog.sign({sum}) * pg_catalog.div(pg_catalog.abs({sum}) * 2e{scale}::numeric + {count}, nullif(2 * {count}, 0)) * 1e-{scale}::numeric)"
            );
            Ok(decimal(&mean, result))
        }
        (from, to) => Err(format!("AVG of {from} as {to} is not on PostgreSQL's list")),
    }
}

fn extreme(
    word: &str,
    of_bool: &str,
    operand: &Operand<'_>,
    over: &str,
    result: &DataType,
) -> Result<String, Reason> {
    if operand.data_type != result {
        return Err(format!("{word} of {} as {result} is not on PostgreSQL's list", operand.data_type));
    }
    let whole = |text: &str| format!("{word}({text}){over}");
    match result {
        DataType::Int64
        | DataType::Date32
        | DataType::Time64(TimeUnit::Microsecond)
        | DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(whole(operand.sql)),
        DataType::Boolean => Ok(format!("{of_bool}({}){over}", operand.sql)),
        DataType::Decimal128(..) | DataType::Decimal256(..) => Ok(decimal(&whole(operand.sql), result)),
        DataType::Utf8 => match text::ordered(operand) {
            Some(text) => Ok(whole(&text)),
            None => Err(differs(operand, "orders")),
        },
        DataType::Float64 => {
            Err(format!("{word} of FLOAT64: PostgreSQL holds NaN for the largest number and −0 for 0"))
        }
        other => Err(format!("{word} of {other} is not on PostgreSQL's list")),
    }
}

/// A number that arrives with this precision and scale. One that promises none arrives as NUMERIC: a
/// cast would round what does not fit, where reading it fails.
fn decimal(sql: &str, data_type: &DataType) -> String {
    match data_type {
        DataType::Decimal128(precision, scale) if (*precision, *scale) == NUMERIC => sql.to_owned(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("{sql}::numeric({precision},{scale})")
        }
        _ => sql.to_owned(),
    }
}

fn differs(operand: &Operand<'_>, what: &str) -> Reason {
    let type_ = operand.remote_type.unwrap_or("text of unknown type");
    format!("PostgreSQL {what} {} ({type_}) otherwise", operand.sql)
}

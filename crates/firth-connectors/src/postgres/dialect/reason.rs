//! Why operations are not on the list, in words.

use arrow::datatypes::DataType;
use firth_connector::{Operand, Operation, Reason};

use super::text;

/// What there is to say of an operation that was asked for and is not on the list for these operands.
pub(super) fn reason(operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Reason> {
    if let Some(text) = operands.iter().find_map(text::differs) {
        return Some(text);
    }
    let is_float = |operand: &Operand<'_>| *operand.data_type == DataType::Float64;
    Some(match operation {
        Operation::Compare(_) | Operation::In | Operation::NotIn if operands.iter().any(is_float) => {
            "of FLOAT64, comparisons with a number other than 0 are sent: NaN and −0 compare otherwise there"
                .to_owned()
        }
        Operation::Add | Operation::Subtract | Operation::Multiply if operands.iter().any(is_float) => {
            "PostgreSQL raises an error where a FLOAT64 becomes too large or too small".to_owned()
        }
        Operation::Remainder => {
            "MOD is sent of INT64 and a literal divisor, which is neither 0 nor −1".to_owned()
        }
        Operation::Cast(target) => {
            let from = operands.first().map_or(&DataType::Null, |operand| operand.data_type);
            format!("a cast of {from} to {target} may round, fail or be written in another way there")
        }
        Operation::Function(name) => function(name),
        Operation::Compare(_)
        | Operation::And
        | Operation::Or
        | Operation::Not
        | Operation::IsNull
        | Operation::IsNotNull
        | Operation::In
        | Operation::NotIn
        | Operation::Like
        | Operation::Add
        | Operation::Subtract
        | Operation::Multiply
        | Operation::Concat
        | Operation::Case => return None,
    })
}

fn function(name: &str) -> Reason {
    match name {
        "upper" | "lower" | "initcap" => {
            "PostgreSQL changes the case of letters by the column's locale, here Unicode decides".to_owned()
        }
        "substr" => {
            "SUBSTR is sent with a literal start of 1 or more, and a literal length, or none".to_owned()
        }
        "left" | "right" => format!("{name} is sent with a literal length"),
        "btrim" | "ltrim" | "rtrim" => "PostgreSQL trims other characters".to_owned(),
        "abs" => "ABS is sent of INT64 and decimals".to_owned(),
        "nullif" => "NULLIF is sent of values that compare alike there".to_owned(),
        "date_part" | "date_trunc" => "this part of this type is not on PostgreSQL's list".to_owned(),
        name if name.starts_with("regexp") => {
            "PostgreSQL's regular expressions are of another kind".to_owned()
        }
        name => format!("the function {name} is not on PostgreSQL's list"),
    }
}

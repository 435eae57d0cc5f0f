//! The fake remote's SQL: little, and uneven on purpose.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use firth_connector::{
    Aggregate, Comparison, Operand, Operation, QueryDialect, Reason, RemoteDialect, Rendered, Written,
};

/// A dialect with all three kinds of operation:
///
/// - *exact*: comparisons of INT64 and of BOOL; IN and arithmetic of INT64; LIKE; IS NULL; AND, OR, NOT;
/// - *superset*: `=` and IN of STRING, whose comparison ignores case there, as on some servers;
/// - *local*: everything else, such as `<` of STRING and all functions.
///
/// Of whole queries it takes groups of INT64 and STRING, order of INT64 alone, and aggregates of INT64.
#[derive(Clone, Copy, Debug)]
pub struct FakeDialect;

impl RemoteDialect for FakeDialect {
    fn identifier(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn literal(&self, value: &ScalarValue) -> Option<String> {
        match value {
            ScalarValue::Int64(Some(value)) => Some(value.to_string()),
            ScalarValue::Boolean(Some(value)) => Some(value.to_string()),
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                Some(format!("'{}'", text.replace('\'', "''")))
            }
            _ => None,
        }
    }

    fn queries(&self) -> Option<&dyn QueryDialect> {
        Some(self)
    }

    fn operation(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Rendered> {
        match (operation, operands) {
            (Operation::And, [a, b]) => Rendered::exact(format!("({} AND {})", a.sql, b.sql)),
            (Operation::Or, [a, b]) => Rendered::exact(format!("({} OR {})", a.sql, b.sql)),
            (Operation::Not, [a]) => Rendered::exact(format!("(NOT {})", a.sql)),
            (Operation::IsNull, [a]) => Rendered::exact(format!("({} IS NULL)", a.sql)),
            (Operation::IsNotNull, [a]) => Rendered::exact(format!("({} IS NOT NULL)", a.sql)),
            (Operation::Compare(comparison), [a, b]) if numbers(operands) || conditions(operands) => {
                Rendered::exact(format!("({} {} {})", a.sql, comparison.sql(), b.sql))
            }
            (Operation::Compare(Comparison::Eq), [a, b]) if texts(operands) => {
                Rendered::superset(format!("(lower({}) = lower({}))", a.sql, b.sql))
            }
            (Operation::In, [a, list @ ..]) if numbers(operands) => {
                Rendered::exact(format!("({} IN ({}))", a.sql, listed(list, str::to_owned)))
            }
            (Operation::NotIn, [a, list @ ..]) if numbers(operands) => {
                Rendered::exact(format!("({} NOT IN ({}))", a.sql, listed(list, str::to_owned)))
            }
            (Operation::In, [a, list @ ..]) if texts(operands) => {
                let lower = |text: &str| format!("lower({text})");
                Rendered::superset(format!("({} IN ({}))", lower(a.sql), listed(list, lower)))
            }
            (Operation::Like, [a, b]) if texts(operands) => {
                Rendered::exact(format!("({} LIKE {})", a.sql, b.sql))
            }
            (Operation::Add, [a, b]) if numbers(operands) => {
                Rendered::exact(format!("({} + {})", a.sql, b.sql))
            }
            (Operation::Subtract, [a, b]) if numbers(operands) => {
                Rendered::exact(format!("({} - {})", a.sql, b.sql))
            }
            (Operation::Multiply, [a, b]) if numbers(operands) => {
                Rendered::exact(format!("({} * {})", a.sql, b.sql))
            }
            _ => None,
        }
    }
}

impl QueryDialect for FakeDialect {
    fn item(&self, operand: &Operand<'_>, data_type: &DataType) -> Result<Written, Reason> {
        if operand.data_type == data_type {
            Ok(Written::operand(operand))
        } else {
            Err(format!("{} is of another type", operand.sql))
        }
    }

    fn group(&self, operand: &Operand<'_>) -> Result<Written, Reason> {
        match operand.data_type {
            DataType::Int64 | DataType::Utf8 => Ok(Written::operand(operand)),
            other => Err(format!("groups of {other} are not on the list")),
        }
    }

    fn aggregate(
        &self,
        aggregate: Aggregate,
        operand: &Operand<'_>,
        _: &DataType,
    ) -> Result<Written, Reason> {
        let word = match aggregate {
            Aggregate::Count => return Ok(Written::new(format!("count({})", operand.sql))),
            Aggregate::CountDistinct => return Ok(Written::new(format!("count(DISTINCT {})", operand.sql))),
            Aggregate::Average => return Err("avg is not on the list".to_owned()),
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
        };
        match operand.data_type {
            DataType::Int64 => Ok(Written::new(format!("{word}({})", operand.sql))),
            other => Err(format!("{word} of {other} is not on the list")),
        }
    }

    fn order(&self, operand: &Operand<'_>, descending: bool, nulls_first: bool) -> Result<String, Reason> {
        if *operand.data_type != DataType::Int64 {
            return Err(format!("{} is ordered otherwise there", operand.sql));
        }
        let direction = if descending { "DESC" } else { "ASC" };
        let nulls = if nulls_first { "FIRST" } else { "LAST" };
        Ok(format!("{} {direction} NULLS {nulls}", operand.sql))
    }
}

fn numbers(operands: &[Operand<'_>]) -> bool {
    operands.iter().all(|operand| *operand.data_type == DataType::Int64)
}

fn conditions(operands: &[Operand<'_>]) -> bool {
    operands.iter().all(|operand| *operand.data_type == DataType::Boolean)
}

fn texts(operands: &[Operand<'_>]) -> bool {
    operands.iter().all(|operand| matches!(operand.data_type, DataType::Utf8 | DataType::Utf8View))
}

fn listed(operands: &[Operand<'_>], render: impl Fn(&str) -> String) -> String {
    operands.iter().map(|operand| render(operand.sql)).collect::<Vec<_>>().join(", ")
}

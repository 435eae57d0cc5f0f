//! How expressions are written in a remote's SQL, and which of them mean there what they mean here.
//!
//! Pushdown walks an expression from its leaves and asks the dialect to render each operation. What a
//! dialect does not list is evaluated here; that is never an error. The list is an allow-list: two
//! systems agree on an operation because somebody checked it, not because the words look alike.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

use crate::{QueryDialect, Reason};

/// An operation of our engine, on operands of known types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// `a = b` and its kin.
    Compare(Comparison),
    /// `a AND b`, with SQL's three values.
    And,
    /// `a OR b`, with SQL's three values.
    Or,
    /// `NOT a`.
    Not,
    /// `a IS NULL`.
    IsNull,
    /// `a IS NOT NULL`.
    IsNotNull,
    /// The first operand equals one of the others, which are literals and not NULL.
    In,
    /// The first operand is none of the others, which are literals and not NULL.
    NotIn,
    /// `a LIKE b` with `%`, `_` and no escape but backslash; the pattern is a literal.
    Like,
    /// `a + b`.
    Add,
    /// `a - b`.
    Subtract,
    /// `a * b`.
    Multiply,
    /// `a % b` of integers, with the sign of `a`.
    Remainder,
    /// `a || b` of texts: NULL if one of them is.
    Concat,
    /// `CASE WHEN a THEN b … ELSE c END`: conditions and values in turn, and what is left over, if
    /// anything is, without a condition. All values are of one type, and one at least is not the literal NULL.
    Case,
    /// A cast to this type.
    Cast(&'a DataType),
    /// A scalar function, by DataFusion's name.
    Function(&'a str),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl Comparison {
    /// The operator as every SQL writes it.
    pub const fn sql(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::NotEq => "<>",
            Comparison::Lt => "<",
            Comparison::LtEq => "<=",
            Comparison::Gt => ">",
            Comparison::GtEq => ">=",
        }
    }
}

/// An operand, already rendered, with what is known of it.
#[derive(Clone, Debug)]
pub struct Operand<'a> {
    /// Its text, which can stand anywhere an expression can.
    pub sql: &'a str,
    /// Its type here.
    pub data_type: &'a DataType,
    /// The source's own type, if the operand is a plain column, or an operation that was rendered with one.
    pub remote_type: Option<&'a str>,
    /// Its value, if the operand is a literal.
    pub literal: Option<&'a ScalarValue>,
}

/// A rendered operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text, which can stand anywhere an expression can (parenthesised if need be).
    pub sql: String,
    /// Whether it means the same there as here. If not, it is a predicate that is true there at
    /// least wherever it is true here, and is evaluated again here.
    pub exact: bool,
    /// The source's own type of the value, where it is known: what is made of it further on is then asked
    /// about as of a column of that type, and it arrives as one.
    pub remote_type: Option<String>,
}

impl Rendered {
    /// Means the same there as here.
    pub fn exact(sql: impl Into<String>) -> Option<Self> {
        Some(Rendered { sql: sql.into(), exact: true, remote_type: None })
    }

    /// Means the same there as here, and is of this type there.
    pub fn typed(sql: impl Into<String>, remote_type: impl Into<String>) -> Option<Self> {
        Some(Rendered { sql: sql.into(), exact: true, remote_type: Some(remote_type.into()) })
    }

    /// True there wherever it is true here, and maybe elsewhere.
    pub fn superset(sql: impl Into<String>) -> Option<Self> {
        Some(Rendered { sql: sql.into(), exact: false, remote_type: None })
    }
}

/// How many values a plain list after IN may have: every system takes as many.
const FEW: usize = 1000;

/// A remote's SQL.
pub trait RemoteDialect: Send + Sync {
    /// A name, quoted so that it means exactly itself.
    fn identifier(&self, name: &str) -> String;

    /// A column, cast to a type in the source's own words.
    fn read_as(&self, column: &str, type_: &str) -> String {
        format!("CAST({column} AS {type_})")
    }

    /// A literal that has exactly this value and type there, or `None`.
    fn literal(&self, value: &ScalarValue) -> Option<String>;

    /// An operation, or `None` if it is not on this dialect's list for these operands.
    ///
    /// Operands of operations other than AND and OR are exact. AND and OR of supersets are asked for
    /// too; the caller knows that the whole is then a superset, whatever this says.
    fn operation(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Rendered>;

    /// Why an operation is not on the list for these operands, in words for a person, if there is more to
    /// say than that.
    fn reason(&self, operation: Operation<'_>, operands: &[Operand<'_>]) -> Option<Reason> {
        let _ = (operation, operands);
        None
    }

    /// A condition that holds at least wherever `operand` equals one of `values`, which are not NULL
    /// and of one type; or `None`. The values are the keys of a join, and may be many.
    fn members(&self, operand: &Operand<'_>, values: &[ScalarValue]) -> Option<Rendered> {
        if values.len() > FEW {
            return None;
        }
        let texts = values.iter().map(|value| self.literal(value)).collect::<Option<Vec<_>>>()?;
        let types: Vec<DataType> = values.iter().map(ScalarValue::data_type).collect();
        let mut operands = vec![operand.clone()];
        for ((value, sql), data_type) in values.iter().zip(&texts).zip(&types) {
            operands.push(Operand { sql, data_type, remote_type: None, literal: Some(value) });
        }
        self.operation(Operation::In, &operands)
    }

    /// How whole queries are written, if any are sent.
    fn queries(&self) -> Option<&dyn QueryDialect> {
        None
    }

    /// What stands in the select list when no column is asked for, such as `NULL` or `1`.
    fn no_columns(&self) -> &'static str {
        "1"
    }
}

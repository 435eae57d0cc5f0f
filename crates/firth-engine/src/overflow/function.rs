//! The checked functions behind `+`, `-` and `*` of INT64.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{ArrayRef, Datum},
    compute::{
        cast,
        kernels::numeric::{add, mul, sub},
    },
    datatypes::{DataType, Field, FieldRef},
    error::ArrowError,
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, Volatility,
    },
};

type Kernel = fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError>;

/// `left op right`, checked. Both are signed integers.
pub(super) fn checked(op: Operator, left: Expr, right: Expr) -> Result<Expr> {
    static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 3]> = LazyLock::new(|| {
        [Operator::Plus, Operator::Minus, Operator::Multiply]
            .map(|op| Arc::new(ScalarUDF::from(Checked::new(op))))
    });
    let [plus, minus, multiply] = &*FUNCTIONS;
    let function = match op {
        Operator::Plus => plus,
        Operator::Minus => minus,
        Operator::Multiply => multiply,
        other => return Err(DataFusionError::Internal(format!("{other} has no checked function"))),
    };
    Ok(function.call(vec![left, right]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

impl Checked {
    fn new(op: Operator) -> Self {
        Checked { op, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn kernel(&self) -> Kernel {
        match self.op {
            Operator::Minus => sub,
            Operator::Multiply => mul,
            _ => add,
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Minus => "checked_subtract",
            Operator::Multiply => "checked_multiply",
            _ => "checked_add",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(wider(arguments))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> =
            arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), wider(&types), nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let wanted = arguments.return_field.data_type();
        let [left, right] = &arguments.args[..] else {
            return Err(DataFusionError::Internal(format!("{} takes two arguments", self.name())));
        };
        let scalar = |value: &ScalarValue| value.cast_to(wanted)?.to_scalar();
        let array = |value: &ArrayRef| cast(value, wanted);
        let kernel = self.kernel();
        let outcome = match (left, right) {
            (ColumnarValue::Array(left), ColumnarValue::Array(right)) => {
                kernel(&array(left)?, &array(right)?)
            }
            (ColumnarValue::Array(left), ColumnarValue::Scalar(right)) => {
                kernel(&array(left)?, &scalar(right)?)
            }
            (ColumnarValue::Scalar(left), ColumnarValue::Array(right)) => {
                kernel(&scalar(left)?, &array(right)?)
            }
            (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) => {
                let value = kernel(&scalar(left)?, &scalar(right)?)?;
                return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?));
            }
        };
        Ok(ColumnarValue::Array(outcome?))
    }
}

/// The wider of two integer types, as DataFusion's operators have it.
fn wider(types: &[DataType]) -> DataType {
    let width = |data_type: &DataType| data_type.primitive_width().unwrap_or(8);
    types.iter().max_by_key(|data_type| width(data_type)).cloned().unwrap_or(DataType::Int64)
}

//! Fields of STRUCTs, found whatever their letters' case, as GoogleSQL does.
//!
//! The rewriting puts paths in lower case, and what part of `a.b.c` is a column only the planner knows. So this
//! stands ahead of DataFusion's own steps for paths: it knows the type of what is before the dot, finds the field
//! there, and calls `get_field` with the name as the source spells it.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::{
    common::{Column, DFSchema, ScalarValue, TableReference},
    error::{DataFusionError, Result},
    functions::core::get_field,
    logical_expr::{
        ColumnarValue, Expr, ExprSchemable, GetFieldAccess, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, Volatility, lit,
        planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr},
    },
};
use firth_diagnostic::{Code, Diagnostic, did_you_mean};

use crate::sql_type;

/// The step of the planner.
#[derive(Debug)]
pub(crate) struct FieldNames;

impl ExprPlanner for FieldNames {
    /// `column.field.field`.
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut path = Expr::Column(Column::from((qualifier, field)));
        let mut reached = field;
        for name in nested_names {
            match found(reached, name) {
                Ok(next) => {
                    path = get_field().call(vec![path, lit(next.name().clone())]);
                    reached = next;
                }
                // DataFusion drops what is said here, and asks the next planner.
                Err(refused) => {
                    return Ok(PlannerResult::Planned(ScalarUDF::new_from_impl(refused).call(Vec::new())));
                }
            }
        }
        Ok(PlannerResult::Planned(path))
    }

    /// `expression.field`.
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let GetFieldAccess::NamedStructField { name: ScalarValue::Utf8(Some(name)) } = &access.field_access
        else {
            return Ok(PlannerResult::Original(access));
        };
        let (_, before) = access.expr.to_field(schema)?;
        let field = found(&before, name).map_err(|refused| refused.error())?;
        Ok(PlannerResult::Planned(get_field().call(vec![access.expr, lit(field.name().clone())])))
    }
}

/// The field of this name in what is before the dot.
fn found<'a>(before: &'a Field, name: &str) -> Result<&'a Field, Refused> {
    let DataType::Struct(fields) = before.data_type() else {
        return Err(Refused {
            invalid: true,
            message: format!("{name:?} is no field: what is before it is {}", sql_type(before)),
            hint: None,
        });
    };
    let wanted = name.to_lowercase();
    let mut matching = fields.iter().filter(|field| field.name().to_lowercase() == wanted);
    match (matching.next(), matching.next()) {
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => Err(Refused {
            invalid: true,
            message: format!("field {name:?} is ambiguous"),
            hint: Some(format!(
                "The STRUCT has {:?} and {:?}, which differ by case alone.",
                one.name(),
                other.name()
            )),
        }),
        (None, _) => Err(Refused {
            invalid: false,
            message: format!("field {name:?} does not exist"),
            hint: Some(fields_hint(name, fields)),
        }),
    }
}

fn fields_hint(name: &str, fields: &[FieldRef]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    did_you_mean(name, names.iter().copied()).map_or_else(
        || format!("The fields here are {}.", names.join(", ")),
        |near| format!("Did you mean {near:?}?"),
    )
}

/// A path that leads nowhere. As a function it has no type, and says why.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Refused {
    /// Whether the path is wrong, rather than one that could be there.
    invalid: bool,
    message: String,
    hint: Option<String>,
}

impl Refused {
    fn error(&self) -> DataFusionError {
        let code = if self.invalid { Code::Invalid } else { Code::NotFound };
        let error = Diagnostic::error(code, self.message.clone()).hint_if(self.hint.clone());
        DataFusionError::External(Box::new(error))
    }
}

impl ScalarUDFImpl for Refused {
    fn name(&self) -> &'static str {
        "refused_path"
    }

    fn signature(&self) -> &Signature {
        static NO_ARGUMENTS: std::sync::LazyLock<Signature> =
            std::sync::LazyLock::new(|| Signature::nullary(Volatility::Immutable));
        &NO_ARGUMENTS
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Err(self.error())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(self.error())
    }
}

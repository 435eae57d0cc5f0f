//! GoogleSQL's functions that DataFusion lacks, or has under the same name with another meaning.
//!
//! Each is a value: name, types, and what it does to columns. A name that DataFusion has too is taken from it: the list is registered last.
//! `firth-sql` rewrites calls to these names; nothing here is sent to a source.

use std::{
    collections::BTreeSet,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock},
};

use arrow::{array::ArrayRef, datatypes::DataType};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature},
};
use firth_diagnostic::{Code, Diagnostic};

mod array;
mod calendar;
mod divide;
mod format_time;
mod pad;
mod parse_time;
mod sign;
mod split;
mod strpos;

pub(crate) use array::member_of;

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Arc<ScalarUDF>> {
    static ALL: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
        let lists = [
            array::functions(),
            calendar::functions(),
            divide::functions(),
            format_time::functions(),
            parse_time::functions(),
            pad::functions(),
            sign::functions(),
            split::functions(),
            strpos::functions(),
        ];
        lists.into_iter().flatten().map(|function| Arc::new(ScalarUDF::from(function))).collect()
    });
    ALL.iter().cloned()
}

/// Calls of these are made by rewriting, and not written.
const UNWRITTEN: [&str; 8] = [
    "array_offset_element",
    "array_ordinal_element",
    "array_safe_offset_element",
    "array_safe_ordinal_element",
    "last_day_of_month",
    "truncated_as",
    "unit_boundaries_between",
    "whole_units_between",
];

/// The functions that a query may call, in lower case: what is rewritten, what is here, and what DataFusion has.
pub fn function_names() -> &'static BTreeSet<String> {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let here = all().map(|function| function.name().to_owned());
        let scalar = datafusion::functions::all_default_functions();
        let aggregate = datafusion::functions_aggregate::all_default_aggregate_functions();
        let window = datafusion::functions_window::all_default_window_functions();
        let of_datafusion = (scalar.iter().map(|function| function.name()))
            .chain(aggregate.iter().map(|function| function.name()))
            .chain(window.iter().map(|function| function.name()))
            .map(str::to_lowercase);
        let names = firth_sql::rewritten_functions().map(str::to_lowercase).chain(here).chain(of_datafusion);
        names.filter(|name| !UNWRITTEN.contains(&name.as_str())).collect()
    });
    &NAMES
}

/// A function, as a value. Two of one name are the same.
pub(crate) struct Function {
    name: &'static str,
    signature: Signature,
    result: fn(&[DataType]) -> Result<DataType>,
    /// The arguments are of one length; so is what it answers.
    columns: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        (self.result)(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let values = (self.columns)(&columns)?;
        match arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_))) {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?)),
            false => Ok(ColumnarValue::Array(values)),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A value that a function does not take, or cannot answer.
pub(crate) fn bad_value(message: String, hint: &str) -> DataFusionError {
    DataFusionError::External(Box::new(Diagnostic::error(Code::BadData, message).hint(hint.to_owned())))
}

/// A call that DataFusion's planner should not have let through.
fn wrong_arguments(name: &str) -> DataFusionError {
    DataFusionError::Internal(format!("{name} has other arguments than its signature says"))
}

//! SUBSTR, LEFT and RIGHT as GoogleSQL has them, where DataFusion's have it otherwise.
//!
//! A start of 0 is the first character, one below 0 counts from the end, and one before the text is its first character: DataFusion goes by
//! PostgreSQL, where the substring begins before the text. A negative length is an error: of `LEFT` DataFusion takes it from the end.
//! Where the numbers are literals the rewriting has said so already, and DataFusion's functions are left in place.

use std::sync::{Arc, LazyLock};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringBuilder},
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
        Volatility, expr::ScalarFunction,
    },
};
use firth_diagnostic::{Code, Diagnostic};

/// The function that takes the place of this one, if its numbers are not literals that mean the same in both.
pub(super) fn sliced(function: &ScalarFunction) -> Option<Arc<ScalarUDF>> {
    static FUNCTIONS: LazyLock<[(Slice, Arc<ScalarUDF>); 3]> = LazyLock::new(|| {
        [Slice::Substring, Slice::Left, Slice::Right]
            .map(|slice| (slice, Arc::new(ScalarUDF::from(SliceFunction::new(slice)))))
    });
    let numbers = function.args.get(1..)?;
    let least = |at: usize| i64::from(at == 0 && function.func.name() == "substr");
    let means_the_same = numbers.iter().enumerate().all(|(at, number)| match number {
        Expr::Literal(ScalarValue::Int64(number), _) => number.is_none_or(|number| number >= least(at)),
        _ => false,
    });
    let found = FUNCTIONS.iter().find(|(slice, _)| slice.name() == function.func.name())?;
    (!means_the_same).then(|| Arc::clone(&found.1))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slice {
    Substring,
    Left,
    Right,
}

impl Slice {
    fn name(self) -> &'static str {
        match self {
            Slice::Substring => "substr",
            Slice::Left => "left",
            Slice::Right => "right",
        }
    }

    /// What of a text the numbers mean: the start and the length, or the length alone.
    fn of(self, text: &str, first: i64, second: Option<i64>) -> Result<&str> {
        let length = if self == Slice::Substring { second } else { Some(first) };
        if length.is_some_and(|length| length < 0) {
            let message = format!("{} has a negative length", self.name().to_uppercase());
            let diagnostic = Diagnostic::error(Code::BadData, message)
                .hint("GREATEST(length, 0) is the empty text instead.");
            return Err(DataFusionError::External(Box::new(diagnostic)));
        }
        let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
        let skipped = match self {
            Slice::Left => 0,
            Slice::Right => text.chars().count().saturating_sub(length),
            Slice::Substring if first > 0 => usize::try_from(first - 1).unwrap_or(usize::MAX),
            Slice::Substring if first == 0 => 0,
            Slice::Substring => {
                let from_end = usize::try_from(first.unsigned_abs()).unwrap_or(usize::MAX);
                text.chars().count().saturating_sub(from_end)
            }
        };
        let rest = &text[place(text, skipped)..];
        Ok(&rest[..place(rest, length)])
    }
}

/// Where the character of this index begins, or the end.
fn place(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(place, _)| place)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SliceFunction {
    slice: Slice,
    signature: Signature,
}

impl SliceFunction {
    fn new(slice: Slice) -> Self {
        let exact = |numbers: usize| {
            let mut types = vec![DataType::Utf8];
            types.resize(1 + numbers, DataType::Int64);
            TypeSignature::Exact(types)
        };
        let forms = match slice {
            Slice::Substring => vec![exact(1), exact(2)],
            Slice::Left | Slice::Right => vec![exact(1)],
        };
        SliceFunction { slice, signature: Signature::one_of(forms, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SliceFunction {
    fn name(&self) -> &str {
        self.slice.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let slices = self.slices(&arrays)?;
        match arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_))) {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&slices, 0)?)),
            false => Ok(ColumnarValue::Array(slices)),
        }
    }
}

impl SliceFunction {
    fn slices(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let [texts, numbers @ ..] = arrays else {
            return Err(DataFusionError::Internal("a part of nothing".to_owned()));
        };
        let texts = cast(texts, &DataType::Utf8)?;
        let numbers =
            numbers.iter().map(|numbers| cast(numbers, &DataType::Int64)).collect::<Result<Vec<_>, _>>()?;
        let texts = texts.as_string::<i32>();
        let numbers: Vec<_> = numbers.iter().map(|numbers| numbers.as_primitive::<Int64Type>()).collect();
        let mut slices = StringBuilder::new();
        for row in 0..texts.len() {
            if texts.is_null(row) || numbers.iter().any(|numbers| numbers.is_null(row)) {
                slices.append_null();
                continue;
            }
            let number = |at: usize| numbers.get(at).map(|numbers| numbers.value(row));
            slices.append_value(self.slice.of(texts.value(row), number(0).unwrap_or(1), number(1))?);
        }
        Ok(Arc::new(slices.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_before_the_text_is_its_first_character() {
        let substring = |start, length| Slice::Substring.of("aé€d", start, length).expect("a part");
        assert_eq!(substring(0, None), "aé€d");
        assert_eq!(substring(0, Some(2)), "aé");
        assert_eq!(substring(-2, None), "€d");
        assert_eq!(substring(-2, Some(1)), "€");
        assert_eq!(substring(-9, Some(2)), "aé");
        assert_eq!(substring(2, Some(2)), "é€");
        assert_eq!(substring(5, Some(2)), "");
        assert_eq!(substring(i64::MIN, Some(i64::MAX)), "aé€d");
        assert_eq!(substring(i64::MAX, None), "");
    }

    #[test]
    fn a_negative_length_is_an_error() {
        assert_eq!(Slice::Left.of("aé", 1, None).expect("a part"), "a");
        assert_eq!(Slice::Right.of("aé", 1, None).expect("a part"), "é");
        assert_eq!(Slice::Right.of("aé", 9, None).expect("a part"), "aé");
        for (slice, first, second) in
            [(Slice::Left, -1, None), (Slice::Right, -1, None), (Slice::Substring, 1, Some(-1))]
        {
            let error = slice.of("aé", first, second).expect_err("refused");
            assert!(error.to_string().contains("has a negative length"), "{error}");
        }
    }
}

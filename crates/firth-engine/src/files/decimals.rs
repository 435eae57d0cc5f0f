//! The option `decimal_target_types`: which types the decimals of files become.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use firth_connector::Options;
use firth_diagnostic::{Code, Diagnostic, Result};

/// The types, in the order in which they are tried, whatever the order of the list (BigQuery's rule). Without a
/// list decimals keep their precision and scale.
#[derive(Clone, Debug)]
pub(crate) struct DecimalTargets(Vec<Target>);

/// A type, and how many digits it has before and after the point.
#[derive(Clone, Debug)]
struct Target {
    data_type: DataType,
    whole: i16,
    scale: i16,
}

impl DecimalTargets {
    /// Reads the option.
    pub(crate) fn try_new(options: &Options) -> Result<Option<Self>> {
        let Some(names) = options.strings("decimal_target_types") else { return Ok(None) };
        let known = [
            ("NUMERIC", Target { data_type: DataType::Decimal128(38, 9), whole: 29, scale: 9 }),
            ("BIGNUMERIC", Target { data_type: DataType::Decimal256(76, 38), whole: 38, scale: 38 }),
            ("STRING", Target { data_type: DataType::Utf8, whole: i16::MAX, scale: i16::MAX }),
        ];
        for (index, name) in names.iter().enumerate() {
            if !known.iter().any(|(known, _)| name.eq_ignore_ascii_case(known))
                || names[..index].contains(name)
            {
                return Err(Diagnostic::error(
                    Code::Invalid,
                    format!("option \"decimal_target_types\" cannot hold {name:?}"),
                )
                .hint("It lists some of NUMERIC, BIGNUMERIC and STRING, each once."));
            }
        }
        let is_listed = |name: &str| names.iter().any(|listed| listed.eq_ignore_ascii_case(name));
        let targets: Vec<Target> =
            known.into_iter().filter(|(name, _)| is_listed(name)).map(|(_, target)| target).collect();
        if targets.is_empty() {
            return Err(Diagnostic::error(Code::Invalid, "option \"decimal_target_types\" lists no type"));
        }
        Ok(Some(DecimalTargets(targets)))
    }

    /// The schema with the decimals as they are to be.
    pub(crate) fn applied(&self, schema: &Schema) -> SchemaRef {
        Arc::new(Schema::new(schema.fields().iter().map(|field| self.field(field)).collect::<Vec<_>>()))
    }

    fn field(&self, field: &FieldRef) -> FieldRef {
        let data_type = match field.data_type() {
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
                self.target(i16::from(*precision), i16::from(*scale))
            }
            DataType::List(item) => DataType::List(self.field(item)),
            DataType::Struct(fields) => {
                DataType::Struct(fields.iter().map(|field| self.field(field)).collect())
            }
            _ => return Arc::clone(field),
        };
        let field =
            Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone());
        Arc::new(field)
    }

    /// The first type that holds such a decimal; if none does, the widest, and larger values are errors.
    fn target(&self, precision: i16, scale: i16) -> DataType {
        let holds = |target: &&Target| target.scale >= scale && target.whole >= precision - scale;
        let found = self.0.iter().find(holds).or(self.0.last());
        found.map_or(DataType::Utf8, |target| target.data_type.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_the_first_type_that_holds_it() {
        let targets = |names: &[&str]| {
            let stored = [(
                "decimal_target_types".to_owned(),
                firth_connector::OptionValue::Strings(names.iter().map(|name| (*name).to_owned()).collect()),
            )];
            let options = Options::from_stored(crate::files::EXTERNAL_TABLE_OPTIONS, stored);
            DecimalTargets::try_new(&options)
        };
        let all = targets(&["STRING", "numeric", "BIGNUMERIC"]).expect("valid").expect("given");
        assert_eq!(all.target(12, 2), DataType::Decimal128(38, 9));
        assert_eq!(all.target(38, 9), DataType::Decimal128(38, 9));
        assert_eq!(all.target(38, 10), DataType::Decimal256(76, 38));
        assert_eq!(all.target(38, 0), DataType::Decimal256(76, 38));
        assert_eq!(all.target(76, 0), DataType::Utf8);
        let narrow = targets(&["NUMERIC"]).expect("valid").expect("given");
        assert_eq!(narrow.target(38, 20), DataType::Decimal128(38, 9));
        for wrong in [&["FLOAT64"][..], &["NUMERIC", "NUMERIC"], &[]] {
            assert!(targets(wrong).is_err(), "{wrong:?}");
        }
    }
}
